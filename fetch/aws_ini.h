/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_ini.h - one profile out of AWS's shared files, ~/.aws/credentials and ~/.aws/config.
 * Of a key that stands twice the last counts; the sub-keys of an empty key (`s3 =`) are skipped.
 * Pure.
 */
#ifndef WASMXDS_FETCH_AWS_INI_H
#define WASMXDS_FETCH_AWS_INI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum aws_ini_kind {
	AWS_INI_CREDENTIALS, /* sections are [NAME] */
	AWS_INI_CONFIG,      /* sections are [profile NAME], and [default] */
};

/* What is NULL does not stand there. */
struct aws_profile {
	bool found;
	char *key_id;            /* owned */
	char *secret;            /* owned */
	char *session_token;     /* owned */
	const char *unsupported; /* a key that asks for what we cannot do: "sso_session" */
};

/* Adds what the file's n bytes say of the profile called name to out, where that has none yet.
 * ERR_INVALID names the line, and shows nothing of it. */
int aws_ini_read(struct aws_profile *out, const char *text, size_t n, enum aws_ini_kind kind,
	const char *name, struct err *err) __attribute__((warn_unused_result));

void aws_profile_clear(struct aws_profile *profile);
static inline void auto_aws_profile(struct aws_profile *profile)
{
	aws_profile_clear(profile);
}

#endif
