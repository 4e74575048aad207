/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/store.h - the verified cache on disk, as its writer and its readers see it.
 *	DIR/oci-layout                      the folder is an OCI image layout
 *	DIR/lock                            held by the one writer
 *	DIR/blobs/sha256/<hex>              modules, 0444, named by their digest
 *	DIR/ingest/<random>                 files under way; what is left over is removed at open
 *	DIR/resources/<namespace>/<name>    records (store/record.h), 0600
 *	DIR/generation                      a decimal counter, bumped after each change of a record
 *	DIR/refusals                        what proxies refused (store/refusals.h), 0600
 * Blobs that nothing needs any more go by store/collect.h; store/scrub.h looks for bit rot.
 * Each change is one rename of a synced file, then a sync of its folder: a crash at any system call
 * leaves a store that opens, with nothing half-written in sight.  Knows no Kubernetes and no gRPC.
 * Threads: a store belongs to one thread; a reader in another thread or process opens its own.
 */
#ifndef WASMXDS_STORE_STORE_H
#define WASMXDS_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "store/record.h"
#include "store/refusals.h"

#define STORE_REFUSALS "refusals" /* the file's name below DIR */

enum store_mode { STORE_READ, STORE_WRITE };

struct store; /* opaque */

/* Opens dir; for writing it is created where it is absent, with the folders above it, locked and
 * swept of leftovers, and the generation is bumped.  ERR_CONFLICT: another writer holds it;
 * ERR_NOT_FOUND: nothing there to read; ERR_INVALID: dir is no folder, or holds something else;
 * ERR_DENIED; ERR_FULL; ERR_TRANSIENT. */
int store_open(struct store **out, const char *dir, enum store_mode mode, struct err *err)
	__attribute__((warn_unused_result));
void store_close(struct store *st);
static inline void auto_store(struct store **st)
{
	store_close(*st);
}

/* What the store's owner decides. */
struct store_policy {
	uint64_t max_bytes; /* of all blobs; 0: as much as the disk holds */
	/* Whether a blob is needed that no record names; NULL: none is. */
	bool (*needs)(void *arg, const struct digest *digest);
	void *arg;
};

void store_set_policy(struct store *st, const struct store_policy *policy);

/* A file on its way into the store. */
struct ingest {
	int fd;        /* owned; reading and writing; -1 once it is given away or committed */
	char name[33]; /* below DIR/ingest */
};

/* Starts a file; commit or abort ends it.  ERR_FULL, ERR_DENIED, ERR_TRANSIENT. */
int store_ingest(struct store *st, struct ingest *out, struct err *err)
	__attribute__((warn_unused_result));
void store_ingest_abort(struct store *st, struct ingest *in);

/* Makes the file the blob called digest, which the caller has verified; in is then spent, whatever
 * is returned.  A blob that is there already is kept, unless it is no longer what its name says.
 * in->fd may be -1 (then it is opened again).  ERR_FULL: also where the blob would pass
 * policy.max_bytes and nothing that is not needed makes room; ERR_TRANSIENT. */
int store_commit_blob(struct store *st, struct ingest *in, const struct digest *digest,
	struct err *err) __attribute__((warn_unused_result));

/* Returns whether the blob is there, and its length. */
bool store_has_blob(const struct store *st, const struct digest *digest, uint64_t *size);

/* Opens a blob for reading.  Returns the descriptor, or -1 with ERR_NOT_FOUND or ERR_TRANSIENT. */
int store_open_blob(const struct store *st, const struct digest *digest, struct err *err);

/* Puts a record in its place; its blob must be there already (ERR_INVALID otherwise, and where a
 * field of r breaks a rule).  Bumps the generation.  ERR_DENIED: it must be sealed, and the store
 * has no key (store/keyring.h); ERR_FULL, ERR_TRANSIENT. */
int store_put_record(struct store *st, const struct record *r, struct err *err)
	__attribute__((warn_unused_result));

/* Removes a record; that it is not there is no error.  Bumps the generation.  ERR_INVALID: no name
 * of a record; ERR_FULL, ERR_TRANSIENT. */
int store_delete_record(struct store *st, const char *name, struct err *err)
	__attribute__((warn_unused_result));

/* Reads a record into an initialised, empty r.  ERR_NOT_FOUND, also for what no record can be
 * called; ERR_DENIED: it is sealed with a key that the store has not; ERR_UNVERIFIED;
 * ERR_TRANSIENT. */
int store_get_record(const struct store *st, const char *name, struct record *r, struct err *err)
	__attribute__((warn_unused_result));

/* As store_get_record(), for those who need no more than can be read without a key: what is sealed
 * stays so. */
int store_peek_record(const struct store *st, const char *name, struct record *r, struct err *err)
	__attribute__((warn_unused_result));

/* What a folder entry says of a record, to see without reading it whether it changed. */
struct record_stamp {
	uint64_t inode;
	uint64_t size;
	int64_t mtime_ns;
};

/* Calls each(arg, name, stamp) for every record, in no order; a namespace that vanishes meanwhile
 * is passed over.  ERR_TRANSIENT. */
int store_each_record(const struct store *st,
	void (*each)(void *arg, const char *name, const struct record_stamp *stamp), void *arg,
	struct err *err) __attribute__((warn_unused_result));

/* Adds to r what the store says that proxies refused.  ERR_NOT_FOUND: nothing yet; ERR_INVALID: it
 * is not what was written; ERR_DENIED, ERR_TRANSIENT. */
int store_read_refusals(const struct store *st, struct refusals *r, struct err *err)
	__attribute__((warn_unused_result));

/* Has the store say what r has; of others nothing.  ERR_INVALID: more than its ceiling; ERR_FULL,
 * ERR_TRANSIENT. */
int store_write_refusals(struct store *st, const struct refusals *r, struct err *err)
	__attribute__((warn_unused_result));

/* The counter; 0 where there is none yet. */
uint64_t store_generation(const struct store *st);

/* The folder, for those who watch it; borrowed. */
const char *store_dir(const struct store *st);

#endif
