/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/verb.h"

static const struct verb {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} verbs[] = {
	{"run", verb_run, "serve the manifests in a folder to Envoy, with no Kubernetes"},
	{"controller", verb_controller, "fill a store as an API server's WasmExtensions ask"},
	{"xds", verb_xds, "serve a store to Envoy"},
	{"webhook", verb_webhook, "answer an API server's admission reviews"},
	{"status", verb_status, "show every proxy and what it runs"},
	{"fetch", verb_fetch, "fill a store, to serve from it with no network"},
	{"inspect", verb_inspect, "say what a module is, and whether Envoy could run it"},
	{"push", verb_push, "put a module into an OCI registry"},
	{"validate", verb_validate, "check manifests offline"},
	{"version", verb_version, "print the version"},
};

static void print_help(FILE *out)
{
	(void)fputs("Wasmxds gives fleets of Envoy proxies their Proxy-Wasm filters.\n\n"
		    "usage: wasmxds VERB [flags] ...\n\n",
		out);
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		(void)fprintf(out, "  %-10s %s\n", verbs[i].name, verbs[i].help);
	(void)fputs("\nwasmxds VERB --help says more.\n", out);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_GOOD;
	}
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(argv[1], verbs[i].name) == 0)
			return verbs[i].run(argc - 1, argv + 1);
	}
	(void)fprintf(stderr, "wasmxds: no verb \"%s\"; wasmxds --help lists them\n", argv[1]);
	return EXIT_USAGE;
}
