/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode.h"

#include "api/duration.h"
#include "base/auto.h"

static const char *const backoff_fields[] = {"base_interval", "max_interval", NULL};

/* In the order of enum extension_fail_policy. */
static const char *const policies[] = {"fail_closed", "fail_open", "fail_reload", NULL};

static void decode_interval(
	const struct fields *backoff, const char *key, enum field_need need, int64_t *out_ms)
{
	const char *text = fields_text(backoff, key, need);
	struct err err;

	if (text && duration_parse(out_ms, text, &err) < 0)
		fields_problem(backoff, key, "%s", err.msg);
}

static void decode_backoff(const struct fields *spec, struct extension_backoff *out)
{
	AUTO(fields) struct fields backoff = {.path = NULL};

	if (!fields_enter(&backoff, spec, "reload_backoff", FIELD_OPTIONAL))
		return;
	fields_check_known(&backoff, backoff_fields);
	decode_interval(&backoff, "base_interval", FIELD_REQUIRED, &out->base_ms);
	decode_interval(&backoff, "max_interval", FIELD_OPTIONAL, &out->max_ms);
	if (out->max_ms > 0 && out->max_ms < out->base_ms)
		fields_problem(&backoff, "max_interval", "must not be less than base_interval");
}

void decode_failure(const struct fields *spec, struct extension *out)
{
	out->fail_policy =
		fields_choice(spec, "fail_policy", FIELD_OPTIONAL, policies, FAIL_CLOSED);
	decode_backoff(spec, &out->reload_backoff);
	if (fields_get(spec, "reload_backoff") && out->fail_policy != FAIL_RELOAD)
		fields_problem(spec, "reload_backoff", "only goes with fail_policy fail_reload");
}
