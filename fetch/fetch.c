/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "fetch/http.h"
#include "fetch/local_fs.h"
#include "fetch/oci.h"
#include "fetch/reference.h"
#include "fetch/revision.h"
#include "fetch/s3.h"
#include "fetch/scratch.h"
#include "fetch/sink.h"
#include "fetch/task.h"
#include "fetch/unpack.h"
#include "fetch/url.h"

static const struct {
	const char *name;
	fetch_driver *run;
} drivers[] = {
	[FETCH_LOCAL_FS] = {"local_fs", local_fs_fetch},
	[FETCH_HTTP] = {"http", http_fetch},
	[FETCH_HTTPS] = {"https", http_fetch},
	[FETCH_S3] = {"s3", s3_fetch},
	[FETCH_OCI] = {"oci", oci_fetch},
};

static fetch_driver *driver_of(enum fetch_source source)
{
	assert((size_t)source < sizeof(drivers) / sizeof(drivers[0]));
	return drivers[source].run;
}

const char *fetch_source_name(enum fetch_source source)
{
	assert((size_t)source < sizeof(drivers) / sizeof(drivers[0]));
	return drivers[source].name;
}

enum fetch_source fetch_source_named(const char *name)
{
	size_t source = 0;

	while (strcmp(drivers[source].name, name) != 0) {
		source++;
		assert(source < sizeof(drivers) / sizeof(drivers[0]));
	}
	return (enum fetch_source)source;
}

char *fetch_host(enum fetch_source source, const char *uri)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	struct err unused;

	if (source == FETCH_LOCAL_FS)
		return xstrdup("");
	if (source == FETCH_OCI && reference_parse(&reference, uri, &unused) == 0)
		return xstrdup(reference_server(&reference));
	return url_server(uri);
}

struct mapping {
	void *bytes; /* NULL: nothing is mapped */
	size_t n;
};

static inline void auto_mapping(struct mapping *m)
{
	if (m->bytes)
		(void)munmap(m->bytes, m->n);
}

/* The source as messages name it; the caller frees it. */
static char *request_label(const struct fetch_request *request)
{
	AUTO(free) char *url = NULL;

	url = xasprintf("%s://%s", fetch_source_name(request->source), request->uri);
	if (request->source == FETCH_HTTP || request->source == FETCH_HTTPS)
		return url_label(url);
	return xstrndup(url, utf8_whole(url, strnlen(url, LIMIT_SOURCE_BYTES)));
}

static int check_digest(const struct digest *want, const struct digest *got, struct err *err)
{
	if (digest_is_set(want) && !digest_equal(want, got))
		return err_set(err, ERR_UNVERIFIED, "its sha256 is %s, not %s as asked for",
			got->hex, want->hex);
	return 0;
}

static int parse_file(struct wasm_module *out, int fd, uint64_t size, struct err *err)
{
	AUTO(mapping) struct mapping m = {.n = (size_t)size};

	if (size == 0) /* cannot be mapped; the parser has words for it */
		return wasm_module_parse(out, (const uint8_t *)"", 0, err);
	void *bytes = mmap(NULL, m.n, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return err_errno(err, ERR_TRANSIENT, "mapping %zu bytes of the module", m.n);
	m.bytes = bytes;
	return wasm_module_parse(out, bytes, m.n, err);
}

/* Where the sink holds a gzip or a tar, it is given the module in it instead. */
static int unwrap(const struct fetch_options *options, struct sink *sink, struct err *err)
{
	char start[UNPACK_SNIFF_BYTES];
	AUTO(fd) int packed = -1;
	ssize_t n = pread(sink->fd, start, sizeof(start), 0);

	if (n < 0)
		return err_errno(err, ERR_TRANSIENT, "reading what was downloaded");
	if (!unpack_wanted(start, (size_t)n))
		return 0;
	packed = scratch_open(options->temp_dir, err);
	if (packed < 0 || scratch_copy(packed, sink->fd, sink->size, err) < 0 ||
		sink_restart(sink, err) < 0)
		return -1;
	return unpack(packed, sink, err);
}

static int ask_only(struct fetch_result *out, struct fetch_task *task, struct err *err)
{
	struct fetch_result asked = {.unchanged = true};

	if (revision_ask(&asked.revision, task, err) < 0)
		return -1;
	*out = asked;
	return 0;
}

static int get_bytes(struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
{
	AUTO(sink) struct sink sink = {.fd = -1};
	struct digest digest;
	bool known = false;

	if (task->request->ask_only)
		return ask_only(out, task, err);
	if (revision_is_known(&known, task, err) < 0)
		return -1;
	if (known) {
		*out = (struct fetch_result){.unchanged = true};
		return 0;
	}
	sink_init(&sink, fd, task->options->max_bytes);
	if (driver_of(task->request->source)(task, &sink, err) < 0 ||
		unwrap(task->options, &sink, err) < 0)
		return -1;
	sink_finish(&sink, &digest);
	if (check_digest(&task->request->want, &digest, err) < 0)
		return -1;
	*out = (struct fetch_result){
		.digest = digest, .size = sink.size, .revision = task->revision};
	if (digest_is_set(&task->manifest))
		(void)snprintf(out->manifest_digest, sizeof(out->manifest_digest), "sha256:%s",
			task->manifest.hex);
	return 0;
}

static int get_module(struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
{
	AUTO(wasm_module) struct wasm_module module = {0};
	struct fetch_result got;

	if (get_bytes(&got, task, fd, err) < 0)
		return -1;
	if (got.unchanged) {
		*out = got;
		return 0;
	}
	if (parse_file(&module, fd, got.size, err) < 0)
		return -1;
	got.abi = module.abi;
	got.debug_bytes = module.debug_bytes;
	*out = got;
	return 0;
}

static int run(int (*get)(struct fetch_result *, struct fetch_task *, int, struct err *),
	struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
{
	int64_t total_ms = task->options->total_timeout_ms;
	AUTO(free) char *label = NULL;

	task->deadline_ms = total_ms > 0 ? io_monotonic_ms() + total_ms : 0;
	task->retry_after_ms = 0;
	task->manifest = (struct digest){0};
	task->revision = (struct revision){0};
	label = request_label(task->request);
	if (get(out, task, fd, err) < 0)
		return err_wrap(err, "%s", label);
	return 0;
}

int fetch_run(struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
{
	return run(get_module, out, task, fd, err);
}

int fetch_bytes(struct fetch_result *out, struct fetch_task *task, int fd, struct err *err)
{
	return run(get_bytes, out, task, fd, err);
}
