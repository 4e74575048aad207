/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/standing.h"

#include <stdio.h>

#include "controller/wording.h"

/* An Envoy that cannot use a configuration may say what stands in it. */
#define WITHHELD                                                                               \
	"withheld, since a value of a Secret is in the configuration: wasmxds status -o wide " \
	"shows it"

bool standing_is_fault(enum status_reason reason)
{
	switch (reason) {
	case STATUS_UNKNOWN:
	case STATUS_PROGRAMMED:
	case STATUS_FETCHING:
	case STATUS_SUSPENDED:
	case STATUS_PROXY_REFUSED:
	case STATUS_ACCEPTED:
	case STATUS_RESOLVED:
	case STATUS_FETCHED:
	case STATUS_PENDING:
	case STATUS_STALE:
		return false;
	case STATUS_FETCH_FAILED:
	case STATUS_NOT_FOUND:
	case STATUS_DENIED:
	case STATUS_DIGEST_MISMATCH:
	case STATUS_INVALID_MODULE:
	case STATUS_REFERENCE_NOT_FOUND:
	case STATUS_REFERENCE_DENIED:
	case STATUS_INVALID_CONFIGURATION:
	case STATUS_STORAGE_FULL:
	case STATUS_STORAGE_FAILED:
	case STATUS_INVALID:
	case STATUS_REVOKED:
	default:
		return true;
	}
}

enum condition_type condition_of_reason(enum status_reason reason, bool fetched)
{
	switch (reason) {
	case STATUS_UNKNOWN:
	case STATUS_INVALID:
	case STATUS_ACCEPTED:
		return CONDITION_ACCEPTED;
	case STATUS_SUSPENDED:
	case STATUS_REFERENCE_NOT_FOUND:
	case STATUS_REFERENCE_DENIED:
	case STATUS_RESOLVED:
		return CONDITION_RESOLVED;
	case STATUS_FETCHING:
	case STATUS_FETCH_FAILED:
	case STATUS_NOT_FOUND:
	case STATUS_DENIED:
	case STATUS_DIGEST_MISMATCH:
	case STATUS_INVALID_MODULE:
	case STATUS_REVOKED:
	case STATUS_FETCHED:
		return CONDITION_FETCHED;
	case STATUS_STORAGE_FULL:
	case STATUS_STORAGE_FAILED:
		return fetched ? CONDITION_PROGRAMMED : CONDITION_FETCHED;
	case STATUS_INVALID_CONFIGURATION:
	case STATUS_PENDING:
	case STATUS_STALE:
		return CONDITION_PROGRAMMED;
	case STATUS_PROGRAMMED:
	case STATUS_PROXY_REFUSED:
	default:
		return CONDITION_READY;
	}
}

/* What is under way, or was stopped on purpose, is neither true nor false. */
static enum condition_state state_of_trouble(enum status_reason reason)
{
	return reason == STATUS_UNKNOWN || reason == STATUS_FETCHING || reason == STATUS_SUSPENDED
		       ? CONDITION_UNKNOWN
		       : CONDITION_FALSE;
}

/* A reason's message where it is ours. */
static const char *message_of(enum status_reason reason, const char *given)
{
	if (standing_is_fault(reason))
		return given;
	switch ((int)reason) {
	case STATUS_FETCHING:
		return "its module is being fetched";
	case STATUS_SUSPENDED:
		return "spec.suspend is true: what is served stays as it is";
	case STATUS_ACCEPTED:
		return "the manifest keeps the rules";
	case STATUS_RESOLVED:
		return "every reference was found";
	case STATUS_FETCHED:
		return "the module is in the store";
	case STATUS_PENDING:
		return "waits for the other conditions";
	case STATUS_PROXY_REFUSED:
		return "a proxy refused the version that is served: proxies.firstNack says why";
	default:
		return "not looked at yet";
	}
}

static void set(struct standing_condition *c, enum condition_state state, enum status_reason reason,
	const char *message)
{
	c->state = state;
	c->reason = reason;
	wording_clean(c->message, sizeof(c->message), message_of(reason, message));
}

static void set_served(struct standing_condition *c, const struct conditions_facts *facts,
	enum condition_state state, enum status_reason reason)
{
	c->state = state;
	c->reason = reason;
	(void)snprintf(c->message, sizeof(c->message), "version %.64s%s is served", facts->serving,
		reason == STATUS_STALE ? ", of an earlier state," : "");
}

