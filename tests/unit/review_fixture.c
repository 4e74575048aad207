/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/review_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"

#define OURS "wasmxds.tetrate.io/v1alpha1/WasmExtension"

static const char *or_else(const char *text, const char *otherwise)
{
	return text ? text : otherwise;
}

char *review_text(const struct review_parts *parts)
{
	AUTO(free) char *kind = xstrdup(or_else(parts->kind, OURS));
	char *version = strchr(kind, '/');
	char *name = strrchr(kind, '/');

	*version++ = '\0';
	*name++ = '\0';
	return xasprintf("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\","
			 "\"request\":{\"uid\":\"42-a\",\"kind\":{\"group\":\"%s\",\"version\":"
			 "\"%s\",\"kind\":\"%s\"},\"subResource\":\"%s\",\"name\":\"auth\","
			 "\"namespace\":\"%s\",\"operation\":\"%s\",\"userInfo\":{\"username\":"
			 "\"alice\",\"uid\":\"7\",\"groups\":[\"devs\",\"all\"],\"extra\":{\"k\":"
			 "[\"v\"]}},\"object\":%s,\"oldObject\":%s,\"dryRun\":%s}}",
		kind, version, name, or_else(parts->subresource, ""),
		or_else(parts->namespace, "team"), or_else(parts->operation, "CREATE"),
		or_else(parts->object, "null"), or_else(parts->old, "null"),
		parts->is_dry_run ? "true" : "false");
}

char *review_extension(const char *image, const char *more, const char *metadata)
{
	return xasprintf("{\"apiVersion\":\"wasmxds.tetrate.io/v1alpha1\",\"kind\":"
			 "\"WasmExtension\",\"metadata\":{\"name\":\"auth\",\"namespace\":"
			 "\"team\"%s},\"spec\":{\"runtime\":\"v8\",\"vm_id\":\"\",\"root_id\":"
			 "\"\",\"image\":{%s}%s}}",
		metadata, image, more);
}
