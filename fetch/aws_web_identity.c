/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_remote.h"

#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws_call.h"
#include "fetch/aws_file.h"
#include "fetch/aws_xml.h"
#include "fetch/sigv4.h"

#define SESSION_NAME "wasmxds"
#define TOKEN_FILE "AWS_WEB_IDENTITY_TOKEN_FILE"

static int append_field(struct buf *form, const char *name, const char *value, struct err *err)
{
	if (buf_printf(form, err, "&%s=", name) < 0)
		return -1;
	return sigv4_encode(form, value, false, err);
}

static int make_form(struct buf *form, const struct aws_environment *environment, const char *token,
	struct err *err)
{
	const char *session = environment->role_session_name;

	if (buf_printf(form, err, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15") < 0 ||
		append_field(form, "RoleArn", environment->role_arn, err) < 0 ||
		append_field(form, "RoleSessionName", session ? session : SESSION_NAME, err) < 0)
		return -1;
	return append_field(form, "WebIdentityToken", token, err);
}

static int find_endpoint(
	struct aws_endpoint *out, const struct aws_environment *environment, struct err *err)
{
	const char *region =
		environment->region ? environment->region : environment->default_region;

	if (environment->endpoint_sts)
		return aws_endpoint_parse(
			out, environment->endpoint_sts, "AWS_ENDPOINT_URL_STS", err);
	if (environment->endpoint)
		return aws_endpoint_parse(out, environment->endpoint, "AWS_ENDPOINT_URL", err);
	if (!region)
		return aws_endpoint_parse(out, "https://sts.amazonaws.com", "STS", err);
	if (!aws_is_region(region))
		return err_set(err, ERR_INVALID,
			"AWS_REGION: must be a region, as in eu-west-1, of lower-case letters, "
			"digits and \"-\"");
	aws_endpoint_of_region(out, "sts", region);
	return 0;
}

static int refused(long status, const struct buf *text, struct err *err)
{
	AUTO(free) char *code = aws_xml_error(buf_text(text), text->len);
	const char *name = code ? code : "no reason given";

	/* the one refusal that another try may turn: STS could not reach the token's issuer */
	if (strcmp(name, "IDPCommunicationError") == 0)
		return err_set(err, ERR_TRANSIENT, "STS answered %ld: %s", status, name);
	return err_set(err, ERR_DENIED,
		"STS answered %ld: %s; the role in AWS_ROLE_ARN must trust the token in %s", status,
		name, TOKEN_FILE);
}

static int assume_role(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_endpoint *endpoint, const char *form, struct err *err)
{
	static const char *const headers[] = {
		"Content-Type: application/x-www-form-urlencoded", "Accept: application/xml", NULL};
	AUTO(aws_secret_buf) struct buf text = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	const struct aws_call call = {
		.endpoint = endpoint,
		.method = "POST",
		.path = "/",
		.headers = headers,
		.body = form,
	};
	bool reached = false;
	long status = aws_call(&text, &reached, task, &call, err);

	if (status < 0)
		return err_wrap(err, "%s", endpoint->host);
	if (status != 200)
		return refused(status, &text, err);
	if (aws_xml_credentials(out, buf_text(&text), text.len, err) < 0)
		return err_wrap(err, "STS");
	return 0;
}

int aws_web_identity(struct aws_credentials *out, struct fetch_task *task,
	const struct aws_environment *environment, struct err *err)
{
	AUTO(aws_endpoint) struct aws_endpoint endpoint = {0};
	AUTO(aws_secret) char *token = NULL;
	AUTO(aws_secret_buf) struct buf form = BUF_INIT(LIMIT_AWS_FORM_BYTES);

	if (!environment->web_identity_token_file)
		return 0;
	if (!environment->role_arn)
		return err_set(err, ERR_INVALID,
			"AWS_ROLE_ARN: must name the role to assume, since " TOKEN_FILE " is set");
	if (find_endpoint(&endpoint, environment, err) < 0 ||
		aws_file_secret(&token, environment->web_identity_token_file, TOKEN_FILE, err) <
			0 ||
		make_form(&form, environment, token, err) < 0)
		return -1;
	return assume_role(out, task, &endpoint, buf_text(&form), err);
}
