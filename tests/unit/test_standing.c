/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/standing.h"

#include "tests/unit/test.h"

#define VERSION "5271288418911d8cf40ae70f10d0fed0d5d1bb9a1a2d4c4a9a7a3c0a8a8a1b2c"

static const struct conditions_facts ready = {
	.uid = "u1",
	.generation = 3,
	.reason = STATUS_PROGRAMMED,
	.message = VERSION,
	.resolved = true,
	.fetched = true,
	.serving = VERSION,
};

static void assert_condition(const struct standing *s, enum condition_type type,
	enum condition_state state, enum status_reason reason)
{
	const struct standing_condition *c = &s->conditions[type];

	if (c->state != state || c->reason != reason)
		printf("\n  %s is %s %s, not %s %s\n", condition_type_name(type),
			condition_state_name(c->state), status_reason_name(c->reason),
			condition_state_name(state), status_reason_name(reason));
	CU_ASSERT_EQUAL(c->state, state);
	CU_ASSERT_EQUAL(c->reason, reason);
}

static void test_standing_of__is_ready_when_all_is_done(void)
{
	struct standing s;

	standing_of(&s, &ready);
	assert_condition(&s, CONDITION_ACCEPTED, CONDITION_TRUE, STATUS_ACCEPTED);
	assert_condition(&s, CONDITION_RESOLVED, CONDITION_TRUE, STATUS_RESOLVED);
	assert_condition(&s, CONDITION_FETCHED, CONDITION_TRUE, STATUS_FETCHED);
	assert_condition(&s, CONDITION_PROGRAMMED, CONDITION_TRUE, STATUS_PROGRAMMED);
	assert_condition(&s, CONDITION_READY, CONDITION_TRUE, STATUS_PROGRAMMED);
	CU_ASSERT_STRING_EQUAL(
		s.conditions[CONDITION_READY].message, "version " VERSION " is served");
}

static void test_standing_of__is_unknown_on_the_first_visit(void)
{
	const struct conditions_facts facts = {.generation = 1};
	struct standing s;

	standing_of(&s, &facts);
	for (int i = 0; i < CONDITION_TYPES; i++)
		assert_condition(&s, (enum condition_type)i, CONDITION_UNKNOWN, STATUS_UNKNOWN);
}

static void test_standing_of__says_that_the_last_good_one_is_served(void)
{
	struct conditions_facts facts = ready;
	struct standing s;

	facts.reason = STATUS_REFERENCE_NOT_FOUND;
	facts.message = "plugin_configuration: Secret default/s is not there";
	facts.resolved = false;
	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_ACCEPTED, CONDITION_TRUE, STATUS_ACCEPTED);
	assert_condition(&s, CONDITION_RESOLVED, CONDITION_FALSE, STATUS_REFERENCE_NOT_FOUND);
	assert_condition(&s, CONDITION_FETCHED, CONDITION_TRUE, STATUS_FETCHED);
	assert_condition(&s, CONDITION_PROGRAMMED, CONDITION_FALSE, STATUS_STALE);
	assert_condition(&s, CONDITION_READY, CONDITION_FALSE, STATUS_REFERENCE_NOT_FOUND);
	ASSERT_HAS(s.conditions[CONDITION_PROGRAMMED].message, "of an earlier state, is served");
	CU_ASSERT_STRING_EQUAL(s.conditions[CONDITION_READY].message, facts.message);
}

static void test_standing_of__says_that_what_is_asked_for_is_served_all_the_same(void)
{
	struct conditions_facts facts = ready;
	struct standing s;

	facts.reason = STATUS_REFERENCE_NOT_FOUND;
	facts.message = "image.pull_secret refers to Secret/default/s, which is not there";
	facts.resolved = false;
	facts.current = true;
	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_RESOLVED, CONDITION_FALSE, STATUS_REFERENCE_NOT_FOUND);
	assert_condition(&s, CONDITION_FETCHED, CONDITION_TRUE, STATUS_FETCHED);
	assert_condition(&s, CONDITION_PROGRAMMED, CONDITION_TRUE, STATUS_PROGRAMMED);
	assert_condition(&s, CONDITION_READY, CONDITION_FALSE, STATUS_REFERENCE_NOT_FOUND);
}

static void test_standing_of__waits_for_a_fetch_without_claiming_more(void)
{
	const struct conditions_facts facts = {.generation = 1, .reason = STATUS_FETCHING};
	struct standing s;

	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_ACCEPTED, CONDITION_TRUE, STATUS_ACCEPTED);
	assert_condition(&s, CONDITION_RESOLVED, CONDITION_UNKNOWN, STATUS_PENDING);
	assert_condition(&s, CONDITION_FETCHED, CONDITION_UNKNOWN, STATUS_FETCHING);
	assert_condition(&s, CONDITION_PROGRAMMED, CONDITION_FALSE, STATUS_PENDING);
	assert_condition(&s, CONDITION_READY, CONDITION_UNKNOWN, STATUS_FETCHING);
}

