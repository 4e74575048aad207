/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/api_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/loopback.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define LISTED "/apis/wasmxds.tetrate.io/v1alpha1/wasmextensions"
#define WATCHED LISTED "?watch=true&resourceVersion=v-0"
#define STREAMS (LIMIT_KUBE_OPENING * 4UL)
#define STEPS 2000 /* of 10 ms at most: longer than anything takes */

/* What came of one call. */
struct outcome {
	struct client *client;
	unsigned done;
	long status;
	int64_t retry_after_ms;
	struct buf body;
	struct buf streamed;
	struct err err;
	bool refuse;
};

static void auto_outcome(struct outcome *o)
{
	buf_clear(&o->body);
	buf_clear(&o->streamed);
}

#define OUTCOME_INIT(of)                                                                     \
	{                                                                                    \
		.client = (of), .body = BUF_INIT(LIMIT_MIB), .streamed = BUF_INIT(LIMIT_MIB) \
	}

static void on_done(void *arg, const struct client_reply *reply, const struct err *err)
{
	struct outcome *o = arg;
	struct err ignored;

	o->done++;
	o->status = reply->status;
	o->retry_after_ms = reply->retry_after_ms;
	CU_ASSERT_EQUAL(buf_append(&o->body, buf_text(&reply->body), reply->body.len, &ignored), 0);
	if (err)
		o->err = *err;
}

static int on_bytes(void *arg, const char *bytes, size_t n, struct err *err)
{
	struct outcome *o = arg;

	if (o->refuse)
		return err_set(err, ERR_CONFLICT, "enough");
	return buf_append(&o->streamed, bytes, n, err);
}

static struct client *client_of(const char *scheme, unsigned port, const char *token)
{
	struct credentials access = {.server = xasprintf("%s://127.0.0.1:%u", scheme, port)};
	struct client *client = NULL;
	struct err err = {.code = ERR_NONE};

	access.token.data = xstrdup_null(token);
	CU_ASSERT_EQUAL_FATAL(client_new(&client, &access, &err), 0);
	return client;
}

static void step(struct client *c)
{
	client_wait(c, NULL, 0, 10);
	client_step(c);
}

static void run(struct outcome *o)
{
	for (int i = 0; i < STEPS && o->done == 0; i++)
		step(o->client);
	CU_ASSERT_EQUAL(o->done, 1);
}

static void run_until_streamed(struct outcome *o, const char *text)
{
	for (int i = 0; i < STEPS && !strstr(buf_text(&o->streamed), text); i++)
		step(o->client);
	ASSERT_HAS(buf_text(&o->streamed), text);
}

static void test_client_send__gives_the_answer_whatever_its_status(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome good = OUTCOME_INIT(c);
	AUTO(outcome) struct outcome bad = OUTCOME_INIT(c);

	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &good);
	run(&good);
	CU_ASSERT_EQUAL(good.status, 200);
	CU_ASSERT_EQUAL(good.err.code, ERR_NONE);
	ASSERT_HAS(buf_text(&good.body), "\"items\":[]");

	api_server_fail(s, 1, 429, 7);
	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &bad);
	run(&bad);
	CU_ASSERT_EQUAL(bad.status, 429);
	CU_ASSERT_EQUAL(bad.retry_after_ms, 7000);
	CU_ASSERT_EQUAL(bad.err.code, ERR_NONE);
	ASSERT_HAS(buf_text(&bad.body), "as the test says");
}

static void test_client_stream__hands_over_what_comes_while_others_run(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome watch = OUTCOME_INIT(c);
	AUTO(outcome) struct outcome list = OUTCOME_INIT(c);
	const struct client_request request = {.path = WATCHED, .idle_ms = 60000};

	(void)client_stream(c, &request, on_bytes, on_done, &watch);
	api_server_put(s, "wasmextensions", "n", "a", "\"spec\":{}");
	run_until_streamed(&watch, "\"ADDED\"");
	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &list);
	run(&list);
	CU_ASSERT_EQUAL(watch.done, 0);
	api_server_delete(s, "wasmextensions", "n", "a");
	run_until_streamed(&watch, "\"DELETED\"");
	api_server_end_watches(s);
	run(&watch);
	CU_ASSERT_EQUAL(watch.status, 200);
	CU_ASSERT_EQUAL(watch.body.len, 0);
	CU_ASSERT_EQUAL(watch.err.code, ERR_NONE);
}

