/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An Envoy that wants full state, on a stream that breaks, against what xds/stream.h promises.  It
 * ACKs bytes that were its last offer, names what it refuses, and takes the rest of a response that
 * it refuses.
 */
#include "tests/unit/stream_fixture.h"
#include "tests/unit/test.h"

#define NAMES 4
#define VERSIONS 4 /* from 1; 0: none */
#define STEPS 20000

struct world {
	uint32_t random;
	struct client c;         /* the server's side */
	unsigned current[NAMES]; /* version in the catalog */
	bool lost[NAMES];        /* its module cannot be had, until it changes */
	bool wants[NAMES];
	unsigned offered[NAMES];
	unsigned running[NAMES];
	unsigned carried[NAMES]; /* by the response on its way; 0: not */
	bool under_way;
	bool moved[NAMES]; /* since it accepted info, which tells nothing of it */
	char info[DIGEST_HEX_LEN + 1];
	char nonce[24];
	size_t nacks, returns, silent;
};

static unsigned draw(struct world *w, unsigned below)
{
	w->random ^= w->random << 13;
	w->random ^= w->random >> 17;
	w->random ^= w->random << 5;
	return w->random % below;
}

static bool refuses(unsigned name, unsigned version)
{
	return (name * 3 + version * 5) % 4 == 0;
}

static void name_text(char out[16], unsigned name)
{
	(void)snprintf(out, 16, "a/%u", name);
}

static unsigned number_of(const struct subscription *sub)
{
	return (unsigned)(sub->resource->name[2] - '0');
}

/* Every request says all that it wants; reason NULL: it refuses nothing. */
static void ask(struct world *w, const char *reason)
{
	char names[64] = "";

	for (unsigned i = 0; i < NAMES; i++) {
		size_t used = strlen(names);

		if (w->wants[i])
			(void)snprintf(
				names + used, sizeof(names) - used, "%sa/%u", used ? "," : "", i);
	}
	client_ask(&w->c,
		&(struct ask){
			.names = names, .nonce = w->nonce, .version = w->info, .refuses = reason});
}

static void publish(struct world *w, unsigned name)
{
	char texts[2][16];
	unsigned version = 1 + draw(w, VERSIONS);

	name_text(texts[0], name);
	(void)snprintf(texts[1], sizeof(texts[1]), "%02x%02x", name + 1, version);
	w->current[name] = version;
	w->lost[name] = draw(w, 8) == 0;
	client_publish(&w->c, texts[0], texts[1]);
}

static void withdraw(struct world *w, unsigned name)
{
	char text[16];

	name_text(text, name);
	w->current[name] = 0;
	catalog_remove(&w->c.catalog, text);
}

static void skip_lost(struct world *w)
{
	struct subscription *sub;
	size_t at = 0;

	while ((sub = stream_carried(&w->c.stream, &at))) {
		if (w->lost[number_of(sub)])
			stream_skip(sub);
	}
}

/* The last name went. */
static bool send_mark(struct world *w)
{
	if (!stream_mark(&w->c.stream, &w->c.response))
		return false;
	memset(w->carried, 0, sizeof(w->carried));
	for (unsigned i = 0; i < NAMES; i++)
		CU_ASSERT_FALSE(w->wants[i]);
	w->under_way = true;
	return true;
}

/* A response carries all that it wants, that there is and that can be had. */
static void send(struct world *w)
{
	struct subscription *sub;
	struct subscription *other;
	size_t at = 0;

	skip_lost(w);
	sub = send_mark(w) ? NULL : stream_next(&w->c.stream);
	if (!sub)
		return;
	memset(w->carried, 0, sizeof(w->carried));
	stream_sent(sub, &w->c.response);
	w->carried[number_of(sub)] = w->current[number_of(sub)];
	while ((other = stream_also(sub, &at)))
		w->carried[number_of(other)] = w->current[number_of(other)];
	for (unsigned i = 0; i < NAMES; i++)
		CU_ASSERT_EQUAL(w->carried[i], w->wants[i] && !w->lost[i] ? w->current[i] : 0);
	w->under_way = true;
}

