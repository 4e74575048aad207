/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/rotation.h - what is to be done about the webhook's own certificates next.  A new
 * authority is trusted everywhere before anything is signed with it, and an old one until it
 * expires, so that no handshake fails on the way.
 * Pure: times are passed in, in seconds since 1970.
 */
#ifndef WASMXDS_WEBHOOK_ROTATION_H
#define WASMXDS_WEBHOOK_ROTATION_H

#include <stdbool.h>
#include <stdint.h>

struct rotation_policy {
	int64_t ca_s;     /* lifetime of an authority */
	int64_t leaf_s;   /* of the server's certificate; at most half of that */
	int64_t settle_s; /* between a bundle's being in force and its new authority's use */
};

/* What is in the Secret, and whether the API server has it. */
struct rotation_facts {
	bool is_sound;    /* all is there and fits together, but for the leaf */
	int64_t ca_until; /* of the authority that signs */
	bool has_next;    /* there is one that will sign */
	int64_t next_until;
	int64_t first_until; /* of whatever in the bundle expires first */
	bool leaf_fits;      /* it is the authority's, for all our names, and has its key */
	int64_t leaf_until;
	bool is_trusted;   /* the bundle is in force in all configurations */
	int64_t trusted_s; /* for so long, as far as we have seen */
};

enum rotation_action {
	ROTATION_NONE,
	ROTATION_CREATE,   /* everything anew */
	ROTATION_ADD_NEXT, /* another authority into the bundle */
	ROTATION_PROMOTE,  /* it signs from now on, the server's certificate first */
	ROTATION_RENEW_LEAF,
	ROTATION_DROP_OLD, /* what has expired leaves the bundle */
};

enum rotation_action rotation_next(
	const struct rotation_policy *policy, const struct rotation_facts *facts, int64_t now);

/* Returns when rotation_next() may say something else, at the latest, were nobody to change
 * anything. */
int64_t rotation_due(
	const struct rotation_policy *policy, const struct rotation_facts *facts, int64_t now);

#endif
