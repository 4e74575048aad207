/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/certification.h"

#include <stdlib.h>

#include "api/name.h"
#include "base/auto.h"
#include "base/xalloc.h"

#define SETTLE_PART 20 /* of an authority's life it is only announced */
#define SETTLE_MOST_S 60

const char *certification_problem(const struct certification_flags *flags)
{
	struct err err;

	if (!flags->secret)
		return flags->tls_cert && flags->tls_key
			       ? NULL
			       : "webhook takes --tls-cert and --tls-key, or --cert-secret";
	if (flags->tls_cert || flags->tls_key)
		return "--cert-secret takes the place of --tls-cert and --tls-key";
	if (!flags->configuration || (!flags->service && flags->names.n == 0))
		return "--cert-secret needs --webhook-configuration, and --cert-service or "
		       "--cert-name";
	if (2 * flags->lifetime_ms > flags->ca_lifetime_ms)
		return "--cert-lifetime must be at most half of --ca-lifetime";
	if (name_check_subdomain(flags->secret, &err) < 0)
		return "--cert-secret must be the name of a Secret";
	if (name_check_subdomain(flags->configuration, &err) < 0)
		return "--webhook-configuration must be the name of both configurations";
	return NULL;
}

void certification_close(struct certification *c)
{
	if (c->is_own)
		custody_close(&c->custody);
	for (int i = 0; i < CERTIFICATION_SERVICE_NAMES; i++)
		free(c->service_names[i]);
	free(c->names);
	free(c->namespace);
}

/* All names that the certificate is for. */
static struct authority_names collect_names(
	struct certification *c, const struct certification_flags *flags)
{
	const char *service = flags->service;
	size_t n = 0;

	c->names = xcalloc(flags->names.n + CERTIFICATION_SERVICE_NAMES, sizeof(*c->names));
	if (service) {
		c->service_names[0] = xasprintf("%s.%s.svc", service, c->namespace);
		c->service_names[1] = xasprintf("%s.%s.svc.cluster.local", service, c->namespace);
		c->names[n++] = c->service_names[0];
		c->names[n++] = c->service_names[1];
	}
	for (size_t i = 0; i < flags->names.n; i++)
		c->names[n++] = flags->names.items[i];
	return (struct authority_names){.items = c->names, .n = n};
}

static int open_custody(struct certification *c, const struct certification_flags *flags,
	const char *kubeconfig, struct err *err)
{
	AUTO(credentials) struct credentials access = {.server = NULL};
	int64_t settle_s = flags->ca_lifetime_ms / 1000 / SETTLE_PART;
	struct custody_options options = {
		.secret = flags->secret,
		.configuration = flags->configuration,
		.policy = {.ca_s = flags->ca_lifetime_ms / 1000,
			.leaf_s = flags->lifetime_ms / 1000,
			.settle_s = settle_s < SETTLE_MOST_S ? settle_s + 1 : SETTLE_MOST_S},
	};

	if (credentials_find(&access, kubeconfig, err) < 0)
		return err_wrap(err, "the API server");
	c->namespace = xstrdup_null(flags->namespace ? flags->namespace : access.namespace);
	if (!c->namespace)
		return err_set(err, ERR_INVALID, "--namespace is required out of a pod");
	options.namespace = c->namespace;
	options.names = collect_names(c, flags);
	if (custody_open(&c->custody, &options, &access, err) < 0)
		return -1;
	c->is_own = true;
	return 0;
}

int certification_open(struct certification *out, const struct certification_flags *flags,
	const char *kubeconfig, struct err *err)
{
	if (flags->secret) {
		out->step = custody_step;
		out->arg = &out->custody;
		return open_custody(out, flags, kubeconfig, err);
	}
	out->pair = (struct pair){.cert = flags->tls_cert, .key = flags->tls_key};
	out->step = pair_step;
	out->arg = &out->pair;
	return 0;
}
