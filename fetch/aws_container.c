/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_remote.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws_call.h"
#include "fetch/aws_file.h"
#include "fetch/aws_json.h"

#define ECS "http://169.254.170.2"
#define TRIES 3
#define TIMEOUT_MS 5000

/* Whether the agent may be asked without TLS: its token would go in the clear elsewhere. */
static bool is_agent(const struct aws_endpoint *endpoint)
{
	static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"};
	size_t n = strcspn(endpoint->host, ":");

	if (endpoint->host[0] == '[')
		n = strcspn(endpoint->host, "]") + 1;
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		if (strlen(hosts[i]) == n && strncasecmp(endpoint->host, hosts[i], n) == 0)
			return true;
	}
	return aws_endpoint_is_loopback(endpoint);
}

static int full_endpoint(struct aws_endpoint *out, char **path, const char *uri, struct err *err)
{
	static const char what[] = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
	AUTO(aws_endpoint) struct aws_endpoint read = {0};

	/* a query would not be an endpoint's, but belongs to what is asked for */
	AUTO(free) char *place = xstrndup(uri, strcspn(uri, "?"));

	if (aws_endpoint_parse(&read, place, what, err) < 0)
		return -1;
	if (!read.https && !is_agent(&read))
		return err_set(err, ERR_INVALID,
			"%s: over http the host must be 169.254.170.2, 169.254.170.23, "
			"[fd00:ec2::23] or loopback, not %s",
			what, read.host);
	*path = xasprintf("%s%s", read.path[0] ? read.path : "/", uri + strlen(place));
	read.path[0] = '\0';
	*out = read;
	read = (struct aws_endpoint){0};
	return 0;
}

int aws_container_endpoint(struct aws_endpoint *out, char **path,
	const struct aws_environment *environment, struct err *err)
{
	const char *relative = environment->container_relative_uri;

	if (!relative && !environment->container_full_uri)
		return 0;
	if (!relative)
		return full_endpoint(out, path, environment->container_full_uri, err);
	if (relative[0] != '/' || !aws_is_header_value(relative) || strchr(relative, ' '))
		return err_set(err, ERR_INVALID,
			"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: must begin with \"/\" and hold no "
			"space");
	if (aws_endpoint_parse(out, ECS, "the container's agent", err) < 0)
		return -1;
	*path = xstrdup(relative);
	return 0;
}

/* Gets the token that the agent knows us by; *token stays NULL where there is none. */
static int agent_token(char **token, const struct aws_environment *environment, struct err *err)
{
	if (environment->container_token_file)
		return aws_file_secret(token, environment->container_token_file,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", err);
	if (!environment->container_token)
		return 0;
	if (!aws_is_header_value(environment->container_token))
		return err_set(err, ERR_INVALID,
			"AWS_CONTAINER_AUTHORIZATION_TOKEN: must be printable, with no space at "
			"its ends");
	*token = xstrdup(environment->container_token);
	return 0;
}

static int ask(struct aws_credentials *out, struct fetch_task *task, const struct aws_call *call,
	struct err *err)
{
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	bool reached = false;
	long status = aws_call(&text, &reached, task, call, err);

	if (status < 0)
		return -1;
	if (status != 200)
		return err_set(err, ERR_DENIED, "%s answered %ld instead of 200",
			call->endpoint->host, status);
	return aws_json_credentials(out, buf_text(&text), text.len, err);
}

int aws_container(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
{
	AUTO(aws_endpoint) struct aws_endpoint endpoint = {0};
	AUTO(free) char *path = NULL;
	AUTO(aws_secret) char *token = NULL;
	AUTO(aws_secret) char *authorization = NULL;

	if (aws_container_endpoint(&endpoint, &path, environment, err) < 0 ||
		agent_token(&token, environment, err) < 0)
		return -1;
	if (!path)
		return 0;
	authorization = token ? xasprintf("Authorization: %s", token) : NULL;

	const char *const headers[] = {authorization, NULL};
	const struct aws_call call = {
		.endpoint = &endpoint,
		.path = path,
		.headers = headers,
		.direct = true,
		.tries = TRIES,
		.timeout_ms = TIMEOUT_MS,
	};

	return ask(out, task, &call, err);
}
