/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/docker_config.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <gnutls/gnutls.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

/* Names under which files hold the credential of Docker Hub. */
static const char docker_hub[] = "docker.io";
static const char *const docker_hub_names[] = {"index.docker.io", "registry-1.docker.io"};

static inline void auto_datum(gnutls_datum_t *d)
{
	if (d->data)
		explicit_bzero(d->data, d->size);
	gnutls_free(d->data);
}

/* The key of an entry, in parts that point into it. */
struct entry_key {
	const char *host;
	size_t host_len;
	const char *path; /* without slashes at its ends */
	size_t path_len;
};

static bool is_path(const struct entry_key *key, const char *path)
{
	return key->path_len == strlen(path) && strncmp(key->path, path, key->path_len) == 0;
}

/* Takes "https://index.docker.io/v1/" as docker writes it, and "registry.example/team" as
 * Kubernetes does.
 */
static struct entry_key key_parse(const char *text)
{
	const char *scheme = strstr(text, "://");
	struct entry_key key = {.host = scheme ? scheme + 3 : text};

	key.host_len = strcspn(key.host, "/");
	key.path = key.host + key.host_len;
	key.path += strspn(key.path, "/");
	key.path_len = strlen(key.path);
	while (key.path_len > 0 && key.path[key.path_len - 1] == '/')
		key.path_len--;
	if (is_path(&key, "v1") || is_path(&key, "v2")) /* of the API, not of a repository */
		key.path_len = 0;
	return key;
}

static bool is_host(const struct entry_key *key, const char *host)
{
	return key->host_len == strlen(host) && strncasecmp(key->host, host, key->host_len) == 0;
}

static bool is_for_registry(const struct entry_key *key, const char *registry)
{
	if (is_host(key, registry))
		return true;
	if (strcmp(registry, docker_hub) != 0)
		return false;
	for (size_t i = 0; i < sizeof(docker_hub_names) / sizeof(docker_hub_names[0]); i++) {
		if (is_host(key, docker_hub_names[i]))
			return true;
	}
	return false;
}

static bool covers(const struct entry_key *key, const struct reference *r)
{
	char next = '\0';

	if (!is_for_registry(key, r->registry))
		return false;
	if (strncmp(r->repository, key->path, key->path_len) != 0)
		return false;
	next = r->repository[key->path_len];
	return key->path_len == 0 || next == '/' || next == '\0';
}

/* docker leaves an empty entry behind where a helper keeps the credential. */
static bool says_something(const cJSON *entry)
{
	static const char *const fields[] = {"auth", "username", "password", "identitytoken"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const char *text = json_text(entry, fields[i]);

		if (text && text[0] != '\0')
			return true;
	}
	return false;
}

/* Returns the entry for r with the longest path, or NULL; borrowed. */
static const cJSON *find_entry(const cJSON *auths, const struct reference *r)
{
	const cJSON *best = NULL;
	const cJSON *entry = NULL;
	size_t best_len = 0;

	cJSON_ArrayForEach(entry, auths)
	{
		struct entry_key key = key_parse(entry->string);

		if (!covers(&key, r) || !says_something(entry))
			continue;
		if (best && key.path_len <= best_len)
			continue;
		best = entry;
		best_len = key.path_len;
	}
	return best;
}

/* Reads base64 of user:password. */
static int read_auth(struct credential *c, const char *auth, struct err *err)
{
	const gnutls_datum_t text = {.data = lend(auth), .size = (unsigned)strlen(auth)};
	AUTO(datum) gnutls_datum_t raw = {.data = NULL};
	const char *colon = NULL;

	if (gnutls_base64_decode2(&text, &raw) < 0)
		return err_set(err, ERR_INVALID, "auth must be user:password in base64");
	colon = memchr(raw.data, ':', raw.size);
	if (!colon || memchr(raw.data, '\0', raw.size))
		return err_set(err, ERR_INVALID,
			"auth must be user:password in base64, and there is no \":\" or a zero "
			"byte "
			"in it");
	c->user = xstrndup((const char *)raw.data, (size_t)(colon - (const char *)raw.data));
	c->password =
		xstrndup(colon + 1, (size_t)((const char *)raw.data + raw.size - (colon + 1)));
	return 0;
}

