/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of one connection to the webhook: libmicrohttpd reads them over a socket pair, and hands
 * requests to what the real server has behind its TLS.  Input: the first byte says how long the
 * portions are that they come in, the rest is what the client sends.  Whatever comes, what goes
 * back is whole responses, of the statuses that we mean, and nothing of the requests stays.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "webhook/visit.h"

#define MOST_PORTIONS 64 /* or a long input takes long */
#define STILL 3          /* turns of the daemon in which nothing came; then nothing will */
#define MOST_ANSWERS LIMIT_MIB

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What all inputs share. */
struct world {
	struct tally tally;
	struct desk *desk;
	struct visits *visits;
	struct MHD_Daemon *daemon;
	bool is_open;  /* the one connection */
	bool is_asked; /* its request waits for the desk */
};

static void on_note(void *arg, struct MHD_Connection *connection, enum peer_state state)
{
	struct world *w = arg;

	(void)connection;
	w->is_asked = state == PEER_WAITING;
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
	enum MHD_ConnectionNotificationCode code)
{
	struct world *w = arg;

	(void)connection;
	(void)context;
	w->is_open = code == MHD_CONNECTION_NOTIFY_STARTED;
}

/* Modules are asked for, by a thread of the resolver, and never found: no time is given. */
static void start(struct world *w)
{
	const struct desk_options desk = {
		.policy = {.pin = true}, .resolver = {.workers = 1}, .tally = &w->tally};
	struct visits_options visits = {.note = on_note, .note_arg = w};
	struct err err;

	log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
	w->desk = desk_start(&desk, &err);
	assert(w->desk);
	visits.desk = w->desk;
	w->visits = visits_new(&visits);
	w->daemon = MHD_start_daemon(MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, NULL,
		NULL, visits_on_request, w->visits, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)VISIT_CONNECTION_BYTES, MHD_OPTION_NOTIFY_COMPLETED, visits_on_completed,
		w->visits, MHD_OPTION_NOTIFY_CONNECTION, on_connection, w,
		MHD_OPTION_UNESCAPE_CALLBACK, visits_unescape, NULL, MHD_OPTION_END);
	assert(w->daemon);
}

/* Returns the client's end of a new connection. */
static int connect_to(struct world *w)
{
	struct sockaddr_in somebody = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int ends[2];

	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) == 0);
	assert(MHD_add_connection(w->daemon, ends[1], (struct sockaddr *)&somebody,
		       sizeof(somebody)) == MHD_YES);
	return ends[0];
}

/* One turn of the daemon.  Returns whether anything came back, or is on its way. */
static bool turn(struct world *w, int client, struct buf *answers)
{
	char bytes[4096];
	struct err err;

	(void)MHD_run_wait(w->daemon, w->is_asked ? 100 : 0);

	ssize_t n = read(client, bytes, sizeof(bytes));

	if (n > 0)
		assert(buf_append(answers, bytes, (size_t)n, &err) == 0);
	return n > 0 || w->is_asked;
}

static void run_until_still(struct world *w, int client, struct buf *answers)
{
	for (int still = 0; still < STILL && w->is_open; still++) {
		if (turn(w, client, answers))
			still = 0;
	}
}

/* Returns whether the server still listens. */
static bool send_portion(
	struct world *w, int client, struct buf *answers, const uint8_t *data, size_t n)
{
	while (n > 0 && w->is_open) {
		ssize_t sent = send(client, data, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			data += sent;
			n -= (size_t)sent;
		}
		(void)turn(w, client, answers);
	}
	return w->is_open;
}

static void converse(struct world *w, struct buf *answers, const uint8_t *data, size_t size)
{
	AUTO(fd) int client = connect_to(w);
	size_t portion = (size_t)data[0] + 1;

	if (portion < size / MOST_PORTIONS)
		portion = size / MOST_PORTIONS;
	for (size_t at = 1; at < size; at += portion) {
		size_t n = size - at < portion ? size - at : portion;

		if (!send_portion(w, client, answers, data + at, n))
			break;
	}
	run_until_still(w, client, answers);
	while (turn(w, client, answers))
		;
	(void)shutdown(client, SHUT_RDWR);
	while (w->is_open)
		(void)MHD_run_wait(w->daemon, 1);
}

static bool is_ours(unsigned status)
{
	static const unsigned known[] = {
		100, 200, 400, 404, 405, 413, 414, 415, 431, 501, 503, 505};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i] == status)
			return true;
	}
	return false;
}

static void check_review(const char *body, size_t n)
{
	struct err err;
	AUTO(cjson) cJSON *answer = json_parse(body, n, &err);
	const cJSON *response = cJSON_GetObjectItemCaseSensitive(answer, "response");

	assert(json_text(response, "uid"));
	assert(cJSON_IsBool(cJSON_GetObjectItemCaseSensitive(response, "allowed")));
}

/* Returns how long the body is that the head of a response speaks of. */
static size_t body_length(const char *head, const char *end)
{
	static const char name[] = "\r\nContent-Length: ";

	for (const char *at = head; at < end; at++) {
		if (strncasecmp(at, name, strlen(name)) == 0)
			return strtoul(at + strlen(name), NULL, 10);
	}
	return 0;
}

/* Checks one response, and returns what is behind it.  To HEAD there is no body. */
static const char *check_response(const char *text)
{
	static const char begins[] = "HTTP/1.";
	const char *end = strstr(text, "\r\n\r\n");

	assert(strncmp(text, begins, strlen(begins)) == 0 && end);

	unsigned status = (unsigned)strtoul(text + strlen("HTTP/1.1 "), NULL, 10);
	size_t n = body_length(text, end);
	const char *body = end + strlen("\r\n\r\n");

	assert(is_ours(status));
	if (strncmp(body, begins, strlen(begins)) == 0 || !*body)
		return body;
	assert(strlen(body) >= n);
	if (status == 200)
		check_review(body, n);
	return body + n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world world;
	AUTO(buf) struct buf answers = BUF_INIT(MOST_ANSWERS);

	if (size == 0)
		return 0;
	if (!world.daemon)
		start(&world);
	converse(&world, &answers, data, size);
	assert(visits_count(world.visits) == 0 && visits_bytes(world.visits) == 0);
	for (const char *at = buf_text(&answers); *at;)
		at = check_response(at);
	return 0;
}
