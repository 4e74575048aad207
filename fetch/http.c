/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "fetch/exchange.h"

int http_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
{
	AUTO(free)
	char *url =
		xasprintf("%s://%s", fetch_source_name(task->request->source), task->request->uri);
	AUTO(exchange_reply) struct exchange_reply reply = {0};
	const struct exchange_request request = {.url = url, .sink = sink};

	return exchange(&reply, task, &request, err);
}
