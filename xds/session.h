/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/session.h - one stream of one client over gRPC: the shell around xds/stream.h.
 * At most one operation of a kind is under way on a call.  A session is freed when its last
 * operation came back.  Threads: the one that serves.
 */
#ifndef WASMXDS_XDS_SESSION_H
#define WASMXDS_XDS_SESSION_H

#include <stdbool.h>

#include <grpc/grpc.h>

#include "xds/catalog.h"
#include "xds/loader.h"
#include "xds/refusals.h"
#include "xds/stream.h"

/* What the completion queue hands back: done() is called with whether the operation succeeded. */
struct op {
	void (*done)(struct op *op, bool ok);
	void *owner; /* borrowed */
};

/* What all sessions of a server share. */
struct session_group {
	grpc_completion_queue *queue; /* borrowed */
	struct catalog *catalog;      /* borrowed */
	struct refusals *refusals;    /* borrowed */
	struct loader *loader;        /* borrowed */
	struct session *first;        /* all that are open */
	void (*emptied)(void *arg);   /* the last session was freed */
	void *arg;
};

/* Serves a call, which it takes over, by the path of its method; one that is not ours ends it with
 * UNIMPLEMENTED. */
void session_start(struct session_group *group, grpc_call *call, const char *path);

/* Sends to every subscriber of r what it lacks. */
void session_resource_changed(struct resource *r);

#endif
