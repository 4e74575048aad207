/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/reference.h"
#include "fetch/registry.h"
#include "fetch/unpack.h"

/* One manifest or index. */
struct document {
	struct buf bytes;
	char *content_type;   /* owned; NULL: not said */
	struct digest digest; /* of the bytes */
};

static void auto_document(struct document *d)
{
	buf_clear(&d->bytes);
	free(d->content_type);
}

/* want: not set where a tag was asked for; the registry's own word is then held against the bytes,
 * which shows what was damaged on the way. */
static int check_digest(const struct document *d, const struct digest *want,
	const struct exchange_reply *reply, struct err *err)
{
	static const char prefix[] = "sha256:";
	const char *said = exchange_reply_header(reply, "Docker-Content-Digest", 0);
	struct digest told = {.hex = ""};
	struct err unused;

	if (digest_is_set(want) && !digest_equal(want, &d->digest))
		return err_set(err, ERR_UNVERIFIED, "its bytes' sha256 is %s", d->digest.hex);
	if (!said || strncmp(said, prefix, strlen(prefix)) != 0 ||
		digest_parse(&told, said + strlen(prefix), &unused) < 0)
		return 0;
	if (!digest_equal(&told, &d->digest))
		return err_set(err, ERR_UNVERIFIED,
			"its bytes' sha256 is %s, and the registry says that it is %s",
			d->digest.hex, told.hex);
	return 0;
}

static int get_document(struct document *d, struct registry *r, const char *version,
	const struct digest *want, struct err *err)
{
	static const char *const headers[] = {oci_manifest_accept, NULL};
	AUTO(free) char *what = xasprintf("manifests/%s", version);
	AUTO(free) char *url = registry_url(r, what);
	const struct exchange_request request = {.url = url, .headers = headers, .text = &d->bytes};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	if (registry_exchange(r, &reply, &request, err) < 0)
		return -1;
	digest_of(&d->digest, buf_text(&d->bytes), d->bytes.len);
	if (check_digest(d, want, &reply, err) < 0)
		return -1;
	d->content_type = xstrdup_null(exchange_reply_header(&reply, "Content-Type", 0));
	return 0;
}

/* Gets the manifest that from describes (NULL: the reference's own) and reads where it leads. */
static int follow(struct oci_target *to, struct digest *digest, struct registry *r,
	const struct oci_target *from, struct err *err)
{
	AUTO(document) struct document d = {.bytes = BUF_INIT(LIMIT_OCI_MANIFEST_BYTES)};
	AUTO(free)
	char *version =
		from ? xasprintf("sha256:%s", from->digest.hex) : reference_version(r->reference);
	const struct digest *want = from ? &from->digest : &r->reference->digest;

	if (get_document(&d, r, version, want, err) < 0)
		return err_wrap(err, "manifest %s", version);
	if (from && from->size != d.bytes.len)
		return err_set(err, ERR_UNVERIFIED,
			"manifest %s: has %zu bytes, and its descriptor says %" PRIu64, version,
			d.bytes.len, from->size);
	if (oci_manifest_read(to, &d.bytes, d.content_type, r->task->options->max_bytes, err) < 0)
		return err_wrap(err, "manifest %s", version);
	*digest = d.digest;
	return 0;
}

static int resolve(struct oci_resolution *out, struct registry *r, struct err *err)
{
	struct oci_target at = {.kind = OCI_MANIFEST};
	struct digest unused;

	if (follow(&at, &out->manifest, r, NULL, err) < 0)
		return -1;
	for (int indexes = 1; at.kind == OCI_MANIFEST; indexes++) {
		const struct oci_target from = at;

		if (indexes > LIMIT_OCI_INDEXES)
			return err_set(err, ERR_INVALID,
				"manifest sha256:%s: indexes must be nested at most %d deep",
				from.digest.hex, LIMIT_OCI_INDEXES);
		if (follow(&at, &unused, r, &from, err) < 0)
			return -1;
	}
	out->target = at;
	return 0;
}

/* Gets the blob of that digest, which the caller holds against it, into blob, which is empty. */
static int get_bytes_of(
	struct registry *r, const struct digest *digest, struct sink *blob, struct err *err)
{
	AUTO(free) char *what = xasprintf("blobs/sha256:%s", digest->hex);
	AUTO(free) char *url = registry_url(r, what);
	const struct exchange_request request = {.url = url, .sink = blob, .immutable = true};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return registry_exchange(r, &reply, &request, err);
}

/* Gets the layer into blob, which is empty, and holds it against its descriptor. */
static int get_blob(
	struct registry *r, const struct oci_target *layer, struct sink *blob, struct err *err)
{
	struct digest got = {.hex = ""};

