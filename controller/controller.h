/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/controller.h - keeps the store as the manifests ask: the loop around
 * controller/reconcile.h.  Manifests come from a folder or from an API server, where it leads or
 * stands by, and says what becomes of them in their status.
 * One thread owns the desired and the observed state, the store and the source of manifests;
 * fetches run in a pool and come back through an inbox. Threads: controller_start() and
 * controller_stop() from main.
 */
#ifndef WASMXDS_CONTROLLER_CONTROLLER_H
#define WASMXDS_CONTROLLER_CONTROLLER_H

#include "base/err.h"
#include "controller/metrics.h"
#include "controller/office.h"
#include "controller/upkeep.h"
#include "fetch/fetch.h"

struct controller; /* opaque */

/* All of it must outlive the controller. */
struct controller_options {
	const char *manifest_dir; /* NULL: there is an office */
	struct office_options *office;
	const char *store_dir;
	const char *seal_key; /* file of keys (store/keyring.h); NULL: none */
	bool make_seal_key;   /* where it is absent */
	struct upkeep_options upkeep;
	struct fetch_options fetch; /* its stop is the controller's own */
	int workers;                /* fetches at a time */
	/* Called once, by the controller's thread, where it ends by itself; may be NULL. */
	void (*on_end)(void);
};

/* With a folder: opens the store and the manifests, and reads them once before it returns, so that
 * the store holds nothing that no manifest asks for.  ERR_CONFLICT: another controller writes to
 * the store.  With an API server: goes on by itself once it leads; a store that another process
 * still holds is waited for. */
struct controller *controller_start(const struct controller_options *options, struct err *err);

/* Gives up what is under way and returns when every thread has ended.  Returns whether it had not
 * ended by itself before: the Lease was lost, or the store cannot be used.  NULL is fine. */
bool controller_stop(struct controller *c);

/* What it counts; borrowed. */
const struct metrics *controller_metrics(const struct controller *c);

#endif
