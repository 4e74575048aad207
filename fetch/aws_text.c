/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_text.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/quote.h"

bool aws_is_header_value(const char *text)
{
	size_t n = 0;

	for (; text[n]; n++) {
		if (n == LIMIT_AWS_TOKEN_BYTES || text[n] < ' ' || text[n] > '~')
			return false;
	}
	return n > 0 && text[0] != ' ' && text[n - 1] != ' ';
}

bool aws_is_name(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._+=,@-";
	size_t n = strspn(text, allowed);

	return n > 0 && text[n] == '\0' && n <= LIMIT_AWS_NAME_BYTES;
}

int aws_time_parse(time_t *out, const char *text, struct err *err)
{
	struct tm utc = {0};
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);

	if (rest && *rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (!rest || strcmp(rest, "Z") != 0)
		return err_set(err, ERR_INVALID,
			"the time %s must be written as 2026-01-02T03:04:05Z", quote(text).text);
	*out = timegm(&utc);
	return 0;
}

void aws_secret_free(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void aws_secret_buf_clear(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_clear(b);
}
