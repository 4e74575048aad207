/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/permission.h"

#include "base/auto.h"
#include "tests/unit/test.h"

#define HOUR_MS 3600000
#define INTERVAL_MS 1800000
#define SOURCE "oci://registry.example/team/filter:1"
#define OTHER "https://example.com/filter.wasm"

static void auto_permissions(struct permissions *p)
{
	permissions_clear(p);
}

static struct digest module_of(const char *text)
{
	struct digest d;

	digest_of(&d, text, strlen(text));
	return d;
}

static struct permit *take(struct permissions *p, const char *namespace, const char *source)
{
	const struct digest module = module_of("module");

	return permission_take(p, namespace, &module, source);
}

static struct err error_of(enum err_code code)
{
	struct err err;

	(void)err_set(&err, code, "what the source said");
	return err;
}

static void test_permission__is_not_had_by_knowing_a_digest(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *a = take(&p, "a", SOURCE);
	struct permit *b = take(&p, "b", SOURCE);

	CU_ASSERT_FALSE(permission_holds(a));
	permission_given(&p, a, 0, 0);
	CU_ASSERT_TRUE(permission_holds(a));
	CU_ASSERT_FALSE(permission_holds(b));
	CU_ASSERT_EQUAL(b->state, PERMIT_NONE);
	permission_given(&p, b, 0, 0);
	CU_ASSERT_TRUE(permission_holds(b));
}

static void test_permission__is_the_namespaces_whatever_source_gave_it(void)
{
	const struct digest another = module_of("another module");
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *first = take(&p, "a", SOURCE);
	struct permit *second = take(&p, "a", OTHER);
	struct permit *foreign = permission_take(&p, "a", &another, SOURCE);

	permission_given(&p, first, 0, 0);
	CU_ASSERT_TRUE(permission_holds(second));
	CU_ASSERT_FALSE(permission_holds(foreign));
	CU_ASSERT_PTR_EQUAL(take(&p, "a", SOURCE), first);
	CU_ASSERT_EQUAL(first->users, 2);
}

static void test_permission_answered__takes_away_for_a_no_alone(void)
{
	static const enum err_code kept[] = {
		ERR_TRANSIENT, ERR_NOT_FOUND, ERR_INVALID, ERR_UNVERIFIED, ERR_CONFLICT, ERR_FULL};
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *g = take(&p, "a", SOURCE);

	permission_given(&p, g, 0, 0);
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
		struct err err = error_of(kept[i]);

		permission_asked(&p, g);
		CU_ASSERT_FALSE(permission_answered(&p, g, &err, 1000, 7));
		CU_ASSERT_TRUE(permission_holds(g));
		CU_ASSERT(permission_due(&p, g) > 1000 &&
			  permission_due(&p, g) <= 1000 + INTERVAL_MS);
	}
	struct err no = error_of(ERR_DENIED);

	permission_asked(&p, g);
	CU_ASSERT_TRUE(permission_answered(&p, g, &no, 2000, 7));
	CU_ASSERT_FALSE(permission_holds(g));
	CU_ASSERT_EQUAL(g->state, PERMIT_LOST);
	ASSERT_HAS(g->why, "what the source said");
	CU_ASSERT_EQUAL(permission_due(&p, g), INT64_MAX);
	permission_given(&p, g, 3000, 0);
	CU_ASSERT_TRUE(permission_holds(g));
	CU_ASSERT_PTR_NULL(g->why);
}

static void test_permission_answered__leaves_what_another_source_still_gives(void)
{
	AUTO(permissions) struct permissions p;
	struct err no = error_of(ERR_DENIED);

	permissions_init(&p, INTERVAL_MS);
	struct permit *first = take(&p, "a", SOURCE);
	struct permit *second = take(&p, "a", OTHER);

	permission_given(&p, first, 0, 0);
	permission_given(&p, second, 0, 0);
	CU_ASSERT_FALSE(permission_answered(&p, first, &no, 0, 0));
	CU_ASSERT_TRUE(permission_holds(first));
	CU_ASSERT_TRUE(permission_answered(&p, second, &no, 0, 0));
	CU_ASSERT_FALSE(permission_holds(first));
}

