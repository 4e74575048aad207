/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/server.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "http/daemon.h"
#include "http/listener.h"
#include "webhook/doorman.h"

#define THREADS 2U
#define SPARE_CONNECTIONS 64U /* for those who come while others are told to go */
#define IDLE_S 30U
#define NEW_MS 10000
#define IDLE_MS 32000 /* what API servers are used to from controllers in Go */
#define BODY_MS 10000
#define DRAIN_S 12
#define CONNECTION_BYTES 16384U /* libmicrohttpd's, of which a request's head is part */
#define PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE"

struct server {
	struct MHD_Daemon *daemon; /* owned */
	struct doorman *doorman;   /* owned */
	char *host;                /* owned; as asked for */
	int listener;              /* owned, once the daemon takes no more connections; else -1 */
	struct server_options options;
	atomic_bool stopping;
	atomic_size_t body_bytes; /* of all requests that are under way */
	pthread_mutex_t lock;
	pthread_cond_t calm; /* there are no visits */
	size_t visits;       /* guarded by lock; requests from their heads to their answers */
};

/* One connection. */
struct visitor {
	struct peer peer;
	struct server *server; /* borrowed */
};

/* One request. */
struct visit {
	struct ticket ticket;              /* first, so that one is the other */
	struct server *server;             /* borrowed */
	struct MHD_Connection *connection; /* borrowed */
	struct buf body;
	size_t received; /* bytes of the body, kept or not */
	struct {
		unsigned status; /* 0: nothing is wrong */
		const char *why;
	} refusal; /* once the body has been read: who still sends hears no answer */
};

static struct visitor *visitor_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info->socket_context;
}

static void note(struct server *s, struct MHD_Connection *connection, enum peer_state state)
{
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

static enum MHD_Result send_text(const struct server *s, struct MHD_Connection *connection,
	unsigned status, const char *type, struct buf *text)
{
	size_t n = text->len;
	char *bytes = buf_take(text);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(bytes);
		return MHD_NO;
	}
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (atomic_load(&s->stopping))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_refusal(const struct visit *v)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_KIB);
	struct err err;

	if (buf_printf(&text, &err, "%s\n", v->refusal.why) < 0)
		return MHD_NO;
	return send_text(v->server, v->connection, v->refusal.status, HTTP_TYPE_TEXT, &text);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value ? value : "";
}

/* Parameters behind the type do not matter. */
static bool is_json(const char *type)
{
	size_t n = strcspn(type, "; \t");

	return n == strlen(HTTP_TYPE_JSON) && strncasecmp(type, HTTP_TYPE_JSON, n) == 0;
}

static void add_visit(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->visits++;
	pthread_mutex_unlock(&s->lock);
}

static void end_visit(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->visits--;
	if (s->visits == 0)
		pthread_cond_signal(&s->calm);
	pthread_mutex_unlock(&s->lock);
}

static void refuse(struct visit *v, unsigned status, const char *why)
{
	v->refusal.status = status;
	v->refusal.why = why;
}

