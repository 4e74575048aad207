/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/publication.h"

#include "base/auto.h"
#include "tests/unit/test.h"

#define NOW 1795000000
#define TRUE_SINCE(type, reason)                                                                   \
	"{\"type\":\"" type "\",\"status\":\"True\",\"observedGeneration\":1,\"reason\":\"" reason \
	"\",\"message\":\"\",\"lastTransitionTime\":\"2026-11-18T10:00:00Z\"}"

static const struct events_facts programmed = {.namespace = "default",
	.name = "x",
	.reason = STATUS_PROGRAMMED,
	.message = "served",
	.version = "52"};

static void test_publication_adopt__says_nothing_again_after_a_restart(void)
{
	static const char status[] = "{\"observedGeneration\":1,\"conditions\":[" TRUE_SINCE(
		"Accepted", "Accepted") "," TRUE_SINCE("Ready", "Programmed") "]}";
	struct publication p = {0};
	struct err err;
	AUTO(node) struct node *node = node_from_json(status, sizeof(status) - 1, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	publication_adopt(&p, "u1", node, NOW);
	CU_ASSERT_EQUAL(events_judge(&p.events, &programmed, NOW).verdict, EVENTS_NONE);
	CU_ASSERT_EQUAL(p.status.states[CONDITION_READY], CONDITION_TRUE);
	publication_clear(&p);
}

static void test_publication_adopt__forgets_what_was_said_of_an_object_of_the_same_name(void)
{
	struct publication p = {0};
	struct events_judgement j;

	publication_adopt(&p, "u1", NULL, NOW);
	j = events_judge(&p.events, &programmed, NOW);
	CU_ASSERT_EQUAL(j.verdict, EVENTS_CREATE);
	events_said(&p.events, &j);
	publication_adopt(&p, "u1", NULL, NOW + 1);
	CU_ASSERT_EQUAL(events_judge(&p.events, &programmed, NOW).verdict, EVENTS_NONE);
	publication_adopt(&p, "u2", NULL, NOW + 1);
	CU_ASSERT_EQUAL(events_judge(&p.events, &programmed, NOW).verdict, EVENTS_CREATE);
	publication_clear(&p);
	CU_ASSERT_PTR_NULL(p.events.slots);
}

TEST_MAIN("publication", TEST(test_publication_adopt__says_nothing_again_after_a_restart),
	TEST(test_publication_adopt__forgets_what_was_said_of_an_object_of_the_same_name))
