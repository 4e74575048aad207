/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/custody.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/base64.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"

#define LOOK_MS 3000 /* what somebody broke is repaired within two of them */
#define LEAST_MS 200
#define TIMEOUT_MS 5000
#define MERGE_PATCH "application/merge-patch+json"
#define JSON_PATCH "application/json-patch+json"
#define KINDS 2

static const char *const kinds[KINDS] = {
	"mutatingwebhookconfigurations", "validatingwebhookconfigurations"};

int custody_open(struct custody *c, const struct custody_options *options,
	struct credentials *access, struct err *err)
{
	*c = (struct custody){.options = *options};
	return client_new(&c->client, access, err);
}

void custody_close(struct custody *c)
{
	client_free(c->client);
	vault_clear(&c->vault);
	free(c->shown);
	free(c->bundle);
	*c = (struct custody){.client = NULL};
}

static char *secret_path(const struct custody *c, bool with_name)
{
	return xasprintf("/api/v1/namespaces/%s/secrets%s%s", c->options.namespace,
		with_name ? "/" : "", with_name ? c->options.secret : "");
}

static int ask(struct custody *c, struct client_reply *reply, const struct client_request *request,
	struct err *err)
{
	if (client_call(c->client, request, reply, err) < 0)
		return -1;
	return client_verdict(reply, err);
}

/* The Secret as it was read. */
struct found {
	bool exists;
	char *version; /* owned; its resourceVersion */
	bool is_good;
	struct vault vault; /* owned; where it is good */
};

static void auto_found(struct found *f)
{
	free(f->version);
	vault_clear(&f->vault);
}

static int read_secret(struct custody *c, struct found *out, struct err *err)
{
	AUTO(free) char *path = secret_path(c, true);
	AUTO(client_reply) struct client_reply reply = {.status = 0};
	AUTO(cjson) cJSON *secret = NULL;
	const struct client_request request = {.path = path, .timeout_ms = TIMEOUT_MS};
	struct err why;

	if (ask(c, &reply, &request, err) < 0)
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	secret = json_parse(buf_text(&reply.body), reply.body.len, err);
	if (!secret)
		return -1;
	out->exists = true;
	out->version = xstrdup_null(
		json_text(cJSON_GetObjectItemCaseSensitive(secret, "metadata"), "resourceVersion"));
	out->is_good = vault_read(&out->vault, buf_text(&reply.body), reply.body.len, &why) == 0;
	if (!out->is_good)
		log_warn("the certificates' Secret is broken", LOG_ERR(&why));
	return 0;
}

/* Makes the Secret hold what c has: ERR_CONFLICT where somebody else wrote it meanwhile. */
static int write_secret(struct custody *c, const struct found *found, struct err *err)
{
	AUTO(free) char *path = secret_path(c, found->exists);
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_PEM_BYTES);
	AUTO(client_reply) struct client_reply reply = {.status = 0};
	struct client_request request = {
		.method = found->exists ? "PATCH" : "POST",
		.path = path,
		.content_type = found->exists ? MERGE_PATCH : "application/json",
		.timeout_ms = TIMEOUT_MS,
	};
	int rc = found->exists
			 ? buf_printf(&body, err, "{\"metadata\":{\"resourceVersion\":\"%s\"},",
				   found->version ? found->version : "")
			 : buf_printf(&body, err,
				   "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":"
				   "\"kubernetes.io/tls\",\"metadata\":{\"name\":\"%s\"},",
				   c->options.secret);

	if (rc < 0 || vault_print(&body, &c->vault, err) < 0 || buf_append(&body, "}", 1, err) < 0)
		return -1;
	request.body = buf_text(&body);
	request.body_len = body.len;
	rc = ask(c, &reply, &request, err);
	explicit_bzero(body.data, body.len);
	return rc < 0 ? err_wrap(err, "writing the certificates' Secret") : 0;
}

/* Appends what makes every webhook of a configuration trust the bundle; returns how many did not.
 * A test of each name keeps the patch from another's place in a list that changed meanwhile. */
static int print_patch(
	struct buf *out, size_t *wrong, const cJSON *configuration, const char *bundle)
{
	const cJSON *webhooks = cJSON_GetObjectItemCaseSensitive(configuration, "webhooks");
	const cJSON *webhook;
	struct err full;
	int at = 0;

	cJSON_ArrayForEach(webhook, webhooks)
	{
		const cJSON *client = cJSON_GetObjectItemCaseSensitive(webhook, "clientConfig");
		const char *has = json_text(client, "caBundle");
		AUTO(free)
		char *name =
			cJSON_PrintUnformatted(cJSON_GetObjectItemCaseSensitive(webhook, "name"));
		const char *before = *wrong > 0 ? "," : "";

		if ((!has || strcmp(has, bundle) != 0) && name) {
			if (buf_printf(out, &full,
				    "%s{\"op\":\"test\",\"path\":\"/webhooks/%d/name\",\"value\":"
				    "%s},{\"op\":\"add\",\"path\":\"/webhooks/%d/clientConfig/"
				    "caBundle\",\"value\":\"%s\"}",
				    before, at, name, at, bundle) < 0)
				return -1;
			++*wrong;
		}
		at++;
	}
	return 0;
}

static cJSON *read_configuration(struct custody *c, const char *path, struct err *err)
{
	AUTO(client_reply) struct client_reply reply = {.status = 0};
	const struct client_request request = {.path = path, .timeout_ms = TIMEOUT_MS};

	if (ask(c, &reply, &request, err) < 0)
		return NULL;
	return json_parse(buf_text(&reply.body), reply.body.len, err);
}

