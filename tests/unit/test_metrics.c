/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/metrics.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/limits.h"
#include "tests/unit/test.h"

static void test_metrics_report__has_all_that_was_counted(void)
{
	AUTO(buf) struct buf out = BUF_INIT(LIMIT_MIB);
	struct metrics m = {.leads = true};
	struct err err;

	metrics_add(&m.reconciles, 3);
	metrics_add(&m.extensions[STATUS_PROGRAMMED], 2);
	metrics_add(&m.extensions[STATUS_PROGRAMMED], (uint64_t)-1);
	metrics_add(&m.fetches[FETCH_OCI][ERR_NONE], 5);
	metrics_add(&m.fetches[FETCH_S3][ERR_DENIED], 1);
	metrics_add(&m.unchanged[FETCH_OCI], 4);
	metrics_set(&m.store_bytes, 1234);
	CU_ASSERT_EQUAL(metrics_report(&out, &m, &err), 0);
	ASSERT_HAS(buf_text(&out), "\nwasmxds_controller_reconciles_total 3\n");
	ASSERT_HAS(buf_text(&out), "\nwasmxds_controller_extensions{reason=\"Programmed\"} 1\n");
	ASSERT_HAS(buf_text(&out),
		"\nwasmxds_controller_fetches_total{protocol=\"oci\",result=\"ok\"} 5\n");
	ASSERT_HAS(buf_text(&out),
		"\nwasmxds_controller_fetches_total{protocol=\"oci\",result=\"unchanged\"} 4\n");
	ASSERT_HAS(buf_text(&out),
		"\nwasmxds_controller_fetches_total{protocol=\"s3\",result=\"denied\"} 1\n");
	ASSERT_HAS(buf_text(&out), "\nwasmxds_controller_store_bytes 1234\n");
	ASSERT_HAS(buf_text(&out), "\nwasmxds_controller_leader 1\n");
}

static void test_metrics_report__fails_at_the_ceiling(void)
{
	AUTO(buf) struct buf out = BUF_INIT(100);
	struct metrics m = {.leads = false};
	struct err err;

	CU_ASSERT_EQUAL(metrics_report(&out, &m, &err), -1);
	CU_ASSERT_EQUAL(err.code, ERR_INVALID);
}

TEST_MAIN("metrics", TEST(test_metrics_report__has_all_that_was_counted),
	TEST(test_metrics_report__fails_at_the_ceiling))