/* Takes what it is offered anew, and appends its name where it refuses that. */
static void apply(struct world *w, unsigned name, char reason[128])
{
	unsigned version = w->carried[name];
	size_t used = strlen(reason);

	if (!version || !w->wants[name] || w->offered[name] == version)
		return;
	w->offered[name] = version;
	if (refuses(name, version))
		(void)snprintf(reason + used, 128 - used, "Unable to create a/%u. ", name);
	else
		w->running[name] = version;
	w->moved[name] = true;
}

static void receive(struct world *w)
{
	char reason[128] = "";

	if (!w->under_way)
		return;
	w->under_way = false;
	for (unsigned i = 0; i < NAMES; i++)
		apply(w, i, reason);
	w->nacks += reason[0] != '\0';
	(void)snprintf(w->nonce, sizeof(w->nonce), "%s", w->c.response.nonce);
	if (reason[0] == '\0') {
		(void)snprintf(w->info, sizeof(w->info), "%s", w->c.response.version);
		memset(w->moved, 0, sizeof(w->moved));
	}
	ask(w, reason[0] ? reason : NULL);
}

static void change_mind(struct world *w, unsigned name)
{
	w->wants[name] = !w->wants[name];
	w->offered[name] = 0;
	w->running[name] = 0;
	w->moved[name] = true;
}

static void reconnect(struct world *w)
{
	client_reconnect(&w->c);
	w->c.stream.full_state = true;
	w->under_way = false;
	w->nonce[0] = '\0';
	w->returns++;
	/* No server can tell one that forgot a name and wants it anew, or took a part of what it
	 * refused, from one that has what info stands for: the model's Envoy then says none. */
	for (unsigned i = 0; i < NAMES; i++) {
		if (w->moved[i] && w->wants[i])
			w->info[0] = '\0';
	}
	ask(w, NULL);
}

static void settle(struct world *w)
{
	unsigned rounds = 0;

	do {
		receive(w);
		send(w);
		CU_ASSERT_TRUE_FATAL(++rounds < 20);
	} while (w->under_way);
}

static void check(const struct world *w)
{
	for (unsigned i = 0; i < NAMES; i++) {
		unsigned current = w->current[i];

		/* what it refuses it was offered once, perhaps on another stream */
		if (w->wants[i] && current && !w->lost[i] && !refuses(i, current))
			CU_ASSERT_EQUAL(w->running[i], current);
	}
}

static void come_back(struct world *w)
{
	bool whole = true;

	settle(w);
	check(w);
	for (unsigned i = 0; i < NAMES; i++)
		whole &= !w->wants[i] || (w->current[i] && !w->lost[i]);
	if (draw(w, 3) == 0) {
		change_mind(w, draw(w, NAMES));
		whole = false;
	}
	reconnect(w);
	send(w);
	w->silent += whole && !w->under_way;
	settle(w);
	check(w);
}

static void step(struct world *w, unsigned dice)
{
	unsigned name = draw(w, NAMES);

	if (dice < 30) {
		receive(w);
	} else if (dice < 60) {
		if (!w->under_way)
			send(w);
	} else if (dice < 80) {
		publish(w, name);
	} else if (dice < 84) {
		withdraw(w, name);
	} else if (dice < 88) {
		reconnect(w);
	} else {
		change_mind(w, name);
		ask(w, NULL);
	}
}

static void play(struct world *w, uint32_t seed)
{
	*w = (struct world){.random = seed};
	client_begin(&w->c, STREAM_SOTW);
	w->c.stream.full_state = true;
	for (unsigned i = 1; i <= STEPS; i++) {
		step(w, draw(w, 100));
		if (i % 40 == 0)
			come_back(w);
	}
	client_end(&w->c);
}

static void test_stream__keeps_its_promises_to_an_envoy_that_wants_full_state(void)
{
	static const uint32_t seeds[] = {1, 2, 3, 5, 8, 13, 21, 34, 55, 89};
	static struct world w;

	for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
		unsigned failed = CU_get_number_of_failures();

		play(&w, seeds[i]);
		if (CU_get_number_of_failures() != failed)
			printf("\n  seed %u\n", seeds[i]);
		/* The game is worth nothing where these are rare. */
		CU_ASSERT_TRUE(w.nacks > 100);
		CU_ASSERT_TRUE(w.returns > 100);
		CU_ASSERT_TRUE(w.silent > 10);
	}
}

TEST_MAIN("stream_full_model",
	TEST(test_stream__keeps_its_promises_to_an_envoy_that_wants_full_state))
