/* SPDX-License-Identifier: Apache-2.0 */
/* What fetch/http.c makes of TLS, proxies and servers that speak HTTP badly. */
#include "fetch/http.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/http_server.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

/* A server with TLS, and the files that clients trust. */
struct secure {
	char *dir;              /* owned */
	struct fixture_tls own; /* the server's */
	char *own_file;         /* owned */
	char *other_file;       /* owned; a certificate that is not the server's */
	struct http_server *server;
};

static void secure_init(struct secure *s)
{
	AUTO(fixture_tls) struct fixture_tls other = {0};

	s->dir = fixture_dir();
	fixture_tls_init(&s->own);
	fixture_tls_init(&other);
	s->own_file =
		fixture_write(s->dir, "own.pem", s->own.certificate, strlen(s->own.certificate));
	s->other_file =
		fixture_write(s->dir, "other.pem", other.certificate, strlen(other.certificate));
	s->server = http_server_start(&s->own, NULL);
	CU_ASSERT_PTR_NOT_NULL_FATAL(s->server);
}

static void auto_secure(struct secure *s)
{
	http_server_stop(s->server);
	fixture_tls_clear(&s->own);
	fixture_dir_remove(s->dir);
	free(s->own_file);
	free(s->other_file);
}

/* Fetches path from host:port; *good says whether the module came, in full. */
static int fetch(
	const char *ca_file, enum fetch_source source, const char *uri, bool *good, struct err *err)
{
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = source, .uri = uri};
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};

	struct fetch_task task = {.options = &options, .request = &request};

	options.ca_file = ca_file;
	sink_init(&sink, fd, options.max_bytes);
	int rc = http_fetch(&task, &sink, err);
	*good = rc == 0 && fixture_file_is(fd, fixture_module, fixture_module_size);
	return rc;
}

static void assert_refused(const char *ca_file, enum fetch_source source, const char *uri,
	enum err_code code, const char *words)
{
	struct err err = {0};
	bool good = false;

	CU_ASSERT_EQUAL(fetch(ca_file, source, uri, &good, &err), -1);
	CU_ASSERT_EQUAL(err.code, code);
	ASSERT_HAS(err.msg, words);
}

static void assert_fetched(const char *ca_file, enum fetch_source source, const char *uri)
{
	struct err err = {0};
	bool good = false;

	if (fetch(ca_file, source, uri, &good, &err) < 0)
		printf("\n  %s: %s\n", uri, err.msg);
	CU_ASSERT_TRUE(good);
}

static void test_https__accepts_a_private_ca(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(free) char *uri = NULL;

	secure_init(&s);
	uri = xasprintf("127.0.0.1:%u/chain/2", http_server_port(s.server));
	assert_fetched(s.own_file, FETCH_HTTPS, uri);
}

static void test_https__refuses_a_certificate_that_nobody_vouches_for(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(free) char *uri = NULL;

	secure_init(&s);
	uri = xasprintf("127.0.0.1:%u/module", http_server_port(s.server));
	assert_refused(NULL, FETCH_HTTPS, uri, ERR_TRANSIENT, "certificate");
	assert_refused(s.other_file, FETCH_HTTPS, uri, ERR_TRANSIENT, "certificate");
}

static void test_https__refuses_another_hosts_certificate(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(free) char *uri = NULL;

	secure_init(&s);
	uri = xasprintf("localhost:%u/module", http_server_port(s.server));
	assert_refused(s.own_file, FETCH_HTTPS, uri, ERR_TRANSIENT, "certificate");
}

static void test_https__reports_a_ca_file_that_is_not_there(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(free) char *uri = NULL;

	secure_init(&s);
	uri = xasprintf("127.0.0.1:%u/module", http_server_port(s.server));
	assert_refused(
		"/nonexistent.pem", FETCH_HTTPS, uri, ERR_TRANSIENT, "CA file /nonexistent.pem: ");
}

