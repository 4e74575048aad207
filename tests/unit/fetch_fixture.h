/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/fetch_fixture.h - what the tests of fetch/ share: a folder that goes away again, a
 * module, a file to fetch into, and certificates.  Fails by ending the test program.
 */
#ifndef WASMXDS_TESTS_UNIT_FETCH_FIXTURE_H
#define WASMXDS_TESTS_UNIT_FETCH_FIXTURE_H

#include <stddef.h>
#include <stdint.h>

#include "fetch/fetch.h"

/* The smallest Proxy-Wasm module: a memory, proxy_abi_version_0_2_1 and malloc. */
extern const uint8_t fixture_module[];
extern const size_t fixture_module_size;

/* An empty file in memory; the caller closes it. */
int fixture_file(void);

/* A file in memory that has no room for another byte; the caller closes it. */
int fixture_full(void);

/* Returns whether fd holds exactly these bytes. */
bool fixture_file_is(int fd, const void *bytes, size_t n);

/* Options that let every test of this machine's loopback pass, and no more. */
struct fetch_options fixture_options(void);

/* A new folder, below $TMPDIR; its removal, with all that is in it, also frees the name. */
char *fixture_dir(void);
void fixture_dir_remove(char *dir);
static inline void auto_fixture_dir(char **dir)
{
	fixture_dir_remove(*dir);
}

/* Writes a file below dir and returns its path, which the caller frees. */
char *fixture_write(const char *dir, const char *name, const void *bytes, size_t n);

/* A key and a certificate for 127.0.0.1, signed by itself; PEM, owned. */
struct fixture_tls {
	char *key;
	char *certificate;
};
void fixture_tls_init(struct fixture_tls *tls);
void fixture_tls_clear(struct fixture_tls *tls);
static inline void auto_fixture_tls(struct fixture_tls *tls)
{
	fixture_tls_clear(tls);
}

#endif
