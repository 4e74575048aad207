/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/permission.h - which namespace may have which module, by what its own sources let it
 * fetch.  A module lies in the store once for all, and to know its digest is no permission: a
 * namespace gets it after a source gave it the bytes, or showed, asked with the namespace's own
 * credentials, that it still has under the same uri what it once gave somebody as these bytes.
 *
 * A permit is what one source lets one namespace have.  It is asked for again now and then; only a
 * source that says no takes it away, one that is down, or no longer has the module, does not.  A
 * registry may say no by hiding what it has: where it says that there is no such thing, before and
 * after it shows it to another namespace, that is a no.
 * Pure: time and chance are passed in.  Threads: the controller's.
 */
#ifndef WASMXDS_CONTROLLER_PERMISSION_H
#define WASMXDS_CONTROLLER_PERMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/map.h"

enum permit_state {
	PERMIT_NONE, /* never given */
	PERMIT_HELD,
	PERMIT_LOST, /* it was, and the source said no since */
};

struct holding; /* what all permits of one namespace and module share */

struct permit {
	char *key;               /* owned */
	const char *source;      /* the end of key */
	struct holding *holding; /* borrowed from the table */
	enum permit_state state;
	char *why;        /* owned; LOST: what the source said */
	int64_t check_at; /* ms; HELD: when to ask again; unused: when it is forgotten */
	unsigned failed;  /* checks in a row that told nothing */
	bool checking;
	bool missing;        /* HELD: the source had no such thing when it was asked last */
	uint64_t asked_on;   /* the turn of the last question */
	uint64_t missing_on; /* missing: of the first answer that said so */
	uint64_t shown_on;   /* missing: when the source showed it to others since; 0: it did not */
	unsigned users;
	int64_t idle_since; /* ms; when a sweep saw first that it has no users; 0: none did */
};

/* What a source gave: bytes of that digest, which it called by that revision. */
struct proof {
	struct digest module;
	char *revision; /* owned */
};

struct permissions {
	int64_t interval_ms; /* between two checks of a permit, at most; 0: it is never checked */
	struct map permits;  /* by namespace, module and source; owned */
	struct map holdings; /* by namespace and module; owned */
	struct map proofs;   /* by source; owned */
	uint64_t turn;       /* of questions and answers */
	size_t missing;      /* permits that are */
	bool hurried; /* permits are due now that were not, of which their users do not know */
};

void permissions_init(struct permissions *p, int64_t interval_ms);
void permissions_clear(struct permissions *p);

/* Forgets what nobody uses once its check is due, or once it was so for keep_ms, seen by two
 * sweeps, and what was proved of their sources. */
void permissions_sweep(struct permissions *p, int64_t now, int64_t keep_ms);

/* Returns the permit, made where there is none, for one more user, who gives it back. */
struct permit *permission_take(struct permissions *p, const char *namespace,
	const struct digest *module, const char *source);
struct permit *permission_share(struct permit *g);                  /* for one more user */
void permission_give_back(struct permissions *p, struct permit *g); /* NULL is fine */

/* Returns whether the namespace may have the module, by this source or by another of its own. */
bool permission_holds(const struct permit *g);

/* The source gave the module, or what it has was shown to be that. */
void permission_given(struct permissions *p, struct permit *g, int64_t now, uint32_t random);

/* A record of earlier says that the source gave it, or that it was lost since; asked soon. */
void permission_restored(
	struct permissions *p, struct permit *g, bool lost, int64_t now, uint32_t random);

/* When to ask the source; INT64_MAX: not now. */
int64_t permission_due(const struct permissions *p, const struct permit *g);

/* What it is asked with changed: the source is asked at once. */
void permission_hurry(struct permit *g, int64_t now);

/* The source is being asked. */
void permission_asked(struct permissions *p, struct permit *g);

/* The source answered; err NULL: it lets the namespace have it.  ERR_DENIED takes a permit away,
 * and ERR_NOT_FOUND where the source shows the module to others; no other code does.  Returns
 * whether the namespace's permission is another now. */
bool permission_answered(struct permissions *p, struct permit *g, const struct err *err,
	int64_t now, uint32_t random);

/* A source gave these bytes and called them so; revision "" tells nothing. */
void permission_prove(struct permissions *p, const char *source, const struct digest *module,
	const char *revision);

/* Returns what the source gave last, or NULL; borrowed until the next call of
 * permission_prove(). */
const struct proof *permission_proof(const struct permissions *p, const char *source);

#endif
