/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/judge.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/review_fixture.h"
#include "tests/unit/test.h"

#define OTHER "1111111111111111111111111111111111111111111111111111111111111111"
#define PINNED REVIEW_IMAGE ",\"sha256\":\"" REVIEW_SHA256 "\""
#define SECRET_KEY "{\"name\":\"creds\",\"namespace\":\"vault\",\"key\":\"k\"}"

static const struct judge_policy pins = {.pin = true};

/* A review and what was made of it. */
struct trial {
	char *text; /* owned */
	struct review review;
	struct judgement judgement;
};

static void auto_trial(struct trial *t)
{
	judgement_clear(&t->judgement);
	review_clear(&t->review);
	free(t->text);
}

static void open_trial(struct trial *t, const struct review_parts *parts)
{
	struct err err;

	t->text = review_text(parts);
	CU_ASSERT_EQUAL_FATAL(review_parse(&t->review, t->text, strlen(t->text), &err), 0);
}

static void mutate(struct trial *t, const struct review_parts *parts)
{
	open_trial(t, parts);
	judge_mutation(&t->judgement, &t->review, &pins);
}

static void validate(struct trial *t, const struct review_parts *parts)
{
	open_trial(t, parts);
	judge_validation(&t->judgement, &t->review, &pins);
}

static struct finding found(const char *hex)
{
	struct finding f = {.err = {.code = ERR_NONE}};

	(void)snprintf(f.digest.hex, sizeof(f.digest.hex), "%s", hex);
	return f;
}

static struct finding failed(enum err_code code)
{
	struct finding f = {.err = {.code = ERR_NONE}};

	(void)err_set(&f.err, code, "https://10.0.0.7: refused");
	return f;
}

static const char *warning(const struct trial *t)
{
	const struct problems *w = &t->judgement.verdict.warnings;

	return w->n > 0 ? w->items[w->n - 1].message : "";
}

static const char *problem(const struct trial *t, const char *path)
{
	const struct problems *p = &t->judgement.verdict.problems;

	for (size_t i = 0; i < p->n; i++) {
		if (strcmp(p->items[i].path, path) == 0)
			return p->items[i].message;
	}
	return "";
}

static void test_judge_mutation__pins_where_no_digest_is(void)
{
	AUTO(free) char *object = review_extension(REVIEW_IMAGE, "", "");
	AUTO(trial) struct trial t = {.text = NULL};
	const struct finding f = found(REVIEW_SHA256);

	mutate(&t, &(struct review_parts){.object = object});
	CU_ASSERT_TRUE(t.judgement.wants_module);
	CU_ASSERT_STRING_EQUAL(t.judgement.extension->image.uri, "registry.test/auth:v1");
	judge_module(&t.judgement, &f);
	CU_ASSERT_FALSE(t.judgement.wants_module);
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_ALLOWED);
	CU_ASSERT_EQUAL(t.judgement.verdict.patch, PATCH_PIN);
	CU_ASSERT_TRUE(digest_equal(&t.judgement.verdict.pin, &f.digest));
	CU_ASSERT_EQUAL(t.judgement.verdict.warnings.n, 0);
}

static void leaves_alone(const struct review_parts *parts)
{
	AUTO(trial) struct trial t = {.text = NULL};

	mutate(&t, parts);
	CU_ASSERT_FALSE(t.judgement.wants_module);
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_ALLOWED);
	CU_ASSERT_EQUAL(t.judgement.verdict.patch, PATCH_NONE);
}

static void leaves_object_alone(const char *image, const char *more, const char *metadata)
{
	AUTO(free) char *object = review_extension(image, more, metadata);

	leaves_alone(&(struct review_parts){.object = object});
}

static void test_judge_mutation__leaves_what_needs_no_pin(void)
{
	leaves_object_alone(PINNED, "", "");
	leaves_object_alone("\"protocol\":\"local_fs\",\"uri\":\"a.wasm\"", "", "");
	leaves_object_alone(
		REVIEW_IMAGE, "", ",\"annotations\":{\"wasmxds.tetrate.io/pin\":\"false\"}");
	leaves_object_alone("\"protocol\":\"oci\",\"uri\":\"https://x\"", "", "");
	leaves_object_alone(REVIEW_IMAGE ",\"track\":true", "", "");
	leaves_object_alone("\"protocol\":\"oci\"", "", "");
	leaves_object_alone("\"protocol\":\"oci\",\"uri\":\"r.test/a\\u0000\"", "", "");
	leaves_alone(&(struct review_parts){.object = "{}"});
	leaves_alone(&(struct review_parts){.object = NULL});
}

