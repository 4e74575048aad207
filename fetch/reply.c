/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/reply.h"

#include <stdlib.h>
#include <strings.h>

#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/retry.h"

struct header {
	char *name;  /* owned */
	char *value; /* owned */
};

void exchange_reply_clear(struct exchange_reply *reply)
{
	for (size_t i = 0; i < reply->n_headers; i++) {
		free(reply->headers[i].name);
		free(reply->headers[i].value);
	}
	free(reply->headers);
	free(reply->url);
	*reply = (struct exchange_reply){.content_length = -1};
}

const char *exchange_reply_header(const struct exchange_reply *reply, const char *name, size_t nth)
{
	for (size_t i = 0; i < reply->n_headers; i++) {
		if (strcasecmp(reply->headers[i].name, name) == 0 && nth-- == 0)
			return reply->headers[i].value;
	}
	return NULL;
}

static size_t count_headers(CURL *curl)
{
	struct curl_header *at = NULL;
	size_t n = 0;

	while ((at = curl_easy_nextheader(curl, CURLH_HEADER, -1, at)))
		n++;
	return n;
}

/* How many there can be is bounded by LIMIT_HEADER_BYTES. */
static void collect_headers(struct exchange_reply *out, CURL *curl)
{
	struct curl_header *at = NULL;
	size_t n = count_headers(curl);

	if (n == 0)
		return;
	out->headers = xcalloc(n, sizeof(*out->headers));
	while (out->n_headers < n && (at = curl_easy_nextheader(curl, CURLH_HEADER, -1, at)))
		out->headers[out->n_headers++] =
			(struct header){.name = xstrdup(at->name), .value = xstrdup(at->value)};
}

void reply_collect(struct exchange_reply *out, CURL *curl, const char *url, int64_t now)
{
	curl_off_t announced = -1;

	out->url = xstrdup(url);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	(void)curl_easy_getinfo(curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	out->content_length = announced;
	collect_headers(out, curl);
	const char *wait = exchange_reply_header(out, "Retry-After", 0);
	out->retry_after_ms = wait ? retry_after_ms(wait, now) : 0;
}
