/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

static inline void auto_identity(struct identity **id)
{
	identity_free(*id);
}

/* Another file takes the place of path, as it does where Secrets are mounted. */
static void replace(const char *dir, const char *path, const char *text)
{
	AUTO(free) char *next = fixture_write(dir, "next", text, strlen(text));

	CU_ASSERT_EQUAL_FATAL(rename(next, path), 0);
}

static void test_pair_step__follows_the_files(void)
{
	AUTO(fixture_dir) char *dir = fixture_dir();
	AUTO(identity) struct identity *id = identity_new();
	AUTO(fixture_tls) struct fixture_tls tls = {.key = NULL};
	AUTO(fixture_tls) struct fixture_tls other = {.key = NULL};
	struct err err = {.code = ERR_NONE};

	fixture_tls_init(&tls);
	fixture_tls_init(&other);
	AUTO(free)
	char *cert = fixture_write(dir, "tls.crt", tls.certificate, strlen(tls.certificate));
	AUTO(free) char *key = fixture_write(dir, "tls.key", "", 0);
	struct pair p = {.cert = cert, .key = key};

	CU_ASSERT_EQUAL(pair_step(&p, id, &err), -1);
	CU_ASSERT_EQUAL(identity_expires(id), 0);
	replace(dir, key, tls.key);
	CU_ASSERT_TRUE(pair_step(&p, id, &err) > 0);
	int64_t expires = identity_expires(id);
	CU_ASSERT_TRUE(expires > 0);

	/* Half of the next pair is here: what was there stays. */
	replace(dir, key, other.key);
	CU_ASSERT_EQUAL(pair_step(&p, id, &err), -1);
	ASSERT_HAS(err.msg, "tls.key");
	CU_ASSERT_EQUAL(identity_expires(id), expires);
	CU_ASSERT_EQUAL(pair_step(&p, id, &err), -1);
	replace(dir, cert, other.certificate);
	CU_ASSERT_TRUE(pair_step(&p, id, &err) > 0);
	CU_ASSERT_EQUAL(unlink(key), 0);
	CU_ASSERT_EQUAL(pair_step(&p, id, &err), -1);
	CU_ASSERT_TRUE(identity_expires(id) > 0);
}

TEST_MAIN("pair", TEST(test_pair_step__follows_the_files))