static void test_client_stream__keeps_the_words_of_a_refusal(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
	const struct client_request request = {
		.path = "/api/v1/secrets?watch=true", .idle_ms = 60000};

	(void)client_stream(c, &request, on_bytes, on_done, &o);
	run(&o);
	CU_ASSERT_EQUAL(o.status, 403);
	CU_ASSERT_EQUAL(o.streamed.len, 0);
	ASSERT_HAS(buf_text(&o.body), "as the test says");
}

static void test_client_stream__ends_where_the_receiver_says(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
	const struct client_request request = {.path = WATCHED, .idle_ms = 60000};

	o.refuse = true;
	api_server_put(s, "wasmextensions", "n", "a", "\"spec\":{}");
	(void)client_stream(c, &request, on_bytes, on_done, &o);
	run(&o);
	CU_ASSERT_EQUAL(o.err.code, ERR_CONFLICT);
	CU_ASSERT_STRING_EQUAL(o.err.msg, "enough");
}

static void test_client_stream__ends_when_nothing_comes(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
	const struct client_request request = {.path = WATCHED, .idle_ms = 30};

	(void)client_stream(c, &request, on_bytes, on_done, &o);
	run(&o);
	CU_ASSERT_EQUAL(o.err.code, ERR_TRANSIENT);
	ASSERT_HAS(o.err.msg, "nothing came for");
}

static void test_client_stream__tells_of_a_connection_that_was_cut(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
	const struct client_request request = {.path = WATCHED, .idle_ms = 60000};

	(void)client_stream(c, &request, on_bytes, on_done, &o);
	api_server_bookmark(s);
	api_server_put(s, "wasmextensions", "n", "a", "\"spec\":{}");
	run_until_streamed(&o, "\"ADDED\"");
	api_server_cut_watches(s);
	run(&o);
	CU_ASSERT_EQUAL(o.err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(o.status, 200);
}

/* Nobody listens behind it. */
static unsigned dead_port(void)
{
	struct api_server *s = api_server_start(NULL);
	unsigned port = api_server_port(s);

	api_server_stop(s);
	return port;
}

static void test_client_send__tells_of_a_server_that_is_not_there(void)
{
	AUTO(client) struct client *c = client_of("http", dead_port(), "s3cr3t");
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);

	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &o);
	run(&o);
	CU_ASSERT_EQUAL(o.status, 0);
	CU_ASSERT_EQUAL(o.err.code, ERR_TRANSIENT);
	ASSERT_HAS(o.err.msg, "API server");
	CU_ASSERT_PTR_NULL(strstr(o.err.msg, "s3cr3t"));
}

static void say_nothing(void *arg, unsigned nth, const char *request, int fd)
{
	char byte = 0;

	(void)arg;
	(void)nth;
	(void)request;
	(void)!read(fd, &byte, 1); /* until the client hangs up */
}

static void test_client_send__gives_up_all_connections_when_nothing_comes_back(void)
{
	AUTO(script_server) struct script_server *s = script_server_start(say_nothing, NULL);
	AUTO(client) struct client *c = client_of("http", script_server_port(s), NULL);
	AUTO(outcome) struct outcome late = OUTCOME_INIT(c);
	AUTO(outcome) struct outcome other = OUTCOME_INIT(c);

	(void)client_stream(c, &(struct client_request){.path = WATCHED, .idle_ms = 60000},
		on_bytes, on_done, &other);
	(void)client_send(
		c, &(struct client_request){.path = LISTED, .timeout_ms = 50}, on_done, &late);
	run(&late);
	run(&other);
	CU_ASSERT_EQUAL(other.err.code, ERR_TRANSIENT);
	ASSERT_HAS(other.err.msg, "nothing comes over the connection any more");
}

/* A server of which nothing is answered but by the test: connections wait until it takes them. */
static int listen_only(unsigned *port)
{
	struct sockaddr_in address = loopback_address(0);
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	CU_ASSERT_FATAL(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
			listen(fd, STREAMS) == 0 &&
			getsockname(fd, (struct sockaddr *)&address, &len) == 0);
	*port = ntohs(address.sin_port);
	return fd;
}

/* Takes connections until there are so many of them, and looks a while whether more come. */
static void take_connections(struct client *c, int server, int fds[STREAMS], size_t *n, size_t want)
{
	int after = 20;

	for (int i = 0; i < STEPS && after > 0 && *n < STREAMS; i++) {
		step(c);
		fds[*n] = accept4(server, NULL, NULL, SOCK_CLOEXEC);
		if (fds[*n] >= 0)
			(*n)++;
		else if (*n >= want)
			after--;
	}
	CU_ASSERT_EQUAL(*n, want);
}

