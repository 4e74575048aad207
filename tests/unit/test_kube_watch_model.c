/* SPDX-License-Identifier: Apache-2.0 */
/* Chance changes a small server's objects and breaks its answers; what the watch has given is in
 * the end what the server has, and it was listed no more often than something was lost. */
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/watch.h"
#include "tests/unit/test.h"

#define RUNS 300
#define REQUESTS 60
#define NAMES 6
#define HAPPENINGS 4096

/* Something that happened: the object's new version, or its end. */
struct happening {
	unsigned name;
	bool gone;
};

struct model {
	uint64_t chance;
	struct happening log[HAPPENINGS]; /* the n-th made version n + 1 */
	unsigned version;
	unsigned compacted;    /* a watch from before is told 410 */
	unsigned there[NAMES]; /* the version of what there is; 0: nothing */
	unsigned listing;      /* the version of the list that has pages to come */
	unsigned listed[NAMES];

	struct watch *watch;
	unsigned given[NAMES]; /* what was given */
	int64_t now;
	unsigned losses; /* that allow for a list */
	unsigned lists;
};

/* xorshift64 */
static unsigned draw(struct model *m, unsigned below)
{
	m->chance ^= m->chance << 13;
	m->chance ^= m->chance >> 7;
	m->chance ^= m->chance << 17;
	return (unsigned)(m->chance % below);
}

