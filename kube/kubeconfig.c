/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/kubeconfig.h"

#include <stdlib.h>
#include <string.h>

#include "api/base64.h"
#include "api/node.h"
#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

/* A kubeconfig under way. */
struct reader {
	const struct node *config; /* borrowed */
	const char *folder;        /* borrowed */
	struct credentials *out;   /* borrowed */
};

/* One of its named entries: what a message calls it, and its fields. */
struct entry {
	const char *kind;          /* "user" */
	const char *name;          /* borrowed */
	const struct node *fields; /* borrowed; NULL: it has none */
};

static int wrong(const struct entry *e, const char *field, const char *what, struct err *err)
{
	return err_set(err, ERR_INVALID, "%s %s: %s %s", e->kind, quote(e->name).text, field, what);
}

/* Reads a text that may be absent, or empty, which is the same: *out is then NULL. */
static int read_text(const char **out, const struct entry *e, const char *field, struct err *err)
{
	const struct node *node = node_get(e->fields, field);

	*out = NULL;
	if (!node || node->kind == NODE_NULL)
		return 0;
	if (node->kind != NODE_TEXT || strlen(node->text) != node->text_len)
		return wrong(e, field, "must be a text", err);
	if (node->text[0])
		*out = node->text;
	return 0;
}

static int take_text(char **out, const struct entry *e, const char *field, struct err *err)
{
	const char *text = NULL;

	if (read_text(&text, e, field, err) < 0)
		return -1;
	*out = xstrdup_null(text);
	return 0;
}

static int take_file(char **out, const struct reader *r, const struct entry *e, const char *field,
	struct err *err)
{
	const char *text = NULL;

	if (read_text(&text, e, field, err) < 0)
		return -1;
	if (text)
		*out = text[0] == '/' ? xstrdup(text) : xasprintf("%s/%s", r->folder, text);
	return 0;
}

static int take_data(char **out, const struct entry *e, const char *field, struct err *err)
{
	AUTO(free) char *bytes = NULL;
	const char *text = NULL;
	size_t len = 0;

	if (read_text(&text, e, field, err) < 0)
		return -1;
	if (!text)
		return 0;
	bytes = base64_decode(text, &len, err);
	if (!bytes || strlen(bytes) != len)
		return wrong(e, field, "must be the base64 of a PEM text", err);
	*out = STEAL(bytes);
	return 0;
}

/* What stands under the name of a field, or as "-data" behind it in base64. */
static int take_pem(struct credential *out, const struct reader *r, const struct entry *e,
	const char *field, struct err *err)
{
	AUTO(free) char *data_field = xasprintf("%s-data", field);

	if (take_file(&out->file, r, e, field, err) < 0)
		return -1;
	return take_data(&out->data, e, data_field, err);
}

/* Finds the entry of that name in a list of {name, <field>: {...}}. */
static int find_entry(struct entry *out, const struct reader *r, const char *list, const char *name,
	struct err *err)
{
	const struct node *entries = node_get(r->config, list);

	out->name = name;
	for (size_t i = 0; entries && entries->kind == NODE_LIST && i < entries->n; i++) {
		const struct node *named = node_get(&entries->children[i], "name");

		if (!named || named->kind != NODE_TEXT || strcmp(named->text, name) != 0)
			continue;
		out->fields = node_get(&entries->children[i], out->kind);
		return 0;
	}
	return err_set(err, ERR_INVALID, "%s: must hold %s %s, which is referred to", list,
		out->kind, quote(name).text);
}

static int check_server(const struct entry *e, const char *server, struct err *err)
{
	if (strncmp(server, "https://", 8) != 0 && strncmp(server, "http://", 7) != 0)
		return wrong(e, "server", "must begin with https:// or http://", err);
	if (strpbrk(server, "@?# \t\r\n"))
		return wrong(e, "server", "must hold no user, no query and no blank", err);
	return 0;
}

