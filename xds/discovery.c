/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/discovery.h"

#include "base/lend.h"
#include "base/version.h"
#include "proto/gather.h"
#include "proto/xds.pb-c.h"

static void set_common(struct stream_request *req, const Wasmxds__Xds__Node *node,
	const char *nonce, const Wasmxds__Xds__Status *error)
{
	req->node = node ? node->id : "";
	req->nonce = nonce;
	req->version = "";
	req->refuses = error != NULL;
	req->reason = error ? error->message : "";
}

static const char *held_at(const struct stream_request *req, size_t i, const char **version)
{
	const Wasmxds__Xds__DeltaDiscoveryRequest *m = req->message;

	*version = m->initial_resource_versions[i]->value;
	return m->initial_resource_versions[i]->key;
}

static int decode_sotw(
	struct discovery_request *out, const uint8_t *bytes, size_t n, struct err *err)
{
	Wasmxds__Xds__DiscoveryRequest *m = wasmxds__xds__discovery_request__unpack(NULL, n, bytes);

	if (!m)
		return err_set(err, ERR_INVALID, "not a DiscoveryRequest (%zu bytes)", n);
	set_common(&out->stream, m->node, m->response_nonce, m->error_detail);
	out->stream.version = m->version_info;
	out->stream.names = m->resource_names;
	out->stream.n_names = m->n_resource_names;
	out->type_url = m->type_url;
	out->message = m;
	return 0;
}

static int decode_delta(
	struct discovery_request *out, const uint8_t *bytes, size_t n, struct err *err)
{
	Wasmxds__Xds__DeltaDiscoveryRequest *m =
		wasmxds__xds__delta_discovery_request__unpack(NULL, n, bytes);

	if (!m)
		return err_set(err, ERR_INVALID, "not a DeltaDiscoveryRequest (%zu bytes)", n);
	set_common(&out->stream, m->node, m->response_nonce, m->error_detail);
	out->stream.names = m->resource_names_subscribe;
	out->stream.n_names = m->n_resource_names_subscribe;
	out->stream.gone = m->resource_names_unsubscribe;
	out->stream.n_gone = m->n_resource_names_unsubscribe;
	out->stream.held = held_at;
	out->stream.n_held = m->n_initial_resource_versions;
	out->stream.message = m;
	out->type_url = m->type_url;
	out->message = m;
	return 0;
}

int discovery_request_decode(struct discovery_request *out, enum stream_variant variant,
	const uint8_t *bytes, size_t n, struct err *err)
{
	*out = (struct discovery_request){.variant = variant};
	return variant == STREAM_SOTW ? decode_sotw(out, bytes, n, err)
				      : decode_delta(out, bytes, n, err);
}

void discovery_request_clear(struct discovery_request *req)
{
	if (req->message)
		protobuf_c_message_free_unpacked(req->message, NULL);
	req->message = NULL;
}

/* resource NULL: none. */
static int encode_sotw(struct buf *front, struct buf *back, Wasmxds__Xds__Any *resource,
	const struct stream_response *response, struct err *err)
{
	Wasmxds__Xds__Any *resources[] = {resource};
	Wasmxds__Xds__ControlPlane control_plane;
	Wasmxds__Xds__DiscoveryResponse m;

	wasmxds__xds__control_plane__init(&control_plane);
	control_plane.identifier = lend("wasmxds/" WASMXDS_VERSION);
	wasmxds__xds__discovery_response__init(&m);
	m.version_info = lend(response->version);
	m.resources = resources;
	m.n_resources = resource ? 1 : 0;
	m.type_url = lend(STREAM_TYPE_URL);
	m.nonce = lend(response->nonce);
	m.control_plane = &control_plane;
	return gather_pack(&m.base, resource ? resource->value.data : NULL, front, back, err);
}

static int encode_delta(struct buf *front, struct buf *back, Wasmxds__Xds__Any *any,
	const struct record *r, const struct stream_response *response, struct err *err)
{
	Wasmxds__Xds__Resource resource;
	Wasmxds__Xds__Resource *resources[] = {&resource};
	Wasmxds__Xds__ControlPlane control_plane;
	Wasmxds__Xds__DeltaDiscoveryResponse m;

	wasmxds__xds__control_plane__init(&control_plane);
	control_plane.identifier = lend("wasmxds/" WASMXDS_VERSION);
	wasmxds__xds__resource__init(&resource);
	resource.name = r->name;
	resource.version = lend(response->version);
	resource.resource = any;
	wasmxds__xds__delta_discovery_response__init(&m);
	m.system_version_info = lend(response->version);
	m.resources = resources;
	m.n_resources = 1;
	m.type_url = lend(STREAM_TYPE_URL);
	m.nonce = lend(response->nonce);
	m.control_plane = &control_plane;
	return gather_pack(&m.base, any->value.data, front, back, err);
}

/* The resource of r as an Any, whose bytes stand elsewhere. */
static void point_to(Wasmxds__Xds__Any *any, const struct record *r, uint8_t *mark)
{
	wasmxds__xds__any__init(any);
	any->type_url = lend(STREAM_TYPE_URL);
	any->value.data = mark;
	any->value.len = r->head.len + r->served_bytes + r->tail.len;
}

int discovery_response_encode(struct buf *front, struct buf *back, enum stream_variant variant,
	const struct record *r, const struct stream_response *response, struct err *err)
{
	uint8_t mark = 0;
	Wasmxds__Xds__Any any;

	point_to(&any, r, &mark);
	return variant == STREAM_SOTW ? encode_sotw(front, back, &any, response, err)
				      : encode_delta(front, back, &any, r, response, err);
}

int discovery_mark_encode(struct buf *out, const struct stream_response *response, struct err *err)
{
	return encode_sotw(out, out, NULL, response, err);
}

int discovery_more_encode(
	struct buf *front, struct buf *back, const struct record *r, struct err *err)
{
	uint8_t mark = 0;
	Wasmxds__Xds__Any any;
	Wasmxds__Xds__Any *resources[] = {&any};
	Wasmxds__Xds__DiscoveryResponse m;

	point_to(&any, r, &mark);
	wasmxds__xds__discovery_response__init(&m);
	m.resources = resources;
	m.n_resources = 1;
	return gather_pack(&m.base, &mark, front, back, err);
}
