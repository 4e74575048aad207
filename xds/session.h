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
#include "xds/gate.h"
#include "xds/loader.h"
#include "xds/metrics.h"
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
	struct xds_metrics *metrics;  /* borrowed */
	struct session *first;        /* all that are open */
	size_t n;                     /* how many */
	size_t max;                   /* one more is refused */
	struct gate *gate;            /* borrowed; NULL: everybody may have everything */
	bool full_state;              /* SotW: each response carries all that is subscribed */
	void (*emptied)(void *arg);   /* the last session was freed */
	void *arg;
};

/* Serves a call, which it takes over, by the path of its method; one that is not ours ends it with
 * UNIMPLEMENTED. */
void session_start(struct session_group *group, grpc_call *call, const char *path);

/* Ends the sessions whose client says nothing at first, or may have something else by now. */
void session_tick(struct session_group *group, bool policy_changed);

/* Sends to every subscriber of r what it lacks. */
void session_resource_changed(struct resource *r);

/* A session as those who look after the fleet see it; borrowed. */
struct session_info {
	const struct stream *stream;
	const char *identity; /* of its certificate; NULL: none */
	const char *peer;     /* "ipv4:10.0.0.7:41234" */
	const char *method;   /* "DeltaAggregatedResources" */
	int64_t opened_ms;
};

/* Walks the open sessions: NULL starts; returns NULL at the end. */
const struct session *session_next(
	const struct session_group *group, const struct session *s, struct session_info *info);

#endif
