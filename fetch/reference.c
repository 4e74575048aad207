/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/reference.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#define PORT_DIGITS_MAX 5
#define PORT_MAX 65535
#define TAG_MAX 128

static const char digest_prefix[] = "sha256:";
static const char docker_hub[] = "docker.io";
static const char docker_hub_server[] = "registry-1.docker.io";
static const char localhost[] = "localhost";

static bool is_port(const char *port)
{
	size_t n = strlen(port);

	return n > 0 && n <= PORT_DIGITS_MAX && strspn(port, DIGITS) == n &&
	       strtol(port, NULL, 10) > 0 && strtol(port, NULL, 10) <= PORT_MAX;
}

/* How many bytes of host[:port] are the host. */
static size_t host_length(const char *server)
{
	size_t n = strlen(server);
	size_t host = server[0] == '[' ? strcspn(server, "]") + 1 : strcspn(server, ":");

	return host < n ? host : n;
}

static int check_server(const char *server, struct err *err)
{
	size_t host = host_length(server);
	struct in6_addr address;

	if (!host_is_name(server, host) && !host_read_ipv6(&address, server, host))
		return err_set(err, ERR_INVALID, "the registry is %s where a host name must stand",
			quote_bytes(server, host).text);
	if (server[host] != '\0' && (server[host] != ':' || !is_port(server + host + 1)))
		return err_set(err, ERR_INVALID,
			"the registry has %s behind its host, where :port must stand, 1 to %d",
			quote(server + host).text, PORT_MAX);
	return 0;
}

/* Lower-case words with ".", "_", "__" or any number of "-" within, and "/" between. */
static bool is_repository(const char *text)
{
	for (const char *at = text;;) {
		size_t word = strspn(at, LOWER DIGITS);

		at += word;
		if (word == 0 || *at == '\0')
			return word > 0;
		if (*at == '-')
			at += strspn(at, "-");
		else if (strncmp(at, "__", 2) == 0)
			at += 2;
		else if (strchr("./_", *at))
			at++;
		else
			return false;
	}
}

static bool is_tag(const char *tag)
{
	size_t n = strspn(tag, LOWER UPPER DIGITS "_.-");

	return n > 0 && n <= TAG_MAX && tag[n] == '\0' && !strchr(".-", tag[0]);
}

static int check_repository(const char *repository, struct err *err)
{
	if (repository[0] == '\0')
		return err_set(err, ERR_INVALID,
			"must be registry/repository[:tag]: the repository is missing");
	if (!is_repository(repository))
		return err_set(err, ERR_INVALID,
			"the repository is %s: must be lower-case words of letters and digits with "
			"\"/\", \".\", \"_\" or \"-\" between them",
			quote(repository).text);
	return 0;
}

static int check_tag(const char *tag, struct err *err)
{
	if (!is_tag(tag))
		return err_set(err, ERR_INVALID,
			"the tag is %s: must be at most %d letters, digits, \"_\", \".\" and "
			"\"-\", and begin with a letter, digit or \"_\"",
			quote(tag).text, TAG_MAX);
	return 0;
}

static bool names_registry(const char *text, size_t n)
{
	return memchr(text, '.', n) || memchr(text, ':', n) ||
	       (n == strlen(localhost) && strncmp(text, localhost, n) == 0);
}

/* "filter:v1" and "foo/filter:v1" are repositories of Docker Hub to other programs. */
static int check_full(const char *text, struct err *err)
{
	size_t first = strcspn(text, "/");
	bool bare = text[first] == '\0';

	if (names_registry(text, bare ? strcspn(text, ":") : first))
		return 0;

	AUTO(free) char *full = xasprintf("%s/%s%s", docker_hub, bare ? "library/" : "", text);

	return err_set(err, ERR_INVALID,
		"must begin with the registry: write %s if it is on Docker Hub", quote(full).text);
}

static void make_lower(char *text)
{
	for (; *text; text++)
		*text = (char)tolower((unsigned char)*text);
}

