/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/serve.h - the serving side that `run` and `xds` have in common: its flags, the xDS server and
 * the admin port.
 */
#ifndef WASMXDS_CLI_SERVE_H
#define WASMXDS_CLI_SERVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/flags.h"
#include "base/limits.h"
#include "xds/admin.h"
#include "xds/server.h"

struct serve_flags {
	char *listen;
	char *admin_listen;
	char *tls_cert;
	char *tls_key;
	char *tls_client_ca;
	char *client_policy;
	char *state_dir;
	int64_t max_streams;
	bool sotw_full_state;
};

/* Rows of a verb's table; at is where its struct serve_flags stands. */
#define SERVE_FLAG(at, field) ((at) + offsetof(struct serve_flags, field))
#define SERVE_OPTIONS(at)                                                                        \
	{.name = "listen",                                                                       \
		.value = "ADDR:PORT",                                                            \
		.type = FLAG_TEXT,                                                               \
		.offset = SERVE_FLAG(at, listen),                                                \
		.def = "127.0.0.1:8610",                                                         \
		.help = "where Envoy subscribes; port 0 takes any free one"},                    \
		{.name = "admin-listen",                                                         \
			.value = "ADDR:PORT",                                                    \
			.type = FLAG_TEXT,                                                       \
			.offset = SERVE_FLAG(at, admin_listen),                                  \
			.def = "127.0.0.1:8611",                                                 \
			.help = "status page, health, metrics, REST discovery; empty: none"},    \
		{.name = "tls-cert",                                                             \
			.value = "FILE",                                                         \
			.type = FLAG_TEXT,                                                       \
			.offset = SERVE_FLAG(at, tls_cert),                                      \
			.help = "PEM chain; with --tls-key Envoys are served over TLS"},         \
		{.name = "tls-key",                                                              \
			.value = "FILE",                                                         \
			.type = FLAG_TEXT,                                                       \
			.offset = SERVE_FLAG(at, tls_key),                                       \
			.help = "its private key; both are read again when they change"},        \
		{.name = "tls-client-ca",                                                        \
			.value = "FILE",                                                         \
			.type = FLAG_TEXT,                                                       \
			.offset = SERVE_FLAG(at, tls_client_ca),                                 \
			.help = "PEM; Envoys must show a certificate that it signed (mTLS)"},    \
		{.name = "client-policy",                                                        \
			.value = "FILE",                                                         \
			.type = FLAG_TEXT,                                                       \
			.offset = SERVE_FLAG(at, client_policy),                                 \
			.help = "with mTLS: who may have which namespaces; others get nothing"}, \
		{.name = "max-streams",                                                          \
			.value = "N",                                                            \
			.type = FLAG_INT,                                                        \
			.offset = SERVE_FLAG(at, max_streams),                                   \
			.def = "20000",                                                          \
			.min = 1,                                                                \
			.max = LIMIT_XDS_STREAMS,                                                \
			.help = "streams of Envoys at a time"},                                  \
		{.name = "state-dir",                                                            \
			.value = "DIR",                                                          \
			.type = FLAG_TEXT,                                                       \
			.offset = SERVE_FLAG(at, state_dir),                                     \
			.help = "keeps what Envoys refused, over a restart, so that it is not "  \
				"sent to them again (default of run: its store)"},               \
	{                                                                                        \
		.name = "sotw-full-state", .type = FLAG_BOOL,                                    \
		.offset = SERVE_FLAG(at, sotw_full_state),                                       \
		.help = "each SotW response carries all that is subscribed, "                    \
			"for Envoys with unified_mux on ADS"                                     \
	}

/* What serves. */
struct serving {
	struct xds_server *server; /* owned */
	struct admin *admin;       /* owned; NULL: no admin port */
};

/* Checks the flags and opens the admin port, where /readyz says that the store in store_dir is
 * waited for.  *out is the caller's to stop, whatever comes of it. */
int serving_open(struct serving *out, const struct serve_flags *flags, const char *store_dir,
	struct err *err) __attribute__((warn_unused_result));

/* Starts to serve that store, with the keys of seal_key (NULL: none), and logs where. */
int serving_start(struct serving *s, const struct serve_flags *flags, const char *store_dir,
	const char *seal_key, struct err *err) __attribute__((warn_unused_result));
void serving_stop(struct serving *s);
static inline void auto_serving(struct serving *s)
{
	serving_stop(s);
}

#endif
