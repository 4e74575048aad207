/* SPDX-License-Identifier: Apache-2.0 */
/* A list of CIDRs, one on a line ("-" before those denied), and behind a NUL an address: what is
 * never open stays shut unless a line opens it, and a mapped address is judged as the v4 one. */
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fetch/guard.h"

#define LINES 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static bool allows(const struct guard *g, const uint8_t *v6)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in6 in6;
	} a = {.in6 = {.sin6_family = AF_INET6}};
	struct err err = {0};

	memcpy(&a.in6.sin6_addr, v6, 16);
	bool allowed = guard_check(g, &a.sa, &err) == 0;
	must(allowed || (err.code == ERR_DENIED && err.msg[0]));
	return allowed;
}

static bool allows_v4(const struct guard *g, const uint8_t *v4)
{
	union {
		struct sockaddr sa;
		struct sockaddr_in in;
	} a = {.in = {.sin_family = AF_INET}};
	struct err err = {0};

	memcpy(&a.in.sin_addr, v4, 4);
	return guard_check(g, &a.sa, &err) == 0;
}

/* Reads the lines into two lists. */
static void read_lists(struct guard *g, struct cidr *allow, struct cidr *deny, char *text)
{
	char *rest = NULL;

	for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		struct cidr c = {0};
		struct err err = {0};
		bool no = line[0] == '-';

		if (cidr_parse(&c, line + no, &err) < 0) {
			must(err.code == ERR_INVALID && err.msg[0]);
			continue;
		}
		must(c.bits <= (c.v4 ? 32 : 128));
		if (no && g->n_deny < LINES)
			deny[g->n_deny++] = c;
		else if (!no && g->n_allow < LINES)
			allow[g->n_allow++] = c;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t metadata[] = {169, 254, 169, 254};
	struct cidr allow[LINES];
	struct cidr deny[LINES];
	struct guard g = {.allow = allow, .deny = deny};
	const struct guard strict = {.allow_loopback = true, .deny = deny};
	uint8_t mapped[16] = {[10] = 0xff, [11] = 0xff};
	char text[4096] = "";
	size_t n = strnlen((const char *)data, size);

	if (n >= sizeof(text) || size - n < 17)
		return 0;
	memcpy(text, data, n);
	read_lists(&g, allow, deny, text);
	(void)allows(&g, data + n + 1);
	memcpy(mapped + 12, data + n + 1, 4);
	if (g.n_deny == 0)
		must(allows(&g, mapped) == allows_v4(&g, mapped + 12));
	else
		must(!allows(&g, mapped) || allows_v4(&g, mapped + 12));
	must(!allows_v4(&strict, metadata));
	memcpy(mapped + 12, metadata, sizeof(metadata));
	must(!allows(&strict, mapped));
	return 0;
}
