/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/io.h"

#define PAUSE_MS 100
#define CLEAR_LINE "\r\033[K"

void progress_init(struct progress *p)
{
	*p = (struct progress){.is_terminal = isatty(STDERR_FILENO) == 1};
}

bool progress_is_due(const struct progress *p)
{
	return p->is_terminal && (!p->is_drawn || io_monotonic_ms() - p->drawn_ms >= PAUSE_MS);
}

void progress_draw(struct progress *p, const char *fmt, ...)
{
	va_list args;

	if (!p->is_terminal)
		return;
	(void)fputs(CLEAR_LINE, stderr);
	va_start(args, fmt);
	(void)vfprintf(stderr, fmt, args);
	va_end(args);
	(void)fflush(stderr);
	p->is_drawn = true;
	p->drawn_ms = io_monotonic_ms();
}

void progress_clear(struct progress *p)
{
	if (p->is_drawn)
		(void)fputs(CLEAR_LINE, stderr);
	p->is_drawn = false;
}

void progress_on_bytes(void *arg, uint64_t done, uint64_t total)
{
	struct progress *p = arg;

	if (!progress_is_due(p))
		return;
	if (total > 0)
		progress_draw(p, "%s of %s", progress_size(done).text, progress_size(total).text);
	else
		progress_draw(p, "%s", progress_size(done).text);
}

struct progress_size progress_size(uint64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	struct progress_size out;
	double size = (double)bytes / 1024;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(out.text, sizeof(out.text), "%" PRIu64 " bytes", bytes);
		return out;
	}
	for (; size >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0]); unit++)
		size /= 1024;
	(void)snprintf(out.text, sizeof(out.text), "%.1f %s", size, units[unit]);
	return out;
}
