/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_endpoint.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define REGION_MAX 32

static inline void auto_curlu(CURLU **url)
{
	curl_url_cleanup(*url);
}

static inline void auto_curl_text(char **text)
{
	curl_free(*text);
}

const char *aws_suffix(const char *region)
{
	static const struct {
		const char *prefix;
		const char *suffix;
	} partitions[] = {
		{"cn-", "amazonaws.com.cn"},
		{"us-iso-", "c2s.ic.gov"},
		{"us-isob-", "sc2s.sgov.gov"},
		{"eu-isoe-", "cloud.adc-e.uk"},
		{"us-isof-", "csp.hci.ic.gov"},
		{"eusc-", "amazonaws.eu"},
	};

	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
		const char *prefix = partitions[i].prefix;

		if (strncmp(region, prefix, strlen(prefix)) == 0)
			return partitions[i].suffix;
	}
	return "amazonaws.com";
}

bool aws_is_region(const char *text)
{
	size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n > 0 && n <= REGION_MAX && text[n] == '\0' && text[0] != '-' && text[n - 1] != '-';
}

void aws_endpoint_of_region(struct aws_endpoint *out, const char *host, const char *region)
{
	*out = (struct aws_endpoint){
		.host = xasprintf("%s.%s.%s", host, region, aws_suffix(region)),
		.path = xstrdup(""),
		.https = true,
	};
	out->origin = xasprintf("https://%s", out->host);
}

/* Returns a part of the URL, or NULL where it has none; the caller gives it to curl_free(). */
static char *part(CURLU *url, CURLUPart which)
{
	char *text = NULL;

	return curl_url_get(url, which, &text, CURLU_NO_DEFAULT_PORT) == CURLUE_OK ? text : NULL;
}

/* "[fd00:ec2::254]" without its brackets. */
static char *bare_host(const char *host)
{
	size_t n = strlen(host);

	return host[0] == '[' && n > 2 ? xstrndup(host + 1, n - 2) : xstrdup(host);
}

static void judge_host(struct aws_endpoint *out, const char *host)
{
	AUTO(free) char *bare = bare_host(host);
	struct err ignored;

	out->localhost = strcasecmp(bare, "localhost") == 0;
	out->literal = cidr_parse(&out->address, bare, &ignored) == 0;
}

bool aws_endpoint_is_loopback(const struct aws_endpoint *endpoint)
{
	static const uint8_t one[16] = {[15] = 1};
	const struct cidr *address = &endpoint->address;

	if (!endpoint->literal)
		return endpoint->localhost;
	return address->v4 ? address->bytes[0] == 127
			   : memcmp(address->bytes, one, sizeof(one)) == 0;
}

static bool has_more(CURLU *url)
{
	static const CURLUPart unwanted[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY,
		CURLUPART_FRAGMENT, CURLUPART_ZONEID};

	for (size_t i = 0; i < sizeof(unwanted) / sizeof(unwanted[0]); i++) {
		AUTO(curl_text) char *text = part(url, unwanted[i]);

		if (text)
			return true;
	}
	return false;
}

static void fill(struct aws_endpoint *out, CURLU *url, const char *scheme, const char *host)
{
	AUTO(curl_text) char *port = part(url, CURLUPART_PORT);
	AUTO(curl_text) char *path = part(url, CURLUPART_PATH);
	size_t n = path ? strlen(path) : 0;

	while (n > 0 && path[n - 1] == '/')
		n--;
	*out = (struct aws_endpoint){
		.host = xasprintf("%s%s%s", host, port ? ":" : "", port ? port : ""),
		.path = xstrndup(path ? path : "", n),
		.https = strcmp(scheme, "https") == 0,
	};
	out->origin = xasprintf("%s://%s", scheme, out->host);
	judge_host(out, host);
}

int aws_endpoint_parse(struct aws_endpoint *out, const char *url, const char *what, struct err *err)
{
	AUTO(curlu) CURLU *parsed = curl_url();
	AUTO(curl_text) char *scheme = NULL;
	AUTO(curl_text) char *host = NULL;

	if (parsed && strlen(url) <= LIMIT_URI_BYTES &&
		curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK) {
		scheme = part(parsed, CURLUPART_SCHEME);
		host = part(parsed, CURLUPART_HOST);
	}
	if (!scheme || !host || (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0) ||
		has_more(parsed))
		return err_set(err, ERR_INVALID,
			"%s: must be https://HOST or http://HOST, with :PORT and /PATH where "
			"wanted, and no user or query",
			what);
	fill(out, parsed, scheme, host);
	return 0;
}

const struct guard *aws_endpoint_guard(const struct aws_endpoint *endpoint, struct guard *guard)
{
	if (!endpoint->localhost && !endpoint->literal)
		return NULL;
	*guard = (struct guard){.allow_loopback = endpoint->localhost};
	if (endpoint->literal) {
		guard->allow = &endpoint->address;
		guard->n_allow = 1;
	}
	return guard;
}

void aws_endpoint_copy(struct aws_endpoint *out, const struct aws_endpoint *from)
{
	*out = *from;
	out->origin = xstrdup(from->origin);
	out->host = xstrdup(from->host);
	out->path = xstrdup(from->path);
}

void aws_endpoint_clear(struct aws_endpoint *endpoint)
{
	free(endpoint->origin);
	free(endpoint->host);
	free(endpoint->path);
	*endpoint = (struct aws_endpoint){0};
}
