/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define GROUP_PATH "/apis/wasmxds.tetrate.io/v1alpha1/"
#define LOOK_NS 20000000L
#define CORE_PATH "/api/v1/"

/* Something that happened to an object; also the object, if it is the last of that place. */
struct happening {
	unsigned version;
	const char *type; /* "ADDED", "MODIFIED", "DELETED" */
	char *resource;   /* owned, as all below */
	char *namespace;
	char *name;
	char *body; /* the object in JSON */
};

/* What is asked for. */
struct selection {
	char *resource;  /* owned, as all below */
	char *namespace; /* NULL: all */
	char *name;      /* NULL: all */
};

struct api_server {
	struct MHD_Daemon *daemon; /* owned; NULL while it is down */
	const struct fixture_tls *tls;
	unsigned port;
	pthread_mutex_t lock;
	pthread_cond_t changed;

	/* guarded by lock */
	struct happening *log; /* owned; all that ever happened */
	size_t n;
	unsigned version;
	unsigned compacted; /* what happened up to this is forgotten */
	bool closing;
	unsigned fail_left;
	unsigned fail_status;
	unsigned fail_after;
	char *denied; /* owned; a name */
	unsigned ends;
	bool cut;
	unsigned bookmarks;
	unsigned page;
	bool page_gone;
	unsigned lists;
	unsigned watches;
	unsigned standing;
	char *authorization; /* owned; of the last request */
};

/* A watch that stands. */
struct watcher {
	struct api_server *server; /* borrowed */
	int fd;                    /* borrowed; of the connection */
	struct selection selection;
	size_t at;          /* in the log */
	unsigned ends;      /* when it began */
	unsigned bookmarks; /* sent */
	bool half_sent;
	bool lost; /* it began before what is remembered */
	struct buf text;
	size_t sent; /* of text */
};

static void selection_clear(struct selection *s)
{
	free(s->resource);
	free(s->namespace);
	free(s->name);
}

static bool selects(const struct selection *s, const struct happening *h)
{
	return strcmp(s->resource, h->resource) == 0 &&
	       (!s->namespace || strcmp(s->namespace, h->namespace) == 0) &&
	       (!s->name || strcmp(s->name, h->name) == 0);
}

static void must(int result)
{
	if (result != 0)
		abort();
}

