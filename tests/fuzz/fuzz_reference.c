/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API's verdict on an image's name and the fetcher's must be one.
 */
#include <stdbool.h>

#include "api/image.h"
#include "base/auto.h"
#include "base/limits.h"
#include "fetch/reference.h"
#include "tests/fuzz/message_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool api_takes(const char *text)
{
	struct err err;

	return image_check_uri(text, &err) == 0 &&
	       image_check_protocol_uri(PROTOCOL_OCI, text, &err) == 0;
}

/* What was read is written as a name, and read again. */
static void check_round_trip(const struct reference *r)
{
	AUTO(free) char *version = reference_version(r);
	AUTO(free)
	char *text = xasprintf("%s/%s%c%s", r->registry, r->repository,
		digest_is_set(&r->digest) ? '@' : ':', version);
	AUTO(reference) struct reference again = {.registry = NULL};
	struct err err;

	if (strlen(text) > LIMIT_URI_BYTES) /* by the tag that it did not have */
		return;
	assert(reference_parse(&again, text, &err) == 0);
	assert(strcmp(again.registry, r->registry) == 0);
	assert(strcmp(again.repository, r->repository) == 0);
	assert(digest_equal(&again.digest, &r->digest));
	(void)reference_is_loopback(reference_server(r));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = input_text(data, size);
	AUTO(reference) struct reference r = {.registry = NULL};
	struct err err = {.code = ERR_NONE};
	bool taken = reference_parse(&r, text, &err) == 0;

	assert(taken == api_takes(text));
	if (taken)
		check_round_trip(&r);
	else
		check_refusal(&err);
	return 0;
}
