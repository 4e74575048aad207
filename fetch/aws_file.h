/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_file.h - the small files that AWS's variables name.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_AWS_FILE_H
#define WASMXDS_FETCH_AWS_FILE_H

#include "base/buf.h"
#include "base/err.h"

/* Reads path behind what out holds.  ERR_NOT_FOUND; ERR_INVALID: over out's ceiling; ERR_DENIED;
 * ERR_TRANSIENT. */
int aws_file_read(struct buf *out, const char *path, struct err *err)
	__attribute__((warn_unused_result));

/* Reads the one line of a file that the variable called what names; the caller wipes *out.
 * ERR_INVALID: there is no such file, or it holds no token; others as above. */
int aws_file_secret(char **out, const char *path, const char *what, struct err *err)
	__attribute__((warn_unused_result));

#endif
