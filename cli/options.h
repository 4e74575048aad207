/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/options.h - what every verb's command line has in common: --help, logging, and how it fails.
 */
#ifndef WASMXDS_CLI_OPTIONS_H
#define WASMXDS_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/flags.h"

/* The first field of every verb's config. */
struct options {
	bool help;
	int log_level;  /* enum log_level */
	int log_format; /* enum log_format */
};

/* Rows of a verb's table. */
#define OPTIONS_HELP                                                               \
	{                                                                          \
		.name = "help", .letter = 'h', .type = FLAG_BOOL,                  \
		.offset = offsetof(struct options, help), .help = "show this help" \
	}
#define OPTIONS_LOG_LEVEL                                                               \
	{                                                                               \
		.name = "log-level", .value = "LEVEL", .type = FLAG_CHOICE,             \
		.offset = offsetof(struct options, log_level), .def = "info",           \
		.choices = options_log_levels, .help = "what is logged: this and worse" \
	}
#define OPTIONS_LOG_FORMAT                                                       \
	{                                                                        \
		.name = "log-format", .value = "FORMAT", .type = FLAG_CHOICE,    \
		.offset = offsetof(struct options, log_format), .def = "logfmt", \
		.choices = options_log_formats, .help = "how it is logged"       \
	}

enum options_output { OPTIONS_TEXT, OPTIONS_JSON };

#define OPTIONS_OUTPUT(field_offset)                                                     \
	{                                                                                \
		.name = "output", .letter = 'o', .value = "FORMAT", .type = FLAG_CHOICE, \
		.offset = (field_offset), .def = "text", .choices = options_outputs,     \
		.help = "how it is printed"                                              \
	}

extern const char *const options_outputs[];
extern const char *const options_log_levels[];
extern const char *const options_log_formats[];

/* Reads the command line of a verb into config, which begins with struct options, and moves the
 * operands to the front of argv.  Returns whether the verb goes on; if not, *exit_code is what it
 * ends with: help was printed, or what is wrong.  Either way flags_clear() is the caller's. */
bool options_parse(const struct flags *flags, struct options *config, int argc, char **argv,
	int *operands, int *exit_code);

/* Prints why the verb cannot do its work; returns EXIT_USAGE. */
int options_failed(const struct err *err);

/* Prints what is wrong with the command line, and how it should be; returns EXIT_USAGE. */
int options_usage_error(const struct flags *flags, const char *message);

#endif
