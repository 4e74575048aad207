/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/server.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "http/daemon.h"
#include "webhook/doorman.h"
#include "webhook/visit.h"

#define THREADS 2U
#define SPARE_CONNECTIONS 64U /* for those who come while others are told to go */
#define IDLE_S 30U
#define NEW_MS 10000
#define IDLE_MS 32000 /* what API servers are used to from controllers in Go */
#define BODY_MS 10000
#define DRAIN_S 12
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct server {
	struct MHD_Daemon *daemon; /* owned */
	struct doorman *doorman;   /* owned */
	struct visits *visits;     /* owned */
	char *host;                /* owned; as asked for */
	int listener;              /* owned, once the daemon takes no more connections; else -1 */
	struct server_options options;
};

/* One connection. */
struct visitor {
	struct peer peer;
	struct server *server; /* borrowed */
};

static struct visitor *visitor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

static void note(void *arg, struct MHD_Connection *connection, enum peer_state state)
{
	const struct server *s = arg;

	doorman_note(s->doorman, &visitor_of(connection)->peer, state);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct server *s = arg;
	struct visitor *v = *context;

	if (code == MHD_CONNECTION_NOTIFY_STARTED) {
		v = xcalloc(1, sizeof(*v));
		v->server = s;
		doorman_enter(s->doorman, &v->peer,
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)
				->connect_fd);
		*context = v;
	} else if (v) {
		doorman_leave(s->doorman, &v->peer);
		free(v);
	}
}

/* gnutls's, at each handshake; libmicrohttpd keeps its connection in the session. */
/* NOLINTNEXTLINE(readability-function-size): gnutls's type */
static int on_handshake(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
	gnutls_pcert_st **certificates, unsigned *n, gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp,
	gnutls_privkey_t *key, unsigned *flags)
{
	const struct visitor *v = visitor_of(gnutls_session_get_ptr(session));

	(void)info;
	*ocsp = NULL;
	*n_ocsp = 0;
	*flags = GNUTLS_CERT_RETR_DEINIT_ALL;
	return identity_copy(v->server->options.identity, certificates, n, key);
}

static int listen_at(struct server *s, struct err *err)
{
	AUTO(addrinfo) struct addrinfo *address = NULL;
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_ALLOW_SUSPEND_RESUME |
			 MHD_USE_ERROR_LOG;

	if (daemon_resolve(&address, &s->host, s->options.listen, err) < 0)
		return -1;
	if (address->ai_family == AF_INET6)
		flags |= MHD_USE_DUAL_STACK;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, visits_on_request, s->visits,
		MHD_OPTION_EXTERNAL_LOGGER, daemon_log, NULL, MHD_OPTION_SOCK_ADDR,
		address->ai_addr, MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_CONNECTION_LIMIT,
		s->options.max_connections + SPARE_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		s->options.max_per_address, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)VISIT_CONNECTION_BYTES,
		MHD_OPTION_HTTPS_CERT_CALLBACK2, on_handshake, MHD_OPTION_HTTPS_PRIORITIES,
		PRIORITIES, MHD_OPTION_NOTIFY_COMPLETED, visits_on_completed, s->visits,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_UNESCAPE_CALLBACK,
		visits_unescape, NULL, MHD_OPTION_END);
	if (!s->daemon)
		return err_set(err, ERR_CONFLICT, "cannot listen on %s: is the port taken?",
			quote(s->options.listen).text);
	return 0;
}

struct server *server_start(const struct server_options *options, struct err *err)
{
	const struct peers_limits limits = {
		.max = options->max_connections,
		.new_ms = NEW_MS,
		.idle_ms = IDLE_MS,
		.body_ms = BODY_MS,
	};
	struct server *s = xcalloc(1, sizeof(*s));
	const struct visits_options visits = {.desk = options->desk, .note = note, .note_arg = s};

	s->options = *options;
	s->listener = -1;
	s->visits = visits_new(&visits);
	s->doorman = doorman_start(&limits, err);
	if (!s->doorman || listen_at(s, err) < 0) {
		server_stop(s);
		return NULL;
	}
	return s;
}

/* The desk's answers come within its budgets; a client that does not read its answer is not waited
 * for longer. */
static void drain(struct server *s)
{
	/* Its threads may still look at the descriptor. */
	s->listener = MHD_quiesce_daemon(s->daemon);
	if (s->listener >= 0)
		(void)shutdown(s->listener, SHUT_RDWR);
	visits_end(s->visits, DRAIN_S);
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	if (s->daemon) {
		drain(s);
		MHD_stop_daemon(s->daemon);
	}
	auto_fd(&s->listener);
	doorman_stop(s->doorman);
	visits_free(s->visits);
	free(s->host);
	free(s);
}

char *server_address(const struct server *s)
{
	return daemon_address(s->daemon, s->host);
}

void server_count(struct server *s, struct server_counts *out)
{
	out->visits = visits_count(s->visits);
	out->connections = doorman_inside(s->doorman);
	out->evicted = doorman_evicted(s->doorman);
}
