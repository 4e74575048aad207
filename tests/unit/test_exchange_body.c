/* SPDX-License-Identifier: Apache-2.0 */
/* What fetch/exchange.c makes of bodies that are cut, changed or answered otherwise than asked. */
#include "fetch/exchange.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"
#include "tests/unit/script_server.h"
#include "tests/unit/test.h"

#define BODY_BYTES (256 * LIMIT_KIB)
#define CUTS 100

/* A server of one body, of which it gives as little at a time as it is told. */
struct place {
	uint8_t body[BODY_BYTES];
	uint8_t changed[BODY_BYTES]; /* what it is from request change_at on */
	unsigned change_at;          /* 0: never */
	size_t cuts[CUTS];           /* ascending; no answer passes the next of these offsets */
	unsigned whole_from;         /* the request from which on nothing is cut; 0: none */
	unsigned headless_every;     /* each so manieth answer is cut before its body; 0: none */
	size_t part;                 /* the most that a 206 holds; 0: all that was asked for */
	const char *etag;            /* NULL: none */
	const char *new_etag;
	bool ignores_range;
	bool ignores_if_range;
	bool refuses_range;
	const char *content_range; /* in place of the right one */
	uint64_t sent;             /* bytes of bodies */
	unsigned ranges;           /* requests that asked for one */
	unsigned conditions;       /* and said If-Range */
	struct script_server *server;
	struct fetch_options options;
	struct fetch_task task;
	struct exchange_request request;
	struct exchange_reply reply;
	struct sink sink;
	int fd;
	char *url;
};

static const char *header(const char *request, const char *name)
{
	const char *at = strstr(request, name);

	return at ? at + strlen(name) : NULL;
}

/* Returns the first byte that an answer to request holds. */
static size_t first_byte(struct place *p, const char *request, const char *etag)
{
	const char *range = header(request, "\r\nRange: bytes=");
	const char *condition = header(request, "\r\nIf-Range: ");

	p->ranges += range != NULL;
	p->conditions += condition != NULL;
	if (!range || p->ignores_range)
		return 0;
	if (condition && !p->ignores_if_range &&
		(!etag || strncmp(condition, etag, strlen(etag)) != 0))
		return 0;
	return strtoul(range, NULL, 10);
}

static size_t next_cut(const struct place *p, unsigned nth, size_t from)
{
	for (size_t i = 0; i < CUTS && (p->whole_from == 0 || nth < p->whole_from); i++) {
		if (p->cuts[i] > from)
			return p->cuts[i];
	}
	return BODY_BYTES;
}

