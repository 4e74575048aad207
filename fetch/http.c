/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/http.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/version.h"
#include "base/xalloc.h"

/* One request, as libcurl's callbacks see it. */
struct transfer {
	const struct fetch_options *options; /* borrowed */
	struct sink *sink;                   /* borrowed */
	CURL *curl;                          /* owned */
	size_t header_bytes;
	int64_t last_byte_ms;       /* 0 until the connection is up */
	struct err err;             /* why a callback gave up */
	char text[CURL_ERROR_SIZE]; /* libcurl's own words */
};

static void auto_transfer(struct transfer *t)
{
	curl_easy_cleanup(t->curl);
}

static inline void auto_curlu(CURLU **url)
{
	curl_url_cleanup(*url);
}

static inline void auto_curl_text(char **text)
{
	curl_free(*text);
}

/* For what a server chose, in part: it may end up in a status or on a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			*text = '?';
	}
}

static CURLU *url_new(void)
{
	CURLU *url = curl_url();

	if (!url)
		abort(); /* out of memory, as in base/xalloc.h */
	return url;
}

/* Takes away what must not be shown, or sent to another server. */
static bool url_drop(CURLU *url, const CURLUPart *parts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (curl_url_set(url, parts[i], NULL, 0) != CURLUE_OK)
			return false;
	}
	return true;
}

char *http_label(const char *url)
{
	static const CURLUPart hidden[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS,
		CURLUPART_QUERY, CURLUPART_FRAGMENT};
	AUTO(curlu) CURLU *parsed = url_new();
	AUTO(curl_text) char *shown = NULL;

	if (curl_url_set(parsed, CURLUPART_URL, url, CURLU_URLENCODE) != CURLUE_OK ||
		!url_drop(parsed, hidden, sizeof(hidden) / sizeof(hidden[0])) ||
		curl_url_get(parsed, CURLUPART_URL, &shown, 0) != CURLUE_OK)
		return xstrdup("a malformed URL");
	char *label = xstrndup(shown, LIMIT_SOURCE_BYTES);
	make_printable(label);
	return label;
}

enum err_code http_status_verdict(long status)
{
	switch (status) {
	case 200:
		return ERR_NONE;
	case 404:
	case 410:
		return ERR_NOT_FOUND;
	case 401:
	case 403:
	case 407:
		return ERR_DENIED;
	case 408:
	case 425:
	case 429:
		return ERR_TRANSIENT;
	default:
		return status >= 500 && status <= 599 ? ERR_TRANSIENT : ERR_INVALID;
	}
}

enum err_code http_curl_verdict(CURLcode result)
{
	if (result == CURLE_OK)
		return ERR_NONE;
	/* an answer that is not HTTP is UNSUPPORTED_PROTOCOL too */
	if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL ||
		result == CURLE_FILESIZE_EXCEEDED)
		return ERR_INVALID;
	return ERR_TRANSIENT;
}

bool http_is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

static bool is_scheme(CURLU *url, const char *scheme)
{
	AUTO(curl_text) char *has = NULL;

	return curl_url_get(url, CURLUPART_SCHEME, &has, 0) == CURLUE_OK &&
	       strcmp(has, scheme) == 0;
}

int http_redirect_target(char **out, const char *from, const char *location, struct err *err)
{
	static const CURLUPart foreign[] = {CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_OPTIONS};
	AUTO(curlu) CURLU *url = url_new();
	AUTO(curl_text) char *target = NULL;

	CURLUcode rc = curl_url_set(url, CURLUPART_URL, from, 0);
	if (rc != CURLUE_OK)
		return err_set(err, ERR_INVALID, "not a URL: %s", curl_url_strerror(rc));
	bool was_https = is_scheme(url, "https");
	rc = curl_url_set(url, CURLUPART_URL, location, CURLU_URLENCODE);
	if (rc != CURLUE_OK)
		return err_set(err, ERR_INVALID, "redirected to what is not a URL: %s",
			curl_url_strerror(rc));
	bool to_https = is_scheme(url, "https");
	if (!to_https && !is_scheme(url, "http"))
		return err_set(
			err, ERR_INVALID, "redirected to a scheme that is neither http nor https");
	if (was_https && !to_https)
		return err_set(err, ERR_INVALID, "redirected from https to http, which is refused");
	if (!url_drop(url, foreign, sizeof(foreign) / sizeof(foreign[0])) ||
		curl_url_get(url, CURLUPART_URL, &target, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "redirected to what is not a URL");
	*out = xstrdup(target);
	return 0;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)bytes;
	t->last_byte_ms = io_monotonic_ms();
	t->header_bytes += size * n;
	if (t->header_bytes > LIMIT_HEADER_BYTES) {
		(void)err_set(
			&t->err, ERR_INVALID, "headers of more than %lu bytes", LIMIT_HEADER_BYTES);
		return 0;
	}
	return size * n;
}

