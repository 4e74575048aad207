/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/fingerprint.h"

#include "tests/unit/test.h"

/* Borrowed parts only: nothing here is freed. */
struct sample {
	struct object object;
	struct extension extension;
	struct object_value first, second;
	char first_bytes[8], second_bytes[8];
	char texts[19][8]; /* each text of the extension */
	char *host_key, *capability;
	struct extension_variable variable;
};

static struct config_source sample_config(char *value, char *namespace, char *name, char *key)
{
	return (struct config_source){.kind = CONFIG_SECRET,
		.value = value,
		.namespace = namespace,
		.name = name,
		.key = key};
}

static void sample_init(struct sample *s)
{
	*s = (struct sample){.first_bytes = "1", .second_bytes = "22"};
	for (size_t i = 0; i < sizeof(s->texts) / sizeof(s->texts[0]); i++)
		(void)snprintf(s->texts[i], sizeof(s->texts[i]), "t%zu", i);
	s->extension = (struct extension){.namespace = s->texts[0],
		.name = s->texts[1],
		.vm_id = s->texts[2],
		.root_id = s->texts[3],
		.plugin_configuration =
			sample_config(s->texts[4], s->texts[5], s->texts[6], s->texts[7]),
		.vm_configuration =
			sample_config(s->texts[8], s->texts[9], s->texts[10], s->texts[11]),
		.image = {.protocol = PROTOCOL_OCI,
			.uri = s->texts[12],
			.pull_secret = s->texts[13]},
		.environment = {.host_keys = {.items = &s->host_key, .n = 1},
			.variables = &s->variable,
			.n_variables = 1},
		.capabilities = {.items = &s->capability, .n = 1},
		.refetch = s->texts[18]};
	s->host_key = s->texts[14];
	s->variable = (struct extension_variable){.name = s->texts[15], .value = s->texts[16]};
	s->capability = s->texts[17];
	s->first = (struct object_value){.bytes = s->first_bytes, .len = 1};
	s->second = (struct object_value){.bytes = s->second_bytes, .len = 2};
	s->object = (struct object){.kind = OBJECT_EXTENSION,
		.namespace = s->texts[0],
		.name = s->texts[1],
		.extension = &s->extension};
	(void)map_put(&s->object.values, "first", &s->first);
	(void)map_put(&s->object.values, "second", &s->second);
	(void)map_put(&s->object.annotations, "note", s->texts[0]);
}

static void sample_clear(struct sample *s)
{
	map_clear(&s->object.values, NULL);
	map_clear(&s->object.annotations, NULL);
}

static struct digest print_of(const struct sample *s)
{
	struct digest print = {.hex = ""};

	fingerprint_of(&print, &s->object);
	return print;
}

/* Returns whether the fingerprint is the one of an untouched sample. */
static bool is_untouched(const struct sample *s)
{
	struct sample untouched;

	sample_init(&untouched);

	struct digest a = print_of(&untouched);
	struct digest b = print_of(s);

	sample_clear(&untouched);
	return digest_equal(&a, &b);
}

static void test_fingerprint_of__ignores_the_place_in_the_file(void)
{
	struct sample s;

	sample_init(&s);
	s.object.line = 17;
	CU_ASSERT_TRUE(is_untouched(&s));
	sample_clear(&s);
}

static void test_fingerprint_of__ignores_the_order_of_values(void)
{
	struct sample s;

	sample_init(&s);
	map_clear(&s.object.values, NULL);
	(void)map_put(&s.object.values, "second", &s.second);
	(void)map_put(&s.object.values, "first", &s.first);
	CU_ASSERT_TRUE(is_untouched(&s));
	sample_clear(&s);
}

static void test_fingerprint_of__sees_every_text(void)
{
	struct sample s;

	for (size_t i = 0; i < sizeof(s.texts) / sizeof(s.texts[0]); i++) {
		sample_init(&s);
		s.texts[i][0] = 'T';
		CU_ASSERT_FALSE(is_untouched(&s));
		sample_clear(&s);
	}
}

