/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/sigv4.h"

/* Signs a request whose path, query, header's name and header's value are the input's lines. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup(size ? (const char *)data : "", size);
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_SIGV4_BYTES);
	const struct sigv4_scope scope = {
		.date = "20260102T030405Z", .region = "eu-west-1", .service = "s3"};
	const struct sigv4_key key = {"AKID", "secret"};
	const char *lines[4] = {"", "", "", ""};
	struct err err = {.code = ERR_NONE};
	char *rest = text;

	for (size_t i = 0; i < 4 && rest; i++)
		lines[i] = strsep(&rest, "\n");

	const struct sigv4_field fields[] = {
		{"Host", "host"}, {lines[2], lines[3]}, {lines[2], ""}};
	struct sigv4_request request = {.method = "GET",
		.path = lines[0],
		.query = lines[1],
		.fields = fields,
		.n_fields = sizeof(fields) / sizeof(fields[0]),
		.payload = "UNSIGNED-PAYLOAD"};

	for (int rule = SIGV4_PATH_NORMAL; rule <= SIGV4_PATH_LITERAL; rule++) {
		request.path_rule = (enum sigv4_path)rule;
		if (sigv4_authorization(&out, &request, &scope, &key, &err) < 0 &&
			err.code != ERR_INVALID)
			abort();
		buf_clear(&out);
	}
	return 0;
}
