/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/conditions.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "tests/unit/test.h"

#define VERSION "5271288418911d8cf40ae70f10d0fed0d5d1bb9a1a2d4c4a9a7a3c0a8a8a1b2c"
#define MODULE "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define NOW 1795000000

static const struct conditions_facts ready = {
	.uid = "6f0c",
	.generation = 3,
	.reason = STATUS_PROGRAMMED,
	.resolved = true,
	.fetched = true,
	.serving = VERSION,
	.module = {.hex = MODULE},
	.manifest = "sha256:" MODULE,
	.size_bytes = 5242880,
	.served_bytes = 120931,
	.refetch = "monday",
	.proxies = {.known = true, .connected = 3, .acked = 3},
};

/* Renders the patch of facts and returns its tree, which the caller deletes. */
static cJSON *patch_of(const struct conditions_facts *facts, const struct conditions_memory *next)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MIB);
	struct err err = {.code = ERR_NONE};
	cJSON *tree;

	CU_ASSERT_EQUAL_FATAL(conditions_patch(&text, facts, next, &err), 0);
	tree = json_parse(text.data, text.len, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(tree);
	return tree;
}

/* The status that the patch puts there; borrowed. */
static cJSON *status_in(const cJSON *patch)
{
	const cJSON *last = cJSON_GetArrayItem(patch, cJSON_GetArraySize(patch) - 1);
	cJSON *status = cJSON_GetObjectItem(last, "value");

	CU_ASSERT_STRING_EQUAL(json_text(last, "op"), "add");
	CU_ASSERT_STRING_EQUAL(json_text(last, "path"), "/status");
	CU_ASSERT_PTR_NOT_NULL_FATAL(status);
	return status;
}

/* The status as the API server has it after the patch; the caller frees it. */
static struct node *status_after(const cJSON *patch)
{
	AUTO(free) char *text = cJSON_PrintUnformatted(status_in(patch));
	struct node *node;
	struct err err = {.code = ERR_NONE};

	node = node_from_json(text, strlen(text), &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(node);
	return node;
}

static struct conditions_memory written(const struct conditions_facts *facts, int64_t now)
{
	const struct conditions_memory nothing = {0};
	struct conditions_judgement j = conditions_judge(&nothing, facts, now);

	CU_ASSERT_EQUAL_FATAL(j.verdict, CONDITIONS_WRITE);
	return j.next;
}

static enum conditions_verdict verdict(
	const struct conditions_memory *known, const struct conditions_facts *facts, int64_t now)
{
	return conditions_judge(known, facts, now).verdict;
}

static void test_conditions_patch__says_everything(void)
{
	struct conditions_memory known = written(&ready, NOW);
	AUTO(cjson) cJSON *patch = patch_of(&ready, &known);
	AUTO(free) char *text = cJSON_PrintUnformatted(patch);

	CU_ASSERT_STRING_EQUAL(text,
		"[{\"op\":\"test\",\"path\":\"/metadata/uid\",\"value\":\"6f0c\"},"
		"{\"op\":\"add\",\"path\":\"/status\",\"value\":{\"observedGeneration\":3,"
		"\"conditions\":["
		"{\"type\":\"Accepted\",\"status\":\"True\",\"observedGeneration\":3,"
		"\"lastTransitionTime\":\"2026-11-18T11:06:40Z\",\"reason\":\"Accepted\","
		"\"message\":\"the manifest keeps the rules\"},"
		"{\"type\":\"Resolved\",\"status\":\"True\",\"observedGeneration\":3,"
		"\"lastTransitionTime\":\"2026-11-18T11:06:40Z\",\"reason\":\"Resolved\","
		"\"message\":\"every reference was found\"},"
		"{\"type\":\"Fetched\",\"status\":\"True\",\"observedGeneration\":3,"
		"\"lastTransitionTime\":\"2026-11-18T11:06:40Z\",\"reason\":\"Fetched\","
		"\"message\":\"the module is in the store\"},"
		"{\"type\":\"Programmed\",\"status\":\"True\",\"observedGeneration\":3,"
		"\"lastTransitionTime\":\"2026-11-18T11:06:40Z\",\"reason\":\"Programmed\","
		"\"message\":\"version " VERSION " is served\"},"
		"{\"type\":\"Ready\",\"status\":\"True\",\"observedGeneration\":3,"
		"\"lastTransitionTime\":\"2026-11-18T11:06:40Z\",\"reason\":\"Programmed\","
		"\"message\":\"version " VERSION " is served\"}],"
		"\"resolvedSha256\":\"" MODULE "\",\"shortSha256\":\"9f86d081884c\","
		"\"manifestDigest\":\"sha256:" MODULE "\",\"sizeBytes\":5242880,"
		"\"servedBytes\":120931,\"lastHandledRefetch\":\"monday\",\"proxies\":{"
		"\"connected\":3,\"acked\":3,\"nacked\":0,\"summary\":\"3/3\"}}}]");
}

static void test_conditions_patch__says_nothing_of_what_is_not_known(void)
{
	const struct conditions_facts facts = {.generation = 1};
	struct conditions_memory known = written(&facts, NOW);
	AUTO(cjson) cJSON *patch = patch_of(&facts, &known);

	CU_ASSERT_EQUAL(cJSON_GetArraySize(patch), 1);
	CU_ASSERT_EQUAL(cJSON_GetArraySize(status_in(patch)), 2);
	CU_ASSERT_TRUE(cJSON_HasObjectItem(status_in(patch), "observedGeneration"));
	CU_ASSERT_TRUE(cJSON_HasObjectItem(status_in(patch), "conditions"));
}

static void test_conditions_patch__stays_small(void)
{
	char quotes[4096];
	struct conditions_facts facts = ready;
	struct conditions_memory known;
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MIB);
	struct err err;

