/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/challenge.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define ALPHANUMERIC "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define TOKEN ALPHANUMERIC "!#$%&'*+-.^_`|~"
#define TOKEN68 ALPHANUMERIC "-._~+/"
#define BLANK " \t"

struct scan {
	const char *text; /* borrowed */
	const char *at;
};

static int fail(const struct scan *s, struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "WWW-Authenticate, byte %td: %s", s->at - s->text, what);
}

static void skip_blanks(struct scan *s)
{
	s->at += strspn(s->at, BLANK);
}

static bool at_end_of_item(const char *at)
{
	at += strspn(at, BLANK);
	return *at == ',' || *at == '\0';
}

/* Returns what stands at a token's place, which the caller frees; "" where there is none. */
static char *read_token(struct scan *s)
{
	size_t n = strspn(s->at, TOKEN);
	char *token = xstrndup(s->at, n);

	s->at += n;
	return token;
}

/* Returns the text of a quoted string, which the caller frees, or NULL with err. */
static char *read_quoted(struct scan *s, struct err *err)
{
	AUTO(free) char *out = xmalloc(strlen(s->at) + 1);
	size_t n = 0;

	for (s->at++; *s->at != '"'; s->at++) {
		if (*s->at == '\\')
			s->at++;
		if (((unsigned char)*s->at < ' ' && *s->at != '\t') || *s->at == 0x7F) {
			(void)fail(s, err,
				*s->at ? "control character in a quoted string"
				       : "quoted string without an end");
			return NULL;
		}
		out[n++] = *s->at;
	}
	s->at++;
	out[n] = '\0';
	return STEAL(out);
}

static char *read_value(struct scan *s, struct err *err)
{
	if (*s->at == '"')
		return read_quoted(s, err);
	if (strspn(s->at, TOKEN) == 0) {
		(void)fail(s, err, "a value must stand behind \"=\"");
		return NULL;
	}
	return read_token(s);
}

/* Returns whether "name =" stands next, rather than another challenge's scheme. */
static bool at_parameter(const struct scan *s)
{
	size_t name = strspn(s->at, TOKEN);

	return name > 0 && s->at[name + strspn(s->at + name, BLANK)] == '=';
}

/* Where a challenge keeps the parameter called name, or NULL: it counts for nothing. */
static char **parameter_slot(struct challenge *c, const char *name)
{
	if (strcasecmp(name, "realm") == 0)
		return &c->realm;
	if (strcasecmp(name, "service") == 0)
		return &c->service;
	if (strcasecmp(name, "scope") == 0)
		return &c->scope;
	return NULL;
}

static int read_parameter(struct challenge *c, struct scan *s, struct err *err)
{
	AUTO(free) char *name = read_token(s);
	AUTO(free) char *value = NULL;
	char **slot = parameter_slot(c, name);

	skip_blanks(s);
	s->at++; /* the "=" that at_parameter() saw */
	skip_blanks(s);
	value = read_value(s, err);
	if (!value)
		return -1;
	if (!at_end_of_item(s->at))
		return fail(s, err, "a comma must stand here");
	if (!slot)
		return 0;
	if (*slot)
		return err_set(err, ERR_INVALID, "WWW-Authenticate: %s must not stand twice",
			quote(name).text);
	*slot = STEAL(value);
	return 0;
}

/* Skips commas and blanks; returns whether a parameter of the same challenge stands behind. */
static bool next_parameter(struct scan *s)
{
	s->at += strspn(s->at, BLANK ",");
	return at_parameter(s);
}

/* Reads what stands behind a scheme: nothing, one opaque word, or parameters. */
static int read_details(struct challenge *c, struct scan *s, struct err *err)
{
	size_t opaque;

	if (at_end_of_item(s->at))
		return 0;
	if (*s->at != ' ')
		return fail(s, err, "not a character of a scheme");
	skip_blanks(s);
	opaque = strspn(s->at, TOKEN68);
	opaque += strspn(s->at + opaque, "=");
	if (opaque > 0 && at_end_of_item(s->at + opaque)) {
		s->at += opaque;
		return 0;
	}
	if (!at_parameter(s))
		return fail(s, err, "a parameter must stand behind the scheme");
	do {
		if (read_parameter(c, s, err) < 0)
			return -1;
	} while (next_parameter(s));
	return 0;
}

static int keep(struct challenge *c, const char *scheme, struct challenge *one, struct err *err)
{
	if (++c->n > LIMIT_CHALLENGES)
		return err_set(err, ERR_INVALID, "WWW-Authenticate: more than %d challenges",
			LIMIT_CHALLENGES);
	if (strcasecmp(scheme, "basic") == 0)
		c->basic = true;
	if (strcasecmp(scheme, "bearer") != 0 || c->bearer)
		return 0;
	if (!one->realm || one->realm[0] == '\0')
		return err_set(err, ERR_INVALID,
			"WWW-Authenticate: Bearer must have a realm, the URL that gives tokens");
	c->bearer = true;
	c->realm = STEAL(one->realm);
	c->service = STEAL(one->service);
	c->scope = STEAL(one->scope);
	return 0;
}

static int read_challenge(struct challenge *c, struct scan *s, struct err *err)
{
	AUTO(challenge) struct challenge one = {.realm = NULL};
	AUTO(free) char *scheme = read_token(s);

	if (scheme[0] == '\0')
		return fail(s, err, "a scheme must stand here");
	if (read_details(&one, s, err) < 0)
		return -1;
	return keep(c, scheme, &one, err);
}

int challenge_add(struct challenge *c, const char *value, struct err *err)
{
	struct scan s = {.text = value, .at = value};

	if (strnlen(value, LIMIT_CHALLENGE_BYTES + 1) > LIMIT_CHALLENGE_BYTES)
		return err_set(err, ERR_INVALID, "WWW-Authenticate: must be at most %lu bytes",
			LIMIT_CHALLENGE_BYTES);
	for (;;) {
		s.at += strspn(s.at, BLANK ",");
		if (*s.at == '\0')
			return 0;
		if (read_challenge(c, &s, err) < 0)
			return -1;
	}
}

void challenge_clear(struct challenge *c)
{
	free(c->realm);
	free(c->service);
	free(c->scope);
	*c = (struct challenge){.realm = NULL};
}
