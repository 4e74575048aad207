/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "controller/config.h"
#include "controller/targets_parts.h"

/* What a fetch needs when it comes back. */
struct errand {
	char *name;         /* owned; of the target */
	struct digest want; /* that others wait for; not set: none */
	struct ingest ingest;
};

static void errand_free(struct errand *e)
{
	free(e->name);
	free(e);
}

static enum fetch_source fetch_source_of(enum image_protocol protocol)
{
	static const enum fetch_source sources[] = {
		[PROTOCOL_LOCAL_FS] = FETCH_LOCAL_FS,
		[PROTOCOL_HTTP] = FETCH_HTTP,
		[PROTOCOL_HTTPS] = FETCH_HTTPS,
		[PROTOCOL_S3] = FETCH_S3,
		[PROTOCOL_OCI] = FETCH_OCI,
	};

	return sources[protocol];
}

static void end_fetch(
	struct targets *ts, struct target *t, const struct target_catch *got, const struct err *err)
{
	ts->fetching--;
	target_fetched(t, got, err, io_monotonic_ms(), targets_random());
}

static struct fetch_job *job_new(
	const struct target *t, const char *known, const char *credentials, struct errand *errand)
{
	const struct extension_image *image = &t->desired->image;
	struct fetch_job *job = fetch_job_new(fetch_source_of(image->protocol), image->uri,
		&image->sha256, fd_steal(&errand->ingest.fd));

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
	struct errand *errand = xcalloc(1, sizeof(*errand));
	struct fetch_job *job = NULL;
	struct err err;

	errand->name = xstrdup(t->name);
	errand->want = t->desired->image.sha256;
	ts->fetching++;
	target_fetching(t, file_mark);
	if (config_pull_secret(&credentials, &ts->objects, t->desired, &err) < 0 ||
		store_ingest(ts->store, &errand->ingest, &err) < 0) {
		errand_free(errand);
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
	errand_free(errand);
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

static void fetch_ended(struct targets *ts, struct fetch_job *job)
{
	struct errand *errand = job->owner;
	struct target *t = map_get(&ts->by_name, errand->name);
	const struct target_catch got = {.unchanged = job->result.unchanged,
		.module = &job->result.digest,
		.revision = job->result.revision.text};
	struct err err;
	bool good = bring_in(ts, job, &err);

	(void)map_take(&ts->on_the_way, errand->want.hex);
	if (t) {
		end_fetch(ts, t, good ? &got : NULL, &err);
		target_not_before(t, io_monotonic_ms() + job->retry_after_ms);
		targets_look_at(ts, t);
	}
	errand_free(errand);
	fetch_job_free(job);
}

void targets_collect(struct targets *ts)
{
	struct fetch_job *job = NULL;

	while ((job = inbox_try_pop(ts->done)))
		fetch_ended(ts, job);
}

void targets_drop_fetches(struct targets *ts)
{
	struct fetch_job *job = NULL;

	while (ts->done && (job = inbox_try_pop(ts->done))) {
		struct errand *errand = job->owner;

		store_ingest_abort(ts->store, &errand->ingest);
		errand_free(errand);
		fetch_job_free(job);
	}
}

bool targets_busy(const struct targets *ts)
{
	return ts->fetching > 0;
}
