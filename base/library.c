/* SPDX-License-Identifier: Apache-2.0 */
#include "base/library.h"

#include <dlfcn.h>

static int failed(const struct library *library, struct err *err)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): of this thread, in glibc */
	return err_set(err, ERR_TRANSIENT, "%s cannot be loaded: %s", library->name, dlerror());
}

static int load(const struct library *library, struct err *err)
{
	void *handle = dlopen(library->soname, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		return failed(library, err);
	for (size_t i = 0; i < library->n; i++) {
		*library->functions[i].to = dlsym(handle, library->functions[i].name);
		if (!*library->functions[i].to)
			return failed(library, err);
	}
	return 0;
}

int library_load(struct library *library, struct err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&library->lock);
	if (!library->loaded)
		rc = load(library, err);
	library->loaded = rc == 0;
	(void)pthread_mutex_unlock(&library->lock);
	return rc;
}