static void test_judge_mutation__leaves_what_is_not_asked(void)
{
	AUTO(free) char *object = review_extension(REVIEW_IMAGE, "", "");
	AUTO(free) char *labelled = review_extension(REVIEW_IMAGE, "", ",\"labels\":{\"a\":\"b\"}");
	AUTO(trial) struct trial t = {.text = NULL};

	leaves_alone(&(struct review_parts){.object = object, .subresource = "status"});
	leaves_alone(&(struct review_parts){.object = object, .kind = "apps/v1/Deployment"});
	leaves_alone(&(struct review_parts){.object = object, .operation = "DELETE"});
	leaves_alone(
		&(struct review_parts){.object = labelled, .old = object, .operation = "UPDATE"});
	open_trial(&t, &(struct review_parts){.object = object});
	judge_mutation(&t.judgement, &t.review, &(struct judge_policy){.pin = false});
	CU_ASSERT_FALSE(t.judgement.wants_module);
}

/* With generateName, the API server makes up a name after the mutation. */
static void test_judge_mutation__needs_no_name(void)
{
	AUTO(trial) struct trial t = {.text = NULL};

	mutate(&t, &(struct review_parts){
			   .object = "{\"metadata\":{\"generateName\":\"a-\"},\"spec\":{\"image\":"
				     "{" REVIEW_IMAGE "}}}"});
	CU_ASSERT_TRUE(t.judgement.wants_module);
}

static void warns(enum err_code code, const char *says)
{
	AUTO(free) char *object = review_extension(REVIEW_IMAGE, "", "");
	AUTO(trial) struct trial m = {.text = NULL};
	AUTO(trial) struct trial v = {.text = NULL};
	const struct finding f = failed(code);

	mutate(&m, &(struct review_parts){.object = object});
	judge_module(&m.judgement, &f);
	CU_ASSERT_EQUAL(m.judgement.verdict.patch, PATCH_NONE);
	CU_ASSERT_EQUAL(m.judgement.verdict.warnings.n, 1);
	ASSERT_HAS(warning(&m), says);
	CU_ASSERT_TRUE(strlen("spec.image.uri: ") + strlen(warning(&m)) <= LIMIT_WARNING_BYTES);
	CU_ASSERT_PTR_NULL(strstr(warning(&m), "10.0.0.7"));
	validate(&v, &(struct review_parts){.object = object});
	judge_module(&v.judgement, &f);
	CU_ASSERT_EQUAL(v.judgement.verdict.status, VERDICT_ALLOWED);
	CU_ASSERT_STRING_EQUAL(warning(&v), warning(&m));
}

static void test_judge_module__admits_with_a_warning_what_may_mend(void)
{
	warns(ERR_TRANSIENT, "was not reached in time");
	warns(ERR_NOT_FOUND, "leads to nothing yet");
	warns(ERR_DENIED, "is not open to the webhook");
	warns(ERR_FULL, "leads to more than is looked at");
}

static void test_judge_module__refuses_what_is_wrong_for_good(void)
{
	AUTO(free) char *object = review_extension(REVIEW_IMAGE, "", "");
	AUTO(trial) struct trial t = {.text = NULL};
	struct finding f = failed(ERR_INVALID);

	validate(&t, &(struct review_parts){.object = object});
	judge_module(&t.judgement, &f);
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_INVALID);
	ASSERT_HAS(problem(&t, "spec.image.uri"), "leads to no module: https://10.0.0.7: refused");
}

static void test_judge_module__compares_the_digest(void)
{
	AUTO(free) char *object = review_extension(PINNED, "", "");
	AUTO(trial) struct trial good = {.text = NULL};
	AUTO(trial) struct trial bad = {.text = NULL};
	struct finding f = found(REVIEW_SHA256);

	validate(&good, &(struct review_parts){.object = object});
	CU_ASSERT_TRUE(good.judgement.wants_module);
	judge_module(&good.judgement, &f);
	CU_ASSERT_EQUAL(good.judgement.verdict.status, VERDICT_ALLOWED);
	f = found(OTHER);
	validate(&bad, &(struct review_parts){.object = object});
	judge_module(&bad.judgement, &f);
	CU_ASSERT_EQUAL(bad.judgement.verdict.status, VERDICT_INVALID);
	ASSERT_HAS(problem(&bad, "spec.image.sha256"), OTHER ", not " REVIEW_SHA256);
}

