/* SPDX-License-Identifier: Apache-2.0 */
#include "api/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "api/problem.h"
#include "base/auto.h"
#include "base/host.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define DIGITS "0123456789"
#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER_HEX DIGITS "abcdef"
#define DIGEST_PREFIX "sha256:"

#define PORT_DIGITS_MAX 5
#define PORT_MAX 65535
#define BUCKET_MIN 3
#define BUCKET_MAX 63
#define TAG_MAX 128

static const struct {
	const char *scheme;
	enum image_protocol protocol;
} schemes[] = {
	{"http", PROTOCOL_HTTP},
	{"https", PROTOCOL_HTTPS},
	{"s3", PROTOCOL_S3},
	{"oci", PROTOCOL_OCI},
	{"docker", PROTOCOL_OCI},
	{"file", PROTOCOL_LOCAL_FS},
	{"local_fs", PROTOCOL_LOCAL_FS},
};

/* The length of the scheme before "://" at the start of uri, or 0 where it has none. */
static size_t scheme_length(const char *uri)
{
	size_t n = strspn(uri, LOWER UPPER DIGITS "+-._");

	return strncmp(uri + n, "://", 3) == 0 ? n : 0;
}

static int refuse_scheme(const char *uri, size_t n, struct err *err)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		if (strlen(schemes[i].scheme) == n && strncasecmp(schemes[i].scheme, uri, n) == 0)
			return err_set(err, ERR_INVALID,
				"must not begin with \"%s://\": leave it out and set protocol: %s",
				schemes[i].scheme, extension_protocol_name(schemes[i].protocol));
	}
	return err_set(err, ERR_INVALID,
		"must not begin with a scheme: leave out what stands before \"://\" and \"://\" "
		"itself, and set protocol");
}

static bool has_blank_or_control(const char *uri)
{
	for (const char *c = uri; *c; c++) {
		if ((unsigned char)*c <= ' ' || *c == 0x7F)
			return true;
	}
	return false;
}

int image_check_uri(const char *uri, struct err *err)
{
	size_t len = strlen(uri);
	size_t scheme = scheme_length(uri);

	if (len == 0)
		return err_set(err, ERR_INVALID, "must not be empty");
	if (len > LIMIT_URI_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes, not %zu",
			LIMIT_URI_BYTES, len);
	if (has_blank_or_control(uri))
		return err_set(err, ERR_INVALID, "must not hold blanks or control characters");
	if (scheme > 0)
		return refuse_scheme(uri, scheme, err);
	if (strchr(uri, '#'))
		return err_set(err, ERR_INVALID, "must not hold a fragment (\"#\")");
	return 0;
}

static int check_local(const char *uri, struct err *err)
{
	for (const char *part = uri; *part;) {
		size_t n = strcspn(part, "/");

		if (n == 2 && strncmp(part, "..", n) == 0)
			return err_set(err, ERR_INVALID, "must not hold a \"..\" part");
		part += n;
		part += strspn(part, "/");
	}
	return 0;
}

static bool is_port(const char *port, size_t n)
{
	return n > 0 && n <= PORT_DIGITS_MAX && strspn(port, DIGITS) >= n &&
	       strtol(port, NULL, 10) > 0 && strtol(port, NULL, 10) <= PORT_MAX;
}

/* Checks host[:port], the first n bytes of text, which another character or the end follows. */
static int check_authority(const char *text, size_t n, struct err *err)
{
	size_t host = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/?");
	struct in6_addr address;

	host = host < n ? host : n;
	if (!host_is_name(text, host) && !host_read_ipv6(&address, text, host))
		return err_set(err, ERR_INVALID, "has %s where a host name must stand",
			quote_bytes(text, host).text);
	if (host < n && (text[host] != ':' || !is_port(text + host + 1, n - host - 1)))
		return err_set(err, ERR_INVALID, "has %s where :port must stand, 1 to %d",
			quote_bytes(text + host, n - host).text, PORT_MAX);
	return 0;
}

static int check_http(const char *uri, struct err *err)
{
	size_t authority = strcspn(uri, "/?");

	if (check_authority(uri, authority, err) < 0)
		return -1;
	if (uri[authority] == '/')
		return 0;
	return err_set(err, ERR_INVALID,
		"must be host[:port]/path, as in foo.com/assets/filter.wasm: the path is missing");
}

static int check_s3(const char *uri, struct err *err)
{
	size_t bucket = strcspn(uri, "/");

	if (uri[bucket] == '\0' || uri[bucket + 1] == '\0')
		return err_set(err, ERR_INVALID,
			"must be bucket/key, as in my-bucket/path/to/filter.wasm");
	if (bucket < BUCKET_MIN || bucket > BUCKET_MAX || strspn(uri, LOWER DIGITS ".-") < bucket ||
		strchr(".-", uri[0]) || strchr(".-", uri[bucket - 1]))
		return err_set(err, ERR_INVALID,
			"has the bucket %s: must be %d to %d lower-case letters, digits, \".\" and "
			"\"-\", with a letter or digit at both ends",
			quote_bytes(uri, bucket).text, BUCKET_MIN, BUCKET_MAX);
	return 0;
}

/* Lower-case words with ".", "_", "__" or any number of "-" within, and "/" between. */
static bool is_repository(const char *text, size_t n)
{
	for (size_t at = 0;;) {
		size_t word = strspn(text + at, LOWER DIGITS);
		size_t gap = 1;

		at += word;
		if (word == 0 || at >= n)
			return word > 0;
		if (text[at] == '-')
			gap = strspn(text + at, "-");
		else if (strncmp(text + at, "__", 2) == 0)
			gap = 2;
		else if (!strchr("./_", text[at]))
			return false;
		at += gap;
	}
}

