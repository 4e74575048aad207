/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/publish.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "api/extension.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/agenda.h"
#include "controller/backoff.h"
#include "controller/standing.h"
#include "kube/client.h"

#define REFUSED_MS 1000 /* before what the API server refused is tried again, at first */
#define REFUSED_MOST_MS 300000
#define AWAY_MOST_MS 5000 /* between two looks whether the API server is back */
#define FORBIDDEN_MS 1000 /* between two questions whether we may write */
#define TELL_PAUSE_MS 10000
#define MANAGER "wasmxds"
#define STATUS_TYPE "application/json-patch+json"
#define SERIES_TYPE "application/merge-patch+json"

/* A write under way, or room for one. */
struct request {
	struct publisher *publisher; /* borrowed */
	struct client_call *call;    /* borrowed; NULL: none is under way */
	struct agenda_item *item;    /* borrowed */
	char *uid;                   /* owned; of the object that it is about; NULL: none */
	bool is_event;
	struct conditions_memory status; /* what is known then; or */
	struct events_judgement event;
};

struct publisher {
	struct publisher_options options;
	struct agenda agenda; /* what may have something to write */
	struct request requests[LIMIT_PUBLISH_REQUESTS];
	size_t n_requests;  /* under way */
	unsigned failures;  /* of the API server, in a row */
	int64_t not_before; /* ms; nothing is sent before */
	int64_t tell_at;    /* ms; no refusal is logged before */
};

struct publisher *publisher_new(const struct publisher_options *options)
{
	struct publisher *p = xcalloc(1, sizeof(*p));

	p->options = *options;
	agenda_init(&p->agenda);
	return p;
}

static void request_end(struct request *r)
{
	r->publisher->n_requests--;
	free(r->uid);
	*r = (struct request){0};
}

void publisher_free(struct publisher *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < LIMIT_PUBLISH_REQUESTS; i++) {
		if (!p->requests[i].call)
			continue;
		client_cancel(p->options.client, p->requests[i].call);
		request_end(&p->requests[i]);
	}
	agenda_clear(&p->agenda);
	free(p);
}

void publisher_touch(struct publisher *p, const char *name)
{
	agenda_touch(&p->agenda, name);
}

static char *status_path(const char *name)
{
	const char *slash = strchr(name, '/');

	return xasprintf("/apis/" EXTENSION_API_VERSION
			 "/namespaces/%.*s/wasmextensions/%s/status?fieldManager=" MANAGER,
		(int)(slash - name), name, slash + 1);
}

static void on_done(void *arg, const struct client_reply *reply, const struct err *err);

/* Starts what write describes; there is room for it. */
static void start(
	struct publisher *p, const struct request *write, const struct client_request *request)
{
	struct request *r = p->requests;

	while (r->call)
		r++;
	*r = *write;
	r->publisher = p;
	p->n_requests++;
	r->call = client_send(p->options.client, request, on_done, r);
}

static int write_status(struct publisher *p, struct agenda_item *item,
	const struct conditions_facts *facts, const struct conditions_memory *next, struct err *err)
{
	AUTO(buf) struct buf body = BUF_INIT(2UL * LIMIT_STATUS_BYTES);
	AUTO(free) char *path = status_path(item->name);
	struct client_request request = {
		.method = "PATCH", .path = path, .content_type = STATUS_TYPE};
	struct request write = {.item = item, .status = *next};

	if (conditions_patch(&body, facts, next, err) < 0)
		return -1;
	request.body = body.data;
	request.body_len = body.len;
	write.uid = xstrdup_null(facts->uid);
	start(p, &write, &request);
	return 0;
}

static int write_event(struct publisher *p, struct agenda_item *item,
	const struct events_facts *said, const struct events_judgement *j, struct err *err)
{
	bool repeat = j->verdict == EVENTS_REPEAT;
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_EVENT_BYTES);
	AUTO(free) char *path = events_path(said, repeat ? &j->slot : NULL);
	struct client_request request = {.method = repeat ? "PATCH" : "POST",
		.path = path,
		.content_type = repeat ? SERIES_TYPE : "application/json"};
	struct request write = {.item = item, .is_event = true, .event = *j};

	if ((repeat ? events_repeat(&body, &j->slot, err)
		    : events_create(&body, said, &j->slot, p->options.instance, err)) < 0)
		return -1;
	request.body = body.data;
	request.body_len = body.len;
	write.uid = xstrdup_null(said->uid);
	start(p, &write, &request);
	return 0;
}

/* Says what changed of item, whose status is written.  Returns whether something is sent. */
static bool say(struct publisher *p, struct agenda_item *item, struct publication *known,
	const struct conditions_facts *facts)
{
	const char *slash = strchr(item->name, '/');
	AUTO(free) char *namespace = xstrndup(item->name, (size_t)(slash - item->name));
	struct standing standing;
	struct events_facts said = {.namespace = namespace,
		.name = slash + 1,
		.uid = facts->uid,
		.version = facts->serving};
	struct events_judgement j;
	struct err err;

	standing_of(&standing, facts);
	said.reason = standing.conditions[CONDITION_READY].reason;
	said.message = standing.conditions[CONDITION_READY].message;
	j = events_judge(&known->events, &said, time(NULL));
	if (j.verdict != EVENTS_NONE && write_event(p, item, &said, &j, &err) == 0)
		return true;
	events_said(&known->events, &j);
	return false;
}

