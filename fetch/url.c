/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

static inline void auto_curlu(CURLU **url)
{
	curl_url_cleanup(*url);
}

static inline void auto_curl_text(char **text)
{
	curl_free(*text);
}

static CURLU *url_new(void)
{
	CURLU *url = curl_url();

	if (!url)
		abort(); /* out of memory, as in base/xalloc.h */
	return url;
}

char *url_server(const char *url)
{
	const char *scheme_end = strstr(url, "://");
	const char *start = scheme_end ? scheme_end + 3 : url;
	size_t n = strcspn(start, "/?#");
	const char *at = memrchr(start, '@', n);
	char *server;

	if (at) {
		n -= (size_t)(at + 1 - start);
		start = at + 1;
	}
	server = xstrndup(start, n);
	for (char *c = server; *c; c++)
		*c = (char)tolower((unsigned char)*c);
	return server;
}

void url_make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

/* Takes away what must not be shown, or sent to another server. */
static bool url_drop(CURLU *url, const CURLUPart *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (curl_url_set(url, parts[i], NULL, 0) != CURLUE_OK)
			return false;
	}
	return true;
}

char *url_label(const char *url)
{
	static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
		CURLUPART_QUERY, CURLUPART_FRAGMENT};
	AUTO(curlu) CURLU *parsed = url_new();
	AUTO(curl_text) char *shown = NULL;

	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_URLENCODE) != CURLUE_OK ||
		!url_drop(parsed, hidden, sizeof(hidden) / sizeof(hidden[0])) ||
		curl_url_get(parsed, CURLUPART_URL, &shown, 0) != CURLUE_OK)
		return xstrdup("a malformed URL");
	char *label = xstrndup(shown, LIMIT_SOURCE_BYTES);
	url_make_printable(label);
	return label;
}

static bool is_scheme(CURLU *url, const char *scheme)
{
	AUTO(curl_text) char *has = NULL;

	return curl_url_get(url, CURLUPART_SCHEME, &has, 0) == CURLUE_OK &&
	       strcmp(has, scheme) == 0;
}

int url_redirect_target(char **out, const char *from, const char *location, struct err *err)
{
	static const CURLUPart foreign[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS};
	AUTO(curlu) CURLU *url = url_new();
	AUTO(curl_text) char *target = NULL;

	CURLUcode rc = curl_url_set(url, CURLUPART_URL, from, 0);
	if (rc != CURLUE_OK)
		return err_set(err, ERR_INVALID, "not a URL: %s", curl_url_strerror(rc));
	bool was_https = is_scheme(url, "https");
	rc = curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE);
	if (rc != CURLUE_OK)
		return err_set(err, ERR_INVALID, "redirected to what is not a URL: %s",
			curl_url_strerror(rc));
	bool to_https = is_scheme(url, "https");
	if (!to_https && !is_scheme(url, "http"))
		return err_set(
			err, ERR_INVALID, "redirected to a scheme that is neither http nor https");
	if (was_https && !to_https)
		return err_set(err, ERR_INVALID, "redirected from https to http, which is refused");
	if (!url_drop(url, foreign, sizeof(foreign) / sizeof(foreign[0])) ||
		curl_url_get(url, CURLUPART_URL, &target, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "redirected to what is not a URL");
	*out = xstrdup(target);
	return 0;
}

static bool copy_part(CURLU *to, CURLU *from, CURLUPart part)
{
	AUTO(curl_text) char *text = NULL;

	return curl_url_get(from, part, &text, 0) == CURLUE_OK &&
	       curl_url_set(to, part, text, 0) == CURLUE_OK;
}

char *url_with_userinfo(const char *url, const char *from)
{
	AUTO(curlu) CURLU *to = url_new();
	AUTO(curlu) CURLU *lender = url_new();
	AUTO(curl_text) char *text = NULL;

	if (curl_url_set(to, CURLUPART_URL, url, CURLU_URLENCODE) != CURLUE_OK ||
		curl_url_set(lender, CURLUPART_URL, from, CURLU_URLENCODE) != CURLUE_OK ||
		!copy_part(to, lender, CURLUPART_USER))
		return xstrdup(url);
	(void)copy_part(to, lender, CURLUPART_PASSWORD); /* which may be absent */
	return curl_url_get(to, CURLUPART_URL, &text, 0) == CURLUE_OK ? xstrdup(text)
								      : xstrdup(url);
}

static bool same_part(CURLU *a, CURLU *b, CURLUPart part)
{
	AUTO(curl_text) char *of_a = NULL;
	AUTO(curl_text) char *of_b = NULL;

	return curl_url_get(a, part, &of_a, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	       curl_url_get(b, part, &of_b, CURLU_DEFAULT_PORT) == CURLUE_OK &&
	       strcasecmp(of_a, of_b) == 0;
}

bool url_same_origin(const char *a, const char *b)
{
	AUTO(curlu) CURLU *url_a = url_new();
	AUTO(curlu) CURLU *url_b = url_new();

	return curl_url_set(url_a, CURLUPART_URL, a, CURLU_URLENCODE) == CURLUE_OK &&
	       curl_url_set(url_b, CURLUPART_URL, b, CURLU_URLENCODE) == CURLUE_OK &&
	       same_part(url_a, url_b, CURLUPART_SCHEME) &&
	       same_part(url_a, url_b, CURLUPART_HOST) && same_part(url_a, url_b, CURLUPART_PORT);
}

char *url_host(const char *url)
{
	AUTO(curlu) CURLU *parsed = url_new();
	AUTO(curl_text) char *host = NULL;

	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_URLENCODE) != CURLUE_OK ||
		curl_url_get(parsed, CURLUPART_HOST, &host, 0) != CURLUE_OK)
		return NULL;
	size_t n = strlen(host);
	bool bracketed = host[0] == '[';
	char *out = bracketed ? xstrndup(host + 1, n - 2) : xstrdup(host);
	for (char *at = out; *at; at++)
		*at = (char)tolower((unsigned char)*at);
	return out;
}