	memset(quotes, '"', sizeof(quotes));
	quotes[sizeof(quotes) - 1] = '\0';
	facts.reason = STATUS_FETCH_FAILED;
	facts.message = quotes;
	facts.refetch = quotes + sizeof(quotes) - 1 - LIMIT_REFETCH_BYTES;
	facts.generation = INT64_C(1) << 52;
	facts.size_bytes = facts.served_bytes = LIMIT_MODULE_BYTES;
	facts.proxies = (struct conditions_proxies){.known = true,
		.connected = 10000,
		.acked = 0,
		.nacked = 10000,
		.nack_node = quotes,
		.nack_message = quotes};
	known = written(&facts, NOW);
	CU_ASSERT_EQUAL_FATAL(conditions_patch(&text, &facts, &known, &err), 0);
	printf("\n  largest status: %zu bytes\n", text.len);
	CU_ASSERT(text.len <= LIMIT_STATUS_BYTES);
}

static void test_conditions_judge__writes_nothing_twice(void)
{
	struct conditions_memory known = written(&ready, NOW);

	CU_ASSERT_EQUAL(verdict(&known, &ready, NOW), CONDITIONS_SAME);
	CU_ASSERT_EQUAL(verdict(&known, &ready, NOW + 1000000), CONDITIONS_SAME);
}

static void test_conditions_judge__writes_each_change_at_once(void)
{
	struct conditions_memory known = written(&ready, NOW);
	struct conditions_facts facts[10];
	size_t n = sizeof(facts) / sizeof(facts[0]);

	for (size_t i = 0; i < n; i++)
		facts[i] = ready;
	facts[0].generation++;
	facts[1].reason = STATUS_SUSPENDED;
	facts[2].serving = MODULE;
	facts[3].module.hex[0] = '0';
	facts[4].manifest = NULL;
	facts[5].size_bytes++;
	facts[6].served_bytes++;
	facts[7].refetch = "tuesday";
	facts[8].proxies.nacked = 1;
	facts[9].proxies.known = false;
	for (size_t i = 0; i < n; i++)
		CU_ASSERT_EQUAL(verdict(&known, &facts[i], NOW + 1), CONDITIONS_WRITE);
}

