/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/challenge.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

struct row {
	const char *value;
	bool basic;
	const char *realm; /* NULL: no Bearer */
	const char *service;
	const char *scope;
};

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static void takes(const struct row *want)
{
	AUTO(challenge) struct challenge c = {.realm = NULL};
	struct err err = {.msg = ""};

	if (challenge_add(&c, want->value, &err) < 0)
		printf("\n  %s: %s\n", want->value, err.msg);
	CU_ASSERT_EQUAL(c.basic, want->basic);
	CU_ASSERT_EQUAL(c.bearer, want->realm != NULL);
	CU_ASSERT_TRUE(same(c.realm, want->realm));
	CU_ASSERT_TRUE(same(c.service, want->service));
	CU_ASSERT_TRUE(same(c.scope, want->scope));
}

static void refuses(const char *value, const char *says)
{
	AUTO(challenge) struct challenge c = {.realm = NULL};
	struct err err = {.code = ERR_NONE, .msg = ""};

	CU_ASSERT_EQUAL(challenge_add(&c, value, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "WWW-Authenticate");
	ASSERT_HAS(err.msg, says);
}

static void test_challenge_add__reads_what_registries_send(void)
{
	static const struct row table[] = {
		{"Basic realm=\"Registry Realm\"", true, NULL, NULL, NULL},
		{"Basic", true, NULL, NULL, NULL},
		{"basic", true, NULL, NULL, NULL},
		{"Bearer realm=\"https://a/t\",service=\"r\",scope=\"repository:x:pull\"", false,
			"https://a/t", "r", "repository:x:pull"},
		{"BEARER Realm=\"https://a/t\"", false, "https://a/t", NULL, NULL},
		{"Bearer realm=\"https://a/t\",scope=\"repository:x:pull,push\"", false,
			"https://a/t", NULL, "repository:x:pull,push"},
		{"Bearer realm=\"https://a/t\" , service = r,error=\"invalid_token\"", false,
			"https://a/t", "r", NULL},
		{"", false, NULL, NULL, NULL},
		{" , ,", false, NULL, NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		takes(&table[i]);
}

static void test_challenge_add__takes_several_at_once(void)
{
	static const struct row table[] = {
		{"Basic realm=\"x\", Bearer realm=\"https://a/t\"", true, "https://a/t", NULL,
			NULL},
		{"Bearer realm=\"https://a/t\",service=\"r\", Basic realm=\"x\"", true,
			"https://a/t", "r", NULL},
		{"Negotiate, Basic", true, NULL, NULL, NULL},
		{"Negotiate YWJj==, Bearer realm=https", false, "https", NULL, NULL},
		{"Digest realm=\"d\",nonce=\"n\",Basic realm=\"b\"", true, NULL, NULL, NULL},
		{"Bearer realm=\"https://a/1\", Bearer realm=\"https://a/2\",service=\"s\"", false,
			"https://a/1", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		takes(&table[i]);
}

static void test_challenge_add__adds_up_headers(void)
{
	AUTO(challenge) struct challenge c = {.realm = NULL};
	struct err err;

	CU_ASSERT_EQUAL(challenge_add(&c, "Basic realm=\"x\"", &err), 0);
	CU_ASSERT_EQUAL(challenge_add(&c, "Bearer realm=\"https://a/t\"", &err), 0);
	CU_ASSERT_TRUE(c.basic && c.bearer);
	CU_ASSERT_EQUAL(c.n, 2);
}

static void test_challenge_add__undoes_quoting(void)
{
	static const struct row table[] = {
		{"Bearer realm=\"a\\\"b\\\\c\"", false, "a\"b\\c", NULL, NULL},
		{"Bearer realm=\"a, Basic b\"", false, "a, Basic b", NULL, NULL},
		{"Bearer realm=\"a\tb\xc3\xbc\"", false, "a\tb\xc3\xbc", NULL, NULL},
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		takes(&table[i]);
}

static void test_challenge_add__refuses_what_the_grammar_does(void)
{
	refuses("\"x\"", "byte 0: a scheme must stand here");
	refuses("Bearer=\"x\"", "not a character of a scheme");
	refuses("Bearer realm=\"x", "without an end");
	refuses("Bearer realm=\"x\\", "without an end");
	refuses("Bearer realm=\"x\" service=\"y\"", "a comma must stand here");
	refuses("Bearer realm=\"x\"y", "a comma must stand here");
	refuses("Bearer realm=\"a\nb\"", "control character");
	refuses("Bearer realm=\"a\\\x7f\"", "control character");
	refuses("Bearer service= ;,realm=\"x\"", "a value must stand");
	refuses("Bearer a b", "a parameter must stand behind the scheme");
	refuses("Bearer {}", "a parameter must stand behind the scheme");
	refuses("Bearer realm=\"a\",realm=\"b\"", "\"realm\" must not stand twice");
	refuses("Bearer scope=\"a\",SCOPE=\"b\",realm=\"c\"", "\"SCOPE\" must not stand twice");
}

static void test_challenge_add__wants_a_realm_of_a_bearer(void)
{
	refuses("Bearer", "must have a realm");
	refuses("Bearer service=\"x\"", "must have a realm");
	refuses("Bearer realm=\"\"", "must have a realm");
	refuses("Bearer realm=", "must have a realm"); /* an opaque word, by the grammar */
}

static void test_challenge_add__has_ceilings(void)
{
	AUTO(free)
	char *is_long = xasprintf("Bearer realm=\"%0*d\"", (int)LIMIT_CHALLENGE_BYTES, 0);
	AUTO(challenge) struct challenge c = {.realm = NULL};
	struct err err = {.msg = ""};
	int rc = 0;

	refuses(is_long, "at most 8192 bytes");
	for (int i = 0; i < LIMIT_CHALLENGES; i++)
		rc |= challenge_add(&c, "Basic", &err);
	CU_ASSERT_EQUAL(rc, 0);
	CU_ASSERT_EQUAL(challenge_add(&c, "Other", &err), -1);
	ASSERT_HAS(err.msg, "more than 16 challenges");
}

TEST_MAIN("challenge", TEST(test_challenge_add__reads_what_registries_send),
	TEST(test_challenge_add__takes_several_at_once), TEST(test_challenge_add__adds_up_headers),
	TEST(test_challenge_add__undoes_quoting),
	TEST(test_challenge_add__refuses_what_the_grammar_does),
	TEST(test_challenge_add__wants_a_realm_of_a_bearer), TEST(test_challenge_add__has_ceilings))
