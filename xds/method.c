/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/method.h"

#include <string.h>

#define ECDS "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/"
#define ADS "/envoy.service.discovery.v3.AggregatedDiscoveryService/"
#define METHOD(service, name) service name, name

static const struct method methods[] = {
	{METHOD(ECDS, "StreamExtensionConfigs"), STREAM_SOTW, false, false},
	{METHOD(ECDS, "DeltaExtensionConfigs"), STREAM_DELTA, false, false},
	{METHOD(ECDS, "FetchExtensionConfigs"), STREAM_SOTW, false, true},
	{METHOD(ADS, "StreamAggregatedResources"), STREAM_SOTW, true, false},
	{METHOD(ADS, "DeltaAggregatedResources"), STREAM_DELTA, true, false},
};

const struct method *method_find(const char *path)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		if (strcmp(methods[i].path, path) == 0)
			return &methods[i];
	}
	return NULL;
}

int method_check_type(const struct method *m, const char *type_url, bool *ours, struct err *err)
{
	*ours = strcmp(type_url, STREAM_TYPE_URL) == 0 || (!m->any_type && type_url[0] == '\0');
	if (!*ours && !m->any_type)
		return err_set(err, ERR_INVALID,
			"type_url must be %s on this service, not \"%.200s\"", STREAM_TYPE_URL,
			type_url);
	return 0;
}
