/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/query.h - the paths by which an API server is asked for all that there is of a kind, and for
 * what changes.  What is not ours to read, such as a token, is encoded.  Pure.
 */
#ifndef WASMXDS_KUBE_QUERY_H
#define WASMXDS_KUBE_QUERY_H

#include <stdint.h>

/* Both are about what path lists ("/api/v1/namespaces/x/secrets"), or, with a name, about the one
 * object that is called so; the caller frees the result. */

/* A page of a list, from its start or, with a token, from where it goes on. */
char *query_list(const char *path, const char *name, const char *token);

/* What changes after the state of this version, for so many seconds. */
char *query_watch(const char *path, const char *name, const char *version, uint32_t seconds);

#endif
