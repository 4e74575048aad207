/* SPDX-License-Identifier: Apache-2.0 */
#include "store/seal.h"

#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/auto.h"
#include "base/lend.h"

#define LABEL_ID "wasmxds seal 1 id"
#define LABEL_CIPHER "wasmxds seal 1 cipher"
#define LABEL_FINGERS "wasmxds seal 1 fingerprint"

void seal_wipe(struct buf *b)
{
	if (b->data)
		gnutls_memset(b->data, 0, b->cap);
	buf_clear(b);
}

void seal_keys_clear(struct seal_keys *keys)
{
	gnutls_memset(keys, 0, sizeof(*keys));
}

static gnutls_datum_t datum(const void *bytes, size_t n)
{
	return (gnutls_datum_t){.data = lend(bytes), .size = (unsigned)n};
}

/* What must not fail goes on with no key at all otherwise. */
static void check(int rc, const char *what)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "wasmxds: %s: %s\n", what, gnutls_strerror(rc));
	abort();
}

static void derive(void *out, size_t n, const gnutls_datum_t *key, const char *label)
{
	const gnutls_datum_t info = datum(label, strlen(label));

	check(gnutls_hkdf_expand(GNUTLS_MAC_SHA256, key, &info, out, n), "hkdf");
}

static void key_init(struct seal_key *out, const uint8_t raw[SEAL_KEY_BYTES])
{
	const gnutls_datum_t key = datum(raw, SEAL_KEY_BYTES);
	uint8_t id[SEAL_ID_LEN / 2];

	derive(id, sizeof(id), &key, LABEL_ID);
	for (size_t i = 0; i < sizeof(id); i++)
		(void)snprintf(out->id + 2 * i, 3, "%02x", id[i]);
	derive(out->cipher, sizeof(out->cipher), &key, LABEL_CIPHER);
	derive(out->fingers, sizeof(out->fingers), &key, LABEL_FINGERS);
}

static int add_key(struct seal_keys *keys, const uint8_t raw[SEAL_KEY_BYTES], struct err *err)
{
	bool varied = false;

	for (size_t i = 1; i < SEAL_KEY_BYTES; i++)
		varied = varied || raw[i] != raw[0];
	if (!varied)
		return err_set(err, ERR_INVALID,
			"a key must be random: this one is one byte over "
			"and over");
	if (keys->n == LIMIT_SEAL_KEYS)
		return err_set(err, ERR_INVALID, "more than %d keys", LIMIT_SEAL_KEYS);
	key_init(&keys->items[keys->n++], raw);
	return 0;
}

static bool is_hex(const char *text, size_t n)
{
	bool hex = true;

	for (size_t i = 0; i < n; i++)
		hex = hex && isxdigit((unsigned char)text[i]);
	return hex;
}

/* Decodes one line's text; false: it is no key. */
static bool decode(uint8_t raw[SEAL_KEY_BYTES], const char *text, size_t n)
{
	const gnutls_datum_t line = datum(text, n);
	gnutls_datum_t bytes = {.data = NULL};
	bool hex = n == 2 * (size_t)SEAL_KEY_BYTES && is_hex(text, n);
	int rc = hex ? gnutls_hex_decode2(&line, &bytes) : gnutls_base64_decode2(&line, &bytes);
	bool good = rc >= 0 && bytes.size == SEAL_KEY_BYTES;

	if (good)
		memcpy(raw, bytes.data, SEAL_KEY_BYTES);
	if (rc >= 0) {
		gnutls_memset(bytes.data, 0, bytes.size);
		gnutls_free(bytes.data);
	}
	return good;
}

static int add_line(struct seal_keys *keys, const char *text, size_t n, struct err *err)
{
	static const char blanks[] = " \t\r";
	uint8_t raw[SEAL_KEY_BYTES];

	while (n > 0 && strchr(blanks, text[n - 1]))
		n--;
	if (n == 0 || text[0] == '#')
		return 0;
	if (!decode(raw, text, n))
		return err_set(err, ERR_INVALID,
			"must be a key of %d bytes, as %d hex digits or as base64", SEAL_KEY_BYTES,
			2 * SEAL_KEY_BYTES);

	int rc = add_key(keys, raw, err);

	gnutls_memset(raw, 0, sizeof(raw));
	return rc;
}

