/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/discovery.h"

#include "base/auto.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/version.h"
#include "base/xalloc.h"
#include "proto/xds.pb-c.h"
#include "tests/unit/test.h"

#define MODULE "the module"
#define MODULE_LEN (sizeof(MODULE) - 1)

struct wire {
	uint8_t bytes[1024];
	size_t n;
};

static void pack(struct wire *w, const ProtobufCMessage *m)
{
	CU_ASSERT_FATAL(protobuf_c_message_get_packed_size(m) <= sizeof(w->bytes));
	w->n = protobuf_c_message_pack(m, w->bytes);
}

static void pack_sotw(struct wire *w)
{
	char *names[] = {lend("a/1"), lend("a/2")};
	Wasmxds__Xds__Node node;
	Wasmxds__Xds__Status error;
	Wasmxds__Xds__DiscoveryRequest m;

	wasmxds__xds__node__init(&node);
	wasmxds__xds__status__init(&error);
	wasmxds__xds__discovery_request__init(&m);
	node.id = lend("envoy-1");
	error.code = 13;
	error.message = lend("no ABI");
	m.version_info = lend("v1");
	m.node = &node;
	m.resource_names = names;
	m.n_resource_names = 2;
	m.type_url = lend(STREAM_TYPE_URL);
	m.response_nonce = lend("7");
	m.error_detail = &error;
	pack(w, &m.base);
}

typedef Wasmxds__Xds__DeltaDiscoveryRequest__InitialResourceVersionsEntry Held;

static void pack_delta(struct wire *w)
{
	char *names[] = {lend("a/1")};
	char *gone[] = {lend("a/2"), lend("a/3")};
	Held held[2];
	Held *all_held[] = {&held[0], &held[1]};
	Wasmxds__Xds__DeltaDiscoveryRequest m;

	for (size_t i = 0; i < 2; i++) {
		wasmxds__xds__delta_discovery_request__initial_resource_versions_entry__init(
			&held[i]);
	}
	held[0].key = lend("a/1");
	held[0].value = lend("v1");
	held[1].key = lend("a/9");
	held[1].value = lend("v9");
	wasmxds__xds__delta_discovery_request__init(&m);
	m.type_url = lend(STREAM_TYPE_URL);
	m.resource_names_subscribe = names;
	m.n_resource_names_subscribe = 1;
	m.resource_names_unsubscribe = gone;
	m.n_resource_names_unsubscribe = 2;
	m.initial_resource_versions = all_held;
	m.n_initial_resource_versions = 2;
	m.response_nonce = lend("8");
	pack(w, &m.base);
}

static void test_discovery_request_decode__reads_sotw(void)
{
	AUTO(discovery_request) struct discovery_request req = {.message = NULL};
	struct wire w;
	struct err err = {.msg = ""};

	pack_sotw(&w);
	CU_ASSERT_EQUAL_FATAL(discovery_request_decode(&req, STREAM_SOTW, w.bytes, w.n, &err), 0);
	CU_ASSERT_STRING_EQUAL(req.type_url, STREAM_TYPE_URL);
	CU_ASSERT_STRING_EQUAL(req.stream.node, "envoy-1");
	CU_ASSERT_STRING_EQUAL(req.stream.version, "v1");
	CU_ASSERT_STRING_EQUAL(req.stream.nonce, "7");
	CU_ASSERT_TRUE(req.stream.refuses);
	CU_ASSERT_STRING_EQUAL(req.stream.reason, "no ABI");
	CU_ASSERT_EQUAL_FATAL(req.stream.n_names, 2);
	CU_ASSERT_STRING_EQUAL(req.stream.names[0], "a/1");
	CU_ASSERT_STRING_EQUAL(req.stream.names[1], "a/2");
	CU_ASSERT_EQUAL(req.stream.n_gone, 0);
	CU_ASSERT_EQUAL(req.stream.n_held, 0);
}

