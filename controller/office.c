/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/office.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/facts.h"
#include "controller/publish.h"
#include "controller/refused.h"

#define RELEASE_MS 2000 /* for the Lease to be given back */

struct office {
	struct client *client;        /* owned */
	struct leader *leader;        /* owned */
	struct publisher *publisher;  /* owned */
	struct survey_options asking; /* what it holds is borrowed; n 0: nobody is to be asked */
	struct survey *survey;        /* owned; NULL: nobody is asked yet */
	struct proxies *proxies;      /* owned; of the last survey; NULL: nothing is known */
	struct refused refused;       /* what they refused, at any time */
	struct targets *targets;      /* borrowed */
	struct metrics *metrics;      /* borrowed */
	char *holder; /* owned; who was logged to hold the Lease last; NULL: nobody */
};

static struct publication *look(void *arg, const char *name, struct conditions_facts *facts)
{
	const struct office *o = arg;
	struct target *t = map_get(&o->targets->by_name, name);

	if (!t || !t->identity.uid || !target_wanted(t))
		return NULL;
	facts_of(facts, t);
	proxies_count(o->proxies, name, facts->serving, &facts->proxies);
	facts->proxies.pending = o->survey && !o->proxies;
	return &t->publication;
}

bool office_leads(const struct office *o)
{
	return leader_held(o->leader);
}

bool office_lost(const struct office *o)
{
	return leader_lost(o->leader);
}

const struct err *office_trouble(const struct office *o)
{
	return leader_trouble(o->leader);
}

static bool may_write(void *arg)
{
	return office_leads(arg);
}

struct client *office_client(const struct office *o)
{
	return o->client;
}

int office_open(struct office **out, const struct office_options *options, struct targets *targets,
	struct metrics *metrics, struct err *err)
{
	struct office *o = xcalloc(1, sizeof(*o));
	struct publisher_options publish = {.look = look, .may_write = may_write, .arg = o};

	o->targets = targets;
	o->metrics = metrics;
	if (client_new(&o->client, options->access, err) < 0) {
		office_close(o);
		return -1;
	}
	o->asking = options->survey;
	if (survey_check(&o->asking, err) == 0)
		o->leader = leader_new(o->client, &options->lease, err);
	if (!o->leader) {
		office_close(o);
		return -1;
	}
	publish.client = o->client;
	publish.instance = leader_identity(o->leader);
	o->publisher = publisher_new(&publish);
	*out = o;
	return 0;
}

void office_close(struct office *o)
{
	if (!o)
		return;
	survey_stop(o->survey);
	publisher_free(o->publisher);
	proxies_free(o->proxies);
	refused_clear(&o->refused);
	if (o->leader)
		leader_release(o->leader, RELEASE_MS);
	leader_free(o->leader);
	client_free(o->client);
	free(o->holder);
	free(o);
}

static void log_holder(struct office *o)
{
	const char *holder = leader_holder(o->leader);

	if (!holder[0] || (o->holder && strcmp(o->holder, holder) == 0))
		return;
	free(o->holder);
	o->holder = xstrdup(holder);
	if (office_leads(o))
		log_info("leading", LOG_STR("identity", holder));
	else
		log_info("standing by", LOG_STR("leader", holder));
}

static void renew(struct office *o)
{
	leader_step(o->leader);
	log_holder(o);
	atomic_store(&o->metrics->leads, office_leads(o));
}

void office_stand_by(struct office *o, struct pollfd *fds, nfds_t n, int64_t timeout_ms)
{
	int64_t wait = leader_due(o->leader) - io_monotonic_ms();

	wait = io_earlier(wait < 0 ? 0 : wait, timeout_ms);
	client_wait(o->client, fds, n, wait);
	client_step(o->client);
	renew(o);
}

static void touch(void *arg, const char *name)
{
	const struct office *o = arg;
	const struct target *t = map_get(&o->targets->by_name, name);

	if (t)
		office_tell(arg, t);
}

static void touch_each(struct office *o)
{
	const struct target *t = NULL;
	const char *name = NULL;
	size_t at = 0;

	while ((t = map_next(&o->targets->by_name, &at, &name)))
		office_tell(o, t);
}

/* Only who leads asks: nobody else says what the answers are. */
static void begin_survey(struct office *o)
{
	struct err err;

	if (o->asking.n == 0 || !office_leads(o))
		return;
	o->survey = survey_start(&o->asking, &err);
	if (!o->survey)
		log_error("proxies are not counted", LOG_ERR(&err));
	o->asking.n = 0;
}

static void take_proxies(struct office *o)
{
	AUTO(proxies) struct proxies *before = NULL;
	struct proxies *now = o->survey ? survey_take(o->survey) : NULL;

	if (!now)
		return;
	before = o->proxies;
	o->proxies = now;
	if (office_leads(o))
		refused_keep(&o->refused, o->targets->store, proxies_refusals(now));
	if (proxies_compare(before, now, touch, o))
		touch_each(o);
}

int office_fd(const struct office *o)
{
	return o->survey ? survey_fd(o->survey) : -1;
}

void office_step(struct office *o)
{
	renew(o);
	begin_survey(o);
	take_proxies(o);
	publisher_step(o->publisher);
	metrics_set(&o->metrics->status_waiting, publisher_waiting(o->publisher));
}

int64_t office_due(const struct office *o)
{
	return io_earlier(leader_due(o->leader), publisher_due(o->publisher));
}

void office_tell(struct office *o, const struct target *t)
{
	if (t->identity.uid)
		publisher_touch(o->publisher, t->name);
}

/* Another object of the same name has nothing of what was said of the one before. */
void office_meet(struct office *o, struct target *t, const struct object_origin *origin)
{
	if (!t->identity.uid || strcmp(t->identity.uid, origin->uid) != 0) {
		free(t->identity.uid);
		t->identity.uid = xstrdup(origin->uid);
	}
	t->identity.generation = origin->generation;
	publication_adopt(&t->publication, origin->uid, origin->status, (int64_t)time(NULL));
	office_tell(o, t);
}
