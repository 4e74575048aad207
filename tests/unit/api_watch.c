/* SPDX-License-Identifier: Apache-2.0 */
/* The watches of the fake API server, and what the test does to those that stand. */
#include "tests/unit/api_state.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/limits.h"
#include "base/xalloc.h"

#define BLOCK_BYTES 4096
#define LOOK_NS 20000000L

/* A watch that stands. */
struct watcher {
	struct api_server *server; /* borrowed */
	int fd;                    /* borrowed; of the connection */
	struct api_selection selection;
	size_t at;          /* in the log */
	unsigned ends;      /* when it began */
	unsigned bookmarks; /* sent */
	bool half_sent;
	bool lost; /* it began before what is remembered */
	struct buf text;
	size_t sent; /* of text */
};

/* Returns whether there is something to say, or the watch is over.  Under the lock. */
static bool gather(struct watcher *w)
{
	const struct api_server *s = w->server;

	api_objects_print_events(&w->text, &s->objects, &w->selection, &w->at);
	if (w->lost) {
		api_objects_print_gone(&w->text);
		w->lost = false;
		w->ends--;
	}
	if (w->bookmarks != s->bookmarks) {
		w->bookmarks = s->bookmarks;
		api_objects_print_bookmark(&w->text, &s->objects);
	}
	return w->text.len > w->sent || w->ends != s->ends || s->closing;
}

static ssize_t finish(struct watcher *w, char *out)
{
	static const char half[] = "{\"type\":\"MODI";

	if (!w->server->cut || w->server->closing)
		return MHD_CONTENT_READER_END_OF_STREAM;
	w->half_sent = true;
	memcpy(out, half, sizeof(half) - 1);
	return sizeof(half) - 1;
}

/* Waits for a change, but not for long, since MHD does not say that the client went.  Returns
 * whether it did. */
static bool wait_change(struct watcher *w)
{
	const struct timespec until = loopback_in(LOOK_NS);
	char byte = 0;

	(void)pthread_cond_timedwait(&w->server->changed, &w->server->lock, &until);
	return recv(w->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static ssize_t read_watch(void *arg, uint64_t at, char *out, size_t max)
{
	struct watcher *w = arg;
	size_t n = 0;
	ssize_t rc = 0;
	bool gone = false;

	(void)at;
	if (w->half_sent)
		return MHD_CONTENT_READER_END_WITH_ERROR; /* nothing goes behind half a line */
	pthread_mutex_lock(&w->server->lock);
	while (!gone && !gather(w))
		gone = wait_change(w);
	n = w->text.len - w->sent < max ? w->text.len - w->sent : max;
	if (n > 0)
		memcpy(out, w->text.data + w->sent, n);
	w->sent += n;
	rc = gone ? MHD_CONTENT_READER_END_WITH_ERROR : n > 0 ? (ssize_t)n : finish(w, out);
	pthread_mutex_unlock(&w->server->lock);
	return rc;
}

static void begin(struct watcher *w, const char *version)
{
	struct api_server *s = w->server;

	pthread_mutex_lock(&s->lock);
	w->lost = !api_objects_find(&w->at, &s->objects, version);
	w->ends = s->ends;
	w->bookmarks = s->bookmarks;
	s->watches++;
	s->standing++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void free_watcher(void *arg)
{
	struct watcher *w = arg;

	pthread_mutex_lock(&w->server->lock);
	w->server->standing--;
	pthread_cond_broadcast(&w->server->changed);
	pthread_mutex_unlock(&w->server->lock);
	api_selection_clear(&w->selection);
	buf_clear(&w->text);
	free(w);
}

enum MHD_Result api_watch_serve(struct api_server *s, struct MHD_Connection *c,
	struct api_selection *selection, const char *version)
{
	struct watcher *w = xcalloc(1, sizeof(*w));

	w->server = s;
	w->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	w->selection = *selection;
	*selection = (struct api_selection){.resource = NULL};
	buf_init(&w->text, LIMIT_KUBE_REPLY_BYTES);
	begin(w, version);
	return loopback_respond(c, MHD_HTTP_OK,
		MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_watch, w, free_watcher));
}

static void end_all(struct api_server *s, bool cut)
{
	pthread_mutex_lock(&s->lock);
	s->ends++;
	s->cut = cut;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void api_server_end_watches(struct api_server *s)
{
	end_all(s, false);
}

void api_server_cut_watches(struct api_server *s)
{
	end_all(s, true);
}

void api_server_bookmark(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->bookmarks++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}
