/* SPDX-License-Identifier: Apache-2.0 */
/* What fetch/exchange.c does about answers that are no success; its bodies are in
 * test_exchange_body.c, its credentials and addresses in test_exchange_safety.c. */
#include "fetch/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

/* A server that answers with these texts in turn, the last one for ever, and one exchange. */
struct place {
	const char *const *answers; /* NULL at the end */
	struct script_server *server;
	struct fetch_options options;
	struct fetch_task task;
	struct exchange_request request;
	struct exchange_reply reply;
	char *url;
	struct buf text;
	char seen[LIMIT_KIB]; /* the last request's start */
};

static void answer_in_turn(void *arg, unsigned nth, const char *request, int fd)
{
	struct place *p = arg;
	size_t i = 0;

	while (i < nth && p->answers[i + 1])
		i++;
	(void)snprintf(p->seen, sizeof(p->seen), "%s", request);
	script_send(fd, p->answers[i], strlen(p->answers[i]));
}

static void place_init(struct place *p, const char *const *answers)
{
	*p = (struct place){.answers = answers, .options = fixture_options()};
	buf_init(&p->text, 64);
	p->task.options = &p->options;
	p->server = script_server_start(answer_in_turn, p);
	p->url = xasprintf("http://127.0.0.1:%u/x", script_server_port(p->server));
	p->request.url = p->url;
	p->request.text = &p->text;
}

static void auto_place(struct place *p)
{
	script_server_stop(p->server);
	exchange_reply_clear(&p->reply);
	buf_clear(&p->text);
	free(p->url);
}

static int run(struct place *p, struct err *err)
{
	return exchange(&p->reply, &p->task, &p->request, err);
}

static void assert_runs(struct place *p)
{
	struct err err = {0};

	if (run(p, &err) < 0)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_EQUAL(err.code, ERR_NONE);
}

static void assert_fails(struct place *p, enum err_code code, const char *words)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(run(p, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, words);
}

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood"
#define EMPTY(status) "HTTP/1.1 " status " Words\r\nContent-Length: 0\r\n\r\n"