static void test_judge_module__says_what_the_module_lacks(void)
{
	AUTO(free) char *object = review_extension(PINNED, "", "");
	AUTO(trial) struct trial t = {.text = NULL};
	struct finding f = found(REVIEW_SHA256);

	(void)err_set(&f.module, ERR_INVALID, "exports no memory");
	validate(&t, &(struct review_parts){.object = object});
	judge_module(&t.judgement, &f);
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_INVALID);
	ASSERT_HAS(problem(&t, "spec.image.uri"), "exports no memory");
}

static void test_judge_module__warns_of_debug_sections(void)
{
	AUTO(free) char *object = review_extension(PINNED, "", "");
	AUTO(trial) struct trial t = {.text = NULL};
	AUTO(trial) struct trial lean = {.text = NULL};
	struct finding f = found(REVIEW_SHA256);

	f.size = 100;
	f.debug_bytes = 97;
	validate(&t, &(struct review_parts){.object = object});
	judge_module(&t.judgement, &f);
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_ALLOWED);
	ASSERT_HAS(warning(&t), "97 % is debug sections");
	f.debug_bytes = 50;
	validate(&lean, &(struct review_parts){.object = object});
	judge_module(&lean.judgement, &f);
	CU_ASSERT_EQUAL(lean.judgement.verdict.warnings.n, 0);
}

static void test_judge_validation__names_all_problems(void)
{
	AUTO(trial) struct trial t = {.text = NULL};

	validate(&t, &(struct review_parts){
			     .object = "{\"apiVersion\":\"wasmxds.tetrate.io/v1alpha1\",\"kind\":"
				       "\"WasmExtension\",\"metadata\":{\"name\":\"a\"},\"spec\":{"
				       "\"runtime\":\"v9\",\"vm_id\":\"\"}}"});
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_INVALID);
	CU_ASSERT_FALSE(t.judgement.wants_module);
	CU_ASSERT_EQUAL(t.judgement.n_referrals, 0);
	ASSERT_HAS(problem(&t, "spec.runtime"), "must be one of v8, wamr, wasmtime, wavm");
	ASSERT_HAS(problem(&t, "spec.root_id"), "is required");
	ASSERT_HAS(problem(&t, "spec.image"), "is required");
}

/* In the spec it is refused where it stands; elsewhere it is nobody's business. */
static void test_judge_validation__names_the_field_that_holds_a_nul(void)
{
	AUTO(free)
	char *bad = review_extension(PINNED,
		",\"vm_configuration\":{\"value\":\"a\\u0000b\"}"
		",\"environment\":{\"key_values\":{\"a\\u0000b\":"
		"\"\"}}",
		",\"annotations\":{\"" EXTENSION_REFETCH "\":\"1\\u0000\"}");
	AUTO(free)
	char *good = review_extension(PINNED, "",
		",\"annotations\":{\"note\":\"\\u0000\"},\"managedFields\":[{\"manager\":"
		"\"\\u0000\"}]");
	AUTO(trial) struct trial refused = {.text = NULL};
	AUTO(trial) struct trial admitted = {.text = NULL};

	validate(&refused, &(struct review_parts){.object = bad});
	CU_ASSERT_EQUAL(refused.judgement.verdict.status, VERDICT_INVALID);
	CU_ASSERT_EQUAL(refused.judgement.verdict.problems.n, 3);
	CU_ASSERT_STRING_EQUAL(
		problem(&refused, "spec.vm_configuration.value"), "must not hold a NUL");
	CU_ASSERT_STRING_EQUAL(problem(&refused, "spec.environment.key_values[\"a\\xc0\\x80b\"]"),
		"must be a name without a NUL");
	CU_ASSERT_STRING_EQUAL(problem(&refused, "metadata.annotations[\"" EXTENSION_REFETCH "\"]"),
		"must not hold a NUL");
	validate(&admitted, &(struct review_parts){.object = good});
	CU_ASSERT_EQUAL(admitted.judgement.verdict.status, VERDICT_ALLOWED);
}

static void test_judge_validation__wants_an_object(void)
{
	AUTO(trial) struct trial t = {.text = NULL};

	validate(&t, &(struct review_parts){.object = NULL});
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_INVALID);
}

static void is_passed_over(const struct review_parts *parts)
{
	AUTO(trial) struct trial t = {.text = NULL};

	validate(&t, parts);
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_ALLOWED);
	CU_ASSERT_FALSE(t.judgement.wants_module);
	CU_ASSERT_PTR_NULL(t.judgement.extension);
}

static void test_judge_validation__passes_over_what_is_not_ours(void)
{
	is_passed_over(&(struct review_parts){.object = "{}", .kind = "apps/v1/Deployment"});
	is_passed_over(&(struct review_parts){.object = "{}", .subresource = "status"});
	is_passed_over(&(struct review_parts){.object = "{}", .operation = "DELETE"});
	is_passed_over(&(struct review_parts){.old = "{}", .operation = "DELETE"});
}

