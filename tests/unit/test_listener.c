/* SPDX-License-Identifier: Apache-2.0 */
#include "http/listener.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "tests/unit/loopback.h"
#include "tests/unit/test.h"

#define MOST 16 /* of a request's body */

static void echo(void *arg, const struct http_request *request, struct http_answer *answer)
{
	struct err err;

	CU_ASSERT_PTR_NOT_NULL(arg);
	answer->type = HTTP_TYPE_JSON;
	CU_ASSERT_EQUAL(buf_append(&answer->body, request->body, request->body_len, &err), 0);
}

static void refuse(void *arg, const struct http_request *request, struct http_answer *answer)
{
	(void)arg;
	(void)request;
	http_say(answer, 503, "not now");
}

static void handle(void *arg, const struct http_request *request, struct http_answer *answer)
{
	static const struct http_route routes[] = {{"POST", "/echo", echo}, {"GET", "/no", refuse}};

	http_dispatch(routes, sizeof(routes) / sizeof(routes[0]), arg, request, answer);
}

static struct listener *start(struct err *err, const char *listen)
{
	static int anything;
	const struct listener_options options = {.listen = listen,
		.max_request_bytes = MOST,
		.max_answer_bytes = 4 * MOST,
		.handle = handle,
		.arg = &anything};

	return listener_start(&options, err);
}

/* Sends a request and returns all of the answer; the caller frees it. */
static char *ask(const struct listener *l, const char *line, const char *body)
{
	AUTO(free) char *address = listener_address(l);
	AUTO(buf) struct buf answer = BUF_INIT(4096);
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in to =
		loopback_address((unsigned)strtoul(strrchr(address, ':') + 1, NULL, 10));
	AUTO(free)
	char *request = xasprintf("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
				  "Content-Length: %zu\r\n\r\n%s",
		line, strlen(body), body);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	CU_ASSERT_EQUAL_FATAL(io_write(fd, request, strlen(request), &err), 0);
	CU_ASSERT_EQUAL_FATAL(io_read(fd, &answer, &err), 0);
	return xstrdup(buf_text(&answer));
}

static void assert_answers(
	const struct listener *l, const char *line, const char *body, const char *says)
{
	AUTO(free) char *answer = ask(l, line, body);

	ASSERT_HAS(answer, says);
}

static void test_listener_start__answers_by_route_and_method(void)
{
	struct err err = {.msg = ""};
	struct listener *l = start(&err, "127.0.0.1:0");

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	assert_answers(l, "POST /echo", "hello", " 200 OK");
	assert_answers(l, "POST /echo?x=1", "hello", "\r\n\r\nhello");
	assert_answers(l, "POST /echo", "hello", "Content-Type: application/json");
	assert_answers(l, "GET /no", "", " 503 ");
	assert_answers(l, "GET /no", "", "\r\n\r\nnot now\n");
	assert_answers(l, "GET /echo", "", " 405 ");
	assert_answers(l, "GET /nowhere", "", " 404 ");
	listener_stop(l);
}

static void test_listener_start__bounds_a_body(void)
{
	struct err err = {.msg = ""};
	struct listener *l = start(&err, "127.0.0.1:0");

	CU_ASSERT_PTR_NOT_NULL_FATAL(l);
	assert_answers(l, "POST /echo", "0123456789abcdef", "\r\n\r\n0123456789abcdef");
	assert_answers(l, "POST /echo", "0123456789abcdefg", " 413 ");
	listener_stop(l);
}

static void test_listener_start__says_what_is_wrong_with_the_address(void)
{
	struct err err = {.msg = ""};
	struct listener *l = start(&err, "127.0.0.1:0");
	AUTO(free) char *taken = listener_address(l);

	CU_ASSERT_PTR_NULL(start(&err, taken));
	CU_ASSERT_EQUAL(err.code, ERR_CONFLICT);
	ASSERT_HAS(err.msg, "is the port taken?");
	CU_ASSERT_PTR_NULL(start(&err, "8611"));
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "must be ADDRESS:PORT");
	listener_stop(l);
	listener_stop(NULL);
}

TEST_MAIN("listener", TEST(test_listener_start__answers_by_route_and_method),
	TEST(test_listener_start__bounds_a_body),
	TEST(test_listener_start__says_what_is_wrong_with_the_address))