static int read_fields(struct credential *c, const cJSON *entry, struct err *err)
{
	const char *user = json_text(entry, "username");
	const char *password = json_text(entry, "password");

	if (!user || !password || user[0] == '\0')
		return err_set(err, ERR_INVALID,
			"must have auth, username and password, or identitytoken");
	if (strchr(user, ':'))
		return err_set(err, ERR_INVALID, "username must not hold \":\"");
	c->user = xstrdup(user);
	c->password = xstrdup(password);
	return 0;
}

static int read_entry(struct credential *c, const cJSON *entry, struct err *err)
{
	const char *token = json_text(entry, "identitytoken");
	const char *auth = json_text(entry, "auth");

	if (token && token[0] != '\0') {
		c->identity_token = xstrdup(token);
		return 0;
	}
	return auth && auth[0] != '\0' ? read_auth(c, auth, err) : read_fields(c, entry, err);
}

static bool helper_keeps(const cJSON *config, const char *registry)
{
	const cJSON *helpers = cJSON_GetObjectItemCaseSensitive(config, "credHelpers");
	const char *store = json_text(config, "credsStore");
	const cJSON *helper = NULL;

	cJSON_ArrayForEach(helper, helpers)
	{
		struct entry_key key = key_parse(helper->string ? helper->string : "");

		if (is_for_registry(&key, registry))
			return true;
	}
	return store && store[0] != '\0';
}

static int find(
	struct credential *c, const cJSON *config, const struct reference *r, struct err *err)
{
	const cJSON *auths = cJSON_GetObjectItemCaseSensitive(config, "auths");
	const cJSON *entry = NULL;

	if (!cJSON_IsObject(config))
		return err_set(err, ERR_INVALID, "must be a JSON object with auths");
	if (auths && !cJSON_IsObject(auths))
		return err_set(err, ERR_INVALID, "auths must be an object, by registry");
	entry = find_entry(auths, r);
	if (entry && read_entry(c, entry, err) < 0)
		return err_wrap(err, "auths[%s]", quote(entry->string).text);
	if (!entry && helper_keeps(config, r->registry))
		return err_set(err, ERR_INVALID,
			"leaves the credential of %s to a program (credsStore or credHelpers), and "
			"none is run here: put it under auths",
			r->registry);
	return 0;
}

int docker_config_find(
	struct credential *out, const char *json, const struct reference *r, struct err *err)
{
	AUTO(credential) struct credential c = {.user = NULL};
	AUTO(cjson) cJSON *config = NULL;
	size_t n = strnlen(json, LIMIT_DOCKER_CONFIG_BYTES + 1);

	if (n > LIMIT_DOCKER_CONFIG_BYTES)
		return err_set(err, ERR_INVALID, "docker config: must be at most %lu bytes",
			LIMIT_DOCKER_CONFIG_BYTES);
	config = json_parse_within(json, n, LIMIT_DOCKER_CONFIG_VALUES, err);
	if (!config || find(&c, config, r, err) < 0)
		return err_wrap(err, "docker config");
	*out = c;
	c = (struct credential){.user = NULL};
	return 0;
}

char *credential_basic(const struct credential *c)
{
	AUTO(free) char *both = xasprintf("%s:%s", c->user, c->password);
	const gnutls_datum_t raw = {.data = lend(both), .size = (unsigned)strlen(both)};
	AUTO(datum) gnutls_datum_t text = {.data = NULL};
	int rc = gnutls_base64_encode2(&raw, &text);

	explicit_bzero(both, raw.size);
	if (rc < 0)
		abort(); /* out of memory, as in base/xalloc.h */
	return xstrndup((const char *)text.data, text.size);
}

bool credential_is_set(const struct credential *c)
{
	return c->user || c->identity_token;
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

void credential_clear(struct credential *c)
{
	free(c->user);
	wipe(c->password);
	wipe(c->identity_token);
	*c = (struct credential){.user = NULL};
}
