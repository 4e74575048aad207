/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verb.h"

#include <string.h>

static const struct verb verbs[] = {
	{"run", verb_run, "serve the manifests in a folder to Envoy, with no Kubernetes",
		&run_usage},
	{"controller", verb_controller, "fill a store as an API server's WasmExtensions ask",
		&controller_usage},
	{"xds", verb_xds, "serve a store to Envoy", &xds_usage},
	{"webhook", verb_webhook, "answer an API server's admission reviews", &webhook_usage},
	{"status", verb_status, "show every proxy and what it runs", &status_usage},
	{"fetch", verb_fetch, "fill a store, to serve from it with no network", &fetch_usage},
	{"inspect", verb_inspect, "say what a module is, and whether Envoy could run it",
		&inspect_usage},
	{"push", verb_push, "put a module into an OCI registry", &push_usage},
	{"validate", verb_validate, "check manifests offline", &validate_usage},
	{"completion", verb_completion, "print what completes command lines in a shell",
		&completion_usage},
	{"man", verb_man, "print a manual page", &man_usage},
	{"version", verb_version, "print the version", &version_usage},
};

const struct verb *verb_at(size_t i)
{
	return i < sizeof(verbs) / sizeof(verbs[0]) ? &verbs[i] : NULL;
}

const struct verb *verb_find(const char *name)
{
	const struct verb *verb;

	for (size_t i = 0; (verb = verb_at(i)); i++) {
		if (strcmp(verb->name, name) == 0)
			return verb;
	}
	return NULL;
}