static void test_https__needs_tls_1_2(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(http_server) struct http_server *new = NULL;
	AUTO(http_server) struct http_server *old = NULL;
	AUTO(free) char *new_uri = NULL;
	AUTO(free) char *old_uri = NULL;

	secure_init(&s);
	new = http_server_start(&s.own, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
	CU_ASSERT_PTR_NOT_NULL_FATAL(new);
	new_uri = xasprintf("127.0.0.1:%u/module", http_server_port(new));
	assert_fetched(s.own_file, FETCH_HTTPS, new_uri);
	old = http_server_start(&s.own, "NORMAL:-VERS-ALL:+VERS-TLS1.1");
	CU_ASSERT_PTR_NOT_NULL_FATAL(old);
	old_uri = xasprintf("127.0.0.1:%u/module", http_server_port(old));
	assert_refused(s.own_file, FETCH_HTTPS, old_uri, ERR_TRANSIENT, "version");
}

static void test_https__is_not_led_to_http(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(http_server) struct http_server *plain = http_server_start(NULL, NULL);
	AUTO(free) char *uri = NULL;
	AUTO(free) char *target = xasprintf("http://127.0.0.1:%u/module", http_server_port(plain));

	secure_init(&s);
	http_server_redirect(s.server, target);
	uri = xasprintf("127.0.0.1:%u/away", http_server_port(s.server));
	assert_refused(s.own_file, FETCH_HTTPS, uri, ERR_INVALID, "from https to http");
}

static void test_https__is_not_led_to_http_on_a_later_hop(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(http_server) struct http_server *plain = http_server_start(NULL, NULL);
	AUTO(free) char *uri = NULL;
	AUTO(free) char *there = NULL;
	AUTO(free) char *back = xasprintf("http://127.0.0.1:%u/module", http_server_port(plain));

	secure_init(&s);
	there = xasprintf("https://127.0.0.1:%u/away", http_server_port(s.server));
	http_server_redirect(plain, there);
	http_server_redirect(s.server, back);
	uri = xasprintf("127.0.0.1:%u/away", http_server_port(plain));
	assert_refused(s.own_file, FETCH_HTTP, uri, ERR_INVALID, "from https to http");
}

static void test_http__may_be_led_to_https(void)
{
	AUTO(secure) struct secure s = {0};
	AUTO(http_server) struct http_server *plain = http_server_start(NULL, NULL);
	AUTO(free) char *uri = NULL;
	AUTO(free) char *target = NULL;

	secure_init(&s);
	target = xasprintf("https://127.0.0.1:%u/module", http_server_port(s.server));
	http_server_redirect(plain, target);
	uri = xasprintf("127.0.0.1:%u/away", http_server_port(plain));
	assert_fetched(s.own_file, FETCH_HTTP, uri);
}

/* Asserts what becomes of one answer, byte for byte. */
static void assert_answer_refused(
	const char *answer, size_t n, enum err_code code, const char *words)
{
	AUTO(script_server) struct script_server *s = script_server_start_bytes(answer, n);
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/x", script_server_port(s));

	assert_refused(NULL, FETCH_HTTP, uri, code, words);
}

static void test_http__refuses_answers_that_are_wrong(void)
{
	static const struct {
		const char *answer;
		enum err_code code;
		const char *words;
	} table[] = {
		{"", ERR_TRANSIENT, "Empty reply"},
		{"SSH-2.0-hello\r\n", ERR_INVALID, "HTTP/0.9"},
		{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx", ERR_TRANSIENT, "Content-Length"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\nx", ERR_INVALID,
			"file size"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe", ERR_TRANSIENT,
			"closed"},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello", ERR_TRANSIENT,
			"chunked-encoding"},
		{"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n", ERR_INVALID,
			"neither http nor https"},
		{"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", ERR_INVALID, "answered 302"},
		{"HTTP/1.1 404 Nope\r\nContent-Length: 99\r\n\r\n", ERR_NOT_FOUND, "answered 404"},
		{"HTTP/1.1 404 Nope\r\nContent-Length: 99\r\n\r\nx", ERR_NOT_FOUND, "answered 404"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		assert_answer_refused(
			table[i].answer, strlen(table[i].answer), table[i].code, table[i].words);
}

static void test_http__reads_no_more_than_the_content_length(void)
{
	AUTO(buf) struct buf answer = BUF_INIT(LIMIT_KIB);
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(
		buf_printf(&answer, &err, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			fixture_module_size),
		0);
	CU_ASSERT_EQUAL_FATAL(buf_append(&answer, fixture_module, fixture_module_size, &err), 0);
	CU_ASSERT_EQUAL_FATAL(buf_append(&answer, "trailing", 8, &err), 0);
	AUTO(script_server)
	struct script_server *s = script_server_start_bytes(answer.data, answer.len);
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/x", script_server_port(s));
	assert_fetched(NULL, FETCH_HTTP, uri);
}

static void test_http__bounds_the_headers(void)
{
	AUTO(buf) struct buf answer = BUF_INIT(LIMIT_HEADER_BYTES + LIMIT_MIB);
	struct err err = {0};

	CU_ASSERT_EQUAL_FATAL(buf_printf(&answer, &err, "HTTP/1.1 200 OK\r\n"), 0);
	while (answer.len <= LIMIT_HEADER_BYTES)
		CU_ASSERT_EQUAL_FATAL(buf_printf(&answer, &err, "X-Flood: %01000d\r\n", 0), 0);
	CU_ASSERT_EQUAL_FATAL(buf_printf(&answer, &err, "Content-Length: 1\r\n\r\nx"), 0);
	assert_answer_refused(answer.data, answer.len, ERR_INVALID, "headers of more than");
}

static void test_http__asks_the_proxy_of_the_environment(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	AUTO(free) char *proxy = xasprintf("http://127.0.0.1:%u", http_server_port(s));

	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the server's threads read no environment */
	CU_ASSERT_EQUAL_FATAL(setenv("http_proxy", proxy, 1), 0);
	assert_refused(NULL, FETCH_HTTP, "a.invalid/status/404", ERR_NOT_FOUND, "answered 404");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
	CU_ASSERT_EQUAL_FATAL(unsetenv("http_proxy"), 0);
}

TEST_MAIN("http_wire", TEST(test_https__accepts_a_private_ca),
	TEST(test_https__refuses_a_certificate_that_nobody_vouches_for),
	TEST(test_https__refuses_another_hosts_certificate),
	TEST(test_https__reports_a_ca_file_that_is_not_there), TEST(test_https__needs_tls_1_2),
	TEST(test_https__is_not_led_to_http), TEST(test_https__is_not_led_to_http_on_a_later_hop),
	TEST(test_http__may_be_led_to_https), TEST(test_http__refuses_answers_that_are_wrong),
	TEST(test_http__reads_no_more_than_the_content_length), TEST(test_http__bounds_the_headers),
	TEST(test_http__asks_the_proxy_of_the_environment))
