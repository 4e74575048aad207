/* SPDX-License-Identifier: Apache-2.0 */
#include "base/host.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 253
#define LABEL_MAX 63
#define LABEL_CHARACTERS             \
	"abcdefghijklmnopqrstuvwxyz" \
	"ABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789-_"

bool host_is_name(const char *host, size_t n)
{
	if (n == 0 || n > HOST_MAX)
		return false;
	for (size_t at = 0; at <= n;) {
		size_t label = at < n ? strspn(host + at, LABEL_CHARACTERS) : 0;

		label = label < n - at ? label : n - at;
		if (label == 0 || label > LABEL_MAX || host[at] == '-' ||
			host[at + label - 1] == '-')
			return false;
		at += label;
		if (at < n && host[at] != '.')
			return false;
		at++;
	}
	return true;
}

bool host_read_ipv6(struct in6_addr *out, const char *host, size_t n)
{
	char text[INET6_ADDRSTRLEN];

	if (n < 4 || n - 2 >= sizeof(text) || host[0] != '[' || host[n - 1] != ']')
		return false;
	memcpy(text, host + 1, n - 2);
	text[n - 2] = '\0';
	return inet_pton(AF_INET6, text, out) == 1;
}
