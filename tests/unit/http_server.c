/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/http_server.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <microhttpd.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/version.h"
#include "base/xalloc.h"
#include "tests/unit/loopback.h"

#define TRICKLE_NS 20000000L
#define TEBIBYTE (1ULL << 40)
#define SHORT_BYTES 10

struct http_server {
	struct loopback http;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* guarded by lock */
	bool closing;
	unsigned requests;
	unsigned authorized;
	unsigned named_agent;
	unsigned at_once;
	unsigned most_at_once;
	bool gate_open;
	char *away; /* owned */
};

/* Waits until the server closes, but no longer than ns, where ns is not 0. */
static bool wait_closing(struct http_server *s, long ns)
{
	const struct timespec until = loopback_in(ns);
	bool closing;

	pthread_mutex_lock(&s->lock);
	while (!s->closing) {
		if (ns == 0)
			pthread_cond_wait(&s->changed, &s->lock);
		else if (pthread_cond_timedwait(&s->changed, &s->lock, &until) != 0)
			break;
	}
	closing = s->closing;
	pthread_mutex_unlock(&s->lock);
	return closing;
}

static ssize_t read_endless(void *arg, uint64_t at, char *out, size_t max)
{
	(void)arg;
	(void)at;
	memset(out, 'x', max);
	return (ssize_t)max;
}

static ssize_t read_short(void *arg, uint64_t at, char *out, size_t max)
{
	(void)arg;
	(void)max;
	if (at >= SHORT_BYTES)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	memset(out, 'x', SHORT_BYTES);
	return SHORT_BYTES;
}

static ssize_t read_stall(void *arg, uint64_t at, char *out, size_t max)
{
	(void)max;
	if (at > 0) {
		(void)wait_closing(arg, 0);
		return MHD_CONTENT_READER_END_WITH_ERROR;
	}
	memcpy(out, fixture_module, 8);
	return 8;
}

static ssize_t read_trickle(void *arg, uint64_t at, char *out, size_t max)
{
	(void)at;
	(void)max;
	if (wait_closing(arg, TRICKLE_NS))
		return MHD_CONTENT_READER_END_WITH_ERROR;
	out[0] = 'x';
	return 1;
}

static struct MHD_Response *module_response(void)
{
	return loopback_copy(fixture_module, fixture_module_size);
}

static enum MHD_Result send_redirect(struct MHD_Connection *c, const char *location)
{
	static const char body[] = "this way";
	struct MHD_Response *response = loopback_copy(body, sizeof(body) - 1);

	(void)MHD_add_response_header(response, "Location", location);
	return loopback_respond(c, MHD_HTTP_FOUND, response);
}

static enum MHD_Result send_away(struct http_server *s, struct MHD_Connection *c)
{
	AUTO(free) char *url = NULL;

	pthread_mutex_lock(&s->lock);
	url = xstrdup(s->away ? s->away : "/module");
	pthread_mutex_unlock(&s->lock);
	return send_redirect(c, url);
}

static enum MHD_Result send_chain(struct MHD_Connection *c, const char *path)
{
	unsigned long left = strtoul(path + strlen("/chain/"), NULL, 10);
	AUTO(free) char *next = left > 1 ? xasprintf("/chain/%lu", left - 1) : xstrdup("/module");

	return send_redirect(c, next);
}

static enum MHD_Result send_status(struct MHD_Connection *c, const char *path)
{
	unsigned long status = strtoul(path + strlen("/status/"), NULL, 10);

	return loopback_respond(c, (unsigned)status, module_response());
}

static enum MHD_Result send_stream(
	struct http_server *s, struct MHD_Connection *c, const char *path)
{
	static const struct {
		const char *path;
		uint64_t size;
		MHD_ContentReaderCallback reader;
	} streams[] = {
		{"/endless", MHD_SIZE_UNKNOWN, read_endless},
		{"/huge", TEBIBYTE, read_endless},
		{"/short", SHORT_BYTES + 1, read_short},
		{"/stall", LIMIT_KIB, read_stall},
		{"/trickle", LIMIT_KIB, read_trickle},
	};

