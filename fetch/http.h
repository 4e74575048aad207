/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/http.h - a module by http or https GET.
 * Threads: none of its own; curl_setup() comes first.
 */
#ifndef WASMXDS_FETCH_HTTP_H
#define WASMXDS_FETCH_HTTP_H

#include "base/err.h"
#include "fetch/sink.h"
#include "fetch/task.h"

/* Fetches task->request->uri by the scheme of its source into sink.  Errors are those of
 * exchange(). */
int http_fetch(struct fetch_task *task, struct sink *sink, struct err *err)
	__attribute__((warn_unused_result));

/* Asks for what it has there, by HEAD; where that is refused, as links that are signed for one
 * method do, and no fetch would follow, by GET.  Errors are those of exchange(). */
int http_revision(struct revision *out, struct fetch_task *task, struct err *err)
	__attribute__((warn_unused_result));

#endif
