/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/tally.h"

#include <inttypes.h>

#define NAME "wasmxds_webhook_review_seconds"

static const struct {
	int64_t us;
	const char *seconds;
} bounds[TALLY_BUCKETS] = {
	{500, "0.0005"},
	{1000, "0.001"},
	{2500, "0.0025"},
	{5000, "0.005"},
	{10000, "0.01"},
	{25000, "0.025"},
	{50000, "0.05"},
	{100000, "0.1"},
	{500000, "0.5"},
	{1000000, "1"},
	{2500000, "2.5"},
	{5000000, "5"},
};

static const char *const paths[TALLY_PATHS] = {"mutate", "validate"};
static const char *const verdicts[TALLY_VERDICTS] = {
	"allowed", "patched", "refused", "forbidden", "failed", "malformed"};

void tally_add(struct tally *t, enum tally_path path, enum tally_verdict verdict, int64_t us)
{
	struct tally_histogram *h = &t->seconds[path][verdict];
	int at = 0;

	while (at < TALLY_BUCKETS && us > bounds[at].us)
		at++;
	atomic_fetch_add(&h->buckets[at], 1);
	atomic_fetch_add(&h->sum_us, (uint_fast64_t)us);
}

static int print_histogram(struct buf *out, const struct tally_histogram *h, const char *path,
	const char *verdict, struct err *err)
{
	uint64_t n = 0;

	for (int i = 0; i <= TALLY_BUCKETS; i++) {
		n += atomic_load(&h->buckets[i]);
		if (buf_printf(out, err,
			    NAME "_bucket{path=\"%s\",verdict=\"%s\",le=\"%s\"} %" PRIu64 "\n",
			    path, verdict, i < TALLY_BUCKETS ? bounds[i].seconds : "+Inf", n) < 0)
			return -1;
	}
	return buf_printf(out, err,
		NAME "_sum{path=\"%s\",verdict=\"%s\"} %.6f\n" NAME
		     "_count{path=\"%s\",verdict=\"%s\"} %" PRIu64 "\n",
		path, verdict, (double)atomic_load(&h->sum_us) / 1e6, path, verdict, n);
}

int tally_print(struct buf *out, const struct tally *t, struct err *err)
{
	if (buf_printf(out, err,
		    "# HELP " NAME " Time to answer an admission review, by how it ended.\n"
		    "# TYPE " NAME " histogram\n") < 0)
		return -1;
	for (int p = 0; p < TALLY_PATHS; p++) {
		for (int v = 0; v < TALLY_VERDICTS; v++) {
			if (print_histogram(out, &t->seconds[p][v], paths[p], verdicts[v], err) < 0)
				return -1;
		}
	}
	return 0;
}
