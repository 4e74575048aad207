/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/directory_events.h - the events of kube/source.h as words, so that a test says in
 * one string what it expects.
 */
#ifndef WASMXDS_TESTS_UNIT_DIRECTORY_EVENTS_H
#define WASMXDS_TESTS_UNIT_DIRECTORY_EVENTS_H

#include <stdlib.h>

#include "base/buf.h"
#include "kube/source.h"
#include "tests/unit/test.h"

static inline void directory_event_clear(struct source_event *event)
{
	object_free(event->object);
	free(event->key);
	free(event->origin);
}

/* Writes one word for each event: "+x=1(a)" applied, "-x(a)" deleted, "!a" invalid,
 * "?a" invalid by conflict, "~a" mended. */
static inline void directory_event_note(void *arg, struct source_event *event)
{
	struct buf *out = arg;
	struct err err;
	const char *name = event->key ? strrchr(event->key, '/') + 1 : "";
	const struct object_value *value =
		event->object ? map_get(&event->object->values, "v") : NULL;
	int result = -1;

	switch (event->change) {
	case SOURCE_APPLIED:
		result = buf_printf(out, &err, "+%s=%.*s(%s) ", name, value ? (int)value->len : 0,
			value ? value->bytes : "", event->origin);
		break;
	case SOURCE_DELETED:
		result = buf_printf(out, &err, "-%s(%s) ", name, event->origin);
		break;
	case SOURCE_INVALID:
		CU_ASSERT_NOT_EQUAL(event->err.msg[0], '\0');
		result = buf_printf(out, &err, "%c%s ", event->err.code == ERR_CONFLICT ? '?' : '!',
			event->origin);
		break;
	case SOURCE_MENDED:
		result = buf_printf(out, &err, "~%s ", event->origin);
		break;
	}
	CU_ASSERT_EQUAL(result, 0);
	directory_event_clear(event);
}

#endif
