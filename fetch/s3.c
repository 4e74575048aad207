/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "fetch/aws.h"
#include "fetch/aws_call.h"
#include "fetch/aws_signer.h"
#include "fetch/aws_xml.h"
#include "fetch/exchange.h"
#include "fetch/revision.h"
#include "fetch/s3_checksum.h"
#include "fetch/s3_error.h"
#include "fetch/s3_place.h"
#include "fetch/unpack.h"

/* What S3 said of an object. */
struct facts {
	struct revision revision;
	struct s3_statement statement;
};

/* What it said. */
struct answer {
	bool is_object; /* it is in the sink; else: */
	long status;
	char *code;   /* owned; may be NULL, as region */
	char *region; /* owned; the bucket's */
	bool is_signed;
	struct facts facts;
};

/* What it is asked for; what is NULL is not there. */
struct question {
	const char *method; /* "GET" or "HEAD" */
	struct sink *sink;  /* takes the object */
	struct buf *start;  /* in its place: takes its first bytes */
	bool states;        /* what the store knows of it is to be stated */
};

#define TEXT(number) #number
#define RANGE(bytes) "Range: bytes=0-" TEXT(bytes)

/* As aws_call_accepts, but for a server that knows no ranges: it would send all. */
static const long part_accepts[] = {
	206, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 412, 416, 0};

static void auto_answer(struct answer *a)
{
	free(a->code);
	free(a->region);
}

/* The bucket's region, by the header that AWS sends or the element that others do. */
static char *read_region(const struct exchange_reply *reply, const struct buf *text)
{
	const char *header = exchange_reply_header(reply, "x-amz-bucket-region", 0);
	struct err ignored;
	AUTO(free) char *element = NULL;

	if (header)
		return aws_is_region(header) ? xstrdup(header) : NULL;
	element = aws_xml_text(buf_text(text), text->len, "Region", &ignored);
	return element && aws_is_region(element) ? STEAL(element) : NULL;
}

static void read_facts(struct facts *out, const struct exchange_reply *reply)
{
	const char *sha256 = exchange_reply_header(reply, S3_CHECKSUM_SHA256, 0);
	const char *type = exchange_reply_header(reply, S3_CHECKSUM_TYPE, 0);

	revision_of_reply(&out->revision, reply);
	if (reply->content_length >= 0 && s3_checksum_read(&out->statement.sha256, sha256, type))
		out->statement.size = (uint64_t)reply->content_length;
}

static int get(struct answer *out, struct aws_signer *signer, const struct s3_place *place,
	const struct question *question, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	const char *headers[] = {question->start ? RANGE(UNPACK_SNIFF_BYTES) : NULL, NULL};
	struct guard guard;
	struct exchange_request request = {
		.url = place->url,
		.method = signer->method,
		.renew = aws_signer_renew,
		.renew_arg = signer,
		.headers = headers,
		.accept = question->start ? part_accepts : aws_call_accepts,
		.sink = question->sink,
		.text = &text,
		.guard = aws_endpoint_guard(&place->endpoint, &guard),
	};

	if (aws_signer_renew(signer, &request.origin_headers, err) < 0)
		return -1;
	out->is_signed = request.origin_headers != NULL;
	if (question->states && !out->is_signed)
		headers[0] = S3_CHECKSUM_MODE ": " S3_CHECKSUM_ON;

	int rc = exchange(&reply, signer->task, &request, err);

	out->status = reply.status;
	out->is_object = rc == 0 && (reply.status == 200 || reply.status == 206);
	out->code = aws_xml_error(buf_text(&text), text.len);
	out->region = read_region(&reply, &text);
	read_facts(&out->facts, &reply);
	if (out->is_object && question->start)
		rc = buf_append(question->start, buf_text(&text), text.len, err);
	if (rc < 0 && out->code)
		return err_wrap(err, "%s", out->code);
	return rc;
}

static int get_from(struct answer *out, struct fetch_task *task, const struct aws_s3 *s3,
	const struct question *question, struct err *err)
{
	AUTO(s3_place) struct s3_place place = {0};
	AUTO(free) char *bucket = NULL;
	const char *key = NULL;

	bucket = s3_split(&key, task->request->uri, err);
	if (!bucket)
		return -1;
	s3_place_find(&place, s3->endpoint, s3->region, s3->path_style, bucket, key);

	AUTO(aws_signer)
	struct aws_signer signer = {
		.task = task,
		.service = "s3",
		.region = s3->region,
		.method = question->method,
		.host = place.endpoint.host,
		.path = place.path,
		.path_rule = SIGV4_PATH_LITERAL,
		.own_fields = {{question->states ? S3_CHECKSUM_MODE : NULL, S3_CHECKSUM_ON}},
	};

	return get(out, &signer, &place, question, err);
}

static int refused(const struct answer *a, struct err *err)
{
	const struct s3_refusal refusal = {
		.status = a->status,
		.code = a->code,
		.region = a->region,
		.is_signed = a->is_signed,
	};

	return s3_refused(&refusal, err);
}

static int ask(struct facts *out, struct fetch_task *task, const struct question *question,
	struct err *err)
{
	AUTO(aws_s3) struct aws_s3 s3 = {0};
	AUTO(answer) struct answer first = {0};
	AUTO(answer) struct answer second = {0};
	AUTO(free) char *bucket = xstrndup(task->request->uri, strcspn(task->request->uri, "/"));
	struct aws *aws = task->options->aws;

	if (!aws)
		return err_set(err, ERR_INVALID, "protocol s3 is off");
	aws_s3_get(&s3, aws, bucket);
	if (get_from(&first, task, &s3, question, err) < 0)
		return -1;
	*out = first.facts;
	if (first.is_object)
		return 0;
	if (!first.region || strcmp(first.region, s3.region) == 0)
		return refused(&first, err);

	aws_s3_learn(aws, bucket, first.region);
	free(s3.region);
	s3.region = xstrdup(first.region);
	if (get_from(&second, task, &s3, question, err) < 0)
		return -1;
	*out = second.facts;
	return second.is_object ? 0 : refused(&second, err);
}

int s3_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
{
	struct facts facts = {.revision = {.text = ""}};
	int rc = ask(&facts, task, &(struct question){.method = "GET", .sink = sink}, err);

	task->revision = facts.revision;
	return rc;
}

int s3_revision(struct revision *out, struct fetch_task *task, struct err *err)
{
	struct facts facts;

	if (ask(&facts, task, &(struct question){.method = "HEAD"}, err) < 0)
		return -1;
	*out = facts.revision;
	return 0;
}

int s3_state(struct s3_statement *out, struct fetch_task *task, struct err *err)
{
	AUTO(buf) struct buf start = BUF_INIT(LIMIT_AWS_ANSWER_BYTES);
	struct facts head;
	struct facts part;

	if (ask(&head, task, &(struct question){.method = "HEAD", .states = true}, err) < 0)
		return -1;
	*out = (struct s3_statement){.size = 0};
	if (!digest_is_set(&head.statement.sha256))
		return 0;
	if (ask(&part, task, &(struct question){.method = "GET", .start = &start}, err) < 0)
		return -1;
	if (!unpack_wanted(buf_text(&start), start.len))
		*out = head.statement;
	return 0;
}
