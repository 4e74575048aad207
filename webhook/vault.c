/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/vault.h"

#include <stdlib.h>
#include <string.h>

#include "api/base64.h"
#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/xalloc.h"

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void vault_clear(struct vault *v)
{
	authority_bundle_clear(&v->bundle);
	free_secret(v->ca_key);
	free_secret(v->next_key);
	keypair_clear(&v->leaf);
	*v = (struct vault){.ca_key = NULL};
}

/* Returns the text under key of data; the caller frees it. */
static char *read_text(const cJSON *data, const char *key, struct err *err)
{
	const char *encoded = json_text(data, key);
	size_t n = 0;
	char *text = NULL;

	if (!encoded) {
		(void)err_set(err, ERR_INVALID, "data[\"%s\"] is not there", key);
		return NULL;
	}
	text = base64_decode(encoded, &n, err);
	if (!text)
		(void)err_wrap(err, "data[\"%s\"]", key);
	return text;
}

static int read_parts(struct vault *v, const cJSON *data, struct err *err)
{
	AUTO(free) char *bundle = read_text(data, "ca.crt", err);

	if (!bundle || authority_split(&v->bundle, bundle, err) < 0)
		return err_wrap(err, "ca.crt");
	v->ca_key = read_text(data, "ca.key", err);
	if (!v->ca_key)
		return -1;
	v->leaf.certificate = read_text(data, "tls.crt", err);
	if (!v->leaf.certificate)
		return -1;
	v->leaf.key = read_text(data, "tls.key", err);
	if (!v->leaf.key)
		return -1;
	v->next_key = read_text(data, "next-ca.key", err);
	return v->next_key ? 0 : -1;
}

/* Keys that are not those of their certificates could sign nothing that is trusted. */
static int check_parts(struct vault *v, struct err *err)
{
	if (v->next_key && v->next_key[0] == '\0') {
		free(v->next_key);
		v->next_key = NULL;
	}
	if (!authority_fits(v->bundle.items[0], v->ca_key))
		return err_set(err, ERR_INVALID, "ca.key is not the key of ca.crt's first");
	if (v->next_key && (v->bundle.n < 2 || !authority_fits(v->bundle.items[1], v->next_key)))
		return err_set(err, ERR_INVALID, "next-ca.key is not the key of ca.crt's second");
	return 0;
}

int vault_read(struct vault *out, const char *json, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *secret = json_parse(json, n, err);
	AUTO(vault) struct vault v = {.ca_key = NULL};

	if (!secret || read_parts(&v, cJSON_GetObjectItemCaseSensitive(secret, "data"), err) < 0 ||
		check_parts(&v, err) < 0)
		return -1;
	*out = v;
	v = (struct vault){.ca_key = NULL};
	return 0;
}

static int print_text(
	struct buf *out, const char *before, const char *key, const char *text, struct err *err)
{
	char *encoded = base64_encode(text, strlen(text));
	int rc = buf_printf(out, err, "%s\"%s\":\"%s\"", before, key, encoded);

	free_secret(encoded);
	return rc;
}

char *vault_bundle(const struct vault *v)
{
	char *text = xstrdup("");

	for (size_t i = 0; i < v->bundle.n; i++) {
		char *more = xasprintf("%s%s", text, v->bundle.items[i]);

		free(text);
		text = more;
	}
	return text;
}

int vault_print(struct buf *out, const struct vault *v, struct err *err)
{
	AUTO(free) char *bundle = vault_bundle(v);

	if (print_text(out, "\"data\":{", "tls.crt", v->leaf.certificate, err) < 0 ||
		print_text(out, ",", "tls.key", v->leaf.key, err) < 0 ||
		print_text(out, ",", "ca.crt", bundle, err) < 0 ||
		print_text(out, ",", "ca.key", v->ca_key, err) < 0 ||
		print_text(out, ",", "next-ca.key", v->next_key ? v->next_key : "", err) < 0)
		return -1;
	return buf_append(out, "}", 1, err);
}

struct rotation_facts vault_facts(const struct vault *v, const struct authority_names *names)
{
	struct rotation_facts facts = {.is_sound = v->bundle.n > 0};

	if (!facts.is_sound)
		return facts;
	facts.ca_until = v->bundle.until[0];
	facts.has_next = v->next_key != NULL;
	facts.next_until = facts.has_next ? v->bundle.until[1] : 0;
	facts.first_until = facts.ca_until;
	for (size_t i = 1; i < v->bundle.n; i++) {
		if (v->bundle.until[i] < facts.first_until)
			facts.first_until = v->bundle.until[i];
	}
	facts.leaf_until = authority_leaf_until(v->leaf.certificate, v->bundle.items[0], names);
	facts.leaf_fits = facts.leaf_until > 0 && authority_fits(v->leaf.certificate, v->leaf.key);
	return facts;
}

