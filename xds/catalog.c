/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/catalog.h"

#include <assert.h>
#include <stdlib.h>

#include "base/xalloc.h"

void catalog_init(struct catalog *c)
{
	*c = (struct catalog){0};
}

static void resource_free(void *p)
{
	struct resource *r = p;

	assert(!r->first);
	payload_unref(r->payload);
	blob_unref(r->blob);
	free(r->name);
	free(r);
}

void catalog_clear(struct catalog *c)
{
	map_clear(&c->resources, resource_free);
	c->available = 0;
}

struct resource *catalog_find(const struct catalog *c, const char *name)
{
	return map_get(&c->resources, name);
}

struct resource *catalog_require(struct catalog *c, const char *name)
{
	struct resource *r = map_get(&c->resources, name);

	if (r)
		return r;
	r = xcalloc(1, sizeof(*r));
	r->name = xstrdup(name);
	map_put(&c->resources, name, r);
	return r;
}

static void drop_payload(struct catalog *c, struct resource *r)
{
	if (r->payload)
		c->available--;
	payload_unref(r->payload);
	r->payload = NULL;
}

static void drop_blob(struct resource *r)
{
	blob_unref(r->blob);
	r->blob = NULL;
}

struct resource *catalog_put(struct catalog *c, struct payload *payload)
{
	const struct record *record = payload_record(payload);
	struct resource *r = catalog_require(c, record->name);

	if (r->payload && !digest_equal(&payload_record(r->payload)->served, &record->served))
		drop_blob(r);
	drop_payload(c, r);
	r->payload = payload;
	c->available++;
	return r;
}

void catalog_remove(struct catalog *c, const char *name)
{
	struct resource *r = map_get(&c->resources, name);

	if (!r)
		return;
	drop_payload(c, r);
	drop_blob(r);
	catalog_release(c, r);
}

void catalog_release(struct catalog *c, struct resource *r)
{
	if (r->first)
		return;
	drop_blob(r);
	if (!r->payload)
		resource_free(map_take(&c->resources, r->name));
}
