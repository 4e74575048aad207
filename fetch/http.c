/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <stdlib.h>

#include "base/auto.h"
#include "base/xalloc.h"
#include "fetch/exchange.h"
#include "fetch/revision.h"

static int ask(struct revision *out, struct fetch_task *task, struct exchange_request *request,
	struct err *err)
{
	AUTO(free)
	char *url =
		xasprintf("%s://%s", fetch_source_name(task->request->source), task->request->uri);
	AUTO(exchange_reply) struct exchange_reply reply = {0};

	request->url = url;
	if (exchange(&reply, task, request, err) < 0)
		return -1;
	revision_of_reply(out, &reply);
	return 0;
}

int http_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
{
	struct exchange_request request = {.sink = sink};

	return ask(&task->revision, task, &request, err);
}

int http_revision(struct revision *out, struct fetch_task *task, struct err *err)
{
	struct exchange_request head = {.method = "HEAD"};
	struct exchange_request get = {.method = NULL}; /* its body is not read */
	struct err first;

	if (ask(out, task, &head, &first) == 0)
		return 0;
	if (task->request->ask_only && (first.code == ERR_DENIED || first.code == ERR_INVALID))
		return ask(out, task, &get, err);
	*err = first;
	return -1;
}