/* Looks at the head of a request. */
static void judge_head(struct visit *v, const char *path, const char *method)
{
	if (strcmp(path, "/mutate") != 0 && strcmp(path, "/validate") != 0)
		refuse(v, MHD_HTTP_NOT_FOUND, "there are /mutate and /validate");
	else if (strcmp(method, MHD_HTTP_METHOD_POST) != 0)
		refuse(v, MHD_HTTP_METHOD_NOT_ALLOWED, "the method must be POST");
	else if (!is_json(header(v->connection, MHD_HTTP_HEADER_CONTENT_TYPE)))
		refuse(v, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Type must be application/json");
}

/* The desk's, from a thread of its own. */
static void on_answer(struct ticket *t)
{
	struct visit *v = (struct visit *)t;

	MHD_resume_connection(v->connection);
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *connection, const char *path,
	const char *method, void **state)
{
	struct visit *v = xcalloc(1, sizeof(*v));

	ticket_init(&v->ticket, strcmp(path, "/mutate") == 0 ? TALLY_MUTATE : TALLY_VALIDATE);
	v->ticket.done = on_answer;
	v->server = s;
	v->connection = connection;
	buf_init(&v->body, LIMIT_REVIEW_BYTES);
	judge_head(v, path, method);
	*state = v;
	add_visit(s);
	note(s, connection, PEER_SENDING);
	return MHD_YES;
}

static void forget_body(struct visit *v)
{
	atomic_fetch_sub(&v->server->body_bytes, v->body.len);
	buf_clear(&v->body);
}

static bool keep_body(struct visit *v, const char *bytes, size_t n)
{
	struct err err;

	if (buf_append(&v->body, bytes, n, &err) < 0) {
		refuse(v, MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large");
		return false;
	}
	if (atomic_fetch_add(&v->server->body_bytes, n) + n <= LIMIT_REVIEW_BYTES_ALL)
		return true;
	refuse(v, MHD_HTTP_SERVICE_UNAVAILABLE, "too many reviews come in at a time");
	return false;
}

/* Takes part of the body.  Who sends on and on is hung up on. */
static enum MHD_Result take_body(struct visit *v, const char *bytes, size_t n)
{
	v->received += n;
	if (v->received > 2 * LIMIT_REVIEW_BYTES)
		return MHD_NO;
	if (v->refusal.status == 0 && !keep_body(v, bytes, n))
		forget_body(v);
	return MHD_YES;
}

/* The whole body is here. */
static enum MHD_Result answer(struct visit *v)
{
	struct server *s = v->server;
	struct ticket *t = &v->ticket;

	if (v->refusal.status != 0)
		return send_refusal(v);
	if (t->status == 0) {
		note(s, v->connection, PEER_WAITING);
		bool is_answered = desk_open(s->options.desk, t, buf_text(&v->body), v->body.len);

		forget_body(v);
		if (!is_answered) {
			MHD_suspend_connection(v->connection);
			desk_work(s->options.desk, t);
			return MHD_YES;
		}
	}
	return send_text(s, v->connection, t->status,
		t->is_review ? HTTP_TYPE_JSON : HTTP_TYPE_TEXT, &t->body);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's type */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	struct visit *v = *state;
	size_t n = *upload_size;

	(void)version;
	if (!v)
		return begin(arg, connection, path, method, state);
	if (n == 0)
		return answer(v);
	*upload_size = 0;
	return take_body(v, upload, n);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct server *s = arg;
	struct visit *v = *state;

	(void)code;
	note(s, connection, PEER_IDLE);
	if (!v)
		return;
	forget_body(v);
	ticket_clear(&v->ticket);
	free(v);
	end_visit(s);
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
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s,
		MHD_OPTION_EXTERNAL_LOGGER, daemon_log, NULL, MHD_OPTION_SOCK_ADDR,
		address->ai_addr, MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_CONNECTION_LIMIT,
		s->options.max_connections + SPARE_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
		s->options.max_per_address, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
		MHD_OPTION_HTTPS_CERT_CALLBACK2, on_handshake, MHD_OPTION_HTTPS_PRIORITIES,
		PRIORITIES, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
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
	pthread_condattr_t monotonic;

	s->options = *options;
	s->listener = -1;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->calm, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
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
	struct timespec until;
	int rc = 0;

	/* Its threads may still look at the descriptor. */
	s->listener = MHD_quiesce_daemon(s->daemon);
	if (s->listener >= 0)
		(void)shutdown(s->listener, SHUT_RDWR);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += DRAIN_S;
	pthread_mutex_lock(&s->lock);
	while (s->visits > 0 && rc == 0)
		rc = pthread_cond_timedwait(&s->calm, &s->lock, &until);
	pthread_mutex_unlock(&s->lock);
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	atomic_store(&s->stopping, true);
	if (s->daemon) {
		drain(s);
		MHD_stop_daemon(s->daemon);
	}
	auto_fd(&s->listener);
	doorman_stop(s->doorman);
	(void)pthread_cond_destroy(&s->calm);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->host);
	free(s);
}

char *server_address(const struct server *s)
{
	return daemon_address(s->daemon, s->host);
}

void server_count(struct server *s, struct server_counts *out)
{
	pthread_mutex_lock(&s->lock);
	out->visits = s->visits;
	pthread_mutex_unlock(&s->lock);
	out->connections = doorman_inside(s->doorman);
	out->evicted = doorman_evicted(s->doorman);
}