static void test_standing_of__blames_the_condition_that_is_in_trouble(void)
{
	static const struct {
		enum status_reason reason;
		enum condition_type trouble;
	} rows[] = {
		{STATUS_INVALID, CONDITION_ACCEPTED},
		{STATUS_REFERENCE_NOT_FOUND, CONDITION_RESOLVED},
		{STATUS_REFERENCE_DENIED, CONDITION_RESOLVED},
		{STATUS_FETCH_FAILED, CONDITION_FETCHED},
		{STATUS_NOT_FOUND, CONDITION_FETCHED},
		{STATUS_DENIED, CONDITION_FETCHED},
		{STATUS_DIGEST_MISMATCH, CONDITION_FETCHED},
		{STATUS_INVALID_MODULE, CONDITION_FETCHED},
		{STATUS_REVOKED, CONDITION_FETCHED},
		{STATUS_INVALID_CONFIGURATION, CONDITION_PROGRAMMED},
		{STATUS_STORAGE_FULL, CONDITION_PROGRAMMED},
		{STATUS_STORAGE_FAILED, CONDITION_PROGRAMMED},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct conditions_facts facts = ready;
		struct standing s;

		facts.reason = rows[i].reason;
		facts.message = "why";
		standing_of(&s, &facts);
		assert_condition(&s, rows[i].trouble, CONDITION_FALSE, rows[i].reason);
		assert_condition(&s, CONDITION_READY, CONDITION_FALSE, rows[i].reason);
		CU_ASSERT_STRING_EQUAL(s.conditions[rows[i].trouble].message, "why");
		for (int t = CONDITION_ACCEPTED; t < CONDITION_PROGRAMMED; t++) {
			if (t != (int)rows[i].trouble)
				CU_ASSERT_EQUAL(s.conditions[t].state, CONDITION_TRUE);
		}
	}
}

static void test_standing_of__has_no_room_before_the_module_is_there(void)
{
	struct conditions_facts facts = {.generation = 1, .reason = STATUS_STORAGE_FULL};
	struct standing s;

	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_FETCHED, CONDITION_FALSE, STATUS_STORAGE_FULL);
	assert_condition(&s, CONDITION_PROGRAMMED, CONDITION_FALSE, STATUS_PENDING);
}

static void test_standing_of__judges_nothing_that_is_suspended(void)
{
	struct conditions_facts facts = ready;
	struct standing s;

	facts.reason = STATUS_SUSPENDED;
	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_ACCEPTED, CONDITION_TRUE, STATUS_ACCEPTED);
	for (int i = CONDITION_RESOLVED; i < CONDITION_TYPES; i++)
		assert_condition(&s, (enum condition_type)i, CONDITION_UNKNOWN, STATUS_SUSPENDED);
}

static void test_standing_of__is_not_ready_while_a_proxy_refuses(void)
{
	struct conditions_facts facts = ready;
	struct standing s;

	facts.proxies = (struct conditions_proxies){.known = true,
		.connected = 3,
		.acked = 2,
		.nacked = 1,
		.nack_node = "edge1",
		.nack_message = "Unable to create\nWasm"};
	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_PROGRAMMED, CONDITION_TRUE, STATUS_PROGRAMMED);
	assert_condition(&s, CONDITION_READY, CONDITION_FALSE, STATUS_PROXY_REFUSED);
	CU_ASSERT_STRING_EQUAL(s.first_nack, "edge1: Unable to create Wasm");
	facts.proxies.known = false;
	standing_of(&s, &facts);
	assert_condition(&s, CONDITION_READY, CONDITION_FALSE, STATUS_PROXY_REFUSED);
	CU_ASSERT_FALSE(s.proxies_known);
	CU_ASSERT_EQUAL(s.connected, 0);
}

static void test_standing_of__withholds_words_that_may_hold_a_secret(void)
{
	struct conditions_facts facts = ready;
	struct standing s;

	facts.has_secret = true;
	facts.proxies = (struct conditions_proxies){.known = true,
		.connected = 1,
		.nacked = 1,
		.nack_node = "edge1",
		.nack_message = "cannot parse hunter2"};
	standing_of(&s, &facts);
	CU_ASSERT_PTR_NULL(strstr(s.first_nack, "hunter2"));
	ASSERT_HAS(s.first_nack, "edge1: withheld");
}

TEST_MAIN("standing", TEST(test_standing_of__is_ready_when_all_is_done),
	TEST(test_standing_of__is_unknown_on_the_first_visit),
	TEST(test_standing_of__says_that_the_last_good_one_is_served),
	TEST(test_standing_of__says_that_what_is_asked_for_is_served_all_the_same),
	TEST(test_standing_of__waits_for_a_fetch_without_claiming_more),
	TEST(test_standing_of__blames_the_condition_that_is_in_trouble),
	TEST(test_standing_of__has_no_room_before_the_module_is_there),
	TEST(test_standing_of__judges_nothing_that_is_suspended),
	TEST(test_standing_of__is_not_ready_while_a_proxy_refuses),
	TEST(test_standing_of__withholds_words_that_may_hold_a_secret))