	for (size_t i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
		if (strcmp(path, streams[i].path) == 0)
			return loopback_respond(c, MHD_HTTP_OK,
				MHD_create_response_from_callback(
					streams[i].size, LIMIT_KIB, streams[i].reader, s, NULL));
	}
	return loopback_respond(c, MHD_HTTP_NOT_FOUND, module_response());
}

static enum MHD_Result send_gate(struct http_server *s, struct MHD_Connection *c)
{
	pthread_mutex_lock(&s->lock);
	while (!s->gate_open && !s->closing)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
	return loopback_respond(c, MHD_HTTP_OK, module_response());
}

static enum MHD_Result send_later(struct MHD_Connection *c)
{
	struct MHD_Response *response = module_response();

	(void)MHD_add_response_header(response, "Retry-After", "3");
	return loopback_respond(c, MHD_HTTP_SERVICE_UNAVAILABLE, response);
}

static void count(struct http_server *s, struct MHD_Connection *c)
{
	const char *agent = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "User-Agent");
	const char *authorization =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");

	pthread_mutex_lock(&s->lock);
	s->requests++;
	s->at_once++;
	if (s->at_once > s->most_at_once)
		s->most_at_once = s->at_once;
	s->authorized += authorization != NULL;
	s->named_agent += agent && strcmp(agent, "wasmxds/" WASMXDS_VERSION) == 0;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void uncount(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->at_once--;
	pthread_mutex_unlock(&s->lock);
}

static enum MHD_Result route(struct http_server *s, struct MHD_Connection *c, const char *path)
{
	if (strcmp(path, "/module") == 0)
		return loopback_respond(c, MHD_HTTP_OK, module_response());
	if (strncmp(path, "/chain/", strlen("/chain/")) == 0)
		return send_chain(c, path);
	if (strncmp(path, "/status/", strlen("/status/")) == 0)
		return send_status(c, path);
	if (strcmp(path, "/loop") == 0)
		return send_redirect(c, "/loop");
	if (strcmp(path, "/away") == 0)
		return send_away(s, c);
	if (strcmp(path, "/silent") == 0) {
		(void)wait_closing(s, 0);
		return MHD_NO;
	}
	if (strcmp(path, "/gate") == 0)
		return send_gate(s, c);
	if (strcmp(path, "/later") == 0)
		return send_later(c);
	if (strcmp(path, "/encoded") == 0) {
		struct MHD_Response *response = module_response();
		(void)MHD_add_response_header(response, "Content-Encoding", "gzip");
		return loopback_respond(c, MHD_HTTP_OK, response);
	}
	return send_stream(s, c, path);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *path)
{
	struct http_server *s = arg;

	count(s, c);
	enum MHD_Result rc = route(s, c, path);
	uncount(s);
	return rc;
}

struct http_server *http_server_start(const struct fixture_tls *tls, const char *priorities)
{
	struct http_server *s = xcalloc(1, sizeof(*s));

	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	s->http =
		(struct loopback){.tls = tls, .priorities = priorities, .route = answer, .arg = s};
	if (!loopback_up(&s->http)) {
		http_server_stop(s);
		return NULL;
	}
	return s;
}

void http_server_stop(struct http_server *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	loopback_down(&s->http);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s->away);
	free(s);
}

unsigned http_server_port(const struct http_server *s)
{
	return s->http.port;
}

void http_server_redirect(struct http_server *s, const char *url)
{
	pthread_mutex_lock(&s->lock);
	free(s->away);
	s->away = xstrdup(url);
	pthread_mutex_unlock(&s->lock);
}

void http_server_open_gate(struct http_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->gate_open = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void http_server_wait_for(struct http_server *s, unsigned requests)
{
	pthread_mutex_lock(&s->lock);
	while (s->requests < requests)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

static unsigned read_locked(struct http_server *s, const unsigned *counter)
{
	pthread_mutex_lock(&s->lock);
	unsigned n = *counter;
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned http_server_authorized(struct http_server *s)
{
	return read_locked(s, &s->authorized);
}

unsigned http_server_named_agent(struct http_server *s)
{
	return read_locked(s, &s->named_agent);
}

unsigned http_server_requests(struct http_server *s)
{
	return read_locked(s, &s->requests);
}

unsigned http_server_most_at_once(struct http_server *s)
{
	return read_locked(s, &s->most_at_once);
}