static void print(struct buf *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void print(struct buf *out, const char *fmt, ...)
{
	struct err err;
	AUTO(free) char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		abort();
	va_end(args);
	must(buf_append(out, text, strlen(text), &err));
}

static bool same_place(const struct happening *a, const struct happening *b)
{
	return strcmp(a->resource, b->resource) == 0 && strcmp(a->namespace, b->namespace) == 0 &&
	       strcmp(a->name, b->name) == 0;
}

/* Returns whether the object is what it was at this time, and not gone.  Under the lock. */
static bool is_current(const struct api_server *s, size_t at)
{
	for (size_t i = at + 1; i < s->n; i++) {
		if (same_place(&s->log[i], &s->log[at]))
			return false;
	}
	return strcmp(s->log[at].type, "DELETED") != 0;
}

static void happen(struct api_server *s, const struct happening *what, const char *fields)
{
	struct happening *h = NULL;
	bool there = false;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->n && !there; i++)
		there = same_place(&s->log[i], what) && is_current(s, i);
	s->log = xreallocarray(s->log, s->n + 1, sizeof(*s->log));
	h = &s->log[s->n++];
	*h = (struct happening){
		.version = ++s->version,
		.type = what->type ? what->type
			: there    ? "MODIFIED"
				   : "ADDED",
		.resource = xstrdup(what->resource),
		.namespace = xstrdup(what->namespace),
		.name = xstrdup(what->name),
	};
	h->body = xasprintf("{\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"uid\":\"u-%s\","
			    "\"resourceVersion\":\"v-%u\",\"generation\":1,\"managedFields\":[{"
			    "\"manager\":\"kubectl\"}]}%s%s}",
		h->name, h->namespace, h->name, h->version, fields[0] ? "," : "", fields);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void api_server_put(struct api_server *s, const char *resource, const char *namespace,
	const char *name, const char *fields)
{
	const struct happening h = {.resource = (char *)(uintptr_t)resource,
		.namespace = (char *)(uintptr_t) namespace,
		.name = (char *)(uintptr_t)name};

	happen(s, &h, fields);
}

void api_server_delete(
	struct api_server *s, const char *resource, const char *namespace, const char *name)
{
	const struct happening h = {.type = "DELETED",
		.resource = (char *)(uintptr_t)resource,
		.namespace = (char *)(uintptr_t) namespace,
		.name = (char *)(uintptr_t)name};

	happen(s, &h, "");
}

static enum MHD_Result respond(struct MHD_Connection *c, unsigned status, struct MHD_Response *r)
{
	enum MHD_Result rc = MHD_queue_response(c, status, r);

	MHD_destroy_response(r);
	return rc;
}

static struct MHD_Response *response_of(const char *text)
{
	return MHD_create_response_from_buffer(
		strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
}

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, unsigned retry_after_s)
{
	AUTO(free)
	char *body = xasprintf("{\"kind\":\"Status\",\"message\":\"as the test says\","
			       "\"code\":%u}",
		status);
	AUTO(free) char *after = xasprintf("%u", retry_after_s);
	struct MHD_Response *response = response_of(body);

	if (retry_after_s > 0)
		(void)MHD_add_response_header(response, "Retry-After", after);
	return respond(c, status, response);
}

static void add_event(struct watcher *w, const struct happening *h)
{
	print(&w->text, "{\"type\":\"%s\",\"object\":%s}\n", h->type, h->body);
}

/* Returns whether there is something to say, or the watch is over.  Under the lock. */
static bool gather(struct watcher *w)
{
	struct api_server *s = w->server;

	for (; w->at < s->n; w->at++) {
		if (selects(&w->selection, &s->log[w->at]))
			add_event(w, &s->log[w->at]);
	}
	if (w->lost) {
		print(&w->text, "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,"
				"\"message\":\"too old resource version\"}}\n");
		w->lost = false;
		w->ends--;
	}
	if (w->bookmarks != s->bookmarks) {
		w->bookmarks = s->bookmarks;
		print(&w->text,
			"{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":"
			"\"v-%u\"}}}\n",
			s->version);
	}
	return w->text.len > w->sent || w->ends != s->ends || s->closing;
}

static ssize_t finish_watch(struct watcher *w, char *out)
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
	struct timespec until;
	char byte = 0;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_NS;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
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
	rc = gone ? MHD_CONTENT_READER_END_WITH_ERROR : n > 0 ? (ssize_t)n : finish_watch(w, out);
	pthread_mutex_unlock(&w->server->lock);
	return rc;
}

static void free_watcher(void *arg)
{
	struct watcher *w = arg;

	pthread_mutex_lock(&w->server->lock);
	w->server->standing--;
	pthread_cond_broadcast(&w->server->changed);
	pthread_mutex_unlock(&w->server->lock);
	selection_clear(&w->selection);
	buf_clear(&w->text);
	free(w);
}

