/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/pool.h - workers that run fetches, so that no slow registry holds anything else up.
 * A host is asked by options->host_connections workers at most, and so often at most; its further
 * jobs wait while those of other hosts go on.  One that fails is left alone for a while
 * (fetch/host_slots.h): its jobs come back at once then, as ERR_TRANSIENT with left_alone.  Jobs
 * for the same module from the same source are one download: those that come while it waits or runs
 * get a copy of its bytes, and its result. Threads: fetch_pool_submit() from any; results arrive in
 * the inbox that the pool was given.
 */
#ifndef WASMXDS_FETCH_POOL_H
#define WASMXDS_FETCH_POOL_H

#include "base/inbox.h"
#include "fetch/fetch.h"
#include "fetch/job.h"

struct fetch_pool; /* opaque */

/* Starts workers threads, at most LIMIT_FETCH_WORKERS; each finished job is pushed to done, where a
 * worker waits for room if need be.  options and done must outlive the pool.  The threads have the
 * caller's signal mask.  Returns NULL with ERR_TRANSIENT where no thread can be had. */
struct fetch_pool *fetch_pool_start(
	const struct fetch_options *options, int workers, struct inbox *done, struct err *err);

/* Takes the job over and returns true; false when LIMIT_FETCH_QUEUE jobs are there: it stays the
 * caller's. */
bool fetch_pool_submit(struct fetch_pool *pool, struct fetch_job *job);

/* Waits for the workers, who give up soon once options->stop is set, and frees everything: the jobs
 * that no worker had begun too, and those for which done has no room. */
void fetch_pool_stop(struct fetch_pool *pool);

#endif
