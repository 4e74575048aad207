/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/fingerprint.h"

#include "tests/unit/test.h"

/* Borrowed parts only: nothing here is freed. */
struct sample {
	struct object object;
	struct extension extension;
	struct object_value first, second;
	char first_bytes[8], second_bytes[8];
	char texts[13][8]; /* each text of the extension, then the object's namespace and name */
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
		.image = {.protocol = PROTOCOL_OCI, .uri = s->texts[12]}};
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
		&s.extension.image.protocol};

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
	struct fields_of_extension {
		char *texts[4];
		int64_t generation;
		enum extension_runtime runtime;
		struct config_source configurations[2];
		struct extension_image image;
	};

	CU_ASSERT_EQUAL(sizeof(struct extension), sizeof(struct fields_of_extension));
	CU_ASSERT_EQUAL(sizeof(struct config_source), 5 * sizeof(char *));
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
	TEST(test_fingerprint_of__sees_values_and_annotations),
	TEST(test_fingerprint_of__does_not_mix_up_neighbours))
