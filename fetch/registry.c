/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/registry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "fetch/url.h"

#define ACCEPTED_MAX 8
#define UNAUTHORIZED 401
#define BAD_REQUEST 400

static bool is_listed(const struct fetch_options *options, const char *server)
{
	for (size_t i = 0; i < options->n_insecure_registries; i++) {
		if (strcasecmp(options->insecure_registries[i], server) == 0)
			return true;
	}
	return false;
}

/* A server of TLS answers plain http by 400, or not at all. */
static bool answers_plain(struct fetch_task *task, const char *server)
{
	AUTO(free) char *url = xasprintf("http://%s/v2/", server);
	const struct exchange_request request = {.url = url, .tries = 1};
	AUTO(exchange_reply) struct exchange_reply reply = {.status = 0};
	struct err unused;

	(void)!exchange(&reply, task, &request, &unused);
	task->retry_after_ms = 0; /* of an answer that counts for nothing */
	return reply.status != 0 && reply.status != BAD_REQUEST && url_same_origin(reply.url, url);
}

static bool is_plain(struct fetch_task *task, const char *server)
{
	return is_listed(task->options, server) ||
	       (reference_is_loopback(server) && answers_plain(task, server));
}

int registry_open(struct registry *r, struct fetch_task *task, const struct reference *reference,
	const char *actions, struct err *err)
{
	const char *server = reference_server(reference);

	*r = (struct registry){.task = task, .reference = reference};
	if (login_init(&r->login, task, reference, actions, err) < 0)
		return -1;
	r->login.plain = is_plain(task, server);
	r->origin = xasprintf("%s://%s", r->login.plain ? "http" : "https", server);
	return 0;
}

void registry_clear(struct registry *r)
{
	free(r->origin);
	r->origin = NULL;
	login_clear(&r->login);
}

char *registry_url(const struct registry *r, const char *what)
{
	return xasprintf("%s/v2/%s/%s", r->origin, r->reference->repository, what);
}

/* A request of the caller's, as it is sent. */
struct call {
	struct registry *registry; /* borrowed */
	struct exchange_request request;
	const char *origin_headers[2];
	long accept[ACCEPTED_MAX + 2];
};

static void call_set_header(struct call *c)
{
	c->origin_headers[0] = c->registry->login.header;
}

/* A try may come long after the token was given. */
static int renew(void *arg, const char *const **origin_headers, struct err *err)
{
	struct call *c = arg;

	if (login_refresh(&c->registry->login, err) < 0)
		return -1;
	call_set_header(c);
	*origin_headers = c->origin_headers;
	return 0;
}

/* Takes over what the request accepts, and a 401 beside it where that can be answered. */
static void call_init(struct call *c, struct registry *r, const struct exchange_request *request)
{
	static const long usual[] = {200, 0};
	const long *from = request->accept ? request->accept : usual;
	size_t n = 0;

	*c = (struct call){.registry = r, .request = *request};
	for (; from[n] != 0; n++) {
		assert(n < ACCEPTED_MAX);
		c->accept[n] = from[n];
	}
	c->request.accept = c->accept;
	if (!url_same_origin(request->url, r->origin))
		return;
	assert(!request->origin_headers);
	c->accept[n] = UNAUTHORIZED;
	c->request.origin_headers = c->origin_headers;
	c->request.renew = renew;
	c->request.renew_arg = c;
}

static void refuse_another_401(struct call *c)
{
	size_t n = 0;

	while (c->accept[n] != UNAUTHORIZED)
		n++;
	c->accept[n] = 0;
}

/* What the 401 said to people. */
static void forget_text(const struct exchange_request *request, size_t n)
{
	if (request->text && request->text->len > n) {
		request->text->len = n;
		request->text->data[n] = '\0';
	}
}

int registry_exchange(struct registry *r, struct exchange_reply *reply,
	const struct exchange_request *request, struct err *err)
{
	size_t text_start = request->text ? request->text->len : 0;
	struct call c;

	call_init(&c, r, request);
	if (login_refresh(&r->login, err) < 0)
		return -1;
	call_set_header(&c);
	if (exchange(reply, r->task, &c.request, err) < 0)
		return login_explain(&r->login, err);
	if (reply->status != UNAUTHORIZED)
		return 0;
	if (login_answer(&r->login, reply, err) < 0)
		return -1;
	forget_text(request, text_start);
	refuse_another_401(&c);
	call_set_header(&c);
	if (exchange(reply, r->task, &c.request, err) < 0)
		return login_explain(&r->login, err);
	return 0;
}
