/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/facts.h"

#include <string.h>

/* What the image stands for; the pin is, whether it is there or not. */
static void add_module(struct conditions_facts *out, const struct target *t)
{
	const struct resolution *r = target_resolution(t);

	if (t->desired && digest_is_set(&t->desired->image.sha256))
		out->module = t->desired->image.sha256;
	else if (r)
		out->module = r->module;
	else if (!t->desired)
		out->module = t->recorded.module;
	if (r && r->revision && digest_equal(&r->module, &out->module) && t->desired &&
		t->desired->image.protocol == PROTOCOL_OCI)
		out->manifest = r->revision;
}

/* Sizes are known of what is recorded. */
static void add_sizes(struct conditions_facts *out, const struct target *t)
{
	if (!t->served_version || !digest_equal(&out->module, &t->recorded.module))
		return;
	out->size_bytes = t->recorded_bytes;
	out->served_bytes = t->served_bytes;
}

void facts_of(struct conditions_facts *out, const struct target *t)
{
	*out = (struct conditions_facts){
		.uid = t->identity.uid,
		.generation = t->identity.generation,
		.reason = t->status.reason,
		.message = t->status.reason == STATUS_PROGRAMMED ? t->served_version
								 : status_message(&t->status),
		.resolved = t->resolved,
		.fetched = t->has_module,
		.current = t->current && !t->refusal,
		.serving = t->served_version,
		.refetch = t->refetched,
		.has_secret = t->has_secret,
	};
	add_module(out, t);
	add_sizes(out, t);
}
