/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review.h"

#include <stdlib.h>

#include "api/base64.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/review_fixture.h"
#include "tests/unit/test.h"

static void parse(struct review *out, const char *text)
{
	struct err err = {.code = ERR_NONE};

	if (review_parse(out, text, strlen(text), &err) < 0)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_PTR_NOT_NULL_FATAL(out->tree);
}

static void test_review_parse__reads_a_request(void)
{
	AUTO(free) char *object = review_extension(REVIEW_IMAGE, "", "");
	AUTO(free)
	char *text = review_text(&(struct review_parts){.object = object, .is_dry_run = true});
	AUTO(review) struct review r = {.tree = NULL};

	parse(&r, text);
	CU_ASSERT_STRING_EQUAL(r.uid, "42-a");
	CU_ASSERT_STRING_EQUAL(r.name, "auth");
	CU_ASSERT_STRING_EQUAL(r.namespace, "team");
	CU_ASSERT_STRING_EQUAL(node_get(r.user, "username")->text, "alice");
	CU_ASSERT_STRING_EQUAL(node_get(r.object, "kind")->text, "WasmExtension");
	CU_ASSERT_PTR_NULL(r.old_object);
	CU_ASSERT_EQUAL(r.operation, REVIEW_CREATE);
	CU_ASSERT_TRUE(r.is_extension);
	CU_ASSERT_TRUE(r.is_dry_run);
}

static bool is_extension(const char *kind, const char *subresource)
{
	AUTO(free)
	char *text = review_text(
		&(struct review_parts){.kind = kind, .subresource = subresource, .object = "{}"});
	AUTO(review) struct review r = {.tree = NULL};

	parse(&r, text);
	return r.is_extension;
}

static void test_review_parse__knows_what_is_ours(void)
{
	CU_ASSERT_TRUE(is_extension(NULL, NULL));
	CU_ASSERT_FALSE(is_extension(NULL, "status"));
	CU_ASSERT_FALSE(is_extension("wasmxds.tetrate.io/v1/WasmExtension", NULL));
	CU_ASSERT_FALSE(is_extension("wasmxds.tetrate.io/v1alpha1/Other", NULL));
	CU_ASSERT_FALSE(is_extension("wasmxds.tetrate.i/v1alpha1/WasmExtension", NULL));
	CU_ASSERT_FALSE(is_extension("apps/v1/Deployment", NULL));
}

static enum review_operation operation_of(const char *name)
{
	AUTO(free)
	char *text = review_text(&(struct review_parts){.operation = name, .object = "{}"});
	AUTO(review) struct review r = {.tree = NULL};

	parse(&r, text);
	return r.operation;
}

static void test_review_parse__knows_the_operations(void)
{
	CU_ASSERT_EQUAL(operation_of("CREATE"), REVIEW_CREATE);
	CU_ASSERT_EQUAL(operation_of("UPDATE"), REVIEW_UPDATE);
	CU_ASSERT_EQUAL(operation_of("DELETE"), REVIEW_OTHER);
	CU_ASSERT_EQUAL(operation_of("create"), REVIEW_OTHER);
}

