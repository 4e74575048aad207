/* SPDX-License-Identifier: Apache-2.0 */
#include "base/resident.h"

#include <malloc.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/auto.h"

#define LINE_BYTES 4352 /* a path, and what stands before it */
#define KIB 1024UL
#define HEX 16
#define DECIMAL 10

/* A mapping as /proc/self/smaps tells it. */
struct mapping {
	uintptr_t start, end;
	bool is_library; /* read-only, private, of a file */
	unsigned long resident_kib;
	unsigned long own_kib; /* written to, or swapped out: there is no other copy */
};

/* "7f00-7f01 r-xp 00000000 08:01 1234   /usr/lib/libx.so" */
static bool read_head(struct mapping *m, char *line)
{
	char *at = line;
	uintptr_t start = strtoul(at, &at, HEX);
	uintptr_t end = *at == '-' ? strtoul(at + 1, &at, HEX) : 0;

	if (end <= start || at[0] != ' ')
		return false;
	*m = (struct mapping){.start = start,
		.end = end,
		.is_library = at[1] == 'r' && at[2] == '-' && at[4] == 'p' && strchr(at, '/')};
	return true;
}

/* "Rss:   12 kB" */
static void read_field(unsigned long *to, const char *line, const char *name)
{
	size_t n = strlen(name);

	if (strncmp(line, name, n) != 0 || line[n] != ':')
		return;
	*to += strtoul(line + n + 1, NULL, DECIMAL);
}

static void read_fields(struct mapping *m, const char *line)
{
	static const char *const own[] = {"Private_Dirty", "Shared_Dirty", "Anonymous", "Swap"};

	read_field(&m->resident_kib, line, "Rss");
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		read_field(&m->own_kib, line, own[i]);
}

/* What was relocated, and then protected, must stay. */
static size_t let_go(const struct mapping *m)
{
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): that is how the kernel tells it */
	void *start = (void *)m->start;

	if (!m->is_library || m->own_kib > 0 || m->resident_kib == 0 ||
		madvise(start, m->end - m->start, MADV_DONTNEED) < 0)
		return 0;
	return m->resident_kib * KIB;
}

size_t resident_trim(void)
{
	AUTO(file) FILE *maps = fopen("/proc/self/smaps", "re");
	char line[LINE_BYTES];
	struct mapping m = {.is_library = false};
	struct mapping next;
	size_t bytes = 0;

	(void)malloc_trim(0);
	while (maps && fgets(line, sizeof(line), maps)) {
		if (read_head(&next, line)) {
			bytes += let_go(&m);
			m = next;
		} else
			read_fields(&m, line);
	}
	return bytes + let_go(&m);
}
