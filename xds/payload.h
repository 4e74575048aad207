/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/payload.h - a record that many senders share, counted.
 * Threads: any; the record does not change once it is shared.
 */
#ifndef WASMXDS_XDS_PAYLOAD_H
#define WASMXDS_XDS_PAYLOAD_H

#include "store/record.h"

struct payload; /* opaque */

/* Takes over what the record owns and leaves it empty; one reference for the caller, never NULL. */
struct payload *payload_new(struct record *r);
struct payload *payload_ref(struct payload *p);
void payload_unref(struct payload *p); /* NULL is fine */
static inline void auto_payload(struct payload **p)
{
	payload_unref(*p);
}

/* Borrowed, valid while a reference is held. */
const struct record *payload_record(const struct payload *p);

#endif
