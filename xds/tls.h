/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/tls.h - the server's certificate, and whom it asks for one, from files that may change.
 * The files are looked at on each handshake, so that a new certificate needs no restart and no
 * stream is dropped; files that do not fit together (a rotation half-way) leave the ones before in
 * force, and are logged.  TLS 1.2 and later.  Threads: gRPC's, under a lock of its own.
 */
#ifndef WASMXDS_XDS_TLS_H
#define WASMXDS_XDS_TLS_H

#include "base/err.h"
#include "xds/grpc.h"

struct tls_files {
	const char *cert;      /* PEM: the chain */
	const char *key;       /* PEM */
	const char *client_ca; /* PEM; NULL: clients need no certificate */
};

struct tls; /* opaque */

/* Reads the files once; they are kept by name.  ERR_INVALID: not a certificate and its key;
 * ERR_NOT_FOUND, ERR_DENIED, ERR_TRANSIENT: a file cannot be read. */
struct tls *tls_new(const struct tls_files *files, struct err *err);

/* After every server that has its credentials is gone; NULL is fine. */
void tls_free(struct tls *tls);

/* Returns credentials for a server port, which the caller releases. */
grpc_server_credentials *tls_credentials(struct tls *tls);

#endif