	if (get_bytes_of(r, &layer->digest, blob, err) < 0)
		return -1;
	sink_finish(blob, &got);
	if (blob->size != layer->size)
		return err_set(err, ERR_UNVERIFIED,
			"has %" PRIu64 " bytes, and its descriptor says %" PRIu64, blob->size,
			layer->size);
	if (!digest_equal(&got, &layer->digest))
		return err_set(err, ERR_UNVERIFIED, "its bytes' sha256 is %s", got.hex);
	return 0;
}

/* What a descriptor calls a module is known by the module's digest, so it may not be packed. */
static int refuse_packed(const struct sink *sink, struct err *err)
{
	char start[UNPACK_SNIFF_BYTES];
	ssize_t n = pread(sink->fd, start, sizeof(start), 0);

	if (n < 0)
		return err_errno(err, ERR_TRANSIENT, "reading it again");
	if (unpack_wanted(start, (size_t)n))
		return err_set(err, ERR_INVALID,
			"is a gzip or a tar, and its type says that it is the module itself");
	return 0;
}

/* The tag has moved on since the module was pinned: a registry keeps the layer, by its digest, for
 * as long as anything refers to it.  What it then names is not this module's manifest. */
static int get_wanted(struct registry *r, struct sink *sink, struct err *err)
{
	const struct digest *want = &r->task->request->want;
	struct digest got = {.hex = ""};
	struct err gone;

	if (!digest_is_set(&r->reference->digest) && get_bytes_of(r, want, sink, &gone) == 0) {
		sink_finish(sink, &got);
		r->task->manifest = (struct digest){.hex = ""};
		r->task->revision = (struct revision){.text = ""};
		if (digest_equal(want, &got))
			return refuse_packed(sink, err);
	}
	return err_set(err, ERR_UNVERIFIED, "is the module, and not %s as asked for", want->hex);
}

static int get_layer(
	struct registry *r, const struct oci_target *layer, struct sink *sink, struct err *err)
{
	const struct digest *want = &r->task->request->want;

	if (layer->kind == OCI_ARCHIVE)
		return get_blob(r, layer, sink, err); /* fetch_run() takes the module out */
	if (digest_is_set(want) && !digest_equal(want, &layer->digest))
		return get_wanted(r, sink, err);
	if (get_blob(r, layer, sink, err) < 0)
		return -1;
	return refuse_packed(sink, err);
}

static void revision_of_manifest(struct revision *out, const struct digest *manifest)
{
	(void)snprintf(out->text, sizeof(out->text), "sha256:%s", manifest->hex);
}

static int open_registry(
	struct registry *r, struct reference *reference, struct fetch_task *task, struct err *err)
{
	if (reference_parse(reference, task->request->uri, err) < 0)
		return -1;
	return registry_open(r, task, reference, "pull", err);
}

int oci_resolve(struct oci_resolution *out, struct fetch_task *task, struct err *err)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};

	if (open_registry(&r, &reference, task, err) < 0)
		return -1;
	return resolve(out, &r, err);
}

/* Asks which manifest the reference leads to; out is not set where the registry does not say. */
static int head_manifest(
	struct digest *out, struct registry *r, const char *version, struct err *err)
{
	static const char *const headers[] = {oci_manifest_accept, NULL};
	static const char prefix[] = "sha256:";
	AUTO(free) char *what = xasprintf("manifests/%s", version);
	AUTO(free) char *url = registry_url(r, what);
	const struct exchange_request request = {.url = url, .method = "HEAD", .headers = headers};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};
	const char *said = NULL;
	struct err unused;

	if (registry_exchange(r, &reply, &request, err) < 0)
		return err_wrap(err, "manifest %s", version);
	said = exchange_reply_header(&reply, "Docker-Content-Digest", 0);
	if (said && strncmp(said, prefix, strlen(prefix)) == 0)
		(void)!digest_parse(out, said + strlen(prefix), &unused);
	return 0;
}

int oci_revision(struct revision *out, struct fetch_task *task, struct err *err)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};
	AUTO(free) char *version = NULL;
	struct digest manifest = {.hex = ""};
	struct oci_target unused;

	if (open_registry(&r, &reference, task, err) < 0)
		return -1;
	version = reference_version(&reference);
	if (head_manifest(&manifest, &r, version, err) < 0)
		return -1;
	if (!digest_is_set(&manifest) && follow(&unused, &manifest, &r, NULL, err) < 0)
		return -1;
	revision_of_manifest(out, &manifest);
	return 0;
}

int oci_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
{
	AUTO(reference) struct reference reference = {.registry = NULL};
	AUTO(registry) struct registry r = {.task = NULL};
	struct oci_resolution found = {.manifest = {.hex = ""}};

	if (open_registry(&r, &reference, task, err) < 0 || resolve(&found, &r, err) < 0)
		return -1;
	task->manifest = found.manifest;
	revision_of_manifest(&task->revision, &found.manifest);
	if (get_layer(&r, &found.target, sink, err) < 0)
		return err_wrap(err, "layer sha256:%s", found.target.digest.hex);
	return 0;
}
