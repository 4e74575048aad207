/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pages.h"

#include <stdlib.h>

#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "http/listener.h"

#define STUCK_MS 60000 /* no turn of the loop takes as long */

#define STATUS_OK 200U
#define STATUS_ERROR 500U
#define STATUS_UNAVAILABLE 503U

struct pages {
	struct listener *listener; /* owned */
	const struct metrics *metrics;
};

static void answer_live(void *arg, const struct http_request *request, struct http_answer *answer)
{
	const struct pages *p = arg;

	(void)request;
	if (io_monotonic_ms() - atomic_load(&p->metrics->turned_at) < STUCK_MS)
		http_say(answer, STATUS_OK, "ok");
	else
		http_say(answer, STATUS_UNAVAILABLE, "the controller's thread is stuck");
}

static void answer_ready(void *arg, const struct http_request *request, struct http_answer *answer)
{
	const struct pages *p = arg;

	if (!atomic_load(&p->metrics->leads))
		http_say(answer, STATUS_OK, "standing by");
	else if (!atomic_load(&p->metrics->ready))
		http_say(answer, STATUS_UNAVAILABLE, "not all extensions are listed yet");
	else
		answer_live(arg, request, answer);
}

static void answer_metrics(
	void *arg, const struct http_request *request, struct http_answer *answer)
{
	const struct pages *p = arg;
	struct err err;

	(void)request;
	answer->type = HTTP_TYPE_METRICS;
	if (metrics_report(&answer->body, p->metrics, &err) < 0)
		http_say(answer, STATUS_ERROR, err.msg);
}

static void answer(void *arg, const struct http_request *request, struct http_answer *out)
{
	static const struct http_route routes[] = {
		{"GET", "/livez", answer_live},
		{"GET", "/readyz", answer_ready},
		{"GET", "/metrics", answer_metrics},
	};

	http_dispatch(routes, sizeof(routes) / sizeof(routes[0]), arg, request, out);
}

struct pages *pages_start(const char *listen, const struct metrics *metrics, struct err *err)
{
	struct pages *p = xcalloc(1, sizeof(*p));
	const struct listener_options options = {
		.listen = listen,
		.max_request_bytes = LIMIT_KIB,
		.max_answer_bytes = LIMIT_MIB,
		.handle = answer,
		.arg = p,
	};

	p->metrics = metrics;
	p->listener = listener_start(&options, err);
	if (p->listener)
		return p;
	free(p);
	return NULL;
}

void pages_stop(struct pages *p)
{
	if (!p)
		return;
	listener_stop(p->listener);
	free(p);
}

char *pages_address(const struct pages *p)
{
	return listener_address(p->listener);
}
