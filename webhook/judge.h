/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/judge.h - what becomes of a review: first from the document alone, then from what was
 * found out about the user and the module, by those who may wait for it.
 * Pure.
 */
#ifndef WASMXDS_WEBHOOK_JUDGE_H
#define WASMXDS_WEBHOOK_JUDGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/extension.h"
#include "base/digest.h"
#include "base/err.h"
#include "webhook/review.h"

/* On a WasmExtension: "false" keeps the webhook from setting its sha256. */
#define JUDGE_PIN_ANNOTATION "wasmxds.tetrate.io/pin"

struct judge_policy {
	bool pin;                /* sha256 is set where it is absent */
	const char *module_root; /* local_fs modules lie below it; NULL: anywhere */
};

/* An object that the extension refers to, which its user must be allowed to read. */
struct referral {
	const char *field;    /* whose value it is */
	const char *resource; /* "secrets" or "configmaps" */
	const char *namespace;
	const char *name;
};

#define JUDGE_REFERRALS 3 /* plugin_configuration, vm_configuration, pull_secret */

struct judgement {
	struct verdict verdict;
	struct extension *extension; /* owned; NULL: the verdict is final; of a mutation no more
				      * than its image is set */
	bool wants_module;           /* judge_module() is to be called */
	bool mutates;
	bool is_stale; /* sha256 is of another image, and the webhook's own work */
	struct referral referrals[JUDGE_REFERRALS]; /* borrowed from extension */
	size_t n_referrals; /* judge_forbidden() may be called for each, before that */
};

/* What is known of the module that an image leads to. */
struct finding {
	struct err err; /* ERR_NONE: digest is known; ERR_INVALID, ERR_UNVERIFIED: what is there
			 * is no module; else why it is not known now */
	struct digest digest;
	uint64_t size;        /* of the module, where it was looked at; 0: it was not */
	uint64_t debug_bytes; /* of it */
	struct err module;    /* ERR_NONE: nothing is known against it; else why it cannot run */
};

/* Judges r on its way to being stored: where sha256 is to be set, wants_module is true. */
void judge_mutation(
	struct judgement *out, const struct review *r, const struct judge_policy *policy);

/* Judges whether r may be stored. */
void judge_validation(
	struct judgement *out, const struct review *r, const struct judge_policy *policy);

/* Takes in that the user called name may not get the object of ref. */
void judge_forbidden(struct judgement *j, const struct referral *ref, const char *name);

/* Takes in what is known of the module. */
void judge_module(struct judgement *j, const struct finding *found);

void judgement_clear(struct judgement *j);
static inline void auto_judgement(struct judgement *j)
{
	judgement_clear(j);
}

#endif
