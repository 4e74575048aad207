/* SPDX-License-Identifier: Apache-2.0 */
#include "http/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/quote.h"
#include "base/xalloc.h"

int daemon_resolve(struct addrinfo **out, char **host, const char *listen, struct err *err)
{
	const char *colon = strrchr(listen, ':');
	AUTO(free) char *name = colon ? xstrndup(listen, (size_t)(colon - listen)) : NULL;
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	char *bare = name;
	size_t n = name ? strlen(name) : 0;
	int e;

	if (!name)
		return err_set(
			err, ERR_INVALID, "address %s must be ADDRESS:PORT", quote(listen).text);
	*host = xstrdup(name);
	if (n > 1 && name[0] == '[' && name[n - 1] == ']') {
		name[n - 1] = '\0';
		bare = name + 1;
	}
	e = getaddrinfo(bare, colon + 1, &hints, out);
	if (e != 0)
		return err_set(
			err, ERR_INVALID, "address %s: %s", quote(listen).text, gai_strerror(e));
	return 0;
}

void daemon_log(void *arg, const char *format, va_list args)
{
	char text[512];

	(void)arg;
	if (vsnprintf(text, sizeof(text), format, args) > 0)
		log_debug("microhttpd", LOG_STR("text", text));
}

char *daemon_address(struct MHD_Daemon *daemon, const char *host)
{
	const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT);

	return xasprintf("%s:%u", host, info ? info->port : 0U);
}
