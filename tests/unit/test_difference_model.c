/* SPDX-License-Identifier: Apache-2.0 */
/* kube/difference.c against a model of it, over thousands of random steps. */
#include "kube/difference.h"

#include <stdint.h>

#include "base/auto.h"
#include "tests/unit/difference_steps.h"
#include "tests/unit/test.h"

/* The model: what the files show, in plain arrays, and what the events have built up. */
#define FILES 5
#define KEYS 6

struct model_file {
	int shows[KEYS];      /* version; 0: none */
	bool remembers[KEYS]; /* claims it, but does not show it */
	bool wrong;           /* as its reader said */
	bool invalid;         /* as the events say */
	bool touched;         /* in this step */
};

struct model {
	struct difference *d;
	uint64_t random;
	struct model_file files[FILES];
	int told[KEYS]; /* as the events say */
	bool deleting;  /* a DELETED came in this report */
};

static const char *const file_names[FILES] = {"a", "b", "c", "d", "e"};

static unsigned pick(struct model *m, unsigned n)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	m->random ^= m->random << 17;
	return (unsigned)(m->random % n);
}

static void model_event(void *arg, struct source_event *event)
{
	struct model *m = arg;
	struct model_file *file = &m->files[event->origin[0] - 'a'];
	const struct object_value *value = NULL;
	size_t key = event->key ? (size_t)(strrchr(event->key, '/')[1] - 'k') : 0;
	int version = 0;

	switch (event->change) {
	case SOURCE_APPLIED:
		value = map_get(&event->object->values, "v");
		version = value->bytes[0] - '0';
		CU_ASSERT_FALSE(m->deleting);
		CU_ASSERT_NOT_EQUAL(m->told[key], version);
		CU_ASSERT_EQUAL(file->shows[key], version);
		m->told[key] = version;
		break;
	case SOURCE_DELETED:
		CU_ASSERT_NOT_EQUAL(m->told[key], 0);
		m->told[key] = 0;
		m->deleting = true;
		break;
	case SOURCE_INVALID:
		file->invalid = true;
		break;
	case SOURCE_MENDED:
		CU_ASSERT_TRUE(file->invalid);
		file->invalid = false;
		break;
	}
	directory_event_clear(event);
}

/* Writes what the file shows, as manifest_of() reads it. */
static void content_of(char *out, size_t cap, const struct model_file *file)
{
	int len = 0;

	out[0] = '\0';
	for (int k = 0; k < KEYS; k++) {
		if (file->shows[k] && !file->remembers[k])
			len += snprintf(
				out + len, cap - (size_t)len, "%c=%d ", 'k' + k, file->shows[k]);
	}
}

static void model_show(struct model *m, size_t f)
{
	struct model_file *file = &m->files[f];
	bool wrong = pick(m, 3) == 0;
	char text[64];

	for (int k = 0; k < KEYS; k++) {
		int version = pick(m, 3) == 0 ? (int)pick(m, 3) + 1 : 0;
		bool remembered = wrong && version == 0 && file->shows[k] != 0;

		if (!remembered)
			file->shows[k] = version;
		file->remembers[k] = remembered;
	}
	file->wrong = wrong;
	content_of(text, sizeof(text), file);
	if (wrong)
		show_wrong(m->d, file_names[f], text);
	else
		show(m->d, file_names[f], text);
}

static void model_change(struct model *m)
{
	size_t f = pick(m, FILES);
	struct model_file *file = &m->files[f];

	file->touched = true;
	switch (pick(m, 6)) {
	case 0:
		difference_drop(m->d, file_names[f]);
		memset(file->shows, 0, sizeof(file->shows));
		file->wrong = false;
		break;
	case 1:
		fail(m->d, file_names[f], "no");
		memset(file->remembers, 1, sizeof(file->remembers));
		file->wrong = true;
		break;
	default:
		model_show(m, f);
	}
}

/* As directory_scan() does with those that it has not read anyway. */
static void model_refill(struct model *m)
{
	char text[64];

	for (size_t f = 0; f < FILES; f++) {
		if (!m->files[f].touched && difference_hollow(m->d, file_names[f])) {
			content_of(text, sizeof(text), &m->files[f]);
			refill(m->d, file_names[f], text);
		}
	}
}

/* What a wrong file no longer shows may have been handed on long ago; then the state that was
 * reported stays. */
static void model_check(const struct model *m, const int *told_before)
{
	bool conflict[FILES] = {false};

	for (int k = 0; k < KEYS; k++) {
		const struct model_file *keeper = NULL;

		for (int f = 0; f < FILES; f++) {
			const struct model_file *file = &m->files[f];

			if (keeper && file->shows[k] && !file->remembers[k])
				conflict[f] = true;
			if (!keeper && file->shows[k])
				keeper = file;
		}
		if (!keeper)
			CU_ASSERT_EQUAL(m->told[k], 0);
		if (keeper && m->told[k] != keeper->shows[k]) {
			CU_ASSERT_TRUE(keeper->remembers[k]);
			CU_ASSERT_EQUAL(m->told[k], told_before[k]);
			CU_ASSERT_NOT_EQUAL(m->told[k], 0);
		}
	}
	for (int f = 0; f < FILES; f++)
		CU_ASSERT_EQUAL(m->files[f].invalid, m->files[f].wrong || conflict[f]);
}

static void model_step(struct model *m)
{
	int told_before[KEYS];

	memcpy(told_before, m->told, sizeof(told_before));
	for (size_t f = 0; f < FILES; f++)
		m->files[f].touched = false;
	for (unsigned i = pick(m, 3) + 1; i > 0; i--)
		model_change(m);
	model_refill(m);
	m->deleting = false;
	difference_report(m->d, model_event, m);
	model_check(m, told_before);
	expect(m->d, "");
}

static void test_difference_report__agrees_with_a_model(void)
{
	AUTO(difference) struct difference *d = difference_new();
	struct model m = {.d = d, .random = 0x9e3779b97f4a7c15U};

	for (int i = 0; i < 5000 && CU_get_number_of_failures() == 0; i++)
		model_step(&m);
}

TEST_MAIN("difference_model", TEST(test_difference_report__agrees_with_a_model))