static void print(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print(struct buf *out, const char *fmt, ...)
{
	AUTO(free) char *text = NULL;
	struct err err;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	CU_ASSERT_EQUAL(buf_append(out, text, strlen(text), &err), 0);
}

static void change(struct model *m)
{
	struct happening *h = &m->log[m->version];

	h->name = draw(m, NAMES);
	h->gone = m->there[h->name] && draw(m, 2);
	m->version++;
	m->there[h->name] = h->gone ? 0 : m->version;
}

static void print_object(struct buf *out, unsigned name, unsigned version)
{
	print(out,
		"{\"metadata\":{\"namespace\":\"n\",\"name\":\"%u\",\"resourceVersion\":\"v%u\"}}",
		name, version);
}

/* token: the first name of the page; NULL: the list's start. */
static void print_page(struct model *m, struct buf *out, const char *token)
{
	unsigned items = 0;
	unsigned most = 1 + draw(m, NAMES);
	unsigned name = token ? (unsigned)strtoul(token, NULL, 10) : 0;
	AUTO(free) char *next = NULL;

	if (!token) {
		m->listing = m->version;
		memcpy(m->listed, m->there, sizeof(m->listed));
	}
	print(out, "{\"items\":[");
	for (; name < NAMES && items < most; name++) {
		if (!m->listed[name])
			continue;
		print(out, "%s", items++ > 0 ? "," : "");
		print_object(out, name, m->listed[name]);
	}
	next = name < NAMES ? xasprintf("%u", name) : xstrdup("");
	print(out, "],\"metadata\":{\"resourceVersion\":\"v%u\",\"continue\":\"%s\"}}\n",
		m->listing, next);
}

/* What happened since, with a bookmark here and there. */
static void print_events(struct model *m, struct buf *out, unsigned from)
{
	for (unsigned i = from; i < m->version; i++) {
		print(out, "{\"type\":\"%s\",\"object\":", m->log[i].gone ? "DELETED" : "MODIFIED");
		print_object(out, m->log[i].name, i + 1);
		print(out, "}\n");
	}
	if (draw(m, 3) == 0)
		print(out,
			"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":"
			"\"v%u\"}}}\n",
			m->version);
}

static void on_change(void *arg, struct watch_event *event)
{
	struct model *m = arg;
	const struct node *version = NULL;
	unsigned long name = strtoul(event->key + strlen("n/"), NULL, 10);

	CU_ASSERT_TRUE_FATAL(name < NAMES);
	if (!event->document) {
		CU_ASSERT_NOT_EQUAL(m->given[name], 0);
		m->given[name] = 0;
		return;
	}
	version = node_get(node_get(event->document, "metadata"), "resourceVersion");
	m->given[name] = (unsigned)strtoul(version->text + 1, NULL, 10);
}

/* Hands over n bytes in portions. */
static int take(struct model *m, const char *text, size_t n, struct err *err)
{
	for (size_t at = 0; at < n;) {
		size_t part = 1 + draw(m, 200);

		part = part < n - at ? part : n - at;
		if (watch_take(m->watch, text + at, part, on_change, m, err) < 0)
			return -1;
		at += part;
	}
	return 0;
}

static void finish(struct model *m, long status, const struct err *why)
{
	const struct watch_end end = {
		.status = status, .why = why, .now = m->now, .random = draw(m, UINT16_MAX)};
	struct err err;

	(void)!watch_end(m->watch, &end, on_change, m, &err);
	CU_ASSERT_TRUE(watch_due(m->watch) < m->now + 10000);
	m->now = watch_due(m->watch) > m->now ? watch_due(m->watch) : m->now;
}

/* Answers whole, or cut somewhere. */
static void answer(struct model *m, const struct buf *text, bool well)
{
	struct err why = {.code = ERR_TRANSIENT, .msg = "cut"};
	bool cut = !well && draw(m, 3) == 0;
	bool list = !watch_streams(m->watch);
	size_t n = cut ? draw(m, (unsigned)text->len + 1) : text->len;

	m->losses += list && cut;
	if (take(m, buf_text(text), n, &why) < 0 || cut)
		finish(m, 200, &why);
	else
		finish(m, 200, NULL);
}

static void refuse(struct model *m, long status)
{
	struct err why = {.code = ERR_TRANSIENT, .msg = "no"};

	finish(m, status, &why);
}

/* Sends one request and answers it; well: as it should be. */
static void request(struct model *m, bool well)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MIB);
	AUTO(free) char *path = watch_ask(m->watch, m->now, draw(m, UINT16_MAX));
	const char *version = strstr(path, "&resourceVersion=v");
	const char *token = strstr(path, "&continue=");
	bool first = !version && !token;

	m->now += draw(m, 10000);
	m->lists += first;
	if (!well && draw(m, 4) == 0) {
		m->losses += first; /* it is to be asked for again */
		refuse(m, draw(m, 2) ? 0 : 503);
		return;
	}
	if (version) {
		unsigned from = (unsigned)strtoul(version + strlen("&resourceVersion=v"), NULL, 10);

		m->losses += from < m->compacted;
		if (from < m->compacted) {
			refuse(m, 410);
			return;
		}
		print_events(m, &text, from);
	} else if (!first && m->listing < m->compacted) {
		m->losses++;
		refuse(m, 410);
		return;
	} else {
		print_page(m, &text, token ? token + strlen("&continue=") : NULL);
	}
	answer(m, &text, well);
}

static void run(unsigned seed)
{
	struct model m = {.chance = 0x9E3779B97F4A7C15U * (seed + 1), .losses = 1};

	m.watch = watch_new("/api/v1/secrets", NULL);
	for (int i = 0; i < REQUESTS; i++) {
		for (unsigned n = draw(&m, 4); n > 0; n--)
			change(&m);
		if (draw(&m, 8) == 0)
			m.compacted = m.version;
		request(&m, false);
	}
	m.losses++;
	for (int i = 0; i < 3 * NAMES; i++)
		request(&m, true);
	CU_ASSERT_EQUAL(memcmp(m.given, m.there, sizeof(m.given)), 0);
	CU_ASSERT_TRUE(m.lists <= m.losses);
	CU_ASSERT_TRUE(watch_synced(m.watch));
	watch_free(m.watch);
}

static void test_watch__has_in_the_end_what_the_server_has(void)
{
	for (unsigned seed = 0; seed < RUNS; seed++)
		run(seed);
}

TEST_MAIN("kube_watch_model", TEST(test_watch__has_in_the_end_what_the_server_has))