/* Older rules let it in; its finalizer must still be removable. */
static void test_judge_validation__leaves_an_unchanged_spec_alone(void)
{
	AUTO(trial) struct trial t = {.text = NULL};

	is_passed_over(&(struct review_parts){.operation = "UPDATE",
		.object = "{\"metadata\":{},\"spec\":{\"runtime\":\"old\",\"list\":[1,{}]}}",
		.old = "{\"metadata\":{\"finalizers\":[\"x\"]},\"spec\":{\"runtime\":\"old\","
		       "\"list\":[1,{}]}}"});
	validate(&t, &(struct review_parts){.operation = "UPDATE",
			     .object = "{\"spec\":{\"runtime\":\"old\"}}",
			     .old = "{\"spec\":{\"runtime\":\"older\"}}"});
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_INVALID);
}

static void test_judge_validation__wants_the_namespace_of_the_request(void)
{
	AUTO(free) char *object = review_extension(PINNED, "", "");
	AUTO(trial) struct trial t = {.text = NULL};

	validate(&t, &(struct review_parts){.object = object, .namespace = "other"});
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_INVALID);
	ASSERT_HAS(problem(&t, "metadata.namespace"), "must be \"other\"");
}

static enum verdict_status status_below(const char *root, const char *uri)
{
	AUTO(free) char *image = xasprintf("\"protocol\":\"local_fs\",\"uri\":\"%s\"", uri);
	AUTO(free) char *object = review_extension(image, "", "");
	AUTO(trial) struct trial t = {.text = NULL};

	open_trial(&t, &(struct review_parts){.object = object});
	judge_validation(&t.judgement, &t.review, &(struct judge_policy){.module_root = root});
	CU_ASSERT_FALSE(t.judgement.wants_module);
	return t.judgement.verdict.status;
}

static void test_judge_validation__keeps_local_files_below_the_root(void)
{
	CU_ASSERT_EQUAL(status_below(NULL, "/etc/a.wasm"), VERDICT_ALLOWED);
	CU_ASSERT_EQUAL(status_below("/modules", "/modules/a.wasm"), VERDICT_ALLOWED);
	CU_ASSERT_EQUAL(status_below("/modules", "a.wasm"), VERDICT_ALLOWED);
	CU_ASSERT_EQUAL(status_below("/modules", "/modules2/a.wasm"), VERDICT_INVALID);
	CU_ASSERT_EQUAL(status_below("/modules", "/etc/a.wasm"), VERDICT_INVALID);
}

static void test_judge_validation__lists_what_is_referred_to(void)
{
	AUTO(free)
	char *object = review_extension(REVIEW_IMAGE ",\"pull_secret\":\"pull\"",
		",\"plugin_configuration\":{\"valueFrom\":{\"secretKeyRef\":" SECRET_KEY
		"}},\"vm_configuration\":{\"valueFrom\":{\"configMapKeyRef\":" SECRET_KEY "}}",
		"");
	AUTO(trial) struct trial t = {.text = NULL};
	const struct referral *r = t.judgement.referrals;

	validate(&t, &(struct review_parts){.object = object});
	CU_ASSERT_EQUAL_FATAL(t.judgement.n_referrals, 3);
	CU_ASSERT_STRING_EQUAL(r[0].field, "spec.plugin_configuration.valueFrom.secretKeyRef");
	CU_ASSERT_STRING_EQUAL(r[0].resource, "secrets");
	CU_ASSERT_STRING_EQUAL(r[0].namespace, "vault");
	CU_ASSERT_STRING_EQUAL(r[1].resource, "configmaps");
	CU_ASSERT_STRING_EQUAL(r[2].field, "spec.image.pull_secret");
	CU_ASSERT_STRING_EQUAL(r[2].namespace, "team");
	CU_ASSERT_STRING_EQUAL(r[2].name, "pull");
	judge_forbidden(&t.judgement, &r[0], "alice");
	CU_ASSERT_EQUAL(t.judgement.verdict.status, VERDICT_FORBIDDEN);
	ASSERT_HAS(problem(&t, r[0].field), "user \"alice\" must be allowed to get secrets "
					    "\"creds\" in namespace \"vault\"");
}

