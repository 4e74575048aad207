/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/image.h - the rules of spec.image: where a module may lie, and how its digest is written.
 * Messages read well behind a field's name, and hold no user, password or query.  Pure.
 */
#ifndef WASMXDS_API_IMAGE_H
#define WASMXDS_API_IMAGE_H

#include "api/extension.h"
#include "base/digest.h"
#include "base/err.h"

/* ERR_INVALID where uri cannot be one, whatever the protocol: empty, too long, with a scheme … */
int image_check_uri(const char *uri, struct err *err) __attribute__((warn_unused_result));

/* ERR_INVALID unless uri, which image_check_uri() let pass, is what the protocol wants. */
int image_check_protocol_uri(enum image_protocol protocol, const char *uri, struct err *err)
	__attribute__((warn_unused_result));

/* Reads spec.image.sha256.  ERR_INVALID says how to write it right. */
int image_parse_sha256(struct digest *out, const char *text, struct err *err)
	__attribute__((warn_unused_result));

#endif
