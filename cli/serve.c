/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/serve.h"

#include "base/auto.h"
#include "base/log.h"
#include "base/xalloc.h"

#define POLL_MS 1000 /* between two looks at the store's generation */

static int check_flags(const struct serve_flags *flags, struct err *err)
{
	if (!flags->tls_cert != !flags->tls_key)
		return err_set(err, ERR_INVALID, "--tls-cert and --tls-key go together");
	if (flags->tls_client_ca && !flags->tls_cert)
		return err_set(err, ERR_INVALID, "--tls-client-ca needs --tls-cert and --tls-key");
	if (!flags->tls_client_ca != !flags->client_policy)
		return err_set(err, ERR_INVALID,
			"--tls-client-ca and --client-policy go together: "
			"a client gets what the policy says, and nothing without one");
	return 0;
}

int serving_open(struct serving *out, const struct serve_flags *flags, const char *store_dir,
	struct err *err)
{
	AUTO(free) char *reason = xasprintf("waiting for the store %s", store_dir);

	*out = (struct serving){0};
	if (check_flags(flags, err) < 0)
		return -1;
	if (!flags->admin_listen || !flags->admin_listen[0])
		return 0;
	out->admin = admin_start(flags->admin_listen, reason, err);
	return out->admin ? 0 : err_wrap(err, "--admin-listen");
}

int serving_start(struct serving *s, const struct serve_flags *flags, const char *store_dir,
	const char *seal_key, struct err *err)
{
	const struct xds_options options = {
		.listen = flags->listen,
		.store_dir = store_dir,
		.seal_key = seal_key,
		.poll_ms = POLL_MS,
		.tls = {.cert = flags->tls_cert,
			.key = flags->tls_key,
			.client_ca = flags->tls_client_ca},
		.policy = flags->client_policy,
		.state_dir = flags->state_dir,
		.max_streams = (size_t)flags->max_streams,
		.sotw_full_state = flags->sotw_full_state,
	};
	AUTO(free) char *address = NULL;
	AUTO(free) char *admin_at = NULL;

	s->server = xds_server_start(&options, err);
	if (!s->server)
		return -1;
	if (s->admin) {
		admin_serve(s->admin, s->server);
		admin_at = admin_address(s->admin);
	}
	address = xds_server_address(s->server);
	log_info("serving", LOG_STR("listen", address), LOG_STR("admin", admin_at),
		LOG_STR("store", store_dir));
	return 0;
}

void serving_stop(struct serving *s)
{
	admin_stop(s->admin);
	xds_server_stop(s->server);
	*s = (struct serving){0};
}
