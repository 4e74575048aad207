/* SPDX-License-Identifier: Apache-2.0 */
#include "store/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "proto/record.pb-c.h"

#define MAGIC_LEN (sizeof(RECORD_MAGIC) - 1)
#define HEADER_LEN (MAGIC_LEN + DIGEST_HEX_LEN + 1)
#define SHOWN_BYTES 80 /* of a wrong value, in its error */
#define CONTEXT_BYTES (4 * LIMIT_KIB + LIMIT_URI_BYTES)
#define LENGTH_BYTES 4 /* of head, before it in what is sealed */

static void auto_message(Wasmxds__Store__Record **m)
{
	if (*m)
		wasmxds__store__record__free_unpacked(*m, NULL);
}

void record_init(struct record *r)
{
	*r = (struct record)RECORD_INIT;
}

void record_clear(struct record *r)
{
	free(r->name);
	free(r->version);
	free(r->source);
	free(r->revision);
	free(r->refetch);
	if (r->secret) {
		seal_wipe(&r->head);
		seal_wipe(&r->tail);
	}
	buf_clear(&r->head);
	buf_clear(&r->tail);
	buf_clear(&r->sealed);
	record_init(r);
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123: letters, digits and '-', and no '-' at either end. */
static bool is_label(const char *text, size_t len)
{
	if (len == 0 || !is_alnum(text[0]) || !is_alnum(text[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!is_alnum(text[i]) && text[i] != '-')
			return false;
	}
	return true;
}

/* Labels with dots between; as in Kubernetes, only the whole is bounded in length. */
static bool is_subdomain(const char *text)
{
	size_t len = strcspn(text, ".");

	while (is_label(text, len)) {
		if (text[len] == '\0')
			return true;
		text += len + 1;
		len = strcspn(text, ".");
	}
	return false;
}

bool record_is_namespace(const char *text)
{
	size_t len = strlen(text);

	return len <= LIMIT_NAMESPACE_BYTES && is_label(text, len);
}

int record_check_name(const char *name, struct err *err)
{
	const char *slash = strchr(name, '/');

	if (!slash)
		return err_set(err, ERR_INVALID, "name \"%.*s\": must be \"namespace/name\"",
			SHOWN_BYTES, name);

	size_t len = (size_t)(slash - name);

	if (len > LIMIT_NAMESPACE_BYTES || !is_label(name, len))
		return err_set(err, ERR_INVALID,
			"name \"%.*s\": its namespace must be at most %d of a-z, 0-9 and '-', and "
			"begin and end with a letter or digit",
			SHOWN_BYTES, name, LIMIT_NAMESPACE_BYTES);
	if (strlen(slash + 1) > LIMIT_NAME_BYTES || !is_subdomain(slash + 1))
		return err_set(err, ERR_INVALID,
			"name \"%.*s\": what follows the namespace must be at most %d of a-z, 0-9, "
			"'-' and '.', each part between dots beginning and ending with a letter or "
			"digit",
			SHOWN_BYTES, name, LIMIT_NAME_BYTES);
	return 0;
}

static int check_version(const char *version, struct err *err)
{
	size_t len = strlen(version);

	if (len == 0 || len > DIGEST_HEX_LEN || strspn(version, "0123456789abcdef") < len)
		return err_set(err, ERR_INVALID,
			"version \"%.*s\": must be 1 to %d lower-case hex digits", SHOWN_BYTES,
			version, DIGEST_HEX_LEN);
	return 0;
}

static int check_module(
	const char *field, const struct digest *digest, uint64_t bytes, struct err *err)
{
	struct digest parsed;

	if (digest_parse(&parsed, digest->hex, err) < 0)
		return err_wrap(err, "%s_sha256", field);
	if (bytes > LIMIT_MODULE_BYTES)
		return err_set(err, ERR_INVALID, "%s_bytes %llu: must be at most %lu", field,
			(unsigned long long)bytes, LIMIT_MODULE_BYTES);
	return 0;
}

/* The rules of the fields, for what is written and for what is read alike. */
static int check(const struct record *r, struct err *err)
{
	if (record_check_name(r->name ? r->name : "", err) < 0 ||
		check_version(r->version ? r->version : "", err) < 0 ||
		check_module("module", &r->module, r->module_bytes, err) < 0 ||
		check_module("served", &r->served, r->served_bytes, err) < 0)
		return -1;
	return 0;
}

/* What a sealed part belongs to: moved elsewhere, it does not open. */
static int context_of(struct buf *out, const struct record *r, struct err *err)
{
	return buf_printf(out, err, "wasmxds record 1\n%s\n%s\n%s %llu\n%s %llu\n%s", r->name,
		r->version, r->served.hex, (unsigned long long)r->served_bytes, r->module.hex,
		(unsigned long long)r->module_bytes, r->source ? r->source : "");
}

/* The length of head, which 4 bytes hold by its ceiling, then head, then tail. */
static int join(struct buf *out, const struct record *r, struct err *err)
{
	const size_t n = r->head.len;
	const unsigned char length[LENGTH_BYTES] = {(unsigned char)(n >> 24),
		(unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n};

	/* all the room at once, so that growing leaves no copy behind */
	if (!buf_reserve(out, LENGTH_BYTES + n + r->tail.len, err) ||
		buf_append(out, length, LENGTH_BYTES, err) < 0 ||
		buf_append(out, r->head.data, n, err) < 0)
		return -1;
	return buf_append(out, r->tail.data, r->tail.len, err);
}

static int part(struct record *r, const struct buf *text, struct err *err)
{
	const unsigned char *at = (const unsigned char *)buf_text(text);
	size_t n = 0;

	for (size_t i = 0; i < LENGTH_BYTES && i < text->len; i++)
		n = n << 8 | at[i];
	if (text->len < LENGTH_BYTES || n > text->len - LENGTH_BYTES)
		return err_set(err, ERR_UNVERIFIED, "what was sealed is no head and tail");
	if (buf_append(&r->head, at + LENGTH_BYTES, n, err) < 0)
		return -1;
	return buf_append(&r->tail, at + LENGTH_BYTES + n, text->len - LENGTH_BYTES - n, err);
}

/* Appends head and tail, sealed. */
static int close_record(
	struct buf *out, const struct record *r, const struct record_seal *seal, struct err *err)
{
	AUTO(buf) struct buf context = BUF_INIT(CONTEXT_BYTES);
	AUTO(wiped) struct buf text = BUF_INIT(2 * LIMIT_RECORD_BYTES);

	if (!seal)
		return err_set(err, ERR_DENIED,
			"it holds a Secret's value, and there is no key to seal it with");
	if (context_of(&context, r, err) < 0 || join(&text, r, err) < 0)
		return -1;
	return seal_close(out, seal->key, seal->nonce, &context, &text, err);
}

int record_open(struct record *r, const struct seal_keys *keys, struct err *err)
{
	AUTO(buf) struct buf context = BUF_INIT(CONTEXT_BYTES);
	AUTO(wiped) struct buf text = BUF_INIT(2 * LIMIT_RECORD_BYTES);
	const struct seal_key *key = seal_keys_find(keys, r->sealed_by);

	if (r->sealed.len == 0)
		return 0;
	if (!key)
		return err_set(err, ERR_DENIED,
			"sealed with key %s, which is not among the %zu here", r->sealed_by,
			keys->n);
	r->secret = true;
	if (context_of(&context, r, err) < 0 ||
		seal_open(&text, key, &context, &r->sealed, err) < 0 || part(r, &text, err) < 0)
		return -1;
	buf_clear(&r->sealed);
	return 0;
}

static ProtobufCBinaryData bytes_of(const struct buf *b)
{
	return (ProtobufCBinaryData){.len = b->len, .data = (uint8_t *)b->data};
}

static int pack(struct buf *out, Wasmxds__Store__Record *m, struct err *err)
{
	size_t n = wasmxds__store__record__get_packed_size(m);
	char *at = buf_reserve(out, HEADER_LEN + n, err);
	struct digest sum;

	if (!at)
		return -1;
	(void)wasmxds__store__record__pack(m, (uint8_t *)at + HEADER_LEN);
	digest_of(&sum, at + HEADER_LEN, n);
	memcpy(at, RECORD_MAGIC, MAGIC_LEN);
	memcpy(at + MAGIC_LEN, sum.hex, DIGEST_HEX_LEN);
	at[HEADER_LEN - 1] = '\n';
	out->len += HEADER_LEN + n;
	return 0;
}

/* Fills in what the record says of its configuration: as it is, or sealed, in fresh where that is
 * done now. */
static int put_content(Wasmxds__Store__Record *m, struct buf *fresh, const struct record *r,
	const struct record_seal *seal, struct err *err)
{
	if (r->sealed.len > 0) {
		m->sealed = bytes_of(&r->sealed);
		m->sealed_by = lend(r->sealed_by);
		return 0;
	}
	if (!r->secret) {
		m->head = bytes_of(&r->head);
		m->tail = bytes_of(&r->tail);
		return 0;
	}
	if (close_record(fresh, r, seal, err) < 0)
		return -1;
	m->sealed = bytes_of(fresh);
	m->sealed_by = lend(seal->key->id);
	return 0;
}

int record_encode(
	const struct record *r, const struct record_seal *seal, struct buf *out, struct err *err)
{
	AUTO(buf) struct buf sealed = BUF_INIT(LIMIT_RECORD_BYTES);
	Wasmxds__Store__Record m;
	struct digest module = r->module;
	struct digest served = r->served;

	if (check(r, err) < 0)
		return err_wrap(err, "encode record");
	wasmxds__store__record__init(&m);
	m.name = r->name;
	m.version = r->version;
	if (r->source)
		m.source = r->source;
	if (r->revision)
		m.revision = r->revision;
	if (r->refetch)
		m.refetch = r->refetch;
	m.revoked = r->revoked;
	m.module_sha256 = module.hex;
	m.module_bytes = r->module_bytes;
	m.served_sha256 = served.hex;
	m.served_bytes = r->served_bytes;
	if (put_content(&m, &sealed, r, seal, err) < 0 || pack(out, &m, err) < 0)
		return err_wrap(err, "encode record %s", r->name);
	return 0;
}

/* Takes over the sealed part of m, which has no other then. */
static int fill_sealed(struct record *r, const Wasmxds__Store__Record *m, struct err *err)
{
	if (m->sealed.len == 0)
		return 0;
	if (m->head.len > 0 || m->tail.len > 0)
		return err_set(err, ERR_INVALID, "sealed: must stand in place of head and tail");
	if (strlen(m->sealed_by) != SEAL_ID_LEN ||
		strspn(m->sealed_by, "0123456789abcdef") < SEAL_ID_LEN)
		return err_set(err, ERR_INVALID, "sealed_by: must be %d lower-case hex digits",
			SEAL_ID_LEN);
	r->secret = true;
	memcpy(r->sealed_by, m->sealed_by, sizeof(r->sealed_by));
	if (buf_append(&r->sealed, m->sealed.data, m->sealed.len, err) < 0)
		return err_wrap(err, "sealed");
	return 0;
}

static char *text_or_null(const char *text)
{
	return text[0] ? xstrdup(text) : NULL;
}

static int fill(struct record *r, const Wasmxds__Store__Record *m, struct err *err)
{
	r->name = xstrdup(m->name);
	r->version = xstrdup(m->version);
	r->source = xstrdup(m->source);
	r->revision = text_or_null(m->revision);
	r->refetch = text_or_null(m->refetch);
	r->revoked = m->revoked;
	r->module_bytes = m->module_bytes;
	r->served_bytes = m->served_bytes;
	if (digest_parse(&r->module, m->module_sha256, err) < 0)
		return err_wrap(err, "module_sha256");
	if (digest_parse(&r->served, m->served_sha256, err) < 0)
		return err_wrap(err, "served_sha256");
	if (buf_append(&r->head, m->head.data, m->head.len, err) < 0)
		return err_wrap(err, "head");
	if (buf_append(&r->tail, m->tail.data, m->tail.len, err) < 0)
		return err_wrap(err, "tail");
	return fill_sealed(r, m, err) < 0 ? -1 : check(r, err);
}

static int check_header(const char *bytes, size_t n, struct err *err)
{
	struct digest sum;

	if (n < HEADER_LEN || memcmp(bytes, RECORD_MAGIC, MAGIC_LEN) != 0 ||
		bytes[HEADER_LEN - 1] != '\n')
		return err_set(err, ERR_UNVERIFIED,
			"no record of this format: must begin with \"%.*s\" and a sha256",
			(int)MAGIC_LEN - 1, RECORD_MAGIC);
	digest_of(&sum, bytes + HEADER_LEN, n - HEADER_LEN);
	if (memcmp(bytes + MAGIC_LEN, sum.hex, DIGEST_HEX_LEN) != 0)
		return err_set(err, ERR_UNVERIFIED,
			"its sha256 is %s: must be what was written, %.*s", sum.hex, DIGEST_HEX_LEN,
			bytes + MAGIC_LEN);
	return 0;
}

int record_decode(struct record *r, const void *bytes, size_t n, struct err *err)
{
	AUTO(record) struct record fresh = RECORD_INIT;
	AUTO(message) Wasmxds__Store__Record *m = NULL;

	record_init(&fresh);
	if (check_header(bytes, n, err) < 0)
		return err_wrap(err, "decode record");
	m = wasmxds__store__record__unpack(
		NULL, n - HEADER_LEN, (const uint8_t *)bytes + HEADER_LEN);
	if (!m)
		return err_set(err, ERR_UNVERIFIED, "decode record: not a wasmxds.store.Record");
	if (fill(&fresh, m, err) < 0)
		return err_wrap(err, "decode record");
	*r = fresh;
	record_init(&fresh);
	return 0;
}
