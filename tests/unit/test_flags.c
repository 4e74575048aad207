/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flags.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

struct config {
	bool help;
	bool verify;
	int64_t workers;
	int64_t max_bytes;
	int64_t timeout;
	char *store_dir;
	char *cert;
	int format;
	struct flag_list headers;
};

static const char *const formats[] = {"logfmt", "json", "none", NULL};
static const struct flag table[] = {
	{.name = "help",
		.letter = 'h',
		.help = "show this",
		.type = FLAG_BOOL,
		.offset = offsetof(struct config, help)},
	{.name = "verify",
		.help = "verify what is fetched",
		.type = FLAG_BOOL,
		.def = "true",
		.offset = offsetof(struct config, verify)},
	{.name = "workers",
		.letter = 'w',
		.value = "N",
		.help = "fetches at once",
		.type = FLAG_INT,
		.def = "4",
		.min = -1,
		.max = 16,
		.offset = offsetof(struct config, workers)},
	{.name = "max-bytes",
		.value = "SIZE",
		.help = "largest module",
		.type = FLAG_SIZE,
		.def = "16Mi",
		.min = 1024,
		.max = 1 << 28,
		.offset = offsetof(struct config, max_bytes)},
	{.name = "timeout",
		.value = "DURATION",
		.help = "of one fetch",
		.type = FLAG_DURATION,
		.def = "30s",
		.min = 1,
		.max = 3600000,
		.offset = offsetof(struct config, timeout)},
	{.name = "store-dir",
		.letter = 's',
		.value = "DIR",
		.help = "where the store is",
		.type = FLAG_TEXT,
		.def = "/var/lib/wasmxds",
		.offset = offsetof(struct config, store_dir)},
	{.name = "cert",
		.value = "FILE",
		.help = "certificate",
		.type = FLAG_TEXT,
		.offset = offsetof(struct config, cert)},
	{.name = "log-format",
		.value = "FORMAT",
		.help = "of log lines",
		.type = FLAG_CHOICE,
		.choices = formats,
		.offset = offsetof(struct config, format)},
	{.name = "header",
		.value = "TEXT",
		.help = "sent with each request",
		.type = FLAG_LIST,
		.offset = offsetof(struct config, headers)},
};
static const struct flags flags = {.usage = "wasmxds run [flags] DIR",
	.about = "Runs everything.",
	.table = table,
	.n = sizeof(table) / sizeof(table[0])};

#define MAX_ARGS 8

struct parsed {
	struct config config;
	char *argv[MAX_ARGS + 2];
	int operands;
	struct err err;
	int rc;
};

static void auto_parsed(struct parsed *p)
{
	flags_clear(&flags, &p->config);
}

/* Parses "wasmxds" and args, of which there are at most MAX_ARGS and a NULL behind the last. */
static void parse(struct parsed *p, const char *const args[])
{
	int argc = 1;

	*p = (struct parsed){.operands = -1};
	memset(&p->config, 0xA5, sizeof(p->config));
	p->argv[0] = (char *)(uintptr_t) "wasmxds";
	for (; args[argc - 1]; argc++)
		p->argv[argc] = (char *)(uintptr_t)args[argc - 1];
	p->rc = flags_parse(&flags, &p->config, argc, p->argv, &p->operands, &p->err);
}
#define PARSE(p, ...) parse((p), (const char *const[MAX_ARGS + 1]){__VA_ARGS__})

static void test_flags_parse__gives_defaults(void)
{
	AUTO(parsed) struct parsed p;

	PARSE(&p, NULL);
	CU_ASSERT_EQUAL(p.rc, 0);
	CU_ASSERT_EQUAL(p.operands, 0);
	CU_ASSERT_FALSE(p.config.help);
	CU_ASSERT_TRUE(p.config.verify);
	CU_ASSERT_EQUAL(p.config.workers, 4);
	CU_ASSERT_EQUAL(p.config.max_bytes, 16 << 20);
	CU_ASSERT_EQUAL(p.config.timeout, 30000);
	CU_ASSERT_STRING_EQUAL(p.config.store_dir, "/var/lib/wasmxds");
	CU_ASSERT_PTR_NULL(p.config.cert);
	CU_ASSERT_EQUAL(p.config.format, 0);
	CU_ASSERT_EQUAL(p.config.headers.n, 0);
}

static void test_flags_parse__reads_every_form(void)
{
	AUTO(parsed) struct parsed p;

	PARSE(&p, "--workers=7", "--store-dir", "/x", "-h", "--verify=false", "-w", "-1",
		"--cert=a=b");
	CU_ASSERT_EQUAL(p.rc, 0);
	CU_ASSERT_TRUE(p.config.help);
	CU_ASSERT_FALSE(p.config.verify);
	CU_ASSERT_EQUAL(p.config.workers, -1);
	CU_ASSERT_STRING_EQUAL(p.config.store_dir, "/x");
	CU_ASSERT_STRING_EQUAL(p.config.cert, "a=b");
}

