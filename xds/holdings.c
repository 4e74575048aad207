/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/holdings.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"

static struct holdings pair_hash(const char *name, const char *version)
{
	AUTO(hasher) struct hasher *hasher = hasher_new();
	struct digest d;
	char low[17];

	hasher_update(hasher, name, strlen(name) + 1);
	hasher_update(hasher, version, strlen(version));
	hasher_final(hasher, &d);
	(void)snprintf(low, sizeof(low), "%.16s", d.hex + 16);
	d.hex[16] = '\0';
	return (struct holdings){.sum = {strtoull(d.hex, NULL, 16), strtoull(low, NULL, 16)}};
}

void holdings_add(struct holdings *h, const char *name, const char *version)
{
	if (!version)
		return;
	struct holdings pair = pair_hash(name, version);

	h->sum[0] += pair.sum[0];
	h->sum[1] += pair.sum[1];
}

void holdings_subtract(struct holdings *h, const char *name, const char *version)
{
	if (!version)
		return;
	struct holdings pair = pair_hash(name, version);

	h->sum[0] -= pair.sum[0];
	h->sum[1] -= pair.sum[1];
}

void holdings_text(const struct holdings *h, char out[DIGEST_HEX_LEN + 1])
{
	(void)snprintf(out, DIGEST_HEX_LEN + 1, "%016" PRIx64 "%016" PRIx64, h->sum[0], h->sum[1]);
}
