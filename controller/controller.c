/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/controller.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "api/manifest.h"
#include "base/auto.h"
#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "controller/targets.h"
#include "kube/cluster.h"
#include "kube/folder.h"

#define IDLE_MS 30000  /* the longest wait, whatever is due */
#define SWEEP_MS 30000 /* between two sweeps, the one before having failed */
#define STORE_MS 1000  /* between two tries to open a store that another process holds */
#define TRIM_MS 10000  /* between two times that free memory is given back */

struct controller {
	const struct controller_options *options; /* borrowed */
	struct office *office;                    /* owned; NULL: works for a folder */
	struct source *source;                    /* owned */
	struct targets targets;
	struct metrics metrics;
	bool swept;       /* records that no manifest asks for were removed */
	int64_t sweep_at; /* ms; when to try that again */
	int64_t trim_at;  /* ms */
	int stop_fd;      /* owned */
	atomic_bool stop;
	bool failed; /* it ended by itself */
	pthread_t thread;
};

static void on_applied(struct controller *c, const char *key, struct object *applied)
{
	AUTO(object) struct object *object = applied;
	struct target *t = NULL;

	if (object->kind != OBJECT_EXTENSION) {
		targets_put_object(&c->targets, key, STEAL(object));
		return;
	}
	t = targets_apply(&c->targets, STEAL(object->extension));
	if (c->office && object->origin)
		office_meet(c->office, t, object->origin);
}

/* Returns the name of the extension under key, or NULL; borrowed from key. */
static const char *extension_name(const char *key)
{
	static const char prefix[] = EXTENSION_KIND "/";

	return strncmp(key, prefix, sizeof(prefix) - 1) == 0 ? key + sizeof(prefix) - 1 : NULL;
}

static void on_deleted(struct controller *c, const char *key)
{
	const char *name = extension_name(key);

	if (name)
		targets_delete(&c->targets, name);
	else
		targets_put_object(&c->targets, key, NULL);
}

static void on_invalid(struct controller *c, const struct source_event *event)
{
	AUTO(object) struct object *object = event->object;
	const char *name = event->key ? extension_name(event->key) : NULL;
	struct target *t = NULL;

	if (!event->key) {
		log_warn("manifest invalid", LOG_STR("file", event->origin), LOG_ERR(&event->err));
		return;
	}
	if (!name) {
		log_warn("object not usable", LOG_STR("object", event->key), LOG_ERR(&event->err));
		targets_put_unreadable(&c->targets, event->key, event->err.msg);
		return;
	}
	t = targets_refuse(&c->targets, name, event->err.msg);
	if (c->office && object && object->origin)
		office_meet(c->office, t, object->origin);
}

static void on_event(void *arg, struct source_event *event)
{
	struct controller *c = arg;
	AUTO(free) char *key = event->key;
	AUTO(free) char *origin = event->origin;

	switch (event->change) {
	case SOURCE_INVALID:
		on_invalid(c, event);
		return;
	case SOURCE_MENDED:
		log_info("manifest valid again", LOG_STR("file", origin));
		return;
	case SOURCE_APPLIED:
		on_applied(c, key, event->object);
		return;
	case SOURCE_DELETED:
		on_deleted(c, key);
		return;
	}
}

/* A folder gives all that it has, and says it once; an API server what is wanted, as it is. */
static void on_reference(void *arg, const struct reference *r, bool wanted)
{
	struct controller *c = arg;
	AUTO(free) char *key = object_key(r->kind, r->namespace, r->name);

	if (wanted) {
		source_want(c->source, r->kind, r->namespace, r->name);
		return;
	}
	source_drop(c->source, r->kind, r->namespace, r->name);
	if (c->office)
		targets_forget_object(&c->targets, key);
}

/* Removes records of manifests that went while nobody looked; not while a file is broken, since it
 * may be the one that names them. */
static void sweep(struct controller *c)
{
	struct err err;

	if (c->swept && !c->targets.unswept)
		return;
	if (!source_complete(c->source) || io_monotonic_ms() < c->sweep_at)
		return;
	atomic_store(&c->metrics.ready, true);
	c->sweep_at = io_monotonic_ms() + SWEEP_MS;
	if (targets_sweep(&c->targets, &err) < 0)
		log_error("store not readable", LOG_ERR(&err));
	else
		c->swept = true;
}

static int step_source(struct controller *c, struct err *err)
{
	int rc = source_step(c->source, on_event, c, err);

	references_changed(&c->targets.references, on_reference, c);
	if (rc < 0)
		metrics_add(&c->metrics.source_failures, 1);
	else
		sweep(c);
	return rc;
}

static void wait_for_work(struct controller *c)
{
	struct pollfd fds[] = {
		{.fd = c->stop_fd, .events = POLLIN},
		{.fd = inbox_fd(c->targets.done), .events = POLLIN},
		{.fd = c->office ? office_fd(c->office) : -1, .events = POLLIN},
	};
	nfds_t n = sizeof(fds) / sizeof(fds[0]);
	int64_t due = c->office ? office_due(c->office) : INT64_MAX;
	int64_t wait = io_earlier(due, targets_due(&c->targets)) - io_monotonic_ms();

	source_wait(c->source, fds, n, wait < 0 ? 0 : io_earlier(wait, IDLE_MS));
}

/* What a list of everything needed, or many changes at once, is not needed again soon.  That it is
 * all free by now, nobody knows; where there is nothing to give back, it costs nothing. */
static void give_back(struct controller *c)
{
	int64_t now = io_monotonic_ms();

	if (now < c->trim_at)
		return;
	c->trim_at = now + TRIM_MS;
	(void)malloc_trim(0);
}

