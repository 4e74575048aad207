/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/loader.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/keyring.h"

int loader_init(struct loader *l, const char *store_dir, const char *seal_key,
	struct catalog *catalog, struct err *err)
{
	*l = (struct loader){.catalog = catalog};
	if (store_open(&l->store, store_dir, STORE_READ, err) < 0 ||
		(seal_key && store_use_keys(l->store, seal_key, err) < 0))
		return -1;
	l->blobs = blob_cache_new();
	l->refusals_file = xasprintf("%s/" STORE_REFUSALS, store_dir);
	return 0;
}

void loader_clear(struct loader *l)
{
	store_close(l->store);
	blob_cache_free(l->blobs);
	map_clear(&l->sealed, NULL);
	free(l->refusals_file);
	*l = (struct loader){0};
}

static void opened(struct loader *l, const char *name)
{
	if (map_take(&l->sealed, name) && l->sealed.n == 0)
		log_info("no record is sealed to us any more");
}

/* One wrong key shuts many records: it is said once. */
static void not_opened(struct loader *l, const char *name, const struct err *err)
{
	if (l->sealed.n == 0)
		log_error("records are sealed, and no key that --seal-key gave opens them",
			LOG_STR("name", name), LOG_ERR(err));
	(void)map_put(&l->sealed, name, l);
}

static void not_loaded(struct loader *l, const char *name, const struct err *err)
{
	if (err->code == ERR_NOT_FOUND) {
		opened(l, name);
		catalog_remove(l->catalog, name);
		log_info("record gone", LOG_STR("name", name));
		return;
	}
	l->metrics->records_unusable++;
	log_error("record not usable", LOG_STR("name", name), LOG_ERR(err));
}

static struct resource *load(struct loader *l, const char *name)
{
	AUTO(record) struct record r = RECORD_INIT;
	struct resource *resource;
	struct err err;

	if (store_peek_record(l->store, name, &r, &err) < 0) {
		not_loaded(l, name, &err);
		return NULL;
	}
	if (record_open(&r, store_keys(l->store), &err) < 0) {
		if (err.code == ERR_DENIED)
			not_opened(l, name, &err);
		else
			not_loaded(l, name, &err);
		return NULL;
	}
	opened(l, name);
	resource = catalog_put(l->catalog, payload_new(&r));
	log_debug("record loaded", LOG_STR("name", name),
		LOG_STR("version", payload_record(resource->payload)->version));
	if (l->changed)
		l->changed(l->arg, resource);
	return resource;
}

void loader_reload(struct loader *l, const char *name)
{
	(void)load(l, name);
}

/* Returns the names that could not be opened; the caller frees each, and the list. */
static char **sealed_names(const struct loader *l)
{
	char **names = xcalloc(l->sealed.n + 1, sizeof(*names));
	const char *name;
	size_t at = 0;
	size_t n = 0;

	while (map_next(&l->sealed, &at, &name))
		names[n++] = xstrdup(name);
	return names;
}

void loader_tick(struct loader *l)
{
	AUTO(free) char **names = NULL;
	bool changed = false;
	struct err err;

	if (store_refresh_keys(l->store, &changed, &err) < 0)
		log_error("seal key not usable, the one before stays", LOG_ERR(&err));
	if (!changed)
		return;
	names = sealed_names(l);
	for (char **name = names; *name; name++) {
		(void)load(l, *name);
		free(*name);
	}
}

void loader_heed(struct loader *l, struct refusals *own)
{
	AUTO(refusals) struct refusals *others = NULL;
	struct err err;

	if (!stamp_take(&l->refusals_stamp, l->refusals_file))
		return;
	others = refusals_new(LIMIT_REFUSALS);
	if (store_read_refusals(l->store, others, &err) < 0) {
		if (err.code != ERR_NOT_FOUND)
			log_warn("refusals of all replicas not read", LOG_ERR(&err));
		return;
	}
	log_info("refusals of all replicas read",
		LOG_INT("refusals", (int64_t)refusals_count(others)));
	refusals_heed(own, STEAL(others));
}

static bool same_stamp(const struct record_stamp *a, const struct record_stamp *b)
{
	return a->inode == b->inode && a->size == b->size && a->mtime_ns == b->mtime_ns;
}

static void visit(void *arg, const char *name, const struct record_stamp *stamp)
{
	struct loader *l = arg;
	struct resource *r = catalog_find(l->catalog, name);

	if (!r || !r->payload || !same_stamp(&r->stamp, stamp)) {
		(void)load(l, name);
		r = catalog_find(l->catalog, name);
	}
	if (r) {
		r->stamp = *stamp;
		r->seen = l->scans;
	}
}

void loader_rescan(struct loader *l)
{
	AUTO(free) char **gone = NULL;
	struct resource *r;
	const char *name;
	struct err err;
	size_t at = 0;
	size_t n = 0;

	l->scans++;
	if (store_each_record(l->store, visit, l, &err) < 0) {
		log_error("store not readable", LOG_ERR(&err));
		return;
	}
	gone = xcalloc(l->catalog->resources.n + 1, sizeof(char *));
	while ((r = map_next(&l->catalog->resources, &at, &name))) {
		if (r->payload && r->seen != l->scans)
			gone[n++] = xstrdup(name);
	}
	for (size_t i = 0; i < n; i++) {
		(void)load(l, gone[i]);
		free(gone[i]);
	}
}

struct blob *loader_blob(struct loader *l, struct resource *r, struct err *err)
{
	const struct record *record = payload_record(r->payload);

	if (!r->blob)
		r->blob = blob_cache_get(
			l->blobs, l->store, &record->served, record->served_bytes, err);
	return r->blob;
}
