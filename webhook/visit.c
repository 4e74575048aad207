/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/visit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/xalloc.h"
#include "http/listener.h"
#include "webhook/intake.h"

struct visits {
	struct visits_options options;
	atomic_bool ending;
	atomic_size_t body_bytes;
	pthread_mutex_t lock;
	pthread_cond_t calm; /* there are none */
	size_t n;            /* guarded by lock */
};

/* One request. */
struct visit {
	struct ticket ticket;              /* first, so that one is the other */
	struct visits *all;                /* borrowed */
	struct MHD_Connection *connection; /* borrowed */
	struct intake intake;
	struct buf body;
};

static void note(const struct visits *vs, struct MHD_Connection *connection, enum peer_state state)
{
	vs->options.note(vs->options.note_arg, connection, state);
}

static void add_headers(
	const struct visits *vs, struct MHD_Response *response, unsigned status, const char *type)
{
	(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	(void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		(void)MHD_add_response_header(
			response, MHD_HTTP_HEADER_ALLOW, MHD_HTTP_METHOD_POST);
	if (atomic_load(&vs->ending))
		(void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
}

static enum MHD_Result send_text(
	const struct visit *v, unsigned status, const char *type, struct buf *text)
{
	size_t n = text->len;
	char *bytes = buf_take(text);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
	enum MHD_Result result;

	if (!response) {
		free(bytes);
		return MHD_NO;
	}
	add_headers(v->all, response, status, type);
	result = MHD_queue_response(v->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result send_refusal(const struct visit *v)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_KIB);
	struct err err;

	if (buf_printf(&text, &err, "%s\n", v->intake.why) < 0)
		return MHD_NO;
	return send_text(v, v->intake.status, HTTP_TYPE_TEXT, &text);
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
	const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);

	return value ? value : "";
}

static void add_visit(struct visits *vs)
{
	pthread_mutex_lock(&vs->lock);
	vs->n++;
	pthread_mutex_unlock(&vs->lock);
}

static void end_visit(struct visits *vs)
{
	pthread_mutex_lock(&vs->lock);
	vs->n--;
	if (vs->n == 0)
		pthread_cond_signal(&vs->calm);
	pthread_mutex_unlock(&vs->lock);
}

/* The desk's, from a thread of its own. */
static void on_answer(struct ticket *t)
{
	struct visit *v = (struct visit *)t;

	MHD_resume_connection(v->connection);
}

static enum MHD_Result begin(struct visits *vs, struct MHD_Connection *connection, const char *path,
	const char *method, void **state)
{
	struct visit *v = xcalloc(1, sizeof(*v));
	const struct intake_head head = {
		.method = method,
		.path = path,
		.type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
		.length = header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH),
	};

	intake_begin(&v->intake, &head);
	ticket_init(&v->ticket, v->intake.path);
	v->ticket.done = on_answer;
	v->all = vs;
	v->connection = connection;
	buf_init(&v->body, LIMIT_REVIEW_BYTES);
	*state = v;
	add_visit(vs);
	note(vs, connection, PEER_SENDING);
	return MHD_YES;
}

static void forget_body(struct visit *v)
{
	atomic_fetch_sub(&v->all->body_bytes, v->body.len);
	buf_clear(&v->body);
}

static enum MHD_Result take_body(struct visit *v, const char *bytes, size_t n)
{
	size_t all = atomic_fetch_add(&v->all->body_bytes, n) + n;
	enum intake_use use = intake_take(&v->intake, n, all);
	struct err err;

	if (use == INTAKE_KEEP && buf_append(&v->body, bytes, n, &err) == 0)
		return MHD_YES;
	atomic_fetch_sub(&v->all->body_bytes, n);
	forget_body(v);
	return use == INTAKE_PASS_OVER ? MHD_YES : MHD_NO;
}

/* The whole body is here. */
static enum MHD_Result answer(struct visit *v)
{
	struct desk *desk = v->all->options.desk;
	struct ticket *t = &v->ticket;

	if (v->intake.status != 0)
		return send_refusal(v);
	if (t->status == 0) {
		note(v->all, v->connection, PEER_WAITING);
		bool is_answered = desk_open(desk, t, buf_text(&v->body), v->body.len);

		forget_body(v);
		if (!is_answered) {
			MHD_suspend_connection(v->connection);
			desk_work(desk, t);
			return MHD_YES;
		}
	}
	return send_text(v, t->status, t->is_review ? HTTP_TYPE_JSON : HTTP_TYPE_TEXT, &t->body);
}

/* NOLINTNEXTLINE(readability-function-size): libmicrohttpd's type */
enum MHD_Result visits_on_request(void *arg, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *upload, size_t *upload_size,
	void **state)
{
	struct visit *v = *state;
	size_t n = *upload_size;

	(void)version;
	if (!v)
		return begin(arg, connection, path, method, state);
	if (n == 0)
		return answer(v);
	*upload_size = 0;
	return take_body(v, upload, n);
}

void visits_on_completed(void *arg, struct MHD_Connection *connection, void **state,
	enum MHD_RequestTerminationCode code)
{
	struct visits *vs = arg;
	struct visit *v = *state;

	(void)code;
	note(vs, connection, PEER_IDLE);
	if (!v)
		return;
	forget_body(v);
	ticket_clear(&v->ticket);
	free(v);
	end_visit(vs);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libmicrohttpd's type */
size_t visits_unescape(void *arg, struct MHD_Connection *connection, char *text)
{
	(void)arg;
	(void)connection;
	return strlen(text);
}

struct visits *visits_new(const struct visits_options *options)
{
	struct visits *vs = xcalloc(1, sizeof(*vs));
	pthread_condattr_t monotonic;

	vs->options = *options;
	(void)pthread_mutex_init(&vs->lock, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&vs->calm, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	return vs;
}

void visits_free(struct visits *vs)
{
	if (!vs)
		return;
	(void)pthread_cond_destroy(&vs->calm);
	(void)pthread_mutex_destroy(&vs->lock);
	free(vs);
}

void visits_end(struct visits *vs, int64_t most_s)
{
	struct timespec until;
	int rc = 0;

	atomic_store(&vs->ending, true);
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += most_s;
	pthread_mutex_lock(&vs->lock);
	while (vs->n > 0 && rc == 0)
		rc = pthread_cond_timedwait(&vs->calm, &vs->lock, &until);
	pthread_mutex_unlock(&vs->lock);
}

size_t visits_count(struct visits *vs)
{
	pthread_mutex_lock(&vs->lock);
	size_t n = vs->n;
	pthread_mutex_unlock(&vs->lock);
	return n;
}

size_t visits_bytes(const struct visits *vs)
{
	return atomic_load(&vs->body_bytes);
}
