/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store/keyring.h - the file of keys (store/seal.h) that a store's records are sealed with.
 * Threads: a store's keys belong to the thread of the store; keyring_make() from any.
 */
#ifndef WASMXDS_STORE_KEYRING_H
#define WASMXDS_STORE_KEYRING_H

#include <stdbool.h>

#include "base/err.h"
#include "store/seal.h"
#include "store/store.h"

/* Makes a file of one random key, which its owner alone may read; one that is there stays.
 * ERR_DENIED, ERR_FULL, ERR_TRANSIENT. */
int keyring_make(const char *path, struct err *err) __attribute__((warn_unused_result));

/* From here on the store seals and opens records with the keys of path, which is read at once.
 * ERR_INVALID: no file of keys; ERR_NOT_FOUND, ERR_DENIED, ERR_TRANSIENT. */
int store_use_keys(struct store *st, const char *path, struct err *err)
	__attribute__((warn_unused_result));

/* Reads the file again where it changed; *changed: the keys are others now.  One that cannot be
 * used changes nothing, and is an error once; codes as store_use_keys(). */
int store_refresh_keys(struct store *st, bool *changed, struct err *err)
	__attribute__((warn_unused_result));

/* Returns the keys, which may be none; borrowed until the next store_refresh_keys(). */
const struct seal_keys *store_keys(const struct store *st);

#endif
