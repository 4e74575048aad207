/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/targets.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "artifact/artifact.h"
#include "artifact/served.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/config.h"
#include "controller/reconcile.h"
#include "fetch/local_fs.h"
#include "store/keyring.h"

#define SHARED_MS 200  /* between two looks at a module that another target's fetch will bring */
#define FOLLOW_MS 1000 /* between two looks at local files that are followed */
#define STRIP_RETRY_MS 10000 /* before debug sections are dropped again, when that failed */

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
			LOG_STR("module", t->recorded.module.hex),
			LOG_INT("module_bytes", t->recorded_bytes),
			LOG_INT("served_bytes", t->served_bytes));
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
	AUTO(free) char *credentials = NULL;
	struct errand *errand = xcalloc(1, sizeof(*errand));
	struct fetch_job *job;
	struct err err;

	errand->name = xstrdup(t->name);
	if (config_pull_secret(&credentials, &ts->objects, t->desired, &err) < 0 ||
		store_ingest(ts->store, &errand->ingest, &err) < 0) {
		errand_free(errand);
		t->fetching = true;
		target_fetched(t, NULL, &err, io_monotonic_ms(), random_number());
		return;
	}
	job = fetch_job_new(fetch_source_of(image->protocol), image->uri, &image->sha256,
		fd_steal(&errand->ingest.fd));
	job->owner = errand;
	if (credentials)
		fetch_job_set_docker_config(job, credentials);
	t->fetching = true;
	t->file_mark = file_mark;
	errand->want = image->sha256;
	if (fetch_pool_submit(ts->pool, job)) {
		if (digest_is_set(&image->sha256))
			(void)map_put(&ts->on_the_way, image->sha256.hex, ts);
		return;
	}
	(void)err_set(&err, ERR_TRANSIENT, "too many fetches are waiting");
	fetch_job_free(job);
	store_ingest_abort(ts->store, &errand->ingest);
	errand_free(errand);
	target_fetched(t, NULL, &err, io_monotonic_ms(), random_number());
}

static bool has_module(const struct targets *ts, const struct digest *digest)
{
	uint64_t size = 0;

	return digest_is_set(digest) && store_has_blob(ts->store, digest, &size);
}

/* Drops the debug sections, if they are there and that was not done before. */
static int find_left(struct served *out, const struct targets *ts, struct target *t,
	const struct digest *module, struct err *err)
{
	struct stripped *known = &t->stripped;
	bool same = digest_equal(&known->module, module);

	if (same && known->failure.code != ERR_NONE && io_monotonic_ms() < known->retry_at) {
		*err = known->failure;
		return -1;
	}
	if (!same || known->failure.code != ERR_NONE || !has_module(ts, &known->served.digest)) {
		*known = (struct stripped){.module = *module};
		if (served_make(&known->served, ts->store, module, &known->failure) < 0) {
			known->retry_at = io_monotonic_ms() + STRIP_RETRY_MS;
			*err = known->failure;
			return -1;
		}
	}
	*out = known->served;
	return 0;
}

/* Finds out how large the module is, and what of it is served. */
static int find_served(
	struct artifact_input *in, const struct targets *ts, struct target *t, struct err *err)
{
	struct served served = {.digest = in->module};

	if (!store_has_blob(ts->store, &in->module, &in->module_bytes))
		return err_set(err, ERR_TRANSIENT, "module %s is not in the store", in->module.hex);
	served.bytes = in->module_bytes;
	if (in->extension->image.debug_sections == DEBUG_SECTIONS_DROP &&
		find_left(&served, ts, t, &in->module, err) < 0)
		return -1;
	in->served = served.digest;
	in->served_bytes = served.bytes;
	return 0;
}

static int build_record(
	struct record *out, const struct targets *ts, struct artifact_input *in, struct err *err)
{
	const struct extension *ext = in->extension;

	if (config_is_secret(ext)) {
		if (store_keys(ts->store)->n == 0)
			return err_set(err, ERR_DENIED,
				"a Secret's value is not kept unsealed, and there is no key: see "
				"--seal-key");
		in->seal = &store_keys(ts->store)->items[0];
	}
	if (config_resolve(&in->plugin, &ts->objects, ext->namespace, "plugin_configuration",
		    &ext->plugin_configuration, err) < 0 ||
		config_resolve(&in->vm, &ts->objects, ext->namespace, "vm_configuration",
			&ext->vm_configuration, err) < 0)
		return -1;
	return artifact_build(out, in, err);
}