static void test_fingerprint_of__sees_every_other_field(void)
{
	struct sample s;
	void *fields[] = {&s.object.kind, &s.extension.generation, &s.extension.runtime,
		&s.extension.plugin_configuration.kind, &s.extension.vm_configuration.kind,
		&s.extension.image.protocol, &s.extension.image.debug_sections, &s.extension.filter,
		&s.extension.fail_policy, &s.extension.reload_backoff.base_ms,
		&s.extension.reload_backoff.max_ms, &s.extension.environment.host_keys.n,
		&s.extension.environment.n_variables, &s.extension.capabilities.n,
		&s.extension.allow_precompiled, &s.extension.nack_on_code_cache_miss,
		&s.extension.allow_on_headers_stop_iteration, &s.extension.image.track_ms,
		&s.extension.suspend};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		sample_init(&s);
		*(unsigned char *)fields[i] ^= 1;
		CU_ASSERT_FALSE(is_untouched(&s));
		sample_clear(&s);
	}
	sample_init(&s);
	digest_of(&s.extension.image.sha256, "", 0);
	CU_ASSERT_FALSE(is_untouched(&s));
	sample_clear(&s);
}

/* Who adds a field must add it to the fingerprint, to the samples above, and then here. */
static void test_fingerprint_of__knows_every_field(void)
{
	struct fields_of_image {
		enum image_protocol protocol;
		char *uri;
		struct digest sha256;
		char *pull_secret;
		enum extension_debug_sections debug_sections;
		int64_t track_ms;
	};
	struct fields_of_environment {
		struct extension_names host_keys;
		struct extension_variable *variables;
		size_t n_variables;
	};
	struct fields_of_extension {
		char *texts[4];
		int64_t generation;
		enum extension_runtime runtime;
		struct config_source configurations[2];
		struct fields_of_image image;
		enum extension_filter filter;
		enum extension_fail_policy fail_policy;
		int64_t backoff[2];
		struct fields_of_environment environment;
		struct extension_names capabilities;
		bool switches[2];
		enum extension_switch stop_iteration;
		bool suspend;
		char *refetch;
	};

	CU_ASSERT_EQUAL(sizeof(struct extension), sizeof(struct fields_of_extension));
	CU_ASSERT_EQUAL(sizeof(struct config_source), 5 * sizeof(char *));
	CU_ASSERT_EQUAL(sizeof(struct extension_names), sizeof(char **) + sizeof(size_t));
	CU_ASSERT_EQUAL(sizeof(struct extension_variable), 2 * sizeof(char *));
}

/* The same two names, in lists that stand side by side. */
static void test_fingerprint_of__does_not_mix_up_lists(void)
{
	struct sample s;

	sample_init(&s);
	s.capability = s.host_key;

	struct digest both = print_of(&s);

	s.extension.capabilities.n = 0;

	struct digest host_key = print_of(&s);

	s.extension.capabilities.n = 1;
	s.extension.environment.host_keys.n = 0;

	struct digest capability = print_of(&s);

	CU_ASSERT_FALSE(digest_equal(&both, &host_key));
	CU_ASSERT_FALSE(digest_equal(&host_key, &capability));
	sample_clear(&s);
}

static void test_fingerprint_of__sees_values_and_annotations(void)
{
	struct sample s;

	sample_init(&s);
	s.first.len = 0;
	CU_ASSERT_FALSE(is_untouched(&s));
	s.first.len = 1;
	s.first_bytes[0] = '\0';
	CU_ASSERT_FALSE(is_untouched(&s));
	s.first_bytes[0] = '1';
	CU_ASSERT_TRUE(is_untouched(&s));
	(void)map_put(&s.object.annotations, "note", s.texts[1]);
	CU_ASSERT_FALSE(is_untouched(&s));
	sample_clear(&s);
}

static void test_fingerprint_of__does_not_mix_up_neighbours(void)
{
	struct sample s;
	char longer[] = "t5t6";
	char empty[] = "";

	sample_init(&s);
	s.extension.plugin_configuration.namespace = longer;
	s.extension.plugin_configuration.name = empty;

	struct digest joined = print_of(&s);

	s.extension.plugin_configuration.namespace = empty;
	s.extension.plugin_configuration.name = longer;

	struct digest shifted = print_of(&s);

	s.extension.plugin_configuration.namespace = NULL;

	struct digest missing = print_of(&s);

	CU_ASSERT_FALSE(digest_equal(&joined, &shifted));
	CU_ASSERT_FALSE(digest_equal(&shifted, &missing));
	sample_clear(&s);
}

TEST_MAIN("fingerprint", TEST(test_fingerprint_of__ignores_the_place_in_the_file),
	TEST(test_fingerprint_of__ignores_the_order_of_values),
	TEST(test_fingerprint_of__sees_every_text),
	TEST(test_fingerprint_of__sees_every_other_field),
	TEST(test_fingerprint_of__knows_every_field),
	TEST(test_fingerprint_of__does_not_mix_up_lists),
	TEST(test_fingerprint_of__sees_values_and_annotations),
	TEST(test_fingerprint_of__does_not_mix_up_neighbours))
