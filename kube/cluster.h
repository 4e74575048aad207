/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/cluster.h - an API server as a struct source.
 *
 * Each Secret and ConfigMap that is wanted has a watch of its own, with a field selector, so that
 * roles can be narrow and nothing else is read; over HTTP/2 a hundred of them share a connection.
 * Beyond LIMIT_KUBE_OBJECT_WATCHES the others are listed one by one, each about every 10 s, or less
 * often where there are more than 500; one that is no longer wanted gives its watch to another.
 * Threads: the client's.
 */
#ifndef WASMXDS_KUBE_CLUSTER_H
#define WASMXDS_KUBE_CLUSTER_H

#include <stddef.h>

#include "kube/client.h"
#include "kube/source.h"

struct cluster_options {
	const char *const *namespaces; /* whose WasmExtensions; borrowed during the call */
	size_t n;                      /* 0: those of all */
};

/* Makes one.  client is borrowed; source_wait() and source_step() are its client_wait() and
 * client_step(), for others that use it too. */
struct source *cluster_open(struct client *client, const struct cluster_options *options);

#endif
