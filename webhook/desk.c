/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/desk.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/inbox.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "kube/client.h"
#include "webhook/access.h"

#define HTTP_OK 200
#define HTTP_BAD_REQUEST 400
#define HTTP_FAILED 500

/* One thread that asks the API server. */
struct clerk {
	struct desk *desk;     /* borrowed */
	struct client *client; /* owned */
	pthread_t thread;
};

struct desk {
	struct desk_options options;
	struct resolver *resolver; /* owned */
	struct inbox *tickets;     /* owned; those whose users are to be asked about */
	struct clerk *clerks;      /* owned */
	int n_clerks;              /* with a thread */
};

void ticket_init(struct ticket *t, enum tally_path path)
{
	*t = (struct ticket){
		.path = path,
		.began_us = io_monotonic_us(),
		.body = BUF_INIT(LIMIT_REVIEW_ANSWER_BYTES),
	};
}

void ticket_clear(struct ticket *t)
{
	judgement_clear(&t->judgement);
	review_clear(&t->review);
	buf_clear(&t->body);
}

static void count(const struct desk *d, const struct ticket *t, enum tally_verdict verdict)
{
	tally_add(d->options.tally, t->path, verdict, io_monotonic_us() - t->began_us);
}

/* An answer that is no review: with a 5xx the API server does as its failurePolicy says. */
static void say(struct ticket *t, unsigned status, const struct err *why)
{
	struct err full;

	buf_clear(&t->body);
	(void)!buf_printf(&t->body, &full, "%s\n", why->msg);
	t->is_review = false;
	t->status = status;
}

static void fail(const struct desk *d, struct ticket *t, const struct err *why)
{
	log_warn("review not decided", LOG_STR("namespace", t->review.namespace),
		LOG_STR("name", t->review.name), LOG_ERR(why));
	say(t, HTTP_FAILED, why);
	count(d, t, TALLY_FAILED);
}

static enum tally_verdict tally_verdict_of(const struct verdict *v)
{
	if (v->status == VERDICT_FORBIDDEN)
		return TALLY_FORBIDDEN;
	if (v->status == VERDICT_INVALID)
		return TALLY_REFUSED;
	return v->patch == PATCH_NONE ? TALLY_ALLOWED : TALLY_PATCHED;
}

static void finish(const struct desk *d, struct ticket *t)
{
	const struct verdict *v = &t->judgement.verdict;
	struct err err;

	if (review_answer(&t->body, &t->review, v, &err) < 0) {
		fail(d, t, &err);
		return;
	}
	t->is_review = true;
	t->status = HTTP_OK;
	count(d, t, tally_verdict_of(v));
}

static void on_finding(struct resolver_question *q, const struct finding *found)
{
	struct ticket *t = (struct ticket *)((char *)q - offsetof(struct ticket, question));

	if (found->err.code != ERR_NONE)
		log_info("module not resolved", LOG_STR("namespace", t->review.namespace),
			LOG_STR("name", t->review.name), LOG_ERR(&found->err));
	judge_module(&t->judgement, found);
	finish(t->desk, t);
	t->done(t);
}

/* With dry-run no more is fetched than the answer needs. */
static void prepare_question(struct ticket *t)
{
	const struct extension_image *image = &t->judgement.extension->image;

	t->question = (struct resolver_question){
		.source = fetch_source_named(extension_protocol_name(image->protocol)),
		.uri = image->uri,
		.wants_module = t->path == TALLY_VALIDATE && !t->review.is_dry_run,
		.answer = on_finding,
	};
}

/* Returns whether the rest could be decided at once. */
static bool settle(struct desk *d, struct ticket *t)
{
	struct finding found;

	if (t->judgement.wants_module) {
		prepare_question(t);
		if (!resolver_peek(d->resolver, &t->question, &found))
			return false;
		judge_module(&t->judgement, &found);
	}
	finish(d, t);
	return true;
}

bool desk_open(struct desk *d, struct ticket *t, const char *text, size_t n)
{
	struct err err;

	t->desk = d;
	if (review_parse(&t->review, text, n, &err) < 0) {
		say(t, HTTP_BAD_REQUEST, &err);
		count(d, t, TALLY_MALFORMED);
		return true;
	}
	if (t->path == TALLY_MUTATE)
		judge_mutation(&t->judgement, &t->review, &d->options.policy);
	else
		judge_validation(&t->judgement, &t->review, &d->options.policy);
	if (d->options.workers > 0 && t->judgement.n_referrals > 0)
		return false;
	return settle(d, t);
}

