/* SPDX-License-Identifier: Apache-2.0 */
/*
 * xds/session.h - one stream of one client over gRPC: its requests go to xds/stream.h, what that
 * decides to xds/delivery.h, and both ways lead over its call (xds/rpc.h), with which it ends.
 * Threads: those that serve (xds/worker.h), each with its own group, which only it starts
 * operations for; with the lock of what they share, but for session_send().
 */
#ifndef WASMXDS_XDS_SESSION_H
#define WASMXDS_XDS_SESSION_H

#include <stdbool.h>

#include "xds/rpc.h"
#include "xds/catalog.h"
#include "xds/gate.h"
#include "xds/grpc.h"
#include "xds/loader.h"
#include "xds/metrics.h"
#include "store/refusals.h"
#include "xds/stream.h"

/* What all sessions of a server share. */
struct session_world {
	struct catalog *catalog;     /* borrowed */
	struct refusals *refusals;   /* borrowed */
	struct loader *loader;       /* borrowed */
	struct xds_metrics *metrics; /* borrowed */
	struct gate *gate;           /* borrowed; NULL: everybody may have everything */
	uint64_t policies;           /* that the gate has had since the start */
	size_t n;                    /* sessions that are open */
	size_t max;                  /* one more is refused */
	bool full_state;             /* SotW: each response carries all that is subscribed */
	bool ended;                  /* no session may start any more */
	void (*emptied)(void *arg);  /* the last session was freed */
	void *arg;
};

/* The sessions of one thread. */
struct session_group {
	struct session_world *world; /* borrowed */
	struct session *first;       /* all that are open */
	struct session *woken;       /* wait for session_flush_woken() */
	struct rpc_queue due;        /* wait for session_send() */
	uint64_t policies;           /* of the world, when its sessions were held against it */
	void (*wake)(void *arg);     /* has the thread call session_flush_woken() */
	void *arg;
	const struct session_group *next; /* of another thread; for session_next() */
};

/* Serves a call, which it takes over, by the path of its method; one that is not ours ends it with
 * UNIMPLEMENTED.  Not where the world has ended. */
void session_start(struct session_group *group, grpc_call *call, const char *path);

/* Ends the sessions whose client says nothing at first, or may have something else by now. */
void session_tick(struct session_group *group);

/* Wakes every subscriber of r, whosever it is, so that it is sent what it lacks. */
void session_resource_changed(struct resource *r);

/* Looks at what those that were woken lack. */
void session_flush_woken(struct session_group *group);

/* Hands to gRPC, without the lock, the messages that were made meanwhile, and asks for requests. */
void session_send(struct session_group *group);

/* A session as those who look after the fleet see it; borrowed. */
struct session_info {
	const struct stream *stream;
	const char *identity; /* of its certificate; NULL: none */
	const char *peer;     /* "ipv4:10.0.0.7:41234" */
	const char *method;   /* "DeltaAggregatedResources" */
	int64_t opened_ms;
};

/* Walks the open sessions of the group and those behind it: NULL starts; returns NULL at the end.
 */
const struct session *session_next(
	const struct session_group *group, const struct session *s, struct session_info *info);

#endif
