/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/pods.h"

#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define SCHEME "http://"
#define PORT_MOST 65535

void pods_clear(struct pods *pods)
{
	for (size_t i = 0; i < pods->n; i++)
		free(pods->urls[i]);
	free(pods->urls);
	*pods = (struct pods){0};
}

/* "host:port", taken apart; owned. */
struct place {
	char *host; /* without brackets */
	char *port;
};

static void auto_place(struct place *p)
{
	free(p->host);
	free(p->port);
}

static bool is_port(const char *text)
{
	size_t n = strlen(text);
	unsigned long port = strtoul(text, NULL, 10);

	return n > 0 && strspn(text, "0123456789") == n && port > 0 && port <= PORT_MOST;
}

static bool take_apart(struct place *out, const char *admin)
{
	const char *host = strncmp(admin, SCHEME, sizeof(SCHEME) - 1) == 0
				   ? admin + sizeof(SCHEME) - 1
				   : admin;
	const char *colon = strrchr(host, ':');
	size_t n = colon ? (size_t)(colon - host) : 0;
	struct in6_addr address;

	if (n == 0 || !is_port(colon + 1))
		return false;
	if (host[0] == '[' && !host_read_ipv6(&address, host, n))
		return false;
	if (host[0] != '[' && !host_is_name(host, n))
		return false;
	out->host = host[0] == '[' ? xstrndup(host + 1, n - 2) : xstrndup(host, n);
	out->port = xstrdup(colon + 1);
	return true;
}

static int parse(struct place *out, const char *admin, struct err *err)
{
	if (take_apart(out, admin))
		return 0;
	return err_set(
		err, ERR_INVALID, "xds admin address %s must be HOST:PORT", quote(admin).text);
}

int pods_check(const char *admin, struct err *err)
{
	AUTO(place) struct place place = {0};

	return parse(&place, admin, err);
}

static inline void auto_addrinfo(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static int add(struct pods *pods, const struct addrinfo *a, struct err *err)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];
	bool brackets = a->ai_family == AF_INET6;
	AUTO(free) char *url = NULL;
	int e = getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV);

	if (e != 0)
		return err_set(err, ERR_TRANSIENT, "an xds pod's address: %s", gai_strerror(e));
	url = xasprintf(SCHEME "%s%s%s:%s", brackets ? "[" : "", host, brackets ? "]" : "", port);
	for (size_t i = 0; i < pods->n; i++) {
		if (strcmp(pods->urls[i], url) == 0)
			return 0;
	}
	if (pods->n >= LIMIT_SURVEY_PODS)
		return err_set(
			err, ERR_TRANSIENT, "there are more than %d xds pods", LIMIT_SURVEY_PODS);
	pods->urls = xreallocarray(pods->urls, pods->n + 1, sizeof(*pods->urls));
	pods->urls[pods->n++] = STEAL(url);
	return 0;
}

static bool has_family(const struct addrinfo *list, int family)
{
	for (; list; list = list->ai_next) {
		if (list->ai_family == family)
			return true;
	}
	return false;
}

int pods_find(struct pods *pods, const char *admin, struct err *err)
{
	const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
	AUTO(place) struct place place = {0};
	AUTO(addrinfo) struct addrinfo *list = NULL;
	int family, e;

	if (parse(&place, admin, err) < 0)
		return -1;
	e = getaddrinfo(place.host, place.port, &hints, &list);
	if (e != 0)
		return err_set(err, ERR_TRANSIENT, "xds admin address %s: %s", quote(admin).text,
			gai_strerror(e));
	family = has_family(list, AF_INET) ? AF_INET : AF_INET6;
	for (const struct addrinfo *a = list; a; a = a->ai_next) {
		if (a->ai_family == family && add(pods, a, err) < 0)
			return -1;
	}
	return 0;
}
