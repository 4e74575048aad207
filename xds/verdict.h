/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/verdict.h - what a request says of the responses that it answers.  Not for the shell: see
 * xds/stream.h.  Pure.  Threads: those that serve, one at a time.
 */
#ifndef WASMXDS_XDS_VERDICT_H
#define WASMXDS_XDS_VERDICT_H

#include "xds/stream.h"

/* Returns the nonce that req answers, or 0: it is the first, or only changes the names. */
uint64_t verdict_nonce(const struct stream_request *req);

/* An Envoy that cannot use a configuration may say what stands in it, and neither a log nor a disk
 * may hold a value of a Secret: what stands for the reason there. */
#define VERDICT_WITHHELD "withheld, since a value of a Secret is in the configuration"

/* Takes in what req accepts or refuses, and says so in verdict, which is empty: a refusal before
 * anything that was accepted beside it. */
void verdict_take(
	struct stream *s, const struct stream_request *req, struct stream_verdict *verdict);

#endif
