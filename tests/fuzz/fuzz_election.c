/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/auto.h"
#include "kube/election.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever a server says of the Lease, what is written next can be read again, and is ours. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct election_terms terms = ELECTION_TERMS;
	AUTO(buf) struct buf body = BUF_INIT(LIMIT_LEASE_BYTES);
	struct election_lease lease;
	struct election e;
	struct err err = {.code = ERR_NONE};

	if (election_parse(&lease, (const char *)data, size, &err) < 0) {
		if (err.code != ERR_INVALID || err.msg[0] == '\0')
			__builtin_trap();
		return 0;
	}
	if (election_init(&e, &terms, "us_1", &err) < 0)
		__builtin_trap();
	election_asked(&e, 0);
	election_read(&e, &lease, 0);
	if (election_held(&e, 0) || election_body(&body, &e, "sys", "lease", "now", &err) < 0 ||
		election_parse(&lease, body.data, body.len, &err) < 0 ||
		strcmp(lease.holder, "us_1") != 0)
		__builtin_trap();
	return 0;
}
