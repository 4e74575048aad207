/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/http_server.h"
#include "tests/unit/loopback.h"
#include "tests/unit/test.h"

/* Fetches path from the server on port; *good says whether the module came, in full. */
static int fetch(const struct fetch_options *options, enum fetch_source source, unsigned port,
	const char *path, bool *good, struct err *err)
{
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u%s", port, path);
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct fetch_request request = {.source = source, .uri = uri};
	struct fetch_task task = {.options = options, .request = &request};

	sink_init(&sink, fd, options->max_bytes);
	if (options->total_timeout_ms > 0)
		task.deadline_ms = io_monotonic_ms() + options->total_timeout_ms;
	int rc = http_fetch(&task, &sink, err);
	*good = rc == 0 && fixture_file_is(fd, fixture_module, fixture_module_size);
	return rc;
}

static void assert_fetched(unsigned port, const char *path)
{
	struct fetch_options options = fixture_options();
	struct err err = {0};
	bool good = false;

	if (fetch(&options, FETCH_HTTP, port, path, &good, &err) < 0)
		printf("\n  %s: %s\n", path, err.msg);
	CU_ASSERT_TRUE(good);
}

static void assert_refused_with(const struct fetch_options *options, unsigned port,
	const char *path, enum err_code code, const char *words)
{
	struct err err = {0};
	bool good = false;

	CU_ASSERT_EQUAL(fetch(options, FETCH_HTTP, port, path, &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, words);
}

static void assert_refused(unsigned port, const char *path, enum err_code code, const char *words)
{
	struct fetch_options options = fixture_options();

	assert_refused_with(&options, port, path, code, words);
}

static void test_http_fetch__brings_the_bytes(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);

	assert_fetched(http_server_port(s), "/module");
	CU_ASSERT_EQUAL(http_server_named_agent(s), 1);
}

static void test_http_fetch__decodes_nothing(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);

	assert_fetched(http_server_port(s), "/encoded");
}

static void test_http_fetch__reports_the_status(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	unsigned port = http_server_port(s);

	assert_refused(port, "/status/404", ERR_NOT_FOUND, "answered 404 instead of 200");
	assert_refused(port, "/status/403", ERR_DENIED, "answered 403");
	assert_refused(port, "/status/500", ERR_TRANSIENT, "answered 500");
	assert_refused(port, "/status/204", ERR_INVALID, "answered 204");
	assert_refused(port, "/status/206", ERR_INVALID, "answered 206");
	assert_refused(port, "/status/302", ERR_INVALID, "answered 302");
}

static void test_http_fetch__follows_so_many_redirects_and_no_more(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	AUTO(free) char *most = xasprintf("/chain/%d", LIMIT_REDIRECTS);
	AUTO(free) char *more = xasprintf("/chain/%d", LIMIT_REDIRECTS + 1);
	unsigned port = http_server_port(s);

	assert_fetched(port, most);
	assert_refused(port, more, ERR_INVALID, "redirected more than 5 times");
	assert_refused(port, "/loop", ERR_INVALID, "redirected more than 5 times");
}

static void test_http_fetch__names_where_a_redirect_led(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();
	AUTO(free)
	char *want = xasprintf(
		"redirected to http://127.0.0.1:%u/status/404: answered 404", http_server_port(s));
	struct err err = {0};
	bool good = false;

	http_server_redirect(s, "/status/404?token=secret");
	CU_ASSERT_EQUAL(fetch(&options, FETCH_HTTP, http_server_port(s), "/away", &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, want);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "secret"));
}

static void test_http_fetch__sends_credentials_to_the_first_server_only(void)
{
	AUTO(http_server) struct http_server *first = http_server_start(NULL, NULL);
	AUTO(http_server) struct http_server *second = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();
	AUTO(free) char *uri = xasprintf("u:p@127.0.0.1:%u/away", http_server_port(first));
	AUTO(free) char *away = xasprintf("http://127.0.0.1:%u/module", http_server_port(second));
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri};
	struct fetch_task task = {.options = &options, .request = &request};
	struct err err = {0};

	http_server_redirect(first, away);
	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(http_fetch(&task, &sink, &err), 0);
	CU_ASSERT_EQUAL(http_server_authorized(first), 1);
	CU_ASSERT_EQUAL(http_server_authorized(second), 0);
}

