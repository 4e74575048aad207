/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wasm/magic.h - the first eight bytes of a module, and what else a download may turn out to be.
 * Names the kind of thing that came instead and never quotes it: the bytes may be a file or an
 * answer that the user who reads the message must not see.  Pure.
 */
#ifndef WASMXDS_WASM_MAGIC_H
#define WASMXDS_WASM_MAGIC_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define WASM_HEADER_BYTES 8

/* 0: the bytes begin as a core module, version 1.  ERR_INVALID says what they are instead. */
int wasm_magic_check(const uint8_t *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
