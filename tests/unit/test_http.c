/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/http_server.h"
#include "tests/unit/test.h"

/* Fetches path from the server on port; *good says whether the module came, in full. */
static int fetch(const struct fetch_options *options, enum fetch_source source, unsigned port,
	const char *path, bool *good, struct err *err)
{
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u%s", port, path);
	AUTO(fd) int fd = fixture_file();
	AUTO(sink) struct sink sink = {.fd = -1};
	struct fetch_request request = {.source = source, .uri = uri};

	sink_init(&sink, fd, options->max_bytes);
	int rc = http_fetch(options, &request, &sink, err);
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

static void test_http_status_verdict__knows_each_class(void)
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
		CU_ASSERT_EQUAL(http_status_verdict(table[i].status), table[i].code);
}

static void test_http_curl_verdict__retries_what_the_network_did(void)
{
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_OK), ERR_NONE);
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_URL_MALFORMAT), ERR_INVALID);
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_UNSUPPORTED_PROTOCOL), ERR_INVALID);
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_COULDNT_RESOLVE_HOST), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_PARTIAL_FILE), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_PEER_FAILED_VERIFICATION), ERR_TRANSIENT);
	CU_ASSERT_EQUAL(http_curl_verdict(CURLE_OPERATION_TIMEDOUT), ERR_TRANSIENT);
}

static void test_http_is_redirect__leaves_out_what_names_no_target(void)
{
	CU_ASSERT_TRUE(http_is_redirect(301));
	CU_ASSERT_TRUE(http_is_redirect(302));
	CU_ASSERT_TRUE(http_is_redirect(303));
	CU_ASSERT_TRUE(http_is_redirect(307));
	CU_ASSERT_TRUE(http_is_redirect(308));
	CU_ASSERT_FALSE(http_is_redirect(300));
	CU_ASSERT_FALSE(http_is_redirect(304));
	CU_ASSERT_FALSE(http_is_redirect(305));
	CU_ASSERT_FALSE(http_is_redirect(200));
}

static void test_http_redirect_target__resolves_as_a_browser_does(void)
{
	static const struct {
		const char *from;
		const char *location;
		const char *target;
	} table[] = {
		{"http://a.test/x/y", "/z", "http://a.test/z"},
		{"http://a.test/x/y", "z", "http://a.test/x/z"},
		{"http://a.test/x/y", "../z", "http://a.test/z"},
		{"http://a.test/x", "//b.test/z", "http://b.test/z"},
		{"http://a.test/x", "https://b.test/z", "https://b.test/z"},
		{"https://a.test/x", "https://b.test/z?sig=1", "https://b.test/z?sig=1"},
		{"https://a.test:8443/x", "/z", "https://a.test:8443/z"},
		{"http://a.test/x", "HTTP://b.test/", "http://b.test/"},
		{"http://u:p@a.test/x", "/z", "http://a.test/z"},
		{"http://a.test/x", "http://u:p@b.test/z", "http://b.test/z"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *target = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL_FATAL(
			http_redirect_target(&target, table[i].from, table[i].location, &err), 0);
		CU_ASSERT_STRING_EQUAL(target, table[i].target);
	}
}

static void test_http_redirect_target__refuses_lesser_schemes(void)
{
	static const struct {
		const char *from;
		const char *location;
		const char *words;
	} table[] = {
		{"https://a.test/x", "http://a.test/x", "from https to http"},
		{"https://a.test/x", "HTTP://a.test/x", "from https to http"},
		{"http://a.test/x", "file:///etc/passwd", "neither http nor https"},
		{"http://a.test/x", "ftp://a.test/x", "neither http nor https"},
		{"http://a.test/x", "gopher://a.test/x", "neither http nor https"},
		{"http://a.test/x", "nonsense://a.test/x", "not a URL"},
		{"http://a.test/x", "http://a.test:99999/", "not a URL"},
		{"http://", "/x", "not a URL"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *target = NULL;
		struct err err = {0};

		CU_ASSERT_EQUAL(
			http_redirect_target(&target, table[i].from, table[i].location, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, table[i].words);
		CU_ASSERT_PTR_NULL(target);
	}
}

static void test_http_label__hides_what_is_secret(void)
{
	static const struct {
		const char *url;
		const char *label;
	} table[] = {
		{"http://a.test/x.wasm", "http://a.test/x.wasm"},
		{"https://u:secret@a.test:8443/x.wasm?sig=secret#secret",
			"https://a.test:8443/x.wasm"},
		{"https://u:se/cret@a.test/x.wasm", "a malformed URL"},
		{"http://a.test/\xc3\xa9", "http://a.test/%c3%a9"},
		{"http://a.test/a@b", "http://a.test/a@b"},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		AUTO(free) char *label = http_label(table[i].url);
		CU_ASSERT_STRING_EQUAL(label, table[i].label);
	}
}

static void test_http_label__is_bounded(void)
{
	char url[2 * LIMIT_SOURCE_BYTES] = "http://a.test/";

	memset(url + strlen(url), 'x', sizeof(url) - 1 - strlen(url));
	url[sizeof(url) - 1] = '\0';
	AUTO(free) char *label = http_label(url);
	CU_ASSERT_EQUAL(strlen(label), LIMIT_SOURCE_BYTES);
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
	struct err err = {0};

	http_server_redirect(first, away);
	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(http_fetch(&options, &request, &sink, &err), 0);
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

static void test_http_fetch__ends_what_trickles_on_at_the_total_timeout(void)
{
	AUTO(http_server) struct http_server *s = http_server_start(NULL, NULL);
	struct fetch_options options = fixture_options();

	options.idle_timeout_ms = 1000; /* which a byte every 20 ms does not exceed */
	options.total_timeout_ms = 1800;
	assert_refused_with(
		&options, http_server_port(s), "/trickle", ERR_TRANSIENT, "timed out after 1");
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
	struct err err = {0};

	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(http_fetch(&options, &request, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_FULL);
}

static void test_http_fetch__retries_where_nobody_listens(void)
{
	AUTO(fd) int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
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
	struct err err = {0};

	sink_init(&sink, fd, options.max_bytes);
	CU_ASSERT_EQUAL(http_fetch(&options, &request, &sink, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "cret"));
}

TEST_MAIN("http", TEST(test_http_status_verdict__knows_each_class),
	TEST(test_http_curl_verdict__retries_what_the_network_did),
	TEST(test_http_is_redirect__leaves_out_what_names_no_target),
	TEST(test_http_redirect_target__resolves_as_a_browser_does),
	TEST(test_http_redirect_target__refuses_lesser_schemes),
	TEST(test_http_label__hides_what_is_secret), TEST(test_http_label__is_bounded),
	TEST(test_http_fetch__brings_the_bytes), TEST(test_http_fetch__decodes_nothing),
	TEST(test_http_fetch__reports_the_status),
	TEST(test_http_fetch__follows_so_many_redirects_and_no_more),
	TEST(test_http_fetch__names_where_a_redirect_led),
	TEST(test_http_fetch__sends_credentials_to_the_first_server_only),
	TEST(test_http_fetch__refuses_a_body_that_ends_early),
	TEST(test_http_fetch__stops_at_the_ceiling), TEST(test_http_fetch__ends_what_stalls),
	TEST(test_http_fetch__ends_what_trickles_on_at_the_total_timeout),
	TEST(test_http_fetch__gives_up_when_told_to_stop),
	TEST(test_http_fetch__says_that_the_disk_is_full),
	TEST(test_http_fetch__retries_where_nobody_listens),
	TEST(test_http_fetch__refuses_a_uri_that_is_none))
