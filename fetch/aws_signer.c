/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_signer.h"

#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws.h"

void aws_signer_clear(struct aws_signer *signer)
{
	for (size_t i = 0; signer->lines[i]; i++) {
		aws_secret_free(signer->lines[i]);
		signer->lines[i] = NULL;
	}
}

static size_t collect_fields(struct sigv4_field *fields, const struct aws_signer *signer,
	const struct aws_credentials *credentials, const char *date, const char *payload)
{
	size_t n = 0;

	fields[n++] = (struct sigv4_field){"Host", signer->host};
	fields[n++] = (struct sigv4_field){"X-Amz-Date", date};
	fields[n++] = (struct sigv4_field){"X-Amz-Content-Sha256", payload};
	if (credentials->session_token)
		fields[n++] =
			(struct sigv4_field){"X-Amz-Security-Token", credentials->session_token};
	for (size_t i = 0; i < AWS_SIGNER_OWN_FIELDS && signer->own_fields[i].name; i++)
		fields[n++] = signer->own_fields[i];
	return n;
}

static int sign(
	struct aws_signer *signer, const struct aws_credentials *credentials, struct err *err)
{
	struct sigv4_field fields[AWS_SIGNER_FIELDS + AWS_SIGNER_OWN_FIELDS];
	AUTO(buf) struct buf authorization = BUF_INIT(LIMIT_SIGV4_BYTES);
	struct sigv4_scope scope = {.region = signer->region, .service = signer->service};
	const struct sigv4_key key = {.id = credentials->key_id, .secret = credentials->secret};
	const char *body = signer->body ? signer->body : "";
	struct digest payload;

	sigv4_date(scope.date, time(NULL));
	digest_of(&payload, body, strlen(body));

	const struct sigv4_request request = {
		.method = signer->method,
		.path = signer->path,
		.path_rule = signer->path_rule,
		.query = "",
		.fields = fields,
		.n_fields = collect_fields(fields, signer, credentials, scope.date, payload.hex),
		.payload = payload.hex,
	};

	if (sigv4_authorization(&authorization, &request, &scope, &key, err) < 0)
		return -1;
	aws_signer_clear(signer);
	signer->lines[0] = xasprintf("Authorization: %s", buf_text(&authorization));
	for (size_t i = 1; i < request.n_fields; i++) /* the first is Host, which libcurl sends */
		signer->lines[i] = xasprintf("%s: %s", fields[i].name, fields[i].value);
	return 0;
}

int aws_signer_renew(void *arg, const char *const **headers, struct err *err)
{
	struct aws_signer *signer = arg;
	AUTO(aws_credentials) struct aws_credentials credentials = {0};

	*headers = NULL;
	if (aws_credentials_get(&credentials, signer->task, err) < 0)
		return -1;
	if (!aws_credentials_are_set(&credentials))
		return 0;
	if (sign(signer, &credentials, err) < 0)
		return err_wrap(err, "signing the request");
	*headers = (const char *const *)signer->lines;
	return 0;
}
