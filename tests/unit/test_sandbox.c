/* SPDX-License-Identifier: Apache-2.0 */
#include "artifact/sandbox.h"

#include "base/auto.h"
#include "base/lend.h"
#include "tests/unit/test.h"

#define VM_ID "vm"
#define HASH_DIGITS 16

static struct extension example(void)
{
	return (struct extension){.vm_id = lend(VM_ID)};
}

static void test_sandbox__is_none_where_nothing_is_given(void)
{
	struct extension ext = example();
	AUTO(free) char *vm_id = sandbox_vm_id(&ext);

	CU_ASSERT_PTR_NULL(sandbox_environment(&ext));
	CU_ASSERT_PTR_NULL(sandbox_capabilities(&ext));
	CU_ASSERT_STRING_EQUAL(vm_id, VM_ID);
}

static void test_sandbox_environment__holds_both_kinds(void)
{
	char *keys[] = {lend("HOST"), lend("ZONE")};
	struct extension_variable variable = {.name = lend("MODE"), .value = lend("")};
	struct extension ext = example();

	ext.environment = (struct extension_environment){
		.host_keys = {.items = keys, .n = 2}, .variables = &variable, .n_variables = 1};
	AUTO(environment) Wasmxds__Xds__EnvironmentVariables *m = sandbox_environment(&ext);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL_FATAL(m->n_host_env_keys, 2);
	CU_ASSERT_STRING_EQUAL(m->host_env_keys[0], "HOST");
	CU_ASSERT_STRING_EQUAL(m->host_env_keys[1], "ZONE");
	CU_ASSERT_EQUAL_FATAL(m->n_key_values, 1);
	CU_ASSERT_STRING_EQUAL(m->key_values[0]->key, "MODE");
	CU_ASSERT_STRING_EQUAL(m->key_values[0]->value, "");
}

static void test_sandbox_capabilities__holds_a_message_for_each(void)
{
	char *names[] = {lend("fd_write"), lend("proxy_log")};
	struct extension ext = example();

	ext.capabilities = (struct extension_names){.items = names, .n = 2};
	AUTO(capabilities)
	Wasmxds__Xds__CapabilityRestrictionConfig *m = sandbox_capabilities(&ext);

	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_EQUAL_FATAL(m->n_allowed_capabilities, 2);
	CU_ASSERT_STRING_EQUAL(m->allowed_capabilities[0]->key, "fd_write");
	CU_ASSERT_STRING_EQUAL(m->allowed_capabilities[1]->key, "proxy_log");
	CU_ASSERT_PTR_NOT_NULL(m->allowed_capabilities[1]->value);
}

/* Each row is another sandbox, though all are made of the same few texts. */
static void test_sandbox_vm_id__tells_all_sandboxes_apart(void)
{
	char *a[] = {lend("a")};
	char *ab[] = {lend("a"), lend("b")};
	char *joined[] = {lend("ab")};
	struct extension_variable a_is_b = {.name = lend("a"), .value = lend("b")};
	struct extension_variable a_is_empty = {.name = lend("a"), .value = lend("")};
	const struct extension rows[] = {
		{.environment = {.host_keys = {a, 1}}},
		{.environment = {.host_keys = {ab, 2}}},
		{.environment = {.host_keys = {joined, 1}}},
		{.capabilities = {a, 1}},
		{.capabilities = {ab, 2}},
		{.environment = {.host_keys = {a, 1}}, .capabilities = {a, 1}},
		{.environment = {.variables = &a_is_b, .n_variables = 1}},
		{.environment = {.variables = &a_is_empty, .n_variables = 1}},
	};
	enum { N = sizeof(rows) / sizeof(rows[0]) };
	char *ids[N];

	for (size_t i = 0; i < N; i++) {
		struct extension ext = rows[i];

		ext.vm_id = lend(VM_ID);
		ids[i] = sandbox_vm_id(&ext);
		CU_ASSERT_EQUAL(strncmp(ids[i], VM_ID "#", strlen(VM_ID "#")), 0);
		CU_ASSERT_EQUAL(strlen(ids[i]), strlen(VM_ID "#") + HASH_DIGITS);
		for (size_t j = 0; j < i; j++)
			CU_ASSERT_STRING_NOT_EQUAL(ids[i], ids[j]);
	}
	for (size_t i = 0; i < N; i++)
		free(ids[i]);
}

static void test_sandbox_vm_id__is_the_same_on_every_replica(void)
{
	char *names[] = {lend("proxy_log")};
	struct extension ext = {.capabilities = {names, 1}};

	ext.vm_id = lend("");
	AUTO(free) char *vm_id = sandbox_vm_id(&ext);

	CU_ASSERT_STRING_EQUAL(vm_id, "#6fc5caa3b160f44b");
}

TEST_MAIN("sandbox", TEST(test_sandbox__is_none_where_nothing_is_given),
	TEST(test_sandbox_environment__holds_both_kinds),
	TEST(test_sandbox_capabilities__holds_a_message_for_each),
	TEST(test_sandbox_vm_id__tells_all_sandboxes_apart),
	TEST(test_sandbox_vm_id__is_the_same_on_every_replica))
