/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/election.h"

#include "base/auto.h"
#include "tests/unit/test.h"

#define US "us_1"
#define WALL "2026-11-23T17:20:58.000001Z"

static struct election candidate(void)
{
	const struct election_terms terms = ELECTION_TERMS;
	struct election e;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(election_init(&e, &terms, US, &err), 0);
	return e;
}

static struct election_lease lease(const char *holder, const char *version)
{
	struct election_lease l = {.duration_ms = 15000,
		.uid = "u",
		.transitions = 4,
		.acquired = "2026-11-23T00:00:00.000000Z"};

	(void)snprintf(l.holder, sizeof(l.holder), "%s", holder);
	(void)snprintf(l.version, sizeof(l.version), "%s", version);
	return l;
}

static void read_at(struct election *e, const char *holder, const char *version, int64_t now)
{
	const struct election_lease l = lease(holder, version);

	election_asked(e, now);
	election_read(e, &l, now);
}

static void written_at(struct election *e, const char *version, int64_t asked, int64_t now)
{
	const struct election_lease l = lease(US, version);

	election_asked(e, asked);
	election_written(e, &l, now);
}

static void assert_step(
	const struct election *e, int64_t now, enum election_action action, int64_t wake_at)
{
	struct election_step step = election_next(e, now);

	CU_ASSERT_EQUAL(step.action, action);
	if (action == ELECTION_WAIT)
		CU_ASSERT_EQUAL(step.wake_at, wake_at);
}

