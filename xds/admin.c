/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/admin.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "http/listener.h"
#include "xds/page.h"
#include "xds/report.h"
#include "xds/rest.h"
#include "xds/summary.h"

#define ANSWER_MS 5000     /* for the serving thread to answer a question */
#define SUMMARY_PART 20000 /* subscriptions that are counted at a time: a millisecond or so */

struct admin {
	struct listener *listener;         /* owned */
	char *reason;                      /* owned: why there is no server yet */
	struct xds_server *_Atomic server; /* borrowed; NULL: none yet */
	pthread_mutex_t rest_lock;         /* one module in base64 at a time: each is a copy */
};

static void look_at_nothing(void *arg, const struct xds_view *view)
{
	(void)arg;
	(void)view;
}

static void answer_health(void *arg, const struct http_request *request, struct http_answer *a)
{
	struct admin *admin = arg;
	(void)request;
	if (xds_server_ask(admin->server, look_at_nothing, NULL, ANSWER_MS))
		http_say(a, MHD_HTTP_OK, "ok");
	else
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
}

static void look_at_records(void *arg, const struct xds_view *view)
{
	size_t *sealed = arg;

	*sealed = view->loader->sealed.n;
}

/* What cannot be opened is said, and is no reason to keep all else from those who ask. */
static void answer_ready(void *arg, const struct http_request *request, struct http_answer *a)
{
	const struct admin *admin = arg;
	AUTO(free) char *text = NULL;
	size_t sealed = 0;

	(void)request;
	if (!xds_server_ask(admin->server, look_at_records, &sealed, ANSWER_MS)) {
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
		return;
	}
	text = xasprintf(
		"ok\n%zu records are sealed, and no key that --seal-key gave opens them", sealed);
	http_say(a, MHD_HTTP_OK, sealed > 0 ? text : "ok");
}

static void look_at_metrics(void *arg, const struct xds_view *view)
{
	struct http_answer *a = arg;
	struct err err;

	a->status = MHD_HTTP_OK;
	if (report_metrics(&a->body, view, &err) < 0)
		http_say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
}

static void answer_metrics(void *arg, const struct http_request *request, struct http_answer *a)
{
	struct admin *admin = arg;
	(void)request;
	a->type = HTTP_TYPE_METRICS;
	if (!xds_server_ask(admin->server, look_at_metrics, a, ANSWER_MS))
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
}

static void look_at_clients(void *arg, const struct xds_view *view)
{
	cJSON **report = arg;

	*report = report_clients(view, io_monotonic_ms());
}

static void answer_clients(void *arg, const struct http_request *request, struct http_answer *a)
{
	struct admin *admin = arg;
	AUTO(cjson) cJSON *report = NULL;
	AUTO(free) char *text = NULL;
	struct err err;

	(void)request;
	if (!xds_server_ask(admin->server, look_at_clients, &report, ANSWER_MS)) {
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
		return;
	}
	text = cJSON_PrintUnformatted(report);
	a->status = MHD_HTTP_OK;
	a->type = HTTP_TYPE_JSON;
	if (buf_append(&a->body, text, strlen(text), &err) < 0)
		http_say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
}

/* A summary in parts. */
struct summing {
	struct summary summary;
	struct buf *out;
	bool failed;
	struct err err;
};

static void auto_summing(struct summing *s)
{
	summary_clear(&s->summary);
}

static void look_at_names(void *arg, const struct xds_view *view)
{
	struct summing *s = arg;

	summary_begin(&s->summary, view->catalog);
}

static void look_at_part(void *arg, const struct xds_view *view)
{
	struct summing *s = arg;

	s->failed = summary_go_on(&s->summary, view->catalog, view->refusals, SUMMARY_PART, s->out,
			    &s->err) < 0;
}

static void answer_summary(void *arg, const struct http_request *request, struct http_answer *a)
{
	const struct admin *admin = arg;
	AUTO(summing) struct summing s = {.out = &a->body};
	bool answered = xds_server_ask(admin->server, look_at_names, &s, ANSWER_MS);

	(void)request;
	while (answered && !s.failed && !s.summary.done)
		answered = xds_server_ask(admin->server, look_at_part, &s, ANSWER_MS);
	a->type = HTTP_TYPE_JSON_LINES;
	if (!answered)
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
	else if (s.failed)
		http_say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, s.err.msg);
}

/* A page under way. */
struct showing {
	struct http_answer *answer;
	struct page_query query;
};

