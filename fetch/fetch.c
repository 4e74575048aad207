/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/fetch.h"

#include <assert.h>
#include <string.h>
#include <sys/mman.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/xalloc.h"
#include "fetch/http.h"
#include "fetch/local_fs.h"
#include "fetch/sink.h"

/* How the modules of one source are brought: run copies the bytes of request->uri into sink, and
 * its messages do not repeat the uri. */
struct fetch_driver {
	const char *name;
	int (*run)(const struct fetch_options *options, const struct fetch_request *request,
		struct sink *sink, struct err *err); /* NULL: not in this build */
};

static const struct fetch_driver drivers[] = {
	[FETCH_LOCAL_FS] = {"local_fs", local_fs_fetch},
	[FETCH_HTTP] = {"http", http_fetch},
	[FETCH_HTTPS] = {"https", http_fetch},
	[FETCH_S3] = {"s3", NULL},
	[FETCH_OCI] = {"oci", NULL},
};

static const struct fetch_driver *driver_get(enum fetch_source source)
{
	assert((size_t)source < sizeof(drivers) / sizeof(drivers[0]));
	return &drivers[source];
}

const char *fetch_source_name(enum fetch_source source)
{
	return driver_get(source)->name;
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
		return http_label(url);
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

static int fetch_verified(struct fetch_result *out, const struct fetch_options *options,
	const struct fetch_request *request, int fd, struct err *err)
{
	const struct fetch_driver *driver = driver_get(request->source);
	AUTO(sink) struct sink sink = {.fd = -1};
	AUTO(wasm_module) struct wasm_module module = {0};
	struct digest digest;

	sink_init(&sink, fd, options->max_bytes);
	if (driver->run(options, request, &sink, err) < 0)
		return -1;
	sink_finish(&sink, &digest);
	if (check_digest(&request->want, &digest, err) < 0)
		return -1;
	if (parse_file(&module, fd, sink.size, err) < 0)
		return -1;
	*out = (struct fetch_result){
		.digest = digest,
		.size = sink.size,
		.abi = module.abi,
		.debug_bytes = module.debug_bytes,
	};
	return 0;
}

int fetch_run(struct fetch_result *out, const struct fetch_options *options,
	const struct fetch_request *request, int fd, struct err *err)
{
	AUTO(free) char *label = NULL;

	if (!driver_get(request->source)->run)
		return err_set(err, ERR_INVALID, "protocol %s: not supported by this build yet",
			fetch_source_name(request->source));
	label = request_label(request);
	if (fetch_verified(out, options, request, fd, err) < 0)
		return err_wrap(err, "%s", label);
	return 0;
}

int fetch_setup(struct err *err)
{
	CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);

	if (rc != CURLE_OK)
		return err_set(err, ERR_TRANSIENT, "libcurl: %s", curl_easy_strerror(rc));
	return 0;
}

void fetch_teardown(void)
{
	curl_global_cleanup();
}