static void go_on(struct desk *d, struct ticket *t)
{
	if (t->judgement.wants_module) {
		prepare_question(t);
		resolver_ask(d->resolver, &t->question);
		return;
	}
	finish(d, t);
	t->done(t);
}

void desk_work(struct desk *d, struct ticket *t)
{
	struct err err;

	if (d->options.workers == 0 || t->judgement.n_referrals == 0) {
		go_on(d, t);
		return;
	}
	t->deadline_ms = io_monotonic_ms() + d->options.budget_ms;
	if (inbox_push(d->tickets, t))
		return;
	(void)err_set(&err, ERR_TRANSIENT, "too many reviews wait for the API server");
	fail(d, t, &err);
	t->done(t);
}

static int ask_about(bool *allowed, struct clerk *c, const struct ticket *t,
	const struct referral *ref, struct err *err)
{
	AUTO(buf) struct buf question = BUF_INIT(LIMIT_REVIEW_BYTES);
	AUTO(client_reply) struct client_reply reply = {.status = 0};
	struct client_request request = {
		.method = "POST",
		.path = ACCESS_PATH,
		.content_type = "application/json",
		.timeout_ms = t->deadline_ms - io_monotonic_ms(),
	};

	if (request.timeout_ms <= 0)
		return err_set(err, ERR_TRANSIENT, "no time is left");
	if (access_question(&question, &t->review, ref, err) < 0)
		return -1;
	request.body = buf_text(&question);
	request.body_len = question.len;
	if (client_call(c->client, &request, &reply, err) < 0 || client_verdict(&reply, err) < 0)
		return -1;
	return access_answer(allowed, buf_text(&reply.body), reply.body.len, err);
}

/* Asks about all that the extension refers to, so that all that is missing is named. */
static int check_user(struct clerk *c, struct ticket *t, struct err *err)
{
	struct judgement *j = &t->judgement;

	for (size_t i = 0; i < j->n_referrals; i++) {
		const struct referral *ref = &j->referrals[i];
		bool allowed = false;

		if (ask_about(&allowed, c, t, ref, err) < 0)
			return err_wrap(
				err, "%s: whether the user may get it is not known", ref->field);
		if (!allowed)
			judge_forbidden(j, ref, access_user(&t->review));
	}
	return 0;
}

static void *serve(void *arg)
{
	struct clerk *c = arg;
	struct ticket *t;
	struct err err;

	while ((t = inbox_pop(c->desk->tickets))) {
		if (check_user(c, t, &err) == 0) {
			go_on(c->desk, t);
			continue;
		}
		fail(c->desk, t, &err);
		t->done(t);
	}
	return NULL;
}

static void abandon(void *item)
{
	struct ticket *t = item;
	struct err err;

	(void)err_set(&err, ERR_TRANSIENT, "the webhook stops");
	fail(t->desk, t, &err);
	t->done(t);
}

static int start_clerk(struct desk *d, struct err *err)
{
	struct clerk *c = &d->clerks[d->n_clerks];

	c->desk = d;
	if (client_new(&c->client, &d->options.credentials[d->n_clerks], err) < 0)
		return -1;

	int rc = pthread_create(&c->thread, NULL, serve, c);

	if (rc != 0) {
		client_free(c->client);
		errno = rc;
		return err_errno(err, ERR_TRANSIENT, "starting a thread for the API server");
	}
	d->n_clerks++;
	return 0;
}

static int start_clerks(struct desk *d, struct err *err)
{
	while (d->n_clerks < d->options.workers) {
		if (start_clerk(d, err) < 0)
			return -1;
	}
	return 0;
}

struct desk *desk_start(const struct desk_options *options, struct err *err)
{
	struct desk *d = xcalloc(1, sizeof(*d));

	d->options = *options;
	d->tickets = inbox_new(LIMIT_WEBHOOK_WAITING, abandon);
	d->clerks = xcalloc((size_t)options->workers + 1, sizeof(*d->clerks));
	d->resolver = resolver_start(&options->resolver, err);
	if (!d->resolver || start_clerks(d, err) < 0) {
		desk_stop(d);
		return NULL;
	}
	return d;
}

void desk_count(struct desk *d, struct resolver_counts *out)
{
	resolver_count(d->resolver, out);
}

void desk_stop(struct desk *d)
{
	if (!d)
		return;
	inbox_close(d->tickets);
	for (int i = 0; i < d->n_clerks; i++) {
		(void)pthread_join(d->clerks[i].thread, NULL);
		client_free(d->clerks[i].client);
	}
	inbox_free(d->tickets);
	resolver_stop(d->resolver);
	free(d->clerks);
	free(d);
}
