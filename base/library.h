/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/library.h - a shared library that is loaded where it is first needed, and not where the
 * program starts: one that few processes need would be read, relocated and set up in all of them.
 * It is never unloaded.  A header for such a library (xds/grpc.h, fetch/archive.h) lists what is
 * used of it.
 * Threads: any.
 */
#ifndef WASMXDS_BASE_LIBRARY_H
#define WASMXDS_BASE_LIBRARY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* One of a library's functions, and where its address belongs. */
struct library_function {
	const char *name;
	void **to;
};

/* A row of a table of them, of a function that the struct called fields has a pointer for. */
#define LIBRARY_FUNCTION(fields, function) {#function, (void **)&(fields).function},

struct library {
	const char *name; /* for people, "gRPC" */
	const char *soname;
	const struct library_function *functions;
	size_t n;
	pthread_mutex_t lock;
	bool loaded; /* guarded by lock */
};

/* Loads it, unless it is; all its functions are there then.  ERR_TRANSIENT: it is not installed, or
 * another version than we were built with. */
int library_load(struct library *library, struct err *err) __attribute__((warn_unused_result));

#endif
