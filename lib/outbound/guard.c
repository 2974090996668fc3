/* guard.c: which addresses nobody is posted to. */
#include "lib/outbound/guard.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/util.h"

#define V4_BYTES 4
#define V6_BYTES 16

struct block {
	unsigned char net[V6_BYTES];
	unsigned bits;
};

static const struct block blocked_v4[] = {
	{ { 0 }, 8 }, /* "this network" */
	{ { 10 }, 8 }, /* private */
	{ { 100, 64 }, 10 }, /* CGNAT, and metadata of some sites */
	{ { 127 }, 8 }, /* loopback */
	{ { 168, 63, 129, 16 }, 32 }, /* a site's host, from within it */
	{ { 169, 254 }, 16 }, /* link-local, and metadata */
	{ { 172, 16 }, 12 }, /* private */
	{ { 192, 0, 0 }, 24 }, /* IETF protocol assignments */
	{ { 192, 0, 2 }, 24 }, /* documentation */
	{ { 192, 88, 99 }, 24 }, /* 6to4 relays */
	{ { 192, 168 }, 16 }, /* private */
	{ { 198, 18 }, 15 }, /* benchmarks */
	{ { 198, 51, 100 }, 24 }, /* documentation */
	{ { 203, 0, 113 }, 24 }, /* documentation */
	{ { 224 }, 4 }, /* multicast */
	{ { 240 }, 4 }, /* reserved, and broadcast */
};

/* Of those that are global unicast by their first bits (2000::/3). */
static const struct block blocked_v6[] = {
	{ { 0x20, 0x01, 0x00, 0x02, 0, 0 }, 48 }, /* benchmarks */
	{ { 0x20, 0x01, 0x00, 0x10 }, 28 }, /* ORCHID */
	{ { 0x20, 0x01, 0x00, 0x20 }, 28 }, /* ORCHIDv2 */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x3f, 0xff }, 20 }, /* documentation */
};

static const struct block unicast_v6 = { { 0x20 }, 3 };

/* Where an IPv4 address stands in an IPv6 one. */
static const struct {
	struct block within;
	unsigned at;
	unsigned char flip; /* its bytes are XORed with this */
} carriers[] = {
	{ { { 0, 0x64, 0xff, 0x9b }, 96 }, 12, 0 }, /* NAT64 */
	{ { { 0x20, 0x02 }, 16 }, 2, 0 }, /* 6to4 */
	{ { { 0x20, 0x01, 0, 0 }, 32 }, 4, 0 }, /* Teredo: its server */
	{ { { 0x20, 0x01, 0, 0 }, 32 }, 12, 0xff }, /* and its client */
};

static const struct block nat64 = { { 0, 0x64, 0xff, 0x9b }, 96 };
static const struct block mapped = {
	{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff }, 96
};

/* --- blocks --------------------------------------------------------------- */

static bool
within(const unsigned char *a, const struct block *b)
{
	unsigned whole = b->bits / 8, rest = b->bits % 8;

	if (memcmp(a, b->net, whole) != 0)
		return false;
	return rest == 0 || (a[whole] ^ b->net[whole]) >> (8 - rest) == 0;
}

static bool
within_any(const unsigned char *a, const struct block *blocks, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (within(a, &blocks[i]))
			return true;
	return false;
}

static bool
is_blocked_v4(const unsigned char *a)
{
	return within_any(a, blocked_v4, NITEMS(blocked_v4));
}

static bool
is_blocked_v6(const unsigned char *a)
{
	unsigned char inner[V4_BYTES];
	size_t i, k;

	if (!within(a, &unicast_v6) && !within(a, &nat64))
		return true;
	for (i = 0; i < NITEMS(carriers); i++) {
		if (!within(a, &carriers[i].within))
			continue;
		for (k = 0; k < V4_BYTES; k++)
			inner[k] = (unsigned char)(a[carriers[i].at + k] ^
						   carriers[i].flip);
		if (is_blocked_v4(inner))
			return true;
	}
	return within_any(a, blocked_v6, NITEMS(blocked_v6));
}

static const unsigned char *
bytes_v4(const struct sockaddr *sa)
{
	return (const unsigned char *)&((const struct sockaddr_in *)sa)
	    ->sin_addr;
}

static const unsigned char *
bytes_v6(const struct sockaddr *sa)
{
	return ((const struct sockaddr_in6 *)sa)->sin6_addr.s6_addr;
}

