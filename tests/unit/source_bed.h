/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/source_bed.h - what lies behind a struct source, for tests that know only that: a
 * folder of files, or a fake API server.
 */
#ifndef WASMXDS_TESTS_UNIT_SOURCE_BED_H
#define WASMXDS_TESTS_UNIT_SOURCE_BED_H

#include "base/buf.h"
#include "kube/client.h"
#include "kube/source.h"
#include "tests/unit/api_server.h"

struct bed;

struct bed_methods {
	const char *name;
	void (*open)(struct bed *b);
	void (*close)(struct bed *b);
	/* Puts a WasmExtension with this vm_id, or one that breaks our rules where it is NULL. */
	void (*put_extension)(struct bed *b, const char *name, const char *vm_id);
	/* Puts a Secret or ConfigMap of the value v. */
	void (*put_value)(
		struct bed *b, enum object_kind kind, const char *name, const char *value);
	void (*erase)(struct bed *b, enum object_kind kind, const char *name);
	void (*go_away)(struct bed *b); /* all of it, until */
	void (*come_back)(struct bed *b);
};

struct bed {
	const struct bed_methods *methods;
	struct source *source; /* owned */
	struct buf noted;      /* what came since the last look; a word an event */
	struct err err;        /* of the last step that failed */
	unsigned failures;

	struct api_server *server; /* owned; of the API server */
	struct client *client;     /* owned; likewise */
	char *base;                /* owned; of the folder: what it lies in */
	char *path;                /* owned; likewise: the folder */
};

/* All of them; the last has no name.  Objects are in the namespace "n". */
extern const struct bed_methods beds[];

void bed_open(struct bed *b, const struct bed_methods *methods);
void bed_close(struct bed *b);
static inline void auto_bed(struct bed *b)
{
	bed_close(b);
}

/* Waits for a moment and steps the source once.  Words: "+Kind/name=value" (of an extension its
 * vm_id), "-Kind/name", "!name" (INVALID). */
void bed_step(struct bed *b);

/* Steps until these words came, in any order, and expects no others. */
void bed_expect(struct bed *b, const char *words);

/* Steps until the source has failed again. */
void bed_expect_failure(struct bed *b);

#endif
