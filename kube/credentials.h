/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/credentials.h - where the API server is and who we are to it: out of a pod's service account
 * or a kubeconfig (kube/kubeconfig.h).
 * Threads: found by main, before there are others.
 */
#ifndef WASMXDS_KUBE_CREDENTIALS_H
#define WASMXDS_KUBE_CREDENTIALS_H

#include "base/err.h"

/* Bytes that stand in a file or were given in place; neither: none. */
struct credential {
	char *file; /* owned; NULL: none */
	char *data; /* owned; text; NULL: none; comes before file */
};

struct credentials {
	char *server;                  /* owned; "https://host:port", and a path where it has one */
	char *server_name;             /* owned; whom its certificate names; NULL: the server */
	char *namespace;               /* owned; ours; NULL: not known */
	struct credential authority;   /* PEM; none: the system's */
	struct credential token;       /* Bearer; its file is read anew for each request */
	struct credential certificate; /* PEM; ours */
	struct credential key;         /* PEM; of certificate */
};

/* Finds them: in the kubeconfig file if one is given, else in the pod, else in the first file of
 * $KUBECONFIG, else in ~/.kube/config.  ERR_NOT_FOUND: nowhere; ERR_INVALID and others name what is
 * wrong. */
int credentials_find(struct credentials *out, const char *kubeconfig, struct err *err)
	__attribute__((warn_unused_result));

/* Reads what a pod has in folder: ca.crt, namespace, token; the server is at host and port. */
int credentials_from_pod(struct credentials *out, const char *folder, const char *host,
	const char *port, struct err *err) __attribute__((warn_unused_result));

void credentials_clear(struct credentials *c);
static inline void auto_credentials(struct credentials *c)
{
	credentials_clear(c);
}

#endif
