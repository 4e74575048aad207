/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/server.h - serves the store to Envoy over gRPC: ECDS and ADS.
 * The shell around xds/stream.h: a few workers (xds/worker.h), each with the streams that it
 * accepted; the catalog and the view of the store are theirs together.  Needs no Kubernetes and no
 * outbound network. Threads: xds_server_start() and xds_server_stop() from main.
 */
#ifndef WASMXDS_XDS_SERVER_H
#define WASMXDS_XDS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "xds/question.h"
#include "xds/tls.h"

struct xds_server; /* opaque */

struct xds_options {
	const char *listen;    /* "127.0.0.1:8610"; port 0: any free one */
	const char *store_dir; /* of an existing store */
	const char *seal_key;  /* file of keys (store/keyring.h); NULL: none */
	int64_t poll_ms;       /* between two looks at the store's generation */
	size_t max_streams;    /* at a time; one more is refused */
	struct tls_files tls;  /* cert NULL: plain text */
	const char *policy;    /* file (xds/policy.h), with tls.client_ca */
	const char *state_dir; /* where refusals are kept (xds/keeper.h); NULL: nowhere */
	bool sotw_full_state;  /* each SotW response carries all that is subscribed */
};

/* Loads the records of the store, binds and serves.  ERR_INVALID: the address; ERR_CONFLICT: the
 * port is taken; what store_open() and keeper_open() return. */
struct xds_server *xds_server_start(const struct xds_options *options, struct err *err);

/* Ends every stream and returns when the thread has ended; NULL is fine. */
void xds_server_stop(struct xds_server *x);

/* The address that is bound, with its real port; the caller frees it. */
char *xds_server_address(const struct xds_server *x);

/* Returns whether clients must show a certificate. */
bool xds_server_authenticates(const struct xds_server *x);

/* Has a serving thread call look(arg, view), and returns when it did; false when it did not
 * within timeout_ms, or the server is stopping.  From any other thread. */
bool xds_server_ask(struct xds_server *x, question_look *look, void *arg, int64_t timeout_ms);

#endif
