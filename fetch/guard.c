/* SPDX-License-Identifier: Apache-2.0 */
#include "fetch/guard.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define V4_BITS 32U
#define V6_BITS 128U
#define MAPPED_BITS 96U
#define TEXT_BYTES 64 /* of a CIDR: the longest has 49 */

struct address {
	bool v4;
	uint8_t bytes[16];
};

static bool covers(const struct cidr *c, const struct address *a)
{
	unsigned whole = c->bits / 8;
	unsigned rest = c->bits % 8;

	if (c->v4 != a->v4 || memcmp(c->bytes, a->bytes, whole) != 0)
		return false;
	return rest == 0 || (c->bytes[whole] ^ a->bytes[whole]) >> (8 - rest) == 0;
}

/* Returns the bits of the longest prefix that covers a, or -1. */
static int longest_cover(const struct cidr *list, size_t n, const struct address *a)
{
	int longest = -1;

	for (size_t i = 0; i < n; i++) {
		if (covers(&list[i], a) && (int)list[i].bits > longest)
			longest = (int)list[i].bits;
	}
	return longest;
}

static bool bits_behind(const struct cidr *c)
{
	size_t at = c->bits / 8;
	size_t n = c->v4 ? 4 : 16;

	if (at < n && (uint8_t)(c->bytes[at] << (c->bits % 8)) != 0)
		return true;
	for (at++; at < n; at++) {
		if (c->bytes[at] != 0)
			return true;
	}
	return false;
}

static int prefix_bits(unsigned *out, const char *text, unsigned most, struct err *err)
{
	char *end = NULL;
	unsigned long bits = strtoul(text, &end, 10);

	if (text[0] < '0' || text[0] > '9' || *end || bits > most)
		return err_set(err, ERR_INVALID,
			"its prefix is \"%s\", which must be a number up to %u", text, most);
	*out = (unsigned)bits;
	return 0;
}

static const struct cidr mapped = {.bits = MAPPED_BITS, .bytes = {[10] = 0xff, [11] = 0xff}};

/* A mapped v4 prefix is that v4 prefix. */
static void unmap(struct cidr *c)
{
	struct address a = {.v4 = c->v4};

	memcpy(a.bytes, c->bytes, sizeof(a.bytes));
	if (c->bits < MAPPED_BITS || !covers(&mapped, &a))
		return;
	*c = (struct cidr){.v4 = true, .bits = c->bits - MAPPED_BITS};
	memcpy(c->bytes, a.bytes + 12, 4);
}

static int parse(struct cidr *out, char *text, struct err *err)
{
	struct cidr c = {0};
	char *slash = strchr(text, '/');

	if (slash)
		*slash = '\0';
	if (inet_pton(AF_INET, text, c.bytes) == 1)
		c.v4 = true;
	else if (inet_pton(AF_INET6, text, c.bytes) != 1)
		return err_set(err, ERR_INVALID, "not an IP address with a prefix (10.0.0.0/8)");
	c.bits = c.v4 ? V4_BITS : V6_BITS;
	if (slash && prefix_bits(&c.bits, slash + 1, c.bits, err) < 0)
		return -1;
	if (bits_behind(&c))
		return err_set(err, ERR_INVALID, "has bits set behind its prefix of %u", c.bits);
	unmap(&c);
	*out = c;
	return 0;
}

int cidr_parse(struct cidr *out, const char *text, struct err *err)
{
	char copy[TEXT_BYTES] = "";
	size_t n = strnlen(text, sizeof(copy));

	if (n == sizeof(copy))
		return err_set(err, ERR_INVALID, "too long for an IP address with a prefix");
	memcpy(copy, text, n);
	return parse(out, copy, err);
}

/* Where v6 addresses carry v4 ones. */
static const struct {
	struct cidr cidr;
	size_t offset;
	uint8_t flip; /* Teredo writes it inverted */
} carriers[] = {
	{{.bits = 96, .bytes = {[10] = 0xff, [11] = 0xff}}, 12, 0},  /* ::ffff:0:0/96, mapped */
	{{.bits = 96, .bytes = {[8] = 0xff, [9] = 0xff}}, 12, 0},    /* ::ffff:0:0:0/96, SIIT */
	{{.bits = 96, .bytes = {0}}, 12, 0},                         /* ::/96, compatible */
	{{.bits = 96, .bytes = {0, 0x64, 0xff, 0x9b}}, 12, 0},       /* 64:ff9b::/96, NAT64 */
	{{.bits = 48, .bytes = {0, 0x64, 0xff, 0x9b, 0, 1}}, 12, 0}, /* 64:ff9b:1::/48 */
	{{.bits = 16, .bytes = {0x20, 0x02}}, 2, 0},                 /* 2002::/16, 6to4 */
	{{.bits = 32, .bytes = {0x20, 0x01}}, 12, 0xff},             /* 2001::/32, Teredo */
};

