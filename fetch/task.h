/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/task.h - one fetch under way, as its driver and its exchanges see it.
 * Threads: belongs to the one worker that runs it; options and request are read-only.
 */
#ifndef WASMXDS_FETCH_TASK_H
#define WASMXDS_FETCH_TASK_H

#include <stdint.h>

#include "base/err.h"
#include "fetch/fetch.h"
#include "fetch/sink.h"

struct fetch_task {
	const struct fetch_options *options; /* borrowed */
	const struct fetch_request *request; /* borrowed */
	int64_t deadline_ms;                 /* of io_monotonic_ms(), for all of it; 0: none */
	int64_t retry_after_ms; /* out: how long the server that failed it wants to be left alone;
				 * 0: it did not say */
	/* Told host[:port] of each server before it is asked; NULL: nobody is. */
	void (*on_server)(void *arg, const char *server);
	void *on_server_arg;
	struct digest manifest;   /* out: of the image's manifest, where there is one */
	struct revision revision; /* out: as the source calls what it sent */
};

/* What each driver is: copies the bytes of task->request's module into sink, out of whatever they
 * came in.  Messages do not repeat the request's uri: the caller names it. */
typedef int fetch_driver(struct fetch_task *task, struct sink *sink, struct err *err);

#endif
