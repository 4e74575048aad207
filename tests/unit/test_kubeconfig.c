/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/test.h"

#define TOKEN "s3cr3t"
#define CLUSTER(fields) "clusters:\n- name: c\n  cluster: {" fields "}\n"
#define USER(fields) "users:\n- name: u\n  user: {" fields "}\n"
#define CONTEXT                                                                   \
	"current-context: x\ncontexts:\n- name: w\n  context: {cluster: other}\n" \
	"- name: x\n  context: {cluster: c, user: u, namespace: ns}\n"
#define SERVER "server: \"https://k:6443\""

static int parse(struct credentials *out, const char *text, struct err *err)
{
	return kubeconfig_parse(out, text, strlen(text), "/home/me/.kube", err);
}

static void test_kubeconfig_parse__reads_a_token(void)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL_FATAL(
		parse(&c,
			"apiVersion: v1\nkind: Config\npreferences: {}\n" CLUSTER(
				SERVER ", certificate-authority: ca.pem, tls-server-name: k8s")
				CONTEXT USER("token: " TOKEN),
			&err),
		0);
	CU_ASSERT_STRING_EQUAL(c.server, "https://k:6443");
	CU_ASSERT_STRING_EQUAL(c.server_name, "k8s");
	CU_ASSERT_STRING_EQUAL(c.namespace, "ns");
	CU_ASSERT_STRING_EQUAL(c.authority.file, "/home/me/.kube/ca.pem");
	CU_ASSERT_STRING_EQUAL(c.token.data, TOKEN);
	CU_ASSERT_PTR_NULL(c.token.file);
	CU_ASSERT_PTR_NULL(c.certificate.file);
}

static void test_kubeconfig_parse__reads_what_stands_in_it_in_base64(void)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL_FATAL(parse(&c,
				      CLUSTER(SERVER ", certificate-authority-data: Y2E=")
					      CONTEXT USER("client-certificate-data: Y2VydA==, "
							   "client-key-data: a2V5"),
				      &err),
		0);
	CU_ASSERT_STRING_EQUAL(c.authority.data, "ca");
	CU_ASSERT_STRING_EQUAL(c.certificate.data, "cert");
	CU_ASSERT_STRING_EQUAL(c.key.data, "key");
}

static void test_kubeconfig_parse__reads_files_and_leaves_absolute_paths(void)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL_FATAL(
		parse(&c,
			CLUSTER(SERVER) CONTEXT USER("tokenFile: /run/token, client-certificate: "
						     "a/b.pem, client-key: c.pem"),
			&err),
		0);
	CU_ASSERT_STRING_EQUAL(c.token.file, "/run/token");
	CU_ASSERT_STRING_EQUAL(c.certificate.file, "/home/me/.kube/a/b.pem");
	CU_ASSERT_STRING_EQUAL(c.key.file, "/home/me/.kube/c.pem");
	CU_ASSERT_PTR_NULL(c.authority.file);
}

static void test_kubeconfig_parse__takes_json_and_no_user(void)
{
	AUTO(credentials) struct credentials c = {.server = NULL};
	struct err err = {.code = ERR_NONE};

	CU_ASSERT_EQUAL_FATAL(
		parse(&c,
			"{\"current-context\":\"x\",\"contexts\":[{\"name\":\"x\",\"context\":"
			"{\"cluster\":\"c\",\"user\":\"\"}}],\"clusters\":[{\"name\":\"c\","
			"\"cluster\":{\"server\":\"http://127.0.0.1:8001\"}}]}",
			&err),
		0);
	CU_ASSERT_STRING_EQUAL(c.server, "http://127.0.0.1:8001");
	CU_ASSERT_PTR_NULL(c.token.data);
}

static void test_kubeconfig_parse__names_what_is_wrong(void)
{
	static const struct {
		const char *text;
		const char *message;
	} cases[] = {
		{"", "one mapping"},
		{"a: b\n---\nc: d\n", "one mapping"},
		{"a: [\n", "line"},
		{CLUSTER(SERVER), "current-context is required"},
		{"current-context: z\n", "contexts: must hold context \"z\""},
		{CONTEXT, "clusters: must hold cluster \"c\""},
		{CONTEXT CLUSTER(""), "cluster \"c\": server is required"},
		{CONTEXT CLUSTER("server: [1]"), "server must be a text"},
		{CONTEXT CLUSTER("server: k:6443"), "server must begin with https://"},
		{CONTEXT CLUSTER("server: \"https://me:" TOKEN "@k\""), "server must hold no user"},
		{CONTEXT CLUSTER(SERVER ", insecure-skip-tls-verify: true"),
			"insecure-skip-tls-verify is not supported"},
		{CONTEXT CLUSTER(SERVER ", proxy-url: \"http://p\""), "proxy-url is not supported"},
		{CONTEXT CLUSTER(SERVER ", certificate-authority-data: \"?\""),
			"certificate-authority-data must be the base64"},
		{CONTEXT CLUSTER(SERVER), "users: must hold user \"u\""},
		{CONTEXT CLUSTER(SERVER) USER("exec: {command: aws}"),
			"user \"u\": exec is not supported"},
		{CONTEXT CLUSTER(SERVER) USER("auth-provider: {name: gcp}"),
			"auth-provider is not supported"},
		{CONTEXT CLUSTER(SERVER) USER("username: a, password: " TOKEN),
			"username is not supported"},
		{CONTEXT CLUSTER(SERVER) USER("as: root"), "as is not supported"},
		{CONTEXT CLUSTER(SERVER) USER("client-certificate: a"),
			"client-key is required beside client-certificate"},
		{CONTEXT CLUSTER(SERVER) USER("client-key-data: a2V5"),
			"client-certificate is required beside client-key"},
		{CONTEXT CLUSTER(SERVER) USER("client-key-data: " TOKEN),
			"client-key-data must be"},
		{CONTEXT CLUSTER("server: \"http://k\"") USER("token: " TOKEN),
			"token is not sent to a server without https"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		AUTO(credentials) struct credentials c = {.server = NULL};
		struct err err = {.code = ERR_NONE};

		CU_ASSERT_EQUAL(parse(&c, cases[i].text, &err), -1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
		ASSERT_HAS(err.msg, cases[i].message);
		CU_ASSERT_PTR_NULL(strstr(err.msg, TOKEN));
		CU_ASSERT_PTR_NULL(c.server);
	}
}

TEST_MAIN("kubeconfig", TEST(test_kubeconfig_parse__reads_a_token),
	TEST(test_kubeconfig_parse__reads_what_stands_in_it_in_base64),
	TEST(test_kubeconfig_parse__reads_files_and_leaves_absolute_paths),
	TEST(test_kubeconfig_parse__takes_json_and_no_user),
	TEST(test_kubeconfig_parse__names_what_is_wrong))
