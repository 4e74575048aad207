/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/upkeep.h"

#include "base/io.h"
#include "base/log.h"
#include "store/collect.h"

#define COLLECT_PAUSE_MS 60000 /* between two collections at least; less where grace is less */
#define COLLECT_LEAST_MS 1000  /* the same, whatever grace is */
#define COLLECT_FULL_MS 10000  /* the same where there is no room, which may last */
#define SCRUB_LEAST_MS 100     /* between two blobs */
#define SCRUB_FIRST_MS 1000    /* the same in the first round: what rotted is about to be served */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int64_t collect_pause(const struct upkeep *u)
{
	int64_t pause =
		later(COLLECT_LEAST_MS, io_earlier(u->options.gc_grace_ms, COLLECT_PAUSE_MS));

	return u->full ? io_earlier(pause, COLLECT_FULL_MS) : pause;
}

void upkeep_init(struct upkeep *u, const struct upkeep_options *options, int64_t now)
{
	*u = (struct upkeep){.options = *options, .collected_at = now};
	u->collect_at = now + collect_pause(u);
	u->scrub_at = options->scrub_interval_ms > 0 ? now + SCRUB_FIRST_MS : INT64_MAX;
}

void upkeep_record_changed(struct upkeep *u)
{
	u->collect_at = io_earlier(u->collect_at, u->collected_at + collect_pause(u));
}

void upkeep_no_room(struct upkeep *u)
{
	u->full = true;
	upkeep_record_changed(u);
}

int64_t upkeep_due(const struct upkeep *u)
{
	return io_earlier(u->collect_at, u->scrub_at);
}

/* Returns whether all records could be read. */
static bool collect(struct upkeep *u, struct store *st, int64_t now)
{
	int64_t grace = u->full ? 0 : u->options.gc_grace_ms;
	struct store_garbage garbage;
	struct err err = {.code = ERR_NONE};

	if (store_collect(st, now, grace, &garbage, &err) < 0)
		log_error("unused modules not removed", LOG_ERR(&err));
	u->full = false;
	u->collected_at = now;
	u->collect_at = later(garbage.next_at, now + collect_pause(u));
	if (err.code != ERR_NONE)
		u->collect_at = now + collect_pause(u);
	if (garbage.blobs > 0)
		log_info("unused modules removed", LOG_INT("count", (int64_t)garbage.blobs),
			LOG_INT("bytes", (int64_t)garbage.bytes));
	return err.code != ERR_UNVERIFIED;
}

/* Returns whether all is well as far as one blob tells; a round that is over tells of none. */
static bool scrub(struct upkeep *u, struct store *st, int64_t now)
{
	struct err err = {.code = ERR_NONE};
	bool over;
	int64_t pause;

	if (store_scrub(st, &u->scrub, &err) < 0)
		log_error("module damaged", LOG_ERR(&err));
	over = !digest_is_set(&u->scrub.last);
	if (over) {
		u->later_round = true;
		upkeep_record_changed(u); /* a collection reads every record */
	}
	pause = u->options.scrub_interval_ms / (int64_t)(u->scrub.blobs + 1);
	if (!u->later_round)
		pause = io_earlier(pause, SCRUB_FIRST_MS);
	u->scrub_at = now + later(pause, SCRUB_LEAST_MS);
	return !over && err.code != ERR_UNVERIFIED;
}

bool upkeep_run(struct upkeep *u, struct store *st, int64_t now)
{
	if (now >= u->collect_at)
		return !collect(u, st, now);
	if (now >= u->scrub_at)
		return !scrub(u, st, now);
	return false;
}
