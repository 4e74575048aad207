/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/exchange.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/hop.h"
#include "fetch/resume.h"
#include "fetch/retry.h"
#include "fetch/url.h"

#define STOP_LOOK_MS 100 /* how often a wait looks whether to stop */

/* An exchange under way. */
struct course {
	struct fetch_task *task;                /* borrowed */
	const struct exchange_request *request; /* borrowed */
	const char *const *origin_headers;      /* borrowed */
	struct resume resume;
	int64_t deadline_ms; /* 0: none */
	int64_t limit_ms;    /* what that came from, for the message */
	size_t text_start;   /* bytes that request->text held before */
	uint64_t furthest;   /* bytes of the body that were there at best */
	int failed;          /* tries in a row without progress */
	int tries;
};

static void auto_course(struct course *c)
{
	resume_clear(&c->resume);
}

enum err_code exchange_status_verdict(long status)
{
	switch (status) {
	case 200:
		return ERR_NONE;
	case 404:
	case 410:
		return ERR_NOT_FOUND;
	case 401:
	case 403:
	case 407:
		return ERR_DENIED;
	case 408:
	case 425:
	case 429:
		return ERR_TRANSIENT;
	case 501: /* the method, HEAD perhaps, is not one of its own */
		return ERR_INVALID;
	default:
		return status >= 500 && status <= 599 ? ERR_TRANSIENT : ERR_INVALID;
	}
}

static int stopped(const struct fetch_task *task, struct err *err)
{
	return fetch_stopped(task->options) ? err_set(err, ERR_TRANSIENT, "stopped") : 0;
}

/* Returns what is left until the deadline, 0 where there is none, or -1 with err. */
static int64_t time_left(const struct course *c, struct err *err)
{
	if (stopped(c->task, err) < 0)
		return -1;
	if (c->deadline_ms == 0)
		return 0;
	int64_t left = c->deadline_ms - io_monotonic_ms();
	return left > 0
		       ? left
		       : err_set(err, ERR_TRANSIENT, "not done within %" PRId64 " ms", c->limit_ms);
}

static int wait_ms(const struct fetch_task *task, int64_t ms, struct err *err)
{
	while (ms > 0) {
		int64_t slice = ms < STOP_LOOK_MS ? ms : STOP_LOOK_MS;
		const struct timespec pause = {.tv_nsec = slice * 1000000};

		if (stopped(task, err) < 0)
			return -1;
		(void)nanosleep(&pause, NULL);
		ms -= slice;
	}
	return 0;
}

static bool follows(const struct exchange_request *request, const struct exchange_reply *reply)
{
	bool redirect = reply->status == 301 || reply->status == 302 || reply->status == 303 ||
			reply->status == 307 || reply->status == 308;
	bool safe = !request->method || strcmp(request->method, "GET") == 0 ||
		    strcmp(request->method, "HEAD") == 0;

	return redirect && safe && !hop_accepts(request, reply->status) &&
	       exchange_reply_header(reply, "Location", 0);
}

/* ranged: a part was asked for. */
static int check_status(const struct exchange_request *request, const struct exchange_reply *reply,
	bool ranged, struct err *err)
{
	enum err_code code = exchange_status_verdict(reply->status);

	if (hop_accepts(request, reply->status) || (ranged && reply->status == 206))
		return 0;
	if (code == ERR_NONE)
		code = ERR_INVALID;
	if (ranged && reply->status == 416) /* the next try asks for all of it */
		code = ERR_TRANSIENT;
	return err_set(err, code, "answered %ld instead of %ld", reply->status,
		request->accept ? request->accept[0] : 200L);
}

static int hop_failed(const char *url, struct err *err)
{
	AUTO(free) char *label = url_label(url);

	return err_wrap(err, "redirected to %s", label);
}

/* What another try, or what redirected, had sent. */
static void forget_behind(struct buf *text, size_t n)
{
	if (text->len <= n)
		return;
	text->len = n;
	text->data[n] = '\0';
}

static void tell_server(const struct fetch_task *task, const char *url)
{
	AUTO(free) char *server = url_server(url);

	if (task->on_server)
		task->on_server(task->on_server_arg, server);
}

