/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client's life on a stream, as bytes: each step is a byte that says what happens, and where
 * that is a request, two bytes with its length (high first) and the request.  What is sent must be
 * a response that decodes, with a fresh nonce, of a version that this stream has not refused.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "proto/xds.pb-c.h"
#include "xds/discovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODULE "module"
#define NAMES 3

enum step { STEP_REQUEST, STEP_PUBLISH, STEP_REMOVE, STEP_SKIP, STEP_RECONNECT, STEPS };

struct life {
	enum stream_variant variant;
	bool full_state;
	struct catalog catalog;
	struct refusals *refusals; /* owned */
	struct stream stream;
	unsigned version; /* of what was published last */
	bool ended;       /* by an error */
};

static void publish(struct life *life, uint8_t which)
{
	struct record r = RECORD_INIT;
	const struct resource *resource;
	struct err err;

	r.name = xasprintf("a/%u", which % NAMES);
	r.version = xasprintf("%02x", life->version++ % 4);
	r.served_bytes = sizeof(MODULE) - 1;
	if (buf_append(&r.head, "head", 4, &err) < 0 || buf_append(&r.tail, "tail", 4, &err) < 0)
		abort();
	resource = catalog_put(&life->catalog, payload_new(&r));
	for (struct subscription *sub = resource->first; sub; sub = sub->next)
		stream_touch(sub);
}

static void remove_one(struct life *life, uint8_t which)
{
	AUTO(free) char *name = xasprintf("a/%u", which % NAMES);

	catalog_remove(&life->catalog, name);
}

static void check_sotw(const struct buf *wire, const struct stream_response *said)
{
	Wasmxds__Xds__DiscoveryResponse *m = wasmxds__xds__discovery_response__unpack(
		NULL, wire->len, (const uint8_t *)wire->data);

	assert(m && m->n_resources == 1);
	assert(strcmp(m->nonce, said->nonce) == 0 && m->nonce[0] != '\0');
	assert(strcmp(m->version_info, said->version) == 0 && m->version_info[0] != '\0');
	wasmxds__xds__discovery_response__free_unpacked(m, NULL);
}

static void check_delta(const struct buf *wire, const struct stream_response *said)
{
	Wasmxds__Xds__DeltaDiscoveryResponse *m = wasmxds__xds__delta_discovery_response__unpack(
		NULL, wire->len, (const uint8_t *)wire->data);

	assert(m && m->n_resources == 1);
	assert(strcmp(m->nonce, said->nonce) == 0 && m->nonce[0] != '\0');
	assert(strcmp(m->resources[0]->version, said->version) == 0);
	wasmxds__xds__delta_discovery_response__free_unpacked(m, NULL);
}

static void append(struct buf *out, const void *bytes, size_t n)
{
	struct err err;

	if (buf_append(out, bytes, n, &err) < 0)
		abort();
}

static void check_response(
	enum stream_variant variant, const struct record *r, const struct stream_response *said)
{
	AUTO(buf) struct buf front = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf back = BUF_INIT(LIMIT_RECORD_BYTES);
	struct err err;

	if (discovery_response_encode(&front, &back, variant, r, said, &err) < 0)
		abort();
	append(&front, r->head.data, r->head.len);
	append(&front, MODULE, sizeof(MODULE) - 1);
	append(&front, r->tail.data, r->tail.len);
	append(&front, back.data, back.len);
	if (variant == STREAM_SOTW)
		check_sotw(&front, said);
	else
		check_delta(&front, said);
}

/* Bytes that it refused would be ACKed and not run. */
static void check_not_refused(
	const struct life *life, const struct subscription *sub, const struct record *r)
{
	const char *who = life->stream.who;

	assert(!sub->refused || strcmp(sub->refused, r->version) != 0);
	assert(!who || !refusals_find(life->refusals, who, r->name, r->version));
}

