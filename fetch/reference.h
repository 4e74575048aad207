/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/reference.h - the name of an image, host[:port]/repository[:tag][@sha256:hex], in parts.
 * Takes what image.uri takes for oci, no more and no less, and so refuses the short names of Docker
 * Hub: a name that means another registry on another machine pins nothing.
 * Pure.
 */
#ifndef WASMXDS_FETCH_REFERENCE_H
#define WASMXDS_FETCH_REFERENCE_H

#include <stdbool.h>

#include "base/digest.h"
#include "base/err.h"

struct reference {
	char *registry;       /* owned: host[:port] in lower case; "docker.io" for Docker Hub */
	char *repository;     /* owned: as the registry's API wants it, "library/nginx" */
	char *tag;            /* owned; NULL: only a digest is named */
	struct digest digest; /* of the manifest; not set: what the tag leads to */
};

/* Reads text; "latest" is the tag where it names neither a tag nor a digest.  ERR_INVALID says what
 * is wrong, or suggests the full name; it does not show what stands where a password may. */
int reference_parse(struct reference *out, const char *text, struct err *err)
	__attribute__((warn_unused_result));
void reference_clear(struct reference *r);
static inline void auto_reference(struct reference *r)
{
	reference_clear(r);
}

/* Returns host[:port] of the registry's API, which is another than its name for Docker Hub;
 * borrowed. */
const char *reference_server(const struct reference *r);

/* Returns what stands behind "manifests/": the digest where there is one, else the tag; the caller
 * frees it. */
char *reference_version(const struct reference *r);

/* Returns whether host[:port], with the name of the host or its address, is this machine by its
 * name alone: localhost, 127.0.0.0/8 and [::1]. */
bool reference_is_loopback(const char *server);

#endif