/* Asked once, when the first byte of a body is there. */
static bool body_wanted(struct transfer *t)
{
	long status = 0;
	curl_off_t announced = -1;

	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (http_status_verdict(status) != ERR_NONE)
		return false;
	(void)curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
	if (announced > 0 && (uint64_t)announced > t->sink->max) {
		(void)err_set(&t->err, ERR_INVALID,
			"is %jd bytes, by its Content-Length; a module may have at most %" PRIu64,
			(intmax_t)announced, t->sink->max);
		return false;
	}
	return true;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct transfer *t = arg;

	t->last_byte_ms = io_monotonic_ms();
	if (t->sink->size == 0 && !body_wanted(t))
		return 0;
	if (sink_write(t->sink, bytes, size * n, &t->err) < 0)
		return 0;
	return size * n;
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
	return CURL_PREREQFUNC_OK;
}

/* libcurl calls this at least once a second. */
static int on_progress(
	void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total, curl_off_t up)
{
	struct transfer *t = arg;
	int64_t idle_ms = t->options->idle_timeout_ms;

	(void)down_total;
	(void)down;
	(void)up_total;
	(void)up;
	if (fetch_stopped(t->options)) {
		/* or it would wait for a resolver that nobody answers */
		(void)curl_easy_setopt(t->curl, CURLOPT_QUICK_EXIT, 1L);
		return err_set(&t->err, ERR_TRANSIENT, "stopped");
	}
	if (idle_ms > 0 && t->last_byte_ms > 0 && io_monotonic_ms() - t->last_byte_ms >= idle_ms)
		return err_set(&t->err, ERR_TRANSIENT,
			"no byte for %" PRId64 " ms, after %" PRIu64 " bytes", idle_ms,
			t->sink->size);
	return 0;
}

static int setup_failed(CURLcode rc, struct err *err)
{
	return err_set(
		err, http_curl_verdict(rc), "setting libcurl up: %s", curl_easy_strerror(rc));
}

static int set_numbers(struct transfer *t, int64_t timeout_ms, struct err *err)
{
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_NOPROGRESS, 0},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_HTTP_CONTENT_DECODING, 0},
		{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
		/* refuses a Content-Length that no number holds; ours comes in body_wanted() */
		{CURLOPT_MAXFILESIZE, LONG_MAX},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SSL_VERIFYPEER, 1},
		{CURLOPT_SSL_VERIFYHOST, 2},
		{CURLOPT_CONNECTTIMEOUT_MS, (long)t->options->connect_timeout_ms},
		{CURLOPT_TIMEOUT_MS, (long)timeout_ms},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		CURLcode rc = curl_easy_setopt(t->curl, numbers[i].option, numbers[i].value);
		if (rc != CURLE_OK)
			return setup_failed(rc, err);
	}
	return 0;
}

