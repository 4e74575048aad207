/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pin.h"

#include <string.h>

#include "base/auto.h"

#define LAST_APPLIED "kubectl.kubernetes.io/last-applied-configuration"

static const char *text_of(const struct node *map, const char *key)
{
	const char *text = node_text(node_get(map, key));

	return text ? text : "";
}

static const struct node *image_of(const struct node *object)
{
	return node_get(node_get(object, "spec"), "image");
}

static bool same_image(const struct node *a, const struct node *b)
{
	return strcmp(text_of(a, "uri"), text_of(b, "uri")) == 0 &&
	       strcmp(text_of(a, "protocol"), text_of(b, "protocol")) == 0;
}

bool pin_goes_with(const struct node *object)
{
	const struct node *track = node_get(image_of(object), "track");

	return !track || track->kind != NODE_BOOL || strcmp(track->text, "true") != 0;
}

/* What `kubectl apply` was given: it names this image, and no digest. */
static bool applied_without(const char *text, const struct node *image)
{
	struct err ignored;
	AUTO(node) struct node *applied = node_from_json(text, strlen(text), &ignored);
	const struct node *its = image_of(applied);

	return its && same_image(its, image) && text_of(its, "sha256")[0] == '\0';
}

static const struct node *managed_image(const struct node *entry)
{
	return node_get(node_get(node_get(entry, "fieldsV1"), "f:spec"), "f:image");
}

static bool is_apply(const struct node *entry)
{
	return strcmp(text_of(entry, "operation"), "Apply") == 0;
}

/* Server-side apply: one who applies manages the uri, and nobody manages sha256 but, by an update,
 * the same one, in whose name the webhook's changes are kept. */
static bool managed_without(const struct node *managers)
{
	const char *owner = NULL;

	for (size_t i = 0; managers && i < managers->n; i++) {
		const struct node *entry = &managers->children[i];

		if (is_apply(entry) && node_get(managed_image(entry), "f:uri"))
			owner = text_of(entry, "manager");
	}
	for (size_t i = 0; owner && i < managers->n; i++) {
		const struct node *entry = &managers->children[i];

		if (node_get(managed_image(entry), "f:sha256") &&
			(is_apply(entry) || strcmp(text_of(entry, "manager"), owner) != 0))
			return false;
	}
	return owner != NULL;
}

bool pin_is_stale(const struct node *object, const struct node *old)
{
	const struct node *image = image_of(object);
	const struct node *before = image_of(old);
	const struct node *metadata = node_get(object, "metadata");
	const char *pin = text_of(image, "sha256");

	if (pin[0] == '\0' || strcmp(pin, text_of(before, "sha256")) != 0 ||
		(same_image(image, before) && pin_goes_with(object)))
		return false;

	const char *applied = text_of(node_get(metadata, "annotations"), LAST_APPLIED);

	if (applied[0] != '\0')
		return applied_without(applied, image);
	return managed_without(node_get(metadata, "managedFields"));
}
