/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/unit/aws_server.h - stands in for what AWS would answer: a table of answers, on 127.0.0.1,
 * and a record of what was asked.  Fails by ending the test program.
 * Threads: a server has its own; its functions are for the thread of the test.
 */
#ifndef WASMXDS_TESTS_UNIT_AWS_SERVER_H
#define WASMXDS_TESTS_UNIT_AWS_SERVER_H

#include <stddef.h>

#include "fetch/aws.h"
#include "fetch/task.h"

/* The first route that fits answers; where none does, 404 with no body. */
struct aws_route {
	const char *method;
	const char *path;
	const char *wants;  /* a header that must be there, "Name: value"; NULL: any */
	unsigned status;    /* 0: no answer ever */
	const char *header; /* of the answer, "Name: value"; NULL: none */
	const char *body;
};

struct aws_server; /* opaque */

/* routes must outlive the server. */
struct aws_server *aws_server_start(const struct aws_route *routes, size_t n);
void aws_server_stop(struct aws_server *s);
static inline void auto_aws_server(struct aws_server **s)
{
	aws_server_stop(*s);
}

/* Returns "http://127.0.0.1:PORT"; borrowed. */
const char *aws_server_url(const struct aws_server *s);

size_t aws_server_requests(struct aws_server *s);

/* Returns request i as text: "METHOD PATH", its headers and its body, a line each; the caller frees
 * it. */
char *aws_server_request(struct aws_server *s, size_t i);

/* What a driver is called with: set up for tests, with an environment of "NAME=value" texts, NULL
 * at the end, and no other. */
struct aws_fixture {
	struct fetch_options options;
	struct fetch_request request;
	struct fetch_task task;
	struct aws_environment environment; /* owned */
	struct aws *aws;                    /* owned; options.aws */
};
void aws_fixture_init(struct aws_fixture *f, const char *const *environment);
void aws_fixture_clear(struct aws_fixture *f);
static inline void auto_aws_fixture(struct aws_fixture *f)
{
	aws_fixture_clear(f);
}

#endif
