/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/survey.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/random.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/curl.h"
#include "base/inbox.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/pods.h"

#define ANSWER_MS 8000L /* for a pod to answer in */
#define CONNECT_MS 3000L
#define GRACE_ROUNDS 6 /* what was known stays for so long, while some pod does not answer */
#define POLL_MS 1000

struct survey {
	char **admins; /* owned, and each of them */
	size_t n;
	int64_t interval_ms;
	CURLM *multi;         /* owned; others only wake it */
	struct inbox *result; /* owned; of struct proxies, the newest */
	atomic_bool stop;
	pthread_t thread;

	/* the thread's */
	int64_t complete_at; /* ms; of the last round in which all answered, or of the start */
	bool troubled;       /* the last one was not like that */
};

/* Asking one pod. */
struct visit {
	CURL *curl; /* owned; NULL: none is under way */
	struct proxies_reader reader;
	struct err err;
};

/* One round. */
struct round {
	struct survey *survey; /* borrowed */
	struct pods pods;
	size_t next; /* pod */
	struct visit visits[LIMIT_SURVEY_REQUESTS];
	size_t n_visits;
	struct proxies *found; /* owned */
	struct err err;        /* the first that went wrong; ERR_NONE: all answered */
};

static size_t on_bytes(char *bytes, size_t size, size_t n, void *arg)
{
	struct visit *v = arg;
	long status = 0;

	(void)curl_easy_getinfo(v->curl, CURLINFO_RESPONSE_CODE, &status);
	if (status != 200)
		return size * n;
	return proxies_read(&v->reader, bytes, size * n, &v->err) < 0 ? 0 : size * n;
}

static void note(struct round *r, const char *url, const struct err *err)
{
	if (r->err.code != ERR_NONE)
		return;
	r->err = *err;
	(void)err_wrap(&r->err, "%s", url);
}

static void visit_begin(struct round *r, struct visit *v, const char *url)
{
	AUTO(free) char *page = xasprintf("%s/summary", url);
	CURL *curl = curl_easy_init();

	if (!curl)
		abort(); /* out of memory, as in base/xalloc.h */
	*v = (struct visit){.curl = curl};
	proxies_reader_init(&v->reader, r->found);
	(void)curl_easy_setopt(curl, CURLOPT_URL, page);
	(void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ANSWER_MS);
	(void)curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, v);
	(void)curl_easy_setopt(curl, CURLOPT_PRIVATE, v);
	if (curl_multi_add_handle(r->survey->multi, curl) != CURLM_OK)
		abort(); /* out of memory: nothing else can be wrong with it */
	r->n_visits++;
}

static int judge(struct visit *v, CURLcode result)
{
	long status = 0;

	(void)curl_easy_getinfo(v->curl, CURLINFO_RESPONSE_CODE, &status);
	if (v->err.code != ERR_NONE)
		return -1;
	if (result != CURLE_OK)
		return err_set(&v->err, ERR_TRANSIENT, "%s", curl_easy_strerror(result));
	if (status != 200)
		return err_set(&v->err, ERR_TRANSIENT, "HTTP %ld", status);
	return proxies_read_end(&v->reader, &v->err);
}

static void visit_end(struct round *r, struct visit *v)
{
	(void)curl_multi_remove_handle(r->survey->multi, v->curl);
	curl_easy_cleanup(v->curl);
	proxies_reader_clear(&v->reader);
	v->curl = NULL;
	r->n_visits--;
}

static void end_visits(struct round *r)
{
	const struct CURLMsg *message = NULL;
	int left = 0;

	while ((message = curl_multi_info_read(r->survey->multi, &left))) {
		struct visit *v = NULL;
		const char *url = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&v);
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_EFFECTIVE_URL, &url);
		if (judge(v, message->data.result) < 0)
			note(r, url, &v->err);
		visit_end(r, v);
	}
}

static void begin_visits(struct round *r)
{
	for (size_t i = 0; i < LIMIT_SURVEY_REQUESTS && r->next < r->pods.n; i++) {
		if (!r->visits[i].curl)
			visit_begin(r, &r->visits[i], r->pods.urls[r->next++]);
	}
}