static void test_judge_validation__warns_where_a_pull_secret_hides_the_module(void)
{
	AUTO(free)
	char *object = review_extension(REVIEW_IMAGE ",\"pull_secret\":\"pull\"", "", "");
	AUTO(trial) struct trial v = {.text = NULL};
	AUTO(trial) struct trial m = {.text = NULL};

	validate(&v, &(struct review_parts){.object = object});
	CU_ASSERT_FALSE(v.judgement.wants_module);
	ASSERT_HAS(warning(&v), "pull_secret is not read here");
	mutate(&m, &(struct review_parts){.object = object});
	CU_ASSERT_FALSE(m.judgement.wants_module);
	CU_ASSERT_STRING_EQUAL(warning(&m), warning(&v));
}

#define UPDATED "\"protocol\":\"oci\",\"uri\":\"registry.test/auth:v2\""
#define APPLIED                                                                                    \
	",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{\\\"spec\\\":{" \
	"\\\"image\\\":{\\\"protocol\\\":\\\"oci\\\",\\\"uri\\\":\\\"registry.test/auth:v2\\\"}}}" \
	"\"}"

static void test_judge_mutation__pins_a_new_image_anew(void)
{
	AUTO(free) char *old = review_extension(PINNED, "", "");
	AUTO(free)
	char *object = review_extension(UPDATED ",\"sha256\":\"" REVIEW_SHA256 "\"", "", APPLIED);
	const struct review_parts parts = {.operation = "UPDATE", .object = object, .old = old};
	const struct finding f = found(OTHER);
	const struct finding none = failed(ERR_TRANSIENT);
	AUTO(trial) struct trial pinned = {.text = NULL};
	AUTO(trial) struct trial unpinned = {.text = NULL};

	mutate(&pinned, &parts);
	CU_ASSERT_TRUE(pinned.judgement.wants_module);
	judge_module(&pinned.judgement, &f);
	CU_ASSERT_EQUAL(pinned.judgement.verdict.patch, PATCH_PIN);
	CU_ASSERT_STRING_EQUAL(pinned.judgement.verdict.pin.hex, OTHER);
	mutate(&unpinned, &parts);
	judge_module(&unpinned.judgement, &none);
	CU_ASSERT_EQUAL(unpinned.judgement.verdict.patch, PATCH_UNPIN);
}

#define APPLIED_V1                                                                                 \
	",\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{\\\"spec\\\":{" \
	"\\\"image\\\":{\\\"protocol\\\":\\\"oci\\\",\\\"uri\\\":\\\"registry.test/auth:v1\\\"}}}" \
	"\"}"

static void test_judge_mutation__takes_its_pin_off_what_is_tracked_now(void)
{
	AUTO(free) char *old = review_extension(PINNED, "", "");
	AUTO(free) char *ours = review_extension(PINNED ",\"track\":true", "", APPLIED_V1);
	AUTO(free) char *theirs = review_extension(PINNED ",\"track\":true", "", "");
	AUTO(trial) struct trial t = {.text = NULL};

	mutate(&t, &(struct review_parts){.operation = "UPDATE", .object = ours, .old = old});
	CU_ASSERT_FALSE(t.judgement.wants_module);
	CU_ASSERT_EQUAL(t.judgement.verdict.patch, PATCH_UNPIN);
	leaves_alone(&(struct review_parts){.operation = "UPDATE", .object = theirs, .old = old});
}

TEST_MAIN("judge", TEST(test_judge_mutation__pins_where_no_digest_is),
	TEST(test_judge_mutation__leaves_what_needs_no_pin),
	TEST(test_judge_mutation__leaves_what_is_not_asked),
	TEST(test_judge_mutation__needs_no_name),
	TEST(test_judge_module__admits_with_a_warning_what_may_mend),
	TEST(test_judge_module__refuses_what_is_wrong_for_good),
	TEST(test_judge_module__compares_the_digest),
	TEST(test_judge_module__says_what_the_module_lacks),
	TEST(test_judge_module__warns_of_debug_sections),
	TEST(test_judge_validation__names_all_problems),
	TEST(test_judge_validation__names_the_field_that_holds_a_nul),
	TEST(test_judge_validation__wants_an_object),
	TEST(test_judge_validation__passes_over_what_is_not_ours),
	TEST(test_judge_validation__leaves_an_unchanged_spec_alone),
	TEST(test_judge_validation__wants_the_namespace_of_the_request),
	TEST(test_judge_validation__keeps_local_files_below_the_root),
	TEST(test_judge_validation__lists_what_is_referred_to),
	TEST(test_judge_validation__warns_where_a_pull_secret_hides_the_module),
	TEST(test_judge_mutation__pins_a_new_image_anew),
	TEST(test_judge_mutation__takes_its_pin_off_what_is_tracked_now))
