/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/oci_manifest.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define OCI_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX_TYPE "application/vnd.oci.image.index.v1+json"
#define DOCKER_MANIFEST_TYPE "application/vnd.docker.distribution.manifest.v2+json"
#define DOCKER_INDEX_TYPE "application/vnd.docker.distribution.manifest.list.v2+json"

const char oci_manifest_accept[] = "Accept: " OCI_MANIFEST_TYPE ", " OCI_INDEX_TYPE
				   ", " DOCKER_MANIFEST_TYPE ", " DOCKER_INDEX_TYPE;

enum document { DOCUMENT_MANIFEST, DOCUMENT_INDEX, DOCUMENT_OTHER };

static const struct {
	const char *type;
	enum document document;
} document_types[] = {
	{OCI_MANIFEST_TYPE, DOCUMENT_MANIFEST},
	{DOCKER_MANIFEST_TYPE, DOCUMENT_MANIFEST},
	{OCI_INDEX_TYPE, DOCUMENT_INDEX},
	{DOCKER_INDEX_TYPE, DOCUMENT_INDEX},
};

static const char *const archive_types[] = {
	"application/vnd.oci.image.layer.v1.tar",
	"application/vnd.oci.image.layer.v1.tar+gzip",
	"application/vnd.docker.image.rootfs.diff.tar",
	"application/vnd.docker.image.rootfs.diff.tar.gzip",
};

static const char digest_prefix[] = "sha256:";

static enum document document_of(const char *type)
{
	for (size_t i = 0; i < sizeof(document_types) / sizeof(document_types[0]); i++) {
		if (strcasecmp(type, document_types[i].type) == 0)
			return document_types[i].document;
	}
	return DOCUMENT_OTHER;
}

static bool is_archive_type(const char *type)
{
	for (size_t i = 0; i < sizeof(archive_types) / sizeof(archive_types[0]); i++) {
		if (strcasecmp(type, archive_types[i]) == 0)
			return true;
	}
	return false;
}

static bool begins_with(const char *text, const char *head)
{
	return text && strncmp(text, head, strlen(head)) == 0;
}

static bool is_module_type(const char *type)
{
	static const char tail[] = "wasm";
	size_t n = strlen(type);

	return n >= strlen(tail) && strcasecmp(type + n - strlen(tail), tail) == 0;
}

/* Servers that know nothing of manifests send one of these, and the document has to say. */
static bool is_vague(const char *content_type)
{
	return content_type[0] == '\0' || strcasecmp(content_type, "application/json") == 0 ||
	       strcasecmp(content_type, "application/octet-stream") == 0;
}

/* The type without its parameters; the caller frees it. */
static char *bare_type(const char *content_type)
{
	size_t n = content_type ? strcspn(content_type, "; \t") : 0;

	return n > 0 ? xstrndup(content_type, n) : xstrdup("");
}

/* Says which of the two the document is, by what it came as and what it calls itself. */
static int find_document(
	enum document *out, const cJSON *root, const char *content_type, struct err *err)
{
	AUTO(free) char *came_as = bare_type(content_type);
	const char *calls_itself = json_text(root, "mediaType");
	const char *type = is_vague(came_as) ? calls_itself : came_as;

	if (!type)
		return err_set(err, ERR_INVALID,
			"says neither by Content-Type nor by mediaType what it is: it must be a "
			"manifest or an index of OCI or of Docker's schema 2");
	*out = document_of(type);
	if (*out == DOCUMENT_OTHER)
		return err_set(err, ERR_INVALID,
			"is %s: it must be a manifest or an index of OCI or of Docker's schema 2",
			quote(type).text);
	if (calls_itself && strcasecmp(calls_itself, type) != 0)
		return err_set(err, ERR_INVALID, "came as %s and calls itself %s: they must agree",
			quote(type).text, quote(calls_itself).text);
	return 0;
}

static int check_document(const cJSON *root, enum document document, struct err *err)
{
	bool index = document == DOCUMENT_INDEX;
	const char *foreign = index ? "layers" : "manifests";
	const cJSON *version = cJSON_GetObjectItemCaseSensitive(root, "schemaVersion");

	if (!cJSON_IsNumber(version) || version->valuedouble != 2.0)
		return err_set(err, ERR_INVALID, "schemaVersion must be 2");
	/* what is both is read differently by different programs, under one digest */
	if (cJSON_GetObjectItemCaseSensitive(root, foreign))
		return err_set(err, ERR_INVALID, "%s must not have %s",
			index ? "an index" : "a manifest", foreign);
	return 0;
}

