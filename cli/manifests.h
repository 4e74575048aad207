/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/manifests.h - the manifests that a command line names: FILE, DIR for those directly in it, or
 * - for standard input.
 */
#ifndef WASMXDS_CLI_MANIFESTS_H
#define WASMXDS_CLI_MANIFESTS_H

#include <stdbool.h>

#include "base/buf.h"

/* Calls each() for every file in turn, a folder's in the order of their names.  Returns whether all
 * of them could be read; what is wrong with the others is printed to standard error. */
bool manifests_visit(char **paths, int n,
	void (*each)(void *arg, const char *file, const struct buf *text), void *arg);

/* Returns whether path is a folder. */
bool manifests_is_folder(const char *path);

#endif