/* One request.  *next: where it is redirected to, or NULL at the end. */
static int ask(char **next, struct course *c, struct exchange_reply *reply, const char *url,
	struct err *err)
{
	const struct exchange_request *request = c->request;
	bool own = url_same_origin(url, request->url);
	struct hop hop = {
		.task = c->task,
		.request = request,
		.url = url,
		.origin_headers = own ? c->origin_headers : NULL,
		.resume = &c->resume,
		.timeout_ms = time_left(c, err),
	};
	bool ranged = hop_is_ranged(&hop);

	exchange_reply_clear(reply);
	if (request->text)
		forget_behind(request->text, c->text_start);
	if (hop.timeout_ms < 0)
		return -1;
	tell_server(c->task, url);
	if (hop_run(reply, &hop, err) < 0)
		return -1;
	if (follows(request, reply))
		return url_redirect_target(
			next, url, exchange_reply_header(reply, "Location", 0), err);
	return check_status(request, reply, ranged, err);
}

static int try_once(struct course *c, struct exchange_reply *reply, struct err *err)
{
	AUTO(free) char *url = xstrdup(c->request->url);

	c->tries++;
	for (int hops = 0; hops <= LIMIT_REDIRECTS; hops++) {
		AUTO(free) char *next = NULL;

		if (ask(&next, c, reply, url, err) < 0)
			return hops == 0 ? -1 : hop_failed(url, err);
		if (!next)
			return 0;
		free(url);
		url = url_same_origin(next, c->request->url)
			      ? url_with_userinfo(next, c->request->url)
			      : STEAL(next);
	}
	return err_set(err, ERR_INVALID, "redirected more than %d times", LIMIT_REDIRECTS);
}

static struct retry_policy policy_of(const struct course *c)
{
	struct retry_policy policy = c->task->options->retry;

	if (c->request->tries > 0)
		policy.tries = c->request->tries;
	return policy;
}

static uint32_t random_number(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
}

/* Returns how long to wait before another try, or -1 for none. */
static int64_t wait_before_next(
	struct course *c, const struct exchange_reply *reply, const struct err *err)
{
	const struct sink *sink = c->request->sink;
	struct retry_policy policy = policy_of(c);
	struct err late;

	if (err->code != ERR_TRANSIENT)
		return -1;
	bool further = sink && sink->size > c->furthest;
	if (further)
		c->furthest = sink->size;
	c->failed = further ? 1 : c->failed + 1;
	struct retry_state state = {
		.failed = c->failed,
		.retry_after_ms = reply->retry_after_ms,
		.left_ms = time_left(c, &late),
		.random = random_number(),
	};
	c->task->retry_after_ms = reply->retry_after_ms;
	return state.left_ms < 0 ? -1 : retry_wait_ms(&policy, &state);
}

static int prepare_next(struct course *c, int64_t ms, struct err *err)
{
	const struct exchange_request *request = c->request;

	if (wait_ms(c->task, ms, err) < 0)
		return -1;
	c->task->retry_after_ms = 0;
	return request->renew ? request->renew(request->renew_arg, &c->origin_headers, err) : 0;
}

static void course_init(
	struct course *c, struct fetch_task *task, const struct exchange_request *request)
{
	*c = (struct course){
		.task = task,
		.request = request,
		.origin_headers = request->origin_headers,
		.deadline_ms = task->deadline_ms,
		.limit_ms = task->options->total_timeout_ms,
		.text_start = request->text ? request->text->len : 0,
	};
	int64_t own = request->timeout_ms > 0 ? io_monotonic_ms() + request->timeout_ms : 0;
	if (own > 0 && (c->deadline_ms == 0 || own < c->deadline_ms)) {
		c->deadline_ms = own;
		c->limit_ms = request->timeout_ms;
	}
}

int exchange(struct exchange_reply *reply, struct fetch_task *task,
	const struct exchange_request *request, struct err *err)
{
	AUTO(course) struct course c = {0};

	course_init(&c, task, request);
	for (;;) {
		struct err why;

		if (try_once(&c, reply, &why) == 0)
			return 0;
		int64_t ms = wait_before_next(&c, reply, &why);
		if (ms < 0) {
			*err = why;
			return c.tries > 1 ? err_wrap(err, "tried %d times", c.tries) : -1;
		}
		if (prepare_next(&c, ms, err) < 0)
			return -1;
	}
}
