/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/challenge.h - what a server wants to see before it answers: WWW-Authenticate, as RFC 9110
 * section 11 writes it.  Whether the realm deserves a credential is fetch/realm.h's to say.
 * Pure.
 */
#ifndef WASMXDS_FETCH_CHALLENGE_H
#define WASMXDS_FETCH_CHALLENGE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* All zero before the first header. */
struct challenge {
	bool basic;    /* user and password will do */
	bool bearer;   /* a token of realm will do */
	char *realm;   /* owned; where bearer: of the first such challenge */
	char *service; /* owned; NULL: not said */
	char *scope;   /* owned; NULL: not said */
	size_t n;      /* challenges read, of any scheme */
};

/* Adds what the value of one header says.  Schemes that we do not know count for nothing.
 * ERR_INVALID: not what the RFC allows, or too much of it; c then still can be cleared only. */
int challenge_add(struct challenge *c, const char *value, struct err *err)
	__attribute__((warn_unused_result));

void challenge_clear(struct challenge *c);
static inline void auto_challenge(struct challenge *c)
{
	challenge_clear(c);
}

#endif
