/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/fetch_fixture.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/xalloc.h"

#define HOUR 3600

const uint8_t fixture_module[] = {
	0x00,
	0x61,
	0x73,
	0x6d,
	0x01,
	0x00,
	0x00,
	0x00, /* magic, version */
	0x01,
	0x09,
	0x02,
	0x60,
	0x00,
	0x00, /* types: () -> () */
	0x60,
	0x01,
	0x7f,
	0x01,
	0x7f, /* (i32) -> i32 */
	0x03,
	0x03,
	0x02,
	0x00,
	0x01, /* two functions */
	0x05,
	0x03,
	0x01,
	0x00,
	0x01, /* a memory of one page */
	0x07,
	0x2d,
	0x03, /* three exports */
	0x06,
	'm',
	'e',
	'm',
	'o',
	'r',
	'y',
	0x02,
	0x00, /* */
	0x17,
	'p',
	'r',
	'o',
	'x',
	'y',
	'_',
	'a',
	'b',
	'i',
	'_',
	'v',
	'e',
	'r',
	's',
	'i',
	'o',
	'n',
	'_',
	'0',
	'_',
	'2',
	'_',
	'1',
	0x00,
	0x00, /* */
	0x06,
	'm',
	'a',
	'l',
	'l',
	'o',
	'c',
	0x00,
	0x01, /* */
	0x0a,
	0x09,
	0x02,
	0x02,
	0x00,
	0x0b,
	0x04,
	0x00,
	0x41,
	0x00, /* code */
	0x0b,
};
const size_t fixture_module_size = sizeof(fixture_module);

/* Ends the program where the test's own footing gives way. */
static void must(bool holds, const char *what)
{
	if (!holds) {
		perror(what);
		abort();
	}
}

int fixture_file(void)
{
	int fd = memfd_create("module", MFD_CLOEXEC);

	must(fd >= 0, "memfd_create");
	return fd;
}

int fixture_full(void)
{
	int fd = open("/dev/full", O_RDWR | O_CLOEXEC);

	must(fd >= 0, "/dev/full");
	return fd;
}

bool fixture_file_is(int fd, const void *bytes, size_t n)
{
	AUTO(buf) struct buf got = BUF_INIT(LIMIT_MODULE_BYTES);
	struct err err;

	must(lseek(fd, 0, SEEK_SET) == 0, "lseek");
	return io_read(fd, &got, &err) == 0 && got.len == n && memcmp(got.data, bytes, n) == 0;
}

struct fetch_options fixture_options(void)
{
	return (struct fetch_options){
		.max_bytes = LIMIT_MIB,
		.connect_timeout_ms = 10000,
		.idle_timeout_ms = 30000,
		.total_timeout_ms = 60000,
		.guard = {.allow_loopback = true},
		.retry = {.tries = 3, .first_ms = 1, .most_ms = 2},
		.host_connections = 2,
	};
}

char *fixture_dir(void)
{
	const char *base = getenv("TMPDIR"); /* NOLINT(concurrency-mt-unsafe): nobody sets it */
	char *dir = xasprintf("%s/wasmxds-fetch-XXXXXX", base && base[0] ? base : "/tmp");

	must(mkdtemp(dir) != NULL, "mkdtemp");
	return dir;
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void fixture_dir_remove(char *dir)
{
	if (dir)
		/* NOLINTNEXTLINE(concurrency-mt-unsafe): FTW_CHDIR is what makes it so */
		must(nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS) == 0, dir);
	free(dir);
}

char *fixture_write(const char *dir, const char *name, const void *bytes, size_t n)
{
	char *path = xasprintf("%s/%s", dir, name);
	AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct err err;

	must(fd >= 0 && io_write(fd, bytes, n, &err) == 0, path);
	return path;
}

static char *text_of(gnutls_datum_t *pem)
{
	char *text = xstrndup((const char *)pem->data, pem->size);

	gnutls_free(pem->data);
	return text;
}

void fixture_tls_init(struct fixture_tls *tls)
{
	static const unsigned char address[] = {127, 0, 0, 1};
	gnutls_x509_privkey_t key = NULL;
	gnutls_x509_crt_t crt = NULL;
	gnutls_datum_t pem = {0};
	time_t now = time(NULL);

	must(gnutls_x509_privkey_init(&key) == 0 && gnutls_x509_crt_init(&crt) == 0, "gnutls");
	must(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
		     GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0,
		"generating a key");
	must(gnutls_x509_crt_set_version(crt, 3) == 0 && gnutls_x509_crt_set_key(crt, key) == 0 &&
			gnutls_x509_crt_set_serial(crt, "\x01", 1) == 0 &&
			gnutls_x509_crt_set_dn(crt, "CN=wasmxds test", NULL) == 0 &&
			gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
				sizeof(address), GNUTLS_FSAN_SET) == 0 &&
			gnutls_x509_crt_set_ca_status(crt, 1) == 0 &&
			gnutls_x509_crt_set_activation_time(crt, now - HOUR) == 0 &&
			gnutls_x509_crt_set_expiration_time(crt, now + HOUR) == 0 &&
			gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0) == 0,
		"signing a certificate");
	must(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem) == 0, "export of a key");
	tls->key = text_of(&pem);
	must(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem) == 0, "export");
	tls->certificate = text_of(&pem);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_privkey_deinit(key);
}

void fixture_tls_clear(struct fixture_tls *tls)
{
	free(tls->key);
	free(tls->certificate);
	*tls = (struct fixture_tls){0};
}