static void send_mark(struct life *life)
{
	AUTO(buf) struct buf wire = BUF_INIT(LIMIT_RECORD_BYTES);
	uint64_t before = life->stream.last_nonce;
	struct stream_response said;
	struct err err;

	if (!stream_mark(&life->stream, &said))
		return;
	assert(life->variant == STREAM_SOTW);
	assert(!life->full_state || life->stream.subscriptions.n == 0);
	assert(life->stream.last_nonce > before && said.version[0] != '\0');
	if (discovery_mark_encode(&wire, &said, &err) < 0)
		abort();
	assert(!stream_mark(&life->stream, &said));
}

static void send_all(struct life *life)
{
	struct subscription *sub;
	const struct subscription *other;
	struct stream_response said;

	send_mark(life);
	while ((sub = stream_next(&life->stream))) {
		const struct record *r = payload_record(sub->resource->payload);
		uint64_t before = life->stream.last_nonce;
		size_t at = 0;

		check_not_refused(life, sub, r);
		stream_sent(sub, &said);
		assert(life->stream.last_nonce > before);
		check_response(life->variant, r, &said);
		while ((other = stream_also(sub, &at)))
			assert(life->full_state && other != sub && other->resource->payload);
	}
}

static void request(struct life *life, const uint8_t *bytes, size_t n)
{
	AUTO(discovery_request) struct discovery_request req = {.message = NULL};
	struct stream_verdict verdict;
	struct err err = {.code = ERR_NONE};

	if (discovery_request_decode(&req, life->variant, bytes, n, &err) < 0 ||
		stream_on_request(&life->stream, &req.stream, &verdict, &err) < 0) {
		assert(err.code == ERR_INVALID && err.msg[0] != '\0');
		life->ended = true;
		return;
	}
	assert((verdict.kind == STREAM_NO_VERDICT) == (verdict.name[0] == '\0'));
	assert(life->stream.subscriptions.n <= LIMIT_XDS_NAMES);
}

static void connect_anew(struct life *life)
{
	stream_init(&life->stream, life->variant, &life->catalog, life->refusals);
	life->stream.full_state = life->full_state;
	life->ended = false;
}

/* Takes one step; returns how many bytes it was. */
static size_t take_step(struct life *life, const uint8_t *data, size_t size)
{
	struct subscription *sub;
	size_t n = 0;

	switch ((enum step)(data[0] % STEPS)) {
	case STEP_REQUEST:
		if (size < 3)
			return size;
		n = (size_t)data[1] << 8 | data[2];
		n = n < size - 3 ? n : size - 3;
		if (!life->ended)
			request(life, data + 3, n);
		return 3 + n;
	case STEP_PUBLISH:
		publish(life, data[0] / STEPS);
		break;
	case STEP_REMOVE:
		remove_one(life, data[0] / STEPS);
		break;
	case STEP_SKIP:
		sub = stream_next(&life->stream);
		if (sub)
			stream_skip(sub);
		break;
	case STEP_RECONNECT:
		stream_clear(&life->stream);
		connect_anew(life);
		break;
	case STEPS:
	default:
		break;
	}
	return 1;
}

static void live(enum stream_variant variant, bool full_state, const uint8_t *data, size_t size)
{
	struct life life = {
		.variant = variant, .full_state = full_state, .refusals = refusals_new(8)};

	catalog_init(&life.catalog);
	connect_anew(&life);
	publish(&life, 0);
	publish(&life, 1);
	while (size > 0) {
		size_t n = take_step(&life, data, size);

		data += n;
		size -= n;
		if (!life.ended && (size == 0 || data[0] % STEPS != STEP_SKIP))
			send_all(&life);
	}
	stream_clear(&life.stream);
	catalog_clear(&life.catalog);
	refusals_free(life.refusals);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	live(STREAM_SOTW, false, data, size);
	live(STREAM_SOTW, true, data, size);
	live(STREAM_DELTA, false, data, size);
	return 0;
}