static void test_discovery_request_decode__reads_delta(void)
{
	AUTO(discovery_request) struct discovery_request req = {.message = NULL};
	struct wire w;
	struct err err = {.msg = ""};
	const char *version = NULL;

	pack_delta(&w);
	CU_ASSERT_EQUAL_FATAL(discovery_request_decode(&req, STREAM_DELTA, w.bytes, w.n, &err), 0);
	CU_ASSERT_STRING_EQUAL(req.type_url, STREAM_TYPE_URL);
	CU_ASSERT_STRING_EQUAL(req.stream.node, "");
	CU_ASSERT_STRING_EQUAL(req.stream.version, "");
	CU_ASSERT_STRING_EQUAL(req.stream.nonce, "8");
	CU_ASSERT_FALSE(req.stream.refuses);
	CU_ASSERT_STRING_EQUAL(req.stream.reason, "");
	CU_ASSERT_EQUAL_FATAL(req.stream.n_names, 1);
	CU_ASSERT_STRING_EQUAL(req.stream.names[0], "a/1");
	CU_ASSERT_EQUAL_FATAL(req.stream.n_gone, 2);
	CU_ASSERT_STRING_EQUAL(req.stream.gone[1], "a/3");
	CU_ASSERT_EQUAL_FATAL(req.stream.n_held, 2);
	CU_ASSERT_STRING_EQUAL(req.stream.held(&req.stream, 0, &version), "a/1");
	CU_ASSERT_STRING_EQUAL(version, "v1");
	CU_ASSERT_STRING_EQUAL(req.stream.held(&req.stream, 1, &version), "a/9");
	CU_ASSERT_STRING_EQUAL(version, "v9");
}

static void test_discovery_request_decode__has_no_null_in_an_empty_request(void)
{
	static const enum stream_variant variants[] = {STREAM_SOTW, STREAM_DELTA};
	struct err err = {.msg = ""};

	for (size_t i = 0; i < 2; i++) {
		AUTO(discovery_request) struct discovery_request req = {.message = NULL};

		CU_ASSERT_EQUAL_FATAL(
			discovery_request_decode(&req, variants[i], (const uint8_t *)"", 0, &err),
			0);
		CU_ASSERT_STRING_EQUAL(req.type_url, "");
		CU_ASSERT_STRING_EQUAL(req.stream.node, "");
		CU_ASSERT_STRING_EQUAL(req.stream.nonce, "");
		CU_ASSERT_STRING_EQUAL(req.stream.version, "");
		CU_ASSERT_STRING_EQUAL(req.stream.reason, "");
		CU_ASSERT_FALSE(req.stream.refuses);
		CU_ASSERT_EQUAL(req.stream.n_names, 0);
	}
}

/* An entry of the map, and a node, may lack what they are about. */
static void test_discovery_request_decode__has_no_null_in_empty_parts(void)
{
	static const uint8_t empty_parts[] = {0x0a, 0x00, 0x2a, 0x00, 0x3a, 0x00};
	AUTO(discovery_request) struct discovery_request req = {.message = NULL};
	struct err err = {.msg = ""};
	const char *version = NULL;

	CU_ASSERT_EQUAL_FATAL(discovery_request_decode(
				      &req, STREAM_DELTA, empty_parts, sizeof(empty_parts), &err),
		0);
	CU_ASSERT_STRING_EQUAL(req.stream.node, "");
	CU_ASSERT_TRUE(req.stream.refuses);
	CU_ASSERT_STRING_EQUAL(req.stream.reason, "");
	CU_ASSERT_EQUAL_FATAL(req.stream.n_held, 1);
	CU_ASSERT_STRING_EQUAL(req.stream.held(&req.stream, 0, &version), "");
	CU_ASSERT_STRING_EQUAL(version, "");
}

/* Decodes from memory of exactly n bytes, so that a sanitizer sees what reads on. */
static enum err_code decode_copy(enum stream_variant variant, const void *bytes, size_t n)
{
	AUTO(discovery_request) struct discovery_request req = {.message = NULL};
	AUTO(free) uint8_t *exact = xmalloc(n + 1);
	struct err err = {.code = ERR_NONE};

	memcpy(exact, bytes, n);
	if (discovery_request_decode(&req, variant, exact, n, &err) == 0)
		return ERR_NONE;
	CU_ASSERT_PTR_NULL(req.message);
	ASSERT_HAS(err.msg, "DiscoveryRequest");
	return err.code;
}

/* Cut between two fields, a message is a shorter message; cut within one, it is none. */
static size_t count_refused_cuts(enum stream_variant variant, const struct wire *w)
{
	size_t refused = 0;

	for (size_t n = 0; n < w->n; n++) {
		enum err_code code = decode_copy(variant, w->bytes, n);

		CU_ASSERT_TRUE(code == ERR_NONE || code == ERR_INVALID);
		refused += code == ERR_INVALID;
	}
	return refused;
}

static void test_discovery_request_decode__refuses_what_is_cut_within_a_field(void)
{
	struct wire w;

	pack_sotw(&w);
	CU_ASSERT_EQUAL(count_refused_cuts(STREAM_SOTW, &w), w.n - 7);
	pack_delta(&w);
	CU_ASSERT_EQUAL(count_refused_cuts(STREAM_DELTA, &w), w.n - 7);
}

