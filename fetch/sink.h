/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/sink.h - where the bytes of a download go: a file, hashed on the way, with a ceiling.
 * Not the owner of the file.  Threads: the one worker that runs the job.
 */
#ifndef WASMXDS_FETCH_SINK_H
#define WASMXDS_FETCH_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"

struct sink {
	int fd;                /* borrowed; open for reading and writing, empty */
	uint64_t max;          /* ceiling in bytes */
	uint64_t size;         /* bytes so far */
	struct hasher *hasher; /* owned */
	struct digest digest;  /* once it is finished */
};

void sink_init(struct sink *s, int fd, uint64_t max);
void sink_clear(struct sink *s);
static inline void auto_sink(struct sink *s)
{
	sink_clear(s);
}

/* ERR_INVALID: over the ceiling; ERR_FULL: no room on the disk; ERR_TRANSIENT: other I/O errors. */
int sink_write(struct sink *s, const void *bytes, size_t n, struct err *err)
	__attribute__((warn_unused_result));

/* Forgets what was written, for another try.  ERR_TRANSIENT. */
int sink_restart(struct sink *s, struct err *err) __attribute__((warn_unused_result));

/* The digest of all bytes, however often it is asked for; sink_restart() may follow, sink_write()
 * may not. */
void sink_finish(struct sink *s, struct digest *out);

#endif