/* The conditions before the one that is in trouble, and those behind it. */
static void set_others(
	struct standing *out, const struct conditions_facts *facts, enum condition_type trouble)
{
	struct standing_condition *c = out->conditions;

	if (trouble != CONDITION_ACCEPTED)
		set(&c[CONDITION_ACCEPTED], CONDITION_TRUE, STATUS_ACCEPTED, NULL);
	if (trouble != CONDITION_RESOLVED)
		set(&c[CONDITION_RESOLVED], facts->resolved ? CONDITION_TRUE : CONDITION_UNKNOWN,
			facts->resolved ? STATUS_RESOLVED : STATUS_PENDING, NULL);
	if (trouble != CONDITION_FETCHED)
		set(&c[CONDITION_FETCHED], facts->fetched ? CONDITION_TRUE : CONDITION_UNKNOWN,
			facts->fetched ? STATUS_FETCHED : STATUS_PENDING, NULL);
	if (trouble == CONDITION_PROGRAMMED)
		return;
	if (facts->serving && facts->current)
		set_served(&c[CONDITION_PROGRAMMED], facts, CONDITION_TRUE, STATUS_PROGRAMMED);
	else if (facts->serving)
		set_served(&c[CONDITION_PROGRAMMED], facts, CONDITION_FALSE, STATUS_STALE);
	else
		set(&c[CONDITION_PROGRAMMED], CONDITION_FALSE, STATUS_PENDING, NULL);
}

static void set_programmed(struct standing *out, const struct conditions_facts *facts)
{
	struct standing_condition *c = out->conditions;

	set(&c[CONDITION_ACCEPTED], CONDITION_TRUE, STATUS_ACCEPTED, NULL);
	set(&c[CONDITION_RESOLVED], CONDITION_TRUE, STATUS_RESOLVED, NULL);
	set(&c[CONDITION_FETCHED], CONDITION_TRUE, STATUS_FETCHED, NULL);
	set_served(&c[CONDITION_PROGRAMMED], facts, CONDITION_TRUE, STATUS_PROGRAMMED);
	if (facts->proxies.nacked > 0)
		set(&c[CONDITION_READY], CONDITION_FALSE, STATUS_PROXY_REFUSED, NULL);
	else
		set_served(&c[CONDITION_READY], facts, CONDITION_TRUE, STATUS_PROGRAMMED);
}

static void set_all(struct standing *out, enum condition_type from, enum status_reason reason)
{
	for (int i = (int)from; i < CONDITION_TYPES; i++)
		set(&out->conditions[i], CONDITION_UNKNOWN, reason, NULL);
}

static void set_conditions(struct standing *out, const struct conditions_facts *facts)
{
	enum status_reason reason = facts->reason;
	enum condition_type trouble = condition_of_reason(reason, facts->fetched);

	if (trouble == CONDITION_READY && facts->serving) {
		set_programmed(out, facts);
		return;
	}
	if (reason == STATUS_UNKNOWN || trouble == CONDITION_READY) {
		set_all(out, CONDITION_ACCEPTED, STATUS_UNKNOWN);
		return;
	}
	set(&out->conditions[trouble], state_of_trouble(reason), reason, facts->message);
	set_others(out, facts, trouble);
	if (reason == STATUS_SUSPENDED)
		set_all(out, CONDITION_RESOLVED, STATUS_SUSPENDED);
	out->conditions[CONDITION_READY] = out->conditions[trouble];
}

static void set_proxies(struct standing *out, const struct conditions_facts *facts)
{
	const struct conditions_proxies *proxies = &facts->proxies;
	const char *message = facts->has_secret ? WITHHELD : proxies->nack_message;
	char node[LIMIT_STATUS_NODE_BYTES + 1];
	char words[LIMIT_STATUS_MESSAGE_BYTES + 1];

	if (!proxies->known)
		return;
	out->proxies_known = true;
	out->connected = proxies->connected;
	out->acked = proxies->acked;
	out->nacked = proxies->nacked;
	if (proxies->nacked == 0 || !proxies->nack_node)
		return;
	wording_clean(node, sizeof(node), proxies->nack_node);
	wording_clean(words, sizeof(words), message);
	(void)snprintf(out->first_nack, sizeof(out->first_nack), "%s: %s", node, words);
}

void standing_of(struct standing *out, const struct conditions_facts *facts)
{
	*out = (struct standing){0};
	set_conditions(out, facts);
	set_proxies(out, facts);
}