static const char *argument(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

static unsigned version_of(const char *text)
{
	return text && strncmp(text, "v-", 2) == 0 ? (unsigned)strtoul(text + 2, NULL, 10) : 0;
}

/* Takes the selection over. */
static enum MHD_Result serve_watch(
	struct api_server *s, struct MHD_Connection *c, struct selection *selection)
{
	unsigned version = version_of(argument(c, "resourceVersion"));
	struct watcher *w = xcalloc(1, sizeof(*w));

	w->server = s;
	w->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
	w->selection = *selection;
	*selection = (struct selection){.resource = NULL};
	buf_init(&w->text, LIMIT_KUBE_REPLY_BYTES);
	pthread_mutex_lock(&s->lock);
	while (w->at < s->n && s->log[w->at].version <= version)
		w->at++;
	w->lost = version < s->compacted;
	if (w->lost)
		w->at = s->n;
	w->ends = s->ends;
	w->bookmarks = s->bookmarks;
	s->watches++;
	s->standing++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return respond(c, MHD_HTTP_OK,
		MHD_create_response_from_callback(
			MHD_SIZE_UNKNOWN, 4096, read_watch, w, free_watcher));
}

/* Prints the objects from the one at *at of the log on, and leaves where to go on, or n. */
static void print_items(struct buf *out, struct api_server *s, const struct selection *selection,
	size_t *at, size_t most)
{
	size_t items = 0;

	for (; *at < s->n && items < most; (*at)++) {
		if (!selects(selection, &s->log[*at]) || !is_current(s, *at))
			continue;
		print(out, "%s%s", items++ > 0 ? "," : "", s->log[*at].body);
	}
}

static enum MHD_Result serve_list(
	struct api_server *s, struct MHD_Connection *c, const struct selection *selection)
{
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_KUBE_REPLY_BYTES);
	const char *token = argument(c, "continue");
	const char *limit = argument(c, "limit");
	size_t at = token ? strtoul(token, NULL, 10) : 0;
	bool gone = false;

	pthread_mutex_lock(&s->lock);
	s->lists += token == NULL;
	gone = token && s->page_gone;
	s->page_gone = s->page_gone && !gone;
	print(&body, "{\"kind\":\"List\",\"items\":[");
	print_items(&body, s, selection, &at,
		s->page ? s->page
		: limit ? strtoul(limit, NULL, 10)
			: SIZE_MAX);
	print(&body, "],\"metadata\":{\"resourceVersion\":\"v-%u\"", s->version);
	if (at < s->n)
		print(&body, ",\"continue\":\"%zu\"", at);
	print(&body, "}}\n");
	pthread_mutex_unlock(&s->lock);
	if (gone)
		return refuse(c, MHD_HTTP_GONE, 0);
	return respond(c, MHD_HTTP_OK, response_of(buf_text(&body)));
}

/* Reads ".../[namespaces/NAMESPACE/]RESOURCE" and the field selector. */
static bool read_selection(struct selection *out, struct MHD_Connection *c, const char *path)
{
	static const char by_name[] = "metadata.name=";
	const char *selector = argument(c, "fieldSelector");
	const char *rest = NULL;
	bool core = strncmp(path, CORE_PATH, strlen(CORE_PATH)) == 0;

	if (!core && strncmp(path, GROUP_PATH, strlen(GROUP_PATH)) != 0)
		return false;
	rest = path + strlen(core ? CORE_PATH : GROUP_PATH);
	if (strncmp(rest, "namespaces/", strlen("namespaces/")) == 0) {
		rest += strlen("namespaces/");
		out->namespace = xstrndup(rest, strcspn(rest, "/"));
		rest += strcspn(rest, "/");
		rest += *rest == '/';
	}
	out->resource = xstrdup(rest);
	if (selector && strncmp(selector, by_name, strlen(by_name)) == 0)
		out->name = xstrdup(selector + strlen(by_name));
	return core || strcmp(rest, "wasmextensions") == 0;
}

/* Returns the status that the test wants, or 0. */
static unsigned wanted_failure(struct api_server *s, struct MHD_Connection *c, unsigned *after)
{
	const char *authorization =
		MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Authorization");
	unsigned status = 0;

	pthread_mutex_lock(&s->lock);
	free(s->authorization);
	s->authorization = xstrdup_null(authorization);
	if (s->fail_left > 0) {
		s->fail_left--;
		status = s->fail_status;
		*after = s->fail_after;
	}
	pthread_mutex_unlock(&s->lock);
	return status;
}

static bool is_denied(struct api_server *s, const struct selection *selection)
{
	bool denied = strcmp(selection->resource, "wasmextensions") != 0 &&
		      (!selection->name || !selection->namespace);

	pthread_mutex_lock(&s->lock);
	denied =
		denied || (s->denied && selection->name && strcmp(s->denied, selection->name) == 0);
	pthread_mutex_unlock(&s->lock);
	return denied;
}

static enum MHD_Result route(struct api_server *s, struct MHD_Connection *c, const char *path,
	struct selection *selection)
{
	unsigned after = 0;
	unsigned status = wanted_failure(s, c, &after);

	if (status)
		return refuse(c, status, after);
	if (!read_selection(selection, c, path))
		return refuse(c, MHD_HTTP_NOT_FOUND, 0);
	if (is_denied(s, selection))
		return refuse(c, MHD_HTTP_FORBIDDEN, 0);
	return argument(c, "watch") ? serve_watch(s, c, selection) : serve_list(s, c, selection);
}

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): MHD's type */
static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *path,
	const char *method, const char *version, const char *body, size_t *body_size, void **state)
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */
{
	struct selection selection = {.resource = NULL};

	(void)method;
	(void)version;
	(void)body;
	(void)body_size;
	(void)state;
	enum MHD_Result rc = route(arg, c, path, &selection);
	selection_clear(&selection);
	return rc;
}

