/* SPDX-License-Identifier: Apache-2.0 */
/* Whom fetch/exchange.c connects to, and what it tells whom. */
#include "fetch/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

/* A server that redirects /away to where it is told, and remembers what it was asked last. */
struct peer {
	struct script_server *server;
	char *away;      /* owned */
	unsigned status; /* of the redirect */
	char seen[4096];
};

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct peer *p = arg;

	(void)nth;
	(void)snprintf(p->seen, sizeof(p->seen), "%s", request);
	if (p->away && strstr(request, " /away "))
		script_print(fd, "HTTP/1.1 %u Go\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
			p->status, p->away);
	else
		script_print(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

static void peer_init(struct peer *p)
{
	*p = (struct peer){.status = 302};
	p->server = script_server_start(answer, p);
}

static void auto_peer(struct peer *p)
{
	script_server_stop(p->server);
	free(p->away);
}

static char *peer_url(const struct peer *p, const char *host, const char *path)
{
	return xasprintf("http://%s:%u%s", host, script_server_port(p->server), path);
}

static const char *const public_headers[] = {"Accept: x/y", NULL};
static const char *const secrets[] = {
	"Authorization: Bearer sesame", "X-Amz-Security-Token: sesame", "Cookie: sesame", NULL};

/* Asks for url with credentials. */
static int ask(const char *url, const struct guard *guard, struct err *err)
{
	struct fetch_options options = fixture_options();
	struct fetch_task task = {.options = &options};
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	const struct exchange_request request = {
		.url = url,
		.headers = public_headers,
		.origin_headers = secrets,
		.guard = guard,
	};

	return exchange(&reply, &task, &request, err);
}

static void test_exchange__sends_credentials_to_their_origin(void)
{
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;
	struct err err = {0};

	peer_init(&p);
	p.away = xstrdup("/home");
	url = peer_url(&p, "127.0.0.1", "/away");
	CU_ASSERT_EQUAL(ask(url, NULL, &err), 0);
	ASSERT_HAS(p.seen, "GET /home ");
	ASSERT_HAS(p.seen, "Authorization: Bearer sesame\r\n");
	ASSERT_HAS(p.seen, "X-Amz-Security-Token: sesame\r\n");
	ASSERT_HAS(p.seen, "Accept: x/y\r\n");
}

static void test_exchange__sends_userinfo_to_its_origin_alone(void)
{
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;
	struct fetch_options options = fixture_options();
	struct fetch_task task = {.options = &options};
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	struct exchange_request request = {0};
	struct err err = {0};

	peer_init(&p);
	url = peer_url(&p, "u:p@127.0.0.1", "/away");
	request.url = url;
	p.away = xstrdup("/home");
	CU_ASSERT_EQUAL(exchange(&reply, &task, &request, &err), 0);
	ASSERT_HAS(p.seen, "GET /home ");
	ASSERT_HAS(p.seen, "Authorization: Basic dTpw\r\n");
	free(p.away);
	p.away = peer_url(&p, "localhost", "/other");
	CU_ASSERT_EQUAL(exchange(&reply, &task, &request, &err), 0);
	ASSERT_HAS(p.seen, "GET /other ");
	CU_ASSERT_PTR_NULL(strstr(p.seen, "Authorization"));
}

static void test_exchange__sends_none_to_another_port(void)
{
	static const unsigned statuses[] = {301, 302, 303, 307, 308};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
		AUTO(peer) struct peer from = {0};
		AUTO(peer) struct peer to = {0};
		AUTO(free) char *url = NULL;
		struct err err = {0};

		peer_init(&from);
		peer_init(&to);
		from.status = statuses[i];
		from.away = peer_url(&to, "u:p@127.0.0.1", "/x");
		url = peer_url(&from, "127.0.0.1", "/away");
		CU_ASSERT_EQUAL(ask(url, NULL, &err), 0);
		ASSERT_HAS(from.seen, "sesame");
		ASSERT_HAS(to.seen, "GET /x ");
		ASSERT_HAS(to.seen, "Accept: x/y\r\n");
		CU_ASSERT_PTR_NULL(strstr(to.seen, "sesame"));
		CU_ASSERT_PTR_NULL(strstr(to.seen, "Authorization"));
	}
}