static bool is_tag(const char *tag)
{
	size_t n = strspn(tag, LOWER UPPER DIGITS "_.-");

	return n > 0 && n <= TAG_MAX && tag[n] == '\0' && !strchr(".-", tag[0]);
}

/* Checks repository[:tag], which stands behind the registry. */
static int check_repository(const char *text, struct err *err)
{
	size_t n = strcspn(text, ":");

	if (n == 0)
		return err_set(err, ERR_INVALID,
			"must be registry/repository[:tag]: the repository is missing");
	if (strcspn(text, UPPER) < n)
		return err_set(err, ERR_INVALID, "has the repository %s: must be lower-case",
			quote_bytes(text, n).text);
	if (!is_repository(text, n))
		return err_set(err, ERR_INVALID,
			"has the repository %s: must be words of letters and digits with \"/\", "
			"\".\", \"_\" or \"-\" between them",
			quote_bytes(text, n).text);
	if (text[n] == ':' && !is_tag(text + n + 1))
		return err_set(err, ERR_INVALID,
			"has the tag %s: must be at most %d letters, digits, \"_\", \".\" and "
			"\"-\", and begin with a letter, digit or \"_\"",
			quote_bytes(text + n + 1, strlen(text + n + 1)).text, TAG_MAX);
	return 0;
}

static bool names_registry(const char *text, size_t n)
{
	static const char localhost[] = "localhost";

	return memchr(text, '.', n) || memchr(text, ':', n) ||
	       (n == strlen(localhost) && strncmp(text, localhost, n) == 0);
}

/* Checks registry/repository[:tag]. */
static int check_reference(const char *text, struct err *err)
{
	size_t first = strcspn(text, "/");

	/* "filter:v1" is a repository of Docker Hub, as "foo/filter:v1" is. */
	if (text[first] == '\0' && !names_registry(text, strcspn(text, ":"))) {
		AUTO(free) char *full = xasprintf("docker.io/library/%s", text);

		return err_set(err, ERR_INVALID,
			"must begin with the registry: write %s if it is on Docker Hub",
			quote(full).text);
	}
	if (!names_registry(text, first)) {
		AUTO(free) char *full = xasprintf("docker.io/%s", text);

		return err_set(err, ERR_INVALID,
			"must begin with the registry: write %s if it is on Docker Hub",
			quote(full).text);
	}
	if (check_authority(text, first, err) < 0)
		return -1;
	return check_repository(text[first] ? text + first + 1 : "", err);
}

static bool is_pin(const char *text)
{
	size_t prefix = strlen(DIGEST_PREFIX);

	return strncmp(text, DIGEST_PREFIX, prefix) == 0 &&
	       strlen(text) == prefix + DIGEST_HEX_LEN &&
	       strspn(text + prefix, LOWER_HEX) == DIGEST_HEX_LEN;
}

static int check_oci(const char *uri, struct err *err)
{
	size_t n = strcspn(uri, "@");
	AUTO(free) char *reference = NULL;

	/* Not shown: it may be what stands behind a password. */
	if (uri[n] == '@' && !is_pin(uri + n + 1))
		return err_set(err, ERR_INVALID,
			"must have \"" DIGEST_PREFIX "\" and 64 lower-case hex digits, and nothing "
			"else, behind \"@\"; a user or password does not belong here");
	reference = xstrndup(uri, n);
	return check_reference(reference, err);
}

static int check_shape(enum image_protocol protocol, const char *uri, struct err *err)
{
	switch (protocol) {
	case PROTOCOL_LOCAL_FS:
		return check_local(uri, err);
	case PROTOCOL_HTTP:
	case PROTOCOL_HTTPS:
		return check_http(uri, err);
	case PROTOCOL_S3:
		return check_s3(uri, err);
	case PROTOCOL_OCI:
		return check_oci(uri, err);
	}
	return err_set(err, ERR_INVALID, "has no known protocol");
}

int image_check_protocol_uri(enum image_protocol protocol, const char *uri, struct err *err)
{
	struct err wrong;

	if (check_shape(protocol, uri, &wrong) == 0)
		return 0;
	/* "user:pa/ss@host" fails at "user:pa": what is wrong with it must not be shown. */
	if (protocol != PROTOCOL_OCI && protocol != PROTOCOL_LOCAL_FS && strchr(uri, '@'))
		return err_set(err, ERR_INVALID,
			"must not hold a user or password: leave out what stands before \"@\"");
	*err = wrong;
	return -1;
}

int image_parse_sha256(struct digest *out, const char *text, struct err *err)
{
	size_t len = strlen(text);

	if (strncmp(text, DIGEST_PREFIX, strlen(DIGEST_PREFIX)) == 0)
		return err_set(err, ERR_INVALID,
			"must be the %d hex digits alone: leave \"" DIGEST_PREFIX "\" out",
			DIGEST_HEX_LEN);
	if (len == 0)
		return err_set(err, ERR_INVALID,
			"must be %d hex digits, or left out where it is not known", DIGEST_HEX_LEN);
	if (len != DIGEST_HEX_LEN)
		return err_set(err, ERR_INVALID, "must be %d hex digits, not %zu characters",
			DIGEST_HEX_LEN, len);
	if (strspn(text, LOWER_HEX "ABCDEF") == len && strspn(text, LOWER_HEX) < len)
		return err_set(err, ERR_INVALID, "must be in lower case, not %s",
			quote_bytes(text, len).text);
	if (strspn(text, LOWER_HEX) < len)
		return err_set(err, ERR_INVALID, "must be hex digits, 0-9 and a-f, not %s",
			quote_bytes(text, len).text);
	return digest_parse(out, text, err);
}
