/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/webhook.h - the admission webhook: its parts, started and stopped in order, and its admin
 * port.
 *	GET /livez      200
 *	GET /readyz     200 once the certificate is in force, else 503 with the reason
 *	GET /metrics    Prometheus
 * Threads: those of its parts.
 */
#ifndef WASMXDS_WEBHOOK_WEBHOOK_H
#define WASMXDS_WEBHOOK_WEBHOOK_H

#include "base/err.h"
#include "webhook/desk.h"
#include "webhook/certifier.h"

struct webhook; /* opaque */

/* What is borrowed outlives the webhook. */
struct webhook_options {
	const char *listen;
	const char *admin_listen; /* "" or NULL: no admin port */
	struct desk_options desk; /* but for its tally */
	unsigned max_connections;
	unsigned max_per_address;
	certifier_step *certify; /* looks after the certificate */
	void *certify_arg;
};

/* Starts to answer.  ERR_INVALID: an address or a credential; ERR_CONFLICT: a port is taken;
 * ERR_TRANSIENT. */
struct webhook *webhook_start(const struct webhook_options *options, struct err *err);
void webhook_stop(struct webhook *w); /* NULL is fine */

/* Where they listen, with the real ports; the caller frees both.  NULL: no admin port. */
char *webhook_address(const struct webhook *w);
char *webhook_admin_address(const struct webhook *w);

#endif
