/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/review_fixture.h - AdmissionReviews for the tests of webhook/.
 */
#ifndef WASMXDS_TESTS_UNIT_REVIEW_FIXTURE_H
#define WASMXDS_TESTS_UNIT_REVIEW_FIXTURE_H

#include <stdbool.h>

/* What stands in the review; what is NULL is left out, or as it usually is. */
struct review_parts {
	const char *operation; /* NULL: "CREATE" */
	const char *kind;      /* NULL: ours; else "group/version/kind" */
	const char *subresource;
	const char *namespace; /* NULL: "team" */
	const char *object;    /* JSON */
	const char *old;       /* JSON */
	bool is_dry_run;
};

/* Returns the review's JSON, which the caller frees. */
char *review_text(const struct review_parts *parts);

/* Returns a WasmExtension "team/auth" as JSON: image is what stands in the braces of spec.image,
 * more is put behind it in spec (with its comma), metadata behind the name (likewise); each may be
 * "".  The caller frees it. */
char *review_extension(const char *image, const char *more, const char *metadata);

#define REVIEW_IMAGE "\"protocol\":\"oci\",\"uri\":\"registry.test/auth:v1\""
#define REVIEW_SHA256 "8d2a0a1cc7dd0d0e5c2d3ea4ba6cb3a4b5f1c9d2b0a8b4c6e1f3a5d7c9e0b2a4"

#endif
