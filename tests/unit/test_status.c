/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/status.h"

#include <ctype.h>

#include "tests/unit/test.h"

static void test_status_reason_name__spells_every_reason_once(void)
{
	for (int i = STATUS_UNKNOWN; i < STATUS_REASONS; i++) {
		const char *name = status_reason_name((enum status_reason)i);

		CU_ASSERT_PTR_NOT_NULL_FATAL(name);
		CU_ASSERT_TRUE(isupper((unsigned char)name[0]));
		for (const char *c = name; *c; c++)
			CU_ASSERT_TRUE(isalpha((unsigned char)*c));
		for (int j = STATUS_UNKNOWN; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(name, status_reason_name((enum status_reason)j));
	}
	CU_ASSERT_STRING_EQUAL(status_reason_name(STATUS_DIGEST_MISMATCH), "DigestMismatch");
	CU_ASSERT_EQUAL(STATUS_STALE, STATUS_REASONS - 1);
}

static void test_status_reason_parse__knows_every_reason_and_nothing_else(void)
{
	enum status_reason reason = STATUS_DENIED;

	for (int i = STATUS_UNKNOWN; i < STATUS_REASONS; i++) {
		CU_ASSERT_TRUE_FATAL(
			status_reason_parse(&reason, status_reason_name((enum status_reason)i)));
		CU_ASSERT_EQUAL(reason, i);
	}
	reason = STATUS_DENIED;
	CU_ASSERT_FALSE(status_reason_parse(&reason, ""));
	CU_ASSERT_FALSE(status_reason_parse(&reason, "fetched"));
	CU_ASSERT_FALSE(status_reason_parse(&reason, "FetchedX"));
	CU_ASSERT_EQUAL(reason, STATUS_DENIED);
}

static enum status_reason of_fetch(enum err_code code)
{
	const struct err err = {.code = code};

	return status_of_fetch(&err);
}

static void test_status_of_fetch__says_what_somebody_must_change(void)
{
	CU_ASSERT_EQUAL(of_fetch(ERR_INVALID), STATUS_INVALID_MODULE);
	CU_ASSERT_EQUAL(of_fetch(ERR_NOT_FOUND), STATUS_NOT_FOUND);
	CU_ASSERT_EQUAL(of_fetch(ERR_DENIED), STATUS_DENIED);
	CU_ASSERT_EQUAL(of_fetch(ERR_UNVERIFIED), STATUS_DIGEST_MISMATCH);
	CU_ASSERT_EQUAL(of_fetch(ERR_FULL), STATUS_STORAGE_FULL);
	CU_ASSERT_EQUAL(of_fetch(ERR_TRANSIENT), STATUS_FETCH_FAILED);
	CU_ASSERT_EQUAL(of_fetch(ERR_CONFLICT), STATUS_FETCH_FAILED);
}

static void test_status_of_store__tells_full_from_failed(void)
{
	const struct err full = {.code = ERR_FULL};
	const struct err failed = {.code = ERR_TRANSIENT};

	CU_ASSERT_EQUAL(status_of_store(&full), STATUS_STORAGE_FULL);
	CU_ASSERT_EQUAL(status_of_store(&failed), STATUS_STORAGE_FAILED);
}

static void test_status_of_config__tells_missing_denied_and_wrong_apart(void)
{
	const struct err missing = {.code = ERR_NOT_FOUND};
	const struct err denied = {.code = ERR_DENIED};
	const struct err wrong = {.code = ERR_INVALID};

	CU_ASSERT_EQUAL(status_of_config(&missing), STATUS_REFERENCE_NOT_FOUND);
	CU_ASSERT_EQUAL(status_of_config(&denied), STATUS_REFERENCE_DENIED);
	CU_ASSERT_EQUAL(status_of_config(&wrong), STATUS_INVALID_CONFIGURATION);
}

static void test_status_set__says_whether_anything_is_new(void)
{
	struct status status = {.reason = STATUS_UNKNOWN};

	CU_ASSERT_FALSE(status_set(&status, STATUS_UNKNOWN, ""));
	CU_ASSERT_TRUE(status_set(&status, STATUS_FETCHING, ""));
	CU_ASSERT_FALSE(status_set(&status, STATUS_FETCHING, ""));
	CU_ASSERT_TRUE(status_set(&status, STATUS_FETCH_FAILED, "HTTP 503"));
	CU_ASSERT_TRUE(status_set(&status, STATUS_FETCH_FAILED, "HTTP 502"));
	CU_ASSERT_FALSE(status_set(&status, STATUS_FETCH_FAILED, "HTTP 502"));
	CU_ASSERT_EQUAL(status.reason, STATUS_FETCH_FAILED);
	CU_ASSERT_STRING_EQUAL(status.message, "HTTP 502");
	status_clear(&status);
}

static void test_status_set__has_a_message_though_it_is_empty(void)
{
	struct status status = {.reason = STATUS_UNKNOWN};

	CU_ASSERT_STRING_EQUAL(status_message(&status), "");
	CU_ASSERT_FALSE(status_set(&status, STATUS_UNKNOWN, ""));
	CU_ASSERT_TRUE(status_set(&status, STATUS_FETCHING, ""));
	CU_ASSERT_STRING_EQUAL(status_message(&status), "");
	CU_ASSERT_TRUE(status_set(&status, STATUS_FETCHING, "more"));
	CU_ASSERT_FALSE(status_set(&status, STATUS_FETCHING, "more"));
	status_clear(&status);
	CU_ASSERT_EQUAL(status.reason, STATUS_UNKNOWN);
}

TEST_MAIN("status", TEST(test_status_reason_name__spells_every_reason_once),
	TEST(test_status_reason_parse__knows_every_reason_and_nothing_else),
	TEST(test_status_of_fetch__says_what_somebody_must_change),
	TEST(test_status_of_store__tells_full_from_failed),
	TEST(test_status_of_config__tells_missing_denied_and_wrong_apart),
	TEST(test_status_set__says_whether_anything_is_new),
	TEST(test_status_set__has_a_message_though_it_is_empty))
