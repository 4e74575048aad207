/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/ecr.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws.h"
#include "fetch/aws_call.h"
#include "fetch/aws_signer.h"

#define ACCOUNT_LEN 12
#define TARGET "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"
#define CONTENT_TYPE "application/x-amz-json-1.1"

/* What a lease needs to get a password. */
struct asking {
	struct fetch_task *task; /* borrowed, as all */
	const struct aws_endpoint *endpoint;
	const char *region;
};

static bool skip_text(const char **at, const char *text)
{
	if (strncmp(*at, text, strlen(text)) != 0)
		return false;
	*at += strlen(text);
	return true;
}

bool ecr_host_parse(struct ecr_host *out, const char *host)
{
	struct ecr_host read = {0};
	const char *at = host + strspn(host, "0123456789");

	if (at - host != ACCOUNT_LEN)
		return false;
	memcpy(read.account, host, ACCOUNT_LEN);
	read.fips = skip_text(&at, ".dkr.ecr-fips.");
	if (!read.fips && !skip_text(&at, ".dkr.ecr."))
		return false;

	size_t n = strcspn(at, ".");

	if (n >= sizeof(read.region) || at[n] != '.')
		return false;
	memcpy(read.region, at, n);
	if (!aws_is_region(read.region) || strcmp(at + n + 1, aws_suffix(read.region)) != 0)
		return false;
	*out = read;
	return true;
}

static int refused(long status, const struct buf *text, struct err *err)
{
	AUTO(free) char *name = aws_json_error(buf_text(text), text->len);

	return err_set(err, status == 400 && !name ? ERR_INVALID : ERR_DENIED, "answered %ld %s",
		status, name ? name : "with no reason given");
}

static int ask(struct aws_ecr_token *out, const struct asking *asking, struct err *err)
{
	static const char body[] = "{}";
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	AUTO(free) char *path = xasprintf("%s/", asking->endpoint->path);
	AUTO(aws_signer)
	struct aws_signer signer = {
		.task = asking->task,
		.service = "ecr",
		.region = asking->region,
		.method = "POST",
		.host = asking->endpoint->host,
		.path = path,
		.path_rule = SIGV4_PATH_NORMAL,
		.body = body,
		.own_fields = {{"Content-Type", CONTENT_TYPE}, {"X-Amz-Target", TARGET}},
	};
	struct aws_call call = {
		.endpoint = asking->endpoint, .method = "POST", .path = "/", .body = body};
	bool reached = false;

	if (aws_signer_renew(&signer, &call.headers, err) < 0)
		return -1;
	if (!call.headers)
		return err_set(err, ERR_DENIED, "no AWS credentials were found");

	long status = aws_call(&text, &reached, asking->task, &call, err);

	if (status < 0)
		return -1;
	if (status != 200)
		return refused(status, &text, err);
	return aws_json_ecr_token(out, buf_text(&text), text.len, err);
}

static void *get_token(void *arg, struct lease_terms *terms, struct err *err)
{
	const struct asking *asking = arg;
	AUTO(aws_ecr_token) struct aws_ecr_token token = {0};

	if (ask(&token, asking, err) < 0) {
		(void)err_wrap(err, "GetAuthorizationToken of %s", asking->endpoint->host);
		return NULL;
	}
	*terms = lease_terms_until(token.expires, time(NULL));

	struct aws_ecr_token *kept = xmalloc(sizeof(*kept));

	*kept = token;
	token = (struct aws_ecr_token){0};
	return kept;
}

static void copy_token(void *out, const void *value)
{
	const struct aws_ecr_token *from = value;

	*(struct aws_ecr_token *)out = (struct aws_ecr_token){
		.username = xstrdup(from->username),
		.password = xstrdup(from->password),
		.expires = from->expires,
	};
}

static void free_token(void *value)
{
	aws_ecr_token_clear(value);
	free(value);
}

static const struct lease_kind token_kind = {
	.get = get_token,
	.copy = copy_token,
	.free = free_token,
};

int ecr_credential(struct aws_ecr_token *out, struct fetch_task *task, const struct ecr_host *host,
	struct err *err)
{
	struct aws *aws = task->options->aws;
	AUTO(aws_endpoint) struct aws_endpoint endpoint = {0};

	if (!aws)
		return err_set(err, ERR_DENIED, "no AWS account is set up");
	if (aws_ecr_endpoint(aws))
		aws_endpoint_copy(&endpoint, aws_ecr_endpoint(aws));
	else
		aws_endpoint_of_region(
			&endpoint, host->fips ? "ecr-fips" : "api.ecr", host->region);

	AUTO(free) char *name = xasprintf("%s %s", endpoint.origin, host->region);
	struct lease *lease = aws_ecr_lease(aws, name, &token_kind);
	struct asking asking = {.task = task, .endpoint = &endpoint, .region = host->region};

	if (!lease)
		return err_set(err, ERR_INVALID, "more than %d regions with registries of AWS",
			LIMIT_AWS_ECR_ENDPOINTS);
	return lease_get(lease, &asking, out, err);
}
