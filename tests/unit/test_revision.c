/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/revision.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "fetch/pool.h"
#include "tests/unit/aws_server.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/registry_fixture.h"
#include "tests/unit/test.h"

/* A web server with one module, and what it says of it. */
struct site {
	struct script_server *server; /* owned */
	const char *headers;          /* lines with "\r\n" at their ends */
	const char *status_of_head;
	unsigned gets;
};

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct site *site = arg;
	bool head = strncmp(request, "HEAD ", 5) == 0;

	(void)nth;
	script_print(fd, "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n",
		head ? site->status_of_head : "200 OK", site->headers, fixture_module_size);
	if (head)
		return;
	site->gets++;
	script_send(fd, fixture_module, fixture_module_size);
}

static void site_start(struct site *site, const char *headers)
{
	*site = (struct site){.headers = headers, .status_of_head = "200 OK"};
	site->server = script_server_start(answer, site);
}

static void auto_site(struct site *site)
{
	script_server_stop(site->server);
}

/* Fetches the module unless the site still calls it known. */
static int fetch(
	struct fetch_result *out, const struct site *site, const char *known, struct err *err)
{
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/f", script_server_port(site->server));
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri, .known = known};
	struct fetch_task task = {.options = &options, .request = &request};

	options.retry.tries = 1;
	return fetch_run(out, &task, fd, err);
}

static void assert_calls_it(const char *headers, const char *revision)
{
	AUTO(site) struct site site;
	struct fetch_result result = {0};
	struct err err = {.msg = ""};

	site_start(&site, headers);
	CU_ASSERT_EQUAL(fetch(&result, &site, NULL, &err), 0);
	CU_ASSERT_FALSE(result.unchanged);
	CU_ASSERT_STRING_EQUAL(result.revision.text, revision);
}

static void test_revision_of_reply__is_the_etag_or_else_the_time(void)
{
	assert_calls_it("ETag: \"a1\"\r\nLast-Modified: yesterday\r\n", "\"a1\"");
	assert_calls_it("Last-Modified: yesterday\r\n", "yesterday");
	assert_calls_it("", "");
	assert_calls_it("ETag: \"\xff\"\r\nLast-Modified: yesterday\r\n", "yesterday");
}

static void test_revision_of_reply__passes_over_what_is_too_long(void)
{
	AUTO(free) char *most = xcalloc(1, LIMIT_REVISION_BYTES + 1);
	AUTO(free) char *more = xcalloc(1, LIMIT_REVISION_BYTES + 2);
	AUTO(free) char *fits = NULL;
	AUTO(free) char *does_not = NULL;

	memset(most, 'x', LIMIT_REVISION_BYTES);
	memset(more, 'x', LIMIT_REVISION_BYTES + 1);
	fits = xasprintf("ETag: %s\r\n", most);
	does_not = xasprintf("ETag: %s\r\n", more);
	assert_calls_it(fits, most);
	assert_calls_it(does_not, "");
}

static void test_revision_is_known__spares_the_fetch(void)
{
	AUTO(site) struct site site;
	struct fetch_result result = {0};
	struct err err = {.msg = ""};

	site_start(&site, "ETag: \"a1\"\r\n");
	CU_ASSERT_EQUAL(fetch(&result, &site, "\"a1\"", &err), 0);
	CU_ASSERT_TRUE(result.unchanged);
	CU_ASSERT_EQUAL(site.gets, 0);
	CU_ASSERT_EQUAL(fetch(&result, &site, "\"a0\"", &err), 0);
	CU_ASSERT_FALSE(result.unchanged);
	CU_ASSERT_STRING_EQUAL(result.revision.text, "\"a1\"");
	CU_ASSERT_EQUAL(fetch(&result, &site, "", &err), 0);
	CU_ASSERT_FALSE(result.unchanged);
	CU_ASSERT_EQUAL(site.gets, 2);
}

