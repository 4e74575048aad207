/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/call.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/version.h"
#include "base/xalloc.h"

#define CONNECT_MS 5000
#define KEEPALIVE_IDLE_S 15
#define KEEPALIVE_INTERVAL_S 5
#define UNANSWERED_MS 20000 /* sent bytes and probes that are not confirmed end a connection */
#define STREAM_BUFFER 4096  /* there are many of them, and little in each */

void call_opened(struct client_call *call)
{
	if (call->opening)
		(*call->opening)--;
	call->opening = NULL;
}

static void note_heard(struct client_call *call)
{
	call->heard = io_monotonic_ms();
	call->answered = true;
	call_opened(call);
	if (call->heard_any)
		*call->heard_any = call->heard;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libcurl's type */
static size_t on_header(char *bytes, size_t size, size_t n, void *arg)
{
	(void)bytes;
	note_heard(arg);
	return size * n;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *arg)
{
	struct client_call *call = arg;
	long status = 0;
	int rc = 0;

	note_heard(call);
	(void)curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &status);
	if (call->bytes && status == 200)
		rc = call->bytes(call->arg, bytes, size * n, &call->err);
	else
		rc = buf_append(&call->reply.body, bytes, size * n, &call->err);
	return rc < 0 ? 0 : size * n;
}

/* A peer that went without a word is found out by the kernel, long before a request times out. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const unsigned ms = UNANSWERED_MS;

	(void)arg;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static int setup_failed(CURLcode rc, struct err *err)
{
	return err_set(err, ERR_INVALID, "setting libcurl up: %s", curl_easy_strerror(rc));
}

static int set_numbers(const struct client_call *call, const struct access *access, struct err *err)
{
	bool stream = call->idle_ms > 0;
	/* In clear text nothing tells that a connection can be shared before it was answered. */
	bool share = strncmp(access->base, "https:", strlen("https:")) == 0;
	const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{CURLOPT_NOSIGNAL, 1},
		{CURLOPT_FOLLOWLOCATION, 0},
		{CURLOPT_PIPEWAIT, share},
		{CURLOPT_SSLVERSION, CURL_SSLVERSION_TLSv1_2},
		{CURLOPT_SSL_VERIFYPEER, 1},
		{CURLOPT_SSL_VERIFYHOST, 2},
		{CURLOPT_TCP_KEEPALIVE, 1},
		{CURLOPT_TCP_KEEPIDLE, KEEPALIVE_IDLE_S},
		{CURLOPT_TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S},
		{CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS},
		{CURLOPT_TIMEOUT_MS, stream ? 0 : (long)call->timeout_ms},
		{CURLOPT_BUFFERSIZE, stream ? STREAM_BUFFER : CURL_MAX_WRITE_SIZE},
	};

	/* Many watches then share a connection; a libcurl without it does with more of them. */
	(void)curl_easy_setopt(call->curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		CURLcode rc = curl_easy_setopt(call->curl, numbers[i].option, numbers[i].value);

		if (rc != CURLE_OK)
			return setup_failed(rc, err);
	}
	return 0;
}

static int set_texts(CURL *curl, const struct access *access, const char *url, struct err *err)
{
	const char *authority = access->authority.path;
	const char *certificate = access->certificate.path;
	const struct {
		bool wanted;
		CURLoption option;
		const char *value;
	} texts[] = {
		{true, CURLOPT_URL, url},
		{true, CURLOPT_PROTOCOLS_STR, "http,https"},
		{true, CURLOPT_USERAGENT, "wasmxds/" WASMXDS_VERSION},
		/* a CA file stands in place of the system's, so the folder of those goes too */
		{authority, CURLOPT_CAINFO, authority},
		{authority, CURLOPT_CAPATH, NULL},
		{certificate, CURLOPT_SSLCERT, certificate},
		{certificate, CURLOPT_SSLKEY, access->key.path},
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CURLcode rc = texts[i].wanted
				      ? curl_easy_setopt(curl, texts[i].option, texts[i].value)
				      : CURLE_OK;

		if (rc != CURLE_OK)
			return setup_failed(rc, err);
	}
	return 0;
}

