/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/query.h"
#include "kube/watch_reader.h"

#define BACKOFF_FIRST_MS 100
#define LIFETIME_S 240       /* of a watch: so long, and up to twice that */
#define SOUND_MS 5000        /* a watch that lived so long was no failure */
#define ERRORS_BEFORE_LIST 3 /* ERROR events in a row, nothing else between */

#define STATUS_GONE 410

enum phase { PHASE_LIST, PHASE_WATCH };

struct watch {
	char *path; /* owned */
	char *name; /* owned; NULL: all */
	int64_t interval_ms;

	enum phase phase; /* what is asked, or will be */
	bool asked;       /* it is under way */
	int64_t due;      /* when to ask, if it is not */
	int64_t began;    /* when it was asked */
	unsigned failures;

	struct watch_reader reader;
	bool synced;
};

struct watch *watch_new(const char *path, const char *name)
{
	struct watch *w = xcalloc(1, sizeof(*w));

	w->path = xstrdup(path);
	w->name = xstrdup_null(name);
	watch_reader_init(&w->reader);
	return w;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	watch_reader_clear(&w->reader);
	free(w->path);
	free(w->name);
	free(w);
}

void watch_set_interval(struct watch *w, int64_t interval_ms)
{
	if (interval_ms == 0 && w->interval_ms > 0 && !w->asked)
		w->due = 0;
	w->interval_ms = interval_ms;
}

int64_t watch_due(const struct watch *w)
{
	return w->asked ? INT64_MAX : w->due;
}

bool watch_streams(const struct watch *w)
{
	return w->asked && w->phase == PHASE_WATCH;
}

bool watch_synced(const struct watch *w)
{
	return w->synced;
}

static void list_anew(struct watch *w)
{
	w->phase = PHASE_LIST;
	watch_reader_rewind(&w->reader);
}

void watch_repeat(struct watch *w)
{
	known_repeat(&w->reader.known);
	list_anew(w);
}

/* The servers of a fleet would otherwise see all watches come back at once. */
static char *ask_to_watch(struct watch *w, uint32_t random)
{
	watch_reader_begin_watch(&w->reader);
	return query_watch(w->path, w->name, w->reader.version, LIFETIME_S + random % LIFETIME_S);
}

static char *ask_to_list(struct watch *w)
{
	watch_reader_begin_page(&w->reader);
	return query_list(w->path, w->name, w->reader.token);
}

char *watch_ask(struct watch *w, int64_t now, uint32_t random)
{
	w->asked = true;
	w->began = now;
	return w->phase == PHASE_WATCH ? ask_to_watch(w, random) : ask_to_list(w);
}

int watch_take(struct watch *w, const char *bytes, size_t n, watch_receiver *each, void *arg,
	struct err *err)
{
	return watch_reader_take(&w->reader, bytes, n, each, arg, err);
}

/* Half of the backoff is certain, so that a server that fails at once is not asked at once. */
static int64_t backoff_ms(const struct watch *w, const struct watch_end *end)
{
	bool denied = end->status == 401 || end->status == 403 || end->status == 404;
	int64_t most = denied ? WATCH_DENIED_MS : WATCH_BACKOFF_MS;
	int64_t base = BACKOFF_FIRST_MS;
	int64_t asked = w->reader.outcome.retry_after_ms;
	int64_t wait = 0;

	for (unsigned i = 1; i < w->failures && base < most; i++)
		base *= 2;
	if (base > most)
		base = most;
	wait = base / 2 + end->random % (base / 2 + 1);
	if (asked < end->retry_after_ms)
		asked = end->retry_after_ms;
	if (asked > LIMIT_KUBE_RETRY_AFTER_MS)
		asked = LIMIT_KUBE_RETRY_AFTER_MS;
	return wait > asked ? wait : asked;
}

static void ask_later(struct watch *w, const struct watch_end *end)
{
	w->failures++;
	w->due = end->now + backoff_ms(w, end);
}

static int page_ended(struct watch *w, const struct watch_end *end, watch_receiver *each, void *arg,
	struct err *err)
{
	int rc = 0;

	w->failures = 0;
	w->due = end->now;
	if (w->reader.token)
		return 0;
	w->synced = w->reader.unreadable == 0;
	rc = watch_reader_end_list(&w->reader, each, arg, err);
	if (w->interval_ms > 0)
		w->due += w->interval_ms / 2 + end->random % (w->interval_ms / 2 + 1);
	else
		w->phase = PHASE_WATCH;
	return rc;
}

static int failed(const struct watch_end *end, struct err *err)
{
	if (end->why) {
		*err = *end->why;
		return -1;
	}
	return err_set(err, ERR_TRANSIENT, "the server answered %ld", end->status);
}

/* Returns whether a status says that it is no use to ask from there again. */
static bool is_lost(long status)
{
	return status == STATUS_GONE || status == 400 || status == 422;
}

static int list_ended(struct watch *w, const struct watch_end *end, watch_receiver *each, void *arg,
	struct err *err)
{
	bool whole = end->status == 200 && !end->why;
	int rc = whole ? watch_reader_end_page(&w->reader, err) : failed(end, err);

	watch_reader_drop(&w->reader);
	if (rc == 0)
		return page_ended(w, end, each, arg, err);
	/* A token that grew too old is normal in a long list. */
	if (end->status == STATUS_GONE && w->reader.token)
		rc = 0;
	if (is_lost(end->status) || whole || w->reader.outcome.spoiled)
		list_anew(w);
	ask_later(w, end);
	return rc;
}

static bool must_list(const struct watch *w, const struct watch_end *end)
{
	const struct watch_outcome *came = &w->reader.outcome;

	return came->spoiled || is_lost(end->status) || is_lost(came->ended_by) ||
	       (came->ended_by != 0 && w->failures >= ERRORS_BEFORE_LIST);
}

static int watch_ended(struct watch *w, const struct watch_end *end, struct err *err)
{
	const struct watch_outcome *came = &w->reader.outcome;
	bool lived = end->status == 200 && !came->spoiled && came->ended_by == 0 &&
		     (came->moved || end->now - w->began >= SOUND_MS);
	bool gone = end->status == STATUS_GONE || came->ended_by == STATUS_GONE;

	watch_reader_drop(&w->reader);
	if (lived || came->moved) /* one event ends a row of failures */
		w->failures = 0;
	if (lived) {
		w->due = end->now + end->random % BACKOFF_FIRST_MS;
		return 0;
	}
	if (must_list(w, end))
		list_anew(w);
	ask_later(w, end);
	return gone || (end->status == 200 && !end->why) ? 0 : failed(end, err);
}

int watch_end(struct watch *w, const struct watch_end *end, watch_receiver *each, void *arg,
	struct err *err)
{
	w->asked = false;
	return w->phase == PHASE_LIST ? list_ended(w, end, each, arg, err)
				      : watch_ended(w, end, err);
}
