/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "webhook/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever is decided, the answer is a review with the request's uid. */
static void check_answer(const struct review *r, const struct verdict *v)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_REVIEW_ANSWER_BYTES);
	AUTO(cjson) cJSON *answer = NULL;
	struct err err;

	assert((v->status == VERDICT_ALLOWED) == (v->problems.n == 0));
	assert(review_answer(&out, r, v, &err) == 0);
	answer = json_parse(buf_text(&out), out.len, &err);
	assert(answer);
	const cJSON *response = cJSON_GetObjectItemCaseSensitive(answer, "response");

	assert(strcmp(json_text(response, "uid"), r->uid) == 0);
	assert(cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(response, "allowed")) ==
		(v->status == VERDICT_ALLOWED));
	for (size_t i = 0; i < v->warnings.n; i++)
		assert(strlen(v->warnings.items[i].path) + strlen(v->warnings.items[i].message) +
				2 <=
			LIMIT_WARNING_BYTES);
}

typedef void judge_fn(
	struct judgement *out, const struct review *r, const struct judge_policy *policy);

static void check(judge_fn *judge, const struct review *r, const struct finding *found)
{
	static const struct judge_policy policy = {.pin = true, .module_root = "/modules"};
	AUTO(judgement) struct judgement j = {.extension = NULL};

	judge(&j, r, &policy);
	check_answer(r, &j.verdict);
	if (j.wants_module) {
		judge_module(&j, found);
		check_answer(r, &j.verdict);
	}
	for (size_t i = 0; i < j.n_referrals; i++)
		judge_forbidden(&j, &j.referrals[i], "somebody");
	check_answer(r, &j.verdict);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct finding late = {.err = {.code = ERR_TRANSIENT}};
	struct finding found = {.size = 100, .debug_bytes = 97};
	AUTO(review) struct review r = {.tree = NULL};
	struct err err = {.code = ERR_NONE};

	if (review_parse(&r, (const char *)data, size, &err) < 0) {
		assert(err.code == ERR_INVALID && err.msg[0] != '\0' && !r.tree);
		return 0;
	}
	digest_of(&found.digest, "", 0);
	check(judge_mutation, &r, &found);
	check(judge_mutation, &r, &late);
	check(judge_validation, &r, &found);
	check(judge_validation, &r, &late);
	return 0;
}
