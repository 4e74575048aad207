/* SPDX-License-Identifier: Apache-2.0 */
/*
 * controller/controller.h - keeps the store as the manifests ask: the loop around
 * controller/reconcile.h.
 * One thread owns the desired and the observed state, the store and the source of manifests;
 * fetches run in a pool and come back through an inbox. Threads: controller_start() and
 * controller_stop() from main.
 */
#ifndef WASMXDS_CONTROLLER_CONTROLLER_H
#define WASMXDS_CONTROLLER_CONTROLLER_H

#include "base/err.h"
#include "controller/upkeep.h"
#include "fetch/fetch.h"

struct controller; /* opaque */

struct controller_options {
	const char *manifest_dir;
	const char *store_dir;
	const char *seal_key; /* file of keys (store/keyring.h); NULL: none */
	bool make_seal_key;   /* where it is absent */
	struct upkeep_options upkeep;
	struct fetch_options fetch; /* its stop is the controller's own */
	int workers;                /* fetches at a time */
};

/* Opens the store and the manifests, and reads them once before it returns, so that the store holds
 * nothing that no manifest asks for.  ERR_CONFLICT: another controller writes to the store. */
struct controller *controller_start(const struct controller_options *options, struct err *err);

/* Gives up what is under way and returns when every thread has ended; NULL is fine. */
void controller_stop(struct controller *c);

#endif