static bool is_recorded(const struct target *t, const struct record *r)
{
	return t->served_version && t->recorded.source &&
	       strcmp(t->served_version, r->version) == 0 &&
	       strcmp(t->recorded.source, r->source) == 0 &&
	       digest_equal(&t->recorded.module, &r->module);
}

/* The module is there: puts the record that says what the manifest says. */
static void program(struct targets *ts, struct target *t, const struct digest *module)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct artifact_input in = {.extension = t->desired, .module = *module};
	struct err err;

	if (find_served(&in, ts, t, &err) < 0) {
		report(t, status_of_store(&err), err.msg);
		t->look_at = io_earlier(t->look_at, io_monotonic_ms() + FOLLOW_MS);
		if (err.code == ERR_FULL)
			upkeep_no_room(&ts->upkeep);
		return;
	}
	if (build_record(&r, ts, &in, &err) < 0) {
		report(t, status_of_config(&err), err.msg);
		return;
	}
	if (!is_recorded(t, &r)) {
		if (store_put_record(ts->store, &r, &err) < 0) {
			report(t, status_of_store(&err), err.msg);
			t->look_at = io_earlier(t->look_at, io_monotonic_ms() + FOLLOW_MS);
			if (err.code == ERR_FULL)
				upkeep_no_room(&ts->upkeep);
			return;
		}
		target_observe(t, &r);
		upkeep_record_changed(&ts->upkeep);
	}
	if (t->failure.code != ERR_NONE && reconcile_follows(t->desired))
		report(t, status_of_fetch(&t->failure), t->failure.msg);
	else
		report(t, STATUS_PROGRAMMED, t->served_version);
}

/* Brings one target as far as it can go now, and says when to look at it again. */
static void advance(struct targets *ts, struct target *t)
{
	const struct extension *ext = t->desired;
	struct reconcile_facts facts = {.now = io_monotonic_ms()};
	struct reconcile_step step;

	t->look_at = INT64_MAX;
	if (!ext)
		return;
	facts.has_pinned = has_module(ts, &ext->image.sha256);
	facts.has_fetched = t->fetched.source && has_module(ts, &t->fetched.module);
	facts.has_recorded = t->recorded.source && has_module(ts, &t->recorded.module);
	if (reconcile_follows(ext)) {
		facts.file_mark = local_fs_mark(&ts->fetch, ext->image.uri);
		t->look_at = facts.now + FOLLOW_MS;
	}
	step = reconcile(t, &facts);
	t->look_at = io_earlier(t->look_at, step.wake_at);
	if (step.fetch && map_get(&ts->on_the_way, ext->image.sha256.hex))
		t->look_at = io_earlier(t->look_at, facts.now + SHARED_MS);
	else if (step.fetch)
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
	int64_t now = io_monotonic_ms();
	struct target *t;
	const char *name;
	size_t at = 0;

	ts->look_at = INT64_MAX;
	while ((t = map_next(&ts->by_name, &at, &name))) {
		if (ts->all_due || t->look_at <= now)
			advance(ts, t);
		ts->look_at = io_earlier(ts->look_at, t->look_at);
	}
	ts->all_due = false;
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
	if (store_peek_record(ts->store, name, &r, &err) == 0)
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
	upkeep_record_changed(&ts->upkeep);
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
	upkeep_record_changed(&ts->upkeep);
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

	(void)map_take(&ts->on_the_way, errand->want.hex);
	if (err.code != ERR_NONE)
		store_ingest_abort(ts->store, &errand->ingest);
	else if (store_commit_blob(ts->store, &errand->ingest, &job->result.digest, &err) == 0)
		digest = &job->result.digest;
	if (err.code == ERR_FULL)
		upkeep_no_room(&ts->upkeep);
	if (t) {
		target_fetched(t, digest, &err, io_monotonic_ms(), random_number());
		target_not_before(t, io_monotonic_ms() + job->retry_after_ms);
		advance(ts, t);
		ts->look_at = io_earlier(ts->look_at, t->look_at);
		forget_if_idle(ts, t);
	}
	errand_free(errand);
	fetch_job_free(job);
}

