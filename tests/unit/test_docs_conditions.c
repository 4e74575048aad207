/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/conditions.md, held against the code: the conditions, the closed list of reasons, and at
 * which conditions each reason is ever shown.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "controller/standing.h"
#include "tests/unit/test.h"

#define DOCUMENT "docs/conditions.md"
#define CONDITIONS "| condition | is True when |"
#define REASONS "| reason | where | what it means | what to do |"
#define REASON_CELLS 4
#define VERSION "5271288418911d8cf40ae70f10d0fed0d5d1bb9a1a2d4c4a9a7a3c0a8a8a1b2c"

static char *read_document(void)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_MIB);
	struct err err;

	CU_ASSERT_EQUAL_FATAL(io_read_file(AT_FDCWD, DOCUMENT, &text, &err), 0);
	return buf_take(&text);
}

/* Returns the first row of the table with this heading; NULL: there is none. */
static char *table(char *document, const char *heading)
{
	char *at = strstr(document, heading);

	for (int lines = 0; at && lines < 2; lines++) {
		at = strchr(at, '\n');
		at = at ? at + 1 : NULL;
	}
	return at;
}

/* Cuts the next row off and into its cells; false at the table's end. */
static bool next_row(char **rows, char **cells, size_t n)
{
	char *line = *rows && **rows == '|' ? strsep(rows, "\n") : NULL;

	if (!line)
		return false;
	(void)strsep(&line, "|");
	for (size_t i = 0; i < n; i++) {
		CU_ASSERT_PTR_NOT_NULL_FATAL(line);
		cells[i] = strsep(&line, "|");
		cells[i] += strspn(cells[i], " `");
		cells[i][strcspn(cells[i], "`")] = '\0';
	}
	return true;
}

static void test_document__has_every_condition(void)
{
	AUTO(free) char *document = read_document();
	char *rows = table(document, CONDITIONS);
	char *cells[2];
	int n = 0;

	while (next_row(&rows, cells, 2)) {
		CU_ASSERT_FATAL(n < CONDITION_TYPES);
		CU_ASSERT_STRING_EQUAL(cells[0], condition_type_name((enum condition_type)n));
		n++;
	}
	CU_ASSERT_EQUAL(n, CONDITION_TYPES);
}

/* Returns the place where each reason is shown, as a set of bits 1 << condition_type. */
static void find_places(unsigned places[STATUS_REASONS])
{
	for (unsigned n = 0; n < STATUS_REASONS * 16; n++) {
		struct conditions_facts facts = {
			.reason = (enum status_reason)(n / 16),
			.message = "why",
			.serving = n & 1 ? VERSION : NULL,
			.fetched = n & 2,
			.resolved = n & 4,
			.proxies.nacked = n & 8 ? 1 : 0,
		};
		struct standing s;

		if (facts.reason >= STATUS_ACCEPTED)
			continue;
		standing_of(&s, &facts);
		for (int i = 0; i < CONDITION_TYPES; i++)
			places[s.conditions[i].reason] |= 1U << i;
	}
}

/* "Fetched, Ready" */
static unsigned places_in(const char *cell)
{
	unsigned set = 0;

	if (strncmp(cell, "all", 3) == 0)
		return (1U << CONDITION_TYPES) - 1;
	for (int i = 0; i < CONDITION_TYPES; i++) {
		if (strstr(cell, condition_type_name((enum condition_type)i)))
			set |= 1U << i;
	}
	return set;
}

static void test_document__has_every_reason_once_and_where_it_is_shown(void)
{
	AUTO(free) char *document = read_document();
	char *rows = table(document, REASONS);
	char *cells[REASON_CELLS];
	unsigned places[STATUS_REASONS] = {0};
	unsigned seen[STATUS_REASONS] = {0};

	find_places(places);
	while (next_row(&rows, cells, REASON_CELLS)) {
		enum status_reason reason = STATUS_UNKNOWN;

		CU_ASSERT_TRUE_FATAL(status_reason_parse(&reason, cells[0]));
		seen[reason]++;
		if (places_in(cells[1]) != places[reason])
			printf("\n  %s is shown at %#x, not %#x\n", cells[0], places[reason],
				places_in(cells[1]));
		CU_ASSERT_EQUAL(places_in(cells[1]), places[reason]);
		CU_ASSERT(strlen(cells[2]) > 10);
	}
	for (int i = 0; i < STATUS_REASONS; i++) {
		if (seen[i] != 1)
			printf("\n  %s has %u rows\n", status_reason_name((enum status_reason)i),
				seen[i]);
		CU_ASSERT_EQUAL(seen[i], 1);
	}
}

TEST_MAIN("docs/conditions", TEST(test_document__has_every_condition),
	TEST(test_document__has_every_reason_once_and_where_it_is_shown))
