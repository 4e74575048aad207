/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/gate.h - who comes in: the names in a client's certificate, and what the policy file gives
 * them. The file is read again when it changes; one that cannot be read leaves the one before in
 * force. Threads: those that serve, one at a time.
 */
#ifndef WASMXDS_XDS_GATE_H
#define WASMXDS_XDS_GATE_H

#include <stdbool.h>

#include "base/err.h"
#include "xds/grpc.h"
#include "xds/policy.h"

struct gate; /* opaque */

/* Reads the policy file, which is kept by name.  ERR_INVALID names the line; ERR_NOT_FOUND,
 * ERR_DENIED, ERR_TRANSIENT. */
struct gate *gate_new(const char *policy_file, struct err *err);
void gate_free(struct gate *g);

/* A client as the gate knows it. */
struct visitor {
	char **names; /* owned; of its certificate */
	size_t n;
	struct grant *grant; /* owned; NULL: it may have nothing */
};

/* Fills out from the call's verified certificate. */
void gate_admit(const struct gate *g, grpc_call *call, struct visitor *out);
void visitor_clear(struct visitor *v);

/* Reads the policy again where the file changed.  Returns whether there is a new one. */
bool gate_refresh(struct gate *g);

/* Returns whether the policy gives the visitor what it gave when it came. */
bool gate_still_admits(const struct gate *g, const struct visitor *v);

#endif
