/* SPDX-License-Identifier: Apache-2.0 */
#include "api/duration.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/limits.h"
#include "base/quote.h"

#define DIGITS "0123456789"
#define WHOLE_DIGITS 9    /* so that no sum overflows */
#define FRACTION_DIGITS 3 /* behind the point */
#define THOUSAND 1000
#define HOUR_MS 3600000L

static const struct {
	const char *name;
	int64_t ms;
} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", HOUR_MS}}; /* "ms" before "m" */

/* Walks over n digits and returns their value. */
static int64_t take_digits(const char **at, size_t n)
{
	int64_t value = 0;

	for (size_t i = 0; i < n; i++)
		value = value * 10 + *(*at)++ - '0';
	return value;
}

/* Reads "12" or "1.5" in thousandths. */
static bool take_number(const char **at, int64_t *thousandths)
{
	size_t whole = strspn(*at, DIGITS);
	size_t fraction = 0;

	if (whole == 0 || whole > WHOLE_DIGITS)
		return false;
	*thousandths = take_digits(at, whole) * THOUSAND;
	if (**at != '.')
		return true;
	(*at)++;
	fraction = strspn(*at, DIGITS);
	if (fraction == 0 || fraction > FRACTION_DIGITS)
		return false;

	int64_t value = take_digits(at, fraction);

	for (; fraction < FRACTION_DIGITS; fraction++)
		value *= 10;
	*thousandths += value;
	return true;
}

/* Reads one of the parts, "30m", and adds it to ms. */
static bool take_part(const char **at, int64_t *ms)
{
	int64_t thousandths = 0;

	if (!take_number(at, &thousandths))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t n = strlen(units[i].name);

		if (strncmp(*at, units[i].name, n) != 0)
			continue;
		*at += n;
		*ms += thousandths * units[i].ms / THOUSAND;
		return thousandths * units[i].ms % THOUSAND == 0;
	}
	return false;
}

/* Adds all parts up, until there are more of them than could be right. */
static bool take_all(const char *at, int64_t *ms)
{
	do {
		if (!take_part(&at, ms))
			return false;
	} while (*at && *ms <= LIMIT_DURATION_MS);
	return true;
}

int duration_parse(int64_t *out_ms, const char *text, struct err *err)
{
	int64_t ms = 0;

	if (strlen(text) > LIMIT_DURATION_BYTES)
		return err_set(err, ERR_INVALID, "must be at most %d bytes, not %zu",
			LIMIT_DURATION_BYTES, strlen(text));
	if (!take_all(text, &ms))
		return err_set(err, ERR_INVALID,
			"must be a duration of whole milliseconds, as in \"500ms\", \"1.5s\" or "
			"\"1m30s\", not %s",
			quote(text).text);
	if (ms < 1 || ms > LIMIT_DURATION_MS)
		return err_set(err, ERR_INVALID, "must be 1ms to %ldh, not %s",
			LIMIT_DURATION_MS / HOUR_MS, quote(text).text);
	*out_ms = ms;
	return 0;
}
