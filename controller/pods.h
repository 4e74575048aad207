/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/pods.h - where the xds pods are: every address that a name leads to.
 * Threads: any; pods_find() waits for the resolver.
 */
#ifndef WASMXDS_CONTROLLER_PODS_H
#define WASMXDS_CONTROLLER_PODS_H

#include <stddef.h>

#include "base/err.h"

struct pods {
	char **urls; /* owned, and each of them: "http://10.0.0.7:8611" */
	size_t n;
};

void pods_clear(struct pods *pods);
static inline void auto_pods(struct pods *pods)
{
	pods_clear(pods);
}

/* ERR_INVALID unless admin is "host:port", before it "http://" where one likes; a host that is an
 * IPv6 address stands in brackets. */
int pods_check(const char *admin, struct err *err) __attribute__((warn_unused_result));

/* Appends every address that admin leads to, once.  A pod of two families is asked by IPv4, since
 * both would count it twice.  ERR_TRANSIENT: the name cannot be looked up, or leads to more than
 * LIMIT_SURVEY_PODS in all. */
int pods_find(struct pods *pods, const char *admin, struct err *err)
	__attribute__((warn_unused_result));

#endif
