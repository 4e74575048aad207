/* SPDX-License-Identifier: Apache-2.0 */
/* A gzip or tar from anywhere: never more than the ceiling, and what was written is what was
 * hashed. */
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "fetch/unpack.h"

#define SINK_BYTES (256 * LIMIT_KIB)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_hash(struct sink *sink)
{
	AUTO(buf) struct buf bytes = BUF_INIT(SINK_BYTES);
	struct digest hashed;
	struct digest again;
	struct err err;

	must(lseek(sink->fd, 0, SEEK_SET) == 0 && io_read(sink->fd, &bytes, &err) == 0);
	must(bytes.len == sink->size);
	sink_finish(sink, &hashed);
	digest_of(&again, buf_text(&bytes), bytes.len);
	must(digest_equal(&hashed, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(fd) int from = memfd_create("from", MFD_CLOEXEC);
	AUTO(fd) int to = memfd_create("to", MFD_CLOEXEC);
	AUTO(sink) struct sink sink = {.fd = -1};
	struct err err = {0};
	struct stat st;

	must(from >= 0 && to >= 0 && io_write(from, data, size, &err) == 0);
	sink_init(&sink, to, SINK_BYTES);
	if (unpack(from, &sink, &err) == 0)
		check_hash(&sink);
	else
		must(err.code == ERR_INVALID && err.msg[0]);
	must(fstat(to, &st) == 0 && (uint64_t)st.st_size <= SINK_BYTES);
	return 0;
}