static void test_client_stream__asks_for_few_at_a_time(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\n\r\n";
	unsigned port = 0;
	AUTO(fd) int server = listen_only(&port);
	AUTO(client) struct client *c = client_of("http", port, NULL);
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
	struct client_call *calls[STREAMS] = {NULL};
	int fds[STREAMS];
	size_t n = 0;

	for (size_t i = 0; i < STREAMS; i++)
		calls[i] = client_stream(c,
			&(struct client_request){.path = WATCHED, .idle_ms = 60000}, on_bytes,
			on_done, &o);
	take_connections(c, server, fds, &n, LIMIT_KUBE_OPENING);
	/* One that is answered makes room for the next, and so does one that is given up. */
	CU_ASSERT_EQUAL(write(fds[0], answer, sizeof(answer) - 1), (ssize_t)sizeof(answer) - 1);
	take_connections(c, server, fds, &n, LIMIT_KUBE_OPENING + 1);
	client_cancel(c, calls[LIMIT_KUBE_OPENING]);
	take_connections(c, server, fds, &n, LIMIT_KUBE_OPENING + 2);
	/* Those that still wait need no order. */
	client_cancel(c, calls[STREAMS - 1]);
	client_cancel(c, calls[STREAMS - 3]);
	client_cancel(c, calls[1]);
	take_connections(c, server, fds, &n, LIMIT_KUBE_OPENING + 3);
	CU_ASSERT_EQUAL(o.done, 0);
	while (n > 0)
		(void)close(fds[--n]);
}

static void flood(void *arg, unsigned nth, const char *request, int fd)
{
	AUTO(free) char *fill = xcalloc(1, LIMIT_MIB);

	(void)arg;
	(void)nth;
	(void)request;
	script_print(fd, "HTTP/1.1 200 OK\r\n\r\n");
	for (size_t n = 0; n <= LIMIT_KUBE_REPLY_BYTES; n += LIMIT_MIB)
		script_send(fd, fill, LIMIT_MIB);
}

static void test_client_send__has_a_ceiling_for_an_answer(void)
{
	AUTO(script_server) struct script_server *s = script_server_start(flood, NULL);
	AUTO(client) struct client *c = client_of("http", script_server_port(s), NULL);
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);

	buf_init(&o.body, 2 * LIMIT_KUBE_REPLY_BYTES);
	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &o);
	run(&o);
	CU_ASSERT_EQUAL(o.err.code, ERR_INVALID);
	CU_ASSERT_TRUE(o.body.len <= LIMIT_KUBE_REPLY_BYTES);
}

static void redirect(void *arg, unsigned nth, const char *request, int fd)
{
	(void)nth;
	(void)request;
	script_print(fd,
		"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\nContent-Length: 0\r\n\r\n",
		*(unsigned *)arg);
}

static void test_client_send__follows_no_redirect(void)
{
	AUTO(api_server) struct api_server *elsewhere = api_server_start(NULL);
	unsigned port = api_server_port(elsewhere);
	AUTO(script_server) struct script_server *s = script_server_start(redirect, &port);
	AUTO(client) struct client *c = client_of("http", script_server_port(s), "s3cr3t");
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);

	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &o);
	run(&o);
	CU_ASSERT_EQUAL(o.status, 302);
	CU_ASSERT_FALSE(api_server_saw_token(elsewhere, "s3cr3t"));
}