static void take_v4(struct address *out, const uint8_t *bytes, uint8_t flip)
{
	*out = (struct address){.v4 = true};
	for (size_t i = 0; i < 4; i++)
		out->bytes[i] = bytes[i] ^ flip;
}

/* The last 64 bits of an ISATAP address are 0000:5efe or 0200:5efe, and a v4 address. */
static bool is_isatap(const uint8_t *bytes)
{
	return (bytes[8] & 0xfd) == 0 && bytes[9] == 0 && bytes[10] == 0x5e && bytes[11] == 0xfe;
}

/* :: and ::1 lie in ::/96, and are what they are. */
static bool is_own(const struct address *a)
{
	static const uint8_t zeros[15];

	return a->v4 || (memcmp(a->bytes, zeros, sizeof(zeros)) == 0 && a->bytes[15] <= 1);
}

/* Returns the v4 address that a carries, or a where it carries none. */
static struct address innermost(const struct address *a)
{
	struct address inner = *a;

	if (is_own(a))
		return inner;
	for (size_t i = 0; i < sizeof(carriers) / sizeof(carriers[0]); i++) {
		if (covers(&carriers[i].cidr, a)) {
			take_v4(&inner, a->bytes + carriers[i].offset, carriers[i].flip);
			return inner;
		}
	}
	if (is_isatap(a->bytes))
		take_v4(&inner, a->bytes + 12, 0);
	return inner;
}

/* What no module comes from. */
static const struct {
	struct cidr cidr;
	bool loopback;
	const char *name;
} special[] = {
	{{true, 8, {0}}, false, "unspecified"},
	{{true, 8, {127}}, true, "loopback"},
	{{true, 16, {169, 254}}, false, "link-local, where clouds keep credentials"},
	{{true, 32, {100, 100, 100, 200}}, false, "metadata of a cloud"},
	{{true, 32, {192, 0, 0, 192}}, false, "metadata of a cloud"},
	{{true, 4, {224}}, false, "multicast"},
	{{true, 32, {255, 255, 255, 255}}, false, "broadcast"},
	{{true, 4, {240}}, false, "reserved"},
	{{false, 128, {0}}, false, "unspecified"},
	{{false, 128, {[15] = 1}}, true, "loopback"},
	{{false, 10, {0xfe, 0x80}}, false, "link-local"},
	{{false, 32, {0xfd, 0x00, 0x0e, 0xc2}}, false, "metadata of a cloud"},
	{{false, 128, {0xfd, 0x20, 0x00, 0xce, [14] = 0x02, [15] = 0x54}}, false,
		"metadata of a cloud"},
	{{false, 8, {0xff}}, false, "multicast"},
};

/* Returns what kind of address is refused here, or NULL. */
static const char *special_name(const struct address *a, bool allow_loopback)
{
	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
		if (covers(&special[i].cidr, a))
			return special[i].loopback && allow_loopback ? NULL : special[i].name;
	}
	return NULL;
}

static bool address_get(struct address *out, const struct sockaddr *sa)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	*out = (struct address){.v4 = sa->sa_family == AF_INET};
	if (sa->sa_family == AF_INET) {
		memcpy(&v4, sa, sizeof(v4));
		memcpy(out->bytes, &v4.sin_addr, sizeof(v4.sin_addr));
		return true;
	}
	if (sa->sa_family != AF_INET6)
		return false;
	memcpy(&v6, sa, sizeof(v6));
	memcpy(out->bytes, &v6.sin6_addr, sizeof(v6.sin6_addr));
	return true;
}

/* Returns why there is no way to a, or NULL. */
static const char *judge(const struct guard *g, const struct address *a)
{
	int allow = longest_cover(g->allow, g->n_allow, a);
	int deny = longest_cover(g->deny, g->n_deny, a);

	if (deny >= 0 && deny >= allow)
		return "denied by a CIDR";
	return allow >= 0 ? NULL : special_name(a, g->allow_loopback);
}

int guard_check(const struct guard *g, const struct sockaddr *address, struct err *err)
{
	char text[INET6_ADDRSTRLEN] = "";
	struct address a;

	if (!address_get(&a, address))
		return err_set(err, ERR_DENIED, "may connect to IP addresses only");
	struct address inner = innermost(&a);
	const char *why = judge(g, &inner);
	if (!why)
		why = judge(g, &a);
	if (!why)
		return 0;
	(void)inet_ntop(a.v4 ? AF_INET : AF_INET6, a.bytes, text, sizeof(text));
	return err_set(err, ERR_DENIED,
		"may not connect to %s (%s); an allowed CIDR that covers it would permit that",
		text, why);
}
