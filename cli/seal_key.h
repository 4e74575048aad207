/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/seal_key.h - which file of keys (store/keyring.h) a verb uses for its store.
 */
#ifndef WASMXDS_CLI_SEAL_KEY_H
#define WASMXDS_CLI_SEAL_KEY_H

/* Row of a verb's table. */
#define SEAL_KEY_OPTION(field_offset, otherwise)                                                  \
	{                                                                                         \
		.name = "seal-key", .value = "FILE", .type = FLAG_TEXT, .offset = (field_offset), \
		.help = "keys that values from Secrets are sealed with in the store, a "          \
			"line each, newest first: 64 hex digits or base64 (default: " otherwise   \
			")"                                                                       \
	}

/* Returns given, or where `wasmxds run` keeps the keys of that store; the caller frees it. */
char *seal_key_place(const char *given, const char *store);

/* As seal_key_place(), but NULL where none is given and that file is not there. */
char *seal_key_find(const char *given, const char *store);

#endif
