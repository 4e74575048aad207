/* SPDX-License-Identifier: Apache-2.0 */
#define GRPC_LIBRARY_BARE
#include "xds/grpc.h"

#include <dlfcn.h>
#include <pthread.h>

/* Where each stands, and how it is called. */
static const struct {
	const char *name;
	void **to;
} functions[] = {
#define GRPC_LIBRARY_ROW(name) {#name, (void **)&grpc_library.name},
	GRPC_LIBRARY(GRPC_LIBRARY_ROW)
#undef GRPC_LIBRARY_ROW
};

struct grpc_library grpc_library;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct err failure;

static void load(void)
{
	void *library = dlopen(GRPC_SONAME, RTLD_NOW | RTLD_LOCAL);

	for (size_t i = 0; library && i < sizeof(functions) / sizeof(functions[0]); i++) {
		*functions[i].to = dlsym(library, functions[i].name);
		if (!*functions[i].to)
			library = NULL;
	}
	if (!library) /* NOLINTNEXTLINE(concurrency-mt-unsafe): of this thread, in glibc */
		(void)err_set(&failure, ERR_NOT_FOUND, "gRPC cannot be loaded: %s", dlerror());
}

int grpc_library_load(struct err *err)
{
	(void)pthread_once(&once, load);
	if (failure.code == ERR_NONE)
		return 0;
	*err = failure;
	return -1;
}