static void test_discovery_request_decode__refuses_garbage(void)
{
	static const char *const garbage[] = {
		"\xff",                      /* a tag that does not end */
		"\x0a\xff\xff\xff\xff\x0f",  /* far longer than what is there */
		"\x08\x01\x0b",              /* a group */
		"\x1a\x05\x61",              /* a name that is cut */
		"GET / HTTP/1.1\r\nHost: x", /* something else altogether */
	};

	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		CU_ASSERT_EQUAL(
			decode_copy(STREAM_SOTW, garbage[i], strlen(garbage[i])), ERR_INVALID);
		CU_ASSERT_EQUAL(
			decode_copy(STREAM_DELTA, garbage[i], strlen(garbage[i])), ERR_INVALID);
	}
}

/* Fills an initialised, empty r. */
static void fill_record(struct record *r)
{
	struct err err;

	r->name = xstrdup("a/1");
	r->version = xstrdup("0a");
	r->served_bytes = MODULE_LEN;
	CU_ASSERT_EQUAL(buf_append(&r->head, "head\0", 5, &err), 0);
	CU_ASSERT_EQUAL(buf_append(&r->tail, "tail", 4, &err), 0);
}

/* Appends a resource as a client receives it: all parts in their order. */
static void join(
	struct buf *out, const struct buf *front, const struct record *r, const struct buf *back)
{
	struct err err = {.msg = ""};

	CU_ASSERT_EQUAL(buf_append(out, front->data, front->len, &err), 0);
	CU_ASSERT_EQUAL(buf_append(out, r->head.data, r->head.len, &err), 0);
	CU_ASSERT_EQUAL(buf_append(out, MODULE, MODULE_LEN, &err), 0);
	CU_ASSERT_EQUAL(buf_append(out, r->tail.data, r->tail.len, &err), 0);
	CU_ASSERT_EQUAL(buf_append(out, back->data, back->len, &err), 0);
}

static void put_together(struct buf *out, enum stream_variant variant)
{
	static const struct stream_response response = {.nonce = "42", .version = "0a"};
	AUTO(buf) struct buf front = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf back = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	fill_record(&r);
	CU_ASSERT_EQUAL(discovery_response_encode(&front, &back, variant, &r, &response, &err), 0);
	join(out, &front, &r, &back);
}

static void put_more(struct buf *out)
{
	AUTO(buf) struct buf front = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(buf) struct buf back = BUF_INIT(LIMIT_RECORD_BYTES);
	AUTO(record) struct record r = RECORD_INIT;
	struct err err = {.msg = ""};

	fill_record(&r);
	CU_ASSERT_EQUAL(discovery_more_encode(&front, &back, &r, &err), 0);
	join(out, &front, &r, &back);
}

static void check_resource(const Wasmxds__Xds__Any *any)
{
	CU_ASSERT_PTR_NOT_NULL_FATAL(any);
	CU_ASSERT_STRING_EQUAL(any->type_url, STREAM_TYPE_URL);
	CU_ASSERT_EQUAL_FATAL(any->value.len, 5 + MODULE_LEN + 4);
	CU_ASSERT_EQUAL(memcmp(any->value.data, "head\0" MODULE "tail", any->value.len), 0);
}

static void test_discovery_response_encode__wraps_a_sotw_resource(void)
{
	AUTO(buf) struct buf wire = BUF_INIT(LIMIT_RECORD_BYTES);
	Wasmxds__Xds__DiscoveryResponse *m;

	put_together(&wire, STREAM_SOTW);
	m = wasmxds__xds__discovery_response__unpack(NULL, wire.len, (const uint8_t *)wire.data);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->version_info, "0a");
	CU_ASSERT_STRING_EQUAL(m->type_url, STREAM_TYPE_URL);
	CU_ASSERT_STRING_EQUAL(m->nonce, "42");
	CU_ASSERT_STRING_EQUAL(m->control_plane->identifier, "wasmxds/" WASMXDS_VERSION);
	CU_ASSERT_EQUAL_FATAL(m->n_resources, 1);
	check_resource(m->resources[0]);
	CU_ASSERT_EQUAL(m->base.n_unknown_fields, 0);
	wasmxds__xds__discovery_response__free_unpacked(m, NULL);
}

