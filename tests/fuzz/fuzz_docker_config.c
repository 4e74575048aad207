/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Credentials out of a docker config: the first line of an input is the image's name, the rest the
 * file.
 */
#include "base/auto.h"
#include "fetch/docker_config.h"
#include "tests/fuzz/message_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_credential(const struct credential *c)
{
	AUTO(free) char *basic = NULL;

	assert(!c->user == !c->password);
	assert(!c->user || !c->identity_token);
	assert(!c->user || !strchr(c->user, ':'));
	if (c->user)
		basic = credential_basic(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *name = input_text(data, size);
	const char *json = cut_line(name);
	AUTO(reference) struct reference r = {.registry = NULL};
	AUTO(credential) struct credential c = {.user = NULL};
	struct err err = {.code = ERR_NONE};

	if (reference_parse(&r, name, &err) < 0)
		return 0;
	if (docker_config_find(&c, json, &r, &err) < 0)
		check_refusal(&err);
	check_credential(&c);
	return 0;
}
