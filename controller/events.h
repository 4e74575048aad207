/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/events.h - when an extension's change becomes a Kubernetes Event, and what it says.
 * Pure.  Time is passed in, as seconds since 1970.
 *
 * Events are of events.k8s.io/v1: its series says how often something came back, and its server
 * checks what core/v1 leaves open.  The same reason within the hour is the same Event, whose count
 * is raised, at most once a minute; no extension gets more than LIMIT_EVENTS_AN_HOUR objects.
 */
#ifndef WASMXDS_CONTROLLER_EVENTS_H
#define WASMXDS_CONTROLLER_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "controller/status.h"

#define EVENTS_CONTROLLER "wasmxds.tetrate.io/controller"

/* One Event object that was made. */
struct events_slot {
	uint32_t made_at;
	uint32_t sent_at; /* last */
	uint16_t count;   /* occurrences, also those that were not sent yet */
	uint8_t reason;   /* enum status_reason */
};

/* What was said of one extension; all zero at first. */
struct events_memory {
	uint64_t version; /* hash of what was served when something was last said; 0: not known */
	struct events_slot *slots; /* owned */
	uint8_t n;                 /* at most LIMIT_EVENTS_AN_HOUR */
	uint8_t reason;            /* enum status_reason, that was last said or seen */
};

void events_clear(struct events_memory *known);

/* What is to be said; texts are borrowed. */
struct events_facts {
	const char *namespace;
	const char *name;
	const char *uid;
	enum status_reason reason; /* of condition Ready */
	const char *message;
	const char *version; /* that is served; NULL: none */
};

enum events_verdict {
	EVENTS_NONE,   /* nothing to send */
	EVENTS_CREATE, /* POST events_create() to events_path(facts, NULL) */
	EVENTS_REPEAT, /* PATCH, merge, events_path(facts, slot) with events_repeat() */
};

struct events_judgement {
	enum events_verdict verdict;
	struct events_slot slot; /* count 0: none */
	int64_t at;
	uint64_t version;
	uint8_t reason;
};

struct events_judgement events_judge(
	const struct events_memory *known, const struct events_facts *facts, int64_t now);

/* It was sent, or there was nothing to send. */
void events_said(struct events_memory *known, const struct events_judgement *judgement);

/* The reason that the object's status showed before this process said anything. */
void events_adopt(struct events_memory *known, enum status_reason reason);

/* The Event object of slot is gone: the next occurrence makes another. */
void events_forget(struct events_memory *known, const struct events_slot *slot);

/* Returns whether it is something that was not to be expected: then it is a Warning. */
bool events_is_warning(enum status_reason reason);

/* Appends the body that makes the Event.  instance names this process.  ERR_INVALID: over out's
 * ceiling. */
int events_create(struct buf *out, const struct events_facts *facts, const struct events_slot *slot,
	const char *instance, struct err *err) __attribute__((warn_unused_result));

/* Appends the patch that raises its count. */
int events_repeat(struct buf *out, const struct events_slot *slot, struct err *err)
	__attribute__((warn_unused_result));

/* The path of the Event, or with slot NULL of the namespace's Events; the caller frees it. */
char *events_path(const struct events_facts *facts, const struct events_slot *slot);

#endif
