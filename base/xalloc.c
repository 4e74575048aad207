/* SPDX-License-Identifier: Apache-2.0 */
#include "base/xalloc.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENAS 2

static void *checked(void *p)
{
	if (!p) {
		perror("wasmxds: out of memory");
		abort();
	}
	return p;
}

void *xmalloc(size_t n)
{
	return checked(malloc(n ? n : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return checked(calloc(n ? n : 1, size ? size : 1));
}

void *xreallocarray(void *p, size_t n, size_t size)
{
	return checked(reallocarray(p, n ? n : 1, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return checked(strdup(s));
}

char *xstrndup(const char *s, size_t n)
{
	return checked(strndup(s, n));
}

char *xasprintf(const char *fmt, ...)
{
	char *out = NULL;
	va_list args;

	va_start(args, fmt);
	int len = vasprintf(&out, fmt, args);
	va_end(args);
	return checked(len < 0 ? NULL : out);
}

char *xstrdup_null(const char *s)
{
	return s ? xstrdup(s) : NULL;
}

void xalloc_share_arenas(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nothing else calls it */
	(void)mallopt(M_ARENA_MAX, ARENAS);
}
