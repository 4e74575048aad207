/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/metadata.h - what identifies an object: its metadata, of which Kubernetes owns the rest.
 * Pure.
 */
#ifndef WASMXDS_API_METADATA_H
#define WASMXDS_API_METADATA_H

#include <stdint.h>

#include "api/fields.h"

#define METADATA_NAMESPACE "default" /* where none is given */

struct metadata {
	char *namespace; /* owned; NULL where it is wrong */
	char *name;      /* owned; NULL where it is wrong */
	int64_t generation;
};

/* Reads and checks metadata of a document; what is wrong goes to document->problems. */
void metadata_decode(struct metadata *out, const struct fields *document);
void metadata_clear(struct metadata *m);
static inline void auto_metadata(struct metadata *m)
{
	metadata_clear(m);
}

#endif
