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
#include "controller/targets_parts.h"
#include "fetch/local_fs.h"

#define SHARED_MS 200 /* between two looks at a module that another target's fetch will bring */
#define MARK_MS 200   /* between two looks at one local file */

uint32_t targets_random(void)
{
	uint32_t n = 0;

	(void)!getrandom(&n, sizeof(n), 0);
	return n;
}

static void count_reason(const struct targets *ts, const struct target *t, int by)
{
	if (ts->metrics)
		metrics_add(&ts->metrics->extensions[t->status.reason], (uint64_t)(int64_t)by);
}

void targets_log(const struct target *t)
{
	enum status_reason reason = t->status.reason;
	AUTO(free) char *source = t->desired ? target_source(t) : NULL;

	if (reason == STATUS_PROGRAMMED)
		log_info("extension programmed", LOG_STR("name", t->name),
			LOG_STR("version", t->served_version),
			LOG_STR("module", t->recorded.module.hex),
			LOG_INT("module_bytes", t->recorded_bytes),
			LOG_INT("served_bytes", t->served_bytes));
	else if (reason == STATUS_FETCHING)
		log_info("fetching", LOG_STR("name", t->name), LOG_STR("source", source));
	else if (reason == STATUS_SUSPENDED)
		log_info("extension suspended", LOG_STR("name", t->name),
			LOG_STR("serving", t->served_version));
	else
		log_warn("extension not programmed", LOG_STR("name", t->name),
			LOG_STR("reason", status_reason_name(reason)),
			LOG_STR("err", status_message(&t->status)),
			LOG_STR("serving", t->served_version));
}

/* What is not accepted goes before whatever becomes of the manifest before it. */
void targets_report(
	struct targets *ts, struct target *t, enum status_reason reason, const char *message)
{
	if (t->refusal) {
		reason = STATUS_INVALID;
		message = t->refusal;
	}
	count_reason(ts, t, -1);
	if (status_set(&t->status, reason, message))
		targets_log(t);
	count_reason(ts, t, 1);
}

bool targets_has_module(const struct targets *ts, const struct digest *digest)
{
	uint64_t size = 0;

	return digest_is_set(digest) && store_has_blob(ts->store, digest, &size);
}

bool targets_may_write(const struct targets *ts)
{
	return !ts->owner.may_write || ts->owner.may_write(ts->owner.arg);
}

/* A target that nobody wants lives on only while its fetch is under way. */
static void forget_if_idle(struct targets *ts, struct target *t)
{
	if (target_wanted(t) || t->fetching)
		return;
	due_drop(&ts->due, t);
	references_set(&ts->references, t);
	targets_drop_permit(ts, t);
	count_reason(ts, t, -1);
	target_free(map_take(&ts->by_name, t->name));
}

static bool can_use(struct targets *ts, const struct target *t, const struct digest *module)
{
	return targets_has_module(ts, module) && targets_may_have(ts, t, module);
}

/* A local file as it was a moment ago: that many extensions follow it costs one look. */
struct mark {
	uint64_t mark;
	int64_t at; /* ms */
};

static uint64_t mark_of(struct targets *ts, const char *uri)
{
	struct mark *m = map_get(&ts->marks, uri);
	int64_t now = io_monotonic_ms();

	if (m && now < m->at + MARK_MS)
		return m->mark;
	if (!m) {
		if (ts->marks.n > ts->by_name.n)
			map_clear(&ts->marks, free);
		m = xcalloc(1, sizeof(*m));
		(void)map_put(&ts->marks, uri, m);
	}
	*m = (struct mark){.mark = local_fs_mark(&ts->fetch, uri), .at = now};
	return m->mark;
}

static void gather(struct reconcile_facts *facts, struct targets *ts, const struct target *t)
{
	const struct extension *ext = t->desired;
	struct err unused;

	facts->now = io_monotonic_ms();
	facts->has_pinned = can_use(ts, t, &ext->image.sha256);
	facts->has_fetched = t->fetched && can_use(ts, t, &t->fetched->module);
	facts->has_recorded = t->recorded.source && can_use(ts, t, &t->recorded.module);
	facts->unsure_configs =
		!targets_know(ts, references_of(t, 0)) || !targets_know(ts, references_of(t, 1));
	facts->unsure_pull = !targets_know(ts, references_of(t, 2));
	facts->lacks_pull = targets_check_pull_secret(ts, t, &unused) < 0;
	if (reconcile_follows(ext))
		facts->file_mark = mark_of(ts, ext->image.uri);
}

