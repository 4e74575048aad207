/* SPDX-License-Identifier: Apache-2.0 */
#define GRPC_LIBRARY_BARE
#include "xds/grpc.h"

#include "base/library.h"

struct grpc_library grpc_library;

static const struct library_function functions[] = {
#define GRPC_LIBRARY_ROW(name) LIBRARY_FUNCTION(grpc_library, name)
	GRPC_LIBRARY(GRPC_LIBRARY_ROW)
#undef GRPC_LIBRARY_ROW
};

static struct library library = {
	.name = "gRPC",
	.soname = GRPC_SONAME,
	.functions = functions,
	.n = sizeof(functions) / sizeof(functions[0]),
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

int grpc_library_load(struct err *err)
{
	return library_load(&library, err);
}
