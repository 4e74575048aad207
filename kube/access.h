/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/access.h - credentials as libcurl takes them: addresses, files, and the token of the moment.
 * Threads: the one that owns it.
 */
#ifndef WASMXDS_KUBE_ACCESS_H
#define WASMXDS_KUBE_ACCESS_H

#include "base/err.h"
#include "kube/credentials.h"

/* A file that libcurl reads by its name; what was given in place lies in memory. */
struct access_file {
	char *path; /* owned; NULL: none */
	int fd;     /* owned; -1: it is a file of the disk's */
};

struct access {
	struct credentials credentials; /* owned */
	char *base;                     /* owned; the URL up to a path */
	char *connect_to;               /* owned; CURLOPT_CONNECT_TO; NULL: where base says */
	struct access_file authority;
	struct access_file certificate;
	struct access_file key;
	char *token; /* owned; the last one that could be read */
};

/* Takes over what credentials holds, also where it fails.  ERR_INVALID: the server is no URL;
 * ERR_TRANSIENT: no memory for a file. */
int access_init(struct access *a, struct credentials *credentials, struct err *err)
	__attribute__((warn_unused_result));
void access_clear(struct access *a);

/* Finds the token to send now; *out is NULL where there is none, and borrowed until the next call.
 * The file is read anew, since it rotates; where that fails, the last one counts.  ERR_INVALID,
 * ERR_NOT_FOUND, ERR_DENIED: there never was one that can be sent. */
int access_token(const char **out, struct access *a, struct err *err)
	__attribute__((warn_unused_result));

#endif
