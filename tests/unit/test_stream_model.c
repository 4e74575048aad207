/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envoys on streams that are slow and break, against what xds/stream.h promises.  Requests and
 * responses wait in queues, so that every order happens.
 */
#include "base/map.h"
#include "tests/unit/envoy_model.h"
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

#define ENVOYS 4    /* the even ones speak SotW, the odd ones Delta */
#define STEPS 20000 /* for each seed */
#define CALM 40     /* steps from one settled state to the next */

struct world {
	uint32_t random;
	struct catalog catalog;
	struct refusals *refusals;
	struct envoy envoys[ENVOYS];
	unsigned current[NAMES]; /* version in the catalog */
	size_t sent;
	size_t refusals_seen;
	size_t silent_returns;
	size_t marks;
	size_t lost;
};

static unsigned draw(struct world *w, unsigned below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random % below;
}

static const char *held_text(const struct stream_request *req, size_t i, const char **version)
{
	static char texts[2][16];
	const struct request *up = req->message;
	unsigned name = 0;

	for (size_t left = i + 1; name < NAMES; name++) {
		if (up->held[name] && --left == 0)
			break;
	}
	name_text(texts[0], name);
	version_text(texts[1], name, up->held[name]);
	*version = texts[1];
	return texts[0];
}

static size_t pick_names(char texts[NAMES][16], char *out[NAMES], const bool *which, unsigned from)
{
	size_t n = 0;

	for (unsigned i = 0; i < NAMES; i++) {
		unsigned name = (from + i) % NAMES;

		if (!which[name])
			continue;
		name_text(texts[name], name);
		out[n++] = texts[name];
	}
	return n;
}

/* What a verdict must be: about what was answered, unless that was unsubscribed meanwhile. */
static void check_verdict(
	struct envoy *e, const struct request *up, const struct stream_verdict *verdict)
{
	char text[16];

	if (up->about < 0 || e->life[up->about] != up->life || !e->subscribed[up->about]) {
		CU_ASSERT_EQUAL(verdict->kind, STREAM_NO_VERDICT);
		return;
	}
	CU_ASSERT_EQUAL(verdict->kind, up->refuses ? STREAM_NACK : STREAM_ACK);
	name_text(text, (unsigned)up->about);
	CU_ASSERT_STRING_EQUAL(verdict->name, text);
	version_text(text, (unsigned)up->about, up->version);
	CU_ASSERT_STRING_EQUAL(verdict->version, text);
	if (up->refuses)
		e->refused[up->about][up->version] = true;
}

static void note_names(struct envoy *e, const struct request *up)
{
	for (unsigned i = 0; i < NAMES; i++) {
		bool gone = envoy_is_sotw(e) ? !up->names[i] : up->gone[i];

		if (gone && e->subscribed[i]) {
			e->subscribed[i] = false;
			e->life[i]++;
		}
		if (up->names[i])
			e->subscribed[i] = true;
	}
}

static void deliver_up(struct world *w, struct envoy *e)
{
	char texts[2][NAMES][16];
	char *names[NAMES];
	char *gone[NAMES];
	struct stream_verdict verdict;
	struct err err = {.msg = ""};

	if (e->n_up == 0)
		return;
	const struct request up = e->up[0];
	struct stream_request req = {.node = e->node,
		.nonce = up.nonce,
		.version = up.info,
		.names = names,
		.n_names = pick_names(texts[0], names, up.names, draw(w, NAMES)),
		.gone = gone,
		.n_gone = pick_names(texts[1], gone, up.gone, 0),
		.held = held_text,
		.message = &up,
		.refuses = up.refuses,
		.reason = "model"};

	for (unsigned i = 0; i < NAMES; i++)
		req.n_held += up.held[i] != 0;
	memmove(e->up, e->up + 1, --e->n_up * sizeof(e->up[0]));
	CU_ASSERT_EQUAL(stream_on_request(&e->stream, &req, &verdict, &err), 0);
	check_verdict(e, &up, &verdict);
	note_names(e, &up);
}

