/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/outline.h"

#include <stdbool.h>
#include <string.h>

#include "api/node.h"
#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"

/* Part of a text; borrowed. */
struct span {
	const char *at;
	size_t n;
};

static const char *const identity[] = {
	"name", "namespace", "uid", "resourceVersion", "generation", "deletionTimestamp"};

static bool is_one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c);
}

static size_t skip_space(struct span s, size_t at)
{
	while (at < s.n && is_one_of(s.at[at], " \t\r\n"))
		at++;
	return at;
}

static size_t skip_string(struct span s, size_t at)
{
	for (at++; at < s.n && s.at[at] != '"'; at++) {
		if (s.at[at] == '\\')
			at++;
	}
	return at < s.n ? at + 1 : s.n;
}

static size_t skip_scalar(struct span s, size_t at)
{
	while (at < s.n && !is_one_of(s.at[at], ",]} \t\r\n"))
		at++;
	return at;
}

static size_t skip_value(struct span s, size_t at)
{
	size_t depth = 0;

	do {
		char c = ' ';

		if (at < s.n)
			c = s.at[at];
		if (c == '"') {
			at = skip_string(s, at);
			continue;
		}
		if (depth == 0 && c != '{' && c != '[')
			return skip_scalar(s, at);
		if (c == '{' || c == '[')
			depth++;
		else if (c == '}' || c == ']')
			depth--;
		at++;
	} while (depth > 0 && at < s.n);
	return at;
}

static bool is_key(struct span s, const char *key)
{
	size_t len = strlen(key);

	return s.n == len + 2 && memcmp(s.at + 1, key, len) == 0;
}

/* Finds the value under key of an object; nothing where there is none, or no end of the object. */
static struct span member(struct span s, const char *key)
{
	const struct span none = {.at = NULL};
	struct span found = none;
	size_t at = skip_space(s, 0);

	if (!s.at || at == s.n || s.at[at] != '{')
		return none;
	for (at = skip_space(s, at + 1); at < s.n && s.at[at] == '"'; at = skip_space(s, at)) {
		struct span name = {.at = s.at + at};
		struct span value = {.at = NULL};

		name.n = skip_string(s, at) - at;
		at = skip_space(s, at + name.n);
		if (at == s.n || s.at[at] != ':')
			break;
		at = skip_space(s, at + 1);
		value.at = s.at + at;
		value.n = skip_value(s, at) - at;
		if (is_key(name, key))
			found = value;
		at = skip_space(s, at + value.n);
		if (at < s.n && s.at[at] == ',')
			at = skip_space(s, at + 1);
	}
	return at < s.n && s.at[at] == '}' ? found : none;
}

static int add_member(struct buf *out, const char *key, struct span value, struct err *err)
{
	bool first = buf_text(out)[out->len - 1] == '{';

	if (!value.at)
		return 0;
	if (buf_printf(out, err, "%s\"%s\":", first ? "" : ",", key) < 0)
		return -1;
	return buf_append(out, value.at, value.n, err);
}

static int add_outline(struct buf *out, struct span object, bool with_status, struct err *err)
{
	struct span metadata = member(object, "metadata");

	if (buf_printf(out, err, "{\"metadata\":{") < 0)
		return -1;
	for (size_t i = 0; i < sizeof(identity) / sizeof(identity[0]); i++) {
		if (add_member(out, identity[i], member(metadata, identity[i]), err) < 0)
			return -1;
	}
	if (buf_printf(out, err, "}") < 0)
		return -1;
	if (with_status && add_member(out, "status", member(object, "status"), err) < 0)
		return -1;
	return buf_printf(out, err, "}");
}

/* A status is ours, but anybody who may write it may make it unreadable. */
static struct node *read_outline(struct span event, struct span object, bool with_status)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_KUBE_OBJECT_BYTES);
	struct err err;

	if (event.at && (buf_printf(&text, &err, "{") < 0 ||
				add_member(&text, "type", member(event, "type"), &err) < 0 ||
				buf_printf(&text, &err, ",\"object\":") < 0))
		return NULL;
	if (add_outline(&text, object, with_status, &err) < 0 ||
		(event.at && buf_printf(&text, &err, "}") < 0))
		return NULL;
	return node_from_json(buf_text(&text), text.len, &err);
}

static struct node *outline(struct span event, struct span object)
{
	struct node *read = NULL;

	if (!member(member(object, "metadata"), "resourceVersion").at)
		return NULL;
	read = read_outline(event, object, true);
	return read ? read : read_outline(event, object, false);
}

struct node *outline_of_object(const char *text, size_t n)
{
	return outline((struct span){.at = NULL}, (struct span){.at = text, .n = n});
}

struct node *outline_of_event(const char *text, size_t n)
{
	struct span event = {.at = text, .n = n};

	return outline(event, member(event, "object"));
}