static void turn(struct controller *c)
{
	struct err err;

	wait_for_work(c);
	atomic_store(&c->metrics.turned_at, io_monotonic_ms());
	targets_collect(&c->targets);
	if (step_source(c, &err) < 0)
		log_error("manifests not readable", LOG_ERR(&err));
	targets_upkeep(&c->targets);
	targets_advance(&c->targets);
	if (c->office)
		office_step(c->office);
	give_back(c);
}

static bool may_write(void *arg)
{
	const struct controller *c = arg;

	return !c->office || office_leads(c->office);
}

static void looked_at(void *arg, const struct target *t)
{
	const struct controller *c = arg;

	if (c->office)
		office_tell(c->office, t);
}

/* A store that could not be opened leaves nothing behind. */
static int open_store(struct controller *c, struct err *err)
{
	struct fetch_options fetch = c->options->fetch;
	const struct controller_options *options = c->options;

	fetch.stop = &c->stop;
	if (targets_init(&c->targets, options->store_dir, &options->upkeep, &fetch,
		    options->workers, err) < 0 ||
		(options->seal_key && targets_use_keys(&c->targets, options->seal_key,
					      options->make_seal_key, err) < 0)) {
		targets_clear(&c->targets);
		c->targets = (struct targets){.store = NULL};
		return -1;
	}
	c->targets.metrics = &c->metrics;
	c->targets.owner =
		(struct targets_owner){.looked_at = looked_at, .may_write = may_write, .arg = c};
	return 0;
}

static bool goes_on(const struct controller *c)
{
	return !atomic_load(&c->stop) && !office_lost(c->office);
}

static void stand_by(struct controller *c, int64_t longest_ms)
{
	struct pollfd fd = {.fd = c->stop_fd, .events = POLLIN};

	office_stand_by(c->office, &fd, 1, longest_ms);
	atomic_store(&c->metrics.turned_at, io_monotonic_ms());
}

/* The one that led before may need a moment to let go of the store. */
static int take_store(struct controller *c, struct err *err)
{
	int64_t try_at = 0;
	bool logged = false;

	while (goes_on(c)) {
		int64_t now = io_monotonic_ms();

		if (now < try_at) {
			stand_by(c, try_at - now);
			continue;
		}
		if (open_store(c, err) == 0)
			return 0;
		if (err->code != ERR_CONFLICT && err->code != ERR_TRANSIENT)
			return -1;
		if (!logged)
			log_warn("store not to be had yet", LOG_ERR(err));
		logged = true;
		try_at = now + STORE_MS;
	}
	return err_set(err, ERR_TRANSIENT, "stopped");
}

/* Stands by until it leads, then begins to work. */
static int take_office(struct controller *c, struct err *err)
{
	const struct cluster_options cluster = {.namespaces = c->options->office->namespaces,
		.n = c->options->office->n_namespaces};

	while (goes_on(c) && !office_leads(c->office))
		stand_by(c, IDLE_MS);
	if (take_store(c, err) < 0)
		return -1;
	c->source = cluster_open(office_client(c->office), &cluster);
	c->targets.source = c->source;
	return 0;
}

static void work_for_office(struct controller *c)
{
	struct err err = {.code = ERR_NONE};

	if (take_office(c, &err) == 0) {
		while (goes_on(c))
			turn(c);
	}
	if (atomic_load(&c->stop))
		return;
	c->failed = true;
	if (office_lost(c->office))
		log_error("lease lost: another may lead now", LOG_ERR(office_trouble(c->office)));
	else
		log_error("cannot lead", LOG_ERR(&err));
	if (c->options->on_end)
		c->options->on_end();
}

static void *run(void *arg)
{
	struct controller *c = arg;

	if (c->office)
		work_for_office(c);
	while (!c->office && !atomic_load(&c->stop))
		turn(c);
	return NULL;
}

static void controller_free(struct controller *c)
{
	atomic_store(&c->stop, true);
	targets_clear(&c->targets);
	source_close(c->source);
	office_close(c->office);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
	free(c);
}

static int prepare(struct controller *c, struct err *err)
{
	const struct controller_options *options = c->options;

	atomic_store(&c->metrics.turned_at, io_monotonic_ms());
	c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->stop_fd < 0)
		return err_errno(err, ERR_TRANSIENT, "eventfd");
	if (options->office) {
		xalloc_share_arenas();
		return office_open(&c->office, options->office, &c->targets, &c->metrics, err);
	}
	if (folder_open(&c->source, options->manifest_dir, err) < 0 || open_store(c, err) < 0 ||
		step_source(c, err) < 0)
		return -1;
	atomic_store(&c->metrics.leads, true);
	targets_advance(&c->targets);
	return 0;
}

struct controller *controller_start(const struct controller_options *options, struct err *err)
{
	struct controller *c = xcalloc(1, sizeof(*c));
	int e;

	c->options = options;
	c->stop_fd = -1;
	if (prepare(c, err) < 0) {
		controller_free(c);
		return NULL;
	}
	e = pthread_create(&c->thread, NULL, run, c);
	if (e != 0) {
		errno = e;
		(void)err_errno(err, ERR_TRANSIENT, "cannot start a thread");
		controller_free(c);
		return NULL;
	}
	return c;
}

bool controller_stop(struct controller *c)
{
	const uint64_t one = 1;
	bool failed = false;

	if (!c)
		return true;
	atomic_store(&c->stop, true);
	(void)!write(c->stop_fd, &one, sizeof(one));
	(void)pthread_join(c->thread, NULL);
	failed = c->failed;
	controller_free(c);
	return !failed;
}

const struct metrics *controller_metrics(const struct controller *c)
{
	return &c->metrics;
}
