/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/conditions.h - from what is known of an extension to the status that its object should
 * show, and whether that must be written.  Pure: time is passed in, as seconds since 1970.
 *
 * Of what an object shows only hashes and times are kept, no text, since there may be 10,000 of
 * them.  The status, as the CRD has it:
 *	conditions[] {type, status, observedGeneration, lastTransitionTime, reason, message}
 *	observedGeneration, resolvedSha256, shortSha256, manifestDigest, sizeBytes, servedBytes,
 *	lastHandledRefetch, proxies {connected, acked, nacked, summary, firstNack}
 * What is not known is not there.  No value of a Secret gets into it.
 */
#ifndef WASMXDS_CONTROLLER_CONDITIONS_H
#define WASMXDS_CONTROLLER_CONDITIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "api/node.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "controller/status.h"

/* Each is about what the one before left; Ready sums them up. */
enum condition_type {
	CONDITION_ACCEPTED,   /* the manifest keeps the rules */
	CONDITION_RESOLVED,   /* every Secret, ConfigMap and key that it refers to is there */
	CONDITION_FETCHED,    /* its module is in the store, verified */
	CONDITION_PROGRAMMED, /* what is served is what this generation asks for */
	CONDITION_READY,      /* all that, and no proxy refused it */
};
#define CONDITION_TYPES 5

enum condition_state { CONDITION_UNKNOWN, CONDITION_FALSE, CONDITION_TRUE };

/* The proxies that subscribe to an extension; all zero where that is not known. */
struct conditions_proxies {
	bool pending; /* it will soon be known: what the object shows is left as it is */
	bool known;   /* every xds pod was asked; else nacked is what some of them said */
	uint32_t connected;
	uint32_t acked;           /* of connected, run the served version */
	uint32_t nacked;          /* of connected, refused it */
	const char *nack_node;    /* borrowed; of the first refusal; NULL: none */
	const char *nack_message; /* borrowed; likewise, in the proxy's words */
};

/* All that is known of an extension; texts are borrowed, and NULL where there is none. */
struct conditions_facts {
	const char *uid; /* of the object that is judged */
	int64_t generation;
	enum status_reason reason; /* the first thing that is in the way, or STATUS_PROGRAMMED */
	const char *message;       /* of that */
	bool resolved;             /* the references were found when last looked at */
	bool fetched;              /* the store has the module that the image stands for */
	bool current;          /* what is served is what this generation asks for all the same */
	const char *serving;   /* version of the record in the store */
	struct digest module;  /* that the image stands for; not set: not known */
	const char *manifest;  /* OCI: digest of the manifest that it was in, "sha256:..." */
	uint64_t size_bytes;   /* of module; 0: not known */
	uint64_t served_bytes; /* of what is sent of it; 0: not known */
	const char *refetch;   /* last value of EXTENSION_REFETCH that was acted on */
	bool has_secret; /* a value of a Secret is served: proxies' words, which may hold it, are
			    withheld */
	struct conditions_proxies proxies;
};

/* What an object's status shows, as far as that is known; all zero at first. */
struct conditions_memory {
	uint64_t uid;        /* hash of the object's; 0: not known, or it has none */
	uint64_t substance;  /* hash of all but what the next three are of */
	uint64_t wording;    /* of others' messages */
	uint64_t fleet;      /* of whether proxies have it, all have it, one refused it */
	uint64_t counts;     /* of their numbers, and of the first refusal */
	uint32_t written_at; /* 0: not by this process */
	uint32_t since[CONDITION_TYPES]; /* lastTransitionTime; 0: never set */
	uint8_t states[CONDITION_TYPES]; /* enum condition_state */
	uint8_t reason;                  /* enum status_reason, of Ready */
	uint16_t generation;             /* its last bits */
};

enum conditions_verdict {
	CONDITIONS_SAME,  /* nothing to write */
	CONDITIONS_HELD,  /* less is known than the object shows, and more will be soon */
	CONDITIONS_LATER, /* only words or counts differ, and they were written a moment ago */
	CONDITIONS_WRITE,
};

struct conditions_judgement {
	enum conditions_verdict verdict;
	int64_t look_at;               /* LATER: seconds since 1970 */
	struct conditions_memory next; /* WRITE: what is known once it is written */
};

/* Compares what is known of an object's status with what it should be.  Words that only count or
 * time something differently are the same words. */
struct conditions_judgement conditions_judge(
	const struct conditions_memory *known, const struct conditions_facts *facts, int64_t now);

/* Appends the JSON patch (RFC 6902) of the object's /status that brings it there, at most
 * LIMIT_STATUS_BYTES.  It tests the uid, which a merge patch could not: on /status the API server
 * passes over metadata, and what is about an object that was deleted would land on the next of its
 * name.  next is of the judgement.  ERR_INVALID: over out's ceiling. */
int conditions_patch(struct buf *out, const struct conditions_facts *facts,
	const struct conditions_memory *next, struct err *err) __attribute__((warn_unused_result));

/* Takes in the status subtree of the object with this uid as the API server has it (NULL: none), so
 * that what it shows already is not written again, and transition times stay.  What this process
 * wrote to it a moment ago counts more: the API server's news of it may be older.  Returns whether
 * it is another object than before. */
bool conditions_adopt(
	struct conditions_memory *known, const char *uid, const struct node *status, int64_t now);

/* As the API spells them; never NULL. */
const char *condition_type_name(enum condition_type type);    /* "Accepted" */
const char *condition_state_name(enum condition_state state); /* "True" */

/* Of which condition reason is the trouble where it stands in the way; fetched as in the facts. */
enum condition_type condition_of_reason(enum status_reason reason, bool fetched);

#endif
