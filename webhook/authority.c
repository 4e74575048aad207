/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/authority.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "base/auto.h"
#include "base/lend.h"
#include "base/xalloc.h"

#define SERIAL_BYTES 16
#define CLOCK_SKEW_S 300 /* clocks that are behind see a certificate that is valid already */

static void auto_x509_crt(gnutls_x509_crt_t *crt)
{
	if (*crt)
		gnutls_x509_crt_deinit(*crt);
}

static void auto_x509_key(gnutls_x509_privkey_t *key)
{
	if (*key)
		gnutls_x509_privkey_deinit(*key);
}

static void auto_datum(gnutls_datum_t *d)
{
	if (d->data)
		gnutls_memset(d->data, 0, d->size);
	gnutls_free(d->data);
}

void keypair_clear(struct keypair *p)
{
	free(p->certificate);
	if (p->key)
		explicit_bzero(p->key, strlen(p->key));
	free(p->key);
	*p = (struct keypair){.certificate = NULL};
}

static gnutls_datum_t pem_of(const char *text)
{
	return (gnutls_datum_t){.data = lend(text), .size = (unsigned)strlen(text)};
}

/* Returns NULL where text is none. */
static gnutls_x509_crt_t read_certificate(const char *text)
{
	AUTO(x509_crt) gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem = pem_of(text);

	if (gnutls_x509_crt_init(&crt) < 0 ||
		gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM) < 0)
		return NULL;
	return STEAL(crt);
}

static gnutls_x509_privkey_t read_key(const char *text)
{
	AUTO(x509_key) gnutls_x509_privkey_t key = NULL;
	gnutls_datum_t pem = pem_of(text);

	if (gnutls_x509_privkey_init(&key) < 0 ||
		gnutls_x509_privkey_import2(key, &pem, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
		return NULL;
	return STEAL(key);
}

static int failed(int code, struct err *err)
{
	return err_set(err, ERR_TRANSIENT, "making a certificate: %s", gnutls_strerror(code));
}

/* What all certificates have: a number, a key of their own, a name and a time. */
static int begin(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name, int64_t now,
	int64_t until)
{
	unsigned char serial[SERIAL_BYTES];
	unsigned char id[64];
	size_t n = sizeof(id);
	int e = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] &= 0x7F; /* positive */
	serial[0] |= 0x40; /* and not short */
	if (e >= 0)
		e = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (e >= 0)
		e = gnutls_x509_crt_set_version(crt, 3);
	if (e >= 0)
		e = gnutls_x509_crt_set_key(crt, key);
	if (e >= 0)
		e = gnutls_x509_crt_set_dn_by_oid(
			crt, GNUTLS_OID_X520_COMMON_NAME, 0, name, (unsigned)strlen(name));
	if (e >= 0)
		e = gnutls_x509_crt_set_activation_time(crt, (time_t)(now - CLOCK_SKEW_S));
	if (e >= 0)
		e = gnutls_x509_crt_set_expiration_time(crt, (time_t)until);
	if (e >= 0)
		e = gnutls_x509_crt_get_key_id(crt, 0, id, &n);
	if (e >= 0)
		e = gnutls_x509_crt_set_subject_key_id(crt, id, n);
	return e;
}

static int export_pair(
	struct keypair *out, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, struct err *err)
{
	AUTO(datum) gnutls_datum_t certificate = {.data = NULL};
	AUTO(datum) gnutls_datum_t secret = {.data = NULL};
	int e = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &certificate);

	if (e >= 0)
		e = gnutls_x509_privkey_export2_pkcs8(
			key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN, &secret);
	if (e < 0)
		return failed(e, err);
	out->certificate = xstrndup((char *)certificate.data, certificate.size);
	out->key = xstrndup((char *)secret.data, secret.size);
	return 0;
}

static int make_key(gnutls_x509_privkey_t *out)
{
	int e = gnutls_x509_privkey_init(out);

	return e < 0 ? e
		     : gnutls_x509_privkey_generate(*out, GNUTLS_PK_ECDSA,
			       GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
}

int authority_make(struct keypair *out, int64_t now, int64_t lifetime_s, struct err *err)
{
	AUTO(x509_crt) gnutls_x509_crt_t crt = NULL;
	AUTO(x509_key) gnutls_x509_privkey_t key = NULL;
	AUTO(free) char *name = NULL;
	uint32_t number = 0;
	int e = make_key(&key);

	if (e >= 0)
		e = gnutls_x509_crt_init(&crt);
	if (e >= 0)
		e = gnutls_rnd(GNUTLS_RND_NONCE, &number, sizeof(number));
	name = xasprintf("wasmxds webhook authority %08x", number);
	if (e >= 0)
		e = begin(crt, key, name, now, now + lifetime_s);
	if (e >= 0)
		e = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
	if (e >= 0)
		e = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN);
	if (e >= 0)
		e = gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
	return e < 0 ? failed(e, err) : export_pair(out, crt, key, err);
}

static int add_name(gnutls_x509_crt_t crt, const char *name)
{
	unsigned char address[sizeof(struct in6_addr)];
	unsigned size = (unsigned)strlen(name);

	if (inet_pton(AF_INET, name, address) == 1)
		return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
			sizeof(struct in_addr), GNUTLS_FSAN_APPEND);
	if (inet_pton(AF_INET6, name, address) == 1)
		return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
			sizeof(struct in6_addr), GNUTLS_FSAN_APPEND);
	return gnutls_x509_crt_set_subject_alt_name(
		crt, GNUTLS_SAN_DNSNAME, name, size, GNUTLS_FSAN_APPEND);
}

