/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/election.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/quote.h"

#define AGAIN_MS 250 /* before what failed or collided is tried again, where that is urgent */
#define LEASE_VALUES 10000
#define DURATION_MOST_S 3600

int election_init(struct election *e, const struct election_terms *terms, const char *identity,
	struct err *err)
{
	size_t n = strlen(identity);

	if (n == 0 || n > LIMIT_LEASE_TEXT)
		return err_set(err, ERR_INVALID, "identity %s has %zu bytes: it must have 1 to %d",
			quote(identity).text, n, LIMIT_LEASE_TEXT);
	*e = (struct election){.terms = *terms, .asked_at = -1};
	memcpy(e->identity, identity, n + 1);
	return 0;
}

static bool ours(const struct election *e)
{
	return strcmp(e->seen.holder, e->identity) == 0;
}

/* When the Lease, as it was last heard of, may be taken from whoever holds it. */
static int64_t free_at(const struct election *e)
{
	int64_t duration = e->seen.duration_ms > 0 ? e->seen.duration_ms : e->terms.duration_ms;

	return ours(e) || !e->seen.holder[0] ? 0 : e->seen_at + duration;
}

static struct election_step wait_until(const struct election *e, int64_t at)
{
	bool earlier = e->held_until > 0 && e->held_until < at;

	return (struct election_step){ELECTION_WAIT, earlier ? e->held_until : at};
}

struct election_step election_next(const struct election *e, int64_t now)
{
	int64_t free = free_at(e);
	bool may_take = e->fresh && now >= free;

	if (e->released || election_lost(e, now))
		return (struct election_step){ELECTION_WAIT, INT64_MAX};
	if (e->asked_at >= 0)
		return wait_until(e, INT64_MAX);
	if (now < e->next_at && !(e->fresh && free > 0 && now >= free))
		return wait_until(e, e->fresh && free > 0 && free < e->next_at ? free : e->next_at);
	if (!may_take)
		return (struct election_step){ELECTION_READ, 0};
	return (struct election_step){e->absent ? ELECTION_CREATE : ELECTION_REPLACE, 0};
}

void election_asked(struct election *e, int64_t now)
{
	e->asked_at = now;
}

static void take_in(struct election *e, const struct election_lease *lease, int64_t now)
{
	if (strcmp(e->seen.version, lease->version) != 0)
		e->seen_at = now;
	e->seen = *lease;
	e->fresh = true;
	e->absent = false;
	e->asked_at = -1;
}

void election_read(struct election *e, const struct election_lease *lease, int64_t now)
{
	e->lost = election_lost(e, now);
	take_in(e, lease, now);
	e->next_at = now;
	if (ours(e))
		return;
	if (e->held_until > 0)
		e->lost = true;
	if (now < free_at(e))
		e->next_at = now + e->terms.retry_ms;
}

void election_written(struct election *e, const struct election_lease *lease, int64_t now)
{
	int64_t asked_at = e->asked_at;

	election_read(e, lease, now);
	if (!ours(e) || e->lost || now >= asked_at + e->terms.deadline_ms)
		return;
	e->held_until = asked_at + e->terms.deadline_ms;
	e->next_at = asked_at + e->terms.renew_ms;
}

void election_absent(struct election *e, int64_t now)
{
	e->lost = election_lost(e, now);
	e->asked_at = -1;
	e->absent = true;
	e->fresh = true;
	e->next_at = now < free_at(e) ? now + e->terms.retry_ms : now;
}

void election_conflicted(struct election *e, int64_t now)
{
	e->asked_at = -1;
	e->fresh = false;
	e->next_at = now + AGAIN_MS;
}

void election_failed(struct election *e, int64_t retry_after_ms, int64_t now)
{
	bool urgent = e->held_until > 0;
	int64_t least = urgent ? AGAIN_MS : e->terms.retry_ms;
	int64_t most = urgent ? e->terms.retry_ms : e->terms.duration_ms;
	int64_t pause = retry_after_ms < most ? retry_after_ms : most;

	e->asked_at = -1;
	e->fresh = false; /* a write that failed may have been done all the same */
	e->next_at = now + (pause > least ? pause : least);
}

bool election_held(const struct election *e, int64_t now)
{
	return !e->released && !e->lost && now < e->held_until;
}

