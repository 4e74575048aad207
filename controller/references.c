/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/references.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"

/* One target's use of one object, in the object's list of users. */
struct reference_link {
	struct target *user;
	struct reference *of; /* NULL: not used */
	struct reference_link *next;
	struct reference_link **back; /* what points to this one */
};

static void reference_free(void *reference)
{
	struct reference *r = reference;

	free(r->namespace);
	free(r->name);
	free(r);
}

void references_clear(struct references *rs)
{
	map_clear(&rs->by_key, reference_free);
	rs->changed = NULL;
}

static void list(struct references *rs, struct reference *r)
{
	if (r->listed)
		return;
	r->listed = true;
	r->next = rs->changed;
	rs->changed = r;
}

static void link_user(struct references *rs, struct reference_link *link, enum object_kind kind,
	const char *namespace, const char *name)
{
	AUTO(free) char *key = object_key(kind, namespace, name);
	struct reference *r = map_get(&rs->by_key, key);

	if (!r) {
		r = xcalloc(1, sizeof(*r));
		r->kind = kind;
		r->namespace = xstrdup(namespace);
		r->name = xstrdup(name);
		(void)map_put(&rs->by_key, key, r);
	}
	if (!r->users)
		list(rs, r);
	link->of = r;
	link->next = r->users;
	link->back = &r->users;
	if (r->users)
		r->users->back = &link->next;
	r->users = link;
}

static void unlink_user(struct references *rs, struct reference_link *link)
{
	if (!link->of)
		return;
	*link->back = link->next;
	if (link->next)
		link->next->back = link->back;
	if (!link->of->users)
		list(rs, link->of);
}

static bool is_reference(const struct config_source *source)
{
	return source->kind == CONFIG_SECRET || source->kind == CONFIG_CONFIGMAP;
}

static void link_config(
	struct references *rs, struct reference_link *link, const struct config_source *source)
{
	if (is_reference(source))
		link_user(rs, link,
			source->kind == CONFIG_SECRET ? OBJECT_SECRET : OBJECT_CONFIGMAP,
			source->namespace, source->name);
}

static bool refers(const struct extension *ext)
{
	return ext && (is_reference(&ext->plugin_configuration) ||
			      is_reference(&ext->vm_configuration) || ext->image.pull_secret);
}

/* New before old, so that what stays is never without a user. */
void references_set(struct references *rs, struct target *t)
{
	const struct extension *ext = t->desired;
	struct reference_link *before = t->links;
	struct reference_link *links = NULL;

	if (refers(ext)) {
		links = xcalloc(REFERENCES_EACH, sizeof(*links));
		for (size_t i = 0; i < REFERENCES_EACH; i++)
			links[i].user = t;
		link_config(rs, &links[0], &ext->plugin_configuration);
		link_config(rs, &links[1], &ext->vm_configuration);
		if (ext->image.pull_secret)
			link_user(rs, &links[2], OBJECT_SECRET, ext->namespace,
				ext->image.pull_secret);
	}
	for (size_t i = 0; before && i < REFERENCES_EACH; i++)
		unlink_user(rs, &before[i]);
	free(before);
	t->links = links;
}

void references_each(const struct references *rs, const char *key,
	void (*each)(void *arg, struct target *t), void *arg)
{
	const struct reference *r = map_get(&rs->by_key, key);

	for (const struct reference_link *link = r ? r->users : NULL; link; link = link->next)
		each(arg, link->user);
}

void references_changed(struct references *rs,
	void (*each)(void *arg, const struct reference *r, bool wanted), void *arg)
{
	struct reference *r = NULL;

	while ((r = rs->changed)) {
		bool wanted = r->users != NULL;

		rs->changed = r->next;
		r->listed = false;
		if (wanted != r->wanted)
			each(arg, r, wanted);
		r->wanted = wanted;
		if (!wanted) {
			AUTO(free) char *key = object_key(r->kind, r->namespace, r->name);

			reference_free(map_take(&rs->by_key, key));
		}
	}
}

const struct reference *references_of(const struct target *t, size_t i)
{
	return t->links ? t->links[i].of : NULL;
}
