/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/identity.h"

#include <time.h>

#include "base/auto.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/test.h"

static inline void auto_identity(struct identity **id)
{
	identity_free(*id);
}

/* Returns gnutls's code. */
static int copy(struct identity *id)
{
	gnutls_pcert_st *list = NULL;
	gnutls_privkey_t key = NULL;
	unsigned n = 0;
	int e = identity_copy(id, &list, &n, &key);

	if (e < 0)
		return e;
	CU_ASSERT_EQUAL(n, 1);
	for (unsigned i = 0; i < n; i++)
		gnutls_pcert_deinit(&list[i]);
	gnutls_free(list);
	gnutls_privkey_deinit(key);
	return 0;
}

static void test_identity_copy__has_nothing_at_first(void)
{
	AUTO(identity) struct identity *id = identity_new();

	CU_ASSERT_EQUAL(copy(id), GNUTLS_E_NO_CERTIFICATE_FOUND);
	CU_ASSERT_EQUAL(identity_expires(id), 0);
}

static void test_identity_set__is_in_force_at_once(void)
{
	AUTO(identity) struct identity *id = identity_new();
	AUTO(fixture_tls) struct fixture_tls tls = {.key = NULL};
	struct err err;

	fixture_tls_init(&tls);
	CU_ASSERT_EQUAL(identity_set(id, tls.certificate, tls.key, &err), 0);
	CU_ASSERT_EQUAL(copy(id), 0);
	CU_ASSERT_TRUE(identity_expires(id) > (int64_t)time(NULL));
}

static void test_identity_set__keeps_what_is_good(void)
{
	AUTO(identity) struct identity *id = identity_new();
	AUTO(fixture_tls) struct fixture_tls tls = {.key = NULL};
	AUTO(fixture_tls) struct fixture_tls other = {.key = NULL};
	struct err err = {.code = ERR_NONE};

	fixture_tls_init(&tls);
	fixture_tls_init(&other);
	CU_ASSERT_EQUAL(identity_set(id, tls.certificate, tls.key, &err), 0);
	CU_ASSERT_EQUAL(identity_set(id, tls.certificate, other.key, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	CU_ASSERT_EQUAL(identity_set(id, "", "", &err), -1);
	CU_ASSERT_EQUAL(identity_set(id, tls.key, tls.certificate, &err), -1);
	CU_ASSERT_EQUAL(copy(id), 0);
	CU_ASSERT_EQUAL(identity_set(id, other.certificate, other.key, &err), 0);
}

TEST_MAIN("identity", TEST(test_identity_copy__has_nothing_at_first),
	TEST(test_identity_set__is_in_force_at_once), TEST(test_identity_set__keeps_what_is_good))
