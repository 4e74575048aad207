/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/fetch_options.h"

#include <stdlib.h>

#include "base/auto.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

#define ARGS_MOST 6

/* A command line, and what it comes to; docker's config is looked for in folder. */
struct opened {
	struct fetch_flags flags;
	struct fetch_context context;
	struct err err;
	int rc;
};

static void open_args(struct opened *o, const char *folder, const char *const *args)
{
	char *argv[ARGS_MOST + 2] = {(char *)(uintptr_t) "fetch"};
	int argc = 1;
	int operands = 0;

	*o = (struct opened){.rc = -1};
	for (; args[argc - 1]; argc++)
		argv[argc] = (char *)(uintptr_t)args[argc - 1];
	CU_ASSERT_EQUAL(setenv("DOCKER_CONFIG", folder, 1), 0); /* NOLINT(concurrency-mt-unsafe) */
	CU_ASSERT_EQUAL_FATAL(
		flags_parse(&fetch_flags, &o->flags, argc, argv, &operands, &o->err), 0);
	o->rc = fetch_context_open(&o->context, &o->flags, &o->err);
}

static void auto_opened(struct opened *o)
{
	fetch_context_close(&o->context);
	flags_clear(&fetch_flags, &o->flags);
}

static void test_fetch_context_open__gives_what_the_flags_say(void)
{
	AUTO(fixture_dir) char *folder = fixture_dir();
	static const char *const args[] = {"--allow-cidr=10.0.0.0/8", "--deny-cidr=10.1.0.0/16",
		"--deny-cidr=::1", "--insecure-registry=a:5000", "--fetch-tries=7", NULL};
	AUTO(opened) struct opened o = {.rc = -1};

	open_args(&o, folder, args);
	CU_ASSERT_EQUAL_FATAL(o.rc, 0);
	CU_ASSERT_EQUAL(o.context.options.guard.n_allow, 1);
	CU_ASSERT_EQUAL(o.context.options.guard.n_deny, 2);
	CU_ASSERT_EQUAL(o.context.options.guard.allow[0].bits, 8);
	CU_ASSERT_EQUAL(o.context.options.guard.deny[1].bits, 128);
	CU_ASSERT_FALSE(o.context.options.guard.allow_loopback);
	CU_ASSERT_EQUAL(o.context.options.n_insecure_registries, 1);
	CU_ASSERT_EQUAL(o.context.options.retry.tries, 7);
	CU_ASSERT_EQUAL(o.context.options.max_bytes, 256 << 20);
	CU_ASSERT_PTR_NOT_NULL(o.context.options.aws);
	CU_ASSERT_PTR_NULL(o.context.options.docker_config);
}

static void test_fetch_context_open__reads_dockers_own_config_where_it_is_there(void)
{
	AUTO(fixture_dir) char *folder = fixture_dir();
	AUTO(free) char *path = fixture_write(folder, "config.json", "{\"auths\":{}}", 12);
	static const char *const none[] = {NULL};
	AUTO(opened) struct opened o = {.rc = -1};

	open_args(&o, folder, none);
	CU_ASSERT_EQUAL_FATAL(o.rc, 0);
	CU_ASSERT_STRING_EQUAL(o.context.options.docker_config, "{\"auths\":{}}");
}

static void test_fetch_context_open__names_the_flag_that_is_wrong(void)
{
	AUTO(fixture_dir) char *folder = fixture_dir();
	static const struct {
		const char *arg;
		const char *flag;
		enum err_code code;
	} cases[] = {
		{"--allow-cidr=10.0.0.1/8", "--allow-cidr=\"10.0.0.1/8\"", ERR_INVALID},
		{"--deny-cidr=example.com", "--deny-cidr=\"example.com\"", ERR_INVALID},
		{"--docker-config=/absent/config.json", "--docker-config: ", ERR_NOT_FOUND},
		{"--s3-endpoint=ftp://x", "--s3-endpoint", ERR_INVALID},
		{"--s3-region=../x", "--s3-region", ERR_INVALID},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *const args[] = {cases[i].arg, NULL};
		AUTO(opened) struct opened o = {.rc = -1};

		open_args(&o, folder, args);
		CU_ASSERT_EQUAL(o.rc, -1);
		CU_ASSERT_EQUAL(o.err.code, cases[i].code);
		ASSERT_HAS(o.err.msg, cases[i].flag);
	}
}

static void test_fetch_options_allow_named__means_this_machine_and_no_other(void)
{
	static const struct {
		const char *uri;
		bool allowed;
	} cases[] = {
		{"localhost:5000/a:b", true},
		{"127.0.0.1/x.wasm", true},
		{"127.8.9.1:80/x.wasm?y", true},
		{"[::1]:8080/x", true},
		{"user:password@localhost/x", true},
		{"registry.example.com/a:b", false},
		{"localhost.example.com/a", false},
		{"localhost@example.com/a", false},
		{"example.com/localhost", false},
		{"example.com?@localhost/", false},
		{"10.0.0.1/a", false},
		{"169.254.169.254/a", false},
		{"", false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fetch_options options = {.max_bytes = 1};

		fetch_options_allow_named(&options, cases[i].uri);
		CU_ASSERT_EQUAL(options.guard.allow_loopback, cases[i].allowed);
	}
}

TEST_MAIN("fetch_options", TEST(test_fetch_context_open__gives_what_the_flags_say),
	TEST(test_fetch_context_open__reads_dockers_own_config_where_it_is_there),
	TEST(test_fetch_context_open__names_the_flag_that_is_wrong),
	TEST(test_fetch_options_allow_named__means_this_machine_and_no_other))
