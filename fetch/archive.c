/* SPDX-License-Identifier: Apache-2.0 */
#define ARCHIVE_LIBRARY_BARE
#include "fetch/archive.h"

#include "base/library.h"

struct archive_library archive_library;

static const struct library_function functions[] = {
#define ARCHIVE_LIBRARY_ROW(name) LIBRARY_FUNCTION(archive_library, name)
	ARCHIVE_LIBRARY(ARCHIVE_LIBRARY_ROW)
#undef ARCHIVE_LIBRARY_ROW
};

static struct library library = {
	.name = "libarchive",
	.soname = ARCHIVE_SONAME,
	.functions = functions,
	.n = sizeof(functions) / sizeof(functions[0]),
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

int archive_library_load(struct err *err)
{
	return library_load(&library, err);
}
