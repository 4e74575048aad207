/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/fetch_options.h - the flags that all verbs share which fetch or push, and what they come to.
 * Threads: main, before there are others; the context may be read from any.
 */
#ifndef WASMXDS_CLI_FETCH_OPTIONS_H
#define WASMXDS_CLI_FETCH_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/flags.h"
#include "cli/options.h"
#include "fetch/fetch.h"

/* The first field of such a verb's config. */
struct fetch_flags {
	struct options options;
	int64_t max_module_bytes;
	int64_t connect_timeout_ms;
	int64_t idle_timeout_ms;
	int64_t total_timeout_ms;
	int64_t tries;
	char *ca_file;
	char *docker_config; /* NULL: docker's own, if it is there */
	struct flag_list insecure_registries;
	bool allow_loopback;
	struct flag_list allow_cidrs;
	struct flag_list deny_cidrs;
	char *s3_endpoint;
	char *s3_region;
	bool s3_path_style;
};

/* The table, as struct flags.shared wants it. */
extern const struct flags fetch_flags;

/* For verbs that fetch several modules at a time. */
#define FETCH_OPTIONS_WORKERS(field_offset)                                                        \
	{                                                                                          \
		.name = "fetch-workers", .value = "N", .type = FLAG_INT, .offset = (field_offset), \
		.def = "4", .min = 1, .max = LIMIT_FETCH_WORKERS, .help = "fetches at a time"      \
	}
#define FETCH_OPTIONS_HOST_CONNECTIONS(field_offset)                                        \
	{                                                                                   \
		.name = "fetch-host-connections", .value = "N", .type = FLAG_INT,           \
		.offset = (field_offset), .def = "2", .min = 1, .max = LIMIT_FETCH_WORKERS, \
		.help = "of them from one host"                                             \
	}

/* Failures in a row, after which those verbs leave a host alone for a while that go on. */
#define FETCH_OPTIONS_HOST_FAILURES 3

/* What the flags come to. */
struct fetch_context {
	struct fetch_options options; /* borrows from the flags and from all below */
	struct cidr *allow;           /* owned */
	struct cidr *deny;            /* owned */
	struct buf docker_config;     /* wiped at the end */
	bool has_curl;                /* curl_setup() was called */
};

/* Sets libcurl up and fills out, which is closed also after a failure; flags must outlive it.
 * ERR_INVALID names the flag whose value is wrong; ERR_NOT_FOUND, ERR_DENIED: a file that a flag
 * names; ERR_TRANSIENT. */
int fetch_context_open(struct fetch_context *out, const struct fetch_flags *flags, struct err *err)
	__attribute__((warn_unused_result));
void fetch_context_close(struct fetch_context *context);
static inline void auto_fetch_context(struct fetch_context *context)
{
	fetch_context_close(context);
}

/* Lets options connect to this machine where its name or address stands first in uri, which the
 * command line itself has: [USER@]HOST[:PORT]/... */
void fetch_options_allow_named(struct fetch_options *options, const char *uri);

#endif
