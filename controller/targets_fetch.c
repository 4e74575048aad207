/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "controller/backoff.h"
#include "controller/config.h"
#include "controller/targets_parts.h"

/* What a fetch needs when it comes back. */
struct errand {
	char *name;            /* owned; of the target */
	char *source;          /* owned; that is asked */
	struct digest want;    /* that others wait for; not set: none */
	struct digest had;     /* what the revision that need not be fetched again is of */
	bool proves;           /* the target had it not: it is as if it had been fetched */
	struct permit *permit; /* counted; nothing is fetched, it is asked for this; NULL: it is */
	struct ingest ingest;
};

static struct errand *errand_new(const struct target *t)
{
	struct errand *e = xcalloc(1, sizeof(*e));

	e->name = xstrdup(t->name);
	e->source = target_source(t);
	e->ingest.fd = -1;
	return e;
}

static void errand_free(struct targets *ts, struct errand *e)
{
	permission_give_back(&ts->permissions, e->permit);
	free(e->name);
	free(e->source);
	free(e);
}

static void end_fetch(
	struct targets *ts, struct target *t, const struct target_catch *got, const struct err *err)
{
	int64_t now = io_monotonic_ms();
	uint32_t random = targets_random();

	target_fetched(t, got, err, now, random);
	target_not_after(t, now + 1 + random % backoff_most_ms(ts->by_name.n));
}

static struct fetch_job *job_new(
	const struct target *t, const char *known, const char *credentials, struct errand *errand)
{
	const struct extension_image *image = &t->desired->image;
	enum fetch_source source = fetch_source_named(extension_protocol_name(image->protocol));
	struct fetch_job *job =
		fetch_job_new(source, image->uri, &image->sha256, fd_steal(&errand->ingest.fd));

	job->owner = errand;
	if (credentials)
		fetch_job_set_docker_config(job, credentials);
	if (known)
		fetch_job_set_known(job, known);
	return job;
}

void targets_start_fetch(
	struct targets *ts, struct target *t, const char *known, uint64_t file_mark)
{
	AUTO(free) char *credentials = NULL;
	struct errand *errand = errand_new(t);
	const struct resolution *resolution = target_resolution(t);
	const struct proof *proof = known ? NULL : targets_proof(ts, t);
	struct fetch_job *job = NULL;
	struct err err;

	errand->want = t->desired->image.sha256;
	if (known && resolution)
		errand->had = resolution->module;
	if (proof) {
		errand->had = proof->module;
		errand->proves = true;
		known = proof->revision;
	}
	target_fetching(t, file_mark);
	if (config_pull_secret(&credentials, &ts->objects, t->desired, &err) < 0 ||
		store_ingest(ts->store, &errand->ingest, &err) < 0) {
		errand_free(ts, errand);
		end_fetch(ts, t, NULL, &err);
		return;
	}
	job = job_new(t, known, credentials, errand);
	if (fetch_pool_submit(ts->pool, job)) {
		if (digest_is_set(&errand->want))
			(void)map_put(&ts->on_the_way, errand->want.hex, ts);
		return;
	}
	(void)err_set(&err, ERR_TRANSIENT, "too many fetches are waiting");
	fetch_job_free(job);
	store_ingest_abort(ts->store, &errand->ingest);
	errand_free(ts, errand);
	end_fetch(ts, t, NULL, &err);
}

static void count(struct targets *ts, const struct fetch_job *job, enum err_code code)
{
	if (!ts->metrics)
		return;
	metrics_add(&ts->metrics->fetches[job->request.source][code],
		code == ERR_NONE && job->result.unchanged ? 0 : 1);
	metrics_add(&ts->metrics->unchanged[job->request.source],
		code == ERR_NONE && job->result.unchanged);
}

/* Takes over what the job brought.  Returns whether there is something to catch. */
static bool bring_in(struct targets *ts, struct fetch_job *job, struct err *err)
{
	struct errand *errand = job->owner;

	*err = job->err;
	if (err->code != ERR_NONE || job->result.unchanged)
		store_ingest_abort(ts->store, &errand->ingest);
	else if (store_commit_blob(ts->store, &errand->ingest, &job->result.digest, err) == 0)
		err->code = ERR_NONE;
	if (err->code == ERR_FULL)
		upkeep_no_room(&ts->upkeep);
	count(ts, job, err->code);
	return err->code == ERR_NONE;
}

