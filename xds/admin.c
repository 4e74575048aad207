/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/admin.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "xds/report.h"
#include "xds/rest.h"

#define ANSWER_MS 5000 /* for the serving thread to answer a question */
#define JSON_TYPE "application/json"
#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct admin {
	struct MHD_Daemon *daemon; /* owned */
	struct xds_server *server; /* borrowed */
	char *host;                /* owned; as asked for */
	pthread_mutex_t rest_lock; /* one module in base64 at a time: each is a copy */
};

struct answer {
	unsigned status;
	const char *type;
	struct buf body;
};

static void say(struct answer *a, unsigned status, const char *text)
{
	struct err err;

	a->status = status;
	a->type = TEXT_TYPE;
	buf_clear(&a->body);
	if (buf_printf(&a->body, &err, "%s\n", text) < 0)
		a->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

static void look_at_nothing(void *arg, const struct xds_view *view)
{
	(void)arg;
	(void)view;
}

static void answer_health(struct admin *admin, const char *body, struct answer *a)
{
	(void)body;
	if (xds_server_ask(admin->server, look_at_nothing, NULL, ANSWER_MS))
		say(a, MHD_HTTP_OK, "ok");
	else
		say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
}

static void look_at_metrics(void *arg, const struct xds_view *view)
{
	struct answer *a = arg;
	struct err err;

	a->status = MHD_HTTP_OK;
	if (report_metrics(&a->body, view, &err) < 0)
		say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
}

static void answer_metrics(struct admin *admin, const char *body, struct answer *a)
{
	(void)body;
	a->type = METRICS_TYPE;
	if (!xds_server_ask(admin->server, look_at_metrics, a, ANSWER_MS))
		say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
}

static void look_at_clients(void *arg, const struct xds_view *view)
{
	cJSON **report = arg;

	*report = report_clients(view, io_monotonic_ms());
}

static void answer_clients(struct admin *admin, const char *body, struct answer *a)
{
	AUTO(cjson) cJSON *report = NULL;
	AUTO(free) char *text = NULL;
	struct err err;

	(void)body;
	if (!xds_server_ask(admin->server, look_at_clients, &report, ANSWER_MS)) {
		say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
		return;
	}
	text = cJSON_PrintUnformatted(report);
	a->status = MHD_HTTP_OK;
	a->type = JSON_TYPE;
	if (buf_append(&a->body, text, strlen(text), &err) < 0)
		say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
}

/* What a REST request found: references of its own, so that the answer can be written elsewhere. */
struct found {
	const char *name;
	struct payload *payload;
	struct blob *blob;
	struct err err;
};

static void look_for_resource(void *arg, const struct xds_view *view)
{
	struct found *f = arg;
	struct resource *r = catalog_find(view->catalog, f->name);

	if (!r || !r->payload)
		return;
	if (loader_blob(view->loader, r, &f->err)) {
		f->payload = payload_ref(r->payload);
		f->blob = blob_ref(r->blob);
	}
	catalog_release(view->catalog, r);
}

static void answer_found(
	struct admin *admin, const struct found *f, const char *version, struct answer *a)
{
	struct err err;

	if (!f->payload) {
		say(a,
			f->err.code == ERR_NONE ? MHD_HTTP_NOT_FOUND
						: MHD_HTTP_INTERNAL_SERVER_ERROR,
			f->err.code == ERR_NONE ? "no such extension" : f->err.msg);
		return;
	}
	if (strcmp(payload_record(f->payload)->version, version) == 0) {
		a->status = MHD_HTTP_NOT_MODIFIED;
		return;
	}
	a->status = MHD_HTTP_OK;
	a->type = JSON_TYPE;
	(void)pthread_mutex_lock(&admin->rest_lock);
	if (rest_response(&a->body, payload_record(f->payload), blob_bytes(f->blob), &err) < 0)
		say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
	(void)pthread_mutex_unlock(&admin->rest_lock);
}

static void answer_discovery(struct admin *admin, const char *body, struct answer *a)
{
	AUTO(rest_request) struct rest_request req = {0};
	struct found f = {0};
	struct err err;

	if (xds_server_authenticates(admin->server)) {
		say(a, MHD_HTTP_FORBIDDEN,
			"REST discovery knows no certificates, and is off where clients must show "
			"one");
		return;
	}
	if (rest_request_parse(&req, body, strlen(body), &err) < 0) {
		say(a, MHD_HTTP_BAD_REQUEST, err.msg);
		return;
	}
	f.name = req.name;
	if (!xds_server_ask(admin->server, look_for_resource, &f, ANSWER_MS)) {
		say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
		return;
	}
	answer_found(admin, &f, req.version, a);
	payload_unref(f.payload);
	blob_unref(f.blob);
}

static const struct route {
	const char *method;
	const char *path;
	void (*answer)(struct admin *admin, const char *body, struct answer *a);
} routes[] = {
	{"GET", "/livez", answer_health},
	{"GET", "/readyz", answer_health},
	{"GET", "/metrics", answer_metrics},
	{"GET", "/clients", answer_clients},
	{"POST", "/v3/discovery:extension_configs", answer_discovery},
};

static void dispatch(struct admin *admin, const char *method, const char *path, const char *body,
	struct answer *a)
{
	bool known = false;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (strcmp(path, routes[i].path) != 0)
			continue;
		known = true;
		if (strcmp(method, routes[i].method) == 0) {
			routes[i].answer(admin, body, a);
			return;
		}
	}
	if (known)
		say(a, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method");
	else
		say(a, MHD_HTTP_NOT_FOUND, "no such page");
}

/* MHD takes the body over and frees it when it is sent. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct answer *a)
{
	size_t n = a->body.len;
	char *body = buf_take(&a->body);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(body);
		return MHD_NO;
	}
	if (a->type)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(connection, a->status, response);
	MHD_destroy_response(response);
	return result;
}

/* The body of a request under way. */
struct incoming {
	struct buf body;
	bool overlong;
};

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's type */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	struct incoming *in = *state;
	struct answer a = {.body = BUF_INIT(LIMIT_ADMIN_RESPONSE_BYTES)};
	struct err err;

	(void)version;
	if (!in) {
		in = xcalloc(1, sizeof(*in));
		buf_init(&in->body, LIMIT_ADMIN_REQUEST_BYTES);
		*state = in;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		if (buf_append(&in->body, upload, *upload_size, &err) < 0)
			in->overlong = true;
		*upload_size = 0;
		return MHD_YES;
	}
	if (in->overlong)
		say(&a, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large");
	else
		dispatch(arg, method, path, buf_text(&in->body), &a);
	return send_answer(connection, &a);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct incoming *in = *state;

	(void)arg;
	(void)connection;
	(void)code;
	if (!in)
		return;
	buf_clear(&in->body);
	free(in);
}

static inline void auto_addrinfo(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

/* "[::1]:80", "127.0.0.1:80" or "host:80" to an address; *host is as it was written. */
static int resolve(struct addrinfo **out, char **host, const char *listen, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	AUTO(free) char *name = colon ? xstrndup(listen, (size_t)(colon - listen)) : NULL;
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	char *bare = name;
	size_t n = name ? strlen(name) : 0;
	int e;

	if (!name)
		return err_set(
			err, ERR_INVALID, "address %s must be ADDRESS:PORT", quote(listen).text);
	*host = xstrdup(name);
	if (n > 1 && name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		bare = name + 1;
	}
	e = getaddrinfo(bare, colon + 1, &hints, out);
	if (e != 0)
		return err_set(
			err, ERR_INVALID, "address %s: %s", quote(listen).text, gai_strerror(e));
	return 0;
}

__attribute__((format(printf, 2, 0))) static void log_mhd(
	void *arg, const char *format, va_list args)
{
	char text[512];

	(void)arg;
	if (vsnprintf(text, sizeof(text), format, args) > 0)
		log_debug("microhttpd", LOG_STR("text", text));
}

struct admin *admin_start(const char *listen, struct xds_server *server, struct err *err)
{
	AUTO(addrinfo) struct addrinfo *address = NULL;
	struct admin *admin = xcalloc(1, sizeof(*admin));
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;

	admin->server = server;
	(void)pthread_mutex_init(&admin->rest_lock, NULL);
	if (resolve(&address, &admin->host, listen, err) < 0 || !address) {
		admin_stop(admin);
		return NULL;
	}
	if (address->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	admin->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, admin,
		MHD_OPTION_EXTERNAL_LOGGER, log_mhd, NULL, MHD_OPTION_SOCK_ADDR, address->ai_addr,
		MHD_OPTION_THREAD_POOL_SIZE, 2U, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)LIMIT_ADMIN_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, 30U,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (!admin->daemon) {
		(void)err_set(err, ERR_CONFLICT, "cannot listen on %s: is the port taken?",
			quote(listen).text);
		admin_stop(admin);
		return NULL;
	}
	return admin;
}

void admin_stop(struct admin *admin)
{
	if (!admin)
		return;
	if (admin->daemon)
		MHD_stop_daemon(admin->daemon);
	(void)pthread_mutex_destroy(&admin->rest_lock);
	free(admin->host);
	free(admin);
}

char *admin_address(const struct admin *admin)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return xasprintf("%s:%u", admin->host, info ? info->port : 0U);
}
