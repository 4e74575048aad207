/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/credentials.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/auto.h"
#include "tests/unit/test.h"

/* A folder with what a pod finds there. */
struct pod {
	char path[256];
};

static void put(const struct pod *p, const char *name, const char *text)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/%s", p->path, name);
	AUTO(file) FILE *f = fopen(path, "we");

	CU_ASSERT_PTR_NOT_NULL_FATAL(f);
	CU_ASSERT_TRUE(fputs(text, f) >= 0);
}

static void pod_open(struct pod *p)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): there is one thread */
	const char *tmp = getenv("TMPDIR");

	(void)snprintf(p->path, sizeof(p->path), "%s/pod-XXXXXX", tmp ? tmp : "/tmp");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(p->path));
}

static void auto_pod(struct pod *p)
{
	static const char *const names[] = {"token", "ca.crt", "namespace", "config"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[300];

		(void)snprintf(path, sizeof(path), "%s/%s", p->path, names[i]);
		(void)unlink(path);
	}
	CU_ASSERT_EQUAL(rmdir(p->path), 0);
}

static void test_credentials_from_pod__names_the_files_of_the_account(void)
{
	AUTO(pod) struct pod p;
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	pod_open(&p);
	put(&p, "token", "t");
	put(&p, "ca.crt", "c");
	put(&p, "namespace", "wasmxds-system\n");
	CU_ASSERT_EQUAL_FATAL(credentials_from_pod(&c, p.path, "10.0.0.1", "443", &err), 0);
	CU_ASSERT_STRING_EQUAL(c.server, "https://10.0.0.1:443");
	CU_ASSERT_STRING_EQUAL(c.namespace, "wasmxds-system");
	ASSERT_HAS(c.token.file, "/token");
	ASSERT_HAS(c.authority.file, "/ca.crt");
	CU_ASSERT_PTR_NULL(c.token.data);
	credentials_clear(&c);
	CU_ASSERT_EQUAL_FATAL(credentials_from_pod(&c, p.path, "fd00::1", "6443", &err), 0);
	CU_ASSERT_STRING_EQUAL(c.server, "https://[fd00::1]:6443");
}

static void test_credentials_from_pod__says_when_no_token_is_mounted(void)
{
	AUTO(pod) struct pod p;
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	pod_open(&p);
	CU_ASSERT_EQUAL(credentials_from_pod(&c, p.path, "h", "1", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "service account");
	ASSERT_HAS(err.msg, "/token");
	CU_ASSERT_PTR_NULL(c.server);
}

static void test_credentials_find__reads_the_file_that_is_given(void)
{
	AUTO(pod) struct pod p;
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};
	char path[300];

	pod_open(&p);
	(void)snprintf(path, sizeof(path), "%s/config", p.path);
	put(&p, "config",
		"current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
		"clusters: [{name: c, cluster: {server: \"https://k\"}}]\n"
		"users: [{name: u, user: {tokenFile: t}}]\n");
	CU_ASSERT_EQUAL_FATAL(credentials_find(&c, path, &err), 0);
	CU_ASSERT_STRING_EQUAL(c.server, "https://k");
	CU_ASSERT_EQUAL(strncmp(c.token.file, p.path, strlen(p.path)), 0);
	credentials_clear(&c);
	put(&p, "config", "current-context: y\n");
	CU_ASSERT_EQUAL(credentials_find(&c, path, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, path);
}

static void test_credentials_find__says_when_the_file_is_not_there(void)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL(credentials_find(&c, "/does/not/exist", &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_NOT_FOUND);
	ASSERT_HAS(err.msg, "kubeconfig");
}

static void test_credentials_find__looks_in_the_pod_before_the_home(void)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	/* NOLINTBEGIN(concurrency-mt-unsafe): there is one thread */
	CU_ASSERT_EQUAL(setenv("KUBERNETES_SERVICE_HOST", "h", 1), 0);
	CU_ASSERT_EQUAL(setenv("KUBERNETES_SERVICE_PORT", "1", 1), 0);
	CU_ASSERT_EQUAL(setenv("KUBECONFIG", "/does/not/exist:b", 1), 0);
	CU_ASSERT_EQUAL(credentials_find(&c, NULL, &err), -1);
	ASSERT_HAS(err.msg, "/var/run/secrets/kubernetes.io/serviceaccount/token");
	CU_ASSERT_EQUAL(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
	CU_ASSERT_EQUAL(credentials_find(&c, NULL, &err), -1);
	ASSERT_HAS(err.msg, "/does/not/exist");
	CU_ASSERT_PTR_NULL(strstr(err.msg, ":b"));
	CU_ASSERT_EQUAL(setenv("HOME", "/does/not/live", 1), 0);
	CU_ASSERT_EQUAL(unsetenv("KUBECONFIG"), 0);
	CU_ASSERT_EQUAL(credentials_find(&c, NULL, &err), -1);
	ASSERT_HAS(err.msg, "/does/not/live/.kube/config");
	CU_ASSERT_EQUAL(unsetenv("HOME"), 0);
	CU_ASSERT_EQUAL(credentials_find(&c, NULL, &err), -1);
	ASSERT_HAS(err.msg, "KUBECONFIG");
	/* NOLINTEND(concurrency-mt-unsafe) */
}

TEST_MAIN("credentials", TEST(test_credentials_from_pod__names_the_files_of_the_account),
	TEST(test_credentials_from_pod__says_when_no_token_is_mounted),
	TEST(test_credentials_find__reads_the_file_that_is_given),
	TEST(test_credentials_find__says_when_the_file_is_not_there),
	TEST(test_credentials_find__looks_in_the_pod_before_the_home))
