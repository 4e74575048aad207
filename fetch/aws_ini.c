/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_ini.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws_credentials.h"

/* A piece of the text, without space around it. */
struct span {
	const char *at;
	size_t n;
};

struct reader {
	enum aws_ini_kind kind;
	const char *name;         /* of the profile */
	struct aws_profile found; /* owned; what the file says so far */
	bool wanted;              /* the section at hand is the profile's */
	bool nested;              /* the last key had no value: what is indented below is its own */
	size_t line;
};

static void auto_reader(struct reader *r)
{
	aws_profile_clear(&r->found);
}

void aws_profile_clear(struct aws_profile *profile)
{
	free(profile->key_id);
	aws_secret_free(profile->secret);
	aws_secret_free(profile->session_token);
	*profile = (struct aws_profile){0};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(struct span s)
{
	while (s.n > 0 && is_blank(s.at[0])) {
		s.at++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.at[s.n - 1]))
		s.n--;
	return s;
}

static bool span_is(struct span s, const char *text)
{
	return strlen(text) == s.n && strncasecmp(s.at, text, s.n) == 0;
}

/* Returns s without a comment, which begins at "#" or ";" with space before it. */
static struct span drop_comment(struct span s)
{
	for (size_t i = 1; i < s.n; i++) {
		if ((s.at[i] == '#' || s.at[i] == ';') && is_blank(s.at[i - 1]))
			return trim((struct span){s.at, i});
	}
	return s;
}

/* Whether a section's title is that of the profile. */
static bool is_profile(const struct reader *r, struct span title)
{
	static const char word[] = "profile";
	size_t n = strlen(word);

	if (r->kind == AWS_INI_CONFIG && title.n > n && memcmp(title.at, word, n) == 0 &&
		is_blank(title.at[n]))
		title = trim((struct span){title.at + n, title.n - n});
	else if (r->kind == AWS_INI_CONFIG && !span_is(title, "default"))
		return false;
	return strlen(r->name) == title.n && memcmp(title.at, r->name, title.n) == 0;
}

static int read_section(struct reader *r, struct span line, struct err *err)
{
	const char *end = memchr(line.at, ']', line.n);

	if (!end)
		return err_set(err, ERR_INVALID, "line %zu: a section must end in \"]\"", r->line);

	struct span title = {line.at + 1, (size_t)(end - line.at) - 1};

	r->wanted = is_profile(r, trim(title));
	r->nested = false;
	r->found.found = r->found.found || r->wanted;
	return 0;
}

static void replace(char **field, struct span value)
{
	aws_secret_free(*field);
	*field = xstrndup(value.at, value.n);
}

static void keep(struct aws_profile *profile, struct span key, struct span value)
{
	/* they name another place to get credentials from, or a program to run */
	static const char *const unsupported[] = {"role_arn", "source_profile", "credential_source",
		"credential_process", "sso_session", "sso_start_url", "login_session"};

	if (span_is(key, "aws_access_key_id"))
		replace(&profile->key_id, value);
	else if (span_is(key, "aws_secret_access_key"))
		replace(&profile->secret, value);
	else if (span_is(key, "aws_session_token"))
		replace(&profile->session_token, value);
	for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++) {
		if (span_is(key, unsupported[i]))
			profile->unsupported = unsupported[i];
	}
}

static int read_key(struct reader *r, struct span line, struct err *err)
{
	const char *equals = memchr(line.at, '=', line.n);

	if (!equals || equals == line.at)
		return err_set(err, ERR_INVALID,
			"line %zu: must be [SECTION], KEY = VALUE or a comment", r->line);

	size_t n = (size_t)(equals - line.at);
	struct span key = trim((struct span){line.at, n});
	struct span value = trim(drop_comment((struct span){equals + 1, line.n - n - 1}));

	r->nested = value.n == 0;
	if (value.n > LIMIT_AWS_TOKEN_BYTES)
		return err_set(err, ERR_INVALID, "line %zu: a value of %zu bytes: at most %lu",
			r->line, value.n, LIMIT_AWS_TOKEN_BYTES);
	if (r->wanted && value.n > 0)
		keep(&r->found, key, value);
	return 0;
}

static int read_line(struct reader *r, struct span raw, struct err *err)
{
	struct span line = trim(raw);

	if (line.n == 0 || line.at[0] == '#' || line.at[0] == ';')
		return 0;
	if (memchr(line.at, '\0', line.n))
		return err_set(err, ERR_INVALID, "line %zu: a NUL byte", r->line);
	if (r->nested && is_blank(raw.at[0]))
		return 0;
	if (line.at[0] == '[')
		return read_section(r, line, err);
	return read_key(r, line, err);
}

static void take(char **to, char **from)
{
	if (!*to)
		*to = STEAL(*from);
}

/* The keys of one file belong together: none is taken where there is one already. */
static void merge(struct aws_profile *to, struct aws_profile *from)
{
	if (!to->key_id && !to->secret) {
		take(&to->key_id, &from->key_id);
		take(&to->secret, &from->secret);
		take(&to->session_token, &from->session_token);
	}
	if (!to->unsupported)
		to->unsupported = from->unsupported;
	to->found = to->found || from->found;
}

int aws_ini_read(struct aws_profile *out, const char *text, size_t n, enum aws_ini_kind kind,
	const char *name, struct err *err)
{
	AUTO(reader) struct reader r = {.kind = kind, .name = name};
	const char *end = text + n;

	while (text < end) {
		size_t left = (size_t)(end - text);
		const char *newline = memchr(text, '\n', left);
		size_t len = newline ? (size_t)(newline - text) : left;

		r.line++;
		if (read_line(&r, (struct span){text, len}, err) < 0)
			return -1;
		text += newline ? len + 1 : len;
	}
	merge(out, &r.found);
	return 0;
}