static int add_lines(struct seal_keys *keys, const char *text, size_t n, struct err *err)
{
	unsigned line = 1;

	for (size_t at = 0; at < n; line++) {
		const char *end = memchr(text + at, '\n', n - at);
		size_t len = end ? (size_t)(end - text) - at : n - at;

		if (add_line(keys, text + at, len, err) < 0)
			return err_wrap(err, "line %u", line);
		at += len + 1;
	}
	return 0;
}

int seal_keys_parse(struct seal_keys *out, const char *bytes, size_t n, struct err *err)
{
	AUTO(seal_keys) struct seal_keys keys = {.n = 0};
	int rc = n == SEAL_KEY_BYTES ? add_key(&keys, (const uint8_t *)bytes, err)
				     : add_lines(&keys, bytes, n, err);

	*out = (struct seal_keys){.n = 0};
	if (rc < 0)
		return -1;
	if (keys.n == 0)
		return err_set(err, ERR_INVALID, "holds no key");
	*out = keys;
	return 0;
}

const struct seal_key *seal_keys_find(const struct seal_keys *keys, const char *id)
{
	for (size_t i = 0; i < keys->n; i++) {
		if (strcmp(keys->items[i].id, id) == 0)
			return &keys->items[i];
	}
	return NULL;
}

static inline void auto_cipher(gnutls_aead_cipher_hd_t *handle)
{
	gnutls_aead_cipher_deinit(*handle);
}

static gnutls_aead_cipher_hd_t cipher_of(const struct seal_key *key)
{
	const gnutls_datum_t bytes = datum(key->cipher, sizeof(key->cipher));
	gnutls_aead_cipher_hd_t handle = NULL;

	check(gnutls_aead_cipher_init(&handle, GNUTLS_CIPHER_AES_256_GCM, &bytes), "aes-256-gcm");
	return handle;
}

int seal_close(struct buf *out, const struct seal_key *key, const uint8_t nonce[SEAL_NONCE_BYTES],
	const struct buf *context, const struct buf *text, struct err *err)
{
	AUTO(cipher) gnutls_aead_cipher_hd_t handle = cipher_of(key);
	size_t n = text->len + SEAL_TAG_BYTES;
	char *at = buf_reserve(out, SEAL_NONCE_BYTES + n, err);

	if (!at)
		return -1;
	memcpy(at, nonce, SEAL_NONCE_BYTES);
	check(gnutls_aead_cipher_encrypt(handle, nonce, SEAL_NONCE_BYTES, buf_text(context),
		      context->len, SEAL_TAG_BYTES, buf_text(text), text->len,
		      at + SEAL_NONCE_BYTES, &n),
		"aes-256-gcm");
	assert(n == text->len + SEAL_TAG_BYTES);
	out->len += SEAL_NONCE_BYTES + n;
	return 0;
}

int seal_open(struct buf *out, const struct seal_key *key, const struct buf *context,
	const struct buf *sealed, struct err *err)
{
	AUTO(cipher) gnutls_aead_cipher_hd_t handle = cipher_of(key);

	if (sealed->len < SEAL_OVERHEAD_BYTES)
		return err_set(err, ERR_UNVERIFIED, "sealed with %zu bytes: must have %d at least",
			sealed->len, SEAL_OVERHEAD_BYTES);

	size_t n = sealed->len - SEAL_OVERHEAD_BYTES;
	char *at = buf_reserve(out, n, err);

	if (!at)
		return -1;
	if (gnutls_aead_cipher_decrypt(handle, sealed->data, SEAL_NONCE_BYTES, buf_text(context),
		    context->len, SEAL_TAG_BYTES, sealed->data + SEAL_NONCE_BYTES,
		    sealed->len - SEAL_NONCE_BYTES, at, &n) < 0) {
		gnutls_memset(at, 0, sealed->len - SEAL_OVERHEAD_BYTES);
		return err_set(err, ERR_UNVERIFIED, "not what was sealed with key %s", key->id);
	}
	out->len += n;
	return 0;
}

void seal_fingerprint(struct digest *out, const struct seal_key *key, const struct digest *digest)
{
	uint8_t raw[SEAL_KEY_BYTES];

	check(gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->fingers, sizeof(key->fingers), digest->hex,
		      strlen(digest->hex), raw),
		"hmac");
	for (size_t i = 0; i < sizeof(raw); i++)
		(void)snprintf(out->hex + 2 * i, 3, "%02x", raw[i]);
}
