/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/loopback.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdint.h>

#define NS_PER_S 1000000000L

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): MHD's type */
static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *path,
	const char *method, const char *version, const char *body, size_t *body_size, void **state)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
	const struct loopback *l = arg;

	(void)method;
	(void)version;
	(void)body;
	(void)body_size;
	(void)state;
	return l->route(l->arg, c, path);
}

/* MHD would report each client that hangs up, or refuses a certificate, to stderr. */
static void ignore_log(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

bool loopback_up(struct loopback *l)
{
	struct sockaddr_in address = loopback_address(l->port);
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			 MHD_USE_ERROR_LOG | (l->tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem secure[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, l->tls ? l->tls->key : NULL},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, l->tls ? l->tls->certificate : NULL},
		{MHD_OPTION_HTTPS_PRIORITIES, 0,
			(void *)(uintptr_t)(l->priorities ? l->priorities : "NORMAL")},
		{MHD_OPTION_END, 0, NULL},
	};

	l->daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, l, MHD_OPTION_EXTERNAL_LOGGER,
		ignore_log, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_ARRAY,
		l->tls ? secure : &secure[3], MHD_OPTION_END);
	if (!l->daemon)
		return false;
	l->port = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
	return true;
}

void loopback_down(struct loopback *l)
{
	if (l->daemon)
		MHD_stop_daemon(l->daemon);
	l->daemon = NULL;
}

struct sockaddr_in loopback_address(unsigned port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

enum MHD_Result loopback_respond(
	struct MHD_Connection *c, unsigned status, struct MHD_Response *response)
{
	enum MHD_Result rc = MHD_queue_response(c, status, response);

	MHD_destroy_response(response);
	return rc;
}

struct MHD_Response *loopback_copy(const void *bytes, size_t n)
{
	/* MHD copies: the const that the cast drops is kept */
	return MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_MUST_COPY);
}

struct timespec loopback_in(long ns)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += ns;
	until.tv_sec += until.tv_nsec / NS_PER_S;
	until.tv_nsec %= NS_PER_S;
	return until;
}
