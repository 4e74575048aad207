/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/status_driver.c - tells an API server of WasmExtensions what tests/e2e/test_status.py
 * makes up, through the controller's own publisher.
 *	status_driver KUBECONFIG
 * Reads a line for each thing to tell, and answers it with a line when nothing waits any more:
 *	say NAMESPACE/NAME UID GENERATION REASON NACKED MESSAGE...
 *	age SECONDS     what was said was said so long before
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/map.h"
#include "base/xalloc.h"
#include "controller/publish.h"
#include "kube/client.h"

#define VERSION "5271288418911d8cf40ae70f10d0fed0d5d1bb9a1a2d4c4a9a7a3c0a8a8a1b2c"
#define MODULE "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define STEP_MS 100

struct extension_said {
	char uid[64];
	char message[512];
	struct conditions_facts facts;
	struct publication publication;
};

struct driver {
	struct map extensions; /* name → struct extension_said, owned */
	struct client *client;
	struct publisher *publisher;
};

static void said_free(void *said)
{
	struct extension_said *s = said;

	publication_clear(&s->publication);
	free(s);
}

static struct publication *look(void *arg, const char *name, struct conditions_facts *facts)
{
	const struct driver *d = arg;
	struct extension_said *s = map_get(&d->extensions, name);

	if (!s)
		return NULL;
	*facts = s->facts;
	return &s->publication;
}

static bool may_write(void *arg)
{
	(void)arg;
	return true;
}

static void settle(struct driver *d)
{
	while (publisher_waiting(d->publisher) > 0 && publisher_due(d->publisher) >= 0) {
		publisher_step(d->publisher);
		client_wait(d->client, NULL, 0, STEP_MS);
		client_step(d->client);
	}
}

static void tell(struct driver *d, char *rest)
{
	const char *name = strsep(&rest, " "), *uid = strsep(&rest, " ");
	const char *generation = strsep(&rest, " "), *reason = strsep(&rest, " ");
	const char *nacked = strsep(&rest, " ");
	struct extension_said *s = map_get(&d->extensions, name);

	if (!s) {
		s = xcalloc(1, sizeof(*s));
		(void)map_put(&d->extensions, name, s);
	}
	(void)snprintf(s->uid, sizeof(s->uid), "%s", uid);
	(void)snprintf(s->message, sizeof(s->message), "%s", rest ? rest : "");
	s->facts = (struct conditions_facts){.uid = s->uid,
		.message = s->message,
		.resolved = true,
		.fetched = true,
		.serving = VERSION,
		.manifest = "sha256:" MODULE,
		.module = {.hex = MODULE},
		.size_bytes = 5242880,
		.served_bytes = 120931,
		.refetch = "monday"};
	s->facts.generation = strtoll(generation, NULL, 10);
	if (!status_reason_parse(&s->facts.reason, reason))
		abort();
	s->facts.proxies = (struct conditions_proxies){.known = true,
		.connected = 9,
		.acked = 7,
		.nacked = (uint32_t)strtoul(nacked, NULL, 10),
		.nack_node = "edge-1",
		.nack_message = "Unable to create \"Wasm\""};
	publisher_touch(d->publisher, name);
	settle(d);
}

static void make_older(struct driver *d, const char *seconds)
{
	uint32_t by = (uint32_t)strtoul(seconds, NULL, 10);
	struct extension_said *s;
	const char *name;
	size_t at = 0;

	while ((s = map_next(&d->extensions, &at, &name))) {
		for (size_t i = 0; i < s->publication.events.n; i++)
			s->publication.events.slots[i].sent_at -= by;
	}
}

int main(int argc, char **argv)
{
	struct credentials access = {0};
	struct driver d = {.client = NULL};
	struct publisher_options options = {
		.instance = "status-driver", .look = look, .may_write = may_write, .arg = &d};
	AUTO(free) char *line = NULL;
	size_t cap = 0;
	struct err err;

	if (argc != 2 || credentials_find(&access, argv[1], &err) < 0 ||
		client_new(&d.client, &access, &err) < 0) {
		(void)fprintf(stderr, "status_driver: %s\n", argc != 2 ? "KUBECONFIG" : err.msg);
		return 2;
	}
	options.client = d.client;
	d.publisher = publisher_new(&options);
	while (getline(&line, &cap, stdin) > 0) {
		char *rest = line;

		line[strcspn(line, "\n")] = '\0';
		if (strcmp(strsep(&rest, " "), "say") == 0)
			tell(&d, rest);
		else
			make_older(&d, rest);
		(void)printf("done\n");
		(void)fflush(stdout);
	}
	publisher_free(d.publisher);
	client_free(d.client);
	map_clear(&d.extensions, said_free);
	return 0;
}
