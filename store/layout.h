/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/layout.h - the folders of a store: opened, made, walked and told from a stranger's.
 * Private to store/.  Every path is one name below a descriptor that is already open, and no
 * symbolic link is followed, so that nothing outside the folder is read or written.
 */
#ifndef WASMXDS_STORE_LAYOUT_H
#define WASMXDS_STORE_LAYOUT_H

#include <stdint.h>

#include "base/err.h"
#include "base/map.h"
#include "store/store.h"

#define LAYOUT_LOCK "lock"
#define LAYOUT_OCI "oci-layout"
#define LAYOUT_BLOBS "blobs"
#define LAYOUT_SHA256 "sha256"
#define LAYOUT_INGEST "ingest"
#define LAYOUT_RESOURCES "resources"
#define LAYOUT_GENERATION "generation"

/* of a name below ingest/ */
#define LAYOUT_RANDOM_BYTES 16UL
#define LAYOUT_RANDOM_HEX (2 * LAYOUT_RANDOM_BYTES)

struct store {
	enum store_mode mode;
	char *dir;           /* owned; as it was given, for messages */
	int fd;              /* owned, as all below; of DIR */
	int lock;            /* STORE_WRITE, else -1 */
	int ingest;          /* STORE_WRITE, else -1 */
	int blobs;           /* of DIR/blobs/sha256 */
	int resources;       /* of DIR/resources */
	uint64_t generation; /* last written; STORE_WRITE */
	struct store_policy policy;
	char *key_file; /* owned; NULL: none is used */
	struct record_stamp key_stamp;
	struct seal_keys keys;
	struct map idle; /* digest of a blob that nothing needs → int64_t, ms, owned: since when */
};

/* Opens the folder name.  Returns its descriptor or -1; codes as err_code_from_errno(), and
 * ERR_INVALID where name is something else. */
int layout_open_folder(int at, const char *name, struct err *err);

/* Opens the folder name, which is made first where it is absent; its entry in at is synced. */
int layout_make_folder(int at, const char *name, struct err *err);

/* Opens the regular file name for reading; as layout_open_folder(). */
int layout_open_file(int at, const char *name, struct err *err);

/* Waits until the entries of folder are on the disk.  ERR_FULL, ERR_TRANSIENT. */
int layout_sync(int folder, struct err *err) __attribute__((warn_unused_result));

/* Calls each() for every entry of folder but "." and "..", until it returns -1. */
int layout_walk(int folder, int (*each)(void *arg, int folder, const char *name, struct err *err),
	void *arg, struct err *err) __attribute__((warn_unused_result));

/* ERR_INVALID unless the folder is a store, or empty, or one whose first writer came no further
 * than to its ingest/. */
int layout_check_ours(int fd, struct err *err) __attribute__((warn_unused_result));

/* Removes what earlier writers left in the folder ingest/, and nothing that is not of their
 * naming. */
int layout_sweep(int ingest, struct err *err) __attribute__((warn_unused_result));

#endif