static void look_at_fleet(void *arg, const struct xds_view *view)
{
	struct showing *s = arg;
	AUTO(free) struct session_info *clients = NULL;
	struct page_fleet fleet = {.catalog = view->catalog, .now = io_monotonic_ms()};
	const struct session *session = NULL;
	struct session_info info;
	size_t room = 0;
	struct err err;

	while ((session = session_next(view->sessions, session, &info))) {
		if (fleet.n_clients == room) {
			room = room ? 2 * room : 64;
			clients = xreallocarray(clients, room, sizeof(*clients));
		}
		clients[fleet.n_clients++] = info;
	}
	fleet.clients = clients;
	if (page_write(&s->answer->body, &fleet, &s->query, &err) < 0)
		http_say(s->answer, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
}

/* Returns the part of a table that is asked for: the first where that is no number. */
static size_t part_asked(const struct http_request *request, const char *name)
{
	const char *text = http_argument(request, name);

	return text ? strtoul(text, NULL, 10) : 1;
}

static void answer_page(void *arg, const struct http_request *request, struct http_answer *a)
{
	struct admin *admin = arg;
	struct showing s = {.answer = a,
		.query = {.extension = http_argument(request, "extension"),
			.extensions = part_asked(request, "extensions"),
			.proxies = part_asked(request, "proxies")}};

	a->type = HTTP_TYPE_HTML;
	if (!xds_server_ask(admin->server, look_at_fleet, &s, ANSWER_MS))
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
}

static void answer_style(void *arg, const struct http_request *request, struct http_answer *a)
{
	struct err err;

	(void)arg;
	(void)request;
	a->type = HTTP_TYPE_CSS;
	if (buf_append(&a->body, page_style(), strlen(page_style()), &err) < 0)
		http_say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
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
	struct admin *admin, const struct found *f, const char *version, struct http_answer *a)
{
	struct err err;

	if (!f->payload) {
		http_say(a,
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
	a->type = HTTP_TYPE_JSON;
	(void)pthread_mutex_lock(&admin->rest_lock);
	if (rest_response(&a->body, payload_record(f->payload), blob_bytes(f->blob), &err) < 0)
		http_say(a, MHD_HTTP_INTERNAL_SERVER_ERROR, err.msg);
	(void)pthread_mutex_unlock(&admin->rest_lock);
}

static void answer_discovery(void *arg, const struct http_request *request, struct http_answer *a)
{
	struct admin *admin = arg;
	AUTO(rest_request) struct rest_request req = {0};
	struct found f = {0};
	struct err err;

	if (xds_server_authenticates(admin->server)) {
		http_say(a, MHD_HTTP_FORBIDDEN,
			"REST discovery knows no certificates, and is off where clients must show "
			"one");
		return;
	}
	if (rest_request_parse(&req, request->body, request->body_len, &err) < 0) {
		http_say(a, MHD_HTTP_BAD_REQUEST, err.msg);
		return;
	}
	f.name = req.name;
	if (!xds_server_ask(admin->server, look_for_resource, &f, ANSWER_MS)) {
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, "the serving thread does not answer");
		return;
	}
	answer_found(admin, &f, req.version, a);
	payload_unref(f.payload);
	blob_unref(f.blob);
}

static const struct http_route routes[] = {
	{"GET", "/", answer_page},
	{"GET", "/page.css", answer_style},
	{"GET", "/livez", answer_health},
	{"GET", "/readyz", answer_ready},
	{"GET", "/metrics", answer_metrics},
	{"GET", "/clients", answer_clients},
	{"GET", "/summary", answer_summary},
	{"POST", "/v3/discovery:extension_configs", answer_discovery},
};

/* Alive, so that nobody restarts what waits as it was told to. */
static void answer_waiting(
	const struct admin *admin, const struct http_request *request, struct http_answer *a)
{
	if (strcmp(request->path, "/livez") == 0)
		http_say(a, MHD_HTTP_OK, "ok");
	else
		http_say(a, MHD_HTTP_SERVICE_UNAVAILABLE, admin->reason);
}

static void answer(void *arg, const struct http_request *request, struct http_answer *a)
{
	const struct admin *admin = arg;

	if (!atomic_load(&admin->server))
		answer_waiting(admin, request, a);
	else
		http_dispatch(routes, sizeof(routes) / sizeof(routes[0]), arg, request, a);
}

struct admin *admin_start(const char *listen, const char *reason, struct err *err)
{
	struct admin *admin = xcalloc(1, sizeof(*admin));
	const struct listener_options options = {
		.listen = listen,
		.max_request_bytes = LIMIT_ADMIN_REQUEST_BYTES,
		.max_answer_bytes = LIMIT_ADMIN_RESPONSE_BYTES,
		.handle = answer,
		.arg = admin,
	};

	admin->reason = xstrdup(reason);
	(void)pthread_mutex_init(&admin->rest_lock, NULL);
	admin->listener = listener_start(&options, err);
	if (!admin->listener) {
		admin_stop(admin);
		return NULL;
	}
	return admin;
}

void admin_stop(struct admin *admin)
{
	if (!admin)
		return;
	listener_stop(admin->listener);
	(void)pthread_mutex_destroy(&admin->rest_lock);
	free(admin->reason);
	free(admin);
}

void admin_serve(struct admin *admin, struct xds_server *server)
{
	atomic_store(&admin->server, server);
}

char *admin_address(const struct admin *admin)
{
	return listener_address(admin->listener);
}