static void remove_authority(struct vault *v, size_t at)
{
	struct authority_bundle *b = &v->bundle;

	free(b->items[at]);
	b->n--;
	memmove(b->items + at, b->items + at + 1, (b->n - at) * sizeof(*b->items));
	memmove(b->until + at, b->until + at + 1, (b->n - at) * sizeof(*b->until));
}

/* Puts an authority into the bundle; where that is full, the last one goes, which is the oldest. */
static void insert_authority(struct vault *v, size_t at, char *certificate, int64_t until)
{
	struct authority_bundle *b = &v->bundle;

	if (b->n == AUTHORITY_BUNDLE)
		remove_authority(v, b->n - 1);
	memmove(b->items + at + 1, b->items + at, (b->n - at) * sizeof(*b->items));
	memmove(b->until + at + 1, b->until + at, (b->n - at) * sizeof(*b->until));
	b->items[at] = certificate;
	b->until[at] = until;
	b->n++;
}

static void drop_expired(struct vault *v, int64_t now)
{
	for (size_t i = v->bundle.n; i-- > 1;) {
		bool is_next = i == 1 && v->next_key;

		if (now < v->bundle.until[i])
			continue;
		if (is_next) {
			free_secret(v->next_key);
			v->next_key = NULL;
		}
		remove_authority(v, i);
	}
}

static int renew_leaf(struct vault *v, const char *ca_certificate, const char *ca_key,
	const struct vault_terms *terms, struct err *err)
{
	/* Lent for the call, and not released here. */
	AUTO(free) char *certificate = xstrdup(ca_certificate);
	AUTO(free) char *key = xstrdup(ca_key);
	const struct keypair ca = {.certificate = certificate, .key = key};
	struct keypair leaf = {.certificate = NULL};
	int rc = authority_sign(&leaf, &ca, terms->names, terms->now, terms->policy->leaf_s, err);

	explicit_bzero(key, strlen(key));
	if (rc < 0)
		return -1;
	keypair_clear(&v->leaf);
	v->leaf = leaf;
	return 0;
}

static int add_next(struct vault *v, const struct vault_terms *terms, struct err *err)
{
	struct keypair ca = {.certificate = NULL};

	if (authority_make(&ca, terms->now, terms->policy->ca_s, err) < 0)
		return -1;
	insert_authority(v, 1, ca.certificate, terms->now + terms->policy->ca_s);
	v->next_key = ca.key;
	return 0;
}

/* The next authority becomes the one that signs; the one before stays behind it. */
static int promote(struct vault *v, const struct vault_terms *terms, struct err *err)
{
	struct authority_bundle *b = &v->bundle;
	char *certificate = b->items[0];
	int64_t until = b->until[0];

	if (renew_leaf(v, b->items[1], v->next_key, terms, err) < 0)
		return -1;
	b->items[0] = b->items[1];
	b->until[0] = b->until[1];
	b->items[1] = certificate;
	b->until[1] = until;
	free_secret(v->ca_key);
	v->ca_key = STEAL(v->next_key);
	return 0;
}

static int create(struct vault *v, const struct vault_terms *terms, struct err *err)
{
	AUTO(vault) struct vault fresh = {.ca_key = NULL};
	struct keypair ca = {.certificate = NULL};

	if (authority_make(&ca, terms->now, terms->policy->ca_s, err) < 0)
		return -1;
	insert_authority(&fresh, 0, ca.certificate, terms->now + terms->policy->ca_s);
	fresh.ca_key = ca.key;
	if (renew_leaf(&fresh, fresh.bundle.items[0], fresh.ca_key, terms, err) < 0)
		return -1;
	vault_clear(v);
	*v = fresh;
	fresh = (struct vault){.ca_key = NULL};
	return 0;
}

int vault_rotate(struct vault *v, enum rotation_action action, const struct vault_terms *terms,
	struct err *err)
{
	int rc = 0;

	switch (action) {
	case ROTATION_CREATE:
		rc = create(v, terms, err);
		break;
	case ROTATION_ADD_NEXT:
		rc = add_next(v, terms, err);
		break;
	case ROTATION_PROMOTE:
		rc = promote(v, terms, err);
		break;
	case ROTATION_RENEW_LEAF:
		rc = renew_leaf(v, v->bundle.items[0], v->ca_key, terms, err);
		break;
	case ROTATION_DROP_OLD:
	case ROTATION_NONE:
		break;
	}
	if (rc == 0 && action != ROTATION_CREATE)
		drop_expired(v, terms->now);
	return rc;
}
