/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/look_up.h"

#include <sys/mman.h>

#include "base/auto.h"
#include "base/io.h"
#include "fetch/oci.h"
#include "fetch/s3.h"
#include "fetch/scratch.h"
#include "fetch/task.h"
#include "wasm/module.h"

/* Says what the module in fd is.  One that cannot be read is not judged. */
static void inspect(struct finding *out, int fd, uint64_t size)
{
	AUTO(wasm_module) struct wasm_module module = {0};
	void *bytes = NULL;

	if (size > 0) {
		bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (bytes == MAP_FAILED)
			return;
	}
	out->size = size;
	if (wasm_module_parse(&module, bytes ? bytes : (const void *)"", size, &out->module) == 0) {
		out->module.code = ERR_NONE;
		out->debug_bytes = module.debug_bytes;
	}
	if (bytes)
		(void)munmap(bytes, size);
}

/* Brings all the bytes. */
static int download(
	struct finding *out, const struct look_up *request, uint64_t max, struct err *err)
{
	struct fetch_options options = *request->options;
	const struct fetch_request wanted = {.source = request->source, .uri = request->uri};
	struct fetch_task task = {.options = &options, .request = &wanted};
	struct fetch_result result = {.size = 0};
	AUTO(fd) int fd = scratch_open(options.temp_dir, err);

	if (fd < 0)
		return -1;
	options.max_bytes = max;
	options.total_timeout_ms = request->deadline_ms - io_monotonic_ms();
	if (options.total_timeout_ms <= 0)
		return err_set(err, ERR_TRANSIENT, "no time is left");
	if (fetch_bytes(&result, &task, fd, err) < 0)
		return -1;
	out->digest = result.digest;
	inspect(out, fd, result.size);
	return 0;
}

/* What a server refuses, or has too much of, may be well for who takes more time. */
static int learn(struct finding *out, const struct look_up *request, struct err *err)
{
	if (download(out, request, request->hash_max, err) == 0)
		return 0;
	if (err->code == ERR_INVALID)
		err->code = ERR_FULL;
	return -1;
}

/* Looks at a module of that size, whose digest is known. */
static void look_closer(struct finding *out, const struct look_up *request, uint64_t size)
{
	struct err unseen;

	if (request->wants_module && size <= request->module_max)
		(void)!download(out, request, request->module_max, &unseen);
}

/* The layer's digest is the module's, where the layer is the module. */
static int ask_registry(struct finding *out, const struct look_up *request, struct err *err)
{
	const struct fetch_request wanted = {.source = request->source, .uri = request->uri};
	struct fetch_task task = {.options = request->options,
		.request = &wanted,
		.deadline_ms = request->deadline_ms};
	struct oci_resolution found = {.manifest = {.hex = ""}};

	if (oci_resolve(&found, &task, err) < 0)
		return -1;
	if (found.target.kind != OCI_MODULE)
		return learn(out, request, err);
	out->digest = found.target.digest;
	look_closer(out, request, found.target.size);
	return 0;
}

/* What the store knows of the object it states; else it is learnt as from a web server. */
static int ask_store(struct finding *out, const struct look_up *request, struct err *err)
{
	const struct fetch_request wanted = {.source = request->source, .uri = request->uri};
	struct fetch_task task = {.options = request->options,
		.request = &wanted,
		.deadline_ms = request->deadline_ms};
	struct s3_statement stated = {.size = 0};
	struct err unseen;

	if (s3_state(&stated, &task, &unseen) < 0 || !digest_is_set(&stated.sha256))
		return learn(out, request, err);
	out->digest = stated.sha256;
	look_closer(out, request, stated.size);
	return 0;
}

void look_up(struct finding *out, const struct look_up *request)
{
	struct finding found = {.err = {.code = ERR_NONE}};

	switch (request->source) {
	case FETCH_OCI:
		(void)!ask_registry(&found, request, &found.err);
		break;
	case FETCH_S3:
		(void)!ask_store(&found, request, &found.err);
		break;
	case FETCH_HTTP:
	case FETCH_HTTPS:
	case FETCH_LOCAL_FS:
		(void)!learn(&found, request, &found.err);
		break;
	}
	*out = found;
}