/* What the server means by the version_info of what it sends now. */
static void note_covered(const struct envoy *e, struct response *down)
{
	char text[16];

	for (unsigned i = 0; i < NAMES; i++) {
		const struct subscription *sub;

		name_text(text, i);
		sub = map_get(&e->stream.subscriptions, text);
		down->covered[i] = sub && (sub->held || sub->sent);
	}
}

static void flush_mark(struct world *w, struct envoy *e)
{
	struct response *down = &e->down[e->n_down];

	*down = (struct response){.empty = true};
	if (e->n_down == QUEUE || !stream_mark(&e->stream, &down->said))
		return;
	e->n_down++;
	w->marks++;
	note_covered(e, down);
	CU_ASSERT_TRUE(envoy_is_sotw(e));
	CU_ASSERT_STRING_NOT_EQUAL(down->said.version, "");
	CU_ASSERT_PTR_NULL(map_put(&e->nonces, down->said.nonce, e));
}

static void flush(struct world *w, struct envoy *e)
{
	struct subscription *sub;
	unsigned version = 0;

	flush_mark(w, e);
	while (e->n_down < QUEUE && (sub = stream_next(&e->stream))) {
		struct response *down = &e->down[e->n_down++];

		*down = (struct response){.empty = false};
		CU_ASSERT_EQUAL(sscanf(sub->resource->name, "a/%u", /* NOLINT(cert-err34-c): ours */
					&down->name),
			1);
		version = w->current[down->name];
		down->version = version;
		down->life = e->life[down->name];
		CU_ASSERT_TRUE(e->subscribed[down->name]);
		CU_ASSERT_FALSE(e->refused[down->name][version]);
		stream_sent(sub, &down->said);
		note_covered(e, down);
		w->sent++;
		CU_ASSERT_STRING_NOT_EQUAL(down->said.nonce, "");
		CU_ASSERT_STRING_NOT_EQUAL(down->said.version, "");
		CU_ASSERT_PTR_NULL(map_put(&e->nonces, down->said.nonce, e));
		if (envoy_is_sotw(e))
			CU_ASSERT_PTR_EQUAL(e->stream.awaited.first, e->stream.awaited.last);
	}
}

static void touch(struct world *w, unsigned name)
{
	char text[16];
	const struct resource *r;

	name_text(text, name);
	r = catalog_find(&w->catalog, text);
	for (struct subscription *sub = r ? r->first : NULL; sub; sub = sub->next)
		stream_touch(sub);
}

static void publish(struct world *w, unsigned name, unsigned version)
{
	char texts[2][16];

	name_text(texts[0], name);
	version_text(texts[1], name, version);
	w->current[name] = version;
	(void)catalog_put(&w->catalog, payload_of(texts[0], texts[1]));
	touch(w, name);
}

static void withdraw(struct world *w, unsigned name)
{
	char text[16];

	name_text(text, name);
	w->current[name] = 0;
	catalog_remove(&w->catalog, text);
}

static enum stream_variant variant_of(const struct envoy *e)
{
	return envoy_is_sotw(e) ? STREAM_SOTW : STREAM_DELTA;
}

/* The stream breaks, what was on its way is lost, and the Envoy comes back. */
static void reconnect(struct world *w, struct envoy *e, bool settled)
{
	bool known = settled && envoy_must_be_recognised(e, w->current);

	w->silent_returns += envoy_is_sotw(e) && known && e->info[0] != '\0';
	w->lost += envoy_is_sotw(e) && envoy_is_lost(e);
	envoy_return(e, known);
	stream_clear(&e->stream);
	stream_init(&e->stream, variant_of(e), &w->catalog, w->refusals);
	map_clear(&e->nonces, NULL);
	memset(e->subscribed, 0, sizeof(e->subscribed));
}

static void deliver_down(struct world *w, struct envoy *e)
{
	w->refusals_seen += !envoy_read(e);
}

static void settle(struct world *w)
{
	bool busy = true;

	while (busy) {
		busy = false;
		for (size_t i = 0; i < ENVOYS; i++) {
			struct envoy *e = &w->envoys[i];

			while (e->n_up > 0)
				deliver_up(w, e);
			flush(w, e);
			busy |= e->n_down > 0;
			while (e->n_down > 0)
				deliver_down(w, e);
		}
	}
}