/* Says what is in the way of a target without a module. */
static void report_missing(struct targets *ts, struct target *t)
{
	struct err err = {.code = ERR_NONE};

	if (targets_check_pull_secret(ts, t, &err) < 0)
		targets_report(ts, t, status_of_config(&err), err.msg);
	else if (targets_is_revoked(t))
		targets_report(ts, t, STATUS_REVOKED, t->permit->why);
	else if (t->failure)
		targets_report(ts, t, status_of_fetch(t->failure), t->failure->msg);
	else
		targets_report(ts, t, STATUS_FETCHING, "");
}

/* Once it is there, it is each namespace's own to ask for. */
static bool is_on_the_way(const struct targets *ts, const struct digest *module)
{
	return map_get(&ts->on_the_way, module->hex) && !targets_has_module(ts, module);
}

static void start_fetch(struct targets *ts, struct target *t, const struct reconcile_step *step,
	const struct reconcile_facts *facts)
{
	if (is_on_the_way(ts, &t->desired->image.sha256)) {
		due_no_later(&ts->due, t, facts->now + SHARED_MS);
		return;
	}
	targets_start_fetch(ts, t, step->known, facts->file_mark);
	if (!t->fetching)
		due_no_later(&ts->due, t, t->retry_at);
}

static void act(struct targets *ts, struct target *t, const struct reconcile_step *step,
	const struct reconcile_facts *facts)
{
	const struct extension *ext = t->desired;

	if (step->fetch)
		start_fetch(ts, t, step, facts);
	if (ext->suspend)
		targets_report(ts, t, STATUS_SUSPENDED, "");
	else if (step->commit)
		targets_program(ts, t, &step->module);
	else if (!step->known_module && !facts->unsure_pull)
		report_missing(ts, t);
}

/* Brings a target as far as it can go now, and says when to look at it again. */
static void advance(struct targets *ts, struct target *t)
{
	struct reconcile_facts facts = {.now = 0};
	struct reconcile_step step;

	targets_find_permit(ts, t);
	gather(&facts, ts, t);
	step = reconcile(t, &facts);
	t->has_module = step.known_module;
	t->current = false;
	if (!facts.unsure_configs && !facts.unsure_pull)
		t->resolved = targets_resolved(ts, t);
	due_set(&ts->due, t, step.wake_at);
	if (reconcile_follows(t->desired) && !t->desired->suspend)
		due_no_later(&ts->due, t, facts.now + SOON_MS);
	act(ts, t, &step, &facts);
	targets_check_permit(ts, t, !facts.unsure_pull);
	targets_note_revoked(ts, t);
	t->glance = reconcile_follows(t->desired) && t->status.reason == STATUS_PROGRAMMED &&
		    !t->fetching && t->look_at == facts.now + SOON_MS;
}

/* Returns whether all that was due of the target was a glance, and that showed nothing. */
static bool glance(struct targets *ts, struct target *t)
{
	if (!t->glance || mark_of(ts, t->desired->image.uri) != t->file_mark)
		return false;
	due_set(&ts->due, t, io_monotonic_ms() + SOON_MS);
	t->glance = true;
	return true;
}

void targets_look_at(struct targets *ts, struct target *t)
{
	if (glance(ts, t))
		return;
	due_drop(&ts->due, t);
	if (ts->metrics)
		metrics_add(&ts->metrics->reconciles, 1);
	if (t->desired)
		advance(ts, t);
	else if (t->refusal)
		targets_report(ts, t, STATUS_INVALID, t->refusal);
	if (ts->owner.looked_at)
		ts->owner.looked_at(ts->owner.arg, t);
	forget_if_idle(ts, t);
}

void targets_advance(struct targets *ts)
{
	int64_t now = io_monotonic_ms();
	int64_t until = now + TARGETS_PORTION_MS;
	struct target *t = NULL;

	while (targets_may_write(ts) && (t = due_next(&ts->due, now)) && io_monotonic_ms() < until)
		targets_look_at(ts, t);
}

int64_t targets_due(const struct targets *ts)
{
	return io_earlier(due_at(&ts->due), upkeep_due(&ts->upkeep));
}

