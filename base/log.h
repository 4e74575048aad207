/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/log.h - one line of fields to stderr, in logfmt or JSON, written by one write(2):
 *	log_info("module served", LOG_STR("filter", name), LOG_INT("bytes", n));
 * msg and keys are constants; whatever varies is a value.  No secret and no payload goes in.  base,
 * api, wasm, kube, fetch, artifact and store never log: they return struct err, and who stops it
 * logs it.
 * Threads: log_* from any; log_setup() once, before there are others.
 */
#ifndef WASMXDS_BASE_LOG_H
#define WASMXDS_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_LOGFMT, LOG_FORMAT_JSON };
enum log_kind { LOG_KIND_STR, LOG_KIND_INT, LOG_KIND_BOOL };

struct log_field {
	const char *key;
	enum log_kind kind;
	const char *str; /* borrowed; NULL leaves the field out */
	int64_t num;
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_STR, .str = (v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .num = (int64_t)(v)})
#define LOG_BOOL(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .num = (v)})
/* Two fields: what went wrong, and what kind of wrong. */
#define LOG_ERR(e) LOG_STR("err", (e)->msg), LOG_STR("code", err_code_name((e)->code))

void log_setup(enum log_level least, enum log_format format);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *msg, const struct log_field *fields, size_t n);

struct log_line {
	const char *ts; /* RFC 3339 */
	enum log_level level;
	const char *msg;
	const struct log_field *fields;
	size_t n;
};

/* Renders line with its newline into out of cap bytes (at least 64); a longer one is cut, says
 * cut=true, and is still whole logfmt or JSON.  Returns its length.  Pure. */
size_t log_render(char *out, size_t cap, enum log_format format, const struct log_line *line);

#define log_fields_(level, msg, ...)                                                               \
	do {                                                                                       \
		const struct log_field fields_[] = {LOG_STR("", NULL) __VA_OPT__(, ) __VA_ARGS__}; \
		log_write(level, msg, fields_ + 1, sizeof(fields_) / sizeof(fields_[0]) - 1);      \
	} while (0)
#define log_debug(msg, ...) log_fields_(LOG_LEVEL_DEBUG, msg __VA_OPT__(, ) __VA_ARGS__)
#define log_info(msg, ...) log_fields_(LOG_LEVEL_INFO, msg __VA_OPT__(, ) __VA_ARGS__)
#define log_warn(msg, ...) log_fields_(LOG_LEVEL_WARN, msg __VA_OPT__(, ) __VA_ARGS__)
#define log_error(msg, ...) log_fields_(LOG_LEVEL_ERROR, msg __VA_OPT__(, ) __VA_ARGS__)

#endif
