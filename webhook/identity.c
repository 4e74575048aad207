/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/identity.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include "base/auto.h"
#include "base/lend.h"
#include "base/limits.h"
#include "base/xalloc.h"

struct identity {
	pthread_mutex_t lock;

	/* guarded by lock */
	char *chain; /* owned; NULL: nothing is in force */
	char *key;   /* owned */
	int64_t expires;
};

static void auto_x509(gnutls_x509_crt_t *crt)
{
	if (*crt)
		gnutls_x509_crt_deinit(*crt);
}

static void auto_x509_credentials(gnutls_certificate_credentials_t *c)
{
	if (*c)
		gnutls_certificate_free_credentials(*c);
}

static void free_secret(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

static gnutls_datum_t datum(const char *text)
{
	return (gnutls_datum_t){.data = lend(text), .size = (unsigned)strlen(text)};
}

struct identity *identity_new(void)
{
	struct identity *id = xcalloc(1, sizeof(*id));

	(void)pthread_mutex_init(&id->lock, NULL);
	return id;
}

void identity_free(struct identity *id)
{
	if (!id)
		return;
	free(id->chain);
	free_secret(id->key);
	(void)pthread_mutex_destroy(&id->lock);
	free(id);
}

/* gnutls says whether key and certificate belong together. */
static int check(const char *chain, const char *key, struct err *err)
{
	AUTO(x509_credentials) gnutls_certificate_credentials_t c = NULL;
	gnutls_datum_t chain_pem = datum(chain);
	gnutls_datum_t key_pem = datum(key);
	int e = gnutls_certificate_allocate_credentials(&c);

	if (e == 0)
		e = gnutls_certificate_set_x509_key_mem(
			c, &chain_pem, &key_pem, GNUTLS_X509_FMT_PEM);
	if (e < 0)
		return err_set(
			err, ERR_INVALID, "the certificate and its key: %s", gnutls_strerror(e));
	return 0;
}

static int64_t expiry_of(const char *chain)
{
	AUTO(x509) gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem = datum(chain);

	if (gnutls_x509_crt_init(&crt) < 0 ||
		gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) < 0)
		return 0;
	return (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}

int identity_set(struct identity *id, const char *chain, const char *key, struct err *err)
{
	char *old_chain;
	char *old_key;

	if (check(chain, key, err) < 0)
		return -1;
	pthread_mutex_lock(&id->lock);
	old_chain = id->chain;
	old_key = id->key;
	id->chain = xstrdup(chain);
	id->key = xstrdup(key);
	id->expires = expiry_of(chain);
	pthread_mutex_unlock(&id->lock);
	free(old_chain);
	free_secret(old_key);
	return 0;
}

int64_t identity_expires(struct identity *id)
{
	pthread_mutex_lock(&id->lock);
	int64_t expires = id->expires;
	pthread_mutex_unlock(&id->lock);
	return expires;
}

static int copy_chain(gnutls_pcert_st **certificates, unsigned *n, const char *chain)
{
	gnutls_datum_t pem = datum(chain);
	gnutls_pcert_st *list = gnutls_calloc(LIMIT_CHAIN_CERTIFICATES, sizeof(*list));
	unsigned count = LIMIT_CHAIN_CERTIFICATES;

	if (!list)
		return GNUTLS_E_MEMORY_ERROR;
	int e = gnutls_pcert_list_import_x509_raw(list, &count, &pem, GNUTLS_X509_FMT_PEM, 0);

	if (e < 0) {
		gnutls_free(list);
		return e;
	}
	*certificates = list;
	*n = count;
	return 0;
}

static int copy_key(gnutls_privkey_t *out, const char *key)
{
	gnutls_datum_t pem = datum(key);
	gnutls_privkey_t copy = NULL;
	int e = gnutls_privkey_init(&copy);

	if (e < 0)
		return e;
	e = gnutls_privkey_import_x509_raw(copy, &pem, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (e < 0) {
		gnutls_privkey_deinit(copy);
		return e;
	}
	*out = copy;
	return 0;
}

static void free_chain(gnutls_pcert_st *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		gnutls_pcert_deinit(&list[i]);
	gnutls_free(list);
}

int identity_copy(
	struct identity *id, gnutls_pcert_st **certificates, unsigned *n, gnutls_privkey_t *key)
{
	gnutls_pcert_st *list = NULL;
	unsigned count = 0;
	int e = GNUTLS_E_NO_CERTIFICATE_FOUND;

	pthread_mutex_lock(&id->lock);
	if (id->chain)
		e = copy_chain(&list, &count, id->chain);
	if (e == 0)
		e = copy_key(key, id->key);
	pthread_mutex_unlock(&id->lock);
	if (e < 0) {
		if (list)
			free_chain(list, count);
		return e;
	}
	*certificates = list;
	*n = count;
	return 0;
}
