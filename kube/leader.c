/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/leader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "kube/client.h"
#include "kube/election.h"

#define HOST_BYTES 63 /* as a pod's name */

struct leader {
	struct client *client; /* borrowed */
	struct election election;
	char *namespace;             /* owned */
	char *name;                  /* owned */
	struct client_call *call;    /* borrowed; NULL: nothing is under way */
	enum election_action action; /* that call is for */
	struct err trouble;
};

static char *make_identity(void)
{
	char host[HOST_BYTES + 1] = "";
	uint64_t n = 0;

	if (gethostname(host, sizeof(host) - 1) < 0)
		host[0] = '\0';
	(void)!getrandom(&n, sizeof(n), 0);
	return xasprintf("%s_%016" PRIx64, host, n);
}

struct leader *leader_new(
	struct client *client, const struct leader_options *options, struct err *err)
{
	static const struct election_terms terms = ELECTION_TERMS;
	AUTO(free)
	char *identity = options->identity ? xstrdup(options->identity) : make_identity();
	struct election election;
	struct leader *l;

	if (election_init(&election, options->terms ? options->terms : &terms, identity, err) < 0)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->client = client;
	l->election = election;
	l->namespace = xstrdup(options->namespace);
	l->name = xstrdup(options->name);
	return l;
}

static void cancel(struct leader *l)
{
	if (l->call)
		client_cancel(l->client, STEAL(l->call));
}

void leader_free(struct leader *l)
{
	if (!l)
		return;
	cancel(l);
	free(l->namespace);
	free(l->name);
	free(l);
}

/* Says what became of what was asked. */
static int take_in(struct leader *l, const struct client_reply *reply, int64_t now)
{
	struct election_lease lease;

	if (reply->status == 404 && l->action != ELECTION_CREATE) {
		election_absent(&l->election, now);
		return 0;
	}
	if (reply->status == 409 && l->action != ELECTION_READ) {
		election_conflicted(&l->election, now);
		return 0;
	}
	if (client_verdict(reply, &l->trouble) < 0 ||
		election_parse(&lease, buf_text(&reply->body), reply->body.len, &l->trouble) < 0)
		return -1;
	if (l->action == ELECTION_READ)
		election_read(&l->election, &lease, now);
	else
		election_written(&l->election, &lease, now);
	return 0;
}

static void on_done(void *arg, const struct client_reply *reply, const struct err *err)
{
	struct leader *l = arg;
	int64_t now = io_monotonic_ms();

	l->call = NULL;
	if (err)
		l->trouble = *err;
	if (err || take_in(l, reply, now) < 0)
		election_failed(&l->election, reply->retry_after_ms, now);
	else
		l->trouble = (struct err){.code = ERR_NONE};
	leader_step(l);
}

static void now_as_text(char *out, size_t cap)
{
	struct timespec now;
	struct tm utc;
	char text[32] = "1970-01-01T00:00:00";

	if (clock_gettime(CLOCK_REALTIME, &now) == 0 && gmtime_r(&now.tv_sec, &utc))
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	(void)snprintf(out, cap, "%s.%06ldZ", text, now.tv_nsec / 1000 % 1000000);
}

/* What a request is made of; owned. */
struct message {
	char *path;
	struct buf body;
};

static void auto_message(struct message *m)
{
	free(m->path);
	buf_clear(&m->body);
}

static int prepare(struct client_request *request, struct message *m, const struct leader *l,
	enum election_action action, struct err *err)
{
	static const char *const methods[] = {
		[ELECTION_READ] = "GET", [ELECTION_CREATE] = "POST", [ELECTION_REPLACE] = "PUT"};
	bool create = action == ELECTION_CREATE;
	char wall[64];

	m->path = xasprintf("/apis/coordination.k8s.io/v1/namespaces/%s/leases%s%s", l->namespace,
		create ? "" : "/", create ? "" : l->name);
	*request = (struct client_request){
		.method = methods[action], .path = m->path, .timeout_ms = ELECTION_TIMEOUT_MS};
	if (action == ELECTION_READ)
		return 0;
	now_as_text(wall, sizeof(wall));
	if (election_body(&m->body, &l->election, l->namespace, l->name, wall, err) < 0)
		return -1;
	request->content_type = "application/json";
	request->body = m->body.data;
	request->body_len = m->body.len;
	return 0;
}

void leader_step(struct leader *l)
{
	int64_t now = io_monotonic_ms();
	struct election_step step = election_next(&l->election, now);
	AUTO(message) struct message m = {.body = BUF_INIT(LIMIT_LEASE_BYTES)};
	struct client_request request;

	if (step.action == ELECTION_WAIT || l->call)
		return;
	if (prepare(&request, &m, l, step.action, &l->trouble) < 0) {
		election_failed(&l->election, 0, now);
		return;
	}
	l->action = step.action;
	election_asked(&l->election, io_monotonic_ms());
	l->call = client_send(l->client, &request, on_done, l);
}

int64_t leader_due(const struct leader *l)
{
	int64_t now = io_monotonic_ms();
	struct election_step step = election_next(&l->election, now);

	return step.action == ELECTION_WAIT ? step.wake_at : now;
}

bool leader_held(const struct leader *l)
{
	return election_held(&l->election, io_monotonic_ms());
}

bool leader_lost(const struct leader *l)
{
	return election_lost(&l->election, io_monotonic_ms());
}

/* Reads the Lease once more, since what was under way may have changed it, and gives it back. */
static int give_back(struct leader *l, int64_t timeout_ms, struct err *err)
{
	AUTO(client_reply) struct client_reply reply = {0};
	AUTO(client_reply) struct client_reply last = {0};
	AUTO(message) struct message read = {.body = BUF_INIT(LIMIT_LEASE_BYTES)};
	AUTO(message) struct message write = {.body = BUF_INIT(LIMIT_LEASE_BYTES)};
	struct client_request request;
	struct election_lease lease;

	if (prepare(&request, &read, l, ELECTION_READ, err) < 0)
		return -1;
	request.timeout_ms = timeout_ms;
	if (client_call(l->client, &request, &reply, err) < 0 || client_verdict(&reply, err) < 0 ||
		election_parse(&lease, buf_text(&reply.body), reply.body.len, err) < 0)
		return -1;
	if (strcmp(lease.holder, l->election.identity) != 0)
		return 0;
	election_read(&l->election, &lease, io_monotonic_ms());
	if (prepare(&request, &write, l, ELECTION_REPLACE, err) < 0)
		return -1;
	request.timeout_ms = timeout_ms;
	return client_call(l->client, &request, &last, err) < 0 ? -1 : client_verdict(&last, err);
}

void leader_release(struct leader *l, int64_t timeout_ms)
{
	bool held = leader_held(l);

	cancel(l);
	election_release(&l->election);
	if (held && give_back(l, timeout_ms / 2, &l->trouble) == 0)
		l->trouble = (struct err){.code = ERR_NONE};
}

const char *leader_identity(const struct leader *l)
{
	return l->election.identity;
}

const char *leader_holder(const struct leader *l)
{
	return l->election.absent ? "" : l->election.seen.holder;
}

const struct err *leader_trouble(const struct leader *l)
{
	return &l->trouble;
}
