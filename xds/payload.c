/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/payload.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/xalloc.h"

struct payload {
	atomic_uint refs;
	struct record record;
};

struct payload *payload_new(struct record *r)
{
	struct payload *p = xcalloc(1, sizeof(*p));

	atomic_init(&p->refs, 1);
	p->record = *r;
	record_init(r);
	return p;
}

struct payload *payload_ref(struct payload *p)
{
	atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
	return p;
}

void payload_unref(struct payload *p)
{
	if (!p || atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
		return;
	record_clear(&p->record);
	free(p);
}

const struct record *payload_record(const struct payload *p)
{
	return &p->record;
}
