/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/folder.h - a folder of manifests as a struct source: kube/directory.h, and when to scan it.
 * Threads: the one that owns it.
 */
#ifndef WASMXDS_KUBE_FOLDER_H
#define WASMXDS_KUBE_FOLDER_H

#include "kube/source.h"

/* Codes as directory_open(). */
int folder_open(struct source **out, const char *path, struct err *err)
	__attribute__((warn_unused_result));

#endif
