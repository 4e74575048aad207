/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/gate.h"

#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/stamp.h"
#include "base/xalloc.h"
#include "xds/grpc.h"

struct gate {
	char *path;            /* owned */
	struct policy *policy; /* owned */
	struct stamp stamp;    /* of what was read last */
};

static struct policy *read_policy(const char *path, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_POLICY_BYTES);
	struct policy *policy;

	if (io_read_file(AT_FDCWD, path, &text, err) < 0)
		return NULL;
	policy = policy_parse(buf_text(&text), text.len, err);
	if (!policy)
		(void)err_wrap(err, "%s", path);
	return policy;
}

struct gate *gate_new(const char *policy_file, struct err *err)
{
	struct gate *g = xcalloc(1, sizeof(*g));

	g->path = xstrdup(policy_file);
	(void)stamp_take(&g->stamp, g->path);
	g->policy = read_policy(g->path, err);
	if (!g->policy) {
		gate_free(g);
		return NULL;
	}
	return g;
}

void gate_free(struct gate *g)
{
	if (!g)
		return;
	policy_free(g->policy);
	free(g->path);
	free(g);
}

bool gate_refresh(struct gate *g)
{
	struct policy *policy;
	struct err err;

	if (!stamp_take(&g->stamp, g->path))
		return false;
	policy = read_policy(g->path, &err);
	if (!policy) {
		log_error("policy not usable", LOG_ERR(&err));
		return false;
	}
	policy_free(g->policy);
	g->policy = policy;
	log_info("policy read", LOG_STR("file", g->path));
	return true;
}

void gate_admit(const struct gate *g, grpc_call *call, struct visitor *out)
{
	grpc_auth_context *context = grpc_call_auth_context(call);
	grpc_auth_property_iterator it =
		grpc_auth_context_find_properties_by_name(context, GRPC_X509_SAN_PROPERTY_NAME);
	const grpc_auth_property *property;

	*out = (struct visitor){0};
	while (out->n < LIMIT_POLICY_NAMES && (property = grpc_auth_property_iterator_next(&it))) {
		out->names = xreallocarray(out->names, out->n + 1, sizeof(*out->names));
		out->names[out->n++] = xstrndup(property->value, property->value_length);
	}
	grpc_auth_context_release(context);
	out->grant = policy_grant(g->policy, out->names, out->n);
}

void visitor_clear(struct visitor *v)
{
	for (size_t i = 0; i < v->n; i++)
		free(v->names[i]);
	free(v->names);
	grant_free(v->grant);
	*v = (struct visitor){0};
}

bool gate_still_admits(const struct gate *g, const struct visitor *v)
{
	struct grant *now = policy_grant(g->policy, v->names, v->n);
	bool same = grant_equal(now, v->grant);

	grant_free(now);
	return same;
}
