/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/sigv4.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define HASH_BYTES ((size_t)DIGEST_HEX_LEN / 2)
#define DAY_LEN 8 /* of a date: 20150830 */

/* A header or a query parameter in its canonical form. */
struct pair {
	struct buf name;  /* owned */
	struct buf value; /* owned */
	size_t at;        /* where it stood among the others */
};

struct pairs {
	struct pair *items; /* owned */
	size_t n;
};

static void auto_pairs(struct pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_clear(&p->items[i].name);
		buf_clear(&p->items[i].value);
	}
	free(p->items);
}

static int pairs_init(struct pairs *p, size_t n, const char *what, struct err *err)
{
	if (n > LIMIT_SIGV4_FIELDS)
		return err_set(err, ERR_INVALID, "%zu %s to sign: must be at most %d", n, what,
			LIMIT_SIGV4_FIELDS);
	p->items = xcalloc(n + 1, sizeof(*p->items));
	p->n = n;
	for (size_t i = 0; i < n; i++) {
		buf_init(&p->items[i].name, LIMIT_SIGV4_BYTES);
		buf_init(&p->items[i].value, LIMIT_SIGV4_BYTES);
		p->items[i].at = i;
	}
	return 0;
}

/* Parameters: by name, then by value. */
static int compare_parameters(const void *a, const void *b)
{
	const struct pair *x = a;
	const struct pair *y = b;
	int names = strcmp(buf_text(&x->name), buf_text(&y->name));

	return names != 0 ? names : strcmp(buf_text(&x->value), buf_text(&y->value));
}

/* Headers: by name; those of one name stay as they stood. */
static int compare_headers(const void *a, const void *b)
{
	const struct pair *x = a;
	const struct pair *y = b;
	int names = strcmp(buf_text(&x->name), buf_text(&y->name));

	return names != 0 ? names : (x->at > y->at) - (x->at < y->at);
}

static void pairs_sort(struct pairs *p, int (*compare)(const void *a, const void *b))
{
	if (p->n > 1 && p->items)
		qsort(p->items, p->n, sizeof(*p->items), compare);
}

void sigv4_date(char date[SIGV4_DATE_LEN + 1], time_t now)
{
	struct tm utc;

	date[0] = '\0';
	if (gmtime_r(&now, &utc))
		(void)strftime(date, SIGV4_DATE_LEN + 1, "%Y%m%dT%H%M%SZ", &utc);
}

static int encode_byte(struct buf *out, unsigned char c, bool slash, struct err *err)
{
	static const char digits[] = "0123456789ABCDEF";
	bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

	if (letter || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~' ||
		(c == '/' && slash))
		return buf_append(out, &c, 1, err);

	const char escape[] = {'%', digits[c >> 4], digits[c & 0xF]};

	return buf_append(out, escape, sizeof(escape), err);
}

int sigv4_encode(struct buf *out, const char *text, bool slash, struct err *err)
{
	for (; *text; text++) {
		if (encode_byte(out, (unsigned char)*text, slash, err) < 0)
			return -1;
	}
	return 0;
}

/* Returns the value of the hex digit c, or -1. */
static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *at = c ? strchr(digits, c) : NULL;
	int value = at ? (int)(at - digits) : -1;

	return value < 16 ? value : value - 6;
}

/* Appends n bytes encoded exactly once, whether or not they were so before. */
static int encode_once(struct buf *out, const char *text, size_t n, bool slash, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c == '%' && n - i > 2 && hex_value(text[i + 1]) >= 0 &&
			hex_value(text[i + 2]) >= 0) {
			c = (unsigned char)(hex_value(text[i + 1]) * 16 + hex_value(text[i + 2]));
			i += 2;
		}
		if (encode_byte(out, c, slash, err) < 0)
			return -1;
	}
	return 0;
}

static bool is_text(const char *at, size_t n, const char *text)
{
	return strlen(text) == n && memcmp(at, text, n) == 0;
}

static void drop_last_segment(struct buf *path)
{
	while (path->len > 0 && path->data[--path->len] != '/')
		;
	if (path->data)
		path->data[path->len] = '\0';
}

/* Appends path to out, which is empty, without empty, "." and ".." segments. */
static int normalize_path(struct buf *out, const char *path, struct err *err)
{
	bool folder = true;

	while (*path) {
		path += strspn(path, "/");
		size_t n = strcspn(path, "/");
		bool up = is_text(path, n, "..");

		folder = up || n == 0 || is_text(path, n, ".");
		if (up)
			drop_last_segment(out);
		if (!folder &&
			(buf_append(out, "/", 1, err) < 0 || buf_append(out, path, n, err) < 0))
			return -1;
		path += n;
	}
	return folder ? buf_append(out, "/", 1, err) : 0;
}

