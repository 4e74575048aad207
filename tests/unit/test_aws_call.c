/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_call.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/test.h"

/* Calls url's path /x; text must be empty. */
static long call(struct buf *text, bool *reached, const char *url, struct err *err)
{
	static const char *const headers[] = {"X-Token: t", NULL};
	AUTO(aws_endpoint) struct aws_endpoint endpoint = {0};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	struct aws_call c = {.endpoint = &endpoint,
		.method = "POST",
		.path = "/x",
		.headers = headers,
		.body = "b"};

	aws_fixture_init(&f, NULL);
	CU_ASSERT_EQUAL_FATAL(aws_endpoint_parse(&endpoint, url, "x", err), 0);
	return aws_call(text, reached, &f.task, &c, err);
}

static void test_aws_call__gives_status_and_body(void)
{
	static const unsigned statuses[] = {200, 301, 302, 307, 308, 400, 401, 403, 404};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const struct aws_route route = {
			"POST", "/pre/x", "X-Token: t", statuses[i], "Location: /pre/x", "answer"};
		AUTO(aws_server) struct aws_server *s = aws_server_start(&route, 1);
		AUTO(free) char *url = xasprintf("%s/pre", aws_server_url(s));
		AUTO(buf) struct buf text = BUF_INIT(LIMIT_KIB);
		bool reached = false;
		struct err err = {0};

		CU_ASSERT_EQUAL(call(&text, &reached, url, &err), statuses[i]);
		CU_ASSERT_STRING_EQUAL(buf_text(&text), "answer");
		CU_ASSERT_TRUE(reached);
		CU_ASSERT_EQUAL(aws_server_requests(s), 1);

		AUTO(free) char *request = aws_server_request(s, 0);
		ASSERT_HAS(request, "\nb");
	}
}

static void test_aws_call__tells_no_answer_from_a_bad_one(void)
{
	static const struct aws_route route = {"POST", "/x", NULL, 500, NULL, "answer"};
	AUTO(aws_server) struct aws_server *s = aws_server_start(&route, 1);
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_KIB);
	bool reached = false;
	struct err err = {0};

	CU_ASSERT_EQUAL(call(&text, &reached, aws_server_url(s), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_TRUE(reached);
	CU_ASSERT_EQUAL(call(&text, &reached, "http://127.0.0.1:1", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_FALSE(reached);
}

static void test_aws_call__has_the_ceiling_of_its_buffer(void)
{
	static const struct aws_route route = {"POST", "/x", NULL, 200, NULL, "12345"};
	AUTO(aws_server) struct aws_server *s = aws_server_start(&route, 1);
	AUTO(buf) struct buf text = BUF_INIT(4);
	bool reached = false;
	struct err err = {0};

	CU_ASSERT_EQUAL(call(&text, &reached, aws_server_url(s), &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("aws_call", TEST(test_aws_call__gives_status_and_body),
	TEST(test_aws_call__tells_no_answer_from_a_bad_one),
	TEST(test_aws_call__has_the_ceiling_of_its_buffer))
