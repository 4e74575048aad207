/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3_checksum.h"

#include <string.h>

#include <gnutls/gnutls.h>

#include "base/lend.h"

#define SHA256_BYTES 32
#define BASE64_CHARS 44 /* of them */

static void set_hex(struct digest *out, const unsigned char *bytes)
{
	static const char digits[] = "0123456789abcdef";
	char *to = out->hex;

	for (size_t i = 0; i < SHA256_BYTES; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 0xF];
	}
	*to = '\0';
}

bool s3_checksum_read(struct digest *out, const char *sha256, const char *type)
{
	gnutls_datum_t bytes = {.data = NULL};
	bool is_whole = !type || strcmp(type, "FULL_OBJECT") == 0;

	if (!is_whole || !sha256 || strlen(sha256) != BASE64_CHARS)
		return false;

	const gnutls_datum_t in = {.data = lend(sha256), .size = BASE64_CHARS};

	if (gnutls_base64_decode2(&in, &bytes) < 0)
		return false;

	bool fits = bytes.size == SHA256_BYTES;

	if (fits)
		set_hex(out, bytes.data);
	gnutls_free(bytes.data);
	return fits;
}
