/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/policy.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define BLANK " \t\r"

struct rule {
	char *name;       /* owned; without the "*" at its end */
	bool prefix;      /* there was one */
	char *namespaces; /* owned; as written */
};

struct policy {
	struct rule *rules; /* owned */
	size_t n;
};

void policy_free(struct policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++) {
		free(p->rules[i].name);
		free(p->rules[i].namespaces);
	}
	free(p->rules);
	free(p);
}

static int add_rule(struct policy *p, const char *line, size_t n, size_t number, struct err *err)
{
	AUTO(free) char *text = xstrndup(line, n);
	struct rule *rule;
	char *name;
	char *namespaces;
	size_t len;

	text[strcspn(text, "#")] = '\0';
	name = text + strspn(text, BLANK);
	if (name[0] == '\0')
		return 0;
	len = strcspn(name, BLANK);
	namespaces = name + len + strspn(name + len, BLANK);
	name[len] = '\0';
	namespaces[strcspn(namespaces, BLANK)] = '\0';
	if (namespaces[0] == '\0')
		return err_set(err, ERR_INVALID,
			"line %zu: %s must be followed by namespaces, or *", number,
			quote(name).text);
	if (p->n == LIMIT_POLICY_RULES)
		return err_set(err, ERR_INVALID, "line %zu: more than %d rules", number,
			LIMIT_POLICY_RULES);
	p->rules = xreallocarray(p->rules, p->n + 1, sizeof(*p->rules));
	rule = &p->rules[p->n++];
	rule->prefix = name[len - 1] == '*';
	rule->name = xstrndup(name, rule->prefix ? len - 1 : len);
	rule->namespaces = xstrdup(namespaces);
	return 0;
}

struct policy *policy_parse(const char *text, size_t n, struct err *err)
{
	AUTO(policy) struct policy *p = xcalloc(1, sizeof(*p));
	const char *end = text + n;

	for (size_t number = 1; text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		if (add_rule(p, text, (size_t)(stop - text), number, err) < 0)
			return NULL;
		text = newline ? newline + 1 : end;
	}
	return STEAL(p);
}

static bool matches(const struct rule *rule, const char *name)
{
	if (rule->prefix)
		return strncmp(name, rule->name, strlen(rule->name)) == 0;
	return strcmp(name, rule->name) == 0;
}

static bool matches_any(const struct rule *rule, char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (matches(rule, names[i]))
			return true;
	}
	return false;
}

static void grant_add(struct grant *g, const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ",");

		if (len == 1 && *list == '*') {
			g->all = true;
		} else if (len > 0) {
			g->namespaces =
				xreallocarray(g->namespaces, g->n + 1, sizeof(*g->namespaces));
			g->namespaces[g->n++] = xstrndup(list, len);
		}
		list += len;
		list += *list == ',';
	}
}

struct grant *policy_grant(const struct policy *p, char *const *names, size_t n)
{
	struct grant *g = xcalloc(1, sizeof(*g));

	for (size_t i = 0; i < p->n; i++) {
		if (matches_any(&p->rules[i], names, n))
			grant_add(g, p->rules[i].namespaces);
	}
	if (g->all || g->n > 0)
		return g;
	grant_free(g);
	return NULL;
}

void grant_free(struct grant *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->n; i++)
		free(g->namespaces[i]);
	free(g->namespaces);
	free(g);
}

bool grant_allows(const void *grant, const char *resource)
{
	const struct grant *g = grant;
	size_t len = strcspn(resource, "/");

	if (g->all)
		return true;
	for (size_t i = 0; i < g->n; i++) {
		if (strlen(g->namespaces[i]) == len &&
			strncmp(g->namespaces[i], resource, len) == 0)
			return true;
	}
	return false;
}

bool grant_equal(const struct grant *a, const struct grant *b)
{
	if (!a || !b)
		return a == b;
	if (a->all != b->all || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->namespaces[i], b->namespaces[i]) != 0)
			return false;
	}
	return true;
}
