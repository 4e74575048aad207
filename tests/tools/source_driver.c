/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/tools/source_driver.c - follows an API server and says what it gives, a line each, until it
 * is killed, for tests/e2e/test_cluster_source.py.
 *	source_driver KUBECONFIG NAMESPACE [KIND/NAMESPACE/NAME...]
 * follows the WasmExtensions of NAMESPACE ("": of all) and the objects that are named.  Lines:
 *	applied KEY VALUE     an extension's vm_id, an object's value under "v"
 *	deleted KEY
 *	invalid KEY MESSAGE
 *	failed MESSAGE
 *	complete              all extensions were given
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "kube/client.h"
#include "kube/cluster.h"
#include "kube/credentials.h"

#define WAIT_MS 60000

static int fail(const struct err *err)
{
	(void)fprintf(stderr, "source_driver: %s\n", err->msg);
	return 1;
}

static const char *value_of(const struct object *object)
{
	const struct object_value *value = map_get(&object->values, "v");

	if (object->extension)
		return object->extension->vm_id;
	return value ? value->bytes : "";
}

static void say(void *arg, struct source_event *event)
{
	AUTO(object) struct object *object = event->object;
	AUTO(free) char *key = event->key;
	AUTO(free) char *origin = event->origin;

	(void)arg;
	if (event->change == SOURCE_APPLIED)
		(void)printf("applied %s %s\n", key, value_of(object));
	else if (event->change == SOURCE_DELETED)
		(void)printf("deleted %s\n", key);
	else if (event->change == SOURCE_INVALID)
		(void)printf("invalid %s %s\n", key, event->err.msg);
}

/* Wants what is named "Kind/namespace/name". */
static int want(struct source *source, const char *named)
{
	AUTO(free) char *copy = xstrdup(named);
	char *at = NULL;
	const char *kind = strtok_r(copy, "/", &at);
	const char *namespace = strtok_r(NULL, "/", &at);
	const char *name = strtok_r(NULL, "/", &at);

	if (!kind || !namespace || !name)
		return -1;
	source_want(source, strcmp(kind, "Secret") == 0 ? OBJECT_SECRET : OBJECT_CONFIGMAP,
		namespace, name);
	return 0;
}

static void follow(struct source *source)
{
	bool complete = false;
	struct err err;

	for (;;) {
		source_wait(source, NULL, 0, WAIT_MS);
		if (source_step(source, say, NULL, &err) < 0)
			(void)printf("failed %s\n", err.msg);
		if (!complete && source_complete(source)) {
			complete = true;
			(void)printf("complete\n");
		}
		(void)fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	AUTO(credentials) struct credentials access = {.server = NULL};
	AUTO(client) struct client *client = NULL;
	AUTO(source) struct source *source = NULL;
	struct cluster_options options = {.n = 0};
	struct err err;

	(void)signal(SIGPIPE, SIG_IGN);
	if (argc < 3) {
		(void)fprintf(stderr, "usage: source_driver KUBECONFIG NAMESPACE [OBJECT...]\n");
		return 2;
	}
	if (credentials_find(&access, argv[1], &err) < 0 || client_new(&client, &access, &err) < 0)
		return fail(&err);
	if (argv[2][0]) {
		options.namespaces = (const char *const *)&argv[2];
		options.n = 1;
	}
	source = cluster_open(client, &options);
	for (int i = 3; i < argc; i++) {
		if (want(source, argv[i]) < 0) {
			(void)fprintf(stderr, "source_driver: %s: must be KIND/NAMESPACE/NAME\n",
				argv[i]);
			return 2;
		}
	}
	follow(source);
	return 0;
}
