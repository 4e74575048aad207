/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/report.h"

#include <inttypes.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/utf8.h"
#include "base/version.h"

const char *report_sync_name(enum stream_sync sync)
{
	static const char *const names[] = {
		[STREAM_SYNCED] = "SYNCED",
		[STREAM_STALE] = "STALE",
		[STREAM_REFUSED] = "NACK",
		[STREAM_MISSING] = "MISSING",
		[STREAM_DENIED] = "DENIED",
	};

	return names[sync];
}

/* Leaves the field out where there is no text.  What a client called something may be no UTF-8, and
 * then no JSON. */
static void add_text(cJSON *object, const char *key, const char *text)
{
	AUTO(free) char *clean = text && text[0] ? utf8_copy(text, LIMIT_XDS_TEXT_BYTES) : NULL;

	if (clean)
		cJSON_AddStringToObject(object, key, clean);
}

static void add_seconds(cJSON *object, const char *key, int64_t since, int64_t now)
{
	int64_t seconds = (now - since) / 1000;

	cJSON_AddNumberToObject(object, key, (double)seconds);
}

static cJSON *report_subscription(const struct subscription *sub, int64_t now)
{
	const struct payload *payload = sub->resource->payload;
	enum stream_sync sync = stream_sync_of(sub);
	cJSON *o = cJSON_CreateObject();

	add_text(o, "name", sub->resource->name);
	cJSON_AddStringToObject(o, "state", report_sync_name(sync));
	add_text(o, "version", payload && !sub->denied ? payload_record(payload)->version : NULL);
	add_text(o, "running", sub->good);
	if (sync == STREAM_REFUSED)
		add_text(o, "reason", stream_refusal(sub));
	add_seconds(o, "age_seconds", sub->since, now);
	return o;
}

static cJSON *report_client(const struct session_info *info, int64_t now)
{
	cJSON *o = cJSON_CreateObject();
	cJSON *resources;
	const struct subscription *sub;
	const char *name;
	size_t at = 0;

	cJSON_AddStringToObject(o, "node", info->stream->node);
	add_text(o, "identity", info->identity);
	cJSON_AddStringToObject(o, "peer", info->peer);
	cJSON_AddStringToObject(o, "method", info->method);
	add_seconds(o, "connected_seconds", info->opened_ms, now);
	resources = cJSON_AddArrayToObject(o, "resources");
	while ((sub = map_next(&info->stream->subscriptions, &at, &name)))
		cJSON_AddItemToArray(resources, report_subscription(sub, now));
	return o;
}

static cJSON *report_extension(const struct record *r)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddStringToObject(o, "name", r->name);
	cJSON_AddStringToObject(o, "version", r->version);
	cJSON_AddStringToObject(o, "source", r->source);
	cJSON_AddStringToObject(o, "module_sha256", r->module.hex);
	cJSON_AddNumberToObject(o, "module_bytes", (double)r->module_bytes);
	cJSON_AddNumberToObject(o, "served_bytes", (double)r->served_bytes);
	return o;
}

cJSON *report_clients(const struct xds_view *view, int64_t now)
{
	cJSON *report = cJSON_CreateObject();
	cJSON *clients = cJSON_AddArrayToObject(report, "clients");
	cJSON *extensions = cJSON_AddArrayToObject(report, "extensions");
	const struct session *s = NULL;
	struct session_info info;
	const struct resource *r;
	const char *name;
	size_t at = 0;

	while ((s = session_next(view->sessions, s, &info)))
		cJSON_AddItemToArray(clients, report_client(&info, now));
	while ((r = map_next(&view->catalog->resources, &at, &name))) {
		if (r->payload)
			cJSON_AddItemToArray(
				extensions, report_extension(payload_record(r->payload)));
	}
	return report;
}

struct tally {
	uint64_t streams;
	uint64_t by_sync[STREAM_DENIED + 1];
};

static struct tally count(const struct xds_view *view)
{
	struct tally t = {0};
	const struct session *s = NULL;
	struct session_info info;

	while ((s = session_next(view->sessions, s, &info))) {
		const struct subscription *sub;
		const char *name;
		size_t at = 0;

		t.streams++;
		while ((sub = map_next(&info.stream->subscriptions, &at, &name)))
			t.by_sync[stream_sync_of(sub)]++;
	}
	return t;
}

static int put_metric(struct buf *out, const char *name, const char *type, const char *help,
	uint64_t value, struct err *err)
{
	return buf_printf(out, err, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help,
		name, type, name, value);
}

static int put_subscriptions(struct buf *out, const struct tally *t, struct err *err)
{
	static const char *const labels[] = {
		[STREAM_SYNCED] = "synced",
		[STREAM_STALE] = "stale",
		[STREAM_REFUSED] = "nack",
		[STREAM_MISSING] = "missing",
		[STREAM_DENIED] = "denied",
	};
	const char *name = "wasmxds_xds_subscriptions";

	if (buf_printf(out, err,
		    "# HELP %s Resources that proxies subscribe to, by how they stand.\n"
		    "# TYPE %s gauge\n",
		    name, name) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		if (buf_printf(out, err, "%s{state=\"%s\"} %" PRIu64 "\n", name, labels[i],
			    t->by_sync[i]) < 0)
			return -1;
	}
	return 0;
}

int report_metrics(struct buf *out, const struct xds_view *view, struct err *err)
{
	const struct xds_metrics *m = view->metrics;
	struct tally t = count(view);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{"wasmxds_xds_streams", "gauge", "Streams that are open.", t.streams},
		{"wasmxds_xds_streams_opened_total", "counter", "Streams that were opened.",
			m->streams},
		{"wasmxds_xds_streams_refused_total", "counter",
			"Streams refused over a limit, or because the client may not.",
			m->streams_refused},
		{"wasmxds_xds_streams_broken_total", "counter",
			"Streams ended because the client broke a rule.", m->streams_broken},
		{"wasmxds_xds_requests_total", "counter", "Discovery requests read.", m->requests},
		{"wasmxds_xds_responses_total", "counter", "Discovery responses sent.",
			m->responses},
		{"wasmxds_xds_response_bytes_total", "counter",
			"Bytes of discovery responses sent.", m->response_bytes},
		{"wasmxds_xds_acks_total", "counter", "Resources that a proxy accepted.", m->acks},
		{"wasmxds_xds_nacks_total", "counter", "Resources that a proxy refused.", m->nacks},
		{"wasmxds_extensions", "gauge", "Extensions that can be served.",
			view->catalog->available},
		{"wasmxds_store_records_unusable_total", "counter",
			"Reads of a record that failed.", m->records_unusable},
		{"wasmxds_store_records_sealed", "gauge", "Records that no key of ours opens.",
			view->loader->sealed.n},
		{"wasmxds_modules_unusable_total", "counter",
			"Modules that could not be served as their digest says.",
			m->modules_unusable},
		{"wasmxds_modules_memory_bytes", "gauge", "Bytes of the modules in memory.",
			blob_cache_bytes(view->loader->blobs)},
	};

	if (buf_printf(out, err,
		    "# HELP wasmxds_build_info The version that runs.\n"
		    "# TYPE wasmxds_build_info gauge\n"
		    "wasmxds_build_info{version=\"%s\"} 1\n",
		    WASMXDS_VERSION) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (put_metric(out, rows[i].name, rows[i].type, rows[i].help, rows[i].value, err) <
			0)
			return -1;
	}
	return put_subscriptions(out, &t, err);
}