static struct target *find_or_make(struct targets *ts, const char *name)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct target *t = map_get(&ts->by_name, name);
	struct err err;

	if (t)
		return t;
	t = target_new(name);
	(void)map_put(&ts->by_name, name, t);
	count_reason(ts, t, 1);
	if (store_peek_record(ts->store, name, &r, &err) == 0) {
		target_observe(t, &r);
		target_resume(t, io_monotonic_ms(), targets_random());
		targets_note_served(ts, &r);
		targets_restore_permit(ts, t, &r);
	} else if (err.code != ERR_NOT_FOUND)
		log_error("record not usable", LOG_STR("name", name), LOG_ERR(&err));
	return t;
}

struct target *targets_apply(struct targets *ts, struct extension *ext)
{
	AUTO(free) char *name = extension_resource_name(ext);
	struct target *t = find_or_make(ts, name);

	if (target_desire(t, ext))
		upkeep_record_changed(&ts->upkeep);
	references_set(&ts->references, t);
	ts->needs_known = false;
	due_set(&ts->due, t, io_monotonic_ms());
	return t;
}

struct target *targets_refuse(struct targets *ts, const char *name, const char *why)
{
	struct target *t = find_or_make(ts, name);

	target_refuse(t, why);
	due_set(&ts->due, t, io_monotonic_ms());
	return t;
}

static void delete_record(struct targets *ts, const char *name)
{
	struct err err;

	upkeep_record_changed(&ts->upkeep);
	if (store_delete_record(ts->store, name, &err) < 0) {
		log_error("record not removed", LOG_STR("name", name), LOG_ERR(&err));
		ts->unswept = true;
	} else if (ts->metrics)
		metrics_add(&ts->metrics->records_deleted, 1);
}

void targets_delete(struct targets *ts, const char *name)
{
	struct target *t = map_get(&ts->by_name, name);

	log_info("extension deleted", LOG_STR("name", name));
	delete_record(ts, name);
	if (!t)
		return;
	target_abandon(t);
	references_set(&ts->references, t);
	due_drop(&ts->due, t);
	ts->needs_known = false;
	if (ts->owner.looked_at)
		ts->owner.looked_at(ts->owner.arg, t);
	forget_if_idle(ts, t);
}

static void sweep_record(void *arg, const char *name, const struct record_stamp *stamp)
{
	struct targets *ts = arg;
	const struct target *t = map_get(&ts->by_name, name);

	(void)stamp;
	if (t && target_wanted(t))
		return;
	log_info("record without manifest removed", LOG_STR("name", name));
	delete_record(ts, name);
}

int targets_sweep(struct targets *ts, struct err *err)
{
	ts->unswept = false;
	return store_each_record(ts->store, sweep_record, ts, err);
}

int targets_init(struct targets *ts, const char *store_dir, const struct upkeep_options *upkeep,
	const struct fetch_options *fetch, int workers, struct err *err)
{
	struct store_policy policy = {.max_bytes = (uint64_t)upkeep->store_max_bytes,
		.needs = targets_is_needed,
		.arg = ts};

	*ts = (struct targets){.fetch = *fetch};
	ts->temp_dir = xasprintf("%s/ingest", store_dir);
	ts->fetch.temp_dir = ts->temp_dir;
	upkeep_init(&ts->upkeep, upkeep, io_monotonic_ms());
	permissions_init(&ts->permissions, upkeep->permission_interval_ms);
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

/* Targets unlink themselves from what they refer to. */
static void clear_targets(struct targets *ts)
{
	struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;

	while ((t = map_next(&ts->by_name, &at, &name))) {
		extension_free(STEAL(t->desired));
		references_set(&ts->references, t);
	}
	map_clear(&ts->by_name, target_free);
	references_clear(&ts->references);
	due_clear(&ts->due);
}

void targets_clear(struct targets *ts)
{
	if (ts->pool)
		fetch_pool_stop(ts->pool);
	targets_drop_fetches(ts);
	inbox_free(ts->done);
	clear_targets(ts);
	map_clear(&ts->objects, free_object);
	map_clear(&ts->unreadable, free);
	permissions_clear(&ts->permissions);
	map_clear(&ts->on_the_way, NULL);
	map_clear(&ts->stripped, free);
	map_clear(&ts->marks, free);
	map_clear(&ts->needed, NULL);
	store_close(ts->store);
	free(ts->temp_dir);
}
