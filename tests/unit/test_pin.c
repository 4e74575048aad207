/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pin.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define A "{\"protocol\":\"oci\",\"uri\":\"r.test/a:1\",\"sha256\":\"aa\"}"
#define B "{\"protocol\":\"oci\",\"uri\":\"r.test/a:2\",\"sha256\":\"aa\"}"
#define LAST(image)                                                                              \
	"\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{\\\"spec\\\":" \
	"{\\\"image\\\":{" image "}}}\"}"
#define ENTRY(manager, operation, fields)                                            \
	"{\"manager\":\"" manager "\",\"operation\":\"" operation "\",\"fieldsV1\":" \
	"{\"f:spec\":{\"f:image\":{" fields "}}}}"
#define URI_FIELD "\"f:uri\":{}"
#define SHA_FIELD "\"f:sha256\":{}"

static bool is_stale(const char *old_image, const char *image, const char *metadata)
{
	AUTO(free) char *old_text = xasprintf("{\"spec\":{\"image\":%s}}", old_image);
	AUTO(free)
	char *text = xasprintf("{\"metadata\":{%s},\"spec\":{\"image\":%s}}", metadata, image);
	struct err err;
	AUTO(node) struct node *old = node_from_json(old_text, strlen(old_text), &err);
	AUTO(node) struct node *object = node_from_json(text, strlen(text), &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(old);
	CU_ASSERT_PTR_NOT_NULL_FATAL(object);
	return pin_is_stale(object, old);
}

#define APPLIED_B "\\\"protocol\\\":\\\"oci\\\",\\\"uri\\\":\\\"r.test/a:2\\\""

static void test_pin_is_stale__believes_what_kubectl_applied(void)
{
	CU_ASSERT_TRUE(is_stale(A, B, LAST(APPLIED_B)));
	CU_ASSERT_FALSE(is_stale(A, B, LAST(APPLIED_B ",\\\"sha256\\\":\\\"aa\\\"")));
	CU_ASSERT_FALSE(is_stale(A, B, LAST("\\\"uri\\\":\\\"r.test/a:3\\\"")));
	CU_ASSERT_FALSE(is_stale(A, B,
		"\"annotations\":{\"kubectl.kubernetes.io/last-applied-configuration\":\"{\"}"));
}

static void test_pin_is_stale__believes_who_manages_the_fields(void)
{
	CU_ASSERT_TRUE(is_stale(A, B,
		"\"managedFields\":[" ENTRY("flux", "Apply", URI_FIELD) "," ENTRY(
			"flux", "Update", SHA_FIELD) "]"));
	CU_ASSERT_TRUE(is_stale(A, B, "\"managedFields\":[" ENTRY("flux", "Apply", URI_FIELD) "]"));
	CU_ASSERT_FALSE(is_stale(
		A, B, "\"managedFields\":[" ENTRY("flux", "Apply", URI_FIELD "," SHA_FIELD) "]"));
	CU_ASSERT_FALSE(is_stale(A, B,
		"\"managedFields\":[" ENTRY("flux", "Apply", URI_FIELD) "," ENTRY(
			"kubectl-edit", "Update", SHA_FIELD) "]"));
	CU_ASSERT_FALSE(is_stale(
		A, B, "\"managedFields\":[" ENTRY("kubectl-edit", "Update", URI_FIELD) "]"));
}

static void test_pin_is_stale__holds_for_another_image_only(void)
{
	CU_ASSERT_FALSE(is_stale(A, A, LAST("\\\"uri\\\":\\\"r.test/a:1\\\"")));
	CU_ASSERT_FALSE(
		is_stale(A, "{\"protocol\":\"oci\",\"uri\":\"r.test/a:2\",\"sha256\":\"bb\"}",
			LAST(APPLIED_B)));
	CU_ASSERT_FALSE(
		is_stale("{\"protocol\":\"oci\",\"uri\":\"r.test/a:1\"}", B, LAST(APPLIED_B)));
	CU_ASSERT_FALSE(
		is_stale(A, "{\"protocol\":\"oci\",\"uri\":\"r.test/a:2\"}", LAST(APPLIED_B)));
	CU_ASSERT_TRUE(is_stale("{\"protocol\":\"https\",\"uri\":\"r.test/a:2\",\"sha256\":\"aa\"}",
		B, LAST(APPLIED_B)));
}

static void test_pin_is_stale__leaves_it_to_the_user_in_doubt(void)
{
	CU_ASSERT_FALSE(is_stale(A, B, ""));
	CU_ASSERT_FALSE(is_stale(A, B, "\"managedFields\":[7,{}]"));
	CU_ASSERT_FALSE(is_stale("[]", "7", ""));
}

TEST_MAIN("pin", TEST(test_pin_is_stale__believes_what_kubectl_applied),
	TEST(test_pin_is_stale__believes_who_manages_the_fields),
	TEST(test_pin_is_stale__holds_for_another_image_only),
	TEST(test_pin_is_stale__leaves_it_to_the_user_in_doubt))
