/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/standing.h - the five conditions of an extension and what its proxies
 * say, from what is known of it.  Pure.
 */
#ifndef WASMXDS_CONTROLLER_STANDING_H
#define WASMXDS_CONTROLLER_STANDING_H

#include <stdbool.h>

#include "base/limits.h"
#include "controller/conditions.h"

struct standing_condition {
	enum condition_state state;
	enum status_reason reason;
	char message[LIMIT_STATUS_MESSAGE_BYTES + 1];
};

/* What a status shows, beside what it takes from the facts as it is. */
struct standing {
	struct standing_condition conditions[CONDITION_TYPES];
	bool proxies_known;
	uint32_t connected, acked, nacked;
	char first_nack[LIMIT_STATUS_NODE_BYTES + 2 + LIMIT_STATUS_MESSAGE_BYTES +
			1]; /* "": none */
};

void standing_of(struct standing *out, const struct conditions_facts *facts);

/* Returns whether the message beside reason is others' words, rather than ours alone. */
bool standing_is_fault(enum status_reason reason);

#endif
