/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/curl.h"
#include "base/io.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "fetch/exchange.h"
#include "fetch/fetch.h"
#include "fetch/task.h"

#define STALE_SECONDS 10 /* a resource that is on its way for longer is something wrong */
#define SHORT_VERSION 12

enum output { OUTPUT_TEXT, OUTPUT_WIDE, OUTPUT_JSON };

struct status_config {
	struct options options;
	char *admin;
	int output; /* enum output */
	int64_t timeout_ms;
};

static const char *const outputs[] = {"text", "wide", "json", NULL};

static const struct flag status_flags[] = {
	{.name = "admin",
		.value = "URL",
		.type = FLAG_TEXT,
		.offset = offsetof(struct status_config, admin),
		.def = "http://127.0.0.1:8611",
		.help = "admin port of `wasmxds run` or `wasmxds xds`"},
	{.name = "output",
		.letter = 'o',
		.value = "FORMAT",
		.type = FLAG_CHOICE,
		.offset = offsetof(struct status_config, output),
		.def = "text",
		.choices = outputs,
		.help = "how it is shown"},
	{.name = "timeout",
		.value = "TIME",
		.type = FLAG_DURATION,
		.offset = offsetof(struct status_config, timeout_ms),
		.def = "10s",
		.min = 1,
		.max = 600000,
		.help = "for the answer"},
	OPTIONS_HELP,
};

const struct flags status_usage = {
	.usage = "wasmxds status [flags]",
	.about = "Shows every proxy, what it subscribes to and how that stands: SYNCED (it "
		 "accepted the\n"
		 "current version), STALE (a newer one is on its way), NACK (it refused it; -o "
		 "wide\n"
		 "says why), MISSING (there is no such extension) or DENIED (it may not have it).\n"
		 "Exit code: 0 all is well, 1 something is not, 2 no answer.",
	.table = status_flags,
	.n = sizeof(status_flags) / sizeof(status_flags[0]),
};

/* One line of the table; borrowed from the report. */
struct row {
	const char *node;
	const char *peer;
	const char *method;
	const char *name;
	const char *state;
	const char *version;
	const char *reason;
	double age;
};

static int ask(struct buf *out, const struct status_config *config, struct err *err)
{
	struct cidr anywhere[2]; /* the user names the address */
	struct fetch_options options = {.total_timeout_ms = config->timeout_ms,
		.guard = {.allow_loopback = true, .allow = anywhere, .n_allow = 2},
		.retry = {.tries = 1}};
	struct fetch_task task = {.options = &options};
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	AUTO(free) char *url = xasprintf("%s/clients", config->admin);
	struct exchange_request request = {
		.url = url, .text = out, .timeout_ms = config->timeout_ms, .no_proxy = true};

	if (cidr_parse(&anywhere[0], "0.0.0.0/0", err) < 0 ||
		cidr_parse(&anywhere[1], "::/0", err) < 0)
		return -1;
	if (exchange(&reply, &task, &request, err) < 0)
		return err_wrap(err, "%s", url);
	return 0;
}

static bool is_wrong(const struct row *row)
{
	if (strcmp(row->state, "STALE") == 0)
		return row->age >= STALE_SECONDS;
	return strcmp(row->state, "SYNCED") != 0;
}

static const char *text_of(const cJSON *object, const char *key)
{
	const char *text = json_text(object, key);

	return text ? text : "";
}

static struct row row_of(const cJSON *client, const cJSON *resource)
{
	const cJSON *age = cJSON_GetObjectItemCaseSensitive(resource, "age_seconds");

	return (struct row){.node = text_of(client, "node"),
		.peer = text_of(client, "peer"),
		.method = text_of(client, "method"),
		.name = text_of(resource, "name"),
		.state = text_of(resource, "state"),
		.version = text_of(resource, "version"),
		.reason = text_of(resource, "reason"),
		.age = cJSON_IsNumber(age) ? age->valuedouble : 0};
}

static int compare_rows(const void *a, const void *b)
{
	const struct row *left = a;
	const struct row *right = b;
	int order = strcmp(left->node, right->node);

	if (order == 0)
		order = strcmp(left->name, right->name);
	return order ? order : strcmp(left->peer, right->peer);
}

