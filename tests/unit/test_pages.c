/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pages.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/exchange.h"
#include "fetch/fetch.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

/* Returns the status that a page is answered with; text, if given, must stand in it where that is
 * 200. */
static long ask(const struct pages *p, const char *page, const char *text)
{
	AUTO(free) char *address = pages_address(p);
	AUTO(free) char *url = xasprintf("http://%s%s", address, page);
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_MIB);
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	struct fetch_options options = fixture_options();
	struct fetch_task task = {.options = &options};
	const long accept[] = {200, 503, 0};
	const struct exchange_request request = {.url = url, .text = &body, .accept = accept};
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(exchange(&reply, &task, &request, &err), 0);
	if (text)
		ASSERT_HAS(buf_text(&body), text);
	return reply.status;
}

static struct pages *start(const struct metrics *m)
{
	struct err err = {.msg = ""};
	struct pages *p = pages_start("127.0.0.1:0", m, &err);

	CU_ASSERT_PTR_NOT_NULL_FATAL(p);
	return p;
}

static void test_pages_start__says_whether_the_thread_comes_round(void)
{
	struct metrics m = {.leads = true, .ready = true};
	struct pages *p = start(&m);

	atomic_store(&m.turned_at, io_monotonic_ms());
	CU_ASSERT_EQUAL(ask(p, "/livez", "ok"), 200);
	CU_ASSERT_EQUAL(ask(p, "/readyz", "ok"), 200);
	atomic_store(&m.turned_at, io_monotonic_ms() - 61000);
	CU_ASSERT_EQUAL(ask(p, "/livez", "stuck"), 503);
	CU_ASSERT_EQUAL(ask(p, "/readyz", "stuck"), 503);
	pages_stop(p);
}

static void test_pages_start__says_whether_it_is_ready(void)
{
	struct metrics m = {.leads = true};
	struct pages *p = start(&m);

	atomic_store(&m.turned_at, io_monotonic_ms());
	CU_ASSERT_EQUAL(ask(p, "/readyz", "not all extensions are listed yet"), 503);
	atomic_store(&m.leads, false);
	CU_ASSERT_EQUAL(ask(p, "/readyz", "standing by"), 200);
	pages_stop(p);
	pages_stop(NULL);
}

static void test_pages_start__shows_what_was_counted(void)
{
	struct metrics m = {.leads = true};
	struct pages *p = start(&m);

	metrics_add(&m.reconciles, 5);
	CU_ASSERT_EQUAL(ask(p, "/metrics", "\nwasmxds_controller_reconciles_total 5\n"), 200);
	pages_stop(p);
}

TEST_MAIN("pages", TEST(test_pages_start__says_whether_the_thread_comes_round),
	TEST(test_pages_start__says_whether_it_is_ready),
	TEST(test_pages_start__shows_what_was_counted))
