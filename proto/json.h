/* SPDX-License-Identifier: Apache-2.0 */
/*
 * proto/json.h - messages as proto3 JSON, by protobuf-c's descriptors, for clients that poll by
 * REST. Knows our liberties (proto/xds.proto): an Any whose value is a message is written as Any
 * is, with
 * "@type" beside the fields, and the well-known wrappers are plain values.  Pure.
 */
#ifndef WASMXDS_PROTO_JSON_H
#define WASMXDS_PROTO_JSON_H

#include <protobuf-c/protobuf-c.h>

#include "base/buf.h"
#include "base/err.h"

/* Appends the message as a JSON object; type_url, where not NULL, becomes "@type".  Text that is
 * not UTF-8 is not looked for: the messages come from records, which were checked.  ERR_INVALID:
 * over out's ceiling. */
int proto_json(struct buf *out, const char *type_url, const ProtobufCMessage *message,
	struct err *err) __attribute__((warn_unused_result));

/* Appends n bytes as a JSON string: escaped text, or base64.  ERR_INVALID: over out's ceiling. */
int proto_json_text(struct buf *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));
int proto_json_base64(struct buf *out, const uint8_t *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

#endif
