/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/admin.h - the admin port: health, metrics, who runs what, and REST discovery.
 *	GET  / /page.css                        the status page (xds/page.h)
 *	GET  /livez /readyz                     text; 200, or 503 with the reason
 *	GET  /metrics                           Prometheus
 *	GET  /clients                           JSON (xds/report.h)
 *	GET  /summary                           lines of JSON (xds/summary.h)
 *	POST /v3/discovery:extension_configs    JSON; 304 while nothing changed, 404 for what is not
 *there Read-only, and without a secret.  Plain HTTP with no authentication: bind it where only
 *those who look after the fleet, and Envoys that use REST, can reach it. Threads: libmicrohttpd's
 *own two; they ask the serving thread (xds_server_ask()).
 */
#ifndef WASMXDS_XDS_ADMIN_H
#define WASMXDS_XDS_ADMIN_H

#include "base/err.h"
#include "xds/server.h"

struct admin; /* opaque */

/* Binds listen ("127.0.0.1:8611", "[::]:8611"; port 0: any free one).  Until admin_serve() it is
 * alive and answers 503 with reason, which is copied, to all else.  ERR_INVALID: the address;
 * ERR_CONFLICT: the port is taken. */
struct admin *admin_start(const char *listen, const char *reason, struct err *err);
void admin_stop(struct admin *admin); /* NULL is fine */

/* Has it answer for server, which must outlive it. */
void admin_serve(struct admin *admin, struct xds_server *server);

/* The address that is bound, with its real port; the caller frees it. */
char *admin_address(const struct admin *admin);

#endif
