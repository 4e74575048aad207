/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "cli/verb.h"

static void print_help(FILE *out)
{
	const struct verb *verb;

	(void)fputs("Wasmxds gives fleets of Envoy proxies their Proxy-Wasm filters.\n\n"
		    "usage: wasmxds VERB [flags] ...\n\n",
		out);
	for (size_t i = 0; (verb = verb_at(i)); i++)
		(void)fprintf(out, "  %-10s %s\n", verb->name, verb->help);
	(void)fputs("\nwasmxds VERB --help says more.\n", out);
}

int main(int argc, char **argv)
{
	const struct verb *verb;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
		strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_GOOD;
	}
	verb = verb_find(argv[1]);
	if (verb)
		return verb->run(argc - 1, argv + 1);
	(void)fprintf(stderr, "wasmxds: no verb \"%s\"; wasmxds --help lists them\n", argv[1]);
	return EXIT_USAGE;
}
