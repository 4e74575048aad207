/* SPDX-License-Identifier: Apache-2.0 */
#include "base/flags.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define HELP_COLUMN 34

struct unit {
	const char *suffix;
	int64_t factor;
};

/* The largest first, so that a number is shown in the largest that divides it. */
static const struct unit size_units[] = {
	{"Gi", INT64_C(1) << 30}, {"Mi", 1 << 20}, {"Ki", 1 << 10}, {"", 1}, {NULL, 0}};
static const struct unit duration_units[] = {
	{"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}, {NULL, 0}};
static const struct unit plain_units[] = {{"", 1}, {NULL, 0}};

static const struct unit *units_of(const struct flag *flag)
{
	if (flag->type == FLAG_SIZE)
		return size_units;
	return flag->type == FLAG_DURATION ? duration_units : plain_units;
}

static bool is_number(const struct flag *flag)
{
	return flag->type == FLAG_INT || flag->type == FLAG_SIZE || flag->type == FLAG_DURATION;
}

const struct flag *flags_at(const struct flags *flags, size_t i)
{
	for (; flags; flags = flags->shared) {
		if (i < flags->n)
			return &flags->table[i];
		i -= flags->n;
	}
	return NULL;
}

static void *field_of(const struct flag *flag, void *config)
{
	return (char *)config + flag->offset;
}

static void show_number(char *out, size_t cap, const struct flag *flag, int64_t number)
{
	const struct unit *unit = units_of(flag);

	while (unit[1].suffix && (number == 0 || number % unit->factor != 0))
		unit++;
	(void)snprintf(out, cap, "%jd%s", (intmax_t)(number / unit->factor), unit->suffix);
}

/* What the flag accepts, in words that fit behind "must be" and into --help. */
static void show_allowed(char *out, size_t cap, const struct flag *flag)
{
	char min[32];
	char max[32];
	size_t len = 0;

	out[0] = '\0';
	if (flag->type == FLAG_BOOL)
		(void)snprintf(out, cap, "true or false");
	if (is_number(flag)) {
		show_number(min, sizeof(min), flag, flag->min);
		show_number(max, sizeof(max), flag, flag->max);
		(void)snprintf(out, cap, "%s to %s", min, max);
	}
	if (flag->type != FLAG_CHOICE)
		return;
	for (size_t i = 0; flag->choices[i] && len < cap; i++) {
		const char *comma = flag->choices[i + 1] ? ", " : " or ";
		int n = snprintf(
			out + len, cap - len, "%s%s", i > 0 ? comma : "", flag->choices[i]);

		len += n > 0 ? (size_t)n : 0;
	}
}

static int refuse(const struct flag *flag, const char *text, struct err *err)
{
	char allowed[160];
	const char *with = "";

	show_allowed(allowed, sizeof(allowed), flag);
	if (flag->type == FLAG_SIZE)
		with = ", in bytes or with Ki, Mi or Gi";
	if (flag->type == FLAG_DURATION)
		with = ", with ms, s, m or h";
	return err_set(err, ERR_INVALID, "--%s=%s: must be %s%s", flag->name, quote(text).text,
		allowed, with);
}

/* Reads digits and one of the units; false when text is anything else, or overflows. */
static bool read_number(const char *text, const struct unit *units, int64_t *out)
{
	const char *digits = *text == '-' ? text + 1 : text;
	char *end = NULL;

	if (strspn(digits, "0123456789") == 0)
		return false;
	errno = 0;

	long long number = strtoll(text, &end, 10);

	if (errno != 0)
		return false;
	for (; units->suffix; units++) {
		if (strcmp(units->suffix, end) == 0)
			return !__builtin_mul_overflow(number, units->factor, out);
	}
	return false;
}

static int set_number(const struct flag *flag, int64_t *field, const char *text, struct err *err)
{
	int64_t number = 0;

	if (!read_number(text, units_of(flag), &number) || number < flag->min || number > flag->max)
		return refuse(flag, text, err);
	*field = number;
	return 0;
}

static int set_bool(const struct flag *flag, bool *field, const char *text, struct err *err)
{
	bool is_true = strcmp(text, "true") == 0;

	if (!is_true && strcmp(text, "false") != 0)
		return refuse(flag, text, err);
	*field = is_true;
	return 0;
}

static int set_choice(const struct flag *flag, int *field, const char *text, struct err *err)
{
	for (int i = 0; flag->choices[i]; i++) {
		if (strcmp(flag->choices[i], text) == 0) {
			*field = i;
			return 0;
		}
	}
	return refuse(flag, text, err);
}

static int add_item(
	const struct flag *flag, struct flag_list *list, const char *text, struct err *err)
{
	if (list->n == LIMIT_FLAG_LIST)
		return err_set(err, ERR_INVALID, "--%s: must not be given more than %d times",
			flag->name, LIMIT_FLAG_LIST);
	list->items = xreallocarray(list->items, list->n + 1, sizeof(*list->items));
	list->items[list->n++] = xstrdup(text);
	return 0;
}

static void set_text(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static int set_field(const struct flag *flag, void *config, const char *text, struct err *err)
{
	void *field = field_of(flag, config);

	switch (flag->type) {
	case FLAG_BOOL:
		return set_bool(flag, field, text, err);
	case FLAG_INT:
	case FLAG_SIZE:
	case FLAG_DURATION:
		return set_number(flag, field, text, err);
	case FLAG_TEXT:
		set_text(field, text);
		return 0;
	case FLAG_CHOICE:
		return set_choice(flag, field, text, err);
	case FLAG_LIST:
		return add_item(flag, field, text, err);
	}
	return refuse(flag, text, err);
}

static size_t field_size(enum flag_type type)
{
	switch (type) {
	case FLAG_BOOL:
		return sizeof(bool);
	case FLAG_INT:
	case FLAG_SIZE:
	case FLAG_DURATION:
		return sizeof(int64_t);
	case FLAG_TEXT:
		return sizeof(char *);
	case FLAG_CHOICE:
		return sizeof(int);
	case FLAG_LIST:
		return sizeof(struct flag_list);
	}
	return 0;
}

void flags_defaults(const struct flags *flags, void *config)
{
	const struct flag *flag;

	for (size_t i = 0; (flag = flags_at(flags, i)); i++) {
		struct err err = {.code = ERR_NONE};

		memset(field_of(flag, config), 0, field_size(flag->type));

		assert(flag->type != FLAG_LIST || !flag->def);

		int rc = flag->def ? set_field(flag, config, flag->def, &err) : 0;

		/* A default that its own flag refuses is a mistake in the table. */
		assert(rc == 0);
		(void)rc;
	}
}

void flags_clear(const struct flags *flags, void *config)
{
	const struct flag *flag;

	for (size_t i = 0; (flag = flags_at(flags, i)); i++) {
		void *field = field_of(flag, config);

		if (flag->type == FLAG_TEXT) {
			char **text = field;

			free(*text);
			*text = NULL;
		} else if (flag->type == FLAG_LIST) {
			struct flag_list *list = field;

			for (size_t item = 0; item < list->n; item++)
				free(list->items[item]);
			free(list->items);
			*list = (struct flag_list){.items = NULL};
		}
	}
}

static const struct flag *find_name(const struct flags *flags, const char *name, size_t n)
{
	const struct flag *flag;

	for (size_t i = 0; (flag = flags_at(flags, i)); i++) {
		if (strlen(flag->name) == n && memcmp(flag->name, name, n) == 0)
			return flag;
	}
	return NULL;
}

static const struct flag *find_letter(const struct flags *flags, char letter)
{
	const struct flag *flag;

	for (size_t i = 0; (flag = flags_at(flags, i)); i++) {
		if (flag->letter == letter)
			return flag;
	}
	return NULL;
}

/* Finds the flag that arg names; *value is what stands behind its '=', or NULL. */
static const struct flag *find_flag(const struct flags *flags, const char *arg, const char **value)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

	*value = equals ? equals + 1 : NULL;
	if (arg[1] == '-')
		return find_name(flags, arg + 2, len - 2);
	return len == 2 ? find_letter(flags, arg[1]) : NULL;
}

/* Reads the flag at argv[*at] and moves *at to the last argument that belongs to it. */
static int parse_flag(
	const struct flags *flags, void *config, char **argv, int *at, struct err *err)
{
	const char *arg = argv[*at];
	const char *value = NULL;
	const struct flag *flag = find_flag(flags, arg, &value);

	if (!flag)
		return err_set(
			err, ERR_INVALID, "unknown flag %s: --help lists them", quote(arg).text);
	if (!value && flag->type == FLAG_BOOL)
		value = "true";
	if (!value)
		value = argv[*at + 1] ? argv[++*at] : NULL;
	if (!value)
		return err_set(err, ERR_INVALID, "--%s: must have a value: --%s=%s", flag->name,
			flag->name, flag->value ? flag->value : "VALUE");
	return set_field(flag, config, value, err);
}

static int parse_all(const struct flags *flags, void *config, int argc, char **argv, int *operands,
	struct err *err)
{
	int found = 0;
	bool only_operands = false;

	for (int at = 1; at < argc; at++) {
		char *arg = argv[at];

		if (only_operands || arg[0] != '-' || arg[1] == '\0') {
			argv[found++] = arg;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			only_operands = true;
			continue;
		}
		if (parse_flag(flags, config, argv, &at, err) < 0)
			return -1;
	}
	*operands = found;
	return 0;
}

int flags_parse(const struct flags *flags, void *config, int argc, char **argv, int *operands,
	struct err *err)
{
	flags_defaults(flags, config);
	if (parse_all(flags, config, argc, argv, operands, err) == 0)
		return 0;
	flags_clear(flags, config);
	return -1;
}

void flags_describe(const struct flag *flag, FILE *out)
{
	char allowed[160];

	(void)fputs(flag->help, out);
	show_allowed(allowed, sizeof(allowed), flag);
	if (flag->type != FLAG_BOOL && allowed[0])
		(void)fprintf(out, "; %s", allowed);
	if (flag->type == FLAG_LIST)
		(void)fputs("; repeatable", out);
	if (flag->def && flag->def[0])
		(void)fprintf(out, " (default %s)", flag->def);
}

const char *flags_value(const struct flag *flag)
{
	if (flag->type == FLAG_BOOL)
		return NULL;
	return flag->value ? flag->value : "VALUE";
}

static void print_flag(const struct flag *flag, FILE *out)
{
	const char *value = flags_value(flag);
	char left[96];
	char letter[8] = "    ";

	if (flag->letter)
		(void)snprintf(letter, sizeof(letter), "-%c, ", flag->letter);
	(void)snprintf(left, sizeof(left), "  %s--%s%s%s", letter, flag->name, value ? "=" : "",
		value ? value : "");
	(void)fprintf(out, "%-*s ", HELP_COLUMN, left);
	flags_describe(flag, out);
	(void)fputc('\n', out);
}

void flags_print_help(const struct flags *flags, FILE *out)
{
	const struct flag *flag;

	(void)fprintf(out, "Usage: %s\n\n%s\n\nFlags:\n", flags->usage, flags->about);
	for (size_t i = 0; (flag = flags_at(flags, i)); i++)
		print_flag(flag, out);
}
