/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/host.h - the host of a uri, as text: whether it could be one.  Pure: asks no resolver.
 */
#ifndef WASMXDS_BASE_HOST_H
#define WASMXDS_BASE_HOST_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/* Returns whether the n bytes are a DNS name (RFC 1123, and '_', which some use), or look like one.
 */
bool host_is_name(const char *host, size_t n);

/* Reads an IPv6 address in brackets, the n bytes of host; returns whether it is one. */
bool host_read_ipv6(struct in6_addr *out, const char *host, size_t n);

#endif