/* Whatever chance says, a source is asked within the interval, and not all at once. */
static void test_permission_due__comes_within_the_interval(void)
{
	int64_t least = INT64_MAX;
	int64_t most = 0;

	for (uint32_t random = 0; random < 4000000000U; random += 39999983U) {
		AUTO(permissions) struct permissions p;

		permissions_init(&p, INTERVAL_MS);
		struct permit *g = take(&p, "a", SOURCE);

		CU_ASSERT_EQUAL(permission_due(&p, g), INT64_MAX);
		permission_given(&p, g, HOUR_MS, random);
		int64_t wait = permission_due(&p, g) - HOUR_MS;

		CU_ASSERT(wait >= INTERVAL_MS * 3 / 4 - 1 && wait <= INTERVAL_MS);
		least = wait < least ? wait : least;
		most = wait > most ? wait : most;
		permission_asked(&p, g);
		CU_ASSERT_EQUAL(permission_due(&p, g), INT64_MAX);
		CU_ASSERT_FALSE(permission_answered(&p, g, NULL, 2 * HOUR_MS, random));
		CU_ASSERT(permission_due(&p, g) > 2 * HOUR_MS);
	}
	CU_ASSERT(most - least > INTERVAL_MS / 8);
}

static void test_permission_due__never_comes_without_an_interval(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, 0);
	struct permit *g = take(&p, "a", SOURCE);

	permission_given(&p, g, 0, 5);
	CU_ASSERT_TRUE(permission_holds(g));
	CU_ASSERT_EQUAL(permission_due(&p, g), INT64_MAX);
}

static void test_permission_restored__holds_and_is_asked_soon(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *g = take(&p, "a", SOURCE);
	struct permit *lost = take(&p, "b", SOURCE);

	permission_restored(&p, g, false, 0, 4000000000U);
	CU_ASSERT_TRUE(permission_holds(g));
	CU_ASSERT(permission_due(&p, g) <= INTERVAL_MS / 3);
	permission_restored(&p, lost, true, 0, 0);
	CU_ASSERT_FALSE(permission_holds(lost));
	CU_ASSERT_EQUAL(lost->state, PERMIT_LOST);
	CU_ASSERT_PTR_NOT_NULL(lost->why);
	permission_restored(&p, lost, false, 0, 0); /* a record does not undo a source's word */
	CU_ASSERT_FALSE(permission_holds(lost));
}

static void test_permission_give_back__keeps_for_a_while_what_is_held(void)
{
	AUTO(permissions) struct permissions p;
	struct err no = error_of(ERR_DENIED);

	permissions_init(&p, INTERVAL_MS);
	struct permit *g = take(&p, "a", SOURCE);

	permission_given(&p, g, 0, 0);
	permission_give_back(&p, g);
	permissions_sweep(&p, INTERVAL_MS / 2, HOUR_MS);
	g = take(&p, "a", SOURCE);
	CU_ASSERT_TRUE(permission_holds(g));
	permission_give_back(&p, g);
	permissions_sweep(&p, INTERVAL_MS, HOUR_MS);
	CU_ASSERT_EQUAL(p.permits.n, 0);
	CU_ASSERT_EQUAL(p.holdings.n, 0);
	g = take(&p, "a", SOURCE);
	CU_ASSERT_FALSE(permission_holds(g));
	(void)permission_answered(&p, g, &no, 0, 0);
	permission_give_back(&p, g);
	CU_ASSERT_EQUAL(p.permits.n, 0);
	permission_give_back(&p, NULL);
}

static void test_permissions_sweep__forgets_what_is_not_used_for_long(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *g = take(&p, "a", SOURCE);

	permission_given(&p, g, 1, 0);
	permissions_sweep(&p, 1, 100);
	permission_give_back(&p, g);
	permissions_sweep(&p, 500, 100); /* the first that sees it */
	permissions_sweep(&p, 599, 100);
	CU_ASSERT_EQUAL(p.permits.n, 1);
	g = take(&p, "a", SOURCE);
	permission_give_back(&p, g);
	permissions_sweep(&p, 700, 100);
	permissions_sweep(&p, 799, 100);
	CU_ASSERT_EQUAL(p.permits.n, 1);
	permissions_sweep(&p, 800, 100);
	CU_ASSERT_EQUAL(p.permits.n, 0);
	CU_ASSERT_EQUAL(p.holdings.n, 0);
}

static void test_permissions_sweep__leaves_what_is_used_or_asked(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *used = take(&p, "a", SOURCE);
	struct permit *asked = take(&p, "b", SOURCE);

	permission_given(&p, used, 0, 0);
	permission_given(&p, asked, 0, 0);
	permission_asked(&p, asked);
	permission_give_back(&p, asked);
	permissions_sweep(&p, 10 * HOUR_MS, HOUR_MS);
	CU_ASSERT_EQUAL(p.permits.n, 2);
	CU_ASSERT_TRUE(permission_holds(used));
}

