/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/hop.h"

#include <inttypes.h>
#include <limits.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/limits.h"
#include "base/version.h"
#include "base/xalloc.h"
#include "fetch/reply.h"
#include "fetch/transfer.h"
#include "fetch/url.h"

enum err_code hop_curl_verdict(CURLcode result)
{
	if (result == CURLE_OK)
		return ERR_NONE;
	/* an answer that is not HTTP is UNSUPPORTED_PROTOCOL too */
	if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL ||
		result == CURLE_FILESIZE_EXCEEDED)
		return ERR_INVALID;
	return ERR_TRANSIENT;
}

bool hop_accepts(const struct exchange_request *request, long status)
{
	if (!request->accept)
		return status == 200;
	for (const long *at = request->accept; *at != 0; at++) {
		if (*at == status)
			return true;
	}
	return false;
}

bool hop_is_ranged(const struct hop *hop)
{
	const struct sink *sink = hop->request->sink;

	return sink && sink->size > 0 && hop->resume->possible;
}

const struct guard *hop_guard(const struct hop *hop)
{
	return hop->request->guard ? hop->request->guard : &hop->task->options->guard;
}

static void add_header(struct transfer *t, const char *line)
{
	struct curl_slist *longer = curl_slist_append(t->headers, line);

	if (!longer)
		abort(); /* out of memory, as in base/xalloc.h */
	t->headers = longer;
}

static int add_headers(struct transfer *t, const char *const *lines, struct err *err)
{
	for (; lines && *lines; lines++) {
		for (const char *at = *lines; *at; at++) {
			if ((unsigned char)*at < ' ' && *at != '\t')
				return err_set(err, ERR_INVALID,
					"header %.*s holds a control character",
					(int)strcspn(*lines, ": \r\n\t"), *lines);
		}
		add_header(t, *lines);
	}
	return 0;
}

static void add_range(struct transfer *t, const struct resume *resume, uint64_t from)
{
	AUTO(free) char *range = xasprintf("Range: bytes=%" PRIu64 "-", from);

	add_header(t, range);
	if (resume->etag) {
		AUTO(free) char *condition = xasprintf("If-Range: %s", resume->etag);

		add_header(t, condition);
	}
}

static int setup_failed(CURLcode rc, struct err *err)
{
	return err_set(err, hop_curl_verdict(rc), "setting libcurl up: %s", curl_easy_strerror(rc));
}

static int set_numbers(const struct transfer *t, struct err *err)
{
	const struct fetch_options *options = t->hop->task->options;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		/* or a handle would wait, beyond its time, for a resolver that nobody answers */
		{CURLOPT_QUICK_EXIT, 1},
		{CURLOPT_NOPROGRESS, 0},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1},
		{CURLOPT_HTTP_CONTENT_DECODING, 0},
		{CURLOPT_SUPPRESS_CONNECT_HEADERS, 1},
		{CURLOPT_BUFFERSIZE, 64 * (long)LIMIT_KIB},
		/* refuses a Content-Length that no number holds; ours comes with the body */
		{CURLOPT_MAXFILESIZE, LONG_MAX},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SSL_VERIFYPEER, 1},
		{CURLOPT_SSL_VERIFYHOST, 2},
		{CURLOPT_CONNECTTIMEOUT_MS, (long)options->connect_timeout_ms},
		{CURLOPT_TIMEOUT_MS, (long)t->hop->timeout_ms},
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		CURLcode rc = curl_easy_setopt(t->curl, numbers[i].option, numbers[i].value);
		if (rc != CURLE_OK)
			return setup_failed(rc, err);
	}
	return 0;
}

static int set_texts(const struct transfer *t, struct err *err)
{
	const char *ca_file = t->hop->task->options->ca_file;
	const struct {
		bool wanted;
		CURLoption option;
		const char *value;
	} texts[] = {
		{true, CURLOPT_URL, t->hop->url},
		{true, CURLOPT_PROTOCOLS_STR, "http,https"},
		{true, CURLOPT_USERAGENT, "wasmxds/" WASMXDS_VERSION},
		/* a CA file stands in place of the system's, so the folder of those goes too */
		{ca_file, CURLOPT_CAINFO, ca_file},
		{ca_file, CURLOPT_CAPATH, NULL},
		{t->hop->request->no_proxy, CURLOPT_PROXY, ""},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (!texts[i].wanted)
			continue;
		CURLcode rc = curl_easy_setopt(t->curl, texts[i].option, texts[i].value);
		if (rc != CURLE_OK)
			return setup_failed(rc, err);
	}
	return 0;
}