/* Returns all rows, sorted; the caller frees them. */
static struct row *rows_of(const cJSON *report, size_t *n)
{
	const cJSON *clients = cJSON_GetObjectItemCaseSensitive(report, "clients");
	const cJSON *client;
	const cJSON *resource;
	struct row *rows = NULL;
	size_t used = 0;
	size_t room = 0;

	cJSON_ArrayForEach(client, clients)
	{
		cJSON_ArrayForEach(resource, cJSON_GetObjectItemCaseSensitive(client, "resources"))
		{
			if (used == room) {
				room = room ? 2 * room : 64;
				rows = xreallocarray(rows, room, sizeof(*rows));
			}
			rows[used++] = row_of(client, resource);
		}
	}
	if (used > 0)
		qsort(rows, used, sizeof(*rows), compare_rows);
	*n = used;
	return rows;
}

/* What a proxy says of itself must not reach the terminal as it is. */
static struct quoted shown(const char *text)
{
	struct quoted out = quote(text);
	size_t n = strlen(out.text);

	if (n > 2 && strlen(text) == n - 2) {
		memmove(out.text, out.text + 1, n - 2);
		out.text[n - 2] = '\0';
	}
	return n > 2 ? out : (struct quoted){.text = "-"};
}

static struct quoted age_text(double seconds)
{
	struct quoted out;

	if (seconds < 120)
		(void)snprintf(out.text, sizeof(out.text), "%.0fs", seconds);
	else if (seconds < 7200)
		(void)snprintf(out.text, sizeof(out.text), "%.0fm", seconds / 60);
	else
		(void)snprintf(out.text, sizeof(out.text), "%.0fh", seconds / 3600);
	return out;
}

static void print_table(const struct row *rows, size_t n, bool wide)
{
	int node = 4;
	int name = 4;

	for (size_t i = 0; i < n; i++) {
		int node_len = (int)strlen(shown(rows[i].node).text);
		int name_len = (int)strlen(shown(rows[i].name).text);

		node = node_len > node ? node_len : node;
		name = name_len > name ? name_len : name;
	}
	(void)printf("%-*s  %-*s  %-7s  %-12s  %5s%s\n", node, "NODE", name, "NAME", "STATE",
		"VERSION", "AGE", wide ? "  PEER  METHOD  REASON" : "");
	for (size_t i = 0; i < n; i++) {
		(void)printf("%-*s  %-*s  %-7s  %-12.*s  %5s", node, shown(rows[i].node).text, name,
			shown(rows[i].name).text, rows[i].state, SHORT_VERSION,
			rows[i].version[0] ? rows[i].version : "-", age_text(rows[i].age).text);
		if (wide)
			(void)printf("  %s  %s  %s", shown(rows[i].peer).text,
				shown(rows[i].method).text,
				rows[i].reason[0] ? shown(rows[i].reason).text : "-");
		(void)printf("\n");
	}
}

static int show(const struct status_config *config, const struct buf *text, const cJSON *report)
{
	AUTO(free) struct row *rows = NULL;
	size_t n = 0;
	int code = EXIT_GOOD;

	rows = rows_of(report, &n);
	for (size_t i = 0; i < n; i++) {
		if (is_wrong(&rows[i]))
			code = EXIT_FINDINGS;
	}
	if (config->output == OUTPUT_JSON)
		(void)puts(buf_text(text));
	else
		print_table(rows, n, config->output == OUTPUT_WIDE);
	return code;
}

static int status(const struct status_config *config)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_ADMIN_RESPONSE_BYTES);
	AUTO(cjson) cJSON *report = NULL;
	struct err err;
	bool answered;

	if (curl_setup(&err) < 0) {
		(void)fprintf(stderr, "wasmxds: %s\n", err.msg);
		return EXIT_USAGE;
	}
	answered = ask(&text, config, &err) == 0;
	curl_teardown();
	if (answered)
		report = json_parse(buf_text(&text), text.len, &err);
	if (!report) {
		(void)fprintf(stderr, "wasmxds: %s\n", err.msg);
		return EXIT_USAGE;
	}
	return show(config, &text, report);
}

int verb_status(int argc, char **argv)
{
	struct status_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&status_usage, &config.options, argc, argv, &operands, &code))
		code = operands == 0
			       ? status(&config)
			       : options_usage_error(&status_usage, "status takes no operands");
	flags_clear(&status_usage, &config);
	return code;
}