/* MHD would report each client that hangs up, or refuses a certificate, to stderr. */
static void ignore_log(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

void api_server_come_up(struct api_server *s)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)s->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
			 MHD_USE_ERROR_LOG | (s->tls ? MHD_USE_TLS : 0);
	struct MHD_OptionItem secure[] = {
		{MHD_OPTION_HTTPS_MEM_KEY, 0, s->tls ? s->tls->key : NULL},
		{MHD_OPTION_HTTPS_MEM_CERT, 0, s->tls ? s->tls->certificate : NULL},
		{MHD_OPTION_END, 0, NULL},
	};

	s->closing = false;
	s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, answer, s, MHD_OPTION_EXTERNAL_LOGGER,
		ignore_log, NULL, MHD_OPTION_SOCK_ADDR, &address,
		MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_ARRAY,
		s->tls ? secure : &secure[2], MHD_OPTION_END);
	if (!s->daemon) {
		perror("api_server_come_up");
		abort();
	}
	s->port = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void api_server_go_down(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	s->daemon = NULL;
}

struct api_server *api_server_start(const struct fixture_tls *tls)
{
	struct api_server *s = xcalloc(1, sizeof(*s));

	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	s->tls = tls;
	api_server_come_up(s);
	return s;
}

void api_server_stop(struct api_server *s)
{
	if (!s)
		return;
	api_server_go_down(s);
	for (size_t i = 0; i < s->n; i++) {
		free(s->log[i].resource);
		free(s->log[i].namespace);
		free(s->log[i].name);
		free(s->log[i].body);
	}
	free(s->log);
	free(s->denied);
	free(s->authorization);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

unsigned api_server_port(const struct api_server *s)
{
	return s->port;
}

void api_server_fail(struct api_server *s, unsigned n, unsigned status, unsigned retry_after_s)
{
	pthread_mutex_lock(&s->lock);
	s->fail_left = n;
	s->fail_status = status;
	s->fail_after = retry_after_s;
	pthread_mutex_unlock(&s->lock);
}

/* Ends all watches that stand, and waits until they are gone. */
static void end_watches(struct api_server *s, bool cut)
{
	pthread_mutex_lock(&s->lock);
	s->ends++;
	s->cut = cut;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void api_server_deny(struct api_server *s, const char *name)
{
	pthread_mutex_lock(&s->lock);
	free(s->denied);
	s->denied = xstrdup_null(name);
	pthread_mutex_unlock(&s->lock);
	end_watches(s, false);
}

void api_server_end_watches(struct api_server *s)
{
	end_watches(s, false);
}

void api_server_cut_watches(struct api_server *s)
{
	end_watches(s, true);
}

void api_server_compact(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->compacted = s->version;
	pthread_mutex_unlock(&s->lock);
}

void api_server_bookmark(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->bookmarks++;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void api_server_page(struct api_server *s, unsigned items)
{
	pthread_mutex_lock(&s->lock);
	s->page = items;
	pthread_mutex_unlock(&s->lock);
}

void api_server_forget_page(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->page_gone = true;
	pthread_mutex_unlock(&s->lock);
}

static unsigned read_locked(struct api_server *s, const unsigned *counter)
{
	pthread_mutex_lock(&s->lock);
	unsigned n = *counter;
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned api_server_lists(struct api_server *s)
{
	return read_locked(s, &s->lists);
}

unsigned api_server_watches(struct api_server *s)
{
	return read_locked(s, &s->watches);
}

unsigned api_server_standing(struct api_server *s)
{
	return read_locked(s, &s->standing);
}

bool api_server_saw_token(struct api_server *s, const char *token)
{
	AUTO(free) char *want = xasprintf("Bearer %s", token);

	pthread_mutex_lock(&s->lock);
	bool saw = s->authorization && strcmp(s->authorization, want) == 0;
	pthread_mutex_unlock(&s->lock);
	return saw;
}
