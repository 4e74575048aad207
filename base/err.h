/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/err.h - the one error type: a plain value on the caller's stack.
 * The code says what the caller does next, not where it happened; msg is for people.
 * A function that can fail returns 0 or -1 and takes `struct err *err` last, never NULL.  It writes
 * err only when it fails.  Nobody overwrites a message; who adds to it wraps it.
 * Threads: none of its own; a value that is copied from thread to thread as it is.
 */
#ifndef WASMXDS_BASE_ERR_H
#define WASMXDS_BASE_ERR_H

#include <stdbool.h>

enum err_code {
	ERR_NONE,
	ERR_INVALID,    /* the input is wrong: report it, do not try again before it changes */
	ERR_NOT_FOUND,  /* it is not there: may appear later */
	ERR_DENIED,     /* whoever keeps it says no: report it, try again rarely */
	ERR_CONFLICT,   /* somebody else changed it: read again */
	ERR_UNVERIFIED, /* the bytes are not the ones that were asked for: never serve them */
	ERR_TRANSIENT,  /* try again later, with backoff */
	ERR_FULL,       /* no room: keep what there is, try again when there may be room */
};

struct err {
	enum err_code code;
	char msg[512];
};

/* Fills err; returns -1, so that `return err_set(...)` reads well.  A long message is cut. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* As err_set(), with ": " and the text of errno behind the message. */
int err_errno(struct err *err, enum err_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "fmt: " before the message that err holds and keeps its code; returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Returns whether the same call may succeed later with nothing changed by the user. */
bool err_retryable(const struct err *err);

/* Returns the code's name in lower case, as logs and -o json show it; never NULL. */
const char *err_code_name(enum err_code code);

/* Returns the code for an errno that a file operation left: ENOSPC and EDQUOT are ERR_FULL,
 * ENOENT is ERR_NOT_FOUND, EACCES and EPERM are ERR_DENIED, all others ERR_TRANSIENT. */
enum err_code err_code_from_errno(int errnum);

#endif