/* A source that refuses HEAD, or says nothing, is fetched from. */
static void test_revision_is_known__lets_the_fetch_find_out(void)
{
	AUTO(site) struct site site;
	struct fetch_result result = {0};
	struct err err = {.msg = ""};

	site_start(&site, "");
	CU_ASSERT_EQUAL(fetch(&result, &site, "\"a1\"", &err), 0);
	site.status_of_head = "405 Not So";
	CU_ASSERT_EQUAL(fetch(&result, &site, "\"a1\"", &err), 0);
	CU_ASSERT_FALSE(result.unchanged);
	CU_ASSERT_EQUAL(site.gets, 2);
}

static int ask_site(struct fetch_result *out, const struct site *site, struct err *err)
{
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/f", script_server_port(site->server));
	AUTO(fd) int fd = fixture_file();
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_HTTP, .uri = uri, .ask_only = true};
	struct fetch_task task = {.options = &options, .request = &request};

	options.retry.tries = 1;
	int rc = fetch_run(out, &task, fd, err);

	CU_ASSERT_TRUE(fixture_file_is(fd, "", 0));
	return rc;
}

static void test_fetch_run__only_asks_where_no_more_is_wanted(void)
{
	AUTO(site) struct site site;
	struct fetch_result result = {0};
	struct err err = {.msg = ""};

	site_start(&site, "ETag: \"a1\"\r\n");
	CU_ASSERT_EQUAL(ask_site(&result, &site, &err), 0);
	CU_ASSERT_TRUE(result.unchanged);
	CU_ASSERT_STRING_EQUAL(result.revision.text, "\"a1\"");
	CU_ASSERT_EQUAL(site.gets, 0);
	site.status_of_head = "403 By GET Alone";
	CU_ASSERT_EQUAL(ask_site(&result, &site, &err), 0);
	CU_ASSERT_STRING_EQUAL(result.revision.text, "\"a1\"");
	CU_ASSERT_EQUAL(site.gets, 1);
	site.status_of_head = "503 Later";
	CU_ASSERT_EQUAL(ask_site(&result, &site, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(site.gets, 1);
}

static void test_revision_is_known__passes_on_what_may_pass_by_itself(void)
{
	AUTO(site) struct site site;
	struct fetch_result result = {0};
	struct err err = {.msg = ""};

	site_start(&site, "ETag: \"a1\"\r\n");
	site.status_of_head = "503 Later";
	CU_ASSERT_EQUAL(fetch(&result, &site, "\"a1\"", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	CU_ASSERT_EQUAL(site.gets, 0);
}

/* Two that wait for the same answer share it. */
static void test_revision_is_known__is_shared_by_a_pool(void)
{
	AUTO(site) struct site site;
	AUTO(inbox) struct inbox *done = inbox_new(2, fetch_job_free);
	struct fetch_options options = fixture_options();
	struct err err = {.msg = ""};
	struct fetch_pool *pool = NULL;
	AUTO(free) char *uri = NULL;

	site_start(&site, "ETag: \"a1\"\r\n");
	uri = xasprintf("127.0.0.1:%u/f", script_server_port(site.server));
	pool = fetch_pool_start(&options, 1, done, &err);
	CU_ASSERT_PTR_NOT_NULL_FATAL(pool);
	for (int i = 0; i < 2; i++) {
		struct fetch_job *job = fetch_job_new(FETCH_HTTP, uri, NULL, fixture_file());

		fetch_job_set_known(job, i == 0 ? "\"a1\"" : "\"a0\"");
		CU_ASSERT_TRUE(fetch_pool_submit(pool, job));
	}
	for (int i = 0; i < 2; i++) {
		struct fetch_job *job = inbox_pop(done);

		CU_ASSERT_EQUAL(job->err.code, ERR_NONE);
		CU_ASSERT_EQUAL(job->result.unchanged, strcmp(job->known, "\"a1\"") == 0);
		fetch_job_free(job);
	}
	fetch_pool_stop(pool);
	CU_ASSERT_EQUAL(site.gets, 1);
}

/* Asks the fixture's registry for tag v1. */
static int ask_registry(struct revision *out, const struct registry_fixture *fake, struct err *err)
{
	AUTO(free) char *uri = xasprintf("127.0.0.1:%u/a:v1", fake->port);
	struct fetch_options options = fixture_options();
	struct fetch_request request = {.source = FETCH_OCI, .uri = uri};
	struct fetch_task task = {.options = &options, .request = &request};

	options.retry.tries = 1;
	return revision_ask(out, &task, err);
}

static void test_revision_ask__has_a_registry_say_its_digest(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	const char *hex = "1111111111111111111111111111111111111111111111111111111111111111";
	AUTO(free) char *header = xasprintf("Docker-Content-Digest: sha256:%s\r\n", hex);
	AUTO(free) char *want = xasprintf("sha256:%s", hex);
	struct revision revision = {.text = ""};
	struct err err = {.msg = ""};

	registry_fixture_serve(fake, "/v2/a/manifests/v1", header, "", 0);
	CU_ASSERT_EQUAL(ask_registry(&revision, fake, &err), 0);
	CU_ASSERT_STRING_EQUAL(revision.text, want);
	ASSERT_HAS(fake->log, "HEAD /v2/a/manifests/v1 -\n");
	CU_ASSERT_PTR_NULL(strstr(fake->log, "GET /v2/a/"));
}

static void test_revision_ask__reads_the_manifest_where_the_registry_does_not_say(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct digest manifest = registry_fixture_module(fake);
	AUTO(free) char *want = xasprintf("sha256:%s", manifest.hex);
	struct revision revision = {.text = ""};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(ask_registry(&revision, fake, &err), 0);
	CU_ASSERT_STRING_EQUAL(revision.text, want);
	CU_ASSERT_PTR_NULL(strstr(fake->log, "/blobs/"));
}

static void test_revision_ask__says_what_the_registry_said(void)
{
	AUTO(registry_fixture) struct registry_fixture *fake = registry_fixture_start();
	struct revision revision = {.text = ""};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(ask_registry(&revision, fake, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "manifest v1: answered 404");
}

static void test_revision_ask__signs_what_it_asks_an_object_store(void)
{
	static const struct aws_route routes[] = {
		{"HEAD", "/bucket/k", NULL, 200, "ETag: \"a1\"", ""}};
	AUTO(aws_server) struct aws_server *s = aws_server_start(routes, 1);
	AUTO(free) char *url = xasprintf("AWS_ENDPOINT_URL_S3=%s", aws_server_url(s));
	const char *const environment[] = {
		url, "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=sesame", NULL};
	AUTO(aws_fixture) struct aws_fixture f = {0};
	AUTO(free) char *request = NULL;
	struct revision revision = {.text = ""};
	struct err err = {.msg = ""};

	aws_fixture_init(&f, environment);
	f.request = (struct fetch_request){.source = FETCH_S3, .uri = "bucket/k"};
	CU_ASSERT_EQUAL(revision_ask(&revision, &f.task, &err), 0);
	CU_ASSERT_STRING_EQUAL(revision.text, "\"a1\"");
	request = aws_server_request(s, 0);
	ASSERT_HAS(request, "\nAuthorization: AWS4-HMAC-SHA256 Credential=AKID/");
}

static void test_revision_ask__knows_none_of_a_file(void)
{
	struct fetch_request request = {.source = FETCH_LOCAL_FS, .uri = "f"};
	struct fetch_task task = {.request = &request};
	struct revision revision = {.text = "x"};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(revision_ask(&revision, &task, &err), 0);
	CU_ASSERT_STRING_EQUAL(revision.text, "");
}

TEST_MAIN("revision", TEST(test_revision_of_reply__is_the_etag_or_else_the_time),
	TEST(test_revision_of_reply__passes_over_what_is_too_long),
	TEST(test_revision_is_known__spares_the_fetch),
	TEST(test_revision_is_known__lets_the_fetch_find_out),
	TEST(test_revision_is_known__passes_on_what_may_pass_by_itself),
	TEST(test_fetch_run__only_asks_where_no_more_is_wanted),
	TEST(test_revision_is_known__is_shared_by_a_pool),
	TEST(test_revision_ask__has_a_registry_say_its_digest),
	TEST(test_revision_ask__reads_the_manifest_where_the_registry_does_not_say),
	TEST(test_revision_ask__says_what_the_registry_said),
	TEST(test_revision_ask__signs_what_it_asks_an_object_store),
	TEST(test_revision_ask__knows_none_of_a_file))