static void test_http_fetch__refuses_a_body_that_ends_early(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);

	assert_refused(http_server_port(s), "/short", ERR_TRANSIENT, "1 bytes remaining");
}

static void test_http_fetch__stops_at_the_ceiling(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	unsigned port = http_server_port(s);

	assert_refused(port, "/endless", ERR_INVALID, "more than 1048576 bytes");
	assert_refused(port, "/huge", ERR_INVALID, "is 1099511627776 bytes, by its Content-Length");
}

static void test_http_fetch__ends_what_stalls(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();
	unsigned port = http_server_port(s);

	options.idle_timeout_ms = 100;
	assert_refused_with(
		&options, port, "/stall", ERR_TRANSIENT, "no byte for 100 ms, after 8 bytes");
	assert_refused_with(
		&options, port, "/silent", ERR_TRANSIENT, "no byte for 100 ms, after 0 bytes");
}

static void test_http_fetch__ends_what_trickles(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();

	options.idle_timeout_ms = 300; /* which a byte every 20 ms does not exceed */
	options.retry.tries = 1;
	assert_refused_with(&options, http_server_port(s), "/trickle", ERR_TRANSIENT,
		"where at least 1024 a second must come");
}

static void test_http_fetch__ends_at_the_total_timeout(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();

	options.total_timeout_ms = 500;
	assert_refused_with(
		&options, http_server_port(s), "/trickle", ERR_TRANSIENT, "timed out after ");
}

static void test_http_fetch__gives_up_when_told_to_stop(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();
	atomic_bool stop = true;

	options.stop = &stop;
	assert_refused_with(&options, http_server_port(s), "/module", ERR_TRANSIENT, "stopped");
}

static void test_http_fetch__says_that_the_disk_is_full(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/module", http_server_port(s));
	AUTO(fd) int fd = open("/dev/full", O_RDWR | O_CLOEXEC);
	AUTO(sink) struct sink sink = {.fd = -1};
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri};
	struct fetch_task task = {.options = &options, .request = &request};
	struct err err = {0};

	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(http_fetch(&task, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
}

static void test_http_fetch__retries_where_nobody_listens(void)
{
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = loopback_address(0);
	socklen_t n = sizeof(address);

	/* bound and not listening: nobody else can have the port meanwhile */
	CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&address, n), 0);
	CU_ASSERT_EQUAL_FATAL(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	assert_refused(ntohs(address.sin_port), "/x", ERR_TRANSIENT, "Failed to connect");
}

static void test_http_fetch__refuses_a_uri_that_is_none(void)
{
	struct fetch_options options = fixture_options();
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct fetch_request request = {.source = FETCH_HTTP, .uri = "u:se/cret@a.test/"};
	struct fetch_task task = {.options = &options, .request = &request};
	struct err err = {0};

	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(http_fetch(&task, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "cret"));
}

TEST_MAIN("http",

	TEST(test_http_fetch__brings_the_bytes), TEST(test_http_fetch__decodes_nothing),
	TEST(test_http_fetch__reports_the_status),
	TEST(test_http_fetch__follows_so_many_redirects_and_no_more),
	TEST(test_http_fetch__names_where_a_redirect_led),
	TEST(test_http_fetch__sends_credentials_to_the_first_server_only),
	TEST(test_http_fetch__refuses_a_body_that_ends_early),
	TEST(test_http_fetch__stops_at_the_ceiling), TEST(test_http_fetch__ends_what_stalls),
	TEST(test_http_fetch__ends_what_trickles), TEST(test_http_fetch__ends_at_the_total_timeout),
	TEST(test_http_fetch__gives_up_when_told_to_stop),
	TEST(test_http_fetch__says_that_the_disk_is_full),
	TEST(test_http_fetch__retries_where_nobody_listens),
	TEST(test_http_fetch__refuses_a_uri_that_is_none))
