/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/realm.h"

#include <arpa/inet.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/url.h"

/* Domains below which each name can be another customer's.  No such list is complete, and none need
 * be: a registry that wants its users' passwords can ask for them itself. */
static const char *const shared_domains[] = {
	"amazonaws.com",
	"azure.com",
	"azurecr.io",
	"jfrog.io",
	"run.app",
};

static inline void auto_curlu(CURLU **url)
{
	curl_url_cleanup(*url);
}

static inline void auto_curl_text(char **text)
{
	curl_free(*text);
}

static bool is_address(const char *host)
{
	struct in6_addr unused;

	return inet_pton(AF_INET, host, &unused) == 1 || inet_pton(AF_INET6, host, &unused) == 1;
}

static bool is_domain_or_below(const char *host, const char *domain)
{
	size_t n = strlen(host);
	size_t tail = strlen(domain);

	if (n < tail || strcmp(host + n - tail, domain) != 0)
		return false;
	return n == tail || host[n - tail - 1] == '.';
}

/* "co.uk" and "com.au" have no owner. */
#define SHORT_LABEL 3
#define COUNTRY 2

/* Returns whether domain, of two labels or more, is one that anybody can have names below. */
static bool is_shared(const char *domain)
{
	const char *dot = strchr(domain, '.');

	for (size_t i = 0; i < sizeof(shared_domains) / sizeof(shared_domains[0]); i++) {
		if (is_domain_or_below(domain, shared_domains[i]))
			return true;
	}
	return !strchr(dot + 1, '.') && strlen(dot + 1) == COUNTRY && dot - domain <= SHORT_LABEL;
}

/* Returns whether realm is the parent domain of registry or below it; both are host names. */
static bool is_related(const char *registry, const char *realm)
{
	const char *dot = strchr(registry, '.');

	if (!dot || !strchr(dot + 1, '.') || is_shared(dot + 1))
		return false;
	return is_domain_or_below(realm, dot + 1);
}

bool realm_is_trusted(const char *registry, const char *realm)
{
	AUTO(free) char *registry_url = xasprintf("https://%s/", registry);
	AUTO(free) char *from = url_host(registry_url);
	AUTO(free) char *to = url_host(realm);

	if (!from || !to)
		return false;
	if (strcmp(from, to) == 0)
		return true;
	if (is_address(from) || is_address(to))
		return false;
	return is_related(from, to);
}

static bool has_part(CURLU *url, CURLUPart part)
{
	AUTO(curl_text) char *text = NULL;

	return curl_url_get(url, part, &text, 0) == CURLUE_OK;
}

int realm_check(const char *realm, bool plain, struct err *err)
{
	AUTO(curlu) CURLU *url = curl_url();
	AUTO(curl_text) char *scheme = NULL;

	if (!url)
		abort(); /* out of memory, as in base/xalloc.h */
	if (strnlen(realm, LIMIT_REALM_BYTES + 1) > LIMIT_REALM_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes", LIMIT_REALM_BYTES);
	if (curl_url_set(url, CURLUPART_URL, realm, CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "must be a whole URL");
	if (strcmp(scheme, "https") != 0 && strcmp(scheme, "http") != 0)
		return err_set(err, ERR_INVALID,
			"must be an https URL: its scheme is neither http nor https");
	if (has_part(url, CURLUPART_USER) || has_part(url, CURLUPART_PASSWORD))
		return err_set(err, ERR_INVALID, "must not hold a user");
	if (has_part(url, CURLUPART_FRAGMENT))
		return err_set(err, ERR_INVALID, "must not hold a fragment (\"#\")");
	if (strcmp(scheme, "http") == 0 && !plain)
		return err_set(err, ERR_DENIED,
			"must be an https URL, since the registry is not spoken to by plain http");
	return 0;
}
