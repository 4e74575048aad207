/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/findings.h"

#include <stdlib.h>

#include "base/xalloc.h"

struct findings_entry {
	char *key; /* owned */
	struct finding found;
	int64_t until_ms;
	struct findings_entry *older;
	struct findings_entry *newer;
};

void findings_init(struct findings *f, size_t max, int64_t good_ms, int64_t bad_ms)
{
	*f = (struct findings){.max = max, .good_ms = good_ms, .bad_ms = bad_ms};
}

static void entry_free(void *entry)
{
	struct findings_entry *e = entry;

	free(e->key);
	free(e);
}

void findings_clear(struct findings *f)
{
	map_clear(&f->by_key, entry_free);
	f->oldest = NULL;
	f->newest = NULL;
}

static void unlink_entry(struct findings *f, struct findings_entry *e)
{
	*(e->older ? &e->older->newer : &f->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &f->newest) = e->older;
}

static void drop(struct findings *f, struct findings_entry *e)
{
	(void)map_take(&f->by_key, e->key);
	unlink_entry(f, e);
	entry_free(e);
}

/* What nobody asks for again would else stay for ever.  One of a short life may wait behind one of
 * a long life. */
static void drop_expired(struct findings *f, int64_t now)
{
	while (f->oldest && now >= f->oldest->until_ms)
		drop(f, f->oldest);
}

void findings_put(struct findings *f, const char *key, const struct finding *found, int64_t now)
{
	drop_expired(f, now);

	struct findings_entry *e = map_get(&f->by_key, key);

	if (e)
		drop(f, e);
	else if (f->by_key.n >= f->max)
		drop(f, f->oldest);
	e = xcalloc(1, sizeof(*e));
	e->key = xstrdup(key);
	e->found = *found;
	e->until_ms = now + (found->err.code == ERR_NONE ? f->good_ms : f->bad_ms);
	e->older = f->newest;
	*(f->newest ? &f->newest->newer : &f->oldest) = e;
	f->newest = e;
	(void)map_put(&f->by_key, e->key, e);
}

bool findings_get(struct findings *f, const char *key, int64_t now, struct finding *out)
{
	struct findings_entry *e = map_get(&f->by_key, key);

	if (!e)
		return false;
	if (now >= e->until_ms) {
		drop(f, e);
		return false;
	}
	*out = e->found;
	return true;
}
