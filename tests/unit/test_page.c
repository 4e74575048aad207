/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/page.h"

#include "base/lend.h"
#include "base/utf8.h"
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

#define PROXIES 256
#define NOW 1000000

/* Proxies, each with a stream of its own, before one catalog. */
struct fleet {
	struct catalog catalog;
	struct refusals *refusals; /* owned */
	struct stream streams[PROXIES];
	struct session_info infos[PROXIES];
	size_t n;
	struct buf page; /* the last that was written */
};

static struct fleet fleet;

static void begin(void)
{
	fleet = (struct fleet){
		.refusals = refusals_new(PROXIES), .page = BUF_INIT(LIMIT_ADMIN_RESPONSE_BYTES)};
	catalog_init(&fleet.catalog);
}

static void end(void)
{
	for (size_t i = 0; i < fleet.n; i++)
		stream_clear(&fleet.streams[i]);
	catalog_clear(&fleet.catalog);
	refusals_free(fleet.refusals);
	buf_clear(&fleet.page);
}

static void publish(const char *name, const char *version, const char *source)
{
	struct record r = RECORD_INIT;
	const struct resource *resource;

	r.name = xstrdup(name);
	r.version = xstrdup(version);
	r.source = xstrdup(source);
	digest_of(&r.module, name, strlen(name));
	r.module_bytes = 2048;
	r.served_bytes = 1536;
	resource = catalog_put(&fleet.catalog, payload_new(&r));
	for (struct subscription *sub = resource->first; sub; sub = sub->next)
		stream_touch(sub);
}

/* A proxy that says it is node, asks for name, and has it as version where that is not NULL. */
static struct stream *connect_proxy(const char *node, const char *name, const char *version)
{
	struct stream *s = &fleet.streams[fleet.n];
	char *names[] = {lend(name)};
	struct stream_request req = {
		.node = node, .nonce = "", .version = "", .names = names, .n_names = 1};
	struct stream_verdict verdict;
	struct err err;

	stream_init(s, STREAM_SOTW, &fleet.catalog, fleet.refusals);
	s->now = NOW - 65000;
	if (version)
		req.version = version;
	CU_ASSERT_EQUAL(stream_on_request(s, &req, &verdict, &err), 0);
	fleet.infos[fleet.n++] = (struct session_info){.stream = s,
		.peer = "ipv4:10.0.0.7:41234",
		.method = "StreamExtensionConfigs",
		.opened_ms = NOW - 7200000};
	return s;
}

/* Sends what is next on the stream and has it refused. */
static void refuse(struct stream *s, const char *name, const char *reason)
{
	struct subscription *sub = stream_next(s);
	struct stream_response said;
	char *names[] = {lend(name)};
	struct stream_request req = {
		.node = "", .version = "", .names = names, .n_names = 1, .refuses = true};
	struct stream_verdict verdict;
	struct err err;

	CU_ASSERT_PTR_NOT_NULL_FATAL(sub);
	stream_sent(sub, &said);
	req.nonce = said.nonce;
	req.reason = reason;
	CU_ASSERT_EQUAL(stream_on_request(s, &req, &verdict, &err), 0);
	CU_ASSERT_EQUAL(verdict.kind, STREAM_NACK);
}

