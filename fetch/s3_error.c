/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3_error.h"

#include <string.h>

#include "fetch/exchange.h"

struct meaning {
	const char *code;
	enum err_code verdict;
	const char *words;
};

static const struct meaning meanings[] = {
	{"NoSuchKey", ERR_NOT_FOUND, "the bucket has no such key"},
	{"NoSuchBucket", ERR_NOT_FOUND, "there is no such bucket"},
	{"AccessDenied", ERR_DENIED,
		"access is denied (without s3:ListBucket, S3 says so of a missing key too)"},
	{"InvalidAccessKeyId", ERR_DENIED, "the access key id is not known"},
	{"XAdminUserNotFound", ERR_DENIED, "the access key id is not known"}, /* versitygw's */
	{"SignatureDoesNotMatch", ERR_DENIED,
		"the secret access key is not that of the access key id"},
	{"RequestTimeTooSkewed", ERR_DENIED, "this machine's clock is more than 15 minutes off"},
	{"ExpiredToken", ERR_DENIED, "the session token has expired"},
	{"InvalidToken", ERR_DENIED, "the session token is not one"},
	{"InvalidObjectState", ERR_INVALID, "the object is archived: it must be restored first"},
	{"RequestTimeout", ERR_TRANSIENT, "the request took too long"},
	{"SlowDown", ERR_TRANSIENT, "too many requests"},
	{"InternalError", ERR_TRANSIENT, "an error of its own"},
};

static struct meaning find_meaning(const struct s3_refusal *r)
{
	for (size_t i = 0; r->code && i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		if (strcmp(meanings[i].code, r->code) == 0)
			return meanings[i];
	}
	return (struct meaning){
		r->code ? r->code : "no reason given", exchange_status_verdict(r->status), NULL};
}

int s3_refused(const struct s3_refusal *r, struct err *err)
{
	struct meaning m = find_meaning(r);
	const char *unsigned_hint =
		m.verdict == ERR_DENIED && !r->is_signed
			? "; the request was not signed, since no AWS credentials were found"
			: "";

	if (r->region && (r->status == 301 || r->status == 307 || r->status == 400))
		return err_set(err, ERR_INVALID, "answered %ld %s: the bucket is in the region %s",
			r->status, m.code, r->region);
	if (r->status >= 300 && r->status <= 399)
		return err_set(err, ERR_INVALID,
			"answered %ld %s: redirects of S3 are not followed; is the endpoint right?",
			r->status, m.code);
	return err_set(err, m.verdict == ERR_NONE ? ERR_INVALID : m.verdict,
		"answered %ld %s%s%s%s", r->status, m.code, m.words ? ": " : "",
		m.words ? m.words : "", unsigned_hint);
}
