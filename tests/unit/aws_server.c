/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/aws_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/loopback.h"

#define REQUESTS_MAX 64

struct aws_server {
	struct MHD_Daemon *daemon; /* owned */
	const struct aws_route *routes;
	size_t n_routes;
	char *url; /* owned */
	pthread_mutex_t lock;
	pthread_cond_t closing_changed;

	/* guarded by lock */
	bool closing;
	char *requests[REQUESTS_MAX]; /* owned */
	size_t n_requests;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static enum MHD_Result add_header(
	void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct err err;

	(void)kind;
	must(buf_printf(arg, &err, "%s: %s\n", name, value ? value : "") == 0);
	return MHD_YES;
}

static bool fits(const struct aws_route *route, const char *request)
{
	AUTO(free) char *first = xasprintf("%s %s\n", route->method, route->path);
	AUTO(free) char *header = route->wants ? xasprintf("\n%s\n", route->wants) : NULL;

	return strncmp(request, first, strlen(first)) == 0 && (!header || strstr(request, header));
}

static void add_answer_header(struct MHD_Response *response, const char *header)
{
	AUTO(free) char *name = xstrndup(header, strcspn(header, ":"));

	must(MHD_add_response_header(response, name, header + strlen(name) + 2) == MHD_YES);
}

static enum MHD_Result send_route(struct MHD_Connection *c, const struct aws_route *route)
{
	size_t n = route->body ? strlen(route->body) : 0;
	struct MHD_Response *response = MHD_create_response_from_buffer(
		n, (void *)(uintptr_t)route->body, MHD_RESPMEM_PERSISTENT);

	if (route->header)
		add_answer_header(response, route->header);
	return loopback_respond(c, route->status, response);
}

static enum MHD_Result respond(struct aws_server *s, struct MHD_Connection *c, const char *request)
{
	static const struct aws_route none = {.status = MHD_HTTP_NOT_FOUND};
	const struct aws_route *route = &none;

	pthread_mutex_lock(&s->lock);
	must(s->n_requests < REQUESTS_MAX);
	s->requests[s->n_requests++] = xstrdup(request);
	for (size_t i = s->n_routes; i-- > 0;) {
		if (fits(&s->routes[i], request))
			route = &s->routes[i];
	}
	while (route->status == 0 && !s->closing)
		pthread_cond_wait(&s->closing_changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return route->status == 0 ? MHD_NO : send_route(c, route);
}

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): MHD's type */
static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *path,
	const char *method, const char *version, const char *body, size_t *body_size, void **state)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
	struct buf *request = *state;
	struct err err;

	(void)version;
	if (!request) {
		request = xcalloc(1, sizeof(*request));
		buf_init(request, LIMIT_MIB);
		*state = request;
		must(buf_printf(request, &err, "%s %s\n", method, path) == 0);
		(void)MHD_get_connection_values(c, MHD_HEADER_KIND, add_header, request);
		return MHD_YES;
	}
	if (*body_size > 0) {
		must(buf_append(request, body, *body_size, &err) == 0);
		*body_size = 0;
		return MHD_YES;
	}
	return respond(arg, c, buf_text(request));
}

/* NOLINTBEGIN(readability-non-const-parameter): MHD's type */
static void answered(
	void *arg, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode how)
/* NOLINTEND(readability-non-const-parameter) */
{
	struct buf *request = *state;

	(void)arg;
	(void)c;
	(void)how;
	if (request)
		buf_clear(request);
	free(request);
}

struct aws_server *aws_server_start(const struct aws_route *routes, size_t n)
{
	struct aws_server *s = xcalloc(1, sizeof(*s));
	struct sockaddr_in address = loopback_address(0);

	s->routes = routes;
	s->n_routes = n;
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->closing_changed, NULL);
	s->daemon =
		MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION, 0,
			NULL, NULL, answer, s, MHD_OPTION_NOTIFY_COMPLETED, answered, s,
			MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_END);
	must(s->daemon != NULL);
	s->url = xasprintf("http://127.0.0.1:%u",
		MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	return s;
}

void aws_server_stop(struct aws_server *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->closing_changed);
	pthread_mutex_unlock(&s->lock);
	MHD_stop_daemon(s->daemon);
	for (size_t i = 0; i < s->n_requests; i++)
		free(s->requests[i]);
	pthread_cond_destroy(&s->closing_changed);
	pthread_mutex_destroy(&s->lock);
	free(s->url);
	free(s);
}

const char *aws_server_url(const struct aws_server *s)
{
	return s->url;
}

size_t aws_server_requests(struct aws_server *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->n_requests;
	pthread_mutex_unlock(&s->lock);
	return n;
}

char *aws_server_request(struct aws_server *s, size_t i)
{
	pthread_mutex_lock(&s->lock);
	char *text = xstrdup(i < s->n_requests ? s->requests[i] : "");
	pthread_mutex_unlock(&s->lock);
	return text;
}

/* What fixture_get() reads; set while a fixture is made. */
static const char *const *variables;

static const char *fixture_get(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; variables && variables[i]; i++) {
		if (strncmp(variables[i], name, n) == 0 && variables[i][n] == '=')
			return variables[i] + n + 1;
	}
	return NULL;
}

void aws_fixture_init(struct aws_fixture *f, const char *const *environment)
{
	const struct aws_settings settings = {0};
	struct err err;

	*f = (struct aws_fixture){.options = fixture_options()};
	f->options.guard.allow_loopback = false; /* endpoints that are named need no leave */
	variables = environment;
	aws_environment_read(&f->environment, fixture_get);
	f->aws = aws_open(&settings, fixture_get, &err);
	variables = NULL;
	must(f->aws != NULL);
	f->options.aws = f->aws;
	f->task = (struct fetch_task){.options = &f->options, .request = &f->request};
}

void aws_fixture_clear(struct aws_fixture *f)
{
	aws_close(f->aws);
	aws_environment_clear(&f->environment);
}