static int append_path(struct buf *out, const struct sigv4_request *request, struct err *err)
{
	AUTO(buf) struct buf normal = BUF_INIT(LIMIT_SIGV4_BYTES);
	const char *path = request->path[0] ? request->path : "/";

	if (request->path_rule == SIGV4_PATH_LITERAL)
		return encode_once(out, path, strlen(path), true, err);
	if (normalize_path(&normal, path, err) < 0)
		return -1;
	return sigv4_encode(out, buf_text(&normal), true, err);
}

static int read_parameter(struct pair *out, const char *text, size_t n, struct err *err)
{
	const char *equals = memchr(text, '=', n);
	size_t name = equals ? (size_t)(equals - text) : n;

	if (encode_once(&out->name, text, name, false, err) < 0)
		return -1;
	if (!equals)
		return 0;
	return encode_once(&out->value, equals + 1, n - name - 1, false, err);
}

static int append_query(struct buf *out, const char *query, struct err *err)
{
	AUTO(pairs) struct pairs parameters = {0};
	size_t n = query[0] ? 1 : 0;

	for (const char *at = query; *at; at++)
		n += *at == '&';
	if (pairs_init(&parameters, n, "query parameters", err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(query, "&");

		if (read_parameter(&parameters.items[i], query, len, err) < 0)
			return -1;
		query += query[len] ? len + 1 : len;
	}
	pairs_sort(&parameters, compare_parameters);
	for (size_t i = 0; i < n; i++) {
		const struct pair *p = &parameters.items[i];

		if (buf_printf(out, err, "%s%s=%s", i > 0 ? "&" : "", buf_text(&p->name),
			    buf_text(&p->value)) < 0)
			return -1;
	}
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static int append_lower(struct buf *out, const char *name, struct err *err)
{
	for (; *name; name++) {
		unsigned char c = (unsigned char)*name;

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		if (buf_append(out, &c, 1, err) < 0)
			return -1;
	}
	return 0;
}

/* Appends value with no space at its ends and single ones between. */
static int append_trimmed(struct buf *out, const char *value, struct err *err)
{
	bool first = true;

	while (is_space(*value))
		value++;
	while (*value) {
		size_t n = 0;

		while (value[n] && !is_space(value[n]))
			n++;
		if ((!first && buf_append(out, " ", 1, err) < 0) ||
			buf_append(out, value, n, err) < 0)
			return -1;
		first = false;
		for (value += n; is_space(*value); value++)
			;
	}
	return 0;
}

static int read_headers(struct pairs *out, const struct sigv4_request *request, struct err *err)
{
	if (pairs_init(out, request->n_fields, "headers", err) < 0)
		return -1;
	for (size_t i = 0; i < out->n; i++) {
		struct pair *p = &out->items[i];

		if (append_lower(&p->name, request->fields[i].name, err) < 0 ||
			append_trimmed(&p->value, request->fields[i].value, err) < 0)
			return -1;
	}
	pairs_sort(out, compare_headers);
	return 0;
}

/* Whether the header at i goes on where the one before it left off. */
static bool same_name(const struct pairs *headers, size_t i)
{
	return i > 0 && strcmp(buf_text(&headers->items[i - 1].name),
				buf_text(&headers->items[i].name)) == 0;
}

static int append_headers(struct buf *out, const struct pairs *headers, struct err *err)
{
	for (size_t i = 0; i < headers->n; i++) {
		const char *value = buf_text(&headers->items[i].value);
		bool more = i + 1 < headers->n && same_name(headers, i + 1);

		if (!same_name(headers, i) &&
			buf_printf(out, err, "%s:", buf_text(&headers->items[i].name)) < 0)
			return -1;
		if (buf_printf(out, err, "%s%s", value, more ? "," : "\n") < 0)
			return -1;
	}
	return 0;
}

static int append_names(struct buf *out, const struct pairs *headers, struct err *err)
{
	for (size_t i = 0; i < headers->n; i++) {
		if (!same_name(headers, i) && buf_printf(out, err, "%s%s", i > 0 ? ";" : "",
						      buf_text(&headers->items[i].name)) < 0)
			return -1;
	}
	return 0;
}

int sigv4_canonical_request(struct buf *out, const struct sigv4_request *request, struct err *err)
{
	AUTO(pairs) struct pairs headers = {0};

	if (read_headers(&headers, request, err) < 0)
		return -1;
	if (buf_printf(out, err, "%s\n", request->method) < 0 ||
		append_path(out, request, err) < 0 || buf_append(out, "\n", 1, err) < 0 ||
		append_query(out, request->query, err) < 0 || buf_append(out, "\n", 1, err) < 0)
		return -1;
	if (append_headers(out, &headers, err) < 0 || buf_append(out, "\n", 1, err) < 0 ||
		append_names(out, &headers, err) < 0)
		return -1;
	return buf_printf(out, err, "\n%s", request->payload);
}

int sigv4_string_to_sign(struct buf *out, const struct sigv4_scope *scope,
	const char *canonical_request, struct err *err)
{
	struct digest digest;

	digest_of(&digest, canonical_request, strlen(canonical_request));
	return buf_printf(out, err, "AWS4-HMAC-SHA256\n%s\n%.*s/%s/%s/aws4_request\n%s",
		scope->date, DAY_LEN, scope->date, scope->region, scope->service, digest.hex);
}

/* Replaces key by the HMAC of text under it. */
static int derive(uint8_t key[HASH_BYTES], const char *text, size_t n, struct err *err)
{
	uint8_t next[HASH_BYTES];
	int rc = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key, HASH_BYTES, text, n, next);

	if (rc < 0)
		return err_set(err, ERR_INVALID, "hmac-sha256: %s", gnutls_strerror(rc));
	memcpy(key, next, HASH_BYTES);
	explicit_bzero(next, sizeof(next));
	return 0;
}

static int derive_key(uint8_t key[HASH_BYTES], const struct sigv4_scope *scope, const char *secret,
	struct err *err)
{
	static const char terminator[] = "aws4_request";
	char *first = xasprintf("AWS4%s", secret);
	int rc = gnutls_hmac_fast(
		GNUTLS_MAC_SHA256, first, strlen(first), scope->date, DAY_LEN, key);

	explicit_bzero(first, strlen(first));
	free(first);
	if (rc < 0)
		return err_set(err, ERR_INVALID, "hmac-sha256: %s", gnutls_strerror(rc));
	if (derive(key, scope->region, strlen(scope->region), err) < 0 ||
		derive(key, scope->service, strlen(scope->service), err) < 0)
		return -1;
	return derive(key, terminator, strlen(terminator), err);
}

int sigv4_signature(struct digest *out, const struct sigv4_scope *scope, const char *secret,
	const char *string_to_sign, struct err *err)
{
	uint8_t key[HASH_BYTES];

	if (strlen(secret) > LIMIT_SIGV4_BYTES)
		return err_set(err, ERR_INVALID,
			"a secret access key of %zu bytes: must be at "
			"most %lu",
			strlen(secret), LIMIT_SIGV4_BYTES);
	if (derive_key(key, scope, secret, err) < 0 ||
		derive(key, string_to_sign, strlen(string_to_sign), err) < 0)
		return -1;
	for (size_t i = 0; i < HASH_BYTES; i++)
		(void)snprintf(out->hex + 2 * i, 3, "%02x", key[i]);
	return 0;
}

int sigv4_authorization(struct buf *out, const struct sigv4_request *request,
	const struct sigv4_scope *scope, const struct sigv4_key *key, struct err *err)
{
	AUTO(buf) struct buf canonical = BUF_INIT(LIMIT_SIGV4_BYTES);
	AUTO(buf) struct buf string = BUF_INIT(LIMIT_SIGV4_BYTES);
	AUTO(pairs) struct pairs headers = {0};
	struct digest signature;

	if (sigv4_canonical_request(&canonical, request, err) < 0 ||
		sigv4_string_to_sign(&string, scope, buf_text(&canonical), err) < 0 ||
		sigv4_signature(&signature, scope, key->secret, buf_text(&string), err) < 0 ||
		read_headers(&headers, request, err) < 0)
		return -1;
	if (buf_printf(out, err,
		    "AWS4-HMAC-SHA256 Credential=%s/%.*s/%s/%s/aws4_request, SignedHeaders=",
		    key->id, DAY_LEN, scope->date, scope->region, scope->service) < 0 ||
		append_names(out, &headers, err) < 0)
		return -1;
	return buf_printf(out, err, ", Signature=%s", signature.hex);
}
