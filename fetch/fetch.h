/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/fetch.h - a module from wherever it lives into a file, verified.
 * Bytes in, verified file out: knows no Kubernetes and no store.
 * Threads: fetch_run() blocks, on any thread; options are read-only and shared.
 */
#ifndef WASMXDS_FETCH_FETCH_H
#define WASMXDS_FETCH_FETCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "fetch/guard.h"
#include "fetch/retry.h"
#include "wasm/module.h"

enum fetch_source { FETCH_LOCAL_FS, FETCH_HTTP, FETCH_HTTPS, FETCH_S3, FETCH_OCI };

struct aws; /* fetch/aws.h */

/* What holds for every fetch of a process. */
struct fetch_options {
	const char *local_root;     /* local_fs reads only below it; NULL: local_fs is off */
	uint64_t max_bytes;         /* of a module */
	int64_t connect_timeout_ms; /* one connection; 0: libcurl's 5 minutes */
	int64_t idle_timeout_ms;    /* no byte for so long, seen within a second; 0: no limit */
	int64_t total_timeout_ms;   /* one fetch, all of its tries; 0: no limit */
	const char *ca_file;        /* PEM, in place of the system's; NULL: the system's */
	const char *docker_config;  /* JSON: credentials of registries; NULL: none */
	char *const *insecure_registries; /* host[:port], spoken to by plain http; borrowed */
	size_t n_insecure_registries;
	const char *temp_dir; /* for what modules come packed in; NULL: $TMPDIR or /tmp */
	struct guard guard;   /* where fetches may connect to */
	struct retry_policy retry;
	int host_connections;   /* at a time to one host, by a pool; 0: one */
	int host_rate;          /* fetches that a pool begins in a second at one host; 0: any */
	unsigned host_failures; /* in a row, after which a pool leaves it alone; 0: it never does */
	/* Called by workers with the bytes of a body so far, and of all of it (0: not known); NULL:
	 * by nobody. */
	void (*on_progress)(void *arg, uint64_t done, uint64_t total);
	void *on_progress_arg;
	struct aws *aws;         /* for s3, and for registries of ECR; NULL: neither */
	const atomic_bool *stop; /* true: give up within a second; may be NULL */
};

static inline bool fetch_stopped(const struct fetch_options *options)
{
	return options->stop && atomic_load(options->stop);
}

struct fetch_request {
	enum fetch_source source;
	const char *uri;           /* without a scheme */
	struct digest want;        /* not set: any */
	const char *docker_config; /* as the options', and before that; NULL: none */
	const char *known;         /* nothing is fetched while the source has this revision; NULL:
				    * it is fetched in any case */
	bool ask_only;             /* nothing is fetched: the source is asked for its revision */
};

/* What a source calls the bytes that it has (fetch/revision.h); "": it does not say. */
struct revision {
	char text[LIMIT_REVISION_BYTES + 1];
};

struct fetch_result {
	bool unchanged; /* the source has request->known, or was only asked: nothing was fetched,
			 * and all but revision is empty */
	struct revision revision; /* of what was fetched, or asked for */
	struct digest digest;     /* of the module's bytes */
	char manifest_digest[72]; /* "sha256:...", of an image's manifest; "": no image */
	uint64_t size;
	enum wasm_abi abi;
	uint64_t debug_bytes;
};

struct fetch_task; /* fetch/task.h */

/* Fetches the module of task->request into fd (empty, open for reading and writing), out of the
 * gzip or tar that it may come in, checks its digest and that it is a Proxy-Wasm module.  Of task
 * the caller sets options and request; retry_after_ms is valid afterwards.  ERR_INVALID: the module
 * or the uri is wrong; ERR_UNVERIFIED: the bytes are not those of request->want (both digests in
 * the message); ERR_NOT_FOUND, ERR_DENIED: what the server said; ERR_TRANSIENT; ERR_FULL: no room
 * for it.  Messages name the source, hold no credential, no userinfo and no query. */
int fetch_run(struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
	__attribute__((warn_unused_result));

/* As fetch_run(), for those who look at the bytes themselves: whatever came is taken, be it a
 * module or not; abi and debug_bytes are not set. */
int fetch_bytes(struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
	__attribute__((warn_unused_result));

const char *fetch_source_name(enum fetch_source source); /* "local_fs"; never NULL */

/* Returns the source of that name, which is one of those, as a manifest's protocol is. */
enum fetch_source fetch_source_named(const char *name);

/* Returns the host that a fetch of uri asks first, with its port, as host_slots_wait() wants it;
 * the caller frees it. */
char *fetch_host(enum fetch_source source, const char *uri);

#endif
