/* SPDX-License-Identifier: Apache-2.0 */
/*
 * webhook/pair.h - a certificate and its key in two files, read again when they change: those of a
 * mounted Secret, say, which cert-manager renews.
 * Threads: the certifier's.
 */
#ifndef WASMXDS_WEBHOOK_PAIR_H
#define WASMXDS_WEBHOOK_PAIR_H

#include <stdint.h>

#include "base/err.h"
#include "base/stamp.h"
#include "webhook/identity.h"

struct pair {
	const char *cert; /* borrowed; PEM chain */
	const char *key;  /* borrowed; PEM */
	struct stamp cert_stamp;
	struct stamp key_stamp;
	bool is_set; /* what is in the files is in force */
};

/* A certifier_step; arg is the struct pair. */
int64_t pair_step(void *arg, struct identity *id, struct err *err);

#endif
