/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/registry_fixture.h - a registry on 127.0.0.1 that serves what it is given, and notes
 * what it was asked.
 * Threads: the server's own reads what the test set before its first request.
 */
#ifndef WASMXDS_TESTS_UNIT_REGISTRY_FIXTURE_H
#define WASMXDS_TESTS_UNIT_REGISTRY_FIXTURE_H

#include <stddef.h>

#include "base/digest.h"
#include "fetch/task.h"
#include "tests/unit/script_server.h"

#define FIXTURE_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define FIXTURE_INDEX "application/vnd.oci.image.index.v1+json"
#define FIXTURE_ROUTES 16

/* A path that is answered by 200, and with what. */
struct fixture_route {
	char *path;         /* owned; with the query */
	const char *header; /* borrowed: lines with "\r\n" at their ends */
	char *body;         /* owned */
	size_t n;
};

struct registry_fixture {
	struct script_server *server; /* owned */
	unsigned port;
	struct fixture_route routes[FIXTURE_ROUTES]; /* others are answered by 404 */
	size_t n_routes;

	/* Where challenge is set, requests below /v2/ want this Authorization, or are answered by
	 * 401 and the challenge. */
	char *challenge; /* owned */
	const char *authorization;

	char *log;      /* owned: "GET /path Basic xyz\n" for each request, "-" without */
	char *last_ask; /* owned: the last request, whole */
	char *posted;   /* owned: the body of the last POST; NULL: there was none */
};

struct registry_fixture *registry_fixture_start(void);
void registry_fixture_stop(struct registry_fixture *r);
static inline void auto_registry_fixture(struct registry_fixture **r)
{
	registry_fixture_stop(*r);
}

void registry_fixture_serve(struct registry_fixture *r, const char *path, const char *header,
	const void *body, size_t n);

/* Serves the text as a document of repository "a", by its digest and, where not NULL, by tag;
 * returns the digest. */
struct digest registry_fixture_document(
	struct registry_fixture *r, const char *type, const char *tag, const char *text);

/* Serves the bytes as a blob of repository "a" and returns the digest. */
struct digest registry_fixture_blob(struct registry_fixture *r, const void *bytes, size_t n);

/* Serves fixture_module as a:v1, an artifact of one layer; returns the manifest's digest. */
struct digest registry_fixture_module(struct registry_fixture *r);

/* {"mediaType":type,"digest":...,"size":size}; the caller frees it. */
char *fixture_descriptor(const char *type, const struct digest *digest, size_t size);

#endif
