/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/targets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "artifact/artifact.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/config.h"
#include "controller/reconcile.h"
#include "fetch/local_fs.h"

#define FOLLOW_MS 1000 /* between two looks at local files that are followed */

/* What a fetch needs when it comes back. */
struct errand {
	char *name; /* owned; of the target */
	struct ingest ingest;
};

static void errand_free(struct errand *e)
{
	free(e->name);
	free(e);
}

static uint32_t random_number(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
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

static void report(struct target *t, enum status_reason reason, const char *message)
{
	if (!status_set(&t->status, reason, message))
		return;
	if (reason == STATUS_PROGRAMMED)
		log_info("extension programmed", LOG_STR("name", t->name),
			LOG_STR("version", t->served_version),
			LOG_STR("module", t->recorded.module.hex));
	else if (reason == STATUS_FETCHING)
		log_info("fetching", LOG_STR("name", t->name), LOG_STR("source", t->source));
	else
		log_warn("extension not programmed", LOG_STR("name", t->name),
			LOG_STR("reason", status_reason_name(reason)), LOG_STR("err", message),
			LOG_STR("serving", t->served_version));
}

static void start_fetch(struct targets *ts, struct target *t, uint64_t file_mark)
{
	const struct extension_image *image = &t->desired->image;
	struct errand *errand = xcalloc(1, sizeof(*errand));
	struct fetch_job *job;
	struct err err;

	errand->name = xstrdup(t->name);
	if (store_ingest(ts->store, &errand->ingest, &err) < 0) {
		errand_free(errand);
		t->fetching = true;
		target_fetched(t, NULL, &err, io_monotonic_ms(), random_number());
		return;
	}
	job = fetch_job_new(fetch_source_of(image->protocol), image->uri, &image->sha256,
		fd_steal(&errand->ingest.fd));
	job->owner = errand;
	t->fetching = true;
	t->file_mark = file_mark;
	if (fetch_pool_submit(ts->pool, job))
		return;
	(void)err_set(&err, ERR_TRANSIENT, "too many fetches are waiting");
	fetch_job_free(job);
	store_ingest_abort(ts->store, &errand->ingest);
	errand_free(errand);
	target_fetched(t, NULL, &err, io_monotonic_ms(), random_number());
}

static int build_record(const struct targets *ts, const struct target *t,
	const struct digest *module, struct record *out, struct err *err)
{
	const struct extension *ext = t->desired;
	struct artifact_input in = {.extension = ext, .module = *module, .served = *module};

	if (config_resolve(&in.plugin, &ts->objects, ext->namespace, "plugin_configuration",
		    &ext->plugin_configuration, err) < 0 ||
		config_resolve(&in.vm, &ts->objects, ext->namespace, "vm_configuration",
			&ext->vm_configuration, err) < 0)
		return -1;
	if (!store_has_blob(ts->store, module, &in.module_bytes))
		return err_set(err, ERR_TRANSIENT, "module %s is not in the store", module->hex);
	in.served_bytes = in.module_bytes;
	return artifact_build(out, &in, err);
}

static bool is_recorded(const struct target *t, const struct record *r)
{
	return t->served_version && strcmp(t->served_version, r->version) == 0 &&
	       strcmp(t->recorded.source, r->source) == 0 &&
	       digest_equal(&t->recorded.module, &r->module);
}

/* The module is there: puts the record that says what the manifest says. */
static void program(struct targets *ts, struct target *t, const struct digest *module)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	if (build_record(ts, t, module, &r, &err) < 0) {
		report(t, status_of_config(&err), err.msg);
		return;
	}
	if (!is_recorded(t, &r)) {
		if (store_put_record(ts->store, &r, &err) < 0) {
			report(t, status_of_store(&err), err.msg);
			ts->look_at = io_monotonic_ms() + FOLLOW_MS;
			return;
		}
		target_observe(t, &r);
	}
	if (t->failure.code != ERR_NONE)
		report(t, status_of_fetch(&t->failure), t->failure.msg);
	else
		report(t, STATUS_PROGRAMMED, t->served_version);
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static bool has_module(const struct targets *ts, const struct digest *digest)
{
	uint64_t size = 0;

	return digest_is_set(digest) && store_has_blob(ts->store, digest, &size);
}

/* Brings one target as far as it can go now. */
static void advance(struct targets *ts, struct target *t)
{
	const struct extension *ext = t->desired;
	struct reconcile_facts facts = {.now = io_monotonic_ms()};
	struct reconcile_step step;

	if (!ext)
		return;
	facts.has_pinned = has_module(ts, &ext->image.sha256);
	facts.has_fetched = t->fetched.source && has_module(ts, &t->fetched.module);
	facts.has_recorded = t->recorded.source && has_module(ts, &t->recorded.module);
	if (reconcile_follows(ext)) {
		facts.file_mark = local_fs_mark(&ts->fetch, ext->image.uri);
		ts->look_at = earlier(ts->look_at, facts.now + FOLLOW_MS);
	}
	step = reconcile(t, &facts);
	ts->look_at = earlier(ts->look_at, step.wake_at);
	if (step.fetch)
		start_fetch(ts, t, facts.file_mark);
	if (step.commit)
		program(ts, t, &step.module);
	else if (t->failure.code != ERR_NONE)
		report(t, status_of_fetch(&t->failure), t->failure.msg);
	else
		report(t, STATUS_FETCHING, "");
}

void targets_advance(struct targets *ts)
{
	struct target *t;
	const char *name;
	size_t at = 0;

	ts->look_at = INT64_MAX;
	while ((t = map_next(&ts->by_name, &at, &name)))
		advance(ts, t);
}

/* A target that nobody wants lives on only while its fetch is under way. */
static void forget_if_idle(struct targets *ts, const struct target *t)
{
	if (!t->desired && !t->fetching)
		target_free(map_take(&ts->by_name, t->name));
}

static struct target *find_or_make_target(struct targets *ts, const char *name)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct target *t = map_get(&ts->by_name, name);
	struct err err;

	if (t)
		return t;
	t = target_new(name);
	map_put(&ts->by_name, name, t);
	if (store_get_record(ts->store, name, &r, &err) == 0)
		target_observe(t, &r);
	else if (err.code != ERR_NOT_FOUND)
		log_error("record not usable", LOG_STR("name", name), LOG_ERR(&err));
	return t;
}

