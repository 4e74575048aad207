/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http/daemon.h - what our servers of libmicrohttpd have in common: where they listen, and where
 * the library's words go.
 */
#ifndef WASMXDS_HTTP_DAEMON_H
#define WASMXDS_HTTP_DAEMON_H

#include <netdb.h>
#include <stdarg.h>
#include <sys/socket.h>

#include <microhttpd.h>

#include "base/err.h"

/* Reads "[::1]:80", "127.0.0.1:80" or "host:80".  *host, as it was written, and *out are the
 * caller's.  ERR_INVALID says what is wrong. */
int daemon_resolve(struct addrinfo **out, char **host, const char *listen, struct err *err)
	__attribute__((warn_unused_result));
static inline void auto_addrinfo(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

/* The address that is bound, with its real port; the caller frees it. */
char *daemon_address(struct MHD_Daemon *daemon, const char *host);

/* For MHD_OPTION_EXTERNAL_LOGGER. */
void daemon_log(void *arg, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
