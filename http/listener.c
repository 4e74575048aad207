/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listener.h"

#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "http/daemon.h"

#define THREADS 2U
#define IDLE_S 30U /* of a connection */

struct listener {
	struct MHD_Daemon *daemon; /* owned */
	char *host;                /* owned; as asked for */
	size_t max_request_bytes;
	size_t max_answer_bytes;
	http_handler *handle;
	void *arg;
};

void http_say(struct http_answer *answer, unsigned status, const char *text)
{
	struct err err;

	answer->status = status;
	answer->type = HTTP_TYPE_TEXT;
	buf_clear(&answer->body);
	if (buf_printf(&answer->body, &err, "%s\n", text) < 0)
		answer->status = MHD_HTTP_INTERNAL_SERVER_ERROR;
}

const char *http_argument(const struct http_request *request, const char *name)
{
	if (!request->connection)
		return NULL;
	return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

void http_dispatch(const struct http_route *routes, size_t n, void *arg,
	const struct http_request *request, struct http_answer *answer)
{
	bool known = false;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(request->path, routes[i].path) != 0)
			continue;
		known = true;
		if (strcmp(request->method, routes[i].method) == 0) {
			routes[i].answer(arg, request, answer);
			return;
		}
	}
	if (known)
		http_say(answer, MHD_HTTP_METHOD_NOT_ALLOWED, "not with this method");
	else
		http_say(answer, MHD_HTTP_NOT_FOUND, "no such page");
}

/* A browser that shows an answer runs nothing, asks nobody else and shows it in no frame. */
static void add_headers(struct MHD_Response *response, const char *type)
{
	if (type)
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	(void)MHD_add_response_header(response, "Content-Security-Policy",
		"default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
		"frame-ancestors 'none'");
	(void)MHD_add_response_header(response, "Referrer-Policy", "no-referrer");
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
}

/* MHD takes the body over and frees it when it is sent. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct http_answer *a)
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
	add_headers(response, a->type);
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
	struct listener *l = arg;
	struct incoming *in = *state;
	struct http_answer a = {.status = MHD_HTTP_OK, .body = BUF_INIT(l->max_answer_bytes)};
	struct http_request request = {.method = method, .path = path, .connection = connection};
	struct err err;

	(void)version;
	if (!in) {
		in = xcalloc(1, sizeof(*in));
		buf_init(&in->body, l->max_request_bytes);
		*state = in;
		return MHD_YES;
	}
	if (*upload_size > 0) {
		if (buf_append(&in->body, upload, *upload_size, &err) < 0)
			in->overlong = true;
		*upload_size = 0;
		return MHD_YES;
	}
	request.body = buf_text(&in->body);
	request.body_len = in->body.len;
	if (in->overlong)
		http_say(&a, MHD_HTTP_CONTENT_TOO_LARGE, "the request's body is too large");
	else
		l->handle(l->arg, &request, &a);
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

struct listener *listener_start(const struct listener_options *options, struct err *err)
{
	AUTO(addrinfo) struct addrinfo *address = NULL;
	struct listener *l = xcalloc(1, sizeof(*l));
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ERROR_LOG;

	l->max_request_bytes = options->max_request_bytes;
	l->max_answer_bytes = options->max_answer_bytes;
	l->handle = options->handle;
	l->arg = options->arg;
	if (daemon_resolve(&address, &l->host, options->listen, err) < 0 || !address) {
		listener_stop(l);
		return NULL;
	}
	if (address->ai_family == AF_INET6)
		flags |= MHD_USE_IPv6;
	l->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, l,
		MHD_OPTION_EXTERNAL_LOGGER, daemon_log, NULL, MHD_OPTION_SOCK_ADDR,
		address->ai_addr, MHD_OPTION_THREAD_POOL_SIZE, THREADS, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned)LIMIT_ADMIN_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL, MHD_OPTION_END);
	if (!l->daemon) {
		(void)err_set(err, ERR_CONFLICT, "cannot listen on %s: is the port taken?",
			quote(options->listen).text);
		listener_stop(l);
		return NULL;
	}
	return l;
}

void listener_stop(struct listener *l)
{
	if (!l)
		return;
	if (l->daemon)
		MHD_stop_daemon(l->daemon);
	free(l->host);
	free(l);
}

char *listener_address(const struct listener *l)
{
	return daemon_address(l->daemon, l->host);
}
