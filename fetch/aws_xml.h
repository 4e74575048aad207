/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_xml.h - the text of single elements out of the XML that S3 and STS answer with.
 * Not an XML parser: it walks over tags, knows no namespaces, and takes no document type, no CDATA
 * and no entity but the five and numeric ones.  Pure.
 */
#ifndef WASMXDS_FETCH_AWS_XML_H
#define WASMXDS_FETCH_AWS_XML_H

#include <stddef.h>

#include "base/err.h"
#include "fetch/aws_credentials.h"

/* Returns the text of the first element called name, which must hold text only, without the space
 * around it; or NULL with ERR_INVALID where there is none, or the document is not well formed up to
 * there.  At most LIMIT_AWS_TOKEN_BYTES.  The caller frees it. */
char *aws_xml_text(const char *xml, size_t n, const char *name, struct err *err);

/* Reads STS's answer to AssumeRoleWithWebIdentity: AccessKeyId, SecretAccessKey, SessionToken and
 * Expiration.  ERR_INVALID: one is missing. */
int aws_xml_credentials(struct aws_credentials *out, const char *xml, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Returns the error's name, "NoSuchKey", out of a refusal; NULL where there is none.  The caller
 * frees it. */
char *aws_xml_error(const char *xml, size_t n);

#endif