static void test_exchange_status_verdict__knows_each_class(void)
{
	static const struct {
		long status;
		enum err_code code;
	} table[] = {
		{200, ERR_NONE},
		{0, ERR_INVALID},
		{201, ERR_INVALID},
		{204, ERR_INVALID},
		{206, ERR_INVALID},
		{304, ERR_INVALID},
		{400, ERR_INVALID},
		{401, ERR_DENIED},
		{403, ERR_DENIED},
		{404, ERR_NOT_FOUND},
		{405, ERR_INVALID},
		{407, ERR_DENIED},
		{408, ERR_TRANSIENT},
		{410, ERR_NOT_FOUND},
		{425, ERR_TRANSIENT},
		{429, ERR_TRANSIENT},
		{451, ERR_INVALID},
		{500, ERR_TRANSIENT},
		{503, ERR_TRANSIENT},
		{599, ERR_TRANSIENT},
		{600, ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		CU_ASSERT_EQUAL(exchange_status_verdict(table[i].status), table[i].code);
}

static void test_exchange__gives_what_the_server_said(void)
{
	static const char *const answers[] = {"HTTP/1.1 200 OK\r\nETag: \"e\"\r\nX-Two: "
					      "1\r\nx-two: 2\r\nContent-Length: 4\r\n\r\n"
					      "good",
		NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	assert_runs(&p);
	CU_ASSERT_EQUAL(p.reply.status, 200);
	CU_ASSERT_EQUAL(p.reply.content_length, 4);
	CU_ASSERT_EQUAL(p.reply.retry_after_ms, 0);
	CU_ASSERT_STRING_EQUAL(p.reply.url, p.url);
	CU_ASSERT_STRING_EQUAL(exchange_reply_header(&p.reply, "etag", 0), "\"e\"");
	CU_ASSERT_STRING_EQUAL(exchange_reply_header(&p.reply, "X-Two", 0), "1");
	CU_ASSERT_STRING_EQUAL(exchange_reply_header(&p.reply, "X-Two", 1), "2");
	CU_ASSERT_PTR_NULL(exchange_reply_header(&p.reply, "X-Two", 2));
	CU_ASSERT_PTR_NULL(exchange_reply_header(&p.reply, "X-Three", 0));
	CU_ASSERT_STRING_EQUAL(buf_text(&p.text), "good");
}

static void test_exchange__tries_again_what_may_pass(void)
{
	static const char *const statuses[] = {EMPTY("408"), EMPTY("425"), EMPTY("429"),
		EMPTY("500"), EMPTY("502"), EMPTY("503"), EMPTY("504"), ""};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const char *const answers[] = {statuses[i], statuses[i], GOOD, NULL};
		AUTO(place) struct place p = {0};

		place_init(&p, answers);
		assert_runs(&p);
		CU_ASSERT_EQUAL(script_server_requests(p.server), 3);
	}
}

static void test_exchange__does_not_try_again_what_will_not(void)
{
	static const char *const statuses[] = {EMPTY("400"), EMPTY("401"), EMPTY("403"),
		EMPTY("404"), EMPTY("405"), EMPTY("410"), EMPTY("451"), EMPTY("206"), EMPTY("304")};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		const char *const answers[] = {statuses[i], GOOD, NULL};
		AUTO(place) struct place p = {0};
		struct err err = {0};

		place_init(&p, answers);
		CU_ASSERT_EQUAL(run(&p, &err), -1);
		ASSERT_HAS(err.msg, "answered ");
		CU_ASSERT_EQUAL(script_server_requests(p.server), 1);
	}
}

static void test_exchange__gives_up_after_its_tries(void)
{
	static const char *const answers[] = {EMPTY("503"), NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	assert_fails(&p, ERR_TRANSIENT, "tried 3 times: answered 503 instead of 200");
	CU_ASSERT_EQUAL(p.reply.status, 503);
	CU_ASSERT_EQUAL(script_server_requests(p.server), 3);
	p.request.tries = 1;
	assert_fails(&p, ERR_TRANSIENT, "answered 503 instead of 200");
	CU_ASSERT_EQUAL(script_server_requests(p.server), 4);
}

static void test_exchange__waits_for_as_long_as_the_server_asks(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 429 Slow\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n", GOOD, NULL};
	AUTO(place) struct place p = {0};
	int64_t before_ms = io_monotonic_ms();

	place_init(&p, answers);
	p.options.retry.most_ms = 1000;
	assert_runs(&p);
	CU_ASSERT_TRUE(io_monotonic_ms() - before_ms >= 1000);
	CU_ASSERT_EQUAL(p.task.retry_after_ms, 0);
	CU_ASSERT_EQUAL(script_server_requests(p.server), 2);
}

static void test_exchange__leaves_a_long_wait_to_its_caller(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n", GOOD, NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	assert_fails(&p, ERR_TRANSIENT, "answered 503");
	CU_ASSERT_EQUAL(p.task.retry_after_ms, 120000);
	CU_ASSERT_EQUAL(p.reply.retry_after_ms, 120000);
	CU_ASSERT_EQUAL(script_server_requests(p.server), 1);
}

static void test_exchange__gives_back_a_status_that_its_caller_sees_to(void)
{
	static const char *const answers[] = {"HTTP/1.1 401 No\r\nWWW-Authenticate: "
					      "Basic\r\nWWW-Authenticate: Bearer realm=\"r\"\r\n"
					      "Content-Length: 2\r\n\r\nno",
		NULL};
	static const long accept[] = {200, 401, 0};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.request.accept = accept;
	assert_runs(&p);
	CU_ASSERT_EQUAL(p.reply.status, 401);
	CU_ASSERT_STRING_EQUAL(
		exchange_reply_header(&p.reply, "WWW-Authenticate", 1), "Bearer realm=\"r\"");
	CU_ASSERT_STRING_EQUAL(buf_text(&p.text), "no");
}

static void test_exchange__holds_the_ceiling_of_a_text(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\ntoo much", GOOD, NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.text.max = 7;
	assert_fails(&p, ERR_INVALID, "7 bytes");
}

static void test_exchange__keeps_what_fits_of_an_error(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad\r\nContent-Length: 8\r\n\r\ntoo much", NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.text.max = 7;
	assert_fails(&p, ERR_INVALID, "answered 400");
	CU_ASSERT_STRING_EQUAL(buf_text(&p.text), "too muc");
}

static void test_exchange__forgets_the_text_of_a_try_that_failed(void)
{
	static const char *const answers[] = {"HTTP/1.1 503 Bad\r\nContent-Length: 4\r\n\r\nbad!",
		"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut", GOOD, NULL};
	AUTO(place) struct place p = {0};
	struct err err = {0};

	place_init(&p, answers);
	CU_ASSERT_EQUAL(buf_append(&p.text, "before ", 7, &err), 0);
	assert_runs(&p);
	CU_ASSERT_STRING_EQUAL(buf_text(&p.text), "before good");
}

static void test_exchange__sends_bytes(void)
{
	static const char *const answers[] = {EMPTY("503"), EMPTY("201"), NULL};
	static const long accept[] = {201, 0};
	static const char *const headers[] = {"Content-Type: text/x", NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.request.method = "POST";
	p.request.accept = accept;
	p.request.headers = headers;
	p.request.upload = (struct exchange_upload){.bytes = "a=b", .n = 3};
	assert_runs(&p);
	ASSERT_HAS(p.seen, "POST /x HTTP/1.1\r\n");
	ASSERT_HAS(p.seen, "\r\nContent-Length: 3\r\n");
	ASSERT_HAS(p.seen, "\r\nContent-Type: text/x\r\n");
	ASSERT_HAS(p.seen, "\r\n\r\na=b");
}

static void test_exchange__sends_a_file_again_from_its_start(void)
{
	static const char *const answers[] = {EMPTY("503"), EMPTY("200"), NULL};
	AUTO(place) struct place p = {0};
	AUTO(fd) int fd = fixture_file();
	struct err err = {0};

	place_init(&p, answers);
	CU_ASSERT_EQUAL(io_write(fd, "whole", 5, &err), 0);
	p.request.method = "PUT";
	p.request.upload = (struct exchange_upload){.fd = fd, .n = 5};
	assert_runs(&p);
	ASSERT_HAS(p.seen, "PUT /x HTTP/1.1\r\n");
	ASSERT_HAS(p.seen, "\r\n\r\nwhole");
}

static void test_exchange__reports_a_file_that_became_shorter(void)
{
	static const char *const answers[] = {EMPTY("200"), NULL};
	AUTO(place) struct place p = {0};
	AUTO(fd) int fd = fixture_file();

	place_init(&p, answers);
	p.request.method = "PUT";
	p.request.upload = (struct exchange_upload){.fd = fd, .n = 5};
	assert_fails(&p, ERR_TRANSIENT, "it became shorter meanwhile");
}

static void test_exchange__asks_for_no_body_by_head(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.request.method = "HEAD";
	assert_runs(&p);
	ASSERT_HAS(p.seen, "HEAD /x HTTP/1.1\r\n");
	CU_ASSERT_EQUAL(p.reply.content_length, 99);
}

static void test_exchange__does_not_send_a_body_where_a_redirect_leads(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 307 Go\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n", GOOD, NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.request.method = "POST";
	p.request.upload = (struct exchange_upload){.bytes = "a=b", .n = 3};
	assert_fails(&p, ERR_INVALID, "answered 307");
	CU_ASSERT_EQUAL(script_server_requests(p.server), 1);
}

static void test_exchange__refuses_a_header_that_holds_another(void)
{
	static const char *const answers[] = {GOOD, NULL};
	static const char *const headers[] = {"X-A: b\r\nX-Secret: c", NULL};
	AUTO(place) struct place p = {0};

	place_init(&p, answers);
	p.request.headers = headers;
	assert_fails(&p, ERR_INVALID, "header X-A holds a control character");
	CU_ASSERT_EQUAL(script_server_requests(p.server), 0);
}

static int renew(void *arg, const char *const **origin_headers, struct err *err)
{
	static const char *const fresh[] = {"X-Signature: new", NULL};
	unsigned *calls = arg;

	(void)err;
	++*calls;
	*origin_headers = fresh;
	return 0;
}

static void test_exchange__signs_each_further_try_anew(void)
{
	static const char *const answers[] = {EMPTY("503"), GOOD, NULL};
	static const char *const old[] = {"X-Signature: old", NULL};
	AUTO(place) struct place p = {0};
	unsigned calls = 0;

	place_init(&p, answers);
	p.request.origin_headers = old;
	p.request.renew = renew;
	p.request.renew_arg = &calls;
	assert_runs(&p);
	CU_ASSERT_EQUAL(calls, 1);
	ASSERT_HAS(p.seen, "\r\nX-Signature: new\r\n");
	CU_ASSERT_PTR_NULL(strstr(p.seen, "old"));
}

static void test_exchange__ends_at_its_deadline_whatever_may_be_tried(void)
{
	static const char *const answers[] = {EMPTY("503"), NULL};
	AUTO(place) struct place p = {0};
	int64_t before_ms = io_monotonic_ms();

	place_init(&p, answers);
	p.options.retry = (struct retry_policy){.tries = 1000000, .first_ms = 20, .most_ms = 20};
	p.request.timeout_ms = 300;
	assert_fails(&p, ERR_TRANSIENT, "times: ");
	CU_ASSERT_TRUE(io_monotonic_ms() - before_ms < 5000);
}

static void test_exchange__stops_when_told_while_it_waits(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 429 Slow\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n", NULL};
	AUTO(place) struct place p = {0};
	atomic_bool stop = true;

	place_init(&p, answers);
	p.options.retry.most_ms = 60000;
	p.options.stop = &stop;
	assert_fails(&p, ERR_TRANSIENT, "stopped");
}

TEST_MAIN("exchange", TEST(test_exchange_status_verdict__knows_each_class),
	TEST(test_exchange__gives_what_the_server_said),
	TEST(test_exchange__tries_again_what_may_pass),
	TEST(test_exchange__does_not_try_again_what_will_not),
	TEST(test_exchange__gives_up_after_its_tries),
	TEST(test_exchange__waits_for_as_long_as_the_server_asks),
	TEST(test_exchange__leaves_a_long_wait_to_its_caller),
	TEST(test_exchange__gives_back_a_status_that_its_caller_sees_to),
	TEST(test_exchange__holds_the_ceiling_of_a_text),
	TEST(test_exchange__keeps_what_fits_of_an_error),
	TEST(test_exchange__forgets_the_text_of_a_try_that_failed),
	TEST(test_exchange__sends_bytes), TEST(test_exchange__sends_a_file_again_from_its_start),
	TEST(test_exchange__reports_a_file_that_became_shorter),
	TEST(test_exchange__asks_for_no_body_by_head),
	TEST(test_exchange__does_not_send_a_body_where_a_redirect_leads),
	TEST(test_exchange__refuses_a_header_that_holds_another),
	TEST(test_exchange__signs_each_further_try_anew),
	TEST(test_exchange__ends_at_its_deadline_whatever_may_be_tried),
	TEST(test_exchange__stops_when_told_while_it_waits))