static int read_cluster(const struct reader *r, const char *name, struct err *err)
{
	struct entry e = {.kind = "cluster"};
	const struct node *insecure = NULL;
	const char *proxy = NULL;

	if (find_entry(&e, r, "clusters", name, err) < 0 ||
		take_text(&r->out->server, &e, "server", err) < 0 ||
		take_text(&r->out->server_name, &e, "tls-server-name", err) < 0 ||
		read_text(&proxy, &e, "proxy-url", err) < 0 ||
		take_pem(&r->out->authority, r, &e, "certificate-authority", err) < 0)
		return -1;
	if (!r->out->server)
		return wrong(&e, "server", "is required", err);
	insecure = node_get(e.fields, "insecure-skip-tls-verify");
	if (insecure && insecure->kind == NODE_BOOL && strcmp(insecure->text, "true") == 0)
		return wrong(&e, "insecure-skip-tls-verify",
			"is not supported: give certificate-authority", err);
	if (proxy)
		return wrong(&e, "proxy-url", "is not supported: set HTTPS_PROXY", err);
	return check_server(&e, r->out->server, err);
}

/* What kubectl can do to say who it is, and we cannot. */
static int refuse_others(const struct entry *e, struct err *err)
{
	static const char *const fields[] = {
		"exec", "auth-provider", "username", "password", "as", "as-uid", "as-groups"};

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		const struct node *node = node_get(e->fields, fields[i]);

		if (node && node->kind != NODE_NULL && !(node->kind == NODE_TEXT && !node->text[0]))
			return wrong(e, fields[i],
				"is not supported: give token, tokenFile, or client-certificate "
				"and client-key",
				err);
	}
	return 0;
}

static bool is_given(const struct credential *c)
{
	return c->file || c->data;
}

static int read_user(const struct reader *r, const char *name, struct err *err)
{
	struct entry e = {.kind = "user"};
	struct credentials *out = r->out;

	if (find_entry(&e, r, "users", name, err) < 0 || refuse_others(&e, err) < 0 ||
		take_text(&out->token.data, &e, "token", err) < 0 ||
		take_file(&out->token.file, r, &e, "tokenFile", err) < 0 ||
		take_pem(&out->certificate, r, &e, "client-certificate", err) < 0 ||
		take_pem(&out->key, r, &e, "client-key", err) < 0)
		return -1;
	if (is_given(&out->certificate) && !is_given(&out->key))
		return wrong(&e, "client-key", "is required beside client-certificate", err);
	if (is_given(&out->key) && !is_given(&out->certificate))
		return wrong(&e, "client-certificate", "is required beside client-key", err);
	if (is_given(&out->token) && strncmp(out->server, "http://", 7) == 0)
		return wrong(&e, "token", "is not sent to a server without https", err);
	return 0;
}

static int read_config(const struct reader *r, struct err *err)
{
	const struct node *current = node_get(r->config, "current-context");
	struct entry context = {.kind = "context"};
	const char *cluster = NULL;
	const char *user = NULL;

	if (!current || current->kind != NODE_TEXT || !current->text[0])
		return err_set(err, ERR_INVALID, "current-context is required");
	if (find_entry(&context, r, "contexts", current->text, err) < 0 ||
		read_text(&cluster, &context, "cluster", err) < 0 ||
		read_text(&user, &context, "user", err) < 0 ||
		take_text(&r->out->namespace, &context, "namespace", err) < 0)
		return -1;
	if (!cluster)
		return wrong(&context, "cluster", "is required", err);
	if (read_cluster(r, cluster, err) < 0)
		return -1;
	return user ? read_user(r, user, err) : 0;
}

int kubeconfig_parse(
	struct credentials *out, const char *text, size_t n, const char *folder, struct err *err)
{
	AUTO(node_list) struct node_list documents = {.items = NULL};
	AUTO(credentials) struct credentials found = {.server = NULL};
	struct reader r = {.folder = folder, .out = &found};

	if (node_list_from_yaml(&documents, text, n, err) < 0)
		return -1;
	if (documents.n != 1 || documents.items[0]->kind != NODE_MAP)
		return err_set(err, ERR_INVALID, "a kubeconfig must be one mapping");
	r.config = documents.items[0];
	if (read_config(&r, err) < 0)
		return -1;
	*out = found;
	found = (struct credentials){.server = NULL};
	return 0;
}
