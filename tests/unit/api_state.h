/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/api_state.h - what the files of the fake API server share, and nobody else includes:
 * api_server.c answers requests, api_watch.c the watches among them.
 * Threads: each connection has its own, and the test has one.
 */
#ifndef WASMXDS_TESTS_UNIT_API_STATE_H
#define WASMXDS_TESTS_UNIT_API_STATE_H

#include <pthread.h>
#include <stdbool.h>

#include <microhttpd.h>

#include "tests/unit/api_objects.h"
#include "tests/unit/api_server.h"
#include "tests/unit/loopback.h"

struct api_server {
	struct loopback http;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* what watches wait for */

	/* guarded by lock, as all below */
	struct api_objects objects;
	char *authorization; /* owned; of the last request */
	bool closing;

	/* what it is told to do to requests */
	unsigned fail_left;
	unsigned fail_status;
	unsigned fail_after;
	char *denied; /* owned; a name */
	unsigned page;
	bool page_gone;
	unsigned lists; /* asked for so far */

	/* watches */
	unsigned ends; /* how often all were ended */
	bool cut;
	unsigned bookmarks; /* how often all were sent one */
	unsigned watches;   /* begun so far */
	unsigned standing;
};

/* Answers with a watch from this version on, NULL: from the beginning.  Takes over what the
 * selection owns. */
enum MHD_Result api_watch_serve(struct api_server *s, struct MHD_Connection *c,
	struct api_selection *selection, const char *version);

#endif
