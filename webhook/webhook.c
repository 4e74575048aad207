/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/webhook.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "http/listener.h"
#include "webhook/server.h"

#define HTTP_UNAVAILABLE 503

struct webhook {
	struct tally tally;
	struct identity *identity; /* owned, as all */
	struct certifier *certifier;
	struct desk *desk;
	struct server *server;
	struct listener *admin; /* NULL: none */
};

static void answer_live(void *arg, const struct http_request *request, struct http_answer *answer)
{
	(void)arg;
	(void)request;
	http_say(answer, answer->status, "ok");
}

static void answer_ready(void *arg, const struct http_request *request, struct http_answer *answer)
{
	const struct webhook *w = arg;
	struct err why;

	(void)request;
	if (certifier_ready(w->certifier, &why))
		http_say(answer, answer->status, "ok");
	else
		http_say(answer, HTTP_UNAVAILABLE, why.msg);
}

static int print_resolutions(struct buf *out, const struct webhook *w, struct err *err)
{
	struct resolver_counts counts;

	desk_count(w->desk, &counts);
	if (buf_printf(out, err,
		    "# HELP wasmxds_webhook_resolutions_total Look-ups of modules, by how they "
		    "ended; cached ones needed none.\n"
		    "# TYPE wasmxds_webhook_resolutions_total counter\n"
		    "wasmxds_webhook_resolutions_total{result=\"cached\"} %" PRIu64 "\n",
		    counts.cached) < 0)
		return -1;
	for (int code = 0; code <= ERR_FULL; code++) {
		const char *name =
			code == ERR_NONE ? "resolved" : err_code_name((enum err_code)code);

		if (buf_printf(out, err,
			    "wasmxds_webhook_resolutions_total{result=\"%s\"} %" PRIu64 "\n", name,
			    counts.by_code[code]) < 0)
			return -1;
	}
	return 0;
}

static int print_server(struct buf *out, const struct webhook *w, struct err *err)
{
	struct server_counts counts;

	server_count(w->server, &counts);
	return buf_printf(out, err,
		"# HELP wasmxds_webhook_connections Open connections.\n"
		"# TYPE wasmxds_webhook_connections gauge\n"
		"wasmxds_webhook_connections %" PRIu64 "\n"
		"# HELP wasmxds_webhook_evicted_connections_total Connections ended for being "
		"slow, or too many.\n"
		"# TYPE wasmxds_webhook_evicted_connections_total counter\n"
		"wasmxds_webhook_evicted_connections_total %" PRIu64 "\n"
		"# HELP wasmxds_webhook_requests_in_flight Requests that are not answered yet.\n"
		"# TYPE wasmxds_webhook_requests_in_flight gauge\n"
		"wasmxds_webhook_requests_in_flight %" PRIu64 "\n"
		"# HELP wasmxds_webhook_certificate_expiry_seconds When the certificate expires, "
		"since 1970; 0: there is none.\n"
		"# TYPE wasmxds_webhook_certificate_expiry_seconds gauge\n"
		"wasmxds_webhook_certificate_expiry_seconds %" PRId64 "\n",
		counts.connections, counts.evicted, counts.visits, identity_expires(w->identity));
}

static void answer_metrics(
	void *arg, const struct http_request *request, struct http_answer *answer)
{
	const struct webhook *w = arg;
	struct err err;

	(void)request;
	answer->type = HTTP_TYPE_METRICS;
	if (tally_print(&answer->body, &w->tally, &err) < 0 ||
		print_resolutions(&answer->body, w, &err) < 0 ||
		print_server(&answer->body, w, &err) < 0)
		http_say(answer, HTTP_UNAVAILABLE, err.msg);
}

static void answer_admin(void *arg, const struct http_request *request, struct http_answer *answer)
{
	static const struct http_route routes[] = {
		{"GET", "/livez", answer_live},
		{"GET", "/readyz", answer_ready},
		{"GET", "/metrics", answer_metrics},
	};

	http_dispatch(routes, sizeof(routes) / sizeof(routes[0]), arg, request, answer);
}

static int start_admin(struct webhook *w, const char *listen, struct err *err)
{
	const struct listener_options options = {
		.listen = listen,
		.max_request_bytes = LIMIT_ADMIN_REQUEST_BYTES,
		.max_answer_bytes = LIMIT_ADMIN_REQUEST_BYTES,
		.handle = answer_admin,
		.arg = w,
	};

	if (!listen || !listen[0])
		return 0;
	w->admin = listener_start(&options, err);
	return w->admin ? 0 : err_wrap(err, "--admin-listen");
}

static int start_parts(struct webhook *w, const struct webhook_options *options, struct err *err)
{
	struct desk_options desk = options->desk;
	struct server_options server = {
		.listen = options->listen,
		.identity = w->identity,
		.max_connections = options->max_connections,
		.max_per_address = options->max_per_address,
	};

	desk.tally = &w->tally;
	w->certifier = certifier_start(w->identity, options->certify, options->certify_arg, err);
	if (!w->certifier)
		return -1;
	w->desk = desk_start(&desk, err);
	if (!w->desk)
		return -1;
	server.desk = w->desk;
	w->server = server_start(&server, err);
	if (!w->server)
		return -1;
	return start_admin(w, options->admin_listen, err);
}

struct webhook *webhook_start(const struct webhook_options *options, struct err *err)
{
	struct webhook *w = xcalloc(1, sizeof(*w));

	xalloc_share_arenas();
	w->identity = identity_new();
	if (start_parts(w, options, err) < 0) {
		webhook_stop(w);
		return NULL;
	}
	return w;
}

void webhook_stop(struct webhook *w)
{
	if (!w)
		return;
	listener_stop(w->admin);
	server_stop(w->server);
	desk_stop(w->desk);
	certifier_stop(w->certifier);
	identity_free(w->identity);
	free(w);
}

char *webhook_address(const struct webhook *w)
{
	return server_address(w->server);
}

char *webhook_admin_address(const struct webhook *w)
{
	return w->admin ? listener_address(w->admin) : NULL;
}
