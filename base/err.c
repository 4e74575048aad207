/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

/* Messages are composed here first: an argument may be the very message that is replaced. */
struct draft {
	char text[sizeof(((struct err *)0)->msg)];
	size_t len;
};

static void draft_vadd(struct draft *d, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));
static void draft_add(struct draft *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void draft_vadd(struct draft *d, const char *fmt, va_list args)
{
	size_t room = sizeof(d->text) - d->len;
	int wrote = vsnprintf(d->text + d->len, room, fmt, args);

	if (wrote < 0)
		d->text[d->len] = '\0';
	else
		d->len += (size_t)wrote < room ? (size_t)wrote : room - 1;
}

static void draft_add(struct draft *d, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	draft_vadd(d, fmt, args);
	va_end(args);
}

static int draft_commit(struct draft *d, struct err *err, enum err_code code)
{
	/* A message reaches JSON and the API server: a cut one must still be valid UTF-8. */
	if (d->len == sizeof(d->text) - 1)
		d->len = utf8_whole(d->text, d->len);
	d->text[d->len] = '\0';
	err->code = code;
	memcpy(err->msg, d->text, d->len + 1);
	return -1;
}

int err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	struct draft d = {.len = 0};
	va_list args;

	va_start(args, fmt);
	draft_vadd(&d, fmt, args);
	va_end(args);
	return draft_commit(&d, err, code);
}

int err_errno(struct err *err, enum err_code code, const char *fmt, ...)
{
	int errnum = errno;
	struct draft d = {.len = 0};
	va_list args;

	va_start(args, fmt);
	draft_vadd(&d, fmt, args);
	va_end(args);
	errno = errnum;
	draft_add(&d, ": %m");
	return draft_commit(&d, err, code);
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	struct draft d = {.len = 0};
	va_list args;

	va_start(args, fmt);
	draft_vadd(&d, fmt, args);
	va_end(args);
	draft_add(&d, ": %s", err->msg);
	return draft_commit(&d, err, err->code);
}

bool err_retryable(const struct err *err)
{
	switch (err->code) {
	case ERR_NOT_FOUND:
	case ERR_DENIED:
	case ERR_CONFLICT:
	case ERR_TRANSIENT:
	case ERR_FULL:
		return true;
	case ERR_NONE:
	case ERR_INVALID:
	case ERR_UNVERIFIED:
		break;
	}
	return false;
}

const char *err_code_name(enum err_code code)
{
	switch (code) {
	case ERR_NONE:
		return "none";
	case ERR_INVALID:
		return "invalid";
	case ERR_NOT_FOUND:
		return "not_found";
	case ERR_DENIED:
		return "denied";
	case ERR_CONFLICT:
		return "conflict";
	case ERR_UNVERIFIED:
		return "unverified";
	case ERR_TRANSIENT:
		return "transient";
	case ERR_FULL:
		return "full";
	}
	return "unknown";
}

enum err_code err_code_from_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return ERR_FULL;
	case ENOENT:
		return ERR_NOT_FOUND;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	default:
		return ERR_TRANSIENT;
	}
}