static void test_permission_proof__is_what_the_source_gave_last(void)
{
	const struct digest first = module_of("first");
	const struct digest second = module_of("second");
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *g = take(&p, "a", SOURCE);

	CU_ASSERT_PTR_NULL(permission_proof(&p, SOURCE));
	permission_prove(&p, SOURCE, &first, "sha256:1");
	permission_prove(&p, SOURCE, &second, "sha256:2");
	permission_prove(&p, OTHER, &first, "\"etag\"");
	CU_ASSERT_PTR_NOT_NULL_FATAL(permission_proof(&p, SOURCE));
	CU_ASSERT_STRING_EQUAL(permission_proof(&p, SOURCE)->revision, "sha256:2");
	CU_ASSERT(digest_equal(&permission_proof(&p, SOURCE)->module, &second));
	permissions_sweep(&p, 0, HOUR_MS);
	CU_ASSERT_PTR_NOT_NULL(permission_proof(&p, SOURCE));
	CU_ASSERT_PTR_NULL(permission_proof(&p, OTHER)); /* nobody's source any more */
	permission_prove(&p, SOURCE, &first, "");
	CU_ASSERT_PTR_NULL(permission_proof(&p, SOURCE));
	permission_give_back(&p, g);
}

#define NAMESPACES 3
#define SOURCES 3

/* By chance, against the rule itself: who holds is who was given it by a source that did not say no
 * since. */
static void test_permission__holds_its_promises_in_any_order(void)
{
	static const char *const namespaces[] = {"a", "b", "c"};
	static const char *const sources[] = {SOURCE, OTHER, "s3://bucket/key"};
	struct permit *permits[NAMESPACES][SOURCES] = {{NULL}};
	bool held[NAMESPACES][SOURCES] = {{false}};
	AUTO(permissions) struct permissions p;
	uint32_t seed = 11;

	permissions_init(&p, INTERVAL_MS);
	for (int64_t now = 0; now < 4000; now++) {
		seed = seed * 1664525U + 1013904223U;
		size_t n = (seed >> 8) % NAMESPACES;
		size_t s = (seed >> 16) % SOURCES;
		struct permit **g = &permits[n][s];
		struct err err = error_of((seed >> 28) % 2 ? ERR_DENIED : ERR_TRANSIENT);

		if (!*g)
			*g = take(&p, namespaces[n], sources[s]);
		switch ((seed >> 20) % 4) {
		case 0:
			permission_given(&p, *g, now, seed);
			held[n][s] = true;
			break;
		case 1:
			permission_asked(&p, *g);
			(void)permission_answered(&p, *g, &err, now, seed);
			held[n][s] = held[n][s] && err.code != ERR_DENIED;
			break;
		case 2:
			permission_give_back(&p, *g); /* what is held stays for its time */
			*g = NULL;
			break;
		default:
			permissions_sweep(&p, 0, HOUR_MS);
			break;
		}
		for (size_t i = 0; i < NAMESPACES; i++) {
			bool any = held[i][0] || held[i][1] || held[i][2];

			for (size_t j = 0; j < SOURCES; j++) {
				if (permits[i][j])
					CU_ASSERT_EQUAL_FATAL(permission_holds(permits[i][j]), any);
			}
		}
	}
}

static void ask(struct permissions *p, struct permit *g, enum err_code code, int64_t now)
{
	struct err err = error_of(code);

	permission_asked(p, g);
	(void)permission_answered(p, g, code == ERR_NONE ? NULL : &err, now, 0);
}

static void test_permission_answered__takes_away_what_is_hidden_from_one_alone(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *a = take(&p, "a", SOURCE);
	struct permit *b = take(&p, "b", SOURCE);
	struct permit *elsewhere = take(&p, "c", OTHER);

	permission_given(&p, a, 0, 0);
	permission_given(&p, b, 0, 0);
	permission_given(&p, elsewhere, 0, 0);
	ask(&p, a, ERR_NOT_FOUND, 1000);
	CU_ASSERT_TRUE(permission_holds(a));
	CU_ASSERT_TRUE(p.hurried);
	CU_ASSERT_EQUAL(permission_due(&p, b), 1000);
	CU_ASSERT(permission_due(&p, elsewhere) > 1000);

	ask(&p, b, ERR_NONE, 2000);
	CU_ASSERT_TRUE(permission_holds(a));
	CU_ASSERT(permission_due(&p, a) <= 2000);
	ask(&p, a, ERR_NOT_FOUND, 3000);
	CU_ASSERT_FALSE(permission_holds(a));
	CU_ASSERT_EQUAL(a->state, PERMIT_LOST);
	ASSERT_HAS(a->why, "and it is there for others");
	CU_ASSERT_TRUE(permission_holds(b));
	CU_ASSERT_EQUAL(p.missing, 0);
}

