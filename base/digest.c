/* SPDX-License-Identifier: Apache-2.0 */
#include "base/digest.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/quote.h"
#include "base/xalloc.h"

#define DIGEST_BYTES ((size_t)DIGEST_HEX_LEN / 2)

struct hasher {
	gnutls_hash_hd_t handle; /* owned */
};

/* Bytes that cannot be hashed cannot be verified: nothing may go on without. */
static void check(int rc)
{
	if (rc >= 0)
		return;
	(void)fprintf(stderr, "wasmxds: sha256: %s\n", gnutls_strerror(rc));
	abort();
}

static void to_hex(struct digest *out, const uint8_t raw[DIGEST_BYTES])
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < DIGEST_BYTES; i++) {
		out->hex[2 * i] = digits[raw[i] >> 4];
		out->hex[2 * i + 1] = digits[raw[i] & 0xF];
	}
	out->hex[DIGEST_HEX_LEN] = '\0';
}

int digest_parse(struct digest *out, const char *text, struct err *err)
{
	size_t len = strlen(text);
	size_t hex = strspn(text, "0123456789abcdef");

	if (hex < len)
		return err_set(err, ERR_INVALID,
			"digest %s has a character at %zu that is not a lower-case hex "
			"digit: it must be %d of 0-9 and a-f",
			quote(text).text, hex + 1, DIGEST_HEX_LEN);
	if (len != DIGEST_HEX_LEN)
		return err_set(err, ERR_INVALID,
			"digest %s has %zu characters: it must be %d lower-case hex digits",
			quote(text).text, len, DIGEST_HEX_LEN);
	memcpy(out->hex, text, len + 1);
	return 0;
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return strcmp(a->hex, b->hex) == 0;
}

bool digest_is_set(const struct digest *d)
{
	return d->hex[0] != '\0';
}

void digest_of(struct digest *out, const void *bytes, size_t n)
{
	uint8_t raw[DIGEST_BYTES];

	check(gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, n, raw));
	to_hex(out, raw);
}

struct hasher *hasher_new(void)
{
	struct hasher *h = xcalloc(1, sizeof(*h));

	check(gnutls_hash_init(&h->handle, GNUTLS_DIG_SHA256));
	return h;
}

void hasher_free(struct hasher *h)
{
	if (!h)
		return;
	gnutls_hash_deinit(h->handle, NULL);
	free(h);
}

void hasher_update(struct hasher *h, const void *bytes, size_t n)
{
	check(gnutls_hash(h->handle, bytes, n));
}

void hasher_final(struct hasher *h, struct digest *out)
{
	uint8_t raw[DIGEST_BYTES];

	gnutls_hash_output(h->handle, raw); /* resets the state too */
	to_hex(out, raw);
}
