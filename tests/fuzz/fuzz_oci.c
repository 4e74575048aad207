/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Manifests and indexes: the first line of an input is the Content-Type, the rest the document.
 */
#include "base/auto.h"
#include "base/limits.h"
#include "fetch/oci_manifest.h"
#include "tests/fuzz/message_check.h"

#define MAX_BYTES 1000000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_target(const struct oci_target *target)
{
	struct digest digest;
	struct err err;

	assert(digest_parse(&digest, target->digest.hex, &err) == 0);
	assert(target->kind == OCI_MANIFEST || target->kind == OCI_MODULE ||
		target->kind == OCI_ARCHIVE);
	assert(target->size <=
		(target->kind == OCI_MANIFEST ? LIMIT_OCI_MANIFEST_BYTES : MAX_BYTES));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *type = input_text(data, size);
	const char *document = cut_line(type);
	AUTO(buf) struct buf bytes = BUF_INIT(LIMIT_OCI_MANIFEST_BYTES);
	struct oci_target target = {.size = 0};
	struct err err = {.code = ERR_NONE};

	if (buf_append(&bytes, document, strlen(document), &err) < 0)
		return 0;
	if (oci_manifest_read(&target, &bytes, type, MAX_BYTES, &err) == 0)
		check_target(&target);
	else
		check_refusal(&err);
	return 0;
}
