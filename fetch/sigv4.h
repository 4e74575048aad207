/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/sigv4.h - AWS Signature Version 4: from a request to the value of its Authorization header.
 * Pure: the time comes with the scope.  Not who adds headers to a request: see fetch/aws_signer.h.
 * Whatever is larger than LIMIT_SIGV4_BYTES or has more than LIMIT_SIGV4_FIELDS parts is
 * ERR_INVALID, and nothing else is.
 */
#ifndef WASMXDS_FETCH_SIGV4_H
#define WASMXDS_FETCH_SIGV4_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

#define SIGV4_DATE_LEN 16 /* 20150830T123600Z */

enum sigv4_path {
	SIGV4_PATH_NORMAL,  /* most services: "." and ".." resolved, "//" made one, encoded again */
	SIGV4_PATH_LITERAL, /* S3, whose keys may hold all of these: encoded once */
};

struct sigv4_field {
	const char *name; /* in any case */
	const char *value;
};

/* All borrowed. */
struct sigv4_request {
	const char *method;
	const char *path; /* as it goes over the wire */
	enum sigv4_path path_rule;
	const char *query;                /* without its "?"; "": none */
	const struct sigv4_field *fields; /* the headers to sign, Host among them; in any order */
	size_t n_fields;
	const char *payload; /* the body's sha256 in hex, or UNSIGNED-PAYLOAD */
};

struct sigv4_scope {
	char date[SIGV4_DATE_LEN + 1];
	const char *region;
	const char *service;
};

struct sigv4_key {
	const char *id;
	const char *secret;
};

/* Writes the time as X-Amz-Date has it. */
void sigv4_date(char date[SIGV4_DATE_LEN + 1], time_t now);

/* Appends text with every byte but A-Z a-z 0-9 - . _ ~ (and "/", unless slash is false) as %XX. */
int sigv4_encode(struct buf *out, const char *text, bool slash, struct err *err)
	__attribute__((warn_unused_result));

/* Append the three documents of the algorithm, each made from the one before. */
int sigv4_canonical_request(struct buf *out, const struct sigv4_request *request, struct err *err)
	__attribute__((warn_unused_result));
int sigv4_string_to_sign(struct buf *out, const struct sigv4_scope *scope,
	const char *canonical_request, struct err *err) __attribute__((warn_unused_result));
int sigv4_signature(struct digest *out, const struct sigv4_scope *scope, const char *secret,
	const char *string_to_sign, struct err *err) __attribute__((warn_unused_result));

/* Appends the value of the Authorization header: all of the above at once. */
int sigv4_authorization(struct buf *out, const struct sigv4_request *request,
	const struct sigv4_scope *scope, const struct sigv4_key *key, struct err *err)
	__attribute__((warn_unused_result));

#endif
