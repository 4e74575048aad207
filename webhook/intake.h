/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/intake.h - which requests are taken, by their head and by how long their body becomes,
 * and with what they are answered if they are not.  What is in a body: see webhook/review.h.
 * Pure.
 */
#ifndef WASMXDS_WEBHOOK_INTAKE_H
#define WASMXDS_WEBHOOK_INTAKE_H

#include <stddef.h>
#include <stdint.h>

#include "webhook/tally.h"

/* A request's head, as it was sent; all borrowed, and never NULL. */
struct intake_head {
	const char *method;
	const char *path;
	const char *type;   /* Content-Type; "": none, as below */
	const char *length; /* Content-Length */
};

struct intake {
	enum tally_path path;
	unsigned status; /* HTTP's, with which it is refused; 0: nothing is wrong */
	const char *why; /* a line for who sent it; constant */
	size_t received; /* bytes of the body */
};

enum intake_use {
	INTAKE_KEEP,
	INTAKE_PASS_OVER, /* it is refused, once all is read: who still sends hears no answer */
	INTAKE_HANG_UP,   /* it goes on and on */
};

/* Looks at the head. */
void intake_begin(struct intake *out, const struct intake_head *head);

/* Says what becomes of the next n bytes of the body; all is what is kept of all bodies with
 * them. */
enum intake_use intake_take(struct intake *in, size_t n, size_t all);

#endif
