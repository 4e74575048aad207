/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/credentials.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/kubeconfig.h"

#define POD_FOLDER "/var/run/secrets/kubernetes.io/serviceaccount"

static void credential_clear(struct credential *c)
{
	free(c->file);
	free(c->data);
}

void credentials_clear(struct credentials *c)
{
	free(c->server);
	free(c->server_name);
	free(c->namespace);
	credential_clear(&c->authority);
	credential_clear(&c->token);
	credential_clear(&c->certificate);
	credential_clear(&c->key);
	*c = (struct credentials){.server = NULL};
}

int credentials_from_pod(struct credentials *out, const char *folder, const char *host,
	const char *port, struct err *err)
{
	AUTO(free) char *namespace_file = xasprintf("%s/namespace", folder);
	AUTO(credentials) struct credentials found = {.server = NULL};
	AUTO(buf) struct buf namespace = BUF_INIT(LIMIT_NAMESPACE_BYTES + 1);
	AUTO(buf) struct buf token = BUF_INIT(LIMIT_KUBE_TOKEN_BYTES);
	bool ipv6 = strchr(host, ':');

	found.server = xasprintf(ipv6 ? "https://[%s]:%s" : "https://%s:%s", host, port);
	found.authority.file = xasprintf("%s/ca.crt", folder);
	found.token.file = xasprintf("%s/token", folder);
	if (io_read_file(AT_FDCWD, found.token.file, &token, err) < 0 ||
		io_read_file(AT_FDCWD, namespace_file, &namespace, err) < 0)
		return err_wrap(err, "service account");
	found.namespace = xstrndup(buf_text(&namespace), strcspn(buf_text(&namespace), " \t\r\n"));
	*out = found;
	found = (struct credentials){.server = NULL};
	return 0;
}

static int from_file(struct credentials *out, const char *path, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_KUBECONFIG_BYTES);
	const char *slash = strrchr(path, '/');
	AUTO(free)
	char *folder = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");

	if (io_read_file(AT_FDCWD, path, &text, err) < 0)
		return err_wrap(err, "kubeconfig");
	if (kubeconfig_parse(out, buf_text(&text), text.len, folder, err) < 0)
		return err_wrap(err, "kubeconfig %s", path);
	return 0;
}

/* Returns the value of a variable, or NULL where it is not set or empty. */
static const char *variable(const char *name)
{
	const char *value = getenv(name); /* NOLINT(concurrency-mt-unsafe): main, before threads */

	return value && value[0] ? value : NULL;
}

int credentials_find(struct credentials *out, const char *kubeconfig, struct err *err)
{
	const char *host = variable("KUBERNETES_SERVICE_HOST");
	const char *port = variable("KUBERNETES_SERVICE_PORT");
	const char *list = variable("KUBECONFIG");
	const char *home = variable("HOME");
	AUTO(free) char *path = NULL;

	if (kubeconfig)
		return from_file(out, kubeconfig, err);
	if (host && port)
		return credentials_from_pod(out, POD_FOLDER, host, port, err);
	if (list)
		path = xstrndup(list, strcspn(list, ":"));
	else if (home)
		path = xasprintf("%s/.kube/config", home);
	else
		return err_set(err, ERR_NOT_FOUND,
			"no API server: not in a pod, and neither --kubeconfig, KUBECONFIG nor "
			"HOME is set");
	return from_file(out, path, err);
}
