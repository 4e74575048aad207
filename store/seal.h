/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/seal.h - keeps what is secret unreadable on disk: AES-256-GCM under a key that controller
 * and xds mount.  Several keys are for rotation: the first seals, each opens.
 * Pure: the nonce is passed in.  Threads: none of its own.
 */
#ifndef WASMXDS_STORE_SEAL_H
#define WASMXDS_STORE_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"

#define SEAL_KEY_BYTES 32
#define SEAL_NONCE_BYTES 12
#define SEAL_TAG_BYTES 16
#define SEAL_OVERHEAD_BYTES (SEAL_NONCE_BYTES + SEAL_TAG_BYTES)
#define SEAL_ID_LEN 16

/* What is derived from one key of a file; that itself is not kept. */
struct seal_key {
	char id[SEAL_ID_LEN + 1];        /* hex; tells keys apart, and tells nothing of them */
	uint8_t cipher[SEAL_KEY_BYTES];  /* for seal_close() and seal_open() */
	uint8_t fingers[SEAL_KEY_BYTES]; /* for seal_fingerprint() */
};

struct seal_keys {
	struct seal_key items[LIMIT_SEAL_KEYS];
	size_t n; /* the first is the newest */
};

/* Reads a key file: 32 bytes as they are, which is one key; or lines of text, newest first, each 64
 * hex digits or base64 of 32 bytes, with empty lines and those that begin with '#' passed over.
 * ERR_INVALID names the line, and nothing of what it holds; out is then empty. */
int seal_keys_parse(struct seal_keys *out, const char *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));
void seal_keys_clear(struct seal_keys *keys); /* wipes them */
static inline void auto_seal_keys(struct seal_keys *keys)
{
	seal_keys_clear(keys);
}

/* Returns the key that has this id, or NULL; borrowed. */
const struct seal_key *seal_keys_find(const struct seal_keys *keys, const char *id);

/* Appends nonce, ciphertext and tag.  Only the same context opens it again, so that nothing sealed
 * can be put in another's place.  One nonce is used once.  ERR_INVALID: over out's ceiling. */
int seal_close(struct buf *out, const struct seal_key *key, const uint8_t nonce[SEAL_NONCE_BYTES],
	const struct buf *context, const struct buf *text, struct err *err)
	__attribute__((warn_unused_result));

/* Appends the text to out, which has room for it or is empty, so that no copy is left behind; who
 * owns it wipes it.  ERR_UNVERIFIED: not what was sealed with this key and context; ERR_INVALID:
 * over out's ceiling. */
int seal_open(struct buf *out, const struct seal_key *key, const struct buf *context,
	const struct buf *sealed, struct err *err) __attribute__((warn_unused_result));

/* Hashes a digest with the key: equal wherever the key is, and no way for others to try out what
 * has this digest. */
void seal_fingerprint(struct digest *out, const struct seal_key *key, const struct digest *digest);

/* Overwrites all that b has room for, and frees it. */
void seal_wipe(struct buf *b);
static inline void auto_wiped(struct buf *b)
{
	seal_wipe(b);
}

#endif