static void test_flags_parse__last_value_wins_and_lists_gather(void)
{
	AUTO(parsed) struct parsed p;

	PARSE(&p, "-s", "/a", "--store-dir=/b", "--header=x: 1", "--header", "y: 2", "-s=");
	CU_ASSERT_EQUAL(p.rc, 0);
	CU_ASSERT_STRING_EQUAL(p.config.store_dir, "");
	CU_ASSERT_EQUAL_FATAL(p.config.headers.n, 2);
	CU_ASSERT_STRING_EQUAL(p.config.headers.items[0], "x: 1");
	CU_ASSERT_STRING_EQUAL(p.config.headers.items[1], "y: 2");
}

static void test_flags_parse__moves_operands_to_the_front(void)
{
	AUTO(parsed) struct parsed p;

	PARSE(&p, "a", "--workers", "1", "-", "--", "--help", "b");
	CU_ASSERT_EQUAL(p.rc, 0);
	CU_ASSERT_EQUAL_FATAL(p.operands, 4);
	CU_ASSERT_STRING_EQUAL(p.argv[0], "a");
	CU_ASSERT_STRING_EQUAL(p.argv[1], "-");
	CU_ASSERT_STRING_EQUAL(p.argv[2], "--help");
	CU_ASSERT_STRING_EQUAL(p.argv[3], "b");
	CU_ASSERT_FALSE(p.config.help);
}

