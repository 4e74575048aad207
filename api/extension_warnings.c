/* SPDX-License-Identifier: Apache-2.0 */
#include "api/extension.h"

#include <string.h>

static void warn_image(const struct extension_image *image, struct problems *out)
{
	if (digest_is_set(&image->sha256))
		return;
	if (image->track_ms > 0 && image->protocol == PROTOCOL_OCI)
		return;
	if (image->protocol == PROTOCOL_HTTP)
		problems_add(out, "spec.image.sha256", 0,
			"is not given, and http lets anybody on the way change the module");
	if (image->protocol == PROTOCOL_OCI && !strchr(image->uri, '@'))
		problems_add(out, "spec.image.uri", 0,
			"is a tag, which can be moved: pin it by \"@sha256:…\", or give sha256");
}

void extension_warnings(const struct extension *ext, struct problems *out)
{
	warn_image(&ext->image, out);
	if (ext->runtime == RUNTIME_WAVM)
		problems_add(out, "spec.runtime", 0,
			"is wavm, which official builds of Envoy do not have: use v8");
	if (ext->allow_precompiled)
		problems_add(out, "spec.allow_precompiled", 0,
			"lets Envoy run machine code out of the module, which nothing checks");
	if (ext->nack_on_code_cache_miss)
		problems_add(out, "spec.nack_on_code_cache_miss", 0,
			"has no effect: Envoy is sent the module, and fetches none itself");
}