static void test_conditions_judge__moves_a_transition_only_with_its_status(void)
{
	struct conditions_memory known = written(&ready, NOW);
	struct conditions_facts facts = ready;
	struct conditions_judgement j;

	facts.reason = STATUS_FETCH_FAILED;
	facts.message = "HTTP 503";
	j = conditions_judge(&known, &facts, NOW + 10);
	CU_ASSERT_EQUAL(j.next.since[CONDITION_ACCEPTED], NOW);
	CU_ASSERT_EQUAL(j.next.since[CONDITION_RESOLVED], NOW);
	CU_ASSERT_EQUAL(j.next.since[CONDITION_FETCHED], NOW + 10);
	CU_ASSERT_EQUAL(j.next.since[CONDITION_PROGRAMMED], NOW + 10);
	CU_ASSERT_EQUAL(j.next.since[CONDITION_READY], NOW + 10);
	known = j.next;
	facts.reason = STATUS_NOT_FOUND;
	j = conditions_judge(&known, &facts, NOW + 20);
	CU_ASSERT_EQUAL(j.verdict, CONDITIONS_WRITE);
	CU_ASSERT_EQUAL(j.next.since[CONDITION_READY], NOW + 10);
}

static void test_conditions_judge__knows_the_same_words_again(void)
{
	struct conditions_facts facts = ready;
	struct conditions_memory known;

	facts.reason = STATUS_FETCH_FAILED;
	facts.message = "tried 3 times: timed out after 1003 ms";
	known = written(&facts, NOW);
	facts.message = "tried 20 times: timed out after 998 ms";
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW + 100000), CONDITIONS_SAME);
}

static void test_conditions_judge__lets_other_words_wait(void)
{
	struct conditions_facts facts = ready;
	struct conditions_memory known;
	struct conditions_judgement j;

	facts.reason = STATUS_FETCH_FAILED;
	facts.message = "HTTP 503";
	known = written(&facts, NOW);
	facts.message = "HTTP 502";
	j = conditions_judge(&known, &facts, NOW + 1);
	CU_ASSERT_EQUAL(j.verdict, CONDITIONS_LATER);
	CU_ASSERT(j.look_at > NOW + 1);
	CU_ASSERT_EQUAL(verdict(&known, &facts, j.look_at - 1), CONDITIONS_LATER);
	CU_ASSERT_EQUAL(verdict(&known, &facts, j.look_at), CONDITIONS_WRITE);
	/* a clock that was set back holds nothing up */
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW - 1), CONDITIONS_WRITE);
}

static void test_conditions_judge__lets_counts_wait_but_not_what_they_mean(void)
{
	struct conditions_facts facts = ready;
	struct conditions_memory known;
	struct conditions_judgement j;

	facts.proxies = (struct conditions_proxies){.known = true, .connected = 200, .acked = 1};
	known = written(&facts, NOW);
	facts.proxies.acked = 100;
	j = conditions_judge(&known, &facts, NOW + 1);
	CU_ASSERT_EQUAL(j.verdict, CONDITIONS_LATER);
	CU_ASSERT_EQUAL(verdict(&known, &facts, j.look_at), CONDITIONS_WRITE);
	facts.proxies.acked = 200;
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW + 1), CONDITIONS_WRITE);
	facts.proxies.acked = 1;
	facts.proxies.nacked = 1;
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW + 1), CONDITIONS_WRITE);
}

static void test_conditions_judge__leaves_proxies_as_they_are_until_they_were_asked(void)
{
	struct conditions_facts facts = ready;
	struct conditions_memory known;

	facts.proxies.acked = 1;
	known = written(&facts, NOW);
	facts.proxies = (struct conditions_proxies){.pending = true};
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW + 1000), CONDITIONS_SAME);
	facts.generation++;
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW + 1000), CONDITIONS_WRITE);
	/* what was written without them is not what is shown with them */
	known = conditions_judge(&known, &facts, NOW + 1000).next;
	facts.proxies = (struct conditions_proxies){.known = true, .connected = 3, .acked = 1};
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW + 1000), CONDITIONS_WRITE);
}

/* Facts of every kind, from a number. */
static struct conditions_facts facts_of(uint32_t n)
{
	struct conditions_facts f = {.uid = "6f0c", .generation = 1 + n % 3};

	f.reason = (enum status_reason)(n % STATUS_REASONS);
	n /= STATUS_REASONS;
	f.message = n & 1 ? "why \"that\"\nis " : "tried 3 times: \xff";
	f.resolved = n & 2;
	f.fetched = n & 4;
	f.serving = n & 8 ? VERSION : NULL;
	(void)snprintf(f.module.hex, sizeof(f.module.hex), "%s", n & 16 ? MODULE : "");
	f.manifest = n & 32 ? "sha256:" MODULE : NULL;
	f.size_bytes = n & 64 ? 7777 : 0;
	f.refetch = n & 128 ? "x" : NULL;
	f.has_secret = n & 256;
	if (n & 512)
		f.proxies = (struct conditions_proxies){.known = n & 1024,
			.connected = 7,
			.acked = 3,
			.nacked = n & 2048 ? 2 : 0,
			.nack_node = "edge\t1",
			.nack_message = "no"};
	return f;
}

