/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_signer.h - the headers that sign a request, made anew for each try: a signature holds
 * for fifteen minutes, a session's credentials for an hour, a download perhaps longer.
 * Threads: belongs to one task.
 */
#ifndef WASMXDS_FETCH_AWS_SIGNER_H
#define WASMXDS_FETCH_AWS_SIGNER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "fetch/sigv4.h"
#include "fetch/task.h"

#define AWS_SIGNER_FIELDS 6 /* that are added, and room for those of the caller */
#define AWS_SIGNER_OWN_FIELDS 2

/* What is signed; all borrowed. */
struct aws_signer {
	struct fetch_task *task; /* its options' aws has the credentials */
	const char *service;
	const char *region;
	const char *method;
	const char *host; /* as the Host header has it */
	const char *path; /* as it goes over the wire */
	enum sigv4_path path_rule;
	const char *body;                                     /* NULL: none */
	struct sigv4_field own_fields[AWS_SIGNER_OWN_FIELDS]; /* sent too; name NULL: not used */

	char *lines[AWS_SIGNER_FIELDS + AWS_SIGNER_OWN_FIELDS + 1]; /* owned; what was made last */
};

/* Makes the headers, NULL at the end and borrowed until the next call; *headers is NULL where there
 * are no credentials, so that the request goes unsigned.  arg is the struct aws_signer: this is a
 * renew of fetch/exchange.h.  Errors are those of aws_credentials_get(). */
int aws_signer_renew(void *arg, const char *const **headers, struct err *err)
	__attribute__((warn_unused_result));

void aws_signer_clear(struct aws_signer *signer);
static inline void auto_aws_signer(struct aws_signer *signer)
{
	aws_signer_clear(signer);
}

#endif
