/* SPDX-License-Identifier: Apache-2.0 */
#include "proto/gather.h"

#include <stdbool.h>

struct gather {
	ProtobufCBuffer base; /* first, so that protobuf-c's pointer is ours */
	const void *mark;
	struct buf *to;
	struct buf *tail;
	bool failed;
	struct err *err;
};

static void gather_append(ProtobufCBuffer *base, size_t n, const uint8_t *bytes)
{
	struct gather *g = (struct gather *)base;

	if (g->mark && bytes == g->mark) {
		g->to = g->tail;
		return;
	}
	if (!g->failed && buf_append(g->to, bytes, n, g->err) < 0)
		g->failed = true;
}

int gather_pack(const ProtobufCMessage *message, const void *mark, struct buf *head,
	struct buf *tail, struct err *err)
{
	struct gather g = {.base = {.append = gather_append},
		.mark = mark,
		.to = head,
		.tail = tail,
		.err = err};

	protobuf_c_message_pack_to_buffer(message, &g.base);
	return g.failed ? -1 : 0;
}
