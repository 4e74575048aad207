/* SPDX-License-Identifier: Apache-2.0 */
#include "api/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "api/problem.h"
#include "base/limits.h"

#define LOWER_OR_DIGIT "abcdefghijklmnopqrstuvwxyz0123456789"

static int check_length(const char *name, size_t max, struct err *err)
{
	size_t len = strlen(name);

	if (len == 0)
		return err_set(err, ERR_INVALID, "must not be empty");
	if (len > max)
		return err_set(err, ERR_INVALID, "must be at most %zu bytes, not %zu", max, len);
	return 0;
}

static bool is_label(const char *text, size_t n)
{
	return n > 0 && strspn(text, LOWER_OR_DIGIT "-") >= n && text[0] != '-' &&
	       text[n - 1] != '-';
}

static bool is_subdomain(const char *name)
{
	for (;;) {
		size_t n = strcspn(name, ".");

		if (!is_label(name, n))
			return false;
		if (name[n] == '\0')
			return true;
		name += n + 1;
	}
}

int name_check_subdomain(const char *name, struct err *err)
{
	if (check_length(name, LIMIT_NAME_BYTES, err) < 0)
		return -1;
	if (is_subdomain(name))
		return 0;
	return err_set(err, ERR_INVALID,
		"must be lower-case letters, digits, \"-\" and \".\", with a letter or digit at "
		"both ends of each part, not %s",
		quote(name).text);
}

int name_check_label(const char *name, struct err *err)
{
	if (check_length(name, LIMIT_NAMESPACE_BYTES, err) < 0)
		return -1;
	if (is_label(name, strlen(name)))
		return 0;
	return err_set(err, ERR_INVALID,
		"must be lower-case letters, digits and \"-\", with a letter or digit at both "
		"ends, not %s",
		quote(name).text);
}

static bool is_key(const char *name)
{
	size_t n = strspn(name, LOWER_OR_DIGIT "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");

	return name[n] == '\0' && strcmp(name, ".") != 0 && strncmp(name, "..", 2) != 0;
}

int name_check_key(const char *name, struct err *err)
{
	if (check_length(name, LIMIT_KEY_BYTES, err) < 0)
		return -1;
	if (is_key(name))
		return 0;
	return err_set(err, ERR_INVALID,
		"must be letters, digits, \"-\", \"_\" and \".\", and not begin with \"..\", not "
		"%s",
		quote(name).text);
}
