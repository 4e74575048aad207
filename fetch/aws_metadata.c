/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_remote.h"

#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws_call.h"
#include "fetch/aws_json.h"

#define ROLES "/latest/meta-data/iam/security-credentials/"
#define PROBE_MS 1000 /* where there is no metadata, nobody answers at all */
#define TIMEOUT_MS 5000
#define TRIES 3

struct metadata {
	struct fetch_task *task;      /* borrowed */
	struct aws_endpoint endpoint; /* owned */
	char *token;                  /* owned; as a header */
};

static void auto_metadata(struct metadata *m)
{
	aws_endpoint_clear(&m->endpoint);
	aws_secret_free(m->token);
}

static const char *endpoint_url(const struct aws_environment *environment)
{
	const char *mode = environment->metadata_endpoint_mode;

	if (environment->metadata_endpoint)
		return environment->metadata_endpoint;
	if (mode && strcasecmp(mode, "IPv6") == 0)
		return "http://[fd00:ec2::254]";
	return "http://169.254.169.254";
}

static bool is_disabled(const struct aws_environment *environment)
{
	return environment->metadata_disabled &&
	       strcasecmp(environment->metadata_disabled, "true") == 0;
}

/* Gets the session's token; m->token stays NULL where there is no metadata, or no version 2. */
static int open_session(struct metadata *m, struct err *err)
{
	static const char *const headers[] = {"X-aws-ec2-metadata-token-ttl-seconds: 300", NULL};
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_TOKEN_BYTES);
	const struct aws_call call = {
		.endpoint = &m->endpoint,
		.method = "PUT",
		.path = "/latest/api/token",
		.headers = headers,
		.direct = true,
		.tries = 1,
		.timeout_ms = PROBE_MS,
	};
	bool reached = false;
	long status = aws_call(&text, &reached, m->task, &call, err);

	if (status < 0)
		return reached || fetch_stopped(m->task->options) ? -1 : 0;
	if (status != 200)
		return 0;
	if (!aws_is_header_value(buf_text(&text)))
		return err_set(err, ERR_INVALID, "the token that it gave is none");
	m->token = xasprintf("X-aws-ec2-metadata-token: %s", buf_text(&text));
	return 0;
}

/* Gets what lies under path; leaves out empty where there is nothing. */
static int get(struct buf *out, struct metadata *m, const char *path, struct err *err)
{
	const char *const headers[] = {m->token, NULL};
	const struct aws_call call = {
		.endpoint = &m->endpoint,
		.path = path,
		.headers = headers,
		.direct = true,
		.tries = TRIES,
		.timeout_ms = TIMEOUT_MS,
	};
	bool reached = false;
	long status = aws_call(out, &reached, m->task, &call, err);

	if (status == 404)
		buf_clear(out);
	if (status < 0 || status == 200 || status == 404)
		return status < 0 ? -1 : 0;
	return err_set(err, ERR_DENIED, "answered %ld instead of 200", status);
}

static int get_credentials(struct aws_credentials *out, struct metadata *m, struct err *err)
{
	AUTO(buf) struct buf roles = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	AUTO(free) char *role = NULL;
	AUTO(free) char *path = NULL;

	if (get(&roles, m, ROLES, err) < 0)
		return -1;
	if (roles.len == 0) /* the instance has no role */
		return 0;
	role = xstrndup(buf_text(&roles), strcspn(buf_text(&roles), "\r\n"));
	if (!aws_is_name(role))
		return err_set(err, ERR_INVALID, "the role that it names is none");
	path = xasprintf("%s%s", ROLES, role);
	if (get(&text, m, path, err) < 0)
		return -1;
	return text.len == 0 ? 0 : aws_json_credentials(out, buf_text(&text), text.len, err);
}

int aws_metadata(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
{
	AUTO(metadata) struct metadata m = {.task = task};

	if (is_disabled(environment))
		return 0;
	if (aws_endpoint_parse(&m.endpoint, endpoint_url(environment),
		    "AWS_EC2_METADATA_SERVICE_ENDPOINT", err) < 0)
		return -1;
	if (open_session(&m, err) < 0 || (m.token && get_credentials(out, &m, err) < 0))
		return err_wrap(err, "%s", m.endpoint.host);
	return 0;
}
