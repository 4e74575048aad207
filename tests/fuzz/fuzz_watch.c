/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server's answers to one kube/watch.h.  Input: records that end with 0x1E; the first byte says
 * how an answer ends (W: whole, C: cut, G: 410, F: 503, R: 429), the rest is its body, of which a
 * portion is as long as the second byte says.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "kube/watch.h"

#define RECORD_END 0x1E

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct watch *watch; /* owned */
	struct map given;    /* keys; no values */
	int64_t now;
};

static void require(bool holds)
{
	if (!holds)
		__builtin_trap();
}

/* What goes was there. */
static void on_event(void *arg, struct watch_event *event)
{
	struct world *world = arg;

	require(event->key && strchr(event->key, '/'));
	if (event->document)
		(void)map_put(&world->given, event->key, world);
	else
		require(map_take(&world->given, event->key));
}

static int take(struct world *world, const uint8_t *body, size_t n, size_t part, struct err *err)
{
	for (size_t at = 0; at < n; at += part) {
		size_t len = n - at < part ? n - at : part;
		AUTO(free) char *exact = xmalloc(len);

		memcpy(exact, body + at, len);
		if (watch_take(world->watch, exact, len, on_event, world, err) < 0)
			return -1;
	}
	return 0;
}

static void answer(struct world *world, const uint8_t *record, size_t n)
{
	struct err why = {.code = ERR_TRANSIENT, .msg = "cut"};
	struct err err = {.code = ERR_NONE};
	struct watch_end end = {.status = 200, .now = world->now, .random = record[1]};

	if (record[0] == 'G' || record[0] == 'F' || record[0] == 'R') {
		end.status = record[0] == 'G' ? 410 : record[0] == 'F' ? 503 : 429;
		end.retry_after_ms = (int64_t)record[1] * 1000;
		end.why = &why;
	} else if (take(world, record + 2, n - 2, (size_t)record[1] + 1, &why) < 0 ||
		   record[0] == 'C') {
		end.why = &why;
	}
	if (watch_end(world->watch, &end, on_event, world, &err) < 0)
		require(err.msg[0] != '\0');
	require(watch_due(world->watch) >= world->now);
	require(watch_due(world->watch) < world->now + 120000);
	world->now = watch_due(world->watch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world world = {.watch = watch_new("/api/v1/secrets", NULL)};

	while (size > 2) {
		const uint8_t *end = memchr(data, RECORD_END, size);
		size_t n = end ? (size_t)(end - data) : size;

		if (n >= 2) {
			AUTO(free) char *path = watch_ask(world.watch, world.now, data[1]);

			require(strncmp(path, "/api/v1/secrets?", 16) == 0);
			answer(&world, data, n);
		}
		n += end != NULL;
		data += n;
		size -= n;
	}
	watch_free(world.watch);
	map_clear(&world.given, NULL);
	return 0;
}