static void test_conditions_adopt__knows_its_own_writing_after_a_restart(void)
{
	for (uint32_t n = 0; n < STATUS_REASONS * 4096; n += 31) {
		struct conditions_facts facts = facts_of(n);
		struct conditions_memory before = written(&facts, NOW);
		struct conditions_memory after = {0};
		AUTO(cjson) cJSON *patch = patch_of(&facts, &before);
		AUTO(node) struct node *status = status_after(patch);

		(void)conditions_adopt(&after, "6f0c", status, NOW + 5);
		CU_ASSERT_EQUAL_FATAL(verdict(&after, &facts, NOW + 5), CONDITIONS_SAME);
		CU_ASSERT_EQUAL(memcmp(after.since, before.since, sizeof(after.since)), 0);
		CU_ASSERT_EQUAL(after.reason, before.reason);
	}
}

static void test_conditions_adopt__tells_every_two_statuses_apart(void)
{
	struct conditions_facts facts = ready;
	struct conditions_memory known = written(&ready, NOW), seen = {0};
	AUTO(cjson) cJSON *patch = patch_of(&ready, &known);
	AUTO(node) struct node *status = status_after(patch);

	(void)conditions_adopt(&seen, "6f0c", status, NOW);
	facts.generation++;
	CU_ASSERT_EQUAL(verdict(&seen, &facts, NOW), CONDITIONS_WRITE);
}

static void test_conditions_adopt__writes_over_what_it_would_not_have_written(void)
{
	static const char *const statuses[] = {"{}", "[]", "7", "null", "{\"conditions\":7}",
		"{\"conditions\":[7,{\"type\":7}]}",
		"{\"observedGeneration\":\"3\",\"proxies\":[],\"conditions\":[{\"type\":\"Ready\","
		"\"status\":\"Maybe\",\"reason\":\"X\"}]}"};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		struct conditions_memory seen = {0};
		struct err err;
		AUTO(node)
		struct node *status = node_from_json(statuses[i], strlen(statuses[i]), &err);

		CU_ASSERT_PTR_NOT_NULL_FATAL(status);
		(void)conditions_adopt(&seen, "6f0c", status, NOW);
		CU_ASSERT_EQUAL(verdict(&seen, &ready, NOW), CONDITIONS_WRITE);
	}
}

static void test_conditions_adopt__mends_what_somebody_changed(void)
{
	struct conditions_memory known = written(&ready, NOW);
	AUTO(cjson) cJSON *patch = patch_of(&ready, &known);
	AUTO(node) struct node *status = NULL;

	cJSON_ReplaceItemInObject(status_in(patch), "sizeBytes", cJSON_CreateNumber(1));
	status = status_after(patch);
	(void)conditions_adopt(&known, "6f0c", status, NOW + 3600);
	CU_ASSERT_EQUAL(verdict(&known, &ready, NOW + 3600), CONDITIONS_WRITE);
}

static void test_conditions_adopt__passes_over_late_news_of_before_its_own_write(void)
{
	struct conditions_memory known = written(&ready, NOW);

	(void)conditions_adopt(&known, "6f0c", NULL, NOW + 1);
	CU_ASSERT_EQUAL(verdict(&known, &ready, NOW + 1), CONDITIONS_SAME);
	(void)conditions_adopt(&known, "6f0c", NULL, NOW + 3600);
	CU_ASSERT_EQUAL(verdict(&known, &ready, NOW + 3600), CONDITIONS_WRITE);
}

static void test_conditions_adopt__knows_an_object_that_was_made_anew(void)
{
	struct conditions_memory known = written(&ready, NOW);
	struct conditions_facts anew = ready;

	anew.uid = "77";
	CU_ASSERT_EQUAL(verdict(&known, &anew, NOW + 1), CONDITIONS_WRITE);
	CU_ASSERT_FALSE(conditions_adopt(&known, "6f0c", NULL, NOW + 1));
	CU_ASSERT_TRUE(conditions_adopt(&known, "77", NULL, NOW + 1));
	CU_ASSERT_EQUAL(verdict(&known, &anew, NOW + 1), CONDITIONS_WRITE);
}

