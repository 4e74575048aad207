/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/registry_fixture.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "tests/unit/fetch_fixture.h"

/* The value of the request's Authorization, "-" where it has none; the caller frees it. */
static char *authorization_of(const char *request)
{
	static const char name[] = "\r\nAuthorization: ";
	const char *line = strstr(request, name);

	if (!line)
		return xstrdup("-");
	line += strlen(name);
	return xstrndup(line, strcspn(line, "\r"));
}

static void note(struct registry_fixture *r, const char *request, const char *authorization)
{
	const char *version = strstr(request, " HTTP/1.1");
	char *longer =
		xasprintf("%s%.*s %s\n", r->log, (int)(version - request), request, authorization);

	free(r->log);
	r->log = longer;
	free(r->last_ask);
	r->last_ask = xstrdup(request);
	if (strncmp(request, "POST ", strlen("POST ")) != 0)
		return;
	free(r->posted);
	r->posted = xstrdup(strstr(request, "\r\n\r\n") + strlen("\r\n\r\n"));
}

static const struct fixture_route *find_route(const struct registry_fixture *r, const char *path)
{
	size_t n = strcspn(path, " ");

	for (size_t i = 0; i < r->n_routes; i++) {
		if (strlen(r->routes[i].path) == n && strncmp(r->routes[i].path, path, n) == 0)
			return &r->routes[i];
	}
	return NULL;
}

static void answer(void *arg, unsigned nth, const char *request, int fd)
{
	struct registry_fixture *r = arg;
	AUTO(free) char *authorization = authorization_of(request);
	const char *path = strchr(request, ' ') + 1;
	const struct fixture_route *route = find_route(r, path);

	(void)nth;
	note(r, request, authorization);
	if (r->challenge && strncmp(path, "/v2/", 4) == 0 &&
		strcmp(authorization, r->authorization) != 0) {
		script_print(fd,
			"HTTP/1.1 401 No\r\nWWW-Authenticate: %s\r\nContent-Length: 2\r\n\r\nno",
			r->challenge);
		return;
	}
	if (!route) {
		script_print(fd, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
		return;
	}
	script_print(
		fd, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", route->header, route->n);
	script_send(fd, route->body, route->n);
}

struct registry_fixture *registry_fixture_start(void)
{
	struct registry_fixture *r = xcalloc(1, sizeof(*r));

	r->log = xstrdup("");
	r->server = script_server_start(answer, r);
	r->port = script_server_port(r->server);
	return r;
}

void registry_fixture_stop(struct registry_fixture *r)
{
	script_server_stop(r->server);
	for (size_t i = 0; i < r->n_routes; i++) {
		free(r->routes[i].path);
		free(r->routes[i].body);
	}
	free(r->challenge);
	free(r->log);
	free(r->last_ask);
	free(r->posted);
	free(r);
}

void registry_fixture_serve(struct registry_fixture *r, const char *path, const char *header,
	const void *body, size_t n)
{
	struct fixture_route *route = &r->routes[r->n_routes++];

	assert(r->n_routes <= FIXTURE_ROUTES);
	*route = (struct fixture_route){
		.path = xstrdup(path), .header = header, .body = xmalloc(n + 1), .n = n};
	memcpy(route->body, body, n);
}

struct digest registry_fixture_document(
	struct registry_fixture *r, const char *type, const char *tag, const char *text)
{
	const char *header = strcmp(type, FIXTURE_INDEX) == 0
				     ? "Content-Type: " FIXTURE_INDEX "\r\n"
				     : "Content-Type: " FIXTURE_MANIFEST "\r\n";
	struct digest digest;
	AUTO(free) char *by_digest = NULL;
	AUTO(free) char *by_tag = tag ? xasprintf("/v2/a/manifests/%s", tag) : NULL;

	digest_of(&digest, text, strlen(text));
	by_digest = xasprintf("/v2/a/manifests/sha256:%s", digest.hex);
	registry_fixture_serve(r, by_digest, header, text, strlen(text));
	if (by_tag)
		registry_fixture_serve(r, by_tag, header, text, strlen(text));
	return digest;
}

struct digest registry_fixture_blob(struct registry_fixture *r, const void *bytes, size_t n)
{
	struct digest digest;
	AUTO(free) char *path = NULL;

	digest_of(&digest, bytes, n);
	path = xasprintf("/v2/a/blobs/sha256:%s", digest.hex);
	registry_fixture_serve(r, path, "", bytes, n);
	return digest;
}

char *fixture_descriptor(const char *type, const struct digest *digest, size_t size)
{
	return xasprintf("{\"mediaType\":\"%s\",\"digest\":\"sha256:%s\",\"size\":%zu}", type,
		digest->hex, size);
}

struct digest registry_fixture_module(struct registry_fixture *r)
{
	struct digest module = registry_fixture_blob(r, fixture_module, fixture_module_size);
	AUTO(free)
	char *layer = fixture_descriptor("application/wasm", &module, fixture_module_size);
	AUTO(free) char *text = xasprintf("{\"schemaVersion\":2,\"layers\":[%s]}", layer);

	return registry_fixture_document(r, FIXTURE_MANIFEST, "v1", text);
}
