/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/seal_key.h"

#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"

/* Beside the store, not in it: whoever copies the store has no key. */
char *seal_key_place(const char *given, const char *store)
{
	size_t n = strlen(store);

	while (n > 1 && store[n - 1] == '/')
		n--;
	return given ? xstrdup(given) : xasprintf("%.*s-seal.key", (int)n, store);
}

char *seal_key_find(const char *given, const char *store)
{
	AUTO(free) char *path = seal_key_place(given, store);

	return given || access(path, F_OK) == 0 ? STEAL(path) : NULL;
}
