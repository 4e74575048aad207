/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base/flags.h - command lines from one table, which also prints --help.
 * Accepts --name=value, --name value, --name and --name=false for FLAG_BOOL, -x for a flag with a
 * letter, and "--" before operands.  The last value wins, but for FLAG_LIST, which gathers.
 */
#ifndef WASMXDS_BASE_FLAGS_H
#define WASMXDS_BASE_FLAGS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/err.h"

enum flag_type {
	FLAG_BOOL,     /* bool */
	FLAG_INT,      /* int64_t, min to max */
	FLAG_SIZE,     /* int64_t in bytes, min to max; accepts Ki, Mi, Gi */
	FLAG_DURATION, /* int64_t in milliseconds, min to max; accepts ms, s, m, h */
	FLAG_TEXT,     /* char *, owned by the struct */
	FLAG_CHOICE,   /* int, an index into choices */
	FLAG_LIST,     /* struct flag_list: repeatable */
};

struct flag_list {
	char **items; /* owned */
	size_t n;
};

struct flag {
	const char *name;  /* without the dashes */
	const char *value; /* what the value is called in --help: "DIR" */
	const char *help;  /* one line */
	enum flag_type type;
	char letter;                /* 0: none */
	size_t offset;              /* of the field in the config struct */
	const char *def;            /* default as text; NULL: zero; of FLAG_LIST always NULL */
	int64_t min, max;           /* of FLAG_INT, FLAG_SIZE and FLAG_DURATION */
	const char *const *choices; /* of FLAG_CHOICE, NULL at the end */
};

struct flags {
	const char *usage; /* "wasmxds run [flags] DIR" */
	const char *about; /* what the verb does, one or more lines */
	const struct flag *table;
	size_t n;
	const struct flags *shared; /* more flags of the same config, for several verbs, or NULL; of
				     * it only table, n and shared count */
};

/* Sets every field of config to its default, whatever it held; flags_parse() does so itself. */
void flags_defaults(const struct flags *flags, void *config);

/* Sets the defaults, then reads argv (argv[0] is skipped) into config; operands are moved, in
 * order, to argv[0] and on, and their number goes to *operands.  ERR_INVALID names the flag, the
 * value and what is allowed; config then owns nothing. */
int flags_parse(const struct flags *flags, void *config, int argc, char **argv, int *operands,
	struct err *err) __attribute__((warn_unused_result));

/* Frees what flags_parse() put into config. */
void flags_clear(const struct flags *flags, void *config);

/* Returns the i-th flag, the verb's own before those that it shares, or NULL behind the last. */
const struct flag *flags_at(const struct flags *flags, size_t i);

/* Returns what the value is called, or NULL where the flag needs none. */
const char *flags_value(const struct flag *flag);

/* Prints what a flag is for, what is allowed and what its default is, on one line. */
void flags_describe(const struct flag *flag, FILE *out);

void flags_print_help(const struct flags *flags, FILE *out);

#endif
