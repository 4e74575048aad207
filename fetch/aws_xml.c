/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_xml.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define SPACE " \t\r\n"

/* The document from where it is read next; always NUL-terminated, with no NUL inside. */
struct scan {
	const char *at;
};

static bool skip_text(struct scan *s, const char *text)
{
	if (strncmp(s->at, text, strlen(text)) != 0)
		return false;
	s->at += strlen(text);
	return true;
}

static bool skip_past(struct scan *s, const char *text)
{
	const char *found = strstr(s->at, text);

	if (!found)
		return false;
	s->at = found + strlen(text);
	return true;
}

/* Skips what a tag holds behind its name, quoted values too, and its ">". */
static bool skip_attributes(struct scan *s, bool *empty)
{
	char last = '\0';

	while (*s->at && *s->at != '>' && *s->at != '<') {
		last = *s->at++;
		if (last == '"' || last == '\'') {
			const char *end = strchr(s->at, last);

			if (!end)
				return false;
			s->at = end + 1;
		}
	}
	*empty = last == '/';
	return skip_text(s, ">");
}

/* A tag: </name> has closes set, <name/> has empty set. */
struct tag {
	const char *name;
	size_t n;
	bool closes;
	bool empty;
};

/* Moves behind a comment or a processing instruction; 0 where there is none, -1 without an end. */
static int skip_aside(struct scan *s)
{
	if (skip_text(s, "<!--"))
		return skip_past(s, "-->") ? 1 : -1;
	if (skip_text(s, "<?"))
		return skip_past(s, "?>") ? 1 : -1;
	return 0;
}

/* A name cannot begin with "!", so that document types and CDATA end the reading. */
static int read_tag(struct tag *out, struct scan *s)
{
	s->at++;
	out->closes = skip_text(s, "/");
	out->name = s->at;
	out->n = strcspn(s->at, SPACE "/><\"'!=&");
	s->at += out->n;
	return out->n > 0 && skip_attributes(s, &out->empty) ? 1 : -1;
}

/* Moves behind the next tag and describes it; 0 at the end of the document, -1 where that is not
 * well formed. */
static int next_tag(struct tag *out, struct scan *s)
{
	for (;;) {
		s->at += strcspn(s->at, "<");
		if (!*s->at)
			return 0;

		int skipped = skip_aside(s);

		if (skipped < 0)
			return -1;
		if (skipped == 0)
			return read_tag(out, s);
	}
}

static bool tag_is(const struct tag *tag, const char *name)
{
	return strlen(name) == tag->n && memcmp(tag->name, name, tag->n) == 0;
}

/* Returns the character that &text; of n bytes stands for, or 0: ASCII is all that AWS needs. */
static unsigned char entity(const char *text, size_t n)
{
	static const struct {
		const char *name;
		unsigned char c;
	} named[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strlen(named[i].name) == n && memcmp(named[i].name, text, n) == 0)
			return named[i].c;
	}
	if (n < 2 || text[0] != '#')
		return '\0';

	bool hex = text[1] == 'x';
	const char *digits = text + (hex ? 2 : 1);
	char *end = NULL;
	unsigned long c = strtoul(digits, &end, hex ? 16 : 10);

	return end == text + n && end > digits && c < 0x80 ? (unsigned char)c : '\0';
}

/* Appends n bytes of an element's content, entities replaced; -1 where there is one we lack. */
static int decode(struct buf *out, const char *text, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '&') {
			size_t len = strcspn(text + i, ";<");

			c = text[i + len] == ';' ? entity(text + i + 1, len - 1) : '\0';
			i += len;
		}
		if (c == '\0')
			return err_set(err, ERR_INVALID, "XML: an entity that is not known");
		if (buf_append(out, &c, 1, err) < 0)
			return -1;
	}
	return 0;
}

/* Returns what stands between a tag and the next, which must close it. */
static char *read_content(struct scan *s, const char *name, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_AWS_TOKEN_BYTES);
	struct tag end = {0};

	s->at += strspn(s->at, SPACE);

	const char *text = s->at;
	size_t n = strcspn(text, "<");

	if (next_tag(&end, s) <= 0 || !end.closes || !tag_is(&end, name)) {
		(void)err_set(err, ERR_INVALID, "XML: %s must hold text and nothing else", name);
		return NULL;
	}
	while (n > 0 && strchr(SPACE, text[n - 1]))
		n--;
	return decode(&out, text, n, err) < 0 ? NULL : buf_take(&out);
}

static char *find_text(struct scan *s, const char *name, struct err *err)
{
	struct tag tag = {0};
	int rc;

	while ((rc = next_tag(&tag, s)) > 0) {
		if (!tag.closes && tag_is(&tag, name))
			return tag.empty ? xstrdup("") : read_content(s, name, err);
	}
	if (rc < 0)
		(void)err_set(err, ERR_INVALID, "XML: not well formed");
	else
		(void)err_set(err, ERR_INVALID, "XML: no element %s", name);
	return NULL;
}

char *aws_xml_text(const char *xml, size_t n, const char *name, struct err *err)
{
	AUTO(aws_secret) char *copy = NULL;

	if (n > LIMIT_AWS_ANSWER_BYTES || (n > 0 && memchr(xml, '\0', n))) {
		(void)err_set(err, ERR_INVALID, "XML: must be at most %lu bytes, none of them NUL",
			LIMIT_AWS_ANSWER_BYTES);
		return NULL;
	}
	copy = n > 0 ? xstrndup(xml, n) : xstrdup("");

	struct scan s = {.at = copy};

	return find_text(&s, name, err);
}

int aws_xml_credentials(struct aws_credentials *out, const char *xml, size_t n, struct err *err)
{
	AUTO(aws_credentials) struct aws_credentials read = {0};
	AUTO(free) char *key_id = NULL;
	AUTO(aws_secret) char *secret = NULL;
	AUTO(aws_secret) char *token = NULL;
	AUTO(free) char *expires = NULL;

	if (!(key_id = aws_xml_text(xml, n, "AccessKeyId", err)) ||
		!(secret = aws_xml_text(xml, n, "SecretAccessKey", err)) ||
		!(token = aws_xml_text(xml, n, "SessionToken", err)) ||
		!(expires = aws_xml_text(xml, n, "Expiration", err)))
		return -1;
	if (aws_credentials_set(&read, key_id, secret, token, err) < 0 ||
		aws_time_parse(&read.expires, expires, err) < 0)
		return -1;
	*out = read;
	read = (struct aws_credentials){0};
	return 0;
}

char *aws_xml_error(const char *xml, size_t n)
{
	struct err ignored;
	AUTO(free) char *code = aws_xml_text(xml, n, "Code", &ignored);

	return code && aws_is_name(code) ? STEAL(code) : NULL;
}
