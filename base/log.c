/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/utf8.h"

#define JSON_CUT ",\"cut\":true"
#define LOGFMT_CUT " cut=true"
/* Kept free for the end of a cut line: a closing quote, the mark, brace and newline. */
#define TAIL_BYTES (sizeof("\"" JSON_CUT "}\n") - 1)
#define MIN_CAP 64

static struct {
	enum log_level least;
	enum log_format format;
} setup = {LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT};

struct draft {
	char *out;  /* borrowed */
	size_t cap; /* without the tail */
	size_t len;
	enum log_format format;
	bool cut; /* nothing is added any more */
};

/* Adds all n bytes, or none and cuts the line here. */
static void put(struct draft *d, const char *bytes, size_t n)
{
	if (d->len + n > d->cap)
		d->cut = true;
	if (d->cut)
		return;
	memcpy(d->out + d->len, bytes, n);
	d->len += n;
}

static void put_literal(struct draft *d, const char *text)
{
	put(d, text, strlen(text));
}

/* For what ends the line, or a text within it: into the tail where need be. */
static void put_end(struct draft *d, const char *text)
{
	size_t n = strlen(text);

	memcpy(d->out + d->len, text, n);
	d->len += n;
}

/* C0, DEL and C1: what a terminal might obey. */
static bool is_control(const char *text, size_t len)
{
	unsigned char c = (unsigned char)text[0];

	if (len == 2)
		return c == 0xC2 && (unsigned char)text[1] < 0xA0;
	return len == 1 && (c < 0x20 || c == 0x7F);
}

/* Puts the character of len bytes at text; len is 0 for a byte that is not UTF-8. */
static void put_escaped(struct draft *d, const char *text, size_t len)
{
	char escape[8];

	if (len == 0) {
		put_literal(d, "\\ufffd");
	} else if (is_control(text, len)) {
		(void)snprintf(escape, sizeof(escape), "\\u00%02x", (unsigned char)text[len - 1]);
		put_literal(d, escape);
	} else if (*text == '"' || *text == '\\') {
		(void)snprintf(escape, sizeof(escape), "\\%c", *text);
		put_literal(d, escape);
	} else {
		put(d, text, len);
	}
}

static void put_text(struct draft *d, const char *text)
{
	size_t left = strlen(text);

	while (left > 0 && !d->cut) {
		size_t len = utf8_len(text, left);
		size_t step = len ? len : 1;

		put_escaped(d, text, len);
		text += step;
		left -= step;
	}
}

static bool needs_quotes(const char *text)
{
	size_t left = strlen(text);

	if (left == 0)
		return true;
	while (left > 0) {
		size_t len = utf8_len(text, left);

		if (len == 0 || is_control(text, len) || strchr(" =\"\\", *text))
			return true;
		text += len;
		left -= len;
	}
	return false;
}

static void put_key(struct draft *d, const char *key)
{
	bool json = d->format == LOG_FORMAT_JSON;

	if (d->len > 0)
		put_literal(d, json ? "," : " ");
	put_literal(d, json ? (d->len > 0 ? "\"" : "{\"") : "");
	put_text(d, key);
	put_literal(d, json ? "\":" : "=");
}

static void put_number(struct draft *d, const struct log_field *f)
{
	char digits[24];

	if (f->kind == LOG_KIND_BOOL) {
		put_literal(d, f->num ? "true" : "false");
		return;
	}
	(void)snprintf(digits, sizeof(digits), "%" PRId64, f->num);
	put_literal(d, digits);
}

/* A text may be cut within; any other field is there whole or not at all. */
static void put_field(struct draft *d, const struct log_field *f)
{
	size_t before = d->len;
	bool is_text = f->kind == LOG_KIND_STR;

	if (d->cut || (is_text && !f->str))
		return;

	bool quoted = is_text && (d->format == LOG_FORMAT_JSON || needs_quotes(f->str));

	put_key(d, f->key);
	if (quoted)
		put_literal(d, "\"");
	if (!is_text)
		put_number(d, f);
	if (d->cut) {
		d->len = before;
		return;
	}
	if (is_text)
		put_text(d, f->str);
	if (quoted)
		put_end(d, "\"");
}

static const char *level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_DEBUG:
		return "debug";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_WARN:
		return "warn";
	case LOG_LEVEL_ERROR:
		return "error";
	}
	return "unknown";
}

size_t log_render(char *out, size_t cap, enum log_format format, const struct log_line *line)
{
	assert(cap >= MIN_CAP);

	bool json = format == LOG_FORMAT_JSON;
	struct draft d = {.cap = cap - TAIL_BYTES, .format = format};

	d.out = out;
	put_field(&d, &LOG_STR("ts", line->ts));
	put_field(&d, &LOG_STR("level", level_name(line->level)));
	put_field(&d, &LOG_STR("msg", line->msg));
	for (size_t i = 0; i < line->n; i++)
		put_field(&d, &line->fields[i]);
	if (d.cut)
		put_end(&d, json ? JSON_CUT : LOGFMT_CUT);
	put_end(&d, json ? "}\n" : "\n");
	return d.len;
}

void log_setup(enum log_level least, enum log_format format)
{
	setup.least = least;
	setup.format = format;
}

bool log_enabled(enum log_level level)
{
	return level >= setup.least;
}

/* RFC 3339 with milliseconds; leaves out alone when the clock cannot be read. */
static void now_text(char *out, size_t cap)
{
	struct timespec now;
	struct tm utc;

	if (clock_gettime(CLOCK_REALTIME, &now) < 0 || !gmtime_r(&now.tv_sec, &utc))
		return;

	size_t len = strftime(out, cap, "%Y-%m-%dT%H:%M:%S", &utc);

	(void)snprintf(out + len, cap - len, ".%03ldZ", now.tv_nsec / 1000000);
}

void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n)
{
	char out[LIMIT_LOG_LINE];
	char ts[64] = "";
	int errnum = errno;

	if (!log_enabled(level))
		return;
	now_text(ts, sizeof(ts));

	const struct log_line line = {
		.ts = ts, .level = level, .msg = msg, .fields = fields, .n = n};
	size_t len = log_render(out, sizeof(out), setup.format, &line);

	/* There is nobody left to tell when stderr is gone. */
	ssize_t ignored = write(STDERR_FILENO, out, len);

	(void)ignored;
	errno = errnum;
}