static int read_digest(struct digest *out, const cJSON *descriptor, struct err *err)
{
	const char *text = json_text(descriptor, "digest");
	struct err unused;

	if (!text)
		return err_set(err, ERR_INVALID, "digest is missing, or not text");
	if (!begins_with(text, digest_prefix) ||
		digest_parse(out, text + strlen(digest_prefix), &unused) < 0)
		return err_set(err, ERR_INVALID,
			"digest is %s: must be \"%s\" and %d lower-case hex digits",
			quote(text).text, digest_prefix, DIGEST_HEX_LEN);
	return 0;
}

static int read_size(uint64_t *out, const cJSON *descriptor, uint64_t max, struct err *err)
{
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(descriptor, "size");

	if (!cJSON_IsNumber(size))
		return err_set(err, ERR_INVALID, "size is missing, or not a number");
	if (size->valuedouble < 0 || size->valuedouble != trunc(size->valuedouble))
		return err_set(err, ERR_INVALID, "size is %g: must be a whole number of bytes",
			size->valuedouble);
	if (size->valuedouble > (double)max)
		return err_set(err, ERR_INVALID, "size is %.0f bytes: must be at most %" PRIu64,
			size->valuedouble, max);
	*out = (uint64_t)size->valuedouble;
	return 0;
}

/* Reads the descriptor that was chosen, list[at]. */
static int read_descriptor(
	struct oci_target *out, const cJSON *descriptor, uint64_t max, struct err *err)
{
	if (read_digest(&out->digest, descriptor, err) < 0)
		return -1;
	return read_size(&out->size, descriptor, max, err);
}

/* Returns the descriptors under key, at most max of them and each with a mediaType, or NULL. */
static const cJSON *get_list(const cJSON *root, const char *key, int max, struct err *err)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(root, key);
	const cJSON *item = NULL;
	int n = 0;

	if (!cJSON_IsArray(list) || !list->child) {
		(void)err_set(err, ERR_INVALID, "%s must be a list with something in it", key);
		return NULL;
	}
	cJSON_ArrayForEach(item, list)
	{
		const char *type = json_text(item, "mediaType");

		if (++n > max) {
			(void)err_set(err, ERR_INVALID, "%s must hold at most %d", key, max);
			return NULL;
		}
		if (!type) {
			(void)err_set(err, ERR_INVALID, "%s[%d].mediaType is missing, or not text",
				key, n - 1);
			return NULL;
		}
		if (strlen(type) > LIMIT_MEDIA_TYPE_BYTES) {
			(void)err_set(err, ERR_INVALID, "%s[%d].mediaType must be at most %d bytes",
				key, n - 1, LIMIT_MEDIA_TYPE_BYTES);
			return NULL;
		}
	}
	return list;
}

static const cJSON *last_of(const cJSON *list)
{
	return list->child->prev; /* cJSON's way to keep the tail of a list */
}

/* Chooses among layers; *kind says what the chosen one is. */
static const cJSON *choose_layer(enum oci_target_kind *kind, const cJSON *layers, struct err *err)
{
	const cJSON *module = NULL;
	const cJSON *layer = NULL;

	cJSON_ArrayForEach(layer, layers)
	{
		if (!is_module_type(json_text(layer, "mediaType")))
			continue;
		if (module) {
			(void)err_set(err, ERR_INVALID,
				"layers has more than one module: which is meant cannot be told");
			return NULL;
		}
		module = layer;
	}
	*kind = module ? OCI_MODULE : OCI_ARCHIVE;
	if (module)
		return module;
	layer = last_of(layers);
	if (is_archive_type(json_text(layer, "mediaType")))
		return layer;
	(void)err_set(err, ERR_INVALID,
		"the last of layers is %s, and none is a module: must be a module's type, as "
		"\"application/wasm\", or a tar or tar+gzip",
		quote(json_text(layer, "mediaType")).text);
	return NULL;
}