void targets_apply(struct targets *ts, struct extension *ext)
{
	AUTO(free) char *name = extension_resource_name(ext);
	char *source = artifact_source(&ext->image);

	target_desire(find_or_make_target(ts, name), ext, source);
}

void targets_delete(struct targets *ts, const char *name)
{
	struct target *t = map_get(&ts->by_name, name);
	struct err err;

	log_info("extension deleted", LOG_STR("name", name));
	if (store_delete_record(ts->store, name, &err) < 0) {
		log_error("record not removed", LOG_STR("name", name), LOG_ERR(&err));
		ts->unswept = true;
	}
	if (!t)
		return;
	extension_free(STEAL(t->desired));
	target_observe(t, NULL);
	forget_if_idle(ts, t);
}

static void sweep_record(void *arg, const char *name, const struct record_stamp *stamp)
{
	struct targets *ts = arg;
	const struct target *t = map_get(&ts->by_name, name);
	struct err err;

	(void)stamp;
	if (t && t->desired)
		return;
	log_info("record without manifest removed", LOG_STR("name", name));
	if (store_delete_record(ts->store, name, &err) < 0) {
		log_error("record not removed", LOG_STR("name", name), LOG_ERR(&err));
		ts->unswept = true;
	}
}

static void fetch_ended(struct targets *ts, struct fetch_job *job)
{
	struct errand *errand = job->owner;
	struct target *t = map_get(&ts->by_name, errand->name);
	const struct digest *digest = NULL;
	struct err err = job->err;

	if (err.code != ERR_NONE)
		store_ingest_abort(ts->store, &errand->ingest);
	else if (store_commit_blob(ts->store, &errand->ingest, &job->result.digest, &err) == 0)
		digest = &job->result.digest;
	if (t) {
		target_fetched(t, digest, &err, io_monotonic_ms(), random_number());
		advance(ts, t);
		forget_if_idle(ts, t);
	}
	errand_free(errand);
	fetch_job_free(job);
}

void targets_collect(struct targets *ts)
{
	struct fetch_job *job;

	while ((job = inbox_try_pop(ts->done)))
		fetch_ended(ts, job);
}

int targets_sweep(struct targets *ts, struct err *err)
{
	ts->unswept = false;
	return store_each_record(ts->store, sweep_record, ts, err);
}

int targets_init(struct targets *ts, const char *store_dir, const struct fetch_options *fetch,
	int workers, struct err *err)
{
	*ts = (struct targets){.fetch = *fetch, .look_at = INT64_MAX};
	if (store_open(&ts->store, store_dir, STORE_WRITE, err) < 0)
		return -1;
	ts->done = inbox_new(LIMIT_FETCH_QUEUE, fetch_job_free);
	ts->pool = fetch_pool_start(&ts->fetch, workers, ts->done, err);
	return ts->pool ? 0 : -1;
}

static void free_object(void *object)
{
	object_free(object);
}

void targets_clear(struct targets *ts)
{
	struct fetch_job *job;

	if (ts->pool)
		fetch_pool_stop(ts->pool);
	while (ts->done && (job = inbox_try_pop(ts->done))) {
		struct errand *errand = job->owner;

		store_ingest_abort(ts->store, &errand->ingest);
		errand_free(errand);
		fetch_job_free(job);
	}
	inbox_free(ts->done);
	map_clear(&ts->by_name, target_free);
	map_clear(&ts->objects, free_object);
	store_close(ts->store);
}
