/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/transfer.h"

#include <inttypes.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/io.h"
#include "base/limits.h"

void transfer_clear(struct transfer *t)
{
	curl_slist_free_all(t->headers);
	curl_easy_cleanup(t->curl);
}

static void note_bytes(struct transfer *t, size_t n)
{
	t->last_byte_ms = io_monotonic_ms();
	t->window_bytes += n;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	note_bytes(t, size * n);
	t->header_bytes += size * n;
	t->head_ended = bytes[0] == '\r' || bytes[0] == '\n';
	if (t->header_bytes > LIMIT_HEADER_BYTES) {
		(void)err_set(
			&t->err, ERR_INVALID, "headers of more than %lu bytes", LIMIT_HEADER_BYTES);
		return 0;
	}
	return size * n;
}

static const char *header(const struct transfer *t, const char *name)
{
	struct curl_header *found = NULL;

	return curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK
		       ? found->value
		       : NULL;
}

static int check_announced(struct transfer *t, const struct sink *sink, struct err *err)
{
	curl_off_t announced = -1;

	(void)curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced > 0)
		t->total = sink->size + (uint64_t)announced;
	if (announced > 0 && (uint64_t)announced > sink->max - sink->size)
		return err_set(err, ERR_INVALID,
			"is %" PRIu64 " bytes, by its Content-Length; at most %" PRIu64
			" are taken",
			t->total, sink->max);
	return 0;
}

/* Has the sink ready for the body of a 200, or for that of a 206 behind what it holds. */
static int sink_begin(struct transfer *t, struct sink *sink, long status, struct err *err)
{
	t->to_sink = true;
	t->resumed = status == 206;
	if (t->resumed && !resume_fits(t->hop->resume, sink->size, header(t, "Content-Range"),
				  header(t, "ETag"))) {
		resume_clear(t->hop->resume);
		return err_set(err, ERR_TRANSIENT,
			"answered 206 with a part that does not go on behind the first %" PRIu64
			" bytes",
			sink->size);
	}
	if (!t->resumed && sink->size > 0 && sink_restart(sink, err) < 0)
		return -1;
	if (check_announced(t, sink, err) < 0)
		return -1;
	if (!t->resumed)
		resume_note(t->hop->resume, header(t, "ETag"), (int64_t)t->total,
			t->hop->request->immutable);
	return 0;
}

/* Called once, before the first byte of the body or at the end of an empty one. */
static int body_begin(struct transfer *t, struct err *err)
{
	const struct exchange_request *request = t->hop->request;
	bool ranged = hop_is_ranged(t->hop);
	long status = 0;

	t->began = true;
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (request->sink && (status == 200 || (ranged && status == 206)))
		return sink_begin(t, request->sink, status, err);
	if (ranged && status == 416)
		resume_clear(t->hop->resume);
	t->enough = !request->text;
	return 0;
}

/* Of an answer that is an error as much is kept as fits. */
static int text_append(struct transfer *t, const char *bytes, size_t n, struct err *err)
{
	struct buf *text = t->hop->request->text;
	size_t room = text->max - text->len;
	long status = 0;

	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (n <= room || hop_accepts(t->hop->request, status))
		return buf_append(text, bytes, n, err);
	t->enough = true;
	return buf_append(text, bytes, room, err);
}

static void report_progress(const struct transfer *t)
{
	const struct fetch_options *options = t->hop->task->options;

	if (options->on_progress)
		options->on_progress(
			options->on_progress_arg, t->hop->request->sink->size, t->total);
}

static int body_take(struct transfer *t, const char *bytes, size_t n, struct err *err)
{
	if (!t->began && body_begin(t, err) < 0)
		return -1;
	if (t->enough)
		return 0;
	if (!t->to_sink)
		return text_append(t, bytes, n, err);
	if (sink_write(t->hop->request->sink, bytes, n, err) < 0)
		return -1;
	report_progress(t);
	return 0;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	note_bytes(t, size * n);
	if (body_take(t, bytes, size * n, &t->err) < 0 || t->enough)
		return 0;
	return size * n;
}

