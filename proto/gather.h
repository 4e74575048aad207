/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/gather.h - encodes a message around bytes that stay where they are.
 * A bytes field of the message points at a mark instead of its data, and gives the data's length;
 * protobuf-c works out every length around it, and what it would copy is left out.
 */
#ifndef WASMXDS_PROTO_GATHER_H
#define WASMXDS_PROTO_GATHER_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends to head what comes before the field whose data pointer is mark, and to tail what comes
 * behind it; all to head where there is no such field.  mark is never read.
 * ERR_INVALID: a ceiling of head or tail would be passed. */
int gather_pack(const ProtobufCMessage *message, const void *mark, struct buf *head,
	struct buf *tail, struct err *err) __attribute__((warn_unused_result));

#endif