static void test_flags_parse__reads_units(void)
{
	static const struct {
		const char *arg;
		int64_t bytes, ms;
	} cases[] = {
		{"--max-bytes=2048", 2048, 30000},
		{"--max-bytes=2Ki", 2048, 30000},
		{"--max-bytes=3Mi", 3 << 20, 30000},
		{"--timeout=5ms", 16 << 20, 5},
		{"--timeout=5s", 16 << 20, 5000},
		{"--timeout=5m", 16 << 20, 300000},
		{"--timeout=1h", 16 << 20, 3600000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(parsed) struct parsed p;

		PARSE(&p, cases[i].arg);
		CU_ASSERT_EQUAL(p.rc, 0);
		CU_ASSERT_EQUAL(p.config.max_bytes, cases[i].bytes);
		CU_ASSERT_EQUAL(p.config.timeout, cases[i].ms);
	}
}

static void test_flags_parse__names_flag_value_and_what_is_right(void)
{
	static const struct {
		const char *arg;
		const char *says;
	} cases[] = {
		{"--workers=17", "--workers=\"17\": must be -1 to 16"},
		{"--workers=-2", "--workers=\"-2\": must be -1 to 16"},
		{"--workers=", "--workers=\"\": must be -1 to 16"},
		{"--workers= 3", "--workers=\" 3\": must be"},
		{"--workers=+3", "--workers=\"+3\": must be"},
		{"--workers=3x", "--workers=\"3x\": must be"},
		{"--workers=99999999999999999999", "must be -1 to 16"},
		{"--max-bytes=1023", "must be 1Ki to 256Mi, in bytes or with Ki, Mi or Gi"},
		{"--max-bytes=9223372036854775807Gi", "must be 1Ki to 256Mi"},
		{"--max-bytes=1K", "must be 1Ki to 256Mi"},
		{"--timeout=5", "--timeout=\"5\": must be 1ms to 1h, with ms, s, m or h"},
		{"--timeout=0ms", "must be 1ms to 1h"},
		{"--timeout=2h", "must be 1ms to 1h"},
		{"--log-format=xml", "--log-format=\"xml\": must be logfmt, json or none"},
		{"--verify=yes", "--verify=\"yes\": must be true or false"},
		{"--store-dir", "--store-dir: must have a value: --store-dir=DIR"},
		{"-w", "--workers: must have a value: --workers=N"},
		{"--nonsense=1", "unknown flag \"--nonsense=1\": --help lists them"},
		{"--work=1", "unknown flag \"--work=1\""},
		{"-x", "unknown flag \"-x\""},
		{"-hw", "unknown flag \"-hw\""},
		{"--=1", "unknown flag \"--=1\""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(parsed) struct parsed p;

		PARSE(&p, "--header=owned", cases[i].arg);
		CU_ASSERT_EQUAL(p.rc, -1);
		CU_ASSERT_EQUAL(p.err.code, ERR_INVALID);
		ASSERT_HAS(p.err.msg, cases[i].says);
		CU_ASSERT_PTR_NULL(p.config.store_dir);
		CU_ASSERT_PTR_NULL(p.config.headers.items);
	}
}

static void test_flags_parse__accepts_a_choice(void)
{
	AUTO(parsed) struct parsed p;

	PARSE(&p, "--log-format", "none");
	CU_ASSERT_EQUAL(p.rc, 0);
	CU_ASSERT_EQUAL(p.config.format, 2);
}

static void test_flags_parse__bounds_a_list(void)
{
	static char *argv[LIMIT_FLAG_LIST + 3];
	struct config config;
	struct err err;
	int operands = 0;

	for (size_t i = 0; i < LIMIT_FLAG_LIST + 2; i++)
		argv[i] = (char *)(uintptr_t) "--header=x";
	CU_ASSERT_EQUAL(
		flags_parse(&flags, &config, LIMIT_FLAG_LIST + 1, argv, &operands, &err), 0);
	CU_ASSERT_EQUAL(config.headers.n, LIMIT_FLAG_LIST);
	flags_clear(&flags, &config);
	CU_ASSERT_EQUAL(
		flags_parse(&flags, &config, LIMIT_FLAG_LIST + 2, argv, &operands, &err), -1);
	ASSERT_HAS(err.msg, "--header: must not be given more than 1024 times");
}

static void test_flags_print_help__shows_the_table(void)
{
	AUTO(free) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	flags_print_help(&flags, out);
	CU_ASSERT_EQUAL(fclose(out), 0);
	ASSERT_HAS(text, "Usage: wasmxds run [flags] DIR\n\nRuns everything.\n\nFlags:\n");
	ASSERT_HAS(text, "  -h, --help                       show this\n");
	ASSERT_HAS(
		text, "      --verify                     verify what is fetched (default true)\n");
	ASSERT_HAS(
		text, "  -w, --workers=N                  fetches at once; -1 to 16 (default 4)\n");
	ASSERT_HAS(
		text, "--max-bytes=SIZE             largest module; 1Ki to 256Mi (default 16Mi)\n");
	ASSERT_HAS(text, "of log lines; logfmt, json or none\n");
	ASSERT_HAS(text, "sent with each request; repeatable\n");
}

static const struct flag own_table[] = {
	{.name = "help",
		.help = "another",
		.type = FLAG_BOOL,
		.offset = offsetof(struct config, help)},
};
static const struct flags own_flags = {.usage = "wasmxds fetch",
	.about = "Fetches.",
	.table = own_table,
	.n = 1,
	.shared = &flags};

static void test_flags_parse__reads_flags_that_verbs_share(void)
{
	struct config config;
	char *argv[] = {(char *)(uintptr_t) "fetch", (char *)(uintptr_t) "--help",
		(char *)(uintptr_t) "-w", (char *)(uintptr_t) "7", (char *)(uintptr_t) "--header=a",
		(char *)(uintptr_t) "x", NULL};
	int operands = 0;
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(flags_parse(&own_flags, &config, 6, argv, &operands, &err), 0);
	CU_ASSERT_STRING_EQUAL(err.msg, "");
	CU_ASSERT_TRUE(config.help);
	CU_ASSERT_EQUAL(config.workers, 7);
	CU_ASSERT_EQUAL(config.max_bytes, 16 << 20);
	CU_ASSERT_EQUAL(config.headers.n, 1);
	CU_ASSERT_EQUAL(operands, 1);
	flags_clear(&own_flags, &config);
	CU_ASSERT_PTR_NULL(config.headers.items);
	CU_ASSERT_PTR_NULL(config.store_dir);
}

static void test_flags_print_help__shows_a_verbs_own_flags_first(void)
{
	AUTO(free) char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	flags_print_help(&own_flags, out);
	CU_ASSERT_EQUAL(fclose(out), 0);
	ASSERT_HAS(text, "Flags:\n      --help                       another\n  -h, --help");
	ASSERT_HAS(text, "--workers=N");
}

TEST_MAIN("flags", TEST(test_flags_parse__gives_defaults), TEST(test_flags_parse__reads_every_form),
	TEST(test_flags_parse__last_value_wins_and_lists_gather),
	TEST(test_flags_parse__moves_operands_to_the_front), TEST(test_flags_parse__reads_units),
	TEST(test_flags_parse__names_flag_value_and_what_is_right),
	TEST(test_flags_parse__accepts_a_choice), TEST(test_flags_parse__bounds_a_list),
	TEST(test_flags_print_help__shows_the_table),
	TEST(test_flags_parse__reads_flags_that_verbs_share),
	TEST(test_flags_print_help__shows_a_verbs_own_flags_first))
