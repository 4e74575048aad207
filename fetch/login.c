/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/login.h"

#include <stdlib.h>
#include <string.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/ecr.h"
#include "fetch/realm.h"
#include "fetch/token.h"
#include "fetch/url.h"

#define MS_PER_S 1000
#define EXPIRY_MARGIN_MS 5000 /* a token that old may not live to the end of a request */

static inline void auto_curl_text(char **text)
{
	curl_free(*text);
}

static void wipe(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static inline void auto_secret(char **text)
{
	wipe(*text);
}

static int find_in_config(struct login *l, const char *json, struct err *err)
{
	if (!json || credential_is_set(&l->credential))
		return 0;
	return docker_config_find(&l->credential, json, l->reference, err);
}

/* Takes what AWS gives for one of its registries, where nothing else was given. */
static int find_in_aws(struct login *l, struct err *err)
{
	AUTO(aws_ecr_token) struct aws_ecr_token token = {.username = NULL};
	struct ecr_host host;

	if (credential_is_set(&l->credential) || !l->task->options->aws ||
		!ecr_host_parse(&host, l->reference->registry))
		return 0;
	if (ecr_credential(&token, l->task, &host, err) < 0)
		return err_wrap(err, "the password for %s", l->reference->registry);
	l->credential.user = STEAL(token.username);
	l->credential.password = STEAL(token.password);
	return 0;
}

int login_init(struct login *l, struct fetch_task *task, const struct reference *reference,
	const char *actions, struct err *err)
{
	*l = (struct login){.task = task, .reference = reference, .actions = actions};
	if (find_in_config(l, task->request->docker_config, err) < 0 ||
		find_in_config(l, task->options->docker_config, err) < 0)
		return -1;
	return find_in_aws(l, err);
}

/* Returns text as a value of a query or a form; the caller frees it. */
static char *escape(const char *text)
{
	AUTO(curl_text) char *escaped = curl_easy_escape(NULL, text, (int)strlen(text));

	if (!escaped)
		abort(); /* out of memory, as in base/xalloc.h */
	return xstrdup(escaped);
}

/* "service=…&scope=…", as the challenge has them. */
static char *token_query(const struct login *l)
{
	const struct challenge *c = &l->challenge;
	AUTO(free)
	char *usual = xasprintf("repository:%s:%s", l->reference->repository, l->actions);
	AUTO(free) char *service = escape(c->service ? c->service : "");
	AUTO(free) char *scope = escape(c->scope ? c->scope : usual);

	return xasprintf("%s%s%sscope=%s", c->service ? "service=" : "", service,
		c->service ? "&" : "", scope);
}

static char *basic_header(const struct credential *c)
{
	AUTO(secret) char *basic = credential_basic(c);

	return xasprintf("Authorization: Basic %s", basic);
}

/* GET, with user and password where there are any. */
static int ask_by_get(struct login *l, struct buf *out, struct err *err)
{
	const char *realm = l->challenge.realm;
	AUTO(free) char *query = token_query(l);
	AUTO(free) char *url = xasprintf("%s%c%s", realm, strchr(realm, '?') ? '&' : '?', query);
	AUTO(secret) char *header = l->credential.user ? basic_header(&l->credential) : NULL;
	const char *const origin_headers[] = {header, NULL};
	const struct exchange_request request = {
		.url = url, .origin_headers = origin_headers, .text = out};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return exchange(&reply, l->task, &request, err);
}

/* POST, as OAuth 2.0 wants it for a refresh token. */
static int ask_by_post(struct login *l, struct buf *out, struct err *err)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", NULL};
	AUTO(free) char *query = token_query(l);
	AUTO(secret) char *refresh_token = escape(l->credential.identity_token);
	AUTO(secret)
	char *form = xasprintf("grant_type=refresh_token&client_id=wasmxds&%s&refresh_token=%s",
		query, refresh_token);
	const struct exchange_request request = {
		.url = l->challenge.realm,
		.method = "POST",
		.headers = headers,
		.upload = {.bytes = form, .n = strlen(form)},
		.text = out,
	};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};

	return exchange(&reply, l->task, &request, err);
}

static int get_token(struct login *l, struct err *err)
{
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_TOKEN_REPLY_BYTES);
	AUTO(token) struct token token = {.text = NULL};
	int64_t asked_ms = io_monotonic_ms();
	int rc = l->credential.identity_token ? ask_by_post(l, &body, err)
					      : ask_by_get(l, &body, err);

	if (rc == 0)
		rc = token_parse(&token, buf_text(&body), body.len, err);
	if (body.data)
		explicit_bzero(body.data, body.len);
	if (rc < 0)
		return -1;
	wipe(l->header);
	l->header = xasprintf("Authorization: Bearer %s", token.text);
	l->expires_ms = asked_ms + token.lifetime_s * MS_PER_S - EXPIRY_MARGIN_MS;
	return 0;
}

int login_explain(const struct login *l, struct err *err)
{
	if (err->code != ERR_DENIED || credential_is_set(&l->credential))
		return -1;
	return err_wrap(
		err, "without a credential, as none is given for %s", l->reference->registry);
}

static int use_bearer(struct login *l, struct err *err)
{
	const char *realm = l->challenge.realm;
	AUTO(free) char *label = url_label(realm);

	if (realm_check(realm, l->plain, err) < 0)
		return err_wrap(err, "token realm %s", label);
	if (credential_is_set(&l->credential) &&
		!realm_is_trusted(reference_server(l->reference), realm))
		return err_set(err, ERR_DENIED,
			"token realm %s: is foreign to the registry, whose credential is not sent "
			"there",
			label);
	if (get_token(l, err) < 0) {
		(void)err_wrap(err, "token realm %s", label);
		return login_explain(l, err);
	}
	return 0;
}

static int use_basic(struct login *l, struct err *err)
{
	if (!l->credential.user)
		return err_set(err, ERR_DENIED,
			"wants a user and a password, and none are given for %s",
			l->reference->registry);
	wipe(l->header);
	l->header = basic_header(&l->credential);
	l->expires_ms = 0;
	return 0;
}

static int read_challenge(
	struct challenge *out, const struct exchange_reply *reply, struct err *err)
{
	const char *value = NULL;

	for (size_t i = 0; (value = exchange_reply_header(reply, "WWW-Authenticate", i)); i++) {
		if (challenge_add(out, value, err) < 0)
			return -1;
	}
	if (!out->basic && !out->bearer)
		return err_set(err, ERR_DENIED,
			"answered 401, and asks for neither Basic nor Bearer authentication");
	return 0;
}

int login_answer(struct login *l, const struct exchange_reply *reply, struct err *err)
{
	challenge_clear(&l->challenge);
	if (read_challenge(&l->challenge, reply, err) < 0)
		return -1;
	return l->challenge.bearer ? use_bearer(l, err) : use_basic(l, err);
}

int login_refresh(struct login *l, struct err *err)
{
	if (l->expires_ms == 0 || io_monotonic_ms() < l->expires_ms)
		return 0;
	return use_bearer(l, err);
}

void login_clear(struct login *l)
{
	credential_clear(&l->credential);
	challenge_clear(&l->challenge);
	wipe(l->header);
	l->header = NULL;
}