static void listen_to(struct client_call *call)
{
	CURL *curl = call->curl;

	(void)curl_easy_setopt(curl, CURLOPT_PRIVATE, call);
	(void)curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, call->words);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	(void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
	(void)curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
}

static void add_line(struct curl_slist **list, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*list, line);

	if (!longer)
		abort(); /* out of memory, as in base/xalloc.h */
	*list = longer;
}

static int add_headers(struct client_call *call, struct access *access,
	const struct client_request *request, struct err *err)
{
	const char *token = NULL;

	if (access_token(&token, access, err) < 0)
		return -1;
	add_line(&call->headers, "Accept: application/json");
	add_line(&call->headers, "Expect:");
	if (token) {
		AUTO(free) char *line = xasprintf("Authorization: Bearer %s", token);

		add_line(&call->headers, line);
	}
	if (request->content_type) {
		AUTO(free) char *line = xasprintf("Content-Type: %s", request->content_type);

		add_line(&call->headers, line);
	}
	if (access->connect_to)
		add_line(&call->connect, access->connect_to);
	return 0;
}

static int set_request(
	struct client_call *call, const struct client_request *request, struct err *err)
{
	CURL *curl = call->curl;
	CURLcode rc = curl_easy_setopt(curl, CURLOPT_HTTPHEADER, call->headers);

	if (rc == CURLE_OK && call->connect)
		rc = curl_easy_setopt(curl, CURLOPT_CONNECT_TO, call->connect);
	if (rc == CURLE_OK && request->body) {
		call->body = xmalloc(request->body_len + 1);
		memcpy(call->body, request->body, request->body_len);
		rc = curl_easy_setopt(
			curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_len);
		if (rc == CURLE_OK)
			rc = curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body);
	}
	if (rc == CURLE_OK && request->method)
		rc = curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
	return rc == CURLE_OK ? 0 : setup_failed(rc, err);
}

int call_prepare(struct client_call *call, CURL *curl, struct access *access,
	const struct client_request *request, struct err *err)
{
	AUTO(free) char *url = xasprintf("%s%s", access->base, request->path);

	call->curl = curl;
	call->began = io_monotonic_ms();
	call->heard = call->began;
	call->idle_ms = request->idle_ms;
	call->timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : CLIENT_TIMEOUT_MS;
	buf_init(&call->reply.body, LIMIT_KUBE_REPLY_BYTES);
	listen_to(call);
	if (set_numbers(call, access, &call->err) < 0 ||
		set_texts(curl, access, url, &call->err) < 0 ||
		add_headers(call, access, request, &call->err) < 0 ||
		set_request(call, request, &call->err) < 0) {
		*err = call->err;
		return -1;
	}
	return 0;
}

static int failed(const struct client_call *call, CURLcode result, struct err *err)
{
	const char *words = call->words[0] ? call->words : curl_easy_strerror(result);

	return err_set(err, ERR_TRANSIENT, "API server: %s", words);
}

int call_finish(struct client_call *call, CURLcode result, struct err *err)
{
	curl_off_t seconds = 0;

	(void)curl_easy_getinfo(call->curl, CURLINFO_RESPONSE_CODE, &call->reply.status);
	(void)curl_easy_getinfo(call->curl, CURLINFO_RETRY_AFTER, &seconds);
	if (seconds > LIMIT_KUBE_RETRY_AFTER_MS / 1000)
		seconds = LIMIT_KUBE_RETRY_AFTER_MS / 1000;
	call->reply.retry_after_ms = seconds > 0 ? (int64_t)seconds * 1000 : 0;
	if (call->err.code != ERR_NONE) {
		*err = call->err;
		return -1;
	}
	return result == CURLE_OK ? 0 : failed(call, result, err);
}

void call_clear(struct client_call *call)
{
	curl_slist_free_all(call->headers);
	curl_slist_free_all(call->connect);
	client_reply_clear(&call->reply);
	free(call->body);
	call->headers = NULL;
	call->connect = NULL;
	call->body = NULL;
}
