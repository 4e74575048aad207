/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/access.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/quote.h"
#include "base/xalloc.h"

#define BLANKS " \t\r\n"

static void auto_url(CURLU **url)
{
	curl_url_cleanup(*url);
}

static void auto_part(char **part)
{
	curl_free(*part);
}

/* Not every TLS library that libcurl may have takes PEM from memory, but each reads files. */
static int file_open(struct access_file *out, const struct credential *c, struct err *err)
{
	AUTO(fd) int fd = -1;

	if (!c->data) {
		out->path = xstrdup_null(c->file);
		return 0;
	}
	fd = memfd_create("wasmxds-credential", MFD_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ERR_TRANSIENT, "memfd_create");
	if (io_write(fd, c->data, strlen(c->data), err) < 0)
		return -1;
	out->fd = fd_steal(&fd);
	out->path = xasprintf("/proc/self/fd/%d", out->fd);
	return 0;
}

static void file_clear(struct access_file *f)
{
	if (f->fd >= 0)
		(void)close(f->fd);
	free(f->path);
}

/* The server is known to its certificate by another name: that one stands in the URL, and what is
 * connected to is the server. */
static int rename_server(struct access *a, CURLU *url, struct err *err)
{
	AUTO(part) char *host = NULL;
	AUTO(part) char *port = NULL;

	if (!a->credentials.server_name)
		return 0;
	if (curl_url_get(url, CURLUPART_HOST, &host, 0) != CURLUE_OK ||
		curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) != CURLUE_OK ||
		curl_url_set(url, CURLUPART_HOST, a->credentials.server_name, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "tls-server-name %s cannot stand for the server",
			quote(a->credentials.server_name).text);
	a->connect_to = xasprintf("::%s:%s", host, port);
	return 0;
}

static int find_base(struct access *a, struct err *err)
{
	AUTO(url) CURLU *url = curl_url();
	AUTO(part) char *text = NULL;
	const char *server = a->credentials.server;
	size_t len = 0;

	if (!url || curl_url_set(url, CURLUPART_URL, server, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "server %s is no URL", quote(server).text);
	if (rename_server(a, url, err) < 0)
		return -1;
	if (curl_url_get(url, CURLUPART_URL, &text, 0) != CURLUE_OK)
		return err_set(err, ERR_INVALID, "server %s is no URL", quote(server).text);
	len = strlen(text);
	while (len > 0 && text[len - 1] == '/')
		len--;
	a->base = xstrndup(text, len);
	return 0;
}

int access_init(struct access *a, struct credentials *credentials, struct err *err)
{
	*a = (struct access){
		.credentials = *credentials,
		.authority.fd = -1,
		.certificate.fd = -1,
		.key.fd = -1,
	};
	*credentials = (struct credentials){.server = NULL};
	if (find_base(a, err) < 0 || file_open(&a->authority, &a->credentials.authority, err) < 0 ||
		file_open(&a->certificate, &a->credentials.certificate, err) < 0 ||
		file_open(&a->key, &a->credentials.key, err) < 0) {
		access_clear(a);
		return -1;
	}
	return 0;
}

void access_clear(struct access *a)
{
	credentials_clear(&a->credentials);
	file_clear(&a->authority);
	file_clear(&a->certificate);
	file_clear(&a->key);
	free(a->base);
	free(a->connect_to);
	free(a->token);
	*a = (struct access){.authority.fd = -1, .certificate.fd = -1, .key.fd = -1};
}

/* Returns the text without the blanks around it, or NULL where no header can hold it; the caller
 * frees it. */
static char *token_of(const char *text)
{
	size_t n = 0;

	text += strspn(text, BLANKS);
	n = strcspn(text, BLANKS);
	if (n == 0 || text[n + strspn(text + n, BLANKS)] != '\0')
		return NULL;
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '!' || text[i] > '~')
			return NULL;
	}
	return xstrndup(text, n);
}

static int read_token(char **out, const struct credential *c, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT(LIMIT_KUBE_TOKEN_BYTES);

	if (!c->data && io_read_file(AT_FDCWD, c->file, &text, err) < 0)
		return err_wrap(err, "token");
	*out = token_of(c->data ? c->data : buf_text(&text));
	if (!*out)
		return err_set(err, ERR_INVALID, "%s%s: must hold one token and nothing else",
			c->data ? "token" : "token file ", c->data ? "" : c->file);
	return 0;
}

int access_token(const char **out, struct access *a, struct err *err)
{
	const struct credential *c = &a->credentials.token;
	char *fresh = NULL;
	struct err why;

	*out = NULL;
	if (!c->data && !c->file)
		return 0;
	if (read_token(&fresh, c, &why) == 0) {
		free(a->token);
		a->token = fresh;
	} else if (!a->token) {
		*err = why;
		return -1;
	}
	*out = a->token;
	return 0;
}