static void note_request(void *arg, unsigned nth, const char *request, int fd)
{
	(void)nth;
	(void)snprintf(arg, 4096, "%s", request);
	script_print(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
}

static void test_client_send__sends_method_body_and_who_we_are(void)
{
	char seen[4096] = "";
	struct script_server *s = script_server_start(note_request, seen);
	AUTO(client) struct client *c = client_of("http", script_server_port(s), "\ts3cr3t\n");
	AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
	const struct client_request request = {.method = "PATCH",
		.path = "/a?b=c",
		.content_type = "application/merge-patch+json",
		.body = "{\"x\":1}",
		.body_len = 7};

	(void)client_send(c, &request, on_done, &o);
	run(&o);
	script_server_stop(s);
	ASSERT_HAS(seen, "PATCH /a?b=c HTTP/1.1\r\n");
	ASSERT_HAS(seen, "\r\nAuthorization: Bearer s3cr3t\r\n");
	ASSERT_HAS(seen, "\r\nContent-Type: application/merge-patch+json\r\n");
	ASSERT_HAS(seen, "\r\nAccept: application/json\r\n");
	ASSERT_HAS(seen, "\r\nUser-Agent: wasmxds/");
	ASSERT_HAS(seen, "\r\n\r\n{\"x\":1}");
	CU_ASSERT_STRING_EQUAL(buf_text(&o.body), "{}");
}

/* The client reads the token from this file. */
static struct client *client_with_token_file(unsigned port, const char *path)
{
	struct credentials access = {.server = xasprintf("http://127.0.0.1:%u", port)};
	struct client *client = NULL;
	struct err err = {.code = ERR_NONE};

	access.token.file = xstrdup(path);
	CU_ASSERT_EQUAL_FATAL(client_new(&client, &access, &err), 0);
	return client;
}

static long call(struct client *c, struct err *err)
{
	AUTO(client_reply) struct client_reply reply = {.status = 0};

	return client_call(c, &(struct client_request){.path = LISTED}, &reply, err) == 0
		       ? reply.status
		       : -1;
}

static void test_client_call__reads_the_token_anew_when_it_rotates(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(free) char *path = fixture_write(dir, "token", "one\n", 4);
	AUTO(client) struct client *c = client_with_token_file(api_server_port(s), path);
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(call(c, &err), 200);
	CU_ASSERT_TRUE(api_server_saw_token(s, "one"));
	free(fixture_write(dir, "token", "two", 3));
	CU_ASSERT_EQUAL(call(c, &err), 200);
	CU_ASSERT_TRUE(api_server_saw_token(s, "two"));
	free(fixture_write(dir, "token", "", 0));
	CU_ASSERT_EQUAL(call(c, &err), 200);
	CU_ASSERT_TRUE(api_server_saw_token(s, "two"));
	CU_ASSERT_EQUAL(unlink(path), 0);
	CU_ASSERT_EQUAL(call(c, &err), 200);
	CU_ASSERT_TRUE(api_server_saw_token(s, "two"));
}

static void test_client_call__sends_nothing_without_a_token_that_should_be_there(void)
{
	static const char *const texts[] = {"", "a b", "a\x01", "a\nb"};
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(fixture_dir) char *dir = fixture_dir();

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		AUTO(free)
		char *path = fixture_write(dir, "token", texts[i], strlen(texts[i]));
		AUTO(client) struct client *c = client_with_token_file(api_server_port(s), path);
		AUTO(outcome) struct outcome o = OUTCOME_INIT(c);
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(call(c, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, path);
		(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &o);
		run(&o);
		CU_ASSERT_EQUAL(o.err.code, ERR_INVALID);
	}
	CU_ASSERT_EQUAL(api_server_lists(s), 0);
}

static void test_client_call__gives_answer_and_failure(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(client_reply) struct client_reply reply = {.status = 0};
	const struct client_request request = {.path = LISTED};
	struct err err = {.code = ERR_NONE};

	api_server_fail(s, 1, 409, 0);
	CU_ASSERT_EQUAL(client_call(c, &request, &reply, &err), 0);
	CU_ASSERT_EQUAL(client_verdict(&reply, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_CONFLICT);
	client_reply_clear(&reply);
	CU_ASSERT_EQUAL(client_call(c, &request, &reply, &err), 0);
	CU_ASSERT_EQUAL(client_verdict(&reply, &err), 0);
	ASSERT_HAS(buf_text(&reply.body), "items");
	client_reply_clear(&reply);
	api_server_go_down(s);
	CU_ASSERT_EQUAL(client_call(c, &request, &reply, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
}

static void test_client_cancel__calls_nothing_back(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(outcome) struct outcome gone = OUTCOME_INIT(c);
	AUTO(outcome) struct outcome other = OUTCOME_INIT(c);
	struct client_call *watch =
		client_stream(c, &(struct client_request){.path = WATCHED, .idle_ms = 60000},
			on_bytes, on_done, &gone);

	api_server_put(s, "wasmextensions", "n", "a", "\"spec\":{}");
	run_until_streamed(&gone, "ADDED");
	client_cancel(c, watch);
	(void)client_send(c, &(struct client_request){.path = LISTED}, on_done, &other);
	run(&other);
	CU_ASSERT_EQUAL(gone.done, 0);
}

static void test_client_wait__wakes_for_the_callers_own(void)
{
	AUTO(api_server) struct api_server *s = api_server_start(NULL);
	AUTO(client) struct client *c = client_of("http", api_server_port(s), NULL);
	AUTO(fd) int quiet = eventfd(0, EFD_CLOEXEC);
	AUTO(fd) int loud = eventfd(1, EFD_CLOEXEC);
	struct pollfd fds[] = {
		{.fd = quiet, .events = POLLIN}, {.fd = loud, .events = POLLIN, .revents = 0}};
	int64_t began = io_monotonic_ms();

	client_wait(c, fds, 2, 60000);
	CU_ASSERT_TRUE(io_monotonic_ms() - began < 30000);
	CU_ASSERT_EQUAL(fds[0].revents, 0);
	CU_ASSERT_EQUAL(fds[1].revents, POLLIN);
}

static void test_client_new__verifies_the_server(void)
{
	AUTO(fixture_tls) struct fixture_tls tls;
	AUTO(fixture_tls) struct fixture_tls other;

	fixture_tls_init(&tls);
	fixture_tls_init(&other);
	AUTO(api_server) struct api_server *s = api_server_start(&tls);
	const char *const authorities[] = {tls.certificate, other.certificate, "no PEM"};

	for (size_t i = 0; i < 3; i++) {
		struct credentials access = {
			.server = xasprintf("https://127.0.0.1:%u/", api_server_port(s))};
		AUTO(client) struct client *c = NULL;
		struct err err = {.code = ERR_NONE};

		access.authority.data = xstrdup(authorities[i]);
		CU_ASSERT_EQUAL_FATAL(client_new(&c, &access, &err), 0);
		CU_ASSERT_EQUAL(call(c, &err), i == 0 ? 200 : -1);
		CU_ASSERT_EQUAL(err.code, i == 0 ? ERR_NONE : ERR_TRANSIENT);
	}
}

static void test_client_new__connects_to_a_server_by_another_name(void)
{
	AUTO(fixture_tls) struct fixture_tls tls;
	struct err err = {.code = ERR_NONE};

	fixture_tls_init(&tls);
	AUTO(api_server) struct api_server *s = api_server_start(&tls);
	struct credentials access = {
		.server = xasprintf("https://localhost:%u", api_server_port(s)),
		.server_name = xstrdup("127.0.0.1"),
		.authority.data = xstrdup(tls.certificate),
	};
	AUTO(client) struct client *c = NULL;

	CU_ASSERT_EQUAL_FATAL(client_new(&c, &access, &err), 0);
	CU_ASSERT_EQUAL(call(c, &err), 200);
}

static void test_client_new__refuses_what_is_no_url(void)
{
	static const char *const servers[] = {"", "https://", "https://[::1", "https://a:port"};

	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct credentials access = {.server = xstrdup(servers[i])};
		struct client *c = NULL;
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(client_new(&c, &access, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, "server");
	}
}

TEST_MAIN("client", TEST(test_client_send__gives_the_answer_whatever_its_status),
	TEST(test_client_stream__hands_over_what_comes_while_others_run),
	TEST(test_client_stream__keeps_the_words_of_a_refusal),
	TEST(test_client_stream__ends_where_the_receiver_says),
	TEST(test_client_stream__ends_when_nothing_comes),
	TEST(test_client_stream__tells_of_a_connection_that_was_cut),
	TEST(test_client_send__tells_of_a_server_that_is_not_there),
	TEST(test_client_send__gives_up_all_connections_when_nothing_comes_back),
	TEST(test_client_stream__asks_for_few_at_a_time),
	TEST(test_client_send__has_a_ceiling_for_an_answer),
	TEST(test_client_send__follows_no_redirect),
	TEST(test_client_send__sends_method_body_and_who_we_are),
	TEST(test_client_call__reads_the_token_anew_when_it_rotates),
	TEST(test_client_call__sends_nothing_without_a_token_that_should_be_there),
	TEST(test_client_call__gives_answer_and_failure),
	TEST(test_client_cancel__calls_nothing_back),
	TEST(test_client_wait__wakes_for_the_callers_own),
	TEST(test_client_new__verifies_the_server),
	TEST(test_client_new__connects_to_a_server_by_another_name),
	TEST(test_client_new__refuses_what_is_no_url))