/* What a server's certificate has beside that. */
static int finish_leaf(gnutls_x509_crt_t crt, gnutls_x509_crt_t ca, gnutls_x509_privkey_t ca_key,
	const struct authority_names *names)
{
	unsigned char id[64];
	size_t n = sizeof(id);
	int e = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);

	for (size_t i = 0; e >= 0 && i < names->n; i++)
		e = add_name(crt, names->items[i]);
	if (e >= 0)
		e = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (e >= 0)
		e = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (e >= 0)
		e = gnutls_x509_crt_get_subject_key_id(ca, id, &n, NULL);
	if (e >= 0)
		e = gnutls_x509_crt_set_authority_key_id(crt, id, n);
	if (e >= 0)
		e = gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0);
	return e;
}

int authority_sign(struct keypair *out, const struct keypair *ca,
	const struct authority_names *names, int64_t now, int64_t lifetime_s, struct err *err)
{
	AUTO(x509_crt) gnutls_x509_crt_t authority = read_certificate(ca->certificate);
	AUTO(x509_key) gnutls_x509_privkey_t authority_key = read_key(ca->key);
	AUTO(x509_crt) gnutls_x509_crt_t crt = NULL;
	AUTO(x509_key) gnutls_x509_privkey_t key = NULL;
	int64_t until = now + lifetime_s;

	if (!authority || !authority_key)
		return err_set(err, ERR_INVALID, "the authority cannot be read");
	int64_t ca_until = (int64_t)gnutls_x509_crt_get_expiration_time(authority);
	int e = make_key(&key);

	if (e >= 0)
		e = gnutls_x509_crt_init(&crt);
	if (e >= 0)
		e = begin(crt, key, "wasmxds webhook", now, until < ca_until ? until : ca_until);
	if (e >= 0)
		e = finish_leaf(crt, authority, authority_key, names);
	return e < 0 ? failed(e, err) : export_pair(out, crt, key, err);
}

void authority_bundle_clear(struct authority_bundle *b)
{
	for (size_t i = 0; i < b->n; i++)
		free(b->items[i]);
	*b = (struct authority_bundle){.n = 0};
}

/* Takes one in. */
static int add_authority(struct authority_bundle *b, gnutls_x509_crt_t crt, struct err *err)
{
	AUTO(datum) gnutls_datum_t pem = {.data = NULL};
	unsigned critical = 0;

	if (gnutls_x509_crt_get_ca_status(crt, &critical) <= 0)
		return err_set(err, ERR_INVALID, "certificate %zu is no authority's", b->n + 1);
	if (gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) < 0)
		return err_set(err, ERR_INVALID, "certificate %zu cannot be read", b->n + 1);
	b->until[b->n] = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
	b->items[b->n++] = xstrndup((char *)pem.data, pem.size);
	return 0;
}

int authority_split(struct authority_bundle *out, const char *pem, struct err *err)
{
	AUTO(authority_bundle) struct authority_bundle b = {.n = 0};
	gnutls_x509_crt_t list[AUTHORITY_BUNDLE];
	gnutls_datum_t text = pem_of(pem);
	unsigned n = AUTHORITY_BUNDLE;
	int rc = 0;

	if (gnutls_x509_crt_list_import(list, &n, &text, GNUTLS_X509_FMT_PEM,
		    GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) <= 0)
		return err_set(
			err, ERR_INVALID, "must hold 1 to %d certificates", AUTHORITY_BUNDLE);
	for (unsigned i = 0; i < n; i++) {
		if (rc == 0)
			rc = add_authority(&b, list[i], err);
		gnutls_x509_crt_deinit(list[i]);
	}
	if (rc == 0) {
		*out = b;
		b.n = 0;
	}
	return rc;
}

bool authority_fits(const char *certificate, const char *key)
{
	AUTO(x509_crt) gnutls_x509_crt_t crt = read_certificate(certificate);
	AUTO(x509_key) gnutls_x509_privkey_t its = read_key(key);
	unsigned char a[64];
	unsigned char b[64];
	size_t na = sizeof(a);
	size_t nb = sizeof(b);

	return crt && its && gnutls_x509_crt_get_key_id(crt, 0, a, &na) >= 0 &&
	       gnutls_x509_privkey_get_key_id(its, 0, b, &nb) >= 0 && na == nb &&
	       memcmp(a, b, na) == 0;
}

int64_t authority_leaf_until(const char *leaf, const char *ca, const struct authority_names *names)
{
	AUTO(x509_crt) gnutls_x509_crt_t crt = read_certificate(leaf);
	AUTO(x509_crt) gnutls_x509_crt_t authority = read_certificate(ca);
	unsigned problems = 0;

	if (!crt || !authority ||
		gnutls_x509_crt_verify(
			crt, &authority, 1, GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &problems) < 0 ||
		problems != 0)
		return 0;
	for (size_t i = 0; i < names->n; i++) {
		if (!gnutls_x509_crt_check_hostname(crt, names->items[i]))
			return 0;
	}
	return (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}