static void print_head(const struct place *p, int fd, size_t from, size_t end, const char *etag)
{
	script_print(fd, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n",
		from ? "206 Partial Content" : "200 OK", end - from);
	if (etag)
		script_print(fd, "ETag: %s\r\n", etag);
	if (from && p->content_range)
		script_print(fd, "Content-Range: %s\r\n", p->content_range);
	else if (from)
		script_print(fd, "Content-Range: bytes %zu-%zu/%lu\r\n", from, end - 1, BODY_BYTES);
}

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct place *p = arg;
	bool changed = p->change_at > 0 && nth >= p->change_at;
	const char *etag = changed ? p->new_etag : p->etag;
	size_t from = first_byte(p, request, etag);
	size_t end = from && p->part && from + p->part < BODY_BYTES ? from + p->part : BODY_BYTES;
	size_t cut = next_cut(p, nth, from);

	if (from && p->refuses_range) {
		script_print(fd, "HTTP/1.1 416 No\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	print_head(p, fd, from, end, etag);
	if (p->headless_every > 0 && nth % p->headless_every == p->headless_every - 1)
		return;
	script_print(fd, "\r\n");
	if (end > cut)
		end = cut;
	p->sent += end - from;
	script_send(fd, (changed ? p->changed : p->body) + from, end - from);
}

/* Numbers by chance, and the same ones each time. */
static uint32_t chance(uint32_t *state)
{
	*state = *state * 1664525U + 1013904223U;
	return *state >> 8;
}

static int by_size(const void *a, const void *b)
{
	const size_t *x = a;
	const size_t *y = b;

	return (*x > *y) - (*x < *y);
}

static void place_init(struct place *p, uint32_t seed, size_t n_cuts)
{
	memset(p, 0, sizeof(*p));
	for (size_t i = 0; i < BODY_BYTES; i++) {
		p->body[i] = (uint8_t)chance(&seed);
		p->changed[i] = (uint8_t)chance(&seed);
	}
	for (size_t i = 0; i < CUTS; i++)
		p->cuts[i] = i < n_cuts ? 1 + chance(&seed) % (BODY_BYTES - 1) : BODY_BYTES;
	qsort(p->cuts, CUTS, sizeof(p->cuts[0]), by_size);
	p->options = fixture_options();
	p->task.options = &p->options;
	p->etag = "\"a\"";
	p->new_etag = "\"b\"";
	p->fd = fixture_file();
	sink_init(&p->sink, p->fd, BODY_BYTES);
	p->server = script_server_start(answer, p);
	p->url = xasprintf("http://127.0.0.1:%u/x", script_server_port(p->server));
	p->request.url = p->url;
	p->request.sink = &p->sink;
}

static struct place *place_new(uint32_t seed, size_t n_cuts)
{
	struct place *p = xmalloc(sizeof(*p));

	place_init(p, seed, n_cuts);
	return p;
}

static void auto_place(struct place **p)
{
	script_server_stop((*p)->server);
	exchange_reply_clear(&(*p)->reply);
	sink_clear(&(*p)->sink);
	auto_fd(&(*p)->fd);
	free((*p)->url);
	free(*p);
}

static int run(struct place *p, struct err *err)
{
	return exchange(&p->reply, &p->task, &p->request, err);
}

static void assert_brings(struct place *p, const uint8_t *bytes)
{
	struct err err = {0};
	struct digest got;
	struct digest want;

	if (run(p, &err) < 0)
		printf("\n  %s\n", err.msg);
	CU_ASSERT_EQUAL_FATAL(err.code, ERR_NONE);
	CU_ASSERT_EQUAL(p->sink.size, BODY_BYTES);
	CU_ASSERT_TRUE(fixture_file_is(p->fd, bytes, BODY_BYTES));
	sink_finish(&p->sink, &got);
	digest_of(&want, bytes, BODY_BYTES);
	CU_ASSERT_TRUE(digest_equal(&got, &want));
}

static void test_exchange__ends_a_body_that_is_cut_100_times(void)
{
	for (uint32_t seed = 1; seed <= 3; seed++) {
		AUTO(place) struct place *p = place_new(seed, CUTS);

		p->headless_every = 7;
		assert_brings(p, p->body);
		CU_ASSERT_TRUE(p->sent <= BODY_BYTES + BODY_BYTES / 10);
		CU_ASSERT_TRUE(p->ranges >= CUTS - 5); /* some cuts may fall together */
		CU_ASSERT_TRUE(script_server_requests(p->server) > CUTS);
	}
}

static void test_exchange__starts_anew_where_range_is_ignored(void)
{
	AUTO(place) struct place *p = place_new(4, 1);

	p->ignores_range = true;
	p->whole_from = 2;
	assert_brings(p, p->body);
	CU_ASSERT_EQUAL(p->ranges, 2);
	CU_ASSERT_EQUAL(script_server_requests(p->server), 3);
}

static void test_exchange__gives_up_where_nothing_further_comes(void)
{
	AUTO(place) struct place *p = place_new(5, 1);
	struct err err = {0};

	p->ignores_range = true;
	CU_ASSERT_EQUAL(run(p, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_TRANSIENT);
	ASSERT_HAS(err.msg, "tried 3 times: ");
	CU_ASSERT_EQUAL(script_server_requests(p->server), 3);
}

static void test_exchange__takes_the_new_body_where_the_etag_changed(void)
{
	AUTO(place) struct place *p = place_new(6, 1);

	p->change_at = 1;
	p->whole_from = 1;
	assert_brings(p, p->changed);
	CU_ASSERT_EQUAL(p->conditions, 1);
	CU_ASSERT_EQUAL(script_server_requests(p->server), 2);
}

static void test_exchange__does_not_trust_a_206_of_another_etag(void)
{
	AUTO(place) struct place *p = place_new(7, 1);

	p->change_at = 1;
	p->whole_from = 1;
	p->ignores_if_range = true;
	assert_brings(p, p->changed);
	CU_ASSERT_EQUAL(p->ranges, 1);
	CU_ASSERT_EQUAL(script_server_requests(p->server), 3);
}

/* The head of the new body came, and none of its bytes: those of the old one are still there. */
static void test_exchange__does_not_mix_bodies_where_only_a_head_came(void)
{
	AUTO(place) struct place *p = place_new(8, 1);

	p->change_at = 1;
	p->whole_from = 1;
	p->headless_every = 2;
	p->options.retry.tries = 4;
	assert_brings(p, p->changed);
	CU_ASSERT_EQUAL(script_server_requests(p->server), 3);
}

static void test_exchange__does_not_trust_a_part_that_is_not_the_one_asked_for(void)
{
	static const char *const ranges[] = {"bytes 0-262143/262144", "bytes 5-262143/262144",
		"bytes 1-2/3", "bytes */262144", "items 1-2/3", "nonsense", ""};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		AUTO(place) struct place *p = place_new(9, 1);

		p->content_range = ranges[i];
		p->whole_from = 1;
		assert_brings(p, p->body);
		CU_ASSERT_EQUAL(p->ranges, 1);
		CU_ASSERT_EQUAL(script_server_requests(p->server), 3);
	}
}

static void test_exchange__asks_for_no_part_that_could_be_of_another_body(void)
{
	static const char *const etags[] = {NULL, "W/\"a\"", "", "a", "\"\""};

	for (size_t i = 0; i < sizeof(etags) / sizeof(etags[0]); i++) {
		AUTO(place) struct place *p = place_new(10, 1);

		p->etag = etags[i];
		p->whole_from = 1;
		assert_brings(p, p->body);
		CU_ASSERT_EQUAL(p->ranges, 0);
	}
}

static void test_exchange__asks_for_a_part_of_what_never_changes(void)
{
	AUTO(place) struct place *p = place_new(11, CUTS);

	p->etag = NULL;
	p->request.immutable = true;
	assert_brings(p, p->body);
	CU_ASSERT_EQUAL(p->sent, BODY_BYTES);
	CU_ASSERT_EQUAL(p->conditions, 0);
}

static void test_exchange__starts_anew_after_416(void)
{
	AUTO(place) struct place *p = place_new(12, 1);

	p->refuses_range = true;
	p->whole_from = 1;
	assert_brings(p, p->body);
	CU_ASSERT_EQUAL(p->ranges, 1);
	CU_ASSERT_EQUAL(script_server_requests(p->server), 3);
}

static void test_exchange__goes_on_after_a_part_that_is_too_short(void)
{
	AUTO(place) struct place *p = place_new(13, 0);

	p->cuts[0] = 1000;
	p->part = 50000;
	assert_brings(p, p->body);
	CU_ASSERT_EQUAL(script_server_requests(p->server), 1 + (BODY_BYTES - 1000) / 50000 + 1);
}

static void test_exchange__counts_what_is_there_already_against_the_ceiling(void)
{
	AUTO(place) struct place *p = place_new(14, 1);
	struct err err = {0};

	p->sink.max = BODY_BYTES - 1;
	CU_ASSERT_EQUAL(run(p, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
	ASSERT_HAS(err.msg, "262144 bytes, by its Content-Length");
	CU_ASSERT_EQUAL(script_server_requests(p->server), 1);
}

struct progress {
	uint64_t done;
	uint64_t total;
	bool fell;
};

static void on_progress(void *arg, uint64_t done, uint64_t total)
{
	struct progress *progress = arg;

	progress->fell |= done < progress->done;
	progress->done = done;
	progress->total = total;
}

static void test_exchange__tells_how_far_it_is(void)
{
	AUTO(place) struct place *p = place_new(15, CUTS);
	struct progress progress = {0};

	p->options.on_progress = on_progress;
	p->options.on_progress_arg = &progress;
	assert_brings(p, p->body);
	CU_ASSERT_FALSE(progress.fell);
	CU_ASSERT_EQUAL(progress.done, BODY_BYTES);
	CU_ASSERT_EQUAL(progress.total, BODY_BYTES);
}

TEST_MAIN("exchange_body", TEST(test_exchange__ends_a_body_that_is_cut_100_times),
	TEST(test_exchange__starts_anew_where_range_is_ignored),
	TEST(test_exchange__gives_up_where_nothing_further_comes),
	TEST(test_exchange__takes_the_new_body_where_the_etag_changed),
	TEST(test_exchange__does_not_trust_a_206_of_another_etag),
	TEST(test_exchange__does_not_mix_bodies_where_only_a_head_came),
	TEST(test_exchange__does_not_trust_a_part_that_is_not_the_one_asked_for),
	TEST(test_exchange__asks_for_no_part_that_could_be_of_another_body),
	TEST(test_exchange__asks_for_a_part_of_what_never_changes),
	TEST(test_exchange__starts_anew_after_416),
	TEST(test_exchange__goes_on_after_a_part_that_is_too_short),
	TEST(test_exchange__counts_what_is_there_already_against_the_ceiling),
	TEST(test_exchange__tells_how_far_it_is))
