/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cli/progress.h - how far a verb has come, on one line of a terminal; where standard error is
 * something else, nothing.
 * Threads: one at a time.
 */
#ifndef WASMXDS_CLI_PROGRESS_H
#define WASMXDS_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool is_terminal;
	bool is_drawn;
	int64_t drawn_ms; /* of io_monotonic_ms() */
};

void progress_init(struct progress *p);

/* Returns whether a new line would be drawn: there is a terminal, and the last one is no longer
 * than a moment old. */
bool progress_is_due(const struct progress *p);

/* Draws the line in place of the last one. */
void progress_draw(struct progress *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Takes the line away, so that something else can be printed. */
void progress_clear(struct progress *p);
static inline void auto_progress(struct progress *p)
{
	progress_clear(p);
}

/* For fetch_options.on_progress, with one fetch at a time: arg is the struct progress. */
void progress_on_bytes(void *arg, uint64_t done, uint64_t total);

/* A value, so that `progress_size(n).text` is an argument: "12.3 MiB". */
struct progress_size {
	char text[24];
};
struct progress_size progress_size(uint64_t bytes);

#endif
