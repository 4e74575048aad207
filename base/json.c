/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/utf8.h"
#include "base/xalloc.h"

#define FEW_KEYS 16
#define NUL_ESCAPE "\\u0000"

/*
 * cJSON recurses, takes control bytes for white space, and lets "01", "1." and a number's tail
 * pass.  So the text is held against RFC 8259 here first, without recursion, and cJSON only builds
 * the tree of what is known to be right.
 */
enum expect {
	EXPECT_VALUE,        /* at the start, too */
	EXPECT_VALUE_OR_END, /* behind [ */
	EXPECT_KEY,
	EXPECT_KEY_OR_END, /* behind { */
	EXPECT_NEXT,       /* a comma, or the end of the container or of the text */
};

struct scan {
	const char *text; /* borrowed */
	size_t n;
	size_t at;
	size_t values;
	size_t max_values;
	bool takes_nul;
	size_t nuls; /* \u0000 */
	unsigned depth;
	uint64_t objects; /* bit d: the container at depth d is an object */
	enum expect expect;
};

static_assert(LIMIT_JSON_DEPTH <= 64, "scan.objects has one bit for each level");

static int fail(const struct scan *s, struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "JSON, byte %zu: %s", s->at, what);
}

/* The byte at at + ahead; 0, which stands nowhere in valid JSON, behind the end. */
static char peek(const struct scan *s, size_t ahead)
{
	if (ahead >= s->n - s->at)
		return '\0';
	return s->text[s->at + ahead];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static void skip_digits(struct scan *s)
{
	while (is_digit(peek(s, 0)))
		s->at++;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_space(struct scan *s)
{
	while (is_space(peek(s, 0)))
		s->at++;
}

/* Returns the value of the hex digit c, or -1. */
static int hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Returns the unit of the escape \uXXXX at at + ahead, or -1 where there is none. */
static int unit_at(const struct scan *s, size_t ahead)
{
	int unit = 0;

	if (peek(s, ahead) != '\\' || peek(s, ahead + 1) != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_value(peek(s, ahead + i));

		if (digit < 0)
			return -1;
		unit = unit * 16 + digit;
	}
	return unit;
}

static int scan_unicode(struct scan *s, struct err *err)
{
	int unit = unit_at(s, 0);

	if (unit < 0)
		return fail(s, err, "\\u must have four hex digits behind it");
	if (unit == 0 && !s->takes_nul)
		return fail(s, err, "\\u0000 is not allowed");
	s->nuls += unit == 0;
	if (unit < 0xD800 || unit > 0xDFFF) {
		s->at += 6;
		return 0;
	}

	int low = unit_at(s, 6);

	if (unit > 0xDBFF || low < 0xDC00 || low > 0xDFFF)
		return fail(s, err, "half of a surrogate pair");
	s->at += 12;
	return 0;
}

static int scan_escape(struct scan *s, struct err *err)
{
	char c = peek(s, 1);

	if (c == 'u')
		return scan_unicode(s, err);
	if (c == '\0' || !strchr("\"\\/bfnrt", c))
		return fail(s, err,
			"unknown escape: it must be one of \\\" \\\\ \\/ \\b \\f \\n "
			"\\r \\t \\uXXXX");
	s->at += 2;
	return 0;
}

static int scan_string(struct scan *s, struct err *err)
{
	s->at++;
	while (s->at < s->n) {
		unsigned char c = (unsigned char)s->text[s->at];

		if (c < 0x20)
			return fail(s, err, "control byte in a string: it must be escaped");
		if (c == '\\') {
			if (scan_escape(s, err) < 0)
				return -1;
			continue;
		}
		s->at++;
		if (c == '"')
			return 0;
	}
	return fail(s, err, "string without an end");
}

static int scan_number(struct scan *s, struct err *err)
{
	size_t start = s->at;

	if (peek(s, 0) == '-')
		s->at++;
	if (!is_digit(peek(s, 0)))
		return fail(s, err, "- must have a digit behind it");
	if (peek(s, 0) == '0' && is_digit(peek(s, 1)))
		return fail(s, err, "number with a leading zero");
	skip_digits(s);
	if (peek(s, 0) == '.') {
		s->at++;
		if (!is_digit(peek(s, 0)))
			return fail(s, err, "a decimal point must have a digit behind it");
		skip_digits(s);
	}
	if (peek(s, 0) == 'e' || peek(s, 0) == 'E') {
		s->at += peek(s, 1) == '+' || peek(s, 1) == '-' ? 2 : 1;
		if (!is_digit(peek(s, 0)))
			return fail(s, err, "an exponent must have a digit");
		skip_digits(s);
	}
	if (s->at - start > LIMIT_JSON_NUMBER_BYTES)
		return fail(s, err, "number too long");
	return 0;
}

static int scan_literal(struct scan *s, struct err *err)
{
	static const char *const literals[] = {"true", "false", "null"};

	for (size_t i = 0; i < sizeof(literals) / sizeof(literals[0]); i++) {
		size_t len = strlen(literals[i]);

		if (s->n - s->at >= len && memcmp(s->text + s->at, literals[i], len) == 0) {
			s->at += len;
			return 0;
		}
	}
	return fail(s, err, "a value must stand here");
}

static int scan_open(struct scan *s, struct err *err)
{
	bool object = s->text[s->at] == '{';

	if (s->depth == LIMIT_JSON_DEPTH)
		return err_set(err, ERR_INVALID, "JSON, byte %zu: nested deeper than %d levels",
			s->at, LIMIT_JSON_DEPTH);

	uint64_t bit = UINT64_C(1) << s->depth;

	s->objects = object ? s->objects | bit : s->objects & ~bit;
	s->depth++;
	s->at++;
	s->expect = object ? EXPECT_KEY_OR_END : EXPECT_VALUE_OR_END;
	return 0;
}

static void scan_close(struct scan *s)
{
	s->depth--;
	s->at++;
	s->expect = EXPECT_NEXT;
}

static bool in_object(const struct scan *s)
{
	return s->depth > 0 && (s->objects >> (s->depth - 1) & 1);
}

static int scan_value(struct scan *s, struct err *err)
{
	char c = peek(s, 0);

	if (++s->values > s->max_values)
		return err_set(err, ERR_INVALID, "JSON, byte %zu: more than %zu values", s->at,
			s->max_values);
	if (c == '{' || c == '[')
		return scan_open(s, err);
	s->expect = EXPECT_NEXT;
	if (c == '"')
		return scan_string(s, err);
	if (c == '-' || is_digit(c))
		return scan_number(s, err);
	return scan_literal(s, err);
}

static int scan_key(struct scan *s, struct err *err)
{
	if (peek(s, 0) != '"')
		return fail(s, err, "a key in quotes must stand here");
	if (scan_string(s, err) < 0)
		return -1;
	skip_space(s);
	if (peek(s, 0) != ':')
		return fail(s, err, "a colon must stand here");
	s->at++;
	s->expect = EXPECT_VALUE;
	return 0;
}

static int scan_next(struct scan *s, struct err *err)
{
	char c = peek(s, 0);
	bool object = in_object(s);

	if (s->depth == 0)
		return fail(s, err, "nothing may stand behind the value");
	if (c == (object ? '}' : ']')) {
		scan_close(s);
		return 0;
	}
	if (c != ',')
		return fail(s, err,
			object ? "a comma or } must stand here" : "a comma or ] must stand here");
	s->at++;
	s->expect = object ? EXPECT_KEY : EXPECT_VALUE;
	return 0;
}

static int scan_step(struct scan *s, struct err *err)
{
	switch (s->expect) {
	case EXPECT_VALUE_OR_END:
		if (peek(s, 0) != ']')
			return scan_value(s, err);
		scan_close(s);
		return 0;
	case EXPECT_KEY_OR_END:
		if (peek(s, 0) != '}')
			return scan_key(s, err);
		scan_close(s);
		return 0;
	case EXPECT_VALUE:
		return scan_value(s, err);
	case EXPECT_KEY:
		return scan_key(s, err);
	case EXPECT_NEXT:
		return scan_next(s, err);
	}
	return -1;
}

static int scan_all(struct scan *s, struct err *err)
{
	if (!json_utf8_valid(s->text, s->n, &s->at))
		return fail(s, err, "not UTF-8");
	s->at = 0;
	for (skip_space(s); s->at < s->n; skip_space(s)) {
		if (scan_step(s, err) < 0)
			return -1;
	}
	if (s->depth > 0 || s->expect != EXPECT_NEXT)
		return fail(s, err, "ends too early");
	return 0;
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int refuse_twice(const char *key, struct err *err)
{
	return err_set(err, ERR_INVALID, "JSON: key %s must not stand twice in an object",
		quote(key).text);
}

/* Comparing each with each is quicker than sorting, where they are few. */
static int check_few_keys(const cJSON *object, struct err *err)
{
	for (const cJSON *a = object->child; a; a = a->next) {
		for (const cJSON *b = a->next; b; b = b->next) {
			if (strcmp(a->string, b->string) == 0)
				return refuse_twice(a->string, err);
		}
	}
	return 0;
}

static int check_keys(const cJSON *object, struct err *err)
{
	size_t n = 0;
	size_t at = 0;
	const cJSON *child = NULL;

	for (child = object->child; child; child = child->next)
		n++;
	if (n < 2)
		return 0;
	if (n <= FEW_KEYS)
		return check_few_keys(object, err);

	AUTO(free) const char **keys = xreallocarray(NULL, n, sizeof(*keys));

	for (child = object->child; child; child = child->next)
		keys[at++] = child->string;
	qsort(keys, n, sizeof(*keys), compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(keys[i - 1], keys[i]) == 0)
			return refuse_twice(keys[i], err);
	}
	return 0;
}

/* The order of the text; returns NULL at the end.  up[] holds the containers around node. */
static const cJSON *tree_next(const cJSON *node, const cJSON *up[], size_t *depth)
{
	if (node->child) {
		up[(*depth)++] = node;
		return node->child;
	}
	while (!node->next && *depth > 0)
		node = up[--*depth];
	return node->next;
}

static int check_tree(const cJSON *root, struct err *err)
{
	const cJSON *up[LIMIT_JSON_DEPTH];
	size_t depth = 0;

	for (const cJSON *node = root; node; node = tree_next(node, up, &depth)) {
		if (cJSON_IsNumber(node) && !isfinite(node->valuedouble))
			return err_set(err, ERR_INVALID,
				"JSON: a number is greater than a double can hold");
		if (cJSON_IsObject(node) && check_keys(node, err) < 0)
			return -1;
	}
	return 0;
}

/* cJSON's texts end at the first NUL.  Returns a copy with JSON_NUL in the place of each, which is
 * shorter; the caller frees it. */
static char *without_nuls(const struct scan *s, size_t *len)
{
	char *copy = xmalloc(s->n);
	char *to = copy;

	for (size_t at = 0; at < s->n;) {
		size_t taken = s->text[at] == '\\' ? 2 : 1;

		if (s->n - at >= strlen(NUL_ESCAPE) &&
			memcmp(s->text + at, NUL_ESCAPE, strlen(NUL_ESCAPE)) == 0) {
			to = mempcpy(to, JSON_NUL, strlen(JSON_NUL));
			taken = strlen(NUL_ESCAPE);
		} else {
			to = mempcpy(to, s->text + at, taken);
		}
		at += taken;
	}
	*len = (size_t)(to - copy);
	return copy;
}

static cJSON *build(const struct scan *s)
{
	AUTO(free) char *copy = NULL;
	size_t n = s->n;

	if (s->nuls > 0)
		copy = without_nuls(s, &n);
	return cJSON_ParseWithLength(copy ? copy : s->text, n);
}

static cJSON *parse(struct scan *s, struct err *err)
{
	AUTO(cjson) cJSON *tree = NULL;

	if (s->n > LIMIT_JSON_BYTES) {
		err_set(err, ERR_INVALID, "JSON: %zu bytes, must be at most %zu", s->n,
			LIMIT_JSON_BYTES);
		return NULL;
	}
	if (scan_all(s, err) < 0)
		return NULL;
	tree = build(s);
	if (!tree) {
		err_set(err, ERR_TRANSIENT, "JSON: no memory for the tree of %zu bytes", s->n);
		return NULL;
	}
	if (check_tree(tree, err) < 0)
		return NULL;
	return STEAL(tree);
}

cJSON *json_parse_within(const char *text, size_t n, size_t max_values, struct err *err)
{
	struct scan s = {.text = text, .n = n, .max_values = max_values};

	return parse(&s, err);
}

cJSON *json_parse(const char *text, size_t n, struct err *err)
{
	return json_parse_within(text, n, LIMIT_JSON_VALUES, err);
}

cJSON *json_parse_nul(const char *text, size_t n, struct err *err)
{
	struct scan s = {.text = text, .n = n, .max_values = LIMIT_JSON_VALUES, .takes_nul = true};

	return parse(&s, err);
}

const char *json_text(const cJSON *object, const char *key)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
}

bool json_utf8_valid(const char *text, size_t n, size_t *bad)
{
	size_t at = 0;

	while (at < n) {
		if ((unsigned char)text[at] < 0x80) { /* most are */
			at++;
			continue;
		}
		size_t len = utf8_len(text + at, n - at);

		if (len == 0) {
			*bad = at;
			return false;
		}
		at += len;
	}
	return true;
}
