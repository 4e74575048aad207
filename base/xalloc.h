/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/xalloc.h - small allocations, which end the process when memory is out.
 * Only for sizes that a ceiling of base/limits.h bounds; what input sizes freely goes through
 * struct buf, which refuses.  All results are the caller's, to free().
 */
#ifndef WASMXDS_BASE_XALLOC_H
#define WASMXDS_BASE_XALLOC_H

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull, nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull, nonnull));
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2), returns_nonnull));

/* For a process whose threads wait most of the time: an arena of malloc for each would keep what
 * each of them needed at once, a TLS handshake, say, for none of the others to use.  Before they
 * start. */
void xalloc_share_arenas(void);

/* Returns a copy of s, or NULL for NULL. */
char *xstrdup_null(const char *s);

#endif