/* Sees to it that one configuration trusts the bundle; *was_right: it did already. */
static int repair(
	struct custody *c, const char *kind, const char *bundle, bool *was_right, struct err *err)
{
	AUTO(free)
	char *path = xasprintf(
		"/apis/admissionregistration.k8s.io/v1/%s/%s", kind, c->options.configuration);
	AUTO(cjson) cJSON *configuration = read_configuration(c, path, err);
	AUTO(buf) struct buf patch = BUF_INIT(LIMIT_PEM_BYTES);
	AUTO(client_reply) struct client_reply reply = {.status = 0};
	struct client_request request = {.method = "PATCH",
		.path = path,
		.content_type = JSON_PATCH,
		.timeout_ms = TIMEOUT_MS};
	size_t wrong = 0;

	if (!configuration)
		return err_wrap(err, "%s/%s", kind, c->options.configuration);
	if (buf_append(&patch, "[", 1, err) < 0 ||
		print_patch(&patch, &wrong, configuration, bundle) < 0 ||
		buf_append(&patch, "]", 1, err) < 0)
		return err_set(err, ERR_INVALID, "%s/%s has too many webhooks", kind,
			c->options.configuration);
	*was_right = wrong == 0;
	if (wrong == 0)
		return 0;
	request.body = buf_text(&patch);
	request.body_len = patch.len;
	if (ask(c, &reply, &request, err) < 0)
		return err_wrap(err, "%s/%s", kind, c->options.configuration);
	log_info("caBundle set", LOG_STR("kind", kind), LOG_STR("name", c->options.configuration),
		LOG_INT("webhooks", wrong));
	return 0;
}

/* Sees to both configurations, and since when they have trusted the bundle. */
static int see_to_trust(struct custody *c, struct rotation_facts *facts, struct err *err)
{
	AUTO(free) char *bundle = vault_bundle(&c->vault);
	AUTO(free) char *encoded = base64_encode(bundle, strlen(bundle));
	int64_t now = io_monotonic_ms();
	bool all_right = true;

	for (int i = 0; i < KINDS; i++) {
		bool was_right = false;

		if (repair(c, kinds[i], encoded, &was_right, err) < 0)
			return -1;
		all_right = all_right && was_right;
	}
	if (!c->bundle || strcmp(c->bundle, bundle) != 0 || !all_right) {
		free(c->bundle);
		c->bundle = STEAL(bundle);
		c->bundle_ms = now;
	}
	facts->is_trusted = true;
	facts->trusted_s = (now - c->bundle_ms) / 1000;
	return 0;
}

/* What is in the Secret counts, where that is good; what we know, where it is not. */
static void adopt(struct custody *c, struct found *found)
{
	if (!found->is_good)
		return;
	vault_clear(&c->vault);
	c->vault = found->vault;
	found->vault = (struct vault){.ca_key = NULL};
}

static int show(struct custody *c, struct identity *id, struct err *err)
{
	const struct keypair *leaf = &c->vault.leaf;

	if (c->shown && strcmp(c->shown, leaf->certificate) == 0)
		return 0;
	if (identity_set(id, leaf->certificate, leaf->key, err) < 0)
		return -1;
	free(c->shown);
	c->shown = xstrdup(leaf->certificate);
	log_info("certificate in force", LOG_INT("expires", identity_expires(id)),
		LOG_INT("authorities", c->vault.bundle.n));
	return 0;
}

static const char *action_name(enum rotation_action action)
{
	static const char *const names[] = {
		[ROTATION_NONE] = "none",
		[ROTATION_CREATE] = "create",
		[ROTATION_ADD_NEXT] = "announce",
		[ROTATION_PROMOTE] = "promote",
		[ROTATION_RENEW_LEAF] = "renew",
		[ROTATION_DROP_OLD] = "drop",
	};

	return names[action];
}

/* Does what is due, and writes it.  Returns whether it was written; -1 with err. */
static int rotate(struct custody *c, const struct found *found, const struct rotation_facts *facts,
	struct err *err)
{
	const struct vault_terms terms = {
		.policy = &c->options.policy, .names = &c->options.names, .now = time(NULL)};
	enum rotation_action action = rotation_next(terms.policy, facts, terms.now);

	if (action == ROTATION_NONE && found->is_good)
		return 0;
	if (vault_rotate(&c->vault, action, &terms, err) < 0)
		return -1;
	if (write_secret(c, found, err) < 0) {
		/* What was made is nobody's: the next look begins with what is there. */
		if (err->code == ERR_CONFLICT)
			vault_clear(&c->vault);
		return -1;
	}
	log_info("certificates written", LOG_STR("action", action_name(action)));
	return 1;
}

static int64_t wait_ms(const struct custody *c, const struct rotation_facts *facts)
{
	int64_t now = time(NULL);
	int64_t due_ms = (rotation_due(&c->options.policy, facts, now) - now) * 1000;

	return due_ms < LEAST_MS ? LEAST_MS : io_earlier(due_ms, LOOK_MS);
}

int64_t custody_step(void *arg, struct identity *id, struct err *err)
{
	struct custody *c = arg;
	AUTO(found) struct found found = {.version = NULL};
	struct err distrust = {.code = ERR_NONE};
	struct rotation_facts facts;
	int wrote;

	if (read_secret(c, &found, err) < 0)
		return -1;
	adopt(c, &found);
	facts = vault_facts(&c->vault, &c->options.names);
	/* Where the configurations are out of reach, the certificate is renewed all the same. */
	bool is_seen_to = !facts.is_sound || see_to_trust(c, &facts, &distrust) == 0;

	wrote = rotate(c, &found, &facts, err);
	if (wrote < 0)
		return -1;
	if (wrote > 0)
		return 0;
	if (show(c, id, err) < 0)
		return -1;
	if (!is_seen_to) {
		*err = distrust;
		return -1;
	}
	return wait_ms(c, &facts);
}
