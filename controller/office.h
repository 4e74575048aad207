/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/office.h - what a controller that works for an API server has beside its targets: the
 * Lease, by which it is the only one that writes, the publisher of status and Events, and what the
 * xds pods say of their proxies.
 * Threads: the controller's.
 */
#ifndef WASMXDS_CONTROLLER_OFFICE_H
#define WASMXDS_CONTROLLER_OFFICE_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "api/manifest.h"
#include "controller/survey.h"
#include "controller/targets.h"
#include "kube/client.h"
#include "kube/leader.h"

struct office_options {
	struct credentials *access; /* taken over */
	struct leader_options lease;
	const char *const *namespaces; /* whose extensions; none: all */
	size_t n_namespaces;
	struct survey_options survey; /* of the xds pods; none: their proxies are not known */
};

struct office; /* opaque */

/* Connects to nothing yet.  targets and metrics must outlive it.  ERR_INVALID: credentials,
 * identity, an address of the survey. */
int office_open(struct office **out, const struct office_options *options, struct targets *targets,
	struct metrics *metrics, struct err *err) __attribute__((warn_unused_result));

/* Gives the Lease back, so that another may take it at once: nothing is written any more. */
void office_close(struct office *o); /* NULL is fine */

struct client *office_client(const struct office *o); /* borrowed */

bool office_leads(const struct office *o); /* it may write now */
bool office_lost(const struct office *o);  /* it may not write any more, for good */

/* What the last request for the Lease came to; borrowed. */
const struct err *office_trouble(const struct office *o);

/* Waits for the Lease, for fds or for timeout_ms, while there is no source to wait in. */
void office_stand_by(struct office *o, struct pollfd *fds, nfds_t n, int64_t timeout_ms);

/* Renews the Lease and writes what is to be written; after each turn of the source. */
void office_step(struct office *o);
int64_t office_due(const struct office *o);

/* Polls readable when office_step() has something to take; -1: there is none. */
int office_fd(const struct office *o);

/* Something may be new of the target. */
void office_tell(struct office *o, const struct target *t);

/* The target's object is as the API server says. */
void office_meet(struct office *o, struct target *t, const struct object_origin *origin);

#endif
