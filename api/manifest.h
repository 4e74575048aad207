/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api/manifest.h - a file of documents: WasmExtensions, and the Secrets and ConfigMaps that their
 * valueFrom refers to.  Pure.
 */
#ifndef WASMXDS_API_MANIFEST_H
#define WASMXDS_API_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/extension.h"
#include "base/map.h"

enum object_kind { OBJECT_EXTENSION, OBJECT_SECRET, OBJECT_CONFIGMAP };

/* One value of a Secret or ConfigMap: bytes, which may hold any. */
struct object_value {
	char *bytes; /* owned */
	size_t len;
};

/* What an API server says of an object, beside what the object says. */
struct object_origin {
	char *uid;              /* owned */
	char *resource_version; /* owned; opaque: to be sent back or compared for equality */
	int64_t generation;     /* of WasmExtensions; 0 of the others */
	bool deleting;          /* deletionTimestamp is set: a finalizer holds it */
	struct node *status;    /* owned; a mapping; NULL: none.  Large: to be read, not kept */
};

struct object {
	enum object_kind kind;
	char *namespace;              /* owned; "default" where not given */
	char *name;                   /* owned */
	unsigned line;                /* where its document starts; 0 where unknown */
	struct extension *extension;  /* owned; OBJECT_EXTENSION */
	struct map values;            /* key → struct object_value, owned; the others */
	struct map annotations;       /* key → char *, owned; Secrets and ConfigMaps */
	struct object_origin *origin; /* owned; of an API server; NULL: of a manifest */
};

struct manifest {
	struct object **objects; /* owned; those that are right */
	size_t n;
	struct problems problems; /* by line; path is "kind namespace/name: field" */
	size_t invalid;           /* documents with a problem */
	size_t ignored;           /* documents of other kinds */
};

/* Reads all the documents of n bytes; those that begin with '{' are JSON, all others YAML.  What is
 * wrong with the documents goes to out->problems, and the right ones are still in out->objects.
 * Documents of kinds that are not ours are counted and passed over, as kubectl users keep them in
 * one file; a `kind: List` is opened.  ERR_INVALID: the text itself cannot be read. */
int manifest_parse(struct manifest *out, const char *text, size_t n, struct err *err)
	__attribute__((warn_unused_result));
void manifest_clear(struct manifest *m);
static inline void auto_manifest(struct manifest *m)
{
	manifest_clear(m);
}

/* Reads one document that is already a tree.  Returns NULL with problems added, whose paths are the
 * fields' alone, or with none where the kind is not ours. */
struct object *object_from_node(const struct node *document, struct problems *out);

/* Reads an object as an API server gives it, which in a list says neither its kind nor its group,
 * and of which only what we use is looked at: a later Kubernetes may say more.  document is left in
 * pieces.  Returns NULL with ERR_INVALID where metadata does not say what it is about; any other
 * problem goes to out, and what is returned then has no extension and no values, but the rest, so
 * that its status can say what is wrong. */
struct object *object_from_server(
	enum object_kind kind, struct node *document, struct problems *out, struct err *err);
void object_free(struct object *object);
void object_origin_free(struct object_origin *origin); /* NULL is fine */
static inline void auto_object(struct object **object)
{
	object_free(*object);
}

const char *object_kind_name(enum object_kind kind); /* "WasmExtension"; never NULL */

/* Identifies an object: "Secret/namespace/name"; the caller frees it. */
char *object_key(enum object_kind kind, const char *namespace, const char *name);

#endif