static void test_election_init__wants_an_identity(void)
{
	const struct election_terms terms = ELECTION_TERMS;
	struct election e;
	char identity[LIMIT_LEASE_TEXT + 2];
	struct err err = {.code = ERR_NONE};

	memset(identity, 'x', sizeof(identity));
	identity[sizeof(identity) - 1] = '\0';
	CU_ASSERT_EQUAL(election_init(&e, &terms, "", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(election_init(&e, &terms, identity, &err), -1);
	identity[sizeof(identity) - 2] = '\0';
	CU_ASSERT_EQUAL(election_init(&e, &terms, identity, &err), 0);
}

static void test_election_next__reads_first_and_makes_what_is_not_there(void)
{
	struct election e = candidate();

	assert_step(&e, 0, ELECTION_READ, 0);
	election_asked(&e, 0);
	assert_step(&e, 1, ELECTION_WAIT, INT64_MAX);
	election_absent(&e, 5);
	assert_step(&e, 5, ELECTION_CREATE, 0);
	CU_ASSERT_FALSE(election_held(&e, 5));
	written_at(&e, "1", 6, 9);
	CU_ASSERT_TRUE(election_held(&e, 9));
}

static void test_election_next__takes_a_released_lease_at_once(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 100);
	assert_step(&e, 100, ELECTION_REPLACE, 0);
}

static void test_election_next__waits_for_as_long_as_it_has_seen_no_change(void)
{
	struct election e = candidate();

	read_at(&e, "other", "7", 1000);
	assert_step(&e, 1000, ELECTION_WAIT, 2000);
	assert_step(&e, 2000, ELECTION_READ, 0);
	read_at(&e, "other", "7", 15500);
	assert_step(&e, 15500, ELECTION_WAIT, 16000);
	assert_step(&e, 16000, ELECTION_REPLACE, 0);
	read_at(&e, "other", "8", 15900);
	assert_step(&e, 16000, ELECTION_WAIT, 16900);
	read_at(&e, "other", "8", 30800);
	assert_step(&e, 30899, ELECTION_WAIT, 30900);
	assert_step(&e, 30900, ELECTION_REPLACE, 0);
}

static void test_election_next__takes_the_duration_from_the_lease(void)
{
	struct election e = candidate();
	struct election_lease l = lease("other", "7");

	l.duration_ms = 60000;
	election_asked(&e, 0);
	election_read(&e, &l, 0);
	read_at(&e, "other", "7", 15500);
	l.duration_ms = 0;
	election_read(&e, &l, 15600);
	assert_step(&e, 15600, ELECTION_REPLACE, 0);
}

static void test_election_next__does_not_take_a_deleted_lease_from_its_holder(void)
{
	struct election e = candidate();

	read_at(&e, "other", "7", 0);
	election_asked(&e, 1000);
	election_absent(&e, 1001);
	assert_step(&e, 1001, ELECTION_WAIT, 2001);
	assert_step(&e, 2001, ELECTION_READ, 0);
	assert_step(&e, 15000, ELECTION_CREATE, 0);
}

static void test_election_held__counts_from_before_the_request(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	written_at(&e, "8", 100, 1500);
	CU_ASSERT_TRUE(election_held(&e, 1500));
	CU_ASSERT_TRUE(election_held(&e, 10099));
	CU_ASSERT_FALSE(election_lost(&e, 10099));
	CU_ASSERT_FALSE(election_held(&e, 10100));
	CU_ASSERT_TRUE(election_lost(&e, 10100));
}

static void test_election_held__is_not_granted_by_an_answer_that_took_too_long(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	written_at(&e, "8", 0, 10000);
	CU_ASSERT_FALSE(election_held(&e, 10000));
	CU_ASSERT_FALSE(election_lost(&e, 10000));
	assert_step(&e, 10000, ELECTION_REPLACE, 0);
}

static void test_election_held__does_not_come_back_once_it_was_lost(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	written_at(&e, "8", 0, 10);
	written_at(&e, "9", 9000, 10500);
	CU_ASSERT_FALSE(election_held(&e, 10500));
	CU_ASSERT_TRUE(election_lost(&e, 10500));
	assert_step(&e, 10500, ELECTION_WAIT, INT64_MAX);
}

static void test_election_held__ends_when_another_holds_it(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	written_at(&e, "8", 0, 10);
	read_at(&e, "other", "9", 20);
	CU_ASSERT_FALSE(election_held(&e, 20));
	CU_ASSERT_TRUE(election_lost(&e, 20));
}

static void test_election_next__renews_in_time_and_again_when_that_fails(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	written_at(&e, "8", 0, 10);
	assert_step(&e, 10, ELECTION_WAIT, 2000);
	assert_step(&e, 2000, ELECTION_REPLACE, 0);
	election_asked(&e, 2000);
	assert_step(&e, 2001, ELECTION_WAIT, 10000);
	election_failed(&e, 0, 7000);
	assert_step(&e, 7000, ELECTION_WAIT, 7250);
	assert_step(&e, 7250, ELECTION_READ, 0);
	election_asked(&e, 7250);
	election_failed(&e, 60000, 7300);
	assert_step(&e, 7300, ELECTION_WAIT, 8300);
	/* the renewal was done, and only its answer was lost */
	read_at(&e, US, "9", 8310);
	CU_ASSERT_TRUE(election_held(&e, 9999));
	CU_ASSERT_FALSE(election_held(&e, 10000));
	assert_step(&e, 8310, ELECTION_REPLACE, 0);
	written_at(&e, "10", 8310, 8320);
	CU_ASSERT_TRUE(election_held(&e, 18309));
}

static void test_election_next__leaves_a_busy_server_alone(void)
{
	struct election e = candidate();

	election_asked(&e, 0);
	election_failed(&e, 4000, 10);
	assert_step(&e, 10, ELECTION_WAIT, 4010);
	election_failed(&e, 3600000, 10);
	assert_step(&e, 10, ELECTION_WAIT, 15010);
	election_failed(&e, 0, 10);
	assert_step(&e, 10, ELECTION_WAIT, 1010);
}

static void test_election_next__reads_again_after_a_conflict(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	election_asked(&e, 0);
	election_conflicted(&e, 10);
	assert_step(&e, 260, ELECTION_READ, 0);
	/* what could not be written may not be written later either */
	assert_step(&e, 100000, ELECTION_READ, 0);
}

static void test_election_release__ends_everything(void)
{
	struct election e = candidate();

	read_at(&e, "", "7", 0);
	written_at(&e, "8", 0, 10);
	election_release(&e);
	CU_ASSERT_FALSE(election_held(&e, 11));
	CU_ASSERT_FALSE(election_lost(&e, 11));
	assert_step(&e, 5000, ELECTION_WAIT, INT64_MAX);
}

static void assert_body(const struct election *e, const char *want)
{
	AUTO(buf) struct buf body = BUF_INIT(4096);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(election_body(&body, e, "sys", "wasmxds", WALL, &err), 0);
	CU_ASSERT_STRING_EQUAL(buf_text(&body), want);
}

#define HEAD                                                             \
	"{\"apiVersion\":\"coordination.k8s.io/v1\",\"kind\":\"Lease\"," \
	"\"metadata\":{\"namespace\":\"sys\",\"name\":\"wasmxds\""
#define OURS "\"holderIdentity\":\"" US "\",\"leaseDurationSeconds\":15,"

static void test_election_body__says_who_since_when_and_based_on_what(void)
{
	struct election e = candidate();

	election_absent(&e, 0);
	assert_body(&e, HEAD "},\"spec\":{" OURS "\"acquireTime\":\"" WALL
			     "\",\"renewTime\":\"" WALL "\",\"leaseTransitions\":0}}");
	read_at(&e, "other", "7", 0);
	assert_body(&e, HEAD ",\"resourceVersion\":\"7\",\"uid\":\"u\"},\"spec\":{" OURS
			     "\"acquireTime\":\"" WALL "\",\"renewTime\":\"" WALL
			     "\",\"leaseTransitions\":5}}");
	written_at(&e, "8", 0, 1);
	assert_body(&e, HEAD ",\"resourceVersion\":\"8\",\"uid\":\"u\"},\"spec\":{" OURS
			     "\"acquireTime\":\"2026-11-23T00:00:00.000000Z\",\"renewTime\":\"" WALL
			     "\",\"leaseTransitions\":4}}");
	election_release(&e);
	assert_body(&e, HEAD ",\"resourceVersion\":\"8\",\"uid\":\"u\"},\"spec\":{"
			     "\"leaseTransitions\":4}}");
}

static int parse(struct election_lease *out, const char *text, struct err *err)
{
	return election_parse(out, text, strlen(text), err);
}

static void test_election_parse__reads_a_lease(void)
{
	struct election_lease l;
	struct err err;

	CU_ASSERT_EQUAL_FATAL(
		parse(&l,
			"{\"metadata\":{\"resourceVersion\":\"812\",\"uid\":\"a-b\"},\"spec\":{"
			"\"holderIdentity\":\"pod_1\",\"leaseDurationSeconds\":15,"
			"\"acquireTime\":\"" WALL "\",\"leaseTransitions\":3}}",
			&err),
		0);
	CU_ASSERT_STRING_EQUAL(l.version, "812");
	CU_ASSERT_STRING_EQUAL(l.uid, "a-b");
	CU_ASSERT_STRING_EQUAL(l.holder, "pod_1");
	CU_ASSERT_STRING_EQUAL(l.acquired, WALL);
	CU_ASSERT_EQUAL(l.duration_ms, 15000);
	CU_ASSERT_EQUAL(l.transitions, 3);
	CU_ASSERT_EQUAL_FATAL(parse(&l, "{\"metadata\":{\"resourceVersion\":\"1\"}}", &err), 0);
	CU_ASSERT_STRING_EQUAL(l.holder, "");
	CU_ASSERT_EQUAL(l.duration_ms, 0);
}

static void test_election_parse__refuses_what_is_no_lease(void)
{
	static const char *const texts[] = {"", "[]", "7", "{", "{}", "{\"metadata\":7}",
		"{\"metadata\":{\"resourceVersion\":7}}",
		"{\"metadata\":{\"resourceVersion\":\"\"}}",
		"{\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{\"holderIdentity\":7}}"};
	AUTO(buf) struct buf text = BUF_INIT(4096);
	char holder[LIMIT_LEASE_TEXT + 2];
	struct election_lease l;
	struct err err;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		err.code = ERR_NONE;
		CU_ASSERT_EQUAL(parse(&l, texts[i], &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	}
	memset(holder, 'x', sizeof(holder));
	holder[sizeof(holder) - 1] = '\0';
	CU_ASSERT_EQUAL_FATAL(buf_printf(&text, &err,
				      "{\"metadata\":{\"resourceVersion\":\"1\"},\"spec\":{"
				      "\"holderIdentity\":\"%s\"}}",
				      holder),
		0);
	CU_ASSERT_EQUAL(parse(&l, buf_text(&text), &err), -1);
}

TEST_MAIN("election", TEST(test_election_init__wants_an_identity),
	TEST(test_election_next__reads_first_and_makes_what_is_not_there),
	TEST(test_election_next__takes_a_released_lease_at_once),
	TEST(test_election_next__waits_for_as_long_as_it_has_seen_no_change),
	TEST(test_election_next__takes_the_duration_from_the_lease),
	TEST(test_election_next__does_not_take_a_deleted_lease_from_its_holder),
	TEST(test_election_held__counts_from_before_the_request),
	TEST(test_election_held__is_not_granted_by_an_answer_that_took_too_long),
	TEST(test_election_held__does_not_come_back_once_it_was_lost),
	TEST(test_election_held__ends_when_another_holds_it),
	TEST(test_election_next__renews_in_time_and_again_when_that_fails),
	TEST(test_election_next__leaves_a_busy_server_alone),
	TEST(test_election_next__reads_again_after_a_conflict),
	TEST(test_election_release__ends_everything),
	TEST(test_election_body__says_who_since_when_and_based_on_what),
	TEST(test_election_parse__reads_a_lease),
	TEST(test_election_parse__refuses_what_is_no_lease))