static CURLcode set_method(const struct transfer *t)
{
	const char *method = t->hop->request->method;
	CURLcode rc;

	if (!method || strcmp(method, "GET") == 0)
		return CURLE_OK;
	if (strcmp(method, "HEAD") == 0)
		return curl_easy_setopt(t->curl, CURLOPT_NOBODY, 1L);
	rc = curl_easy_setopt(t->curl, CURLOPT_UPLOAD, 1L);
	if (rc == CURLE_OK)
		rc = curl_easy_setopt(
			t->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)t->hop->request->upload.n);
	return rc == CURLE_OK ? curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, method) : rc;
}

static int set_request(struct transfer *t, struct err *err)
{
	const struct exchange_request *request = t->hop->request;
	CURLcode rc = set_method(t);

	if (rc != CURLE_OK)
		return setup_failed(rc, err);
	if (add_headers(t, request->headers, err) < 0 ||
		add_headers(t, t->hop->origin_headers, err) < 0)
		return -1;
	add_header(t, "Expect:");
	if (hop_is_ranged(t->hop))
		add_range(t, t->hop->resume, request->sink->size);
	rc = curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, t->headers);
	return rc == CURLE_OK ? 0 : setup_failed(rc, err);
}

static void freeaddrs(struct addrinfo **found)
{
	if (*found)
		freeaddrinfo(*found);
}

/* Where a proxy connects in our place, an address that stands in the URL can still be judged. */
static int check_literal(const struct hop *hop, struct err *err)
{
	const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST};
	AUTO(free) char *host = url_host(hop->url);
	__attribute__((cleanup(freeaddrs))) struct addrinfo *found = NULL;

	if (!host || getaddrinfo(host, NULL, &hints, &found) != 0)
		return 0;
	return guard_check(hop_guard(hop), found->ai_addr, err);
}

static int curl_failed(struct transfer *t, CURLcode result, struct err *err)
{
	const char *ca_file = t->hop->task->options->ca_file;

	url_make_printable(t->words);
	(void)err_set(err, hop_curl_verdict(result), "%s",
		t->words[0] ? t->words : curl_easy_strerror(result));
	if (result == CURLE_SSL_CACERT_BADFILE && ca_file)
		return err_wrap(err, "CA file %s", ca_file);
	return -1;
}

static int outcome(struct transfer *t, long status, CURLcode result, struct err *err)
{
	if (t->err.code != ERR_NONE) {
		*err = t->err;
		return -1;
	}
	if (t->refused.code != ERR_NONE && status == 0 && result != CURLE_OK) {
		*err = t->refused;
		return -1;
	}
	if (result == CURLE_OK)
		return transfer_end(t, err);
	/* a status that is an error has said all, whatever became of its body */
	if (t->enough || (t->head_ended && status > 206 && !hop_accepts(t->hop->request, status)))
		return 0;
	/* how libcurl says that a line is longer than it takes */
	if (result == CURLE_OUT_OF_MEMORY && t->header_bytes > 0 && !t->head_ended)
		return err_set(err, ERR_INVALID, "a header line that is too long");
	return curl_failed(t, result, err);
}

int hop_run(struct exchange_reply *reply, struct hop *hop, struct err *err)
{
	AUTO(transfer) struct transfer t = {.hop = hop};

	if (check_literal(hop, err) < 0)
		return -1;
	t.curl = curl_easy_init();
	if (!t.curl)
		return err_set(err, ERR_TRANSIENT, "libcurl gives no handle");
	transfer_listen(&t);
	if (set_numbers(&t, err) < 0 || set_texts(&t, err) < 0 || set_request(&t, err) < 0)
		return -1;
	CURLcode result = curl_easy_perform(t.curl);
	reply_collect(reply, t.curl, hop->url, (int64_t)time(NULL));
	return outcome(&t, reply->status, result, err);
}
