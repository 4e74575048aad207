/* SPDX-License-Identifier: Apache-2.0 */
#include "xds/tls.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/gnutls.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/stamp.h"
#include "base/xalloc.h"

enum { CERT, KEY, CLIENT_CA, FILES };

struct tls {
	char *paths[FILES];         /* owned; NULL: no such file */
	struct stamp stamps[FILES]; /* guarded by lock; of what was read last */
	bool given;                 /* guarded by lock; gRPC has a configuration */
	pthread_mutex_t lock;
};

/* The bytes of all the files. */
struct bundle {
	struct buf bytes[FILES];
};

static void bundle_clear(struct bundle *b)
{
	for (int i = 0; i < FILES; i++) {
		if (b->bytes[i].data)
			explicit_bzero(b->bytes[i].data, b->bytes[i].len);
		buf_clear(&b->bytes[i]);
	}
}

static void auto_bundle(struct bundle *b)
{
	bundle_clear(b);
}

static void auto_credentials(gnutls_certificate_credentials_t *c)
{
	if (*c)
		gnutls_certificate_free_credentials(*c);
}

static gnutls_datum_t datum(const struct buf *b)
{
	return (gnutls_datum_t){.data = (unsigned char *)b->data, .size = (unsigned)b->len};
}

/* gRPC would take a key that is not the certificate's, and fail each handshake. */
static int check(const struct tls *tls, const struct bundle *b, struct err *err)
{
	AUTO(credentials) gnutls_certificate_credentials_t c = NULL;
	gnutls_datum_t cert = datum(&b->bytes[CERT]);
	gnutls_datum_t key = datum(&b->bytes[KEY]);
	gnutls_datum_t ca = datum(&b->bytes[CLIENT_CA]);
	int e = gnutls_certificate_allocate_credentials(&c);

	if (e == 0)
		e = gnutls_certificate_set_x509_key_mem(c, &cert, &key, GNUTLS_X509_FMT_PEM);
	if (e < 0)
		return err_set(err, ERR_INVALID, "%s and %s: %s", tls->paths[CERT], tls->paths[KEY],
			gnutls_strerror(e));
	if (!tls->paths[CLIENT_CA])
		return 0;
	e = gnutls_certificate_set_x509_trust_mem(c, &ca, GNUTLS_X509_FMT_PEM);
	if (e <= 0)
		return err_set(err, ERR_INVALID, "%s: %s", tls->paths[CLIENT_CA],
			e < 0 ? gnutls_strerror(e) : "holds no certificate");
	return 0;
}

static int read_files(struct tls *tls, struct bundle *b, struct err *err)
{
	for (int i = 0; i < FILES; i++) {
		buf_init(&b->bytes[i], LIMIT_PEM_BYTES);
		if (tls->paths[i] && io_read_file(AT_FDCWD, tls->paths[i], &b->bytes[i], err) < 0)
			return -1;
	}
	return check(tls, b, err);
}

/* Returns whether a file is not what it was, and remembers what it is. */
static bool take_stamps(struct tls *tls)
{
	bool changed = false;

	for (int i = 0; i < FILES; i++) {
		if (tls->paths[i] && stamp_take(&tls->stamps[i], tls->paths[i]))
			changed = true;
	}
	return changed;
}

/* Fills err where the files cannot be used. */
static grpc_ssl_certificate_config_reload_status reload(
	struct tls *tls, grpc_ssl_server_certificate_config **config, struct err *err)
{
	AUTO(bundle) struct bundle b = {0};
	grpc_ssl_pem_key_cert_pair pair;

	if (!take_stamps(tls) && tls->given)
		return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
	if (read_files(tls, &b, err) < 0)
		return tls->given ? GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED
				  : GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_FAIL;
	pair.private_key = buf_text(&b.bytes[KEY]);
	pair.cert_chain = buf_text(&b.bytes[CERT]);
	/* gRPC wants roots also where it asks nobody for a certificate */
	*config = grpc_ssl_server_certificate_config_create(
		tls->paths[CLIENT_CA] ? buf_text(&b.bytes[CLIENT_CA]) : pair.cert_chain, &pair, 1);
	tls->given = true;
	return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
}

static grpc_ssl_certificate_config_reload_status on_handshake(
	void *arg, grpc_ssl_server_certificate_config **config)
{
	struct tls *tls = arg;
	grpc_ssl_certificate_config_reload_status status;
	struct err err = {.code = ERR_NONE};

	(void)pthread_mutex_lock(&tls->lock);
	status = reload(tls, config, &err);
	(void)pthread_mutex_unlock(&tls->lock);
	if (err.code != ERR_NONE)
		log_error("certificate not usable", LOG_ERR(&err));
	else if (status == GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW)
		log_info("certificate read", LOG_STR("file", tls->paths[CERT]));
	return status;
}

struct tls *tls_new(const struct tls_files *files, struct err *err)
{
	AUTO(bundle) struct bundle b = {0};
	struct tls *tls = xcalloc(1, sizeof(*tls));

	(void)pthread_mutex_init(&tls->lock, NULL);
	tls->paths[CERT] = xstrdup(files->cert);
	tls->paths[KEY] = xstrdup(files->key);
	tls->paths[CLIENT_CA] = xstrdup_null(files->client_ca);
	if (read_files(tls, &b, err) < 0) {
		tls_free(tls);
		return NULL;
	}
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	for (int i = 0; i < FILES; i++)
		free(tls->paths[i]);
	(void)pthread_mutex_destroy(&tls->lock);
	free(tls);
}

grpc_server_credentials *tls_credentials(struct tls *tls)
{
	grpc_ssl_server_credentials_options *options =
		grpc_ssl_server_credentials_create_options_using_config_fetcher(
			tls->paths[CLIENT_CA]
				? GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY
				: GRPC_SSL_DONT_REQUEST_CLIENT_CERTIFICATE,
			on_handshake, tls);

	return grpc_ssl_server_credentials_create_with_options(options);
}