/* Asks every pod; returns whether all answered. */
static bool go_round(struct round *r)
{
	struct survey *s = r->survey;
	struct err err;
	int running = 0;

	for (size_t i = 0; i < s->n && !atomic_load(&s->stop); i++) {
		if (pods_find(&r->pods, s->admins[i], &err) < 0)
			note(r, s->admins[i], &err);
	}
	begin_visits(r);
	while (r->n_visits > 0 && !atomic_load(&s->stop)) {
		(void)curl_multi_perform(s->multi, &running);
		end_visits(r);
		begin_visits(r);
		if (r->n_visits > 0)
			(void)curl_multi_poll(s->multi, NULL, 0, POLL_MS, NULL);
	}
	return r->err.code == ERR_NONE;
}

static void auto_round(struct round *r)
{
	for (size_t i = 0; i < LIMIT_SURVEY_REQUESTS; i++) {
		if (r->visits[i].curl)
			visit_end(r, &r->visits[i]);
	}
	pods_clear(&r->pods);
	proxies_free(r->found);
}

static void tell(struct survey *s, const struct err *err)
{
	bool troubled = err->code != ERR_NONE;

	if (troubled && !s->troubled)
		log_warn("not every xds pod answers", LOG_ERR(err));
	else if (!troubled && s->troubled)
		log_info("every xds pod answers");
	s->troubled = troubled;
}

static void hand_over(struct survey *s, struct proxies *found)
{
	proxies_free(inbox_try_pop(s->result));
	if (!inbox_push(s->result, found))
		proxies_free(found);
}

static void make_round(struct survey *s)
{
	AUTO(round) struct round r = {.survey = s, .found = proxies_new()};
	bool complete = go_round(&r);
	int64_t now = io_monotonic_ms();

	if (atomic_load(&s->stop))
		return;
	tell(s, &r.err);
	if (complete) {
		s->complete_at = now;
		proxies_complete(r.found);
	}
	if (complete || now - s->complete_at >= GRACE_ROUNDS * s->interval_ms)
		hand_over(s, STEAL(r.found));
}

static int64_t pause_of(const struct survey *s)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return s->interval_ms * (80 + n % 41) / 100;
}

static void *run(void *arg)
{
	struct survey *s = arg;

	while (!atomic_load(&s->stop)) {
		int64_t until;

		make_round(s);
		until = io_monotonic_ms() + pause_of(s);
		for (int64_t now = io_monotonic_ms(); now < until && !atomic_load(&s->stop);
			now = io_monotonic_ms())
			(void)curl_multi_poll(
				s->multi, NULL, 0, (int)io_earlier(until - now, POLL_MS), NULL);
	}
	return NULL;
}

static void free_result(void *result)
{
	proxies_free(result);
}

static void survey_free(struct survey *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->admins[i]);
	free(s->admins);
	(void)curl_multi_cleanup(s->multi);
	inbox_free(s->result);
	free(s);
	curl_teardown();
}

int survey_check(const struct survey_options *options, struct err *err)
{
	if (options->n > LIMIT_SURVEY_HOSTS)
		return err_set(err, ERR_INVALID, "%zu xds admin addresses are more than %d",
			options->n, LIMIT_SURVEY_HOSTS);
	for (size_t i = 0; i < options->n; i++) {
		if (pods_check(options->admins[i], err) < 0)
			return -1;
	}
	return 0;
}

struct survey *survey_start(const struct survey_options *options, struct err *err)
{
	struct survey *s;
	int e;

	if (survey_check(options, err) < 0 || curl_setup(err) < 0)
		return NULL;
	s = xcalloc(1, sizeof(*s));
	s->admins = xcalloc(options->n + 1, sizeof(*s->admins));
	for (; s->n < options->n; s->n++)
		s->admins[s->n] = xstrdup(options->admins[s->n]);
	s->interval_ms = options->interval_ms;
	s->complete_at = io_monotonic_ms();
	s->result = inbox_new(1, free_result);
	s->multi = curl_multi_init();
	if (!s->multi)
		abort(); /* out of memory, as in base/xalloc.h */
	e = pthread_create(&s->thread, NULL, run, s);
	if (e != 0) {
		errno = e;
		(void)err_errno(err, ERR_TRANSIENT, "cannot start a thread");
		survey_free(s);
		return NULL;
	}
	return s;
}

void survey_stop(struct survey *s)
{
	if (!s)
		return;
	atomic_store(&s->stop, true);
	(void)curl_multi_wakeup(s->multi);
	(void)pthread_join(s->thread, NULL);
	survey_free(s);
}

int survey_fd(const struct survey *s)
{
	return inbox_fd(s->result);
}

struct proxies *survey_take(struct survey *s)
{
	return inbox_try_pop(s->result);
}
