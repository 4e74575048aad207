/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci_push.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "fetch/pack.h"
#include "fetch/reference.h"
#include "fetch/registry.h"
#include "fetch/scratch.h"
#include "fetch/url.h"

#define UPLOADS_MAX 3 /* of one blob: an upload that broke cannot be gone on with, only redone */

#define FOUND 200
#define CREATED 201
#define ACCEPTED 202
#define NOT_FOUND 404

/* Something to send. */
struct parcel {
	struct digest digest;
	struct exchange_upload upload;
};

/* All that is to be there in the end. */
struct image {
	struct buf config;
	struct buf manifest;
	struct oci_layer layer;
	int fd; /* borrowed; the layer's bytes */
};

static void auto_image(struct image *image)
{
	buf_clear(&image->config);
	buf_clear(&image->manifest);
}

/* Adds what the registry said to people, where it did. */
static int explain(const struct buf *text, struct err *err)
{
	struct err unused;
	AUTO(cjson) cJSON *body = json_parse(buf_text(text), text->len, &unused);
	const cJSON *first =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(body, "errors"), 0);
	const char *code = json_text(first, "code");
	const char *message = json_text(first, "message");

	if (!code)
		return -1;
	return err_wrap(err, "the registry says %s %s", quote(code).text,
		quote(message ? message : "").text);
}

/* As registry_exchange(), for what has no body that anybody needs. */
static int ask(struct registry *r, struct exchange_reply *reply,
	const struct exchange_request *request, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_REGISTRY_ERROR_BYTES);
	struct exchange_request told = *request;

	told.text = &text;
	return registry_exchange(r, reply, &told, err) < 0 ? explain(&text, err) : 0;
}

/* Returns whether what is there, or -1; reply is then the answer. */
static int head(struct registry *r, struct exchange_reply *reply, const char *what, struct err *err)
{
	static const long accept[] = {FOUND, NOT_FOUND, 0};
	static const char *const headers[] = {"Accept: " OCI_IMAGE_MANIFEST_TYPE, NULL};
	AUTO(free) char *url = registry_url(r, what);
	const struct exchange_request request = {
		.url = url, .method = "HEAD", .headers = headers, .accept = accept};

	if (registry_exchange(r, reply, &request, err) < 0)
		return -1;
	return reply->status == FOUND;
}

static int has_blob(struct registry *r, const struct digest *digest, struct err *err)
{
	AUTO(free) char *what = xasprintf("blobs/sha256:%s", digest->hex);
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return head(r, &reply, what, err);
}

/* Returns whether the tag is this very manifest, or -1. */
static int has_manifest(struct registry *r, const struct digest *digest, struct err *err)
{
	AUTO(free) char *what = xasprintf("manifests/%s", r->reference->tag);
	AUTO(free) char *want = xasprintf("sha256:%s", digest->hex);
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};
	int found = head(r, &reply, what, err);

	if (found <= 0)
		return found;
	const char *said = exchange_reply_header(&reply, "Docker-Content-Digest", 0);
	return said && strcmp(said, want) == 0;
}

/* Asks for a place to send a blob to.  Returns its URL, which the caller frees, or NULL. */
static char *begin_upload(struct registry *r, const struct digest *digest, struct err *err)
{
	static const long accept[] = {ACCEPTED, 0};
	AUTO(free) char *url = registry_url(r, "blobs/uploads/");
	AUTO(free) char *place = NULL;
	const struct exchange_request request = {.url = url, .method = "POST", .accept = accept};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	if (ask(r, &reply, &request, err) < 0)
		return NULL;
	const char *location = exchange_reply_header(&reply, "Location", 0);
	if (!location) {
		(void)err_set(err, ERR_INVALID, "answered %d without a Location", ACCEPTED);
		return NULL;
	}
	if (url_redirect_target(&place, url, location, err) < 0)
		return NULL;
	return xasprintf(
		"%s%cdigest=sha256:%s", place, strchr(place, '?') ? '&' : '?', digest->hex);
}

static int upload(struct registry *r, const struct parcel *parcel, struct err *err)
{
	static const long accept[] = {CREATED, 0};
	static const char *const headers[] = {"Content-Type: application/octet-stream", NULL};
	AUTO(free) char *url = begin_upload(r, &parcel->digest, err);
	const struct exchange_request request = {
		.url = url,
		.method = "PUT",
		.headers = headers,
		.upload = parcel->upload,
		.accept = accept,
		.tries = 1,
	};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return url ? ask(r, &reply, &request, err) : -1;
}

/* Sends the blob where it is not there, and adds what was sent to *sent. */
static int send_blob(
	struct registry *r, const struct parcel *parcel, uint64_t *sent, struct err *err)
{
	for (int uploads = 0;;) {
		int there = has_blob(r, &parcel->digest, err); /* also after a lost answer */

		if (there != 0)
			return there < 0 ? -1 : 0;
		uploads++;
		if (upload(r, parcel, err) == 0) {
			*sent += parcel->upload.n;
			return 0;
		}
		if (err->code != ERR_TRANSIENT || uploads == UPLOADS_MAX)
			return -1;
	}
}

