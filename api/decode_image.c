/* SPDX-License-Identifier: Apache-2.0 */
#include "api/decode.h"

#include <string.h>

#include "api/duration.h"
#include "api/image.h"
#include "api/name.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

static const char *const image_fields[] = {
	"protocol", "uri", "sha256", "pull_secret", "debug_sections", "track", "interval", NULL};

/* In the order of their enums. */
static const char *const debug_sections[] = {"drop", "keep", NULL};
static const char *const protocols[] = {"local_fs", "http", "https", "s3", "oci", NULL};

#define PROTOCOL_UNKNOWN (PROTOCOL_OCI + 1)
#define TRACK_MS 300000 /* where no interval is given */

/* protocol may be PROTOCOL_UNKNOWN: what depends on it is then not judged. */
static void decode_uri(const struct fields *image, unsigned protocol, struct extension_image *out)
{
	const char *uri = fields_checked(image, "uri", FIELD_REQUIRED, image_check_uri);
	struct err err;

	if (!uri)
		return;
	if (protocol != PROTOCOL_UNKNOWN && image_check_protocol_uri(protocol, uri, &err) < 0)
		fields_problem(image, "uri", "%s", err.msg);
	else
		out->uri = xstrdup(uri);
}

static void decode_sha256(const struct fields *image, struct extension_image *out)
{
	const char *text = fields_text(image, "sha256", FIELD_OPTIONAL);
	struct err err;

	if (text && image_parse_sha256(&out->sha256, text, &err) < 0)
		fields_problem(image, "sha256", "%s", err.msg);
}

static void decode_pull_secret(
	const struct fields *image, unsigned protocol, struct extension_image *out)
{
	const char *name =
		fields_checked(image, "pull_secret", FIELD_OPTIONAL, name_check_subdomain);

	if (!name)
		return;
	if (protocol != PROTOCOL_UNKNOWN && protocol != PROTOCOL_OCI)
		fields_problem(image, "pull_secret", "only goes with protocol oci, not %s",
			protocols[protocol]);
	out->pull_secret = xstrdup(name);
}

/* What names its bytes once and for all leads nowhere else. */
static void check_track(
	const struct fields *image, unsigned protocol, const struct extension_image *out)
{
	if (fields_get(image, "sha256"))
		fields_problem(image, "track", "does not go with sha256, which names one module");
	else if (protocol == PROTOCOL_OCI && out->uri && strchr(out->uri, '@'))
		fields_problem(image, "track", "does not go with a uri that is pinned by a digest");
	else if (protocol == PROTOCOL_LOCAL_FS)
		fields_problem(image, "track",
			"does not go with protocol local_fs, whose files are followed anyway");
}

static void decode_interval(const struct fields *image, struct extension_image *out)
{
	const char *text = fields_text(image, "interval", FIELD_OPTIONAL);
	struct err err;

	if (!text)
		return;
	if (duration_parse(&out->track_ms, text, &err) < 0)
		fields_problem(image, "interval", "%s", err.msg);
	else if (out->track_ms < LIMIT_TRACK_LEAST_MS)
		fields_problem(image, "interval", "must be at least %ds, not %s",
			LIMIT_TRACK_LEAST_MS / 1000, text);
}

static void decode_track(const struct fields *image, unsigned protocol, struct extension_image *out)
{
	bool track = false;

	(void)fields_bool(image, "track", &track);
	if (track) {
		out->track_ms = TRACK_MS;
		check_track(image, protocol, out);
	} else if (fields_get(image, "interval"))
		fields_problem(image, "interval", "only goes with track: true");
	decode_interval(image, out);
}

void decode_image(const struct fields *spec, struct extension_image *out)
{
	AUTO(fields) struct fields image = {.path = NULL};
	unsigned protocol = PROTOCOL_UNKNOWN;

	if (!fields_enter(&image, spec, "image", FIELD_REQUIRED))
		return;
	fields_check_known(&image, image_fields);
	protocol = fields_choice(&image, "protocol", FIELD_REQUIRED, protocols, PROTOCOL_UNKNOWN);
	out->protocol = protocol;
	decode_uri(&image, protocol, out);
	decode_sha256(&image, out);
	decode_pull_secret(&image, protocol, out);
	out->debug_sections = fields_choice(
		&image, "debug_sections", FIELD_OPTIONAL, debug_sections, DEBUG_SECTIONS_DROP);
	decode_track(&image, protocol, out);
}
