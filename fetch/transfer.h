/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/transfer.h - one request as libcurl's callbacks see it: what they take, count and refuse.
 * Part of fetch/hop.h, and used by nothing else.
 */
#ifndef WASMXDS_FETCH_TRANSFER_H
#define WASMXDS_FETCH_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <curl/curl.h>

#include "base/err.h"
#include "fetch/hop.h"

struct transfer {
	struct hop *hop;            /* borrowed */
	CURL *curl;                 /* owned */
	struct curl_slist *headers; /* owned; the request's */
	bool head_ended;
	bool began;  /* the body */
	bool enough; /* the rest of the body is not read */
	bool to_sink;
	bool resumed;   /* the body goes on behind what the sink held */
	uint64_t total; /* bytes of the body, by the server; 0: it did not say */
	size_t header_bytes;
	uint64_t uploaded;
	int64_t last_byte_ms; /* 0 until the connection is up */
	int64_t window_ms;    /* since when window_bytes are counted */
	uint64_t window_bytes;
	struct err err;              /* why a callback gave up */
	struct err refused;          /* what the guard said of the last address */
	char words[CURL_ERROR_SIZE]; /* libcurl's own */
};

void transfer_clear(struct transfer *t);
static inline void auto_transfer(struct transfer *t)
{
	transfer_clear(t);
}

/* Has the handle call back; the handle is set. */
void transfer_listen(struct transfer *t);

/* Sees to a body of no bytes, which no callback tells of.  As t->err. */
int transfer_end(struct transfer *t, struct err *err) __attribute__((warn_unused_result));

#endif