static int set_pointers(struct transfer *t, const char *url, struct err *err)
{
	const struct {
		CURLoption option;
		const void *value;
	} pointers[] = {
		{CURLOPT_URL, url},
		{CURLOPT_PROTOCOLS_STR, "http,https"},
		{CURLOPT_USERAGENT, "wasmxds/" WASMXDS_VERSION},
		{CURLOPT_ERRORBUFFER, t->text},
		{CURLOPT_HEADERDATA, t},
		{CURLOPT_WRITEDATA, t},
		{CURLOPT_XFERINFODATA, t},
		{CURLOPT_PREREQDATA, t},
		/* a CA file stands in place of the system's, so the folder of those goes too */
		{CURLOPT_CAINFO, t->options->ca_file},
		{CURLOPT_CAPATH, NULL},
	};
	size_t n = sizeof(pointers) / sizeof(pointers[0]) - (t->options->ca_file ? 0 : 2);

	for (size_t i = 0; i < n; i++) {
		CURLcode rc = curl_easy_setopt(t->curl, pointers[i].option, pointers[i].value);
		if (rc != CURLE_OK)
			return setup_failed(rc, err);
	}
	(void)curl_easy_setopt(t->curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(t->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	(void)curl_easy_setopt(t->curl, CURLOPT_PREREQFUNCTION, on_connected);
	return 0;
}

static int curl_failed(struct transfer *t, CURLcode result, struct err *err)
{
	make_printable(t->text);
	(void)err_set(err, http_curl_verdict(result), "%s",
		t->text[0] ? t->text : curl_easy_strerror(result));
	if (result == CURLE_SSL_CACERT_BADFILE && t->options->ca_file)
		return err_wrap(err, "CA file %s", t->options->ca_file);
	return -1;
}

/* 0: the body is in the sink, or *location is where to go on, borrowed from the handle. */
static int transfer_outcome(
	const char **location, struct transfer *t, CURLcode result, struct err *err)
{
	struct curl_header *header = NULL;
	long status = 0;

	if (t->err.code != ERR_NONE) {
		*err = t->err;
		return -1;
	}
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	/* another status has said all, and on_body() ends its transfer as an error */
	if (result != CURLE_OK && status <= 200)
		return curl_failed(t, result, err);
	if (http_is_redirect(status) &&
		curl_easy_header(t->curl, "Location", 0, CURLH_HEADER, -1, &header) == CURLHE_OK) {
		*location = header->value;
		return 0;
	}
	if (http_status_verdict(status) != ERR_NONE)
		return err_set(
			err, http_status_verdict(status), "answered %ld instead of 200", status);
	return 0;
}

/* One request.  *next: where the server redirects to, or NULL when the body is in the sink. */
static int get(
	char **next, struct transfer *t, const char *url, int64_t timeout_ms, struct err *err)
{
	const char *location = NULL;

	*next = NULL;
	t->curl = curl_easy_init();
	if (!t->curl)
		return err_set(err, ERR_TRANSIENT, "libcurl gives no handle");
	if (set_numbers(t, timeout_ms, err) < 0 || set_pointers(t, url, err) < 0)
		return -1;
	CURLcode result = curl_easy_perform(t->curl);
	if (transfer_outcome(&location, t, result, err) < 0)
		return -1;
	if (!location)
		return 0;
	return http_redirect_target(next, url, location, err);
}

/* Returns what is left of options->total_timeout_ms, 0 where there is no limit, or -1 with err. */
static int64_t time_left(const struct fetch_options *options, int64_t started_ms, struct err *err)
{
	if (fetch_stopped(options))
		return err_set(err, ERR_TRANSIENT, "stopped");
	if (options->total_timeout_ms <= 0)
		return 0;
	int64_t left = options->total_timeout_ms - (io_monotonic_ms() - started_ms);
	if (left <= 0)
		return err_set(err, ERR_TRANSIENT, "not done within %" PRId64 " ms",
			options->total_timeout_ms);
	return left;
}

static int hop_failed(const char *url, struct err *err)
{
	AUTO(free) char *label = http_label(url);

	return err_wrap(err, "redirected to %s", label);
}

int http_fetch(const struct fetch_options *options, const struct fetch_request *request,
	struct sink *sink, struct err *err)
{
	int64_t started_ms = io_monotonic_ms();
	AUTO(free)
	char *url = xasprintf("%s://%s", fetch_source_name(request->source), request->uri);

	for (int hops = 0; hops <= LIMIT_REDIRECTS; hops++) {
		AUTO(transfer) struct transfer t = {.options = options, .sink = sink};
		AUTO(free) char *next = NULL;
		int64_t left_ms = time_left(options, started_ms, err);

		if (left_ms < 0 || get(&next, &t, url, left_ms, err) < 0)
			return hops == 0 ? -1 : hop_failed(url, err);
		if (!next)
			return 0;
		free(url);
		url = STEAL(next);
	}
	return err_set(err, ERR_INVALID, "redirected more than %d times", LIMIT_REDIRECTS);
}