bool election_lost(const struct election *e, int64_t now)
{
	return e->lost || (e->held_until > 0 && now >= e->held_until);
}

void election_release(struct election *e)
{
	e->released = true;
	e->asked_at = -1;
}

static void add_holder(cJSON *spec, const struct election *e, const char *wall)
{
	bool renewal = ours(e) && !e->absent;
	int64_t seconds = e->terms.duration_ms / 1000;
	int64_t transitions = e->seen.transitions + (renewal || e->absent ? 0 : 1);

	cJSON_AddStringToObject(spec, "holderIdentity", e->identity);
	cJSON_AddNumberToObject(spec, "leaseDurationSeconds", (double)seconds);
	cJSON_AddStringToObject(
		spec, "acquireTime", renewal && e->seen.acquired[0] ? e->seen.acquired : wall);
	cJSON_AddStringToObject(spec, "renewTime", wall);
	cJSON_AddNumberToObject(spec, "leaseTransitions", (double)transitions);
}

int election_body(struct buf *out, const struct election *e, const char *namespace,
	const char *name, const char *wall, struct err *err)
{
	AUTO(cjson) cJSON *lease = cJSON_CreateObject();
	AUTO(free) char *text = NULL;
	cJSON *metadata, *spec;

	cJSON_AddStringToObject(lease, "apiVersion", "coordination.k8s.io/v1");
	cJSON_AddStringToObject(lease, "kind", "Lease");
	metadata = cJSON_AddObjectToObject(lease, "metadata");
	cJSON_AddStringToObject(metadata, "namespace", namespace);
	cJSON_AddStringToObject(metadata, "name", name);
	if (!e->absent) {
		cJSON_AddStringToObject(metadata, "resourceVersion", e->seen.version);
		cJSON_AddStringToObject(metadata, "uid", e->seen.uid);
	}
	spec = cJSON_AddObjectToObject(lease, "spec");
	if (e->released)
		cJSON_AddNumberToObject(spec, "leaseTransitions", (double)e->seen.transitions);
	else
		add_holder(spec, e, wall);
	text = cJSON_PrintUnformatted(lease);
	return text ? buf_append(out, text, strlen(text), err)
		    : err_set(err, ERR_TRANSIENT, "memory is out");
}

/* A text that is not there is "". */
static int take_text(
	char out[LIMIT_LEASE_TEXT + 1], const cJSON *object, const char *key, struct err *err)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	const char *text = json_text(object, key);

	if (item && !cJSON_IsNull(item) && !text)
		return err_set(err, ERR_INVALID, "Lease: %s is no text", key);
	if (text && strlen(text) > LIMIT_LEASE_TEXT)
		return err_set(err, ERR_INVALID, "Lease: %s has %zu bytes: at most %d are read",
			key, strlen(text), LIMIT_LEASE_TEXT);
	(void)snprintf(out, LIMIT_LEASE_TEXT + 1, "%s", text ? text : "");
	return 0;
}

static int64_t take_number(const cJSON *object, const char *key, double most)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsNumber(item) && item->valuedouble >= 0 && item->valuedouble <= most
		       ? (int64_t)item->valuedouble
		       : 0;
}

int election_parse(struct election_lease *out, const char *text, size_t n, struct err *err)
{
	AUTO(cjson) cJSON *tree = json_parse_within(text, n, LEASE_VALUES, err);
	const cJSON *metadata = cJSON_GetObjectItemCaseSensitive(tree, "metadata");
	const cJSON *spec = cJSON_GetObjectItemCaseSensitive(tree, "spec");
	struct election_lease lease = {.duration_ms = 0};

	if (!tree)
		return err_wrap(err, "Lease");
	if (take_text(lease.version, metadata, "resourceVersion", err) < 0 ||
		take_text(lease.uid, metadata, "uid", err) < 0 ||
		take_text(lease.holder, spec, "holderIdentity", err) < 0 ||
		take_text(lease.acquired, spec, "acquireTime", err) < 0)
		return -1;
	if (!lease.version[0])
		return err_set(err, ERR_INVALID, "Lease: metadata.resourceVersion is not there");
	lease.duration_ms = 1000 * take_number(spec, "leaseDurationSeconds", DURATION_MOST_S);
	lease.transitions = take_number(spec, "leaseTransitions", INT32_MAX - 1);
	*out = lease;
	return 0;
}
