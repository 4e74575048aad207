/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/metrics.h"

#include <inttypes.h>

static uint64_t value(const atomic_uint_fast64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

static int head(
	struct buf *out, const char *name, const char *type, const char *help, struct err *err)
{
	return buf_printf(out, err,
		"# HELP wasmxds_controller_%s %s\n# TYPE wasmxds_controller_%s %s\n", name, help,
		name, type);
}

static int plain(struct buf *out, const char *name, uint64_t number, struct err *err)
{
	return buf_printf(out, err, "wasmxds_controller_%s %" PRIu64 "\n", name, number);
}

static int report_extensions(struct buf *out, const struct metrics *m, struct err *err)
{
	if (head(out, "extensions", "gauge", "Extensions, by what is said of them.", err) < 0)
		return -1;
	for (int i = 0; i < STATUS_REASONS; i++) {
		uint64_t n = value(&m->extensions[i]);

		if (n > 0 && buf_printf(out, err,
				     "wasmxds_controller_extensions{reason=\"%s\"} %" PRIu64 "\n",
				     status_reason_name((enum status_reason)i), n) < 0)
			return -1;
	}
	return 0;
}

static int report_fetch(
	struct buf *out, int source, const char *result, uint64_t n, struct err *err)
{
	if (n == 0)
		return 0;
	return buf_printf(out, err,
		"wasmxds_controller_fetches_total{protocol=\"%s\",result=\"%s\"} %" PRIu64 "\n",
		fetch_source_name((enum fetch_source)source), result, n);
}

static int report_fetches(struct buf *out, const struct metrics *m, struct err *err)
{
	if (head(out, "fetches_total", "counter",
		    "Fetches that ended, by what became of them; unchanged: nothing had to be "
		    "brought.",
		    err) < 0)
		return -1;
	for (int source = 0; source < METRICS_SOURCES; source++) {
		uint64_t unchanged = value(&m->unchanged[source]);

		if (report_fetch(out, source, "unchanged", unchanged, err) < 0)
			return -1;
		for (int code = 0; code < METRICS_ERRORS; code++) {
			const char *result =
				code == ERR_NONE ? "ok" : err_code_name((enum err_code)code);

			if (report_fetch(
				    out, source, result, value(&m->fetches[source][code]), err) < 0)
				return -1;
		}
	}
	return 0;
}

int metrics_report(struct buf *out, const struct metrics *m, struct err *err)
{
	const struct {
		const char *name;
		const char *type;
		const char *help;
		uint64_t value;
	} rows[] = {
		{"reconciles_total", "counter", "Looks at an extension.", value(&m->reconciles)},
		{"records_put_total", "counter", "Records written to the store.",
			value(&m->records_put)},
		{"records_deleted_total", "counter", "Records removed from the store.",
			value(&m->records_deleted)},
		{"store_bytes", "gauge", "Of all modules in the store.", value(&m->store_bytes)},
		{"source_failures_total", "counter",
			"Failures to read manifests, or from the API server.",
			value(&m->source_failures)},
		{"status_waiting", "gauge", "Extensions whose status is to be written.",
			value(&m->status_waiting)},
		{"leader", "gauge", "1 while this process may write.", atomic_load(&m->leads)},
	};

	if (report_extensions(out, m, err) < 0 || report_fetches(out, m, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (head(out, rows[i].name, rows[i].type, rows[i].help, err) < 0 ||
			plain(out, rows[i].name, rows[i].value, err) < 0)
			return -1;
	}
	return 0;
}
