/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/guard.h - which addresses a fetch may connect to.  Pure.
 * Asked when a socket is about to be opened, so that redirects, names that change their address
 * meanwhile and odd spellings of an address are covered.  Where the environment names a proxy, that
 * is what is connected to, and its address is the one that is judged; what the proxy then resolves
 * is its own to judge.
 * Of a v6 address that carries a v4 one (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) both must
 * pass.
 */
#ifndef WASMXDS_FETCH_GUARD_H
#define WASMXDS_FETCH_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sys/socket.h>

#include "base/err.h"

/* The addresses that begin with the first bits of bytes; v4 in the first four of them. */
struct cidr {
	bool v4;
	unsigned bits;
	uint8_t bytes[16];
};

/* All zero: private and public addresses, nothing else. */
struct guard {
	bool allow_loopback;
	const struct cidr *allow; /* borrowed */
	size_t n_allow;
	const struct cidr *deny; /* borrowed */
	size_t n_deny;
};

/* Reads "10.0.0.0/8", "fd00::/8" or one address.  ERR_INVALID: neither, a prefix that is too long,
 * or bits set behind it. */
int cidr_parse(struct cidr *out, const char *text, struct err *err)
	__attribute__((warn_unused_result));

/* Returns 0 where address may be connected to.  The longest prefix that covers it decides, deny
 * before allow; where none does, link-local, metadata, unspecified, multicast, broadcast and
 * reserved addresses are refused, and loopback unless it is allowed.  ERR_DENIED says why. */
int guard_check(const struct guard *g, const struct sockaddr *address, struct err *err)
	__attribute__((warn_unused_result));

#endif