static void test_discovery_mark_encode__carries_nothing_but_the_version(void)
{
	AUTO(buf) struct buf wire = BUF_INIT(LIMIT_RECORD_BYTES);
	const struct stream_response response = {.nonce = "42", .version = "0a"};
	Wasmxds__Xds__DiscoveryResponse *m;
	struct err err;

	CU_ASSERT_EQUAL(discovery_mark_encode(&wire, &response, &err), 0);
	m = wasmxds__xds__discovery_response__unpack(NULL, wire.len, (const uint8_t *)wire.data);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->version_info, "0a");
	CU_ASSERT_STRING_EQUAL(m->nonce, "42");
	CU_ASSERT_STRING_EQUAL(m->type_url, STREAM_TYPE_URL);
	CU_ASSERT_EQUAL(m->n_resources, 0);
	wasmxds__xds__discovery_response__free_unpacked(m, NULL);
}

/* With full state, further resources follow the first: messages merge. */
static void test_discovery_more_encode__adds_resources_to_a_response(void)
{
	AUTO(buf) struct buf wire = BUF_INIT(LIMIT_RECORD_BYTES);
	Wasmxds__Xds__DiscoveryResponse *m;

	put_together(&wire, STREAM_SOTW);
	for (size_t i = 0; i < 2; i++)
		put_more(&wire);
	m = wasmxds__xds__discovery_response__unpack(NULL, wire.len, (const uint8_t *)wire.data);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->version_info, "0a");
	CU_ASSERT_STRING_EQUAL(m->type_url, STREAM_TYPE_URL);
	CU_ASSERT_STRING_EQUAL(m->nonce, "42");
	CU_ASSERT_EQUAL_FATAL(m->n_resources, 3);
	for (size_t i = 0; i < 3; i++)
		check_resource(m->resources[i]);
	wasmxds__xds__discovery_response__free_unpacked(m, NULL);
}

static void test_discovery_response_encode__wraps_a_delta_resource(void)
{
	AUTO(buf) struct buf wire = BUF_INIT(LIMIT_RECORD_BYTES);
	Wasmxds__Xds__DeltaDiscoveryResponse *m;

	put_together(&wire, STREAM_DELTA);
	m = wasmxds__xds__delta_discovery_response__unpack(
		NULL, wire.len, (const uint8_t *)wire.data);
	CU_ASSERT_PTR_NOT_NULL_FATAL(m);
	CU_ASSERT_STRING_EQUAL(m->type_url, STREAM_TYPE_URL);
	CU_ASSERT_STRING_EQUAL(m->nonce, "42");
	CU_ASSERT_STRING_EQUAL(m->control_plane->identifier, "wasmxds/" WASMXDS_VERSION);
	CU_ASSERT_EQUAL_FATAL(m->n_resources, 1);
	CU_ASSERT_STRING_EQUAL(m->resources[0]->name, "a/1");
	CU_ASSERT_STRING_EQUAL(m->resources[0]->version, "0a");
	check_resource(m->resources[0]->resource);
	CU_ASSERT_EQUAL(m->base.n_unknown_fields, 0);
	wasmxds__xds__delta_discovery_response__free_unpacked(m, NULL);
}

static void test_discovery_response_encode__keeps_its_ceilings(void)
{
	static const struct stream_response response = {.nonce = "42", .version = "0a"};
	AUTO(record) struct record r = RECORD_INIT;
	struct err err;

	fill_record(&r);
	for (size_t max = 0; max < 20; max++) {
		AUTO(buf) struct buf front = BUF_INIT(max);
		AUTO(buf) struct buf back = BUF_INIT(max);

		err = (struct err){.code = ERR_NONE};
		CU_ASSERT_EQUAL(
			discovery_response_encode(&front, &back, STREAM_DELTA, &r, &response, &err),
			-1);
		CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	}
}

TEST_MAIN("discovery", TEST(test_discovery_request_decode__reads_sotw),
	TEST(test_discovery_request_decode__reads_delta),
	TEST(test_discovery_request_decode__has_no_null_in_an_empty_request),
	TEST(test_discovery_request_decode__has_no_null_in_empty_parts),
	TEST(test_discovery_request_decode__refuses_what_is_cut_within_a_field),
	TEST(test_discovery_request_decode__refuses_garbage),
	TEST(test_discovery_response_encode__wraps_a_sotw_resource),
	TEST(test_discovery_mark_encode__carries_nothing_but_the_version),
	TEST(test_discovery_more_encode__adds_resources_to_a_response),
	TEST(test_discovery_response_encode__wraps_a_delta_resource),
	TEST(test_discovery_response_encode__keeps_its_ceilings))
