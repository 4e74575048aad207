/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/targets_parts.h - what the files behind controller/targets.h share.
 * Threads: the controller's.
 */
#ifndef WASMXDS_CONTROLLER_TARGETS_PARTS_H
#define WASMXDS_CONTROLLER_TARGETS_PARTS_H

#include "artifact/artifact.h"
#include "artifact/served.h"
#include "controller/targets.h"

/* Of work at a time: other things are due too, the Lease before all. */
#define TARGETS_PORTION_MS 200
#define SOON_MS 1000 /* until what cannot be done now, or only be seen by looking, is looked at */

/* What a module was found to be served as without its debug sections, so that it is not read again
 * to find that out: after a restart the records tell. */
struct stripped {
	struct served served; /* where failure.code is ERR_NONE */
	struct err failure;   /* why that could not be found out */
	int64_t retry_at;     /* ms; it is not tried again before */
};

/* Says it of the target, and logs it, where it is new. */
void targets_report(
	struct targets *ts, struct target *t, enum status_reason reason, const char *message);

/* Finds what the target is configured with; codes as config_resolve(). */
int targets_resolve(const struct targets *ts, const struct target *t,
	struct artifact_config *plugin, struct artifact_config *vm, struct err *err)
	__attribute__((warn_unused_result));

/* Returns whether it is known what there is of the object; r may be NULL. */
bool targets_know(const struct targets *ts, const struct reference *r);

/* The codes of config_pull_secret(). */
int targets_check_pull_secret(const struct targets *ts, const struct target *t, struct err *err)
	__attribute__((warn_unused_result));

/* Returns whether all that the target refers to is there. */
bool targets_resolved(const struct targets *ts, const struct target *t);

/* Logs what was said of it last. */
void targets_log(const struct target *t);

bool targets_has_module(const struct targets *ts, const struct digest *digest);

/* The record tells what is served of its module. */
void targets_note_served(struct targets *ts, const struct record *r);

/* targets_permission.c: */

/* Returns whether the target's namespace may have the module. */
bool targets_may_have(struct targets *ts, const struct target *t, const struct digest *module);

/* A record of earlier says where its module came from. */
void targets_restore_permit(struct targets *ts, struct target *t, const struct record *r);

/* Sees to it that t->permit is for what the image, which is desired, stands for now. */
void targets_find_permit(struct targets *ts, struct target *t);
void targets_drop_permit(struct targets *ts, struct target *t);

/* A source gave the module to the namespace of the target called name; revision NULL: it was only
 * asked, and has what it had. */
void targets_given(struct targets *ts, const char *name, const struct digest *module,
	const char *source, const char *revision);

/* A source was asked for g; err NULL: it lets the namespace have the module. */
void targets_answered(struct targets *ts, struct permit *g, const struct err *err);

/* Returns what the source is known to have given as the module that the target wants, so that it is
 * enough to ask whether it still has that; NULL: it must be fetched. */
const struct proof *targets_proof(const struct targets *ts, const struct target *t);

/* Asks for the permit where that is due, and sees to it that the next time is not missed. */
void targets_check_permit(struct targets *ts, struct target *t, bool may_ask);

/* Returns whether no source of the namespace lets it have the module any more. */
bool targets_is_revoked(const struct target *t);

/* Has the record say that, where it is new. */
void targets_note_revoked(struct targets *ts, struct target *t);

/* targets_fetch.c: */

/* Starts to ask for t->permit, which targets_collect() ends. */
void targets_start_check(struct targets *ts, struct target *t);

/* Starts a fetch, which targets_collect() ends. */
void targets_start_fetch(
	struct targets *ts, struct target *t, const char *known, uint64_t file_mark);

/* The fetches that were handed over and not taken in. */
void targets_drop_fetches(struct targets *ts);

/* Looks at one target; a target that nobody wants is gone thereafter, unless it is being fetched.
 */
void targets_look_at(struct targets *ts, struct target *t);

/* The module is there: puts the record that says what the manifest says. */
void targets_program(struct targets *ts, struct target *t, const struct digest *module);

/* Whether the store is ours to change now. */
bool targets_may_write(const struct targets *ts);

/* The policy.needs of the store. */
bool targets_is_needed(void *arg, const struct digest *digest);

uint32_t targets_random(void);

#endif
