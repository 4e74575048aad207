/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/refused.h"

#include "base/limits.h"
#include "base/log.h"

void refused_clear(struct refused *r)
{
	refusals_free(r->known);
	*r = (struct refused){.known = NULL};
}

/* What cannot be read is written anew. */
static void read_store(struct refused *r, const struct store *store)
{
	struct err err;

	r->known = refusals_new(LIMIT_REFUSALS);
	if (store_read_refusals(store, r->known, &err) < 0 && err.code != ERR_NOT_FOUND)
		log_warn("refusals not read", LOG_ERR(&err));
	r->saved = refusals_added(r->known);
}

static void write_store(struct refused *r, struct store *store)
{
	struct err err;
	bool failed = store_write_refusals(store, r->known, &err) < 0;

	if (failed && !r->failing)
		log_error("refusals not kept", LOG_ERR(&err));
	r->failing = failed;
	if (!failed)
		r->saved = refusals_added(r->known);
}

void refused_keep(struct refused *r, struct store *store, const struct refusals *heard)
{
	const char *key, *reason;
	size_t at = 0;

	if (!heard)
		return;
	if (!r->known)
		read_store(r, store);
	while ((key = refusals_next(heard, &at, &reason)))
		refusals_add_key(r->known, key, reason);
	if (refusals_added(r->known) != r->saved)
		write_store(r, store);
}
