/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/job.h - one fetch as it goes through fetch/pool.h.
 * Threads: belongs to whoever has it: the submitter, a worker, the inbox.
 */
#ifndef WASMXDS_FETCH_JOB_H
#define WASMXDS_FETCH_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "fetch/fetch.h"

/* A fetch to do, and, when it comes back, done.  The job owns all that it points to. */
struct fetch_job {
	void *owner;                  /* the submitter's, never looked at */
	char *uri;                    /* owned; what request.uri points to */
	char *docker_config;          /* owned; what request.docker_config points to; NULL: none */
	char *known;                  /* owned; what request.known points to; NULL: none */
	struct fetch_request request; /* borrows uri, docker_config and known */
	int fd;                       /* owned */
	struct fetch_result result;   /* where err.code is ERR_NONE */
	struct err err;
	int64_t retry_after_ms; /* how long the server wants to be left alone; 0: not said */
	bool left_alone; /* it was not asked: fetches before this one failed, and so did this */
	struct fetch_job *next; /* the pool's */
};

struct fetch_job *fetch_job_new(enum fetch_source source, const char *uri,
	const struct digest *want, int fd); /* takes fd over; want NULL: any; never NULL */
void fetch_job_set_docker_config(struct fetch_job *job, const char *text);
void fetch_job_set_known(struct fetch_job *job, const char *revision);
void fetch_job_free(void *job);

#endif
