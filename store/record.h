/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/record.h - one extension as it is kept and served: the encoded ECDS resource around its
 * module, and where the module came from.  On disk: the magic, the sha256 of what follows as 64 hex
 * digits, a newline, and a wasmxds.store.Record (proto/record.proto).  Pure.
 *
 * Where a configuration came from a Secret, head and tail are sealed on disk.  What collection and
 * whoever looks for changes need (name, version, digests, source) is read without a key.
 */
#ifndef WASMXDS_STORE_RECORD_H
#define WASMXDS_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "store/seal.h"

#define RECORD_MAGIC "wasmxds-record 1\n" /* another number is another format */

struct record {
	char *name;     /* owned; "namespace/name" */
	char *version;  /* owned; hash of the whole resource: at most 64 lower-case hex digits */
	char *source;   /* owned; what the module was resolved from, "local_fs://f.wasm" */
	char *revision; /* owned; what the source calls the bytes that it sent; NULL: not known */
	char *refetch;  /* owned; what asked last for a fetch, and got it; NULL: nothing */
	struct digest module; /* of the bytes that were fetched: the module's identity */
	uint64_t module_bytes;
	struct digest served; /* of the blob that is sent between head and tail */
	uint64_t served_bytes;
	struct buf head; /* ceiling LIMIT_RECORD_BYTES */
	struct buf tail; /* likewise */
	bool revoked;    /* the source gave the module, and says no since */
	bool secret; /* they hold a Secret's value: wiped at the end, never on disk as they are */
	struct buf sealed; /* both, as decoded and not opened yet: they are then empty */
	char sealed_by[SEAL_ID_LEN + 1]; /* with secret: the key's id; "": not sealed yet */
};

/* What seals a record. */
struct record_seal {
	const struct seal_key *key;
	uint8_t nonce[SEAL_NONCE_BYTES]; /* random */
};

#define RECORD_INIT                                                                         \
	{                                                                                   \
		.head = BUF_INIT(LIMIT_RECORD_BYTES), .tail = BUF_INIT(LIMIT_RECORD_BYTES), \
		.sealed = BUF_INIT(LIMIT_RECORD_BYTES)                                      \
	}

void record_init(struct record *r); /* all empty */
void record_clear(struct record *r);
static inline void auto_record(struct record *r)
{
	record_clear(r);
}

/* Appends the file's bytes.  seal is for secret, and NULL where there is no key: one that is not
 * opened keeps the seal that it has.  ERR_INVALID: a field breaks a rule, or over out's ceiling;
 * ERR_DENIED: it must be sealed, and there is no key. */
int record_encode(const struct record *r, const struct record_seal *seal, struct buf *out,
	struct err *err) __attribute__((warn_unused_result));

/* Reads the file's bytes into an initialised, empty r.  ERR_UNVERIFIED: they are not what was
 * written (short, bit rot, foreign); ERR_INVALID: a field breaks a rule. */
int record_decode(struct record *r, const void *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Opens what is sealed, if anything is.  ERR_DENIED: none of the keys sealed it; ERR_UNVERIFIED:
 * it is not what was sealed, or was sealed for another record. */
int record_open(struct record *r, const struct seal_keys *keys, struct err *err)
	__attribute__((warn_unused_result));

/* ERR_INVALID unless name is "namespace/name", each part a name that Kubernetes would take, so that
 * it is safe as a path. */
int record_check_name(const char *name, struct err *err) __attribute__((warn_unused_result));

/* Returns whether text alone could be the namespace of a name. */
bool record_is_namespace(const char *text);

#endif
