/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/subject.h - the module that a command line names, from wherever it lives, and what it is.
 * Threads: main.
 */
#ifndef WASMXDS_CLI_SUBJECT_H
#define WASMXDS_CLI_SUBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "fetch/fetch.h"
#include "wasm/module.h"

/* How a command line names it, for --help. */
#define SUBJECT_SYNTAX                                                                         \
	"A module is named by its path, by oci://HOST[:PORT]/REPOSITORY[:TAG][@sha256:...],\n" \
	"s3://BUCKET/KEY, http://... or https://...; it may come in a gzip or a tar."

struct subject {
	char *label; /* owned; what it was taken from, as people may see it */
	int fd;      /* owned; its bytes, in a file without a name */
	struct fetch_result fetched;
	struct err verdict;        /* ERR_NONE: a module that Envoy can run */
	struct wasm_module module; /* where that is so */
};

/* Brings it, over the network where it is there, and looks at it.  A server of this machine that
 * name names is connected to, whatever options->guard says of others.  ERR_INVALID: name is none;
 * and as fetch_bytes(). */
int subject_open(struct subject *out, const struct fetch_options *options, const char *name,
	struct err *err) __attribute__((warn_unused_result));
void subject_close(struct subject *subject);
static inline void auto_subject(struct subject *subject)
{
	subject_close(subject);
}

#endif