static struct conditions_memory adopted(const struct conditions_facts *facts)
{
	struct conditions_memory before = written(facts, NOW);
	struct conditions_memory after = {0};
	AUTO(cjson) cJSON *patch = patch_of(facts, &before);
	AUTO(node) struct node *status = status_after(patch);

	(void)conditions_adopt(&after, facts->uid, status, NOW);
	return after;
}

static void test_conditions_judge__holds_what_another_process_knew_until_it_is_known_anew(void)
{
	struct conditions_facts failed = ready;
	struct conditions_facts facts = ready;
	struct conditions_memory good = adopted(&ready);
	struct conditions_memory bad;

	failed.reason = STATUS_FETCH_FAILED;
	failed.message = "HTTP 503";
	bad = adopted(&failed);
	facts.reason = STATUS_UNKNOWN;
	CU_ASSERT_EQUAL(verdict(&good, &facts, NOW), CONDITIONS_HELD);
	CU_ASSERT_EQUAL(verdict(&bad, &facts, NOW), CONDITIONS_HELD);
	facts.reason = STATUS_FETCHING;
	CU_ASSERT_EQUAL(verdict(&bad, &facts, NOW), CONDITIONS_HELD);
	facts.serving = NULL; /* the store was lost */
	CU_ASSERT_EQUAL(verdict(&bad, &facts, NOW), CONDITIONS_HELD);
	CU_ASSERT_EQUAL(verdict(&good, &facts, NOW), CONDITIONS_WRITE);
	facts.generation++;
	CU_ASSERT_EQUAL(verdict(&bad, &facts, NOW), CONDITIONS_WRITE);
	CU_ASSERT_EQUAL(verdict(&bad, &ready, NOW), CONDITIONS_WRITE);
}

static void test_conditions_judge__says_what_is_under_way_where_nothing_was_said(void)
{
	const struct conditions_memory nothing = {0};
	struct conditions_memory known = written(&ready, NOW);
	struct conditions_facts facts = ready;

	facts.reason = STATUS_FETCHING;
	CU_ASSERT_EQUAL(verdict(&nothing, &facts, NOW), CONDITIONS_WRITE);
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW), CONDITIONS_WRITE);
	facts.reason = STATUS_UNKNOWN;
	CU_ASSERT_EQUAL(verdict(&nothing, &facts, NOW), CONDITIONS_WRITE);
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW), CONDITIONS_HELD);
	facts.uid = "77";
	CU_ASSERT_EQUAL(verdict(&known, &facts, NOW), CONDITIONS_WRITE);
}

TEST_MAIN("conditions", TEST(test_conditions_patch__says_everything),
	TEST(test_conditions_patch__says_nothing_of_what_is_not_known),
	TEST(test_conditions_patch__stays_small), TEST(test_conditions_judge__writes_nothing_twice),
	TEST(test_conditions_judge__writes_each_change_at_once),
	TEST(test_conditions_judge__moves_a_transition_only_with_its_status),
	TEST(test_conditions_judge__knows_the_same_words_again),
	TEST(test_conditions_judge__lets_other_words_wait),
	TEST(test_conditions_judge__lets_counts_wait_but_not_what_they_mean),
	TEST(test_conditions_judge__leaves_proxies_as_they_are_until_they_were_asked),
	TEST(test_conditions_judge__holds_what_another_process_knew_until_it_is_known_anew),
	TEST(test_conditions_judge__says_what_is_under_way_where_nothing_was_said),
	TEST(test_conditions_adopt__knows_its_own_writing_after_a_restart),
	TEST(test_conditions_adopt__tells_every_two_statuses_apart),
	TEST(test_conditions_adopt__writes_over_what_it_would_not_have_written),
	TEST(test_conditions_adopt__mends_what_somebody_changed),
	TEST(test_conditions_adopt__knows_an_object_that_was_made_anew),
	TEST(test_conditions_adopt__passes_over_late_news_of_before_its_own_write))
