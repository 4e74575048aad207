/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/target.h - one extension: what is wanted, what is there, what is under way.
 * Pure.  There may be 10,000 of them, so that what is rare is kept apart.
 */
#ifndef WASMXDS_CONTROLLER_TARGET_H
#define WASMXDS_CONTROLLER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/extension.h"
#include "base/digest.h"
#include "base/err.h"
#include "controller/publication.h"
#include "controller/status.h"
#include "store/record.h"

/* A module as somebody resolved it from a source. */
struct resolution {
	char *source;   /* owned; NULL: none */
	char *revision; /* owned; what the source called it; NULL: not known */
	struct digest module;
};

/* What an API server says of the object. */
struct target_identity {
	char *uid; /* owned; NULL: it is of a manifest */
	int64_t generation;
};

struct permit;         /* controller/permission.h */
struct reference_link; /* controller/references.h */

struct target {
	char *name;                /* owned; "namespace/name" */
	struct extension *desired; /* owned; NULL: nobody asks for it */
	char *refusal; /* owned; why the object as it is now is not accepted: desired is then of an
			* earlier one, or NULL; NULL: it is */
	struct target_identity identity;

	char *served_version;       /* owned; of the record in the store; NULL: none */
	struct resolution recorded; /* what that record was made from */
	uint64_t recorded_bytes;    /* of that module */
	uint64_t served_bytes;      /* of what is sent of it */
	bool recorded_revoked;      /* it says that its source says no since */
	bool has_secret;            /* it holds a Secret's value */

	struct permit *permit; /* counted; of what the image stands for; NULL: that is not known */
	bool fetching;
	bool outdated;              /* the image changed while it was being fetched */
	bool unrecorded;            /* fetched or refetched is news, though the module may not be */
	char *refetching;           /* owned; the annotation's value that the fetch is for */
	char *refetched;            /* owned; its last value that was acted upon */
	uint64_t file_mark;         /* follow: of the file as it was when last fetched; 0: never */
	struct resolution *fetched; /* owned; by this process, and not recorded yet; NULL: none */
	struct err *failure; /* owned; of the last fetch; NULL: it went well, or there was none */
	unsigned attempts;   /* failures in a row */
	int64_t retry_at;    /* ms; no fetch before */
	int64_t check_at;    /* ms; track: the source is not asked before */

	int64_t look_at; /* ms; nothing is to be done for it before; see due.h */
	size_t due_slot; /* of due.h */
	bool glance;     /* nothing is due at look_at but a look at the file that is followed */
	struct reference_link *links; /* owned by references.h; NULL: it refers to nothing */

	bool resolved;   /* what it refers to was there when last looked at */
	bool has_module; /* the store has the module that the image stands for */
	bool current;    /* the record is what the manifest and the newest of its module ask for */
	struct status status;
	struct publication publication;
};

/* A fetch that went well. */
struct target_catch {
	bool unchanged;              /* the source has nothing else */
	const struct digest *module; /* else */
	const char *revision;        /* what the source calls it; "": not known */
};

/* Fills out with the modules that the target is, or will be, made from; returns how many.  Some may
 * be not set. */
#define TARGET_NEEDS 3
size_t target_needs(const struct target *t, struct digest out[TARGET_NEEDS]);

/* Returns whether somebody asks for the target, be it as it should be or not. */
bool target_wanted(const struct target *t);

/* A new manifest for the target: takes ext over, and forgets failures when the image is new.
 * Returns whether it is. */
bool target_desire(struct target *t, struct extension *ext);

/* What is there now is not accepted: what was desired before stays. */
void target_refuse(struct target *t, const char *why);

/* Nobody asks for it any more. */
void target_abandon(struct target *t);

/* The store has r for this target (NULL: nothing). */
void target_observe(struct target *t, const struct record *r);

/* What the store has is right as it is: of a fetch that brought just that, nothing more is kept. */
void target_settle(struct target *t);

/* After a restart, all that are tracked are not asked for at once. */
void target_resume(struct target *t, int64_t now, uint32_t random);

/* A fetch begins. */
void target_fetching(struct target *t, uint64_t file_mark);

/* It ended: with got, or with an error (got NULL). */
void target_fetched(struct target *t, const struct target_catch *got, const struct err *err,
	int64_t now, uint32_t random);

/* What may pass by itself is tried again by then, if that is earlier. */
void target_not_after(struct target *t, int64_t at);

/* Whoever failed the last fetch wants to be left alone until then, if that is later. */
void target_not_before(struct target *t, int64_t at);

/* Returns whether its annotation asks for a fetch that was not done yet. */
bool target_wants_refetch(const struct target *t);

/* What the desired image is resolved from, "https://host/path"; the caller frees it. */
char *target_source(const struct target *t);

/* Returns whether r was resolved from the desired image's source; r may be NULL. */
bool target_resolves(const struct target *t, const struct resolution *r);

/* What it came to with this source, the newest first; NULL: it is not known. */
const struct resolution *target_resolution(const struct target *t);

struct target *target_new(const char *name); /* never NULL */
void target_free(void *target);

#endif
