/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WWW-Authenticate: each line of an input is the value of one header.  The realm, which a server
 * chooses, goes on to be judged.
 */
#include "base/auto.h"
#include "fetch/challenge.h"
#include "fetch/realm.h"
#include "fetch/url.h"
#include "tests/fuzz/message_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_realm(const char *realm)
{
	AUTO(free) char *host = url_host(realm);
	struct err err = {.code = ERR_NONE};

	if (realm_check(realm, false, &err) < 0)
		check_refusal(&err);
	else
		assert(host);
	if (realm_is_trusted("registry.example.com", realm)) {
		size_t n = strlen(host);

		assert(n >= 11 && strcmp(host + n - 11, "example.com") == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = input_text(data, size);
	AUTO(challenge) struct challenge c = {.realm = NULL};
	struct err err = {.code = ERR_NONE};
	int rc = 0;

	for (char *line = text; *line && rc == 0;) {
		char *next = cut_line(line);

		rc = challenge_add(&c, line, &err);
		line = next;
	}
	if (rc < 0)
		check_refusal(&err);
	assert(c.bearer == (c.realm != NULL));
	if (c.bearer)
		check_realm(c.realm);
	return 0;
}
