/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch/aws_call.h - one small request to a service of AWS, and what it answered: documents, not
 * modules.  No redirect is followed, so that neither token nor signature goes elsewhere.
 * Threads: none of its own.
 */
#ifndef WASMXDS_FETCH_AWS_CALL_H
#define WASMXDS_FETCH_AWS_CALL_H

#include "base/buf.h"
#include "base/err.h"
#include "fetch/aws_endpoint.h"
#include "fetch/exchange.h"

struct aws_call {
	const struct aws_endpoint *endpoint; /* borrowed, as all below */
	const char *method;                  /* NULL: GET */
	const char *path;                    /* behind the endpoint's own; "/" at least */
	const char *const *headers;          /* go to the endpoint only */
	const char *body;                    /* NULL: none */
	bool direct;                         /* whatever the environment says of proxies */
	int tries;                           /* 0: the options' */
	int64_t timeout_ms;                  /* 0: until the task's deadline */
};

/* The statuses that a driver of AWS sees to itself: every final one, redirects included. */
extern const long aws_call_accepts[];

/* Returns the status, with its body behind text; or -1 with ERR_TRANSIENT, ERR_DENIED (the guard),
 * or ERR_INVALID where it is too large.  What never answered has *reached false.  Messages name
 * neither the endpoint nor any secret. */
long aws_call(struct buf *text, bool *reached, struct fetch_task *task, const struct aws_call *call,
	struct err *err) __attribute__((warn_unused_result));

#endif