/* What the target has of a fetch that went well; borrowed from the job. */
static struct target_catch catch_of(const struct fetch_job *job)
{
	const struct errand *errand = job->owner;

	if (job->result.unchanged && errand->proves)
		return (struct target_catch){.module = &errand->had, .revision = job->known};
	return (struct target_catch){.unchanged = job->result.unchanged,
		.module = &job->result.digest,
		.revision = job->result.revision.text};
}

/* What its host did to others tells less than what it did before to the target itself. */
static void keep_reason(struct err *err, const struct target *t, const struct fetch_job *job)
{
	if (job->left_alone && t->failure && t->failure->code == ERR_TRANSIENT)
		*err = *t->failure;
}

static void module_came(struct targets *ts, struct fetch_job *job)
{
	const struct errand *errand = job->owner;
	struct target *t = map_get(&ts->by_name, errand->name);
	const struct target_catch got = catch_of(job);
	struct err err;
	bool good = bring_in(ts, job, &err);

	(void)map_take(&ts->on_the_way, errand->want.hex);
	if (good && !(t && t->outdated))
		targets_given(ts, errand->name,
			job->result.unchanged ? &errand->had : &job->result.digest, errand->source,
			job->result.unchanged ? NULL : job->result.revision.text);
	if (!t)
		return;
	if (!good)
		keep_reason(&err, t, job);
	end_fetch(ts, t, good ? &got : NULL, &err);
	target_not_before(t, io_monotonic_ms() + job->retry_after_ms);
	targets_look_at(ts, t);
}

void targets_start_check(struct targets *ts, struct target *t)
{
	AUTO(free) char *credentials = NULL;
	struct errand *errand = NULL;
	struct fetch_job *job = NULL;
	struct err err;

	if (config_pull_secret(&credentials, &ts->objects, t->desired, &err) < 0) {
		err.code = ERR_TRANSIENT; /* which is no word of the source's */
		targets_answered(ts, t->permit, &err);
		return;
	}
	errand = errand_new(t);
	errand->permit = permission_share(t->permit);
	job = job_new(t, NULL, credentials, errand);
	job->request.ask_only = true;
	permission_asked(&ts->permissions, t->permit);
	if (fetch_pool_submit(ts->pool, job))
		return;
	(void)err_set(&err, ERR_TRANSIENT, "too many fetches are waiting");
	targets_answered(ts, t->permit, &err);
	errand_free(ts, errand);
	fetch_job_free(job);
}

static void answer_came(struct targets *ts, const struct fetch_job *job)
{
	const struct errand *errand = job->owner;
	struct target *t = map_get(&ts->by_name, errand->name);

	targets_answered(ts, errand->permit, job->err.code == ERR_NONE ? NULL : &job->err);
	if (t && t->permit == errand->permit)
		due_no_later(&ts->due, t, permission_due(&ts->permissions, t->permit));
}

static void fetch_ended(struct targets *ts, struct fetch_job *job)
{
	struct errand *errand = job->owner;

	if (errand->permit)
		answer_came(ts, job);
	else
		module_came(ts, job);
	errand_free(ts, errand);
	fetch_job_free(job);
}

void targets_collect(struct targets *ts)
{
	int64_t until = io_monotonic_ms() + TARGETS_PORTION_MS;
	struct fetch_job *job = NULL;

	while (io_monotonic_ms() < until && (job = inbox_try_pop(ts->done)))
		fetch_ended(ts, job);
}

void targets_drop_fetches(struct targets *ts)
{
	struct fetch_job *job = NULL;

	while (ts->done && (job = inbox_try_pop(ts->done))) {
		struct errand *errand = job->owner;

		store_ingest_abort(ts->store, &errand->ingest);
		errand_free(ts, errand);
		fetch_job_free(job);
	}
}
