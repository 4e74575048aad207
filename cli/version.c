/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include <curl/curl.h>
#include <gnutls/gnutls.h>
#include <microhttpd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/version.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "fetch/archive.h"
#include "xds/grpc.h"

struct version_config {
	struct options options;
	int output; /* enum options_output */
};

static const struct flag version_flags[] = {
	OPTIONS_OUTPUT(offsetof(struct version_config, output)),
	OPTIONS_HELP,
};

const struct flags version_usage = {
	.usage = "wasmxds version [flags]",
	.about = "Prints the version; -o json those of the libraries, too, as they are loaded.",
	.table = version_flags,
	.n = sizeof(version_flags) / sizeof(version_flags[0]),
};

static void print_json(void)
{
	AUTO(cjson) cJSON *o = cJSON_CreateObject();
	AUTO(free) char *text = NULL;
	cJSON *libraries;
	struct err err;

	cJSON_AddStringToObject(o, "version", WASMXDS_VERSION);
	libraries = cJSON_AddObjectToObject(o, "libraries");
	if (grpc_library_load(&err) == 0)
		cJSON_AddStringToObject(libraries, "grpc", grpc_version_string());
	cJSON_AddStringToObject(libraries, "curl", curl_version_info(CURLVERSION_NOW)->version);
	cJSON_AddStringToObject(libraries, "gnutls", gnutls_check_version(NULL));
	cJSON_AddStringToObject(libraries, "microhttpd", MHD_get_version());
	if (archive_library_load(&err) == 0)
		cJSON_AddStringToObject(libraries, "archive", archive_version_details());
	text = cJSON_PrintUnformatted(o);
	(void)puts(text);
}

int verb_version(int argc, char **argv)
{
	struct version_config config;
	int operands = 0;
	int code = EXIT_GOOD;

	if (options_parse(&version_usage, &config.options, argc, argv, &operands, &code)) {
		if (config.output == OPTIONS_JSON)
			print_json();
		else
			(void)printf("wasmxds %s\n", WASMXDS_VERSION);
	}
	flags_clear(&version_usage, &config);
	return code;
}
