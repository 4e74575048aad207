/* SPDX-License-Identifier: Apache-2.0 */
#include "api/yaml_scalar.h"

#include <string.h>

#define DECIMAL "0123456789"

static bool is_one_of(const char *text, const char *const words[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

static bool is_null(const char *text)
{
	static const char *const words[] = {"", "~", "null", "Null", "NULL"};

	return is_one_of(text, words, sizeof(words) / sizeof(words[0]));
}

static bool is_bool(const char *text)
{
	static const char *const words[] = {"true", "True", "TRUE", "yes", "Yes", "YES", "y", "Y",
		"on", "On", "ON", "false", "False", "FALSE", "no", "No", "NO", "n", "N", "off",
		"Off", "OFF"};

	return is_one_of(text, words, sizeof(words) / sizeof(words[0]));
}

/* Walks over digits and the "_" between them; returns whether there was a digit. */
static bool skip_digits(const char **at, const char *digits)
{
	bool any = false;

	for (; **at && (**at == '_' || strchr(digits, **at)); (*at)++)
		any = any || **at != '_';
	return any;
}

static bool is_integer_of_base(const char *text)
{
	const char *digits = NULL;
	const char *at = text + 2;

	if (text[0] != '0')
		return false;
	switch (text[1]) {
	case 'x':
	case 'X':
		digits = DECIMAL "abcdefABCDEF";
		break;
	case 'o':
	case 'O':
		digits = "01234567";
		break;
	case 'b':
	case 'B':
		digits = "01";
		break;
	default:
		return false;
	}
	return skip_digits(&at, digits) && *at == '\0';
}

static bool is_decimal(const char *text)
{
	const char *at = text;
	bool whole = skip_digits(&at, DECIMAL);
	bool fraction = false;

	if (*at == '.') {
		at++;
		fraction = skip_digits(&at, DECIMAL);
	}
	if (!whole && !fraction)
		return false;
	if (*at == 'e' || *at == 'E') {
		at++;
		if (*at == '+' || *at == '-')
			at++;
		if (!skip_digits(&at, DECIMAL))
			return false;
	}
	return *at == '\0';
}

static bool is_number(const char *text)
{
	static const char *const infinite[] = {".inf", ".Inf", ".INF"};
	static const char *const undefined[] = {".nan", ".NaN", ".NAN"};
	const char *magnitude = text + (*text == '+' || *text == '-');

	if (!strchr(DECIMAL "+-.", *text) || *magnitude == '_')
		return false;
	return is_integer_of_base(magnitude) || is_decimal(magnitude) ||
	       is_one_of(magnitude, infinite, 3) || is_one_of(text, undefined, 3);
}

enum node_kind yaml_scalar_kind(const char *text)
{
	if (is_null(text))
		return NODE_NULL;
	if (is_bool(text))
		return NODE_BOOL;
	return is_number(text) ? NODE_NUMBER : NODE_TEXT;
}
