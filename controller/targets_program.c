/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "artifact/artifact.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/config.h"
#include "controller/reconcile.h"
#include "controller/targets_parts.h"
#include "store/keyring.h"

#define STRIP_RETRY_MS 10000 /* before debug sections are dropped again, when that failed */
#define STRIPPED_SPARE 16    /* modules that are remembered beside those of the targets */

static struct stripped *remember(struct targets *ts, const struct digest *module)
{
	struct stripped *s = map_get(&ts->stripped, module->hex);

	if (s)
		return s;
	if (ts->stripped.n > ts->by_name.n + STRIPPED_SPARE)
		map_clear(&ts->stripped, free);
	s = xcalloc(1, sizeof(*s));
	(void)map_put(&ts->stripped, module->hex, s);
	return s;
}

/* Where both are one, nothing could go, or it was to be kept. */
void targets_note_served(struct targets *ts, const struct record *r)
{
	struct stripped *s = NULL;

	if (digest_equal(&r->module, &r->served))
		return;
	s = remember(ts, &r->module);
	s->served = (struct served){.digest = r->served, .bytes = r->served_bytes};
	s->failure.code = ERR_NONE;
}

/* Drops the debug sections, if they are there and that was not done before. */
static int find_left(
	struct served *out, struct targets *ts, const struct digest *module, struct err *err)
{
	struct stripped *known = remember(ts, module);
	bool failed = known->failure.code != ERR_NONE;

	if (failed && io_monotonic_ms() < known->retry_at) {
		*err = known->failure;
		return -1;
	}
	if (failed || !targets_has_module(ts, &known->served.digest)) {
		*known = (struct stripped){.retry_at = io_monotonic_ms() + STRIP_RETRY_MS};
		if (served_make(&known->served, ts->store, module, &known->failure) < 0) {
			*err = known->failure;
			return -1;
		}
	}
	*out = known->served;
	return 0;
}

/* Finds out how large the module is, and what of it is served. */
static int find_served(struct artifact_input *in, struct targets *ts, struct err *err)
{
	struct served served = {.digest = in->module};

	if (!store_has_blob(ts->store, &in->module, &in->module_bytes))
		return err_set(err, ERR_TRANSIENT, "module %s is not in the store", in->module.hex);
	served.bytes = in->module_bytes;
	if (in->extension->image.debug_sections == DEBUG_SECTIONS_DROP &&
		find_left(&served, ts, &in->module, err) < 0)
		return -1;
	in->served = served.digest;
	in->served_bytes = served.bytes;
	return 0;
}

static int build_record(struct record *out, const struct targets *ts, const struct target *t,
	struct artifact_input *in, struct err *err)
{
	if (config_is_secret(t->desired)) {
		if (store_keys(ts->store)->n == 0)
			return err_set(err, ERR_DENIED,
				"a Secret's value is not kept unsealed, and there is no key: see "
				"--seal-key");
		in->seal = &store_keys(ts->store)->items[0];
	}
	if (targets_resolve(ts, t, &in->plugin, &in->vm, err) < 0)
		return -1;
	return artifact_build(out, in, err);
}

/* Of a pinned module too it is known what the source called it last. */
static void add_origin(struct record *r, const struct target *t)
{
	const struct resolution *resolution = target_resolution(t);

	if (resolution && digest_equal(&resolution->module, &r->module))
		r->revision = xstrdup_null(resolution->revision);
	r->refetch = xstrdup_null(t->refetched);
}

static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool is_recorded(const struct target *t, const struct record *r)
{
	return !t->unrecorded && is_same(t->served_version, r->version) &&
	       is_same(t->recorded.source, r->source) &&
	       digest_equal(&t->recorded.module, &r->module);
}

/* The store cannot take it now. */
static void put_off(struct targets *ts, struct target *t, const struct err *err)
{
	targets_report(ts, t, status_of_store(err), err->msg);
	due_no_later(&ts->due, t, io_monotonic_ms() + SOON_MS);
	if (err->code == ERR_FULL)
		upkeep_no_room(&ts->upkeep);
}

/* Only another module, or another rest of it, leaves garbage. */
static int put(struct targets *ts, struct target *t, const struct record *r, struct err *err)
{
	bool other = t->served_version && !(digest_equal(&t->recorded.module, &r->module) &&
						  t->served_bytes == r->served_bytes);

	if (store_put_record(ts->store, r, err) < 0)
		return -1;
	target_observe(t, r);
	ts->needs_known = false;
	if (other)
		upkeep_record_changed(&ts->upkeep);
	if (ts->metrics)
		metrics_add(&ts->metrics->records_put, 1);
	return 0;
}

/* The version, which is kept elsewhere, is no part of what is said. */
static void report_programmed(struct targets *ts, struct target *t, bool is_new)
{
	bool again = is_new && t->status.reason == STATUS_PROGRAMMED;

	targets_report(ts, t, STATUS_PROGRAMMED, "");
	if (again && t->status.reason == STATUS_PROGRAMMED)
		targets_log(t);
}

void targets_program(struct targets *ts, struct target *t, const struct digest *module)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct artifact_input in = {.extension = t->desired, .module = *module};
	bool is_new = false;
	struct err err;

	if (find_served(&in, ts, &err) < 0) {
		put_off(ts, t, &err);
		return;
	}
	if (build_record(&r, ts, t, &in, &err) < 0) {
		targets_report(ts, t, status_of_config(&err), err.msg);
		return;
	}
	add_origin(&r, t);
	is_new = !is_recorded(t, &r);
	if (is_new && put(ts, t, &r, &err) < 0) {
		put_off(ts, t, &err);
		return;
	}
	target_settle(t);
	t->current = !reconcile_lags(t);
	if (targets_check_pull_secret(ts, t, &err) < 0)
		targets_report(ts, t, status_of_config(&err), err.msg);
	else if (!t->current)
		targets_report(ts, t, status_of_fetch(t->failure), t->failure->msg);
	else
		report_programmed(ts, t, is_new);
}