static void test_exchange__sends_none_to_another_name_of_the_same_server(void)
{
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;
	struct err err = {0};

	peer_init(&p);
	p.away = peer_url(&p, "localhost", "/x");
	url = peer_url(&p, "127.0.0.1", "/away");
	CU_ASSERT_EQUAL(ask(url, NULL, &err), 0);
	ASSERT_HAS(p.seen, "GET /x ");
	CU_ASSERT_PTR_NULL(strstr(p.seen, "sesame"));
}

static void test_exchange__sends_them_again_when_it_is_led_back(void)
{
	AUTO(peer) struct peer from = {0};
	AUTO(peer) struct peer to = {0};
	AUTO(free) char *url = NULL;
	struct err err = {0};

	peer_init(&from);
	peer_init(&to);
	from.away = peer_url(&to, "127.0.0.1", "/away");
	to.away = peer_url(&from, "127.0.0.1", "/home");
	url = peer_url(&from, "127.0.0.1", "/away");
	CU_ASSERT_EQUAL(ask(url, NULL, &err), 0);
	ASSERT_HAS(from.seen, "GET /home ");
	ASSERT_HAS(from.seen, "sesame");
	CU_ASSERT_PTR_NULL(strstr(to.seen, "sesame"));
}

static void assert_denied(const char *url, const struct guard *guard, const char *words)
{
	struct err err = {0};

	CU_ASSERT_EQUAL(ask(url, guard, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_DENIED);
	ASSERT_HAS(err.msg, words);
	CU_ASSERT_PTR_NULL(strstr(err.msg, "tried"));
}

static void test_exchange__does_not_connect_to_loopback_unless_allowed(void)
{
	static const char *const hosts[] = {
		"127.0.0.1", "localhost", "127.1", "0x7f000001", "2130706433", "0177.0.0.1"};
	static const struct guard strict;
	AUTO(peer) struct peer p = {0};

	peer_init(&p);
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		AUTO(free) char *url = peer_url(&p, hosts[i], "/x");

		assert_denied(url, &strict, "(loopback)");
	}
	CU_ASSERT_EQUAL(script_server_requests(p.server), 0);
}

static void test_exchange__connects_where_a_cidr_allows(void)
{
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;
	struct cidr here;
	struct err err = {0};

	peer_init(&p);
	CU_ASSERT_EQUAL_FATAL(cidr_parse(&here, "127.0.0.1", &err), 0);
	struct guard allows = {.allow = &here, .n_allow = 1};
	struct guard denies = {.allow_loopback = true, .deny = &here, .n_deny = 1};
	url = peer_url(&p, "127.0.0.1", "/x");
	CU_ASSERT_EQUAL(ask(url, &allows, &err), 0);
	assert_denied(url, &denies, "denied by a CIDR");
}

static void test_exchange__is_not_led_to_where_clouds_keep_credentials(void)
{
	static const char *const targets[] = {
		"http://169.254.169.254/latest/meta-data/",
		"http://169.254.170.2/v2/credentials",
		"http://0xa9fea9fe/",
		"http://2852039166/",
		"http://0251.0376.0251.0376/",
		"http://[::ffff:169.254.169.254]/",
		"http://[::ffff:a9fe:a9fe]/",
		"http://[::169.254.169.254]/",
		"http://[64:ff9b::169.254.169.254]/",
		"http://[2002:a9fe:a9fe::1]/",
		"http://[fe80::1]/",
		"http://[fd00:ec2::254]/",
		"http://[fd20:ce::254]/",
		"http://100.100.100.200/",
		"http://0.0.0.0/",
		"http://0/",
		"http://[::]/",
		"http://224.0.0.1/",
		"http://255.255.255.255/",
		"https://169.254.169.254/",
	};
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;

	peer_init(&p);
	url = peer_url(&p, "127.0.0.1", "/away");
	for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		free(p.away);
		p.away = xstrdup(targets[i]);
		assert_denied(url, NULL, "may not connect to ");
	}
	CU_ASSERT_EQUAL(script_server_requests(p.server), sizeof(targets) / sizeof(targets[0]));
}

