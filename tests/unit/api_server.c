/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/api_server.h"

#include <stdio.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "tests/unit/api_state.h"

static enum MHD_Result refuse(struct MHD_Connection *c, unsigned status, unsigned retry_after_s)
{
	AUTO(free)
	char *body = xasprintf("{\"kind\":\"Status\",\"message\":\"as the test says\","
			       "\"code\":%u}",
		status);
	AUTO(free) char *after = xasprintf("%u", retry_after_s);
	struct MHD_Response *response = loopback_copy(body, strlen(body));

	if (retry_after_s > 0)
		(void)MHD_add_response_header(response, "Retry-After", after);
	return loopback_respond(c, status, response);
}

static const char *argument(struct MHD_Connection *c, const char *name)
{
	return MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, name);
}

static enum MHD_Result serve_list(
	struct api_server *s, struct MHD_Connection *c, const struct api_selection *selection)
{
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_KUBE_REPLY_BYTES);
	const char *token = argument(c, "continue");
	const char *limit = argument(c, "limit");
	size_t at = token ? strtoul(token, NULL, 10) : 0;
	size_t most = limit ? strtoul(limit, NULL, 10) : SIZE_MAX;
	bool gone = false;

	pthread_mutex_lock(&s->lock);
	s->lists += token == NULL;
	gone = token && s->page_gone;
	s->page_gone = s->page_gone && !gone;
	api_objects_print_list(&body, &s->objects, selection, at, s->page ? s->page : most);
	pthread_mutex_unlock(&s->lock);
	if (gone)
		return refuse(c, MHD_HTTP_GONE, 0);
	return loopback_respond(c, MHD_HTTP_OK, loopback_copy(body.data, body.len));
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

static bool is_denied(struct api_server *s, const struct api_selection *selection)
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
	struct api_selection *selection)
{
	unsigned after = 0;
	unsigned status = wanted_failure(s, c, &after);

	if (status)
		return refuse(c, status, after);
	if (!api_selection_read(selection, path, argument(c, "fieldSelector")))
		return refuse(c, MHD_HTTP_NOT_FOUND, 0);
	if (is_denied(s, selection))
		return refuse(c, MHD_HTTP_FORBIDDEN, 0);
	if (argument(c, "watch"))
		return api_watch_serve(s, c, selection, argument(c, "resourceVersion"));
	return serve_list(s, c, selection);
}

static enum MHD_Result answer(void *arg, struct MHD_Connection *c, const char *path)
{
	struct api_selection selection = {.resource = NULL};
	enum MHD_Result rc = route(arg, c, path, &selection);

	api_selection_clear(&selection);
	return rc;
}

void api_server_come_up(struct api_server *s)
{
	s->closing = false;
	if (!loopback_up(&s->http)) {
		perror("api_server_come_up");
		abort();
	}
}

void api_server_go_down(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->closing = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	loopback_down(&s->http);
}

struct api_server *api_server_start(const struct fixture_tls *tls)
{
	struct api_server *s = xcalloc(1, sizeof(*s));

	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_cond_init(&s->changed, NULL);
	s->http = (struct loopback){.tls = tls, .route = answer, .arg = s};
	api_server_come_up(s);
	return s;
}

void api_server_stop(struct api_server *s)
{
	if (!s)
		return;
	api_server_go_down(s);
	api_objects_clear(&s->objects);
	free(s->denied);
	free(s->authorization);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

unsigned api_server_port(const struct api_server *s)
{
	return s->http.port;
}

void api_server_put(struct api_server *s, const char *resource, const char *namespace,
	const char *name, const char *fields)
{
	pthread_mutex_lock(&s->lock);
	api_objects_put(&s->objects, resource, namespace, name, fields);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void api_server_delete(
	struct api_server *s, const char *resource, const char *namespace, const char *name)
{
	pthread_mutex_lock(&s->lock);
	api_objects_delete(&s->objects, resource, namespace, name);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void api_server_compact(struct api_server *s)
{
	pthread_mutex_lock(&s->lock);
	s->objects.compacted = s->objects.version;
	pthread_mutex_unlock(&s->lock);
}

void api_server_fail(struct api_server *s, unsigned n, unsigned status, unsigned retry_after_s)
{
	pthread_mutex_lock(&s->lock);
	s->fail_left = n;
	s->fail_status = status;
	s->fail_after = retry_after_s;
	pthread_mutex_unlock(&s->lock);
}

void api_server_deny(struct api_server *s, const char *name)
{
	pthread_mutex_lock(&s->lock);
	free(s->denied);
	s->denied = xstrdup_null(name);
	pthread_mutex_unlock(&s->lock);
	api_server_end_watches(s);
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
