/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "controller/targets_parts.h"
#include "store/collect.h"
#include "store/keyring.h"

/* A record that cannot be served is put again as soon as it can, so that readers hear of it who had
 * to do without. */
static void review(struct targets *ts, struct target *t)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	if (!t->served_version)
		return;
	if (store_get_record(ts->store, t->name, &r, &err) == 0) {
		if (targets_has_module(ts, &r.served))
			return;
		(void)err_set(&err, ERR_NOT_FOUND, "module %s is gone", r.served.hex);
	}
	log_error("extension damaged in the store", LOG_STR("name", t->name), LOG_ERR(&err));
	free(STEAL(t->served_version));
	due_set(&ts->due, t, io_monotonic_ms());
}

static void measure(const struct targets *ts)
{
	uint64_t bytes = 0;
	struct err err;

	if (ts->metrics && store_used(ts->store, &bytes, &err) == 0)
		metrics_set(&ts->metrics->store_bytes, bytes);
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
	struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;
	bool changed = false;
	struct err err;

	if (store_refresh_keys(ts->store, &changed, &err) < 0)
		log_error("seal key not usable, the one before stays", LOG_ERR(&err));
	if (!changed)
		return;
	log_info("seal key changed", LOG_STR("key", store_keys(ts->store)->items[0].id));
	while ((t = map_next(&ts->by_name, &at, &name)))
		due_set(&ts->due, t, io_monotonic_ms());
}

void targets_upkeep(struct targets *ts)
{
	struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;
	int64_t now = io_monotonic_ms();
	bool amiss = false;

	refresh_keys(ts);
	if (now < upkeep_due(&ts->upkeep) || !targets_may_write(ts))
		return;
	amiss = upkeep_run(&ts->upkeep, ts->store, now);
	/* without the module, the source is asked for its bytes in any case */
	permissions_sweep(&ts->permissions, now, ts->upkeep.options.gc_grace_ms);
	measure(ts);
	while (amiss && (t = map_next(&ts->by_name, &at, &name)))
		review(ts, t);
	ts->unswept = ts->unswept || amiss;
}

static void need(struct targets *ts, const struct digest *digest)
{
	const struct stripped *left = map_get(&ts->stripped, digest->hex);

	if (digest_is_set(digest))
		(void)map_put(&ts->needed, digest->hex, ts);
	if (left && digest_is_set(&left->served.digest))
		(void)map_put(&ts->needed, left->served.digest.hex, ts);
}

static void find_needed(struct targets *ts)
{
	const struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;

	map_clear(&ts->needed, NULL);
	while ((t = map_next(&ts->by_name, &at, &name))) {
		struct digest needs[TARGET_NEEDS];
		size_t n = target_needs(t, needs);

		for (size_t i = 0; i < n; i++)
			need(ts, &needs[i]);
	}
	ts->needs_known = true;
}

bool targets_is_needed(void *arg, const struct digest *digest)
{
	struct targets *ts = arg;

	if (!ts->needs_known)
		find_needed(ts);
	return map_get(&ts->needed, digest->hex) != NULL;
}