static int put_blob(
	struct registry *r, const struct parcel *parcel, uint64_t *sent, struct err *err)
{
	if (send_blob(r, parcel, sent, err) < 0)
		return err_wrap(err, "blob sha256:%s", parcel->digest.hex);
	return 0;
}

static int check_stored(
	const struct exchange_reply *reply, const struct digest *digest, struct err *err)
{
	AUTO(free) char *want = xasprintf("sha256:%s", digest->hex);
	const char *said = exchange_reply_header(reply, "Docker-Content-Digest", 0);

	if (said && strcmp(said, want) != 0)
		return err_set(err, ERR_UNVERIFIED, "the registry says that it is %s, not %s",
			quote(said).text, want);
	return 0;
}

static int put_manifest(struct registry *r, const struct buf *manifest, const struct digest *digest,
	struct err *err)
{
	static const long accept[] = {CREATED, 0};
	static const char *const headers[] = {"Content-Type: " OCI_IMAGE_MANIFEST_TYPE, NULL};
	AUTO(free) char *what = xasprintf("manifests/%s", r->reference->tag);
	AUTO(free) char *url = registry_url(r, what);
	const struct exchange_request request = {
		.url = url,
		.method = "PUT",
		.headers = headers,
		.upload = {.bytes = manifest->data, .n = manifest->len},
		.accept = accept,
	};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	if (ask(r, &reply, &request, err) < 0 || check_stored(&reply, digest, err) < 0)
		return err_wrap(err, "manifest %s", r->reference->tag);
	return 0;
}

/* The layer first, the manifest last: whoever sees it finds all that it names. */
static int put_image(
	struct oci_pushed *out, struct registry *r, const struct image *image, struct err *err)
{
	struct parcel layer = {
		.digest = image->layer.digest, .upload = {.fd = image->fd, .n = image->layer.size}};
	struct parcel config = {.upload = {.bytes = image->config.data, .n = image->config.len}};
	struct oci_pushed pushed = {.sent = 0};

	digest_of(&config.digest, image->config.data, image->config.len);
	digest_of(&pushed.manifest, image->manifest.data, image->manifest.len);
	int there = has_manifest(r, &pushed.manifest, err);
	if (there < 0)
		return err_wrap(err, "manifest %s", r->reference->tag);
	if (there == 0 && (put_blob(r, &layer, &pushed.sent, err) < 0 ||
				  put_blob(r, &config, &pushed.sent, err) < 0 ||
				  put_manifest(r, &image->manifest, &pushed.manifest, err) < 0))
		return -1;
	if (there == 0)
		pushed.sent += image->manifest.len;
	*out = pushed;
	return 0;
}

/* Makes the documents around the layer. */
static int fill_image(struct image *image, enum oci_layout layout, struct err *err)
{
	if (oci_image_config(&image->config, layout, &image->layer, err) < 0)
		return -1;
	return oci_image_manifest(&image->manifest, layout, &image->config, &image->layer, err);
}

static int pack_layer(struct oci_layer *layer, int to, const struct oci_push *push, struct err *err)
{
	AUTO(sink) struct sink sink = {.fd = -1};

	sink_init(&sink, to, UINT64_MAX);
	if (pack(&sink, &layer->diff_id, push->fd, push->size, err) < 0)
		return err_wrap(err, "packing the module");
	sink_finish(&sink, &layer->digest);
	layer->size = sink.size;
	return 0;
}

static int push_image(
	struct oci_pushed *out, struct registry *r, const struct oci_push *push, struct err *err)
{
	AUTO(image)
	struct image image = {
		.config = BUF_INIT(LIMIT_OCI_MANIFEST_BYTES),
		.manifest = BUF_INIT(LIMIT_OCI_MANIFEST_BYTES),
		.layer = {.digest = push->digest, .size = push->size},
		.fd = push->fd,
	};
	AUTO(fd) int packed = -1;

	if (push->layout == OCI_LAYOUT_IMAGE) {
		packed = scratch_open(r->task->options->temp_dir, err);
		if (packed < 0 || pack_layer(&image.layer, packed, push, err) < 0)
			return -1;
		image.fd = packed;
	}
	if (fill_image(&image, push->layout, err) < 0)
		return -1;
	return put_image(out, r, &image, err);
}

static int parse(struct reference *out, const char *text, struct err *err)
{
	AUTO(reference) struct reference reference = {.registry = NULL};

	if (reference_parse(&reference, text, err) < 0)
		return -1;
	if (digest_is_set(&reference.digest))
		return err_set(err, ERR_INVALID,
			"must name a tag and no digest, which only the push gives");
	*out = reference;
	reference = (struct reference){.registry = NULL};
	return 0;
}

int oci_push_check(const char *reference, struct err *err)
{
	AUTO(reference) struct reference parsed = {.registry = NULL};

	return parse(&parsed, reference, err);
}

int oci_push(struct oci_pushed *out, struct fetch_task *task, const struct oci_push *push,
	struct err *err)
{
	int64_t total_ms = task->options->total_timeout_ms;
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};

	task->deadline_ms = total_ms > 0 ? io_monotonic_ms() + total_ms : 0;
	task->retry_after_ms = 0;
	if (parse(&reference, task->request->uri, err) < 0 ||
		registry_open(&r, task, &reference, "pull,push", err) < 0)
		return -1;
	return push_image(out, &r, push, err);
}