void targets_object_changed(struct targets *ts, const char *key)
{
	struct target *t;
	const char *name;
	size_t at = 0;

	while ((t = map_next(&ts->by_name, &at, &name))) {
		if (t->desired && config_pulls_with(t->desired, key))
			t->retry_at = 0;
	}
	ts->all_due = true;
}

void targets_collect(struct targets *ts)
{
	struct fetch_job *job;

	while ((job = inbox_try_pop(ts->done)))
		fetch_ended(ts, job);
}

bool targets_busy(const struct targets *ts)
{
	const struct target *t;
	const char *name;
	size_t at = 0;

	while ((t = map_next(&ts->by_name, &at, &name))) {
		if (t->fetching)
			return true;
	}
	return false;
}

int targets_sweep(struct targets *ts, struct err *err)
{
	ts->unswept = false;
	return store_each_record(ts->store, sweep_record, ts, err);
}

/* A record that cannot be served is put again as soon as it can, so that readers hear of it who had
 * to do without. */
static void review(struct targets *ts, struct target *t)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	if (!t->served_version)
		return;
	if (store_get_record(ts->store, t->name, &r, &err) == 0) {
		if (has_module(ts, &r.served))
			return;
		(void)err_set(&err, ERR_NOT_FOUND, "module %s is gone", r.served.hex);
	}
	log_error("extension damaged in the store", LOG_STR("name", t->name), LOG_ERR(&err));
	free(STEAL(t->served_version));
	t->look_at = 0;
}

int targets_use_keys(struct targets *ts, const char *path, bool make, struct err *err)
{
	struct err why;

	if (make && keyring_make(path, &why) < 0) {
		log_warn("no seal key: extensions with a Secret are refused", LOG_ERR(&why));
		return 0;
	}
	return store_use_keys(ts->store, path, err);
}

/* With another first key, what is sealed has another version, and so is put again. */
static void refresh_keys(struct targets *ts)
{
	bool changed = false;
	struct err err;

	if (store_refresh_keys(ts->store, &changed, &err) < 0)
		log_error("seal key not usable, the one before stays", LOG_ERR(&err));
	if (!changed)
		return;
	log_info("seal key changed", LOG_STR("key", store_keys(ts->store)->items[0].id));
	ts->all_due = true;
	ts->look_at = io_monotonic_ms();
}

void targets_upkeep(struct targets *ts)
{
	struct target *t;
	const char *name;
	size_t at = 0;

	refresh_keys(ts);
	if (!upkeep_run(&ts->upkeep, ts->store, io_monotonic_ms()))
		return;
	while ((t = map_next(&ts->by_name, &at, &name)))
		review(ts, t);
	ts->look_at = io_monotonic_ms();
	ts->unswept = true;
}

static bool is_needed(void *arg, const struct digest *digest)
{
	const struct targets *ts = arg;
	const struct target *t;
	const char *name;
	size_t at = 0;

	while ((t = map_next(&ts->by_name, &at, &name))) {
		if (target_needs(t, digest))
			return true;
	}
	return false;
}

int targets_init(struct targets *ts, const char *store_dir, const struct upkeep_options *upkeep,
	const struct fetch_options *fetch, int workers, struct err *err)
{
	struct store_policy policy = {
		.max_bytes = (uint64_t)upkeep->store_max_bytes, .needs = is_needed, .arg = ts};

	*ts = (struct targets){.fetch = *fetch, .look_at = INT64_MAX};
	ts->temp_dir = xasprintf("%s/ingest", store_dir);
	ts->fetch.temp_dir = ts->temp_dir;
	upkeep_init(&ts->upkeep, upkeep, io_monotonic_ms());
	if (store_open(&ts->store, store_dir, STORE_WRITE, err) < 0)
		return -1;
	store_set_policy(ts->store, &policy);
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
	map_clear(&ts->on_the_way, NULL);
	store_close(ts->store);
	free(ts->temp_dir);
}