static const char *show(const struct page_query *query)
{
	const struct page_fleet view = {.catalog = &fleet.catalog,
		.clients = fleet.infos,
		.n_clients = fleet.n,
		.now = NOW};
	struct err err = {.msg = ""};

	buf_clear(&fleet.page);
	CU_ASSERT_EQUAL(page_write(&fleet.page, &view, query, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
	return buf_text(&fleet.page);
}

static const char *show_all(void)
{
	return show(&(struct page_query){.extensions = 1, .proxies = 1});
}

static size_t count(const char *text, const char *part)
{
	size_t n = 0;

	for (const char *at = strstr(text, part); at; at = strstr(at + 1, part))
		n++;
	return n;
}

#define ASSERT_HAS_NOT(text, part) CU_ASSERT_PTR_NULL(strstr((text), (part)))

static void test_page_write__shows_an_empty_fleet(void)
{
	begin();
	ASSERT_HAS(show_all(), "<!DOCTYPE html>");
	ASSERT_HAS(show_all(), "0 extensions, 0 streams");
	ASSERT_HAS_NOT(show_all(), "Refused");
	ASSERT_HAS(show_all(), "</html>");
	end();
}

static void test_page_write__shows_extensions_and_who_has_them(void)
{
	struct digest module;
	const char *page;

	begin();
	publish("a/1", "0123456789abcdef", "oci://registry.example/filter:1");
	(void)connect_proxy("edge-1", "a/1", "0123456789abcdef");
	(void)connect_proxy("edge-2", "a/1", NULL);
	(void)connect_proxy("edge-3", "a/9", NULL);
	page = show_all();
	digest_of(&module, "a/1", 3);
	ASSERT_HAS(page, "1 extensions, 3 streams");
	ASSERT_HAS(page, "<a href=\"?extension=a/1\"><bdi>a/1</bdi></a>");
	ASSERT_HAS(page, "<code title=\"0123456789abcdef\">0123456789ab</code>");
	ASSERT_HAS(page, module.hex);
	ASSERT_HAS(page, "1.5 KiB");
	ASSERT_HAS(page, "oci://registry.example/filter:1");
	ASSERT_HAS(page, "1 SYNCED</span>");
	ASSERT_HAS(page, "1 STALE</span>");
	ASSERT_HAS(page, "1 MISSING</span>");
	ASSERT_HAS(page, "edge-2");
	ASSERT_HAS(page, "10.0.0.7:41234");
	ASSERT_HAS(page, "2 h");
	/* there is nothing to see of what does not exist */
	ASSERT_HAS_NOT(page, "?extension=a/9");
	end();
}

static void test_page_write__shows_refusals_with_their_reasons(void)
{
	const char *page;

	begin();
	publish("a/1", "11111111", "local_fs://f.wasm");
	refuse(connect_proxy("edge-1", "a/1", NULL), "a/1", "Unable to create <Wasm> plugin");
	page = show_all();
	ASSERT_HAS(page, "<h2>Refused <small>1</small></h2>");
	ASSERT_HAS(page, "Unable to create &lt;Wasm&gt; plugin");
	ASSERT_HAS(page, "1 NACK</span>");
	page = show(&(struct page_query){.extension = "a/1"});
	ASSERT_HAS(page, "Unable to create &lt;Wasm&gt; plugin");
	end();
}

static void test_page_write__shows_one_extension_and_which_versions_run(void)
{
	const char *page;

	begin();
	publish("a/1", "11111111", "local_fs://f.wasm");
	publish("a/2", "22222222", "local_fs://g.wasm");
	(void)connect_proxy("edge-1", "a/1", "11111111");
	(void)connect_proxy("edge-2", "a/1", "11111111");
	(void)connect_proxy("edge-3", "a/1", NULL);
	(void)connect_proxy("edge-4", "a/2", NULL);
	page = show(&(struct page_query){.extension = "a/1"});
	ASSERT_HAS(page, "<td><code title=\"11111111\">11111111</code><td>2</tr>");
	ASSERT_HAS(page, "<td>–<td>1</tr>");
	ASSERT_HAS(page, "2.0 KiB, of which proxies are sent 1.5 KiB");
	ASSERT_HAS(page, "edge-3");
	ASSERT_HAS_NOT(page, "edge-4");
	CU_ASSERT_TRUE(strstr(page, "edge-3") < strstr(page, "edge-1"));
	end();
}

static void test_page_write__says_that_there_is_no_such_extension(void)
{
	const char *page;

	begin();
	(void)connect_proxy("edge-1", "a/9", NULL);
	page = show(&(struct page_query){.extension = "a/9"});
	ASSERT_HAS(page, "There is no extension of this name.");
	ASSERT_HAS(page, "edge-1");
	page = show(&(struct page_query){.extension = "<b>\"'&"});
	ASSERT_HAS(page, "&lt;b&gt;&quot;&#39;&amp;");
	ASSERT_HAS_NOT(page, "<b>");
	end();
}

static void test_page_write__keeps_the_query_of_a_source_to_itself(void)
{
	begin();
	publish("a/1", "01", "https://host.example/f.wasm?token=hunter2");
	ASSERT_HAS(show_all(), "https://host.example/f.wasm?…");
	ASSERT_HAS_NOT(show_all(), "hunter2");
	ASSERT_HAS_NOT(show(&(struct page_query){.extension = "a/1"}), "hunter2");
	end();
}

static void connect_many(size_t n)
{
	char node[32];

	for (size_t i = 0; i < n; i++) {
		(void)snprintf(node, sizeof(node), "edge-%03zu", i);
		(void)connect_proxy(node, "a/1", NULL);
	}
}

static void test_page_write__shows_a_part_of_many_proxies(void)
{
	const char *page;

	begin();
	connect_many(250);
	page = show_all();
	ASSERT_HAS(page, "1 to 100 of 250 <a href=\"?proxies=2\">next</a>");
	ASSERT_HAS(page, "edge-099");
	ASSERT_HAS_NOT(page, "edge-100");
	page = show(&(struct page_query){.extension = "a/1", .proxies = 2});
	ASSERT_HAS(page, "101 to 200 of 250 <a href=\"?extension=a/1&amp;proxies=1\">before</a>");
	ASSERT_HAS(page, "edge-100");
	ASSERT_HAS_NOT(page, "edge-099");
	page = show(&(struct page_query){.proxies = 99});
	ASSERT_HAS(page, "201 to 250 of 250");
	ASSERT_HAS(page, "edge-249");
	end();
}

static void test_page_write__shows_a_part_of_many_extensions(void)
{
	char name[32];
	const char *page;

	begin();
	for (size_t i = 0; i < 101; i++) {
		(void)snprintf(name, sizeof(name), "a/%03zu", i);
		publish(name, "01", "local_fs://f.wasm");
	}
	page = show_all();
	ASSERT_HAS(page, "<h2>Extensions <small>101</small></h2>");
	CU_ASSERT_EQUAL(count(page, "?extension="), 100);
	ASSERT_HAS(show(&(struct page_query){.extensions = 2}), "a/100");
	end();
}

static void test_page_write__shows_a_part_of_many_refusals(void)
{
	const char *page;

	begin();
	publish("a/1", "01", "local_fs://f.wasm");
	connect_many(120);
	for (size_t i = 0; i < 120; i++)
		refuse(&fleet.streams[i], "a/1", "because");
	page = show_all();
	ASSERT_HAS(page, "<h2>Refused <small>120, the first 100</small></h2>");
	CU_ASSERT_EQUAL(count(page, "because"), 100);
	end();
}

/* Trouble stands first, where there is not room for all. */
static void test_page_write__shows_some_of_a_proxys_names(void)
{
	char texts[20][32];
	char *names[20];
	struct stream_request req = {
		.node = "", .nonce = "", .version = "", .names = names, .n_names = 20};
	struct stream_verdict verdict;
	struct err err;
	const char *page;

	begin();
	for (size_t i = 0; i < 20; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "a/%02zu", i);
		names[i] = texts[i];
	}
	publish("a/07", "01", "local_fs://f.wasm");
	(void)connect_proxy("edge-1", "a/00", NULL);
	CU_ASSERT_EQUAL(stream_on_request(&fleet.streams[0], &req, &verdict, &err), 0);
	page = show_all();
	CU_ASSERT_EQUAL(count(page, "class=\"f\""), LIMIT_PAGE_NAMES);
	ASSERT_HAS(page, "and 12 more");
	end();
}

/* As a Delta client does that comes back. */
static void say_it_has(struct stream *s, const char *version)
{
	struct subscription *sub;
	const char *name;
	size_t at = 0;

	while ((sub = map_next(&s->subscriptions, &at, &name)))
		sub->good = xstrdup(version);
}

/* What proxies say of themselves: markup, other encodings, line ends, what reorders text. */
static void test_page_write__lets_no_proxy_write_markup(void)
{
	static const char *const nasty[] = {"<script>alert(1)</script>",
		"\"><img src=x onerror=alert(1)>", "'onmouseover='x", "</td></table><h1>",
		"\xff\xfe<\xc0\xbc", "\xe2\x80\xae<b>", "&lt;script&gt;", "javascript:alert(1)",
		"<!--", "]]>", "\n\n<p>", "<\xe2\x80\xa8p>"};

	for (size_t i = 0; i < sizeof(nasty) / sizeof(nasty[0]); i++) {
		const struct page_query one = {.extension = nasty[i]};
		const struct page_query *const queries[] = {
			&(struct page_query){.proxies = 1}, &one};

		begin();
		publish("a/1", "01", nasty[i]);
		refuse(connect_proxy(nasty[i], "a/1", NULL), "a/1", nasty[i]);
		(void)connect_proxy(nasty[i], nasty[i], nasty[i]);
		say_it_has(&fleet.streams[1], nasty[i]);
		fleet.infos[0].identity = nasty[i];
		fleet.infos[1].peer = nasty[i];
		for (size_t q = 0; q < 2; q++) {
			const char *page = show(queries[q]);

			for (const char *at = page; *at; at++) {
				size_t len = utf8_len(at, strlen(at));

				CU_ASSERT_FATAL(len > 0);
				CU_ASSERT_TRUE(*at == '\n' || !utf8_misleads(at, len));
				at += len - 1;
			}
			ASSERT_HAS_NOT(page, "<script");
			ASSERT_HAS_NOT(page, "<img");
			ASSERT_HAS_NOT(page, "<b>");
			ASSERT_HAS_NOT(page, "<!--");
			ASSERT_HAS_NOT(page, "'onmouseover");
			CU_ASSERT_EQUAL(count(page, "<h1>"), 1);
			CU_ASSERT_EQUAL(count(page, "href=\"javascript"), 0);
		}
		end();
	}
}

static void test_page_write__keeps_its_ceiling(void)
{
	const struct page_fleet view = {.catalog = &fleet.catalog, .now = NOW};
	struct err err = {.msg = ""};

	begin();
	fleet.page.max = 100;
	CU_ASSERT_EQUAL(
		page_write(&fleet.page, &view, &(struct page_query){.extensions = 1}, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	end();
}

TEST_MAIN("page", TEST(test_page_write__shows_an_empty_fleet),
	TEST(test_page_write__shows_extensions_and_who_has_them),
	TEST(test_page_write__shows_refusals_with_their_reasons),
	TEST(test_page_write__shows_one_extension_and_which_versions_run),
	TEST(test_page_write__says_that_there_is_no_such_extension),
	TEST(test_page_write__keeps_the_query_of_a_source_to_itself),
	TEST(test_page_write__shows_a_part_of_many_proxies),
	TEST(test_page_write__shows_a_part_of_many_extensions),
	TEST(test_page_write__shows_a_part_of_many_refusals),
	TEST(test_page_write__shows_some_of_a_proxys_names),
	TEST(test_page_write__lets_no_proxy_write_markup), TEST(test_page_write__keeps_its_ceiling))
