/* SPDX-License-Identifier: Apache-2.0 */
#include "store/generation.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "store/ingest.h"
#include "store/layout.h"

/* So few that one more than the largest still fits in 64 bits. */
#define DIGITS 19

static bool parse(const char *text, uint64_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > DIGITS || strcmp(text + digits, "\n") != 0)
		return false;
	*out = strtoull(text, NULL, 10);
	return true;
}

bool generation_read(int fd, uint64_t *out)
{
	AUTO(buf) struct buf text = BUF_INIT(DIGITS + 1);
	struct err err;
	AUTO(fd) int file = layout_open_file(fd, LAYOUT_GENERATION, &err);

	if (file < 0 && err.code == ERR_NOT_FOUND) {
		*out = 0;
		return true;
	}
	return file >= 0 && io_read(file, &text, &err) == 0 && parse(buf_text(&text), out);
}

bool generation_settle(struct generation_tally *t, uint64_t now)
{
	uint64_t moved = now - t->at; /* backwards is very far */
	bool unseen = moved > t->bumps;

	t->at = now;
	/* Bumps that came after the counter was read stay for the next time. */
	t->bumps = unseen ? 0 : t->bumps - moved;
	return unseen;
}

void generation_find(struct store *st)
{
	struct timespec now = {.tv_sec = 0};

	if (generation_read(st->fd, &st->generation))
		return;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	st->generation = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int generation_bump(struct store *st, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(DIGITS + 2);

	/* Counted even if it fails: it may have been seen, and the next must not look the same. */
	st->generation++;
	if (buf_printf(&text, err, "%" PRIu64 "\n", st->generation) < 0)
		return err_wrap(err, LAYOUT_GENERATION);
	return ingest_publish(st, st->fd, LAYOUT_GENERATION, &text, err);
}