static int read_manifest(struct oci_target *out, const cJSON *root, uint64_t max, struct err *err)
{
	const cJSON *layers = get_list(root, "layers", LIMIT_OCI_LAYERS, err);
	const cJSON *layer = layers ? choose_layer(&out->kind, layers, err) : NULL;

	if (!layer)
		return -1;
	if (read_descriptor(out, layer, max, err) < 0)
		return err_wrap(err, "layer of type %s", quote(json_text(layer, "mediaType")).text);
	return 0;
}

static bool is_attestation(const cJSON *entry)
{
	const cJSON *annotations = cJSON_GetObjectItemCaseSensitive(entry, "annotations");

	return json_text(annotations, "vnd.docker.reference.type") != NULL;
}

static bool has_platform(const cJSON *entry, const char *os, const char *architecture)
{
	const cJSON *platform = cJSON_GetObjectItemCaseSensitive(entry, "platform");
	const char *has_os = json_text(platform, "os");
	const char *has_architecture = json_text(platform, "architecture");

	return has_os && has_architecture && strcmp(has_os, os) == 0 &&
	       strcmp(has_architecture, architecture) == 0;
}

static bool is_for_wasm(const cJSON *entry)
{
	const cJSON *platform = cJSON_GetObjectItemCaseSensitive(entry, "platform");
	const cJSON *annotations = cJSON_GetObjectItemCaseSensitive(entry, "annotations");
	const char *artifact = json_text(entry, "artifactType");

	return begins_with(json_text(platform, "architecture"), "wasm") ||
	       begins_with(json_text(platform, "os"), "wasi") ||
	       (artifact && strstr(artifact, "wasm")) ||
	       json_text(annotations, "module.wasm.image/variant") ||
	       begins_with(json_text(annotations, "run.oci.handler"), "wasm");
}

/* The entries of an index that come into question, by what speaks for each. */
struct entries {
	const cJSON *wasm;  /* the first that is for Wasm */
	const cJSON *amd64; /* the first for linux/amd64 */
	const cJSON *first;
	size_t n;
};

static void entries_add(struct entries *e, const cJSON *entry)
{
	if (e->n++ == 0)
		e->first = entry;
	if (!e->wasm && is_for_wasm(entry))
		e->wasm = entry;
	if (!e->amd64 && has_platform(entry, "linux", "amd64"))
		e->amd64 = entry;
}

static const cJSON *choose_entry(const cJSON *manifests, struct err *err)
{
	struct entries e = {.n = 0};
	const cJSON *entry = NULL;

	cJSON_ArrayForEach(entry, manifests)
	{
		if (document_of(json_text(entry, "mediaType")) != DOCUMENT_OTHER &&
			!is_attestation(entry))
			entries_add(&e, entry);
	}
	if (e.wasm)
		return e.wasm;
	if (e.n == 1)
		return e.first;
	if (e.amd64)
		return e.amd64;
	(void)err_set(err, ERR_INVALID,
		e.n == 0 ? "manifests has no manifest or index in it"
			 : "manifests has several, and none is for Wasm or for linux/amd64: which "
			   "is "
			   "meant cannot be told");
	return NULL;
}

static int read_index(struct oci_target *out, const cJSON *root, struct err *err)
{
	const cJSON *manifests = get_list(root, "manifests", LIMIT_OCI_ENTRIES, err);
	const cJSON *entry = manifests ? choose_entry(manifests, err) : NULL;

	if (!entry)
		return -1;
	out->kind = OCI_MANIFEST;
	if (read_descriptor(out, entry, LIMIT_OCI_MANIFEST_BYTES, err) < 0)
		return err_wrap(err, "the chosen entry of manifests");
	return 0;
}

int oci_manifest_read(struct oci_target *out, const struct buf *bytes, const char *content_type,
	uint64_t max_bytes, struct err *err)
{
	struct oci_target target = {.kind = OCI_MANIFEST};
	enum document document = DOCUMENT_OTHER;
	AUTO(cjson)
	cJSON *root = json_parse_within(buf_text(bytes), bytes->len, LIMIT_OCI_VALUES, err);

	if (!root)
		return -1;
	if (!cJSON_IsObject(root))
		return err_set(err, ERR_INVALID, "must be a JSON object");
	if (find_document(&document, root, content_type, err) < 0 ||
		check_document(root, document, err) < 0)
		return -1;
	if (document == DOCUMENT_INDEX ? read_index(&target, root, err) < 0
				       : read_manifest(&target, root, max_bytes, err) < 0)
		return -1;
	*out = target;
	return 0;
}