static void check_settled(const struct world *w, struct envoy *e)
{
	for (unsigned i = 0; i < NAMES; i++) {
		unsigned current = w->current[i];

		CU_ASSERT_EQUAL(e->subscribed[i], e->wants[i]);
		CU_ASSERT_TRUE(!envoy_is_sotw(e) || !e->covered[i] || e->offered[i]);
		if (!e->wants[i] || !current)
			continue;
		if (!e->refused[i][current])
			e->credit[i] = 0;
		if (envoy_refuses(e, i, current))
			CU_ASSERT_TRUE(e->offered[i] == current || e->refused[i][current])
		else
			CU_ASSERT_EQUAL(e->running[i], current);
	}
}

/* Now and then an Envoy changes its mind while its stream is down: the request is lost. */
static bool change_mind(struct world *w, struct envoy *e)
{
	unsigned name = draw(w, NAMES);

	if (draw(w, 3) > 0)
		return false;
	if (e->wants[name])
		envoy_want_no_more(e, name);
	else
		envoy_want_anew(e, name);
	return true;
}

static void check_world(struct world *w)
{
	struct envoy *e = &w->envoys[draw(w, ENVOYS)];

	settle(w);
	for (size_t i = 0; i < ENVOYS; i++)
		check_settled(w, &w->envoys[i]);
	if (change_mind(w, e))
		reconnect(w, e, false);
	else
		reconnect(w, e, true);
	deliver_up(w, e);
	if (draw(w, 2)) {
		settle(w);
		check_settled(w, e);
	}
}

static void step(struct world *w)
{
	struct envoy *e = &w->envoys[draw(w, ENVOYS)];
	unsigned name = draw(w, NAMES);
	unsigned dice = draw(w, 100);

	while (e->n_up > QUEUE / 2)
		deliver_up(w, e);
	if (dice < 27)
		deliver_up(w, e);
	else if (dice < 54)
		deliver_down(w, e);
	else if (dice < 70)
		flush(w, e);
	else if (dice < 82)
		publish(w, name, 1 + draw(w, VERSIONS));
	else if (dice < 85)
		withdraw(w, name);
	else if (dice < 87)
		reconnect(w, e, false);
	else if (!e->wants[name] || (dice < 90 && !envoy_is_sotw(e)))
		envoy_want_anew(e, name);
	else if (dice < 93)
		envoy_want_no_more(e, name);
}

static void play(struct world *w, uint32_t seed)
{
	*w = (struct world){.random = seed, .refusals = refusals_new(1024)};
	catalog_init(&w->catalog);
	for (unsigned i = 0; i < ENVOYS; i++) {
		struct envoy *e = &w->envoys[i];

		e->id = i;
		(void)snprintf(e->node, sizeof(e->node), "envoy-%u", i);
		stream_init(&e->stream, variant_of(e), &w->catalog, w->refusals);
	}
	for (unsigned i = 1; i <= STEPS; i++) {
		step(w);
		if (i % CALM == 0)
			check_world(w);
	}
	for (size_t i = 0; i < ENVOYS; i++) {
		stream_clear(&w->envoys[i].stream);
		map_clear(&w->envoys[i].nonces, NULL);
	}
	catalog_clear(&w->catalog);
	refusals_free(w->refusals);
}

static void test_stream__keeps_its_promises_to_envoys_that_behave_as_envoy_does(void)
{
	static const uint32_t seeds[] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
	static struct world w;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		unsigned failed = CU_get_number_of_failures();

		play(&w, seeds[i]);
		if (CU_get_number_of_failures() != failed)
			printf("\n  seed %u\n", seeds[i]);
		/* The game is worth nothing where these are rare. */
		CU_ASSERT_TRUE(w.sent > STEPS / 10);
		CU_ASSERT_TRUE(w.refusals_seen > 10);
		CU_ASSERT_TRUE(w.silent_returns > 3);
		CU_ASSERT_TRUE(w.marks > 100);
	}
}

TEST_MAIN("stream_model", TEST(test_stream__keeps_its_promises_to_envoys_that_behave_as_envoy_does))