/* The proxy would connect in our place: what stands in the URL is judged all the same, and so is
 * the proxy. */
static void test_exchange__judges_the_proxy_and_addresses_behind_it(void)
{
	static const struct guard strict;
	AUTO(peer) struct peer proxy = {0};
	AUTO(free) char *proxy_url = NULL;
	struct err err = {0};

	peer_init(&proxy);
	proxy_url = peer_url(&proxy, "127.0.0.1", "");
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the server's thread reads no environment */
	CU_ASSERT_EQUAL_FATAL(setenv("http_proxy", proxy_url, 1), 0);
	CU_ASSERT_EQUAL(ask("http://a.invalid/x", NULL, &err), 0);
	ASSERT_HAS(proxy.seen, "GET http://a.invalid/x ");
	assert_denied("http://169.254.169.254/x", NULL, "link-local");
	assert_denied("http://a.invalid/x", &strict, "(loopback)");
	CU_ASSERT_EQUAL(script_server_requests(proxy.server), 1);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
	CU_ASSERT_EQUAL_FATAL(unsetenv("http_proxy"), 0);
}

static void test_exchange__can_leave_the_proxy_out(void)
{
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;
	struct fetch_options options = fixture_options();
	struct fetch_task task = {.options = &options};
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	struct exchange_request request = {.no_proxy = true};
	struct err err = {0};

	peer_init(&p);
	url = peer_url(&p, "127.0.0.1", "/x");
	request.url = url;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the server's thread reads no environment */
	CU_ASSERT_EQUAL_FATAL(setenv("http_proxy", "http://127.0.0.1:1", 1), 0);
	CU_ASSERT_EQUAL(exchange(&reply, &task, &request, &err), 0);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): as above */
	CU_ASSERT_EQUAL_FATAL(unsetenv("http_proxy"), 0);
}

static void flood(void *arg, unsigned nth, const char *request, int fd)
{
	const size_t *n = arg;
	AUTO(free) char *value = xcalloc(1, *n + 1);

	(void)nth;
	(void)request;
	memset(value, 'x', *n);
	script_print(
		fd, "HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\nContent-Length: 0\r\n\r\n", value);
}

static void test_exchange__refuses_headers_without_end(void)
{
	static size_t sizes[] = {LIMIT_HEADER_BYTES + 1, LIMIT_MIB};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		AUTO(script_server) struct script_server *s = script_server_start(flood, &sizes[i]);
		AUTO(free) char *url = xasprintf("http://127.0.0.1:%u/", script_server_port(s));
		struct err err = {0};

		CU_ASSERT_EQUAL(ask(url, NULL, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, "header");
		CU_ASSERT_EQUAL(script_server_requests(s), 1);
	}
}

static void test_exchange__shows_no_credential_in_a_message(void)
{
	AUTO(peer) struct peer p = {0};
	AUTO(free) char *url = NULL;
	struct err err = {0};

	peer_init(&p);
	url = peer_url(&p, "u:sesame@127.0.0.1", "/away");
	p.away = xstrdup("http://u:sesame@169.254.169.254/x?sesame#sesame");
	CU_ASSERT_EQUAL(ask(url, NULL, &err), -1);
	ASSERT_HAS(err.msg, "redirected to http://169.254.169.254/x: ");
	CU_ASSERT_PTR_NULL(strstr(err.msg, "sesame"));
}

TEST_MAIN("exchange_safety", TEST(test_exchange__sends_credentials_to_their_origin),
	TEST(test_exchange__sends_userinfo_to_its_origin_alone),
	TEST(test_exchange__sends_none_to_another_port),
	TEST(test_exchange__sends_none_to_another_name_of_the_same_server),
	TEST(test_exchange__sends_them_again_when_it_is_led_back),
	TEST(test_exchange__does_not_connect_to_loopback_unless_allowed),
	TEST(test_exchange__connects_where_a_cidr_allows),
	TEST(test_exchange__is_not_led_to_where_clouds_keep_credentials),
	TEST(test_exchange__judges_the_proxy_and_addresses_behind_it),
	TEST(test_exchange__can_leave_the_proxy_out),
	TEST(test_exchange__refuses_headers_without_end),
	TEST(test_exchange__shows_no_credential_in_a_message))