static size_t on_upload(char *room, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;
	const struct exchange_upload *up = &t->hop->request->upload;
	uint64_t left = up->n - t->uploaded;
	size_t take = size * n < left ? size * n : (size_t)left;

	if (take > 0 && up->bytes) {
		memcpy(room, (const char *)up->bytes + t->uploaded, take);
	} else if (take > 0) {
		ssize_t got = pread(up->fd, room, take, (off_t)t->uploaded);

		if (got <= 0) {
			(void)err_set(&t->err, ERR_TRANSIENT, "reading what is sent: %s",
				got < 0 ? "it cannot be read" : "it became shorter meanwhile");
			return CURL_READFUNC_ABORT;
		}
		take = (size_t)got;
	}
	t->uploaded += take;
	note_bytes(t, take);
	return take;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static int on_connected(void *arg, char *peer_ip, char *local_ip, int peer_port, int local_port)
{
	struct transfer *t = arg;

	(void)peer_ip;
	(void)local_ip;
	(void)peer_port;
	(void)local_port;
	t->last_byte_ms = io_monotonic_ms();
	t->window_ms = t->last_byte_ms;
	return CURL_PREREQFUNC_OK;
}

/* Refuses what neither stands still nor gets anywhere. */
static int check_rate(struct transfer *t, int64_t now, int64_t idle_ms)
{
	int64_t elapsed = now - t->window_ms;

	if (elapsed < idle_ms)
		return 0;
	if (t->window_bytes * 1000 < LIMIT_FETCH_LEAST_RATE * (uint64_t)elapsed)
		return err_set(&t->err, ERR_TRANSIENT,
			"only %" PRIu64 " bytes in %" PRId64 " ms, where at least %lu a second "
			"must come",
			t->window_bytes, elapsed, LIMIT_FETCH_LEAST_RATE);
	t->window_ms = now;
	t->window_bytes = 0;
	return 0;
}

static int check_idle(struct transfer *t, int64_t idle_ms)
{
	const struct sink *sink = t->hop->request->sink;
	int64_t now = io_monotonic_ms();

	if (idle_ms <= 0 || t->last_byte_ms == 0)
		return 0;
	if (now - t->last_byte_ms >= idle_ms)
		return err_set(&t->err, ERR_TRANSIENT,
			"no byte for %" PRId64 " ms, after %" PRIu64 " bytes", idle_ms,
			sink ? sink->size : 0);
	return check_rate(t, now, idle_ms);
}

/* libcurl calls this at least once a second. */
static int on_progress(
	void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = arg;
	const struct fetch_options *options = t->hop->task->options;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	if (fetch_stopped(options))
		return err_set(&t->err, ERR_TRANSIENT, "stopped");
	return check_idle(t, options->idle_timeout_ms);
}

static curl_socket_t on_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct transfer *t = arg;

	(void)purpose;
	if (guard_check(hop_guard(t->hop), &address->addr, &t->refused) < 0)
		return CURL_SOCKET_BAD;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void transfer_listen(struct transfer *t)
{
	(void)curl_easy_setopt(t->curl, CURLOPT_ERRORBUFFER, t->words);
	(void)curl_easy_setopt(t->curl, CURLOPT_HEADERDATA, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(t->curl, CURLOPT_READDATA, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_READFUNCTION, on_upload);
	(void)curl_easy_setopt(t->curl, CURLOPT_XFERINFODATA, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(t->curl, CURLOPT_PREREQDATA, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_PREREQFUNCTION, on_connected);
	(void)curl_easy_setopt(t->curl, CURLOPT_OPENSOCKETDATA, t);
	(void)curl_easy_setopt(t->curl, CURLOPT_OPENSOCKETFUNCTION, on_socket);
}

int transfer_end(struct transfer *t, struct err *err)
{
	const struct sink *sink = t->hop->request->sink;

	if (!t->began && body_begin(t, err) < 0)
		return -1;
	/* a server may send less than the range that was asked for */
	if (t->resumed && sink->size < t->hop->resume->total)
		return err_set(err, ERR_TRANSIENT, "only %" PRIu64 " of %" PRIu64 " bytes came",
			sink->size, t->hop->resume->total);
	return 0;
}
