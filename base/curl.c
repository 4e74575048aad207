/* SPDX-License-Identifier: Apache-2.0 */
#include "base/curl.h"

#include <dlfcn.h>
#include <pthread.h>

#include <curl/curl.h>

#define SSH_NO_CRYPTO 1 /* LIBSSH2_INIT_NO_CRYPTO of <libssh2.h> */

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Where libcurl is linked with libssh2, its set-up sets that up too, and with it OpenSSL, which
 * takes time and 1.4 MiB in each process.  We let libcurl speak HTTP only; libssh2 does without
 * where it was told so before. */
static void spare_ssh(void)
{
	int (*ssh_init)(int) = (int (*)(int))dlsym(RTLD_DEFAULT, "libssh2_init");

	if (ssh_init)
		(void)ssh_init(SSH_NO_CRYPTO);
}

int curl_setup(struct err *err)
{
	CURLcode rc;

	(void)pthread_once(&once, spare_ssh);
	rc = curl_global_init(CURL_GLOBAL_DEFAULT);
	if (rc != CURLE_OK)
		return err_set(
			err, ERR_TRANSIENT, "setting libcurl up: %s", curl_easy_strerror(rc));
	return 0;
}

void curl_teardown(void)
{
	curl_global_cleanup();
}