/* Docker Hub's own names live below library/. */
static void set_repository(struct reference *r, char *repository)
{
	bool bare = strcmp(r->registry, docker_hub) == 0 && !strchr(repository, '/');

	r->repository = bare ? xasprintf("library/%s", repository) : xstrdup(repository);
}

/* Reads registry/repository[:tag]; text is taken apart. */
static int read_name(struct reference *r, char *text, struct err *err)
{
	char *slash = strchr(text, '/');
	char *repository = slash ? slash + 1 : strchr(text, '\0');
	char *colon = strchr(repository, ':');

	if (check_full(text, err) < 0)
		return -1;
	if (slash)
		*slash = '\0';
	if (colon)
		*colon = '\0';
	if (check_server(text, err) < 0 || check_repository(repository, err) < 0)
		return -1;
	if (colon && check_tag(colon + 1, err) < 0)
		return -1;
	make_lower(text);
	r->registry = xstrdup(text);
	set_repository(r, repository);
	r->tag = colon ? xstrdup(colon + 1) : NULL;
	return 0;
}

static bool has_blank_or_control(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text <= ' ' || *text == 0x7F)
			return true;
	}
	return false;
}

static int check_text(const char *text, struct err *err)
{
	if (strnlen(text, LIMIT_URI_BYTES + 1) > LIMIT_URI_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes", LIMIT_URI_BYTES);
	if (has_blank_or_control(text))
		return err_set(err, ERR_INVALID, "must not hold blanks or control characters");
	if (strstr(text, "://"))
		return err_set(err, ERR_INVALID,
			"must not hold \"://\": it begins with the registry, without a scheme");
	return 0;
}

/* Reads what stands behind "@".  Not shown: it may be what stands behind a password. */
static int read_digest(struct reference *r, const char *text, struct err *err)
{
	size_t prefix = strlen(digest_prefix);
	struct err unused;

	if (strncmp(text, digest_prefix, prefix) != 0 ||
		digest_parse(&r->digest, text + prefix, &unused) < 0)
		return err_set(err, ERR_INVALID,
			"must have \"%s\" and %d lower-case hex digits, and nothing else, behind "
			"\"@\"; a user or password does not belong here",
			digest_prefix, DIGEST_HEX_LEN);
	return 0;
}

int reference_parse(struct reference *out, const char *text, struct err *err)
{
	AUTO(reference) struct reference r = {.registry = NULL};
	AUTO(free) char *name = NULL;

	if (check_text(text, err) < 0)
		return -1;
	name = xstrdup(text);
	char *at = strchr(name, '@');
	if (at && read_digest(&r, at + 1, err) < 0)
		return -1;
	if (at)
		*at = '\0';
	if (read_name(&r, name, err) < 0)
		return -1;
	if (!r.tag && !digest_is_set(&r.digest))
		r.tag = xstrdup("latest");
	*out = r;
	r = (struct reference){.registry = NULL};
	return 0;
}

void reference_clear(struct reference *r)
{
	free(r->registry);
	free(r->repository);
	free(r->tag);
	*r = (struct reference){.registry = NULL};
}

const char *reference_server(const struct reference *r)
{
	return strcmp(r->registry, docker_hub) == 0 ? docker_hub_server : r->registry;
}

char *reference_version(const struct reference *r)
{
	if (digest_is_set(&r->digest))
		return xasprintf("%s%s", digest_prefix, r->digest.hex);
	return xstrdup(r->tag);
}

bool reference_is_loopback(const char *server)
{
	size_t n = host_length(server);
	AUTO(free) char *host = xstrndup(server, n);
	struct in6_addr ipv6;
	struct in_addr ipv4;

	if (strcmp(host, localhost) == 0)
		return true;
	if (host_read_ipv6(&ipv6, host, n))
		return IN6_IS_ADDR_LOOPBACK(&ipv6);
	return inet_pton(AF_INET, host, &ipv4) == 1 && ntohl(ipv4.s_addr) >> 24 == IN_LOOPBACKNET;
}