static void test_permission_answered__keeps_what_came_back_or_is_gone_for_all(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *a = take(&p, "a", SOURCE);
	struct permit *b = take(&p, "b", SOURCE);

	permission_given(&p, a, 0, 0);
	permission_given(&p, b, 0, 0);
	ask(&p, a, ERR_NOT_FOUND, 1000);
	ask(&p, b, ERR_NOT_FOUND, 1000);
	for (int64_t now = 2000; now < 9000; now += 1000) {
		p.hurried = false;
		ask(&p, a, ERR_NOT_FOUND, now);
		ask(&p, b, ERR_NOT_FOUND, now);
		CU_ASSERT_FALSE(p.hurried); /* or they would ask for ever */
	}
	ask(&p, b, ERR_NONE, 9000);
	ask(&p, a, ERR_NONE, 9000);
	CU_ASSERT_EQUAL(p.missing, 0);
	ask(&p, a, ERR_NOT_FOUND, 9500);
	CU_ASSERT_TRUE(permission_holds(a));
	CU_ASSERT_TRUE(permission_holds(b));
}

/* Questions and answers cross: only what was asked later tells something. */
static void test_permission_answered__believes_no_answer_of_before(void)
{
	AUTO(permissions) struct permissions p;
	struct err gone = error_of(ERR_NOT_FOUND);

	permissions_init(&p, INTERVAL_MS);
	struct permit *a = take(&p, "a", SOURCE);
	struct permit *b = take(&p, "b", SOURCE);

	permission_given(&p, a, 0, 0);
	permission_given(&p, b, 0, 0);
	permission_asked(&p, b);
	permission_asked(&p, a);
	(void)permission_answered(&p, a, &gone, 1000, 0);
	(void)permission_answered(&p, b, NULL, 1000, 0); /* it may have gone in between */
	CU_ASSERT_EQUAL(a->shown_on, 0);
	permission_asked(&p, a);
	ask(&p, b, ERR_NONE, 2000);
	CU_ASSERT(a->shown_on > 0);
	(void)permission_answered(&p, a, &gone, 2000, 0); /* it may have come in between */
	CU_ASSERT_TRUE(permission_holds(a));
	ask(&p, a, ERR_NOT_FOUND, 3000);
	CU_ASSERT_FALSE(permission_holds(a));
}

static void test_permission_answered__takes_other_sources_at_their_word(void)
{
	AUTO(permissions) struct permissions p;

	permissions_init(&p, INTERVAL_MS);
	struct permit *a = take(&p, "a", OTHER);
	struct permit *b = take(&p, "b", OTHER);

	permission_given(&p, a, 0, 0);
	permission_given(&p, b, 0, 0);
	for (int64_t now = 1000; now < 5000; now += 1000) {
		ask(&p, a, ERR_NOT_FOUND, now);
		ask(&p, b, ERR_NONE, now);
	}
	CU_ASSERT_TRUE(permission_holds(a));
	CU_ASSERT_FALSE(p.hurried);
}

TEST_MAIN("permission", TEST(test_permission__is_not_had_by_knowing_a_digest),
	TEST(test_permission__is_the_namespaces_whatever_source_gave_it),
	TEST(test_permission_answered__takes_away_for_a_no_alone),
	TEST(test_permission_answered__leaves_what_another_source_still_gives),
	TEST(test_permission_answered__takes_away_what_is_hidden_from_one_alone),
	TEST(test_permission_answered__keeps_what_came_back_or_is_gone_for_all),
	TEST(test_permission_answered__believes_no_answer_of_before),
	TEST(test_permission_answered__takes_other_sources_at_their_word),
	TEST(test_permission_due__comes_within_the_interval),
	TEST(test_permission_due__never_comes_without_an_interval),
	TEST(test_permission_restored__holds_and_is_asked_soon),
	TEST(test_permission_give_back__keeps_for_a_while_what_is_held),
	TEST(test_permissions_sweep__forgets_what_is_not_used_for_long),
	TEST(test_permissions_sweep__leaves_what_is_used_or_asked),
	TEST(test_permission_proof__is_what_the_source_gave_last),
	TEST(test_permission__holds_its_promises_in_any_order))
