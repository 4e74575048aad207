/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/watch_answers.h - what an API server answers to a list and a watch, and what comes of
 * it as words.
 */
#ifndef WASMXDS_TESTS_UNIT_WATCH_ANSWERS_H
#define WASMXDS_TESTS_UNIT_WATCH_ANSWERS_H

#include "base/buf.h"
#include "kube/watch.h"
#include "tests/unit/test.h"

#define OBJECT(name, version)                                                                     \
	"{\"metadata\":{\"namespace\":\"n\",\"name\":\"" name "\",\"resourceVersion\":\"" version \
	"\"}}"
#define LIST(version, next, ...)                                          \
	"{\"kind\":\"List\",\"metadata\":{\"resourceVersion\":\"" version \
	"\",\"continue\":\"" next "\"},\"items\":[" __VA_ARGS__ "]}\n"
#define EVENT(type, name, version) "{\"type\":\"" type "\",\"object\":" OBJECT(name, version) "}\n"
#define BOOKMARK(version)                                                                         \
	"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"" version "\"}}}" \
	"\n"
#define ERROR_EVENT(code)                                                    \
	"{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":" code \
	",\"message\":\"no\","                                               \
	"\"details\":{\"retryAfterSeconds\":9}}}\n"

/* JSON that says which object it is, and cannot be read. */
#define SPOILED(name, version)                                          \
	"{\"metadata\":{\"annotations\":{\"a\":1e999},\"name\":\"" name \
	"\",\"namespace\":\"n\",\"resourceVersion\":\"" version "\"}}"
#define SPOILED_EVENT(type, name, version) \
	"{\"type\":\"" type "\",\"object\":" SPOILED(name, version) "}\n"

/* Writes one word for each event: "+n/a@1" there in version 1, "?n/a@1" the same as an outline,
 * "-n/a" gone. */
static inline void watch_event_note(void *arg, struct watch_event *event)
{
	struct buf *out = arg;
	const struct node *metadata = node_get(event->document, "metadata");
	const struct node *version = node_get(metadata, "resourceVersion");
	struct err err;

	CU_ASSERT_EQUAL(buf_printf(out, &err, "%c%s%s%s ",
				event->unreadable ? '?'
				: event->document ? '+'
						  : '-',
				event->key, version ? "@" : "", version ? version->text : ""),
		0);
}

#endif
