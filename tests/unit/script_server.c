/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/script_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/loopback.h"

#define REQUEST_BYTES 65536

struct script_server {
	int fd; /* owned, listens */
	unsigned port;
	pthread_t thread;
	script_answer *answer;
	void *arg;
	const void *bytes; /* borrowed; for answer_bytes() */
	size_t n_bytes;
	atomic_uint requests;
	char request[REQUEST_BYTES];
};

void script_send(int fd, const void *bytes, size_t n)
{
	const char *at = bytes;

	while (n > 0) {
		ssize_t sent = send(fd, at, n, MSG_NOSIGNAL);
		if (sent <= 0)
			return;
		at += sent;
		n -= (size_t)sent;
	}
}

void script_print(int fd, const char *fmt, ...)
{
	AUTO(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	int n = vasprintf(&text, fmt, args);
	va_end(args);
	if (n < 0)
		abort();
	script_send(fd, text, (size_t)n);
}

static size_t body_bytes(const char *request)
{
	const char *length = strcasestr(request, "\r\nContent-Length:");

	return length ? strtoul(length + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* Returns whether a whole request came. */
static bool read_request(struct script_server *s, int fd)
{
	size_t have = 0;

	while (have < sizeof(s->request) - 1) {
		ssize_t n = recv(fd, s->request + have, sizeof(s->request) - 1 - have, 0);
		if (n <= 0)
			return false;
		have += (size_t)n;
		s->request[have] = '\0';
		const char *end = strstr(s->request, "\r\n\r\n");
		if (end && have >= (size_t)(end + 4 - s->request) + body_bytes(s->request))
			return true;
	}
	return true;
}

/* Closes so that what was sent arrives: with input unread, the kernel would reset instead. */
static void close_gently(int fd)
{
	char rest[4096];

	(void)shutdown(fd, SHUT_WR);
	while (recv(fd, rest, sizeof(rest), 0) > 0)
		;
}

static void *serve(void *arg)
{
	struct script_server *s = arg;

	for (;;) {
		AUTO(fd) int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0)
			return NULL;
		if (!read_request(s, fd))
			continue;
		s->answer(s->arg, atomic_fetch_add(&s->requests, 1), s->request, fd);
		close_gently(fd);
	}
}

static struct script_server *start(struct script_server *s)
{
	struct sockaddr_in address = loopback_address(0);
	socklen_t len = sizeof(address);

	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&address, len) < 0 ||
		listen(s->fd, 64) < 0 ||
		getsockname(s->fd, (struct sockaddr *)&address, &len) < 0 ||
		pthread_create(&s->thread, NULL, serve, s) != 0) {
		perror("script_server_start");
		abort();
	}
	s->port = ntohs(address.sin_port);
	return s;
}

struct script_server *script_server_start(script_answer *answer, void *arg)
{
	struct script_server *s = xcalloc(1, sizeof(*s));

	s->answer = answer;
	s->arg = arg;
	return start(s);
}

static void answer_bytes(void *arg, unsigned nth, const char *request, int fd)
{
	const struct script_server *s = arg;

	(void)nth;
	(void)request;
	script_send(fd, s->bytes, s->n_bytes);
}

struct script_server *script_server_start_bytes(const void *bytes, size_t n)
{
	struct script_server *s = xcalloc(1, sizeof(*s));

	s->answer = answer_bytes;
	s->arg = s;
	s->bytes = bytes;
	s->n_bytes = n;
	return start(s);
}

void script_server_stop(struct script_server *s)
{
	if (!s)
		return;
	(void)shutdown(s->fd, SHUT_RDWR); /* wakes accept4() */
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	free(s);
}

unsigned script_server_port(const struct script_server *s)
{
	return s->port;
}

unsigned script_server_requests(struct script_server *s)
{
	return atomic_load(&s->requests);
}
