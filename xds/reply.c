/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/reply.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "xds/grpc.h"

#define SLICES_OF_RESOURCE 5

static void release_payload(void *payload)
{
	payload_unref(payload);
}

static void release_blob(void *blob)
{
	blob_unref(blob);
}

static grpc_slice lend_part(struct payload *payload, const struct buf *part)
{
	return grpc_slice_new_with_user_data(
		part->data, part->len, release_payload, payload_ref(payload));
}

static grpc_slice lend_blob(struct blob *blob)
{
	return grpc_slice_new_with_user_data(
		lend(blob_bytes(blob)), blob_size(blob), release_blob, blob_ref(blob));
}

void reply_clear(struct reply *reply)
{
	for (size_t i = 0; i < reply->n; i++)
		grpc_slice_unref(reply->slices[i]);
	free(reply->slices);
	*reply = (struct reply){0};
}

int reply_add(struct reply *reply, const struct resource *r, enum stream_variant variant,
	const struct stream_response *response, struct err *err)
{
	AUTO(buf) struct buf front = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf back = BUF_INIT(LIMIT_RECORD_BYTES);
	const struct record *record = payload_record(r->payload);
	grpc_slice *slices;

	if ((response ? discovery_response_encode(&front, &back, variant, record, response, err)
		      : discovery_more_encode(&front, &back, record, err)) < 0)
		return -1;
	reply->slices =
		xreallocarray(reply->slices, reply->n + SLICES_OF_RESOURCE, sizeof(*reply->slices));
	slices = reply->slices + reply->n;
	slices[0] = grpc_slice_from_copied_buffer(buf_text(&front), front.len);
	slices[1] = lend_part(r->payload, &record->head);
	slices[2] = lend_blob(r->blob);
	slices[3] = lend_part(r->payload, &record->tail);
	slices[4] = grpc_slice_from_copied_buffer(buf_text(&back), back.len);
	for (size_t i = 0; i < SLICES_OF_RESOURCE; i++)
		reply->bytes += GRPC_SLICE_LENGTH(slices[i]);
	reply->n += SLICES_OF_RESOURCE;
	return 0;
}

int reply_mark(struct reply *reply, const struct stream_response *response, struct err *err)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_RECORD_BYTES);

	if (discovery_mark_encode(&out, response, err) < 0)
		return -1;
	reply->slices = xreallocarray(reply->slices, 1, sizeof(*reply->slices));
	reply->slices[0] = grpc_slice_from_copied_buffer(buf_text(&out), out.len);
	reply->bytes = out.len;
	reply->n = 1;
	return 0;
}

grpc_byte_buffer *reply_buffer(const struct reply *reply)
{
	return grpc_raw_byte_buffer_create(reply->slices, reply->n);
}
