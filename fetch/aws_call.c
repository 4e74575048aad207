/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/aws_call.h"

#include <string.h>

#include "base/auto.h"
#include "base/xalloc.h"

const long aws_call_accepts[] = {
	200, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405, 409, 412, 416, 0};

long aws_call(struct buf *text, bool *reached, struct fetch_task *task, const struct aws_call *call,
	struct err *err)
{
	const struct aws_endpoint *to = call->endpoint;
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	AUTO(free) char *url = xasprintf("%s%s%s", to->origin, to->path, call->path);
	struct guard guard;
	struct exchange_request request = {
		.url = url,
		.method = call->method,
		.origin_headers = call->headers,
		.upload = {.bytes = call->body, .n = call->body ? strlen(call->body) : 0, .fd = -1},
		.accept = aws_call_accepts,
		.text = text,
		.guard = aws_endpoint_guard(to, &guard),
		.no_proxy = call->direct,
		.tries = call->tries,
		.timeout_ms = call->timeout_ms,
	};
	int rc = exchange(&reply, task, &request, err);

	*reached = reply.status != 0;
	return rc < 0 ? -1 : reply.status;
}
