/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kube/fingerprint.h - a digest of what an object says, however its document is written: comments,
 * the order of keys, and its place in the file do not count.  Only for comparison within one
 * process.  Pure.
 */
#ifndef WASMXDS_KUBE_FINGERPRINT_H
#define WASMXDS_KUBE_FINGERPRINT_H

#include "api/manifest.h"
#include "base/digest.h"

void fingerprint_of(struct digest *out, const struct object *object);

#endif
