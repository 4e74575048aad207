/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/difference_steps.h - what a test of kube/difference.h does to it: files of Secrets,
 * written as "x=1 y=2".
 */
#ifndef WASMXDS_TESTS_UNIT_DIFFERENCE_STEPS_H
#define WASMXDS_TESTS_UNIT_DIFFERENCE_STEPS_H

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/difference.h"
#include "tests/unit/directory_events.h"

/* Returns a Secret called name, whose one value is version. */
static inline struct object *secret(const char *name, const char *version)
{
	struct object *object = xcalloc(1, sizeof(*object));
	struct object_value *value = xcalloc(1, sizeof(*value));

	object->kind = OBJECT_SECRET;
	object->namespace = xstrdup("ns");
	object->name = xstrdup(name);
	value->bytes = xstrdup(version);
	value->len = strlen(version);
	(void)map_put(&object->values, "v", value);
	return object;
}

/* Reads "x=1 y=2": the Secret x in version 1, then y in version 2. */
static inline void manifest_of(struct manifest *out, const char *text)
{
	char name[16];
	char version[16];
	int used = 0;

	*out = (struct manifest){.objects = xcalloc(strlen(text) + 1, sizeof(struct object *))};
	while (sscanf(text, " %15[^=]=%15s%n", name, version, &used) == 2) {
		out->objects[out->n++] = secret(name, version);
		text += used;
	}
}

static inline void show(struct difference *d, const char *file, const char *text)
{
	AUTO(manifest) struct manifest m;

	manifest_of(&m, text);
	difference_show(d, file, &m, NULL);
}

static inline void show_wrong(struct difference *d, const char *file, const char *text)
{
	AUTO(manifest) struct manifest m;
	const struct err wrong = {.code = ERR_INVALID, .msg = "it is wrong"};

	manifest_of(&m, text);
	difference_show(d, file, &m, &wrong);
}

static inline void fail(struct difference *d, const char *file, const char *msg)
{
	struct err wrong = {.code = ERR_NONE};

	err_set(&wrong, ERR_DENIED, "%s", msg);
	difference_fail(d, file, &wrong);
}

static inline void refill(struct difference *d, const char *file, const char *text)
{
	AUTO(manifest) struct manifest m;

	manifest_of(&m, text);
	difference_refill(d, file, &m);
}

static inline void expect(struct difference *d, const char *events)
{
	AUTO(buf) struct buf noted = BUF_INIT(LIMIT_MIB);

	difference_report(d, directory_event_note, &noted);
	if (strcmp(buf_text(&noted), events) != 0)
		printf("\n  wanted \"%s\", got \"%s\"\n", events, buf_text(&noted));
	CU_ASSERT_STRING_EQUAL(buf_text(&noted), events);
}

#endif