/* Sends what is to be written of item, which was taken; else it is done with, or waits. */
static void look(struct publisher *p, struct agenda_item *item, int64_t now)
{
	struct conditions_facts facts = {0};
	struct publication *known = p->options.look(p->options.arg, item->name, &facts);
	struct conditions_judgement j;
	int64_t wall = time(NULL);
	struct err err;

	if (!known) {
		agenda_drop(&p->agenda, item);
		return;
	}
	/* a refusal that the object shows stays, until the proxies were asked again */
	if (facts.proxies.pending)
		facts.proxies.nacked = known->status.reason == STATUS_PROXY_REFUSED;
	j = conditions_judge(&known->status, &facts, wall);
	if (j.verdict == CONDITIONS_HELD) {
		agenda_drop(&p->agenda, item);
		return;
	}
	if (j.verdict == CONDITIONS_WRITE) {
		if (write_status(p, item, &facts, &j.next, &err) == 0)
			return;
		log_error("status not written", LOG_STR("name", item->name), LOG_ERR(&err));
		agenda_drop(&p->agenda, item);
		return;
	}
	if (say(p, item, known, &facts))
		return;
	if (j.verdict == CONDITIONS_LATER)
		agenda_later(&p->agenda, item, now + (j.look_at - wall) * 1000, false);
	else
		agenda_drop(&p->agenda, item);
}

static uint32_t random_number(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
}

/* The API server is away, or wants to be left alone: one write at a time asks how it is. */
static void back_off(struct publisher *p, const struct client_reply *reply, const struct err *err)
{
	int64_t pause = backoff_delay_ms(ERR_TRANSIENT, p->failures + 1, random_number());

	if (pause > AWAY_MOST_MS)
		pause = AWAY_MOST_MS;
	if (reply->retry_after_ms > pause)
		pause = reply->retry_after_ms < LIMIT_RETRY_AFTER_MS ? reply->retry_after_ms
								     : LIMIT_RETRY_AFTER_MS;
	if (p->failures++ == 0)
		log_warn("status waits for the API server", LOG_INT("http_status", reply->status),
			LOG_STR("err", err ? err->msg : NULL));
	p->not_before = io_monotonic_ms() + pause;
}

static void answered(struct publisher *p)
{
	if (p->failures > 0)
		log_info("status is written again", LOG_INT("waiting", (int64_t)p->agenda.items.n));
	p->failures = 0;
}

/* A refusal of one write, which says nothing of others; of many, few are told. */
static void refuse(struct publisher *p, struct agenda_item *item, const struct client_reply *reply)
{
	int64_t now = io_monotonic_ms();
	int64_t pause = REFUSED_MS;
	struct err err = {.code = ERR_NONE};

	for (unsigned i = 0; i < item->failures && pause < REFUSED_MOST_MS; i++)
		pause *= 2;
	item->failures++;
	agenda_later(&p->agenda, item, now + io_earlier(pause, REFUSED_MOST_MS), true);
	if (reply->status == 404 || reply->status == 409 || now < p->tell_at ||
		client_verdict(reply, &err) == 0)
		return;
	log_warn("status not written", LOG_STR("name", item->name), LOG_ERR(&err));
	p->tell_at = now + TELL_PAUSE_MS;
}

/* An Event is said once, whatever came of it, but for one that was to be raised and is gone. */
static void event_done(
	const struct request *r, struct publication *known, const struct client_reply *reply)
{
	struct err err;

	if (r->event.verdict == EVENTS_REPEAT && reply->status == 404) {
		events_forget(&known->events, &r->event.slot);
		return;
	}
	if (client_verdict(reply, &err) < 0 && reply->status != 409 && reply->status != 404)
		log_warn("event not sent", LOG_STR("name", r->item->name), LOG_ERR(&err));
	events_said(&known->events, &r->event);
}

static bool is_busy(const struct client_reply *reply)
{
	return reply->status == 429 || reply->status == 408 || reply->status == 401 ||
	       reply->status >= 500;
}

/* What was said of the object that r is about; NULL: it is gone, or another has its name. */
static struct publication *still_known(const struct publisher *p, const struct request *r)
{
	struct conditions_facts facts = {0};
	struct publication *known = p->options.look(p->options.arg, r->item->name, &facts);
	const char *uid = r->uid ? r->uid : "";

	return known && strcmp(uid, facts.uid ? facts.uid : "") == 0 ? known : NULL;
}

static void settle(struct publisher *p, const struct request *r, const struct client_reply *reply)
{
	struct publication *known = still_known(p, r);
	bool done = reply->status >= 200 && reply->status < 300;

	if (!r->is_event && !done) {
		refuse(p, r->item, reply);
		return;
	}
	r->item->failures = 0;
	if (known && r->is_event)
		event_done(r, known, reply);
	else if (known)
		known->status = r->status;
	agenda_ready(&p->agenda, r->item);
}

static void on_done(void *arg, const struct client_reply *reply, const struct err *err)
{
	struct request *r = arg;
	struct publisher *p = r->publisher;

	if (err || is_busy(reply)) {
		back_off(p, reply, err);
		agenda_ready(&p->agenda, r->item);
	} else {
		answered(p);
		settle(p, r, reply);
	}
	request_end(r);
}

static size_t room(const struct publisher *p)
{
	size_t most = p->failures > 0 ? 1 : LIMIT_PUBLISH_REQUESTS;

	return p->n_requests < most ? most - p->n_requests : 0;
}

void publisher_step(struct publisher *p)
{
	int64_t now = io_monotonic_ms();
	struct agenda_item *item;

	if (now < p->not_before)
		return;
	if (!p->options.may_write(p->options.arg)) {
		p->not_before = now + FORBIDDEN_MS;
		return;
	}
	while (room(p) > 0 && (item = agenda_next(&p->agenda, now)))
		look(p, item, now);
}

int64_t publisher_due(const struct publisher *p)
{
	int64_t at = agenda_due(&p->agenda);

	if (room(p) == 0)
		return INT64_MAX;
	return at > p->not_before ? at : p->not_before;
}

size_t publisher_waiting(const struct publisher *p)
{
	return p->agenda.items.n;
}
