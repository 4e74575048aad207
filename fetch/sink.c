/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sink.h"

#include <assert.h>
#include <inttypes.h>
#include <unistd.h>

#include "base/io.h"

void sink_init(struct sink *s, int fd, uint64_t max)
{
	*s = (struct sink){.fd = fd, .max = max, .hasher = hasher_new()};
}

void sink_clear(struct sink *s)
{
	hasher_free(s->hasher);
	s->hasher = NULL;
}

int sink_write(struct sink *s, const void *bytes, size_t n, struct err *err)
{
	assert(!digest_is_set(&s->digest));
	if (n > s->max - s->size)
		return err_set(err, ERR_INVALID,
			"more than %" PRIu64 " bytes, the most that a module may have", s->max);
	if (io_write(s->fd, bytes, n, err) < 0)
		return -1;
	hasher_update(s->hasher, bytes, n);
	s->size += n;
	return 0;
}

int sink_restart(struct sink *s, struct err *err)
{
	struct digest forgotten;

	if (ftruncate(s->fd, 0) < 0 || lseek(s->fd, 0, SEEK_SET) < 0)
		return err_errno(err, ERR_TRANSIENT, "emptying the file of a download");
	if (!digest_is_set(&s->digest))
		hasher_final(s->hasher, &forgotten);
	s->digest = (struct digest){0};
	s->size = 0;
	return 0;
}

void sink_finish(struct sink *s, struct digest *out)
{
	if (!digest_is_set(&s->digest))
		hasher_final(s->hasher, &s->digest);
	*out = s->digest;
}
