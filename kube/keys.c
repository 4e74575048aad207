/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **keys_sorted(const struct map *m)
{
	const char **keys = NULL;
	size_t at = 0;

	if (m->n == 0)
		return NULL;
	keys = xcalloc(m->n, sizeof(*keys));
	for (size_t i = 0; i < m->n; i++)
		(void)map_next(m, &at, &keys[i]);
	qsort(keys, m->n, sizeof(*keys), compare);
	return keys;
}
