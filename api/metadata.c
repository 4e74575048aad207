/* SPDX-License-Identifier: Apache-2.0 */
#include "api/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/name.h"
#include "base/auto.h"
#include "base/xalloc.h"

static const char *const metadata_fields[] = {"name", "namespace", "generation", "labels",
	"annotations", "uid", "resourceVersion", "creationTimestamp", "managedFields",
	"ownerReferences", "finalizers", "generateName", "deletionTimestamp",
	"deletionGracePeriodSeconds", "selfLink", NULL};

static void decode_name(struct metadata *out, const struct fields *f)
{
	struct err err;

	if (!fields_get(f, "name") && fields_get(f, "generateName")) {
		fields_problem(f, "name", "is required; generateName alone names nothing");
		return;
	}
	const char *name = fields_text(f, "name", FIELD_REQUIRED);

	if (!name)
		return;
	if (name_check_subdomain(name, &err) < 0)
		fields_problem(f, "name", "%s", err.msg);
	else
		out->name = xstrdup(name);
}

static void decode_namespace(struct metadata *out, const struct fields *f)
{
	const char *name = METADATA_NAMESPACE;
	struct err err;

	if (fields_get(f, "namespace"))
		name = fields_text(f, "namespace", FIELD_OPTIONAL);
	if (!name)
		return;
	if (name[0] == '\0')
		name = METADATA_NAMESPACE;
	if (name_check_label(name, &err) < 0)
		fields_problem(f, "namespace", "%s", err.msg);
	else
		out->namespace = xstrdup(name);
}

static void decode_generation(struct metadata *out, const struct fields *f)
{
	const struct node *node = fields_get(f, "generation");
	char *end = NULL;

	if (!node)
		return;
	if (node->kind != NODE_NUMBER) {
		fields_problem(
			f, "generation", "must be a number, not %s", node_kind_name(node->kind));
		return;
	}
	errno = 0;
	long long value = strtoll(node->text, &end, 10);

	if (*end != '\0' || errno != 0 || value < 0)
		fields_problem(f, "generation", "must be a whole number, 0 or more, not %.80s",
			node->text);
	else
		out->generation = value;
}

/* An annotation may be any text, which is its owner's business; a label may not. */
static void check_texts(const struct fields *f, const char *key, bool takes_nul)
{
	AUTO(fields) struct fields texts = {.path = NULL};

	if (!fields_enter(&texts, f, key, FIELD_OPTIONAL))
		return;
	for (size_t i = 0; i < texts.map->n; i++) {
		const struct node *text = &texts.map->children[i];

		if (!takes_nul || text->kind != NODE_TEXT)
			(void)fields_text_of(&texts, text, FIELD_SHOWN);
	}
}

void metadata_decode(struct metadata *out, const struct fields *document)
{
	AUTO(fields) struct fields f = {.path = NULL};

	if (!fields_enter(&f, document, "metadata", FIELD_REQUIRED))
		return;
	fields_check_known(&f, metadata_fields);
	decode_name(out, &f);
	decode_namespace(out, &f);
	decode_generation(out, &f);
	check_texts(&f, "labels", false);
	check_texts(&f, "annotations", true);
}

void metadata_clear(struct metadata *m)
{
	free(m->namespace);
	free(m->name);
	*m = (struct metadata){.name = NULL};
}