static bool
is_blocked(const struct sockaddr *sa)
{
	switch (sa->sa_family) {
	case AF_INET:
		return is_blocked_v4(bytes_v4(sa));
	case AF_INET6:
		return ((const struct sockaddr_in6 *)sa)->sin6_scope_id != 0 ||
		       is_blocked_v6(bytes_v6(sa));
	default:
		return true;
	}
}

/* --- own addresses -------------------------------------------------------- */

struct route_query {
	struct nlmsghdr head;
	struct rtmsg route;
	struct rtattr attr;
	unsigned char address[V6_BYTES];
};

static size_t
make_query(const struct sockaddr *sa, struct route_query *q)
{
	bool v4 = sa->sa_family == AF_INET;
	size_t len = v4 ? V4_BYTES : V6_BYTES;
	size_t whole = offsetof(struct route_query, address) + len;

	memset(q, 0, sizeof(*q));
	q->head.nlmsg_len = (uint32_t)whole;
	q->head.nlmsg_type = RTM_GETROUTE;
	q->head.nlmsg_flags = NLM_F_REQUEST;
	q->route.rtm_family = (unsigned char)sa->sa_family;
	q->route.rtm_dst_len = (unsigned char)(len * 8);
	q->attr.rta_type = RTA_DST;
	q->attr.rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(q->address, v4 ? bytes_v4(sa) : bytes_v6(sa), len);
	return whole;
}

/*
 * Would the kernel keep what is sent there? A list of the interfaces'
 * addresses would cost more and know less: whole blocks can be local.
 */
static bool
is_own(const struct sockaddr *sa)
{
	union {
		struct nlmsghdr head;
		struct {
			struct nlmsghdr head;
			struct rtmsg route;
		} reply;
		char room[8192];
	} u;
	struct route_query q;
	size_t len = make_query(sa, &q);
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	bool own = true;
	ssize_t n;

	if (fd < 0)
		return true;
	/* The kernel answers within send(), so that recv() never waits. */
	if (send(fd, &q, len, 0) < 0)
		goto out;
	n = recv(fd, &u, sizeof(u), MSG_DONTWAIT);
	if (n < (ssize_t)sizeof(u.reply))
		goto out;
	/* An error there is "no route": no address of ours. */
	own = u.head.nlmsg_type == RTM_NEWROUTE &&
	      u.reply.route.rtm_type == RTN_LOCAL;
out:
	close(fd);
	return own;
}

/* --- the whole ------------------------------------------------------------ */

void
outbound_guard_text(const struct sockaddr *sa, char *text)
{
	const void *bytes = NULL;

	if (sa->sa_family == AF_INET)
		bytes = bytes_v4(sa);
	if (sa->sa_family == AF_INET6)
		bytes = bytes_v6(sa);
	if (bytes == NULL ||
	    inet_ntop(sa->sa_family, bytes, text, OUTBOUND_GUARD_TEXT) == NULL)
		text[0] = '\0';
}

bool
outbound_guard_read(const char *text, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = AF_INET;
	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1)
		return true;
	out->ss_family = AF_INET6;
	return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

/* A v4-mapped address is connected to by IPv4, so that is what it is. */
static const struct sockaddr *
unmapped(const struct sockaddr *sa, struct sockaddr_storage *room)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)room;

	if (sa->sa_family != AF_INET6 || !within(bytes_v6(sa), &mapped))
		return sa;
	memset(room, 0, sizeof(*room));
	v4->sin_family = AF_INET;
	memcpy(&v4->sin_addr, bytes_v6(sa) + V6_BYTES - V4_BYTES, V4_BYTES);
	return (const struct sockaddr *)room;
}

static bool
is_listed(const struct sockaddr *sa, const struct address_list *allow)
{
	char text[OUTBOUND_GUARD_TEXT];

	if (allow == NULL)
		return false;
	outbound_guard_text(sa, text);
	return address_list_has(allow, span_str(text));
}

bool
outbound_guard_allows_any(
    const struct sockaddr *sa, const struct address_list *allow)
{
	struct sockaddr_storage room;

	sa = unmapped(sa, &room);
	return !is_blocked(sa) || is_listed(sa, allow);
}

bool
outbound_guard_allows(
    const struct sockaddr *sa, const struct address_list *allow)
{
	struct sockaddr_storage room;

	errno = 0;
	sa = unmapped(sa, &room);
	return is_listed(sa, allow) || (!is_blocked(sa) && !is_own(sa));
}