static void refuses_bytes(const char *text, size_t n, const char *says)
{
	AUTO(review) struct review r = {.tree = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(review_parse(&r, text, n, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(r.tree);
	ASSERT_HAS(err.msg, says);
}

static void refuses(const char *text, const char *says)
{
	refuses_bytes(text, strlen(text), says);
}

#define HEAD "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\""

static void test_review_parse__refuses_what_is_no_review(void)
{
	refuses("", "JSON");
	refuses("[]", "must be a mapping, not a list");
	refuses("{}", "apiVersion must be \"admission.k8s.io/v1\", not \"\"");
	refuses("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1beta1\"}",
		"not \"admission.k8s.io/v1beta1\"");
	refuses("{\"kind\":\"Pod\",\"apiVersion\":\"admission.k8s.io/v1\"}",
		"kind must be \"AdmissionReview\", not \"Pod\"");
	refuses(HEAD "}", "request is required");
	refuses(HEAD ",\"request\":[]}", "request is required");
	refuses(HEAD ",\"request\":{}}", "request.uid is required");
	refuses(HEAD ",\"request\":{\"uid\":7}}", "request.uid is required");
	refuses(HEAD ",\"request\":{\"uid\":\"", "JSON");
}

static void test_review_parse__refuses_hostile_json(void)
{
	size_t n = 100000;
	AUTO(free) char *deep = xmalloc(n + 1);

	memset(deep, '[', n);
	deep[n] = '\0';
	refuses(deep, "JSON");
	refuses(HEAD ",\"kind\":\"AdmissionReview\"}", "must not stand twice");
	refuses(HEAD ",\"request\":{\"uid\":\"\xff\"}}", "UTF-8");
	refuses_bytes("{\"a\":\"\0\"}", 9, "JSON");
	refuses(HEAD "} x", "JSON");
}

static void test_review_parse__bounds_the_uid(void)
{
	char uid[LIMIT_REVIEW_UID_BYTES + 2] = "";
	AUTO(free) char *text = NULL;

	memset(uid, 'u', LIMIT_REVIEW_UID_BYTES + 1);
	text = xasprintf(HEAD ",\"request\":{\"uid\":\"%s\"}}", uid);
	refuses(text, "at most 128 bytes, not 129");
}

/* Returns the response of the answer to a review of our own; the caller deletes the tree. */
static const cJSON *answer(cJSON **tree, const struct verdict *v)
{
	AUTO(free) char *text = review_text(&(struct review_parts){.object = "{}"});
	AUTO(review) struct review r = {.tree = NULL};
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_REVIEW_ANSWER_BYTES);
	struct err err;

	parse(&r, text);
	CU_ASSERT_EQUAL_FATAL(review_answer(&out, &r, v, &err), 0);
	*tree = json_parse(buf_text(&out), out.len, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(*tree);
	CU_ASSERT_STRING_EQUAL(json_text(*tree, "apiVersion"), "admission.k8s.io/v1");
	CU_ASSERT_STRING_EQUAL(json_text(*tree, "kind"), "AdmissionReview");

	const cJSON *response = cJSON_GetObjectItemCaseSensitive(*tree, "response");

	CU_ASSERT_STRING_EQUAL(json_text(response, "uid"), "42-a");
	return response;
}

static bool is_allowed(const cJSON *response)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(response, "allowed"));
}

static const cJSON *status_of(const cJSON *response)
{
	return cJSON_GetObjectItemCaseSensitive(response, "status");
}

static int code_of(const cJSON *response)
{
	return cJSON_GetObjectItemCaseSensitive(status_of(response), "code")->valueint;
}

static void test_review_answer__allows(void)
{
	AUTO(cjson) cJSON *tree = NULL;
	const cJSON *response = answer(&tree, &(struct verdict){.status = VERDICT_ALLOWED});

	CU_ASSERT_TRUE(is_allowed(response));
	CU_ASSERT_EQUAL(code_of(response), 200);
	CU_ASSERT_PTR_NULL(cJSON_GetObjectItemCaseSensitive(response, "patch"));
	CU_ASSERT_PTR_NULL(cJSON_GetObjectItemCaseSensitive(response, "patchType"));
	CU_ASSERT_PTR_NULL(cJSON_GetObjectItemCaseSensitive(response, "warnings"));
}

static void expect_patch(const struct verdict *v, const char *want)
{
	AUTO(cjson) cJSON *tree = NULL;
	AUTO(free) char *patch = NULL;
	const cJSON *response = answer(&tree, v);
	struct err err;
	size_t n = 0;

	CU_ASSERT_STRING_EQUAL(json_text(response, "patchType"), "JSONPatch");
	patch = base64_decode(json_text(response, "patch"), &n, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(patch);
	CU_ASSERT_STRING_EQUAL(patch, want);
}

static void test_review_answer__patches_the_digest_alone(void)
{
	struct verdict v = {.status = VERDICT_ALLOWED, .patch = PATCH_PIN};

	(void)snprintf(v.pin.hex, sizeof(v.pin.hex), "%s", REVIEW_SHA256);
	expect_patch(&v, "[{\"op\":\"add\",\"path\":\"/spec/image/sha256\",\"value\":"
			 "\"" REVIEW_SHA256 "\"}]");
	v.patch = PATCH_UNPIN;
	expect_patch(&v, "[{\"op\":\"remove\",\"path\":\"/spec/image/sha256\"}]");
}

static void test_review_answer__names_every_problem(void)
{
	AUTO(verdict) struct verdict v = {.status = VERDICT_INVALID};
	AUTO(cjson) cJSON *tree = NULL;
	const cJSON *response;
	const cJSON *details;
	const cJSON *cause;

	problems_add(&v.problems, "spec.runtime", 0, "must be %s", "v8");
	problems_add(&v.problems, "", 0, "is odd");
	response = answer(&tree, &v);
	CU_ASSERT_FALSE(is_allowed(response));
	CU_ASSERT_EQUAL(code_of(response), 422);
	CU_ASSERT_STRING_EQUAL(json_text(status_of(response), "reason"), "Invalid");
	CU_ASSERT_STRING_EQUAL(json_text(status_of(response), "status"), "Failure");
	CU_ASSERT_STRING_EQUAL(
		json_text(status_of(response), "message"), "spec.runtime: must be v8; is odd");
	details = cJSON_GetObjectItemCaseSensitive(status_of(response), "details");
	CU_ASSERT_STRING_EQUAL(json_text(details, "kind"), "WasmExtension");
	CU_ASSERT_STRING_EQUAL(json_text(details, "group"), "wasmxds.tetrate.io");
	CU_ASSERT_STRING_EQUAL(json_text(details, "name"), "auth");
	cause = cJSON_GetObjectItemCaseSensitive(details, "causes")->child;
	CU_ASSERT_STRING_EQUAL(json_text(cause, "field"), "spec.runtime");
	CU_ASSERT_STRING_EQUAL(json_text(cause, "message"), "must be v8");
	CU_ASSERT_PTR_NOT_NULL(cause->next);
}

static void test_review_answer__bounds_its_message(void)
{
	AUTO(verdict) struct verdict v = {.status = VERDICT_INVALID};
	AUTO(cjson) cJSON *tree = NULL;
	char large[3000];
	const char *message;

	memset(large, 'x', sizeof(large) - 1);
	large[sizeof(large) - 1] = '\0';
	for (int i = 0; i < LIMIT_PROBLEMS + 3; i++)
		problems_add(&v.problems, "spec", 0, "%s", large);
	message = json_text(status_of(answer(&tree, &v)), "message");
	CU_ASSERT_TRUE(strlen(message) < LIMIT_REVIEW_MESSAGE_BYTES + 64);
	ASSERT_HAS(message, "; and 62 more");
}

static void test_review_answer__forbids(void)
{
	AUTO(verdict) struct verdict v = {.status = VERDICT_FORBIDDEN, .patch = PATCH_PIN};
	AUTO(cjson) cJSON *tree = NULL;
	const cJSON *response;

	problems_add(&v.problems, "spec", 0, "no");
	response = answer(&tree, &v);
	CU_ASSERT_FALSE(is_allowed(response));
	CU_ASSERT_EQUAL(code_of(response), 403);
	CU_ASSERT_STRING_EQUAL(json_text(status_of(response), "reason"), "Forbidden");
	CU_ASSERT_PTR_NULL(cJSON_GetObjectItemCaseSensitive(response, "patch"));
	CU_ASSERT_PTR_NULL(cJSON_GetObjectItemCaseSensitive(status_of(response), "details"));
}

static void test_verdict_warn__is_at_most_120_bytes(void)
{
	AUTO(verdict) struct verdict v = {.status = VERDICT_ALLOWED};
	AUTO(cjson) cJSON *tree = NULL;
	char large[300];
	const char *text;
	size_t bad;

	for (size_t i = 0; i < sizeof(large) - 2; i += 2)
		memcpy(large + i, "ü", 2);
	memcpy(large + sizeof(large) - 2, "x", 2);
	verdict_warn(&v, "spec.image.uri", "%s", large);
	verdict_warn(&v, "spec", "short");
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(answer(&tree, &v), "warnings");

	text = cJSON_GetStringValue(list->child);
	CU_ASSERT_TRUE(strlen(text) <= 120 && strlen(text) > 110);
	CU_ASSERT_TRUE(json_utf8_valid(text, strlen(text), &bad));
	CU_ASSERT_STRING_EQUAL(cJSON_GetStringValue(list->child->next), "spec: short");
}

TEST_MAIN("review", TEST(test_review_parse__reads_a_request),
	TEST(test_review_parse__knows_what_is_ours), TEST(test_review_parse__knows_the_operations),
	TEST(test_review_parse__refuses_what_is_no_review),
	TEST(test_review_parse__refuses_hostile_json), TEST(test_review_parse__bounds_the_uid),
	TEST(test_review_answer__allows), TEST(test_review_answer__patches_the_digest_alone),
	TEST(test_review_answer__names_every_problem), TEST(test_review_answer__bounds_its_message),
	TEST(test_review_answer__forbids), TEST(test_verdict_warn__is_at_most_120_bytes))
