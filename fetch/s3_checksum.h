/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/s3_checksum.h - the checksum that a store keeps of an object, out of the headers that it
 * states it by.  Pure.
 */
#ifndef WASMXDS_FETCH_S3_CHECKSUM_H
#define WASMXDS_FETCH_S3_CHECKSUM_H

#include <stdbool.h>

#include "base/digest.h"

#define S3_CHECKSUM_MODE "x-amz-checksum-mode" /* with this value it is asked for: */
#define S3_CHECKSUM_ON "ENABLED"
#define S3_CHECKSUM_SHA256 "x-amz-checksum-sha256"
#define S3_CHECKSUM_TYPE "x-amz-checksum-type"

/* Reads the values of the latter two; either may be NULL.  Returns whether it is the sha256 of the
 * whole object: that of one that came in parts is of its parts' checksums ("...-3", COMPOSITE). */
bool s3_checksum_read(struct digest *out, const char *sha256, const char *type);

#endif
