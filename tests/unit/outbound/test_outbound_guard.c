/* Whom nobody is posted to: each block's first and last address, and the ones
 * beside it; what is carried inside another; own addresses. */
#include "lib/outbound/guard.h"

#include <check.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

static const struct {
	const char *when, *address, *allow;
	bool want;
} rows[] = {
	{ "0/8", "0.0.0.0", "", false },
	{ "0/8, last", "0.255.255.255", "", false },
	{ "behind 0/8", "1.0.0.0", "", true },
	{ "a resolver of the world", "8.8.8.8", "", true },
	{ "before 10/8", "9.255.255.255", "", true },
	{ "10/8", "10.0.0.0", "", false },
	{ "10/8, last", "10.255.255.255", "", false },
	{ "behind 10/8", "11.0.0.0", "", true },
	{ "before 100.64/10", "100.63.255.255", "", true },
	{ "100.64/10", "100.64.0.0", "", false },
	{ "a site's metadata in it", "100.100.100.200", "", false },
	{ "100.64/10, last", "100.127.255.255", "", false },
	{ "behind 100.64/10", "100.128.0.0", "", true },
	{ "before 127/8", "126.255.255.255", "", true },
	{ "127/8", "127.0.0.0", "", false },
	{ "loopback", "127.0.0.1", "", false },
	{ "127/8, last", "127.255.255.255", "", false },
	{ "behind 127/8", "128.0.0.0", "", true },
	{ "a site's host", "168.63.129.16", "", false },
	{ "beside a site's host", "168.63.129.17", "", true },
	{ "before 169.254/16", "169.253.255.255", "", true },
	{ "169.254/16", "169.254.0.0", "", false },
	{ "metadata", "169.254.169.254", "", false },
	{ "169.254/16, last", "169.254.255.255", "", false },
	{ "behind 169.254/16", "169.255.0.0", "", true },
	{ "before 172.16/12", "172.15.255.255", "", true },
	{ "172.16/12", "172.16.0.0", "", false },
	{ "172.16/12, last", "172.31.255.255", "", false },
	{ "behind 172.16/12", "172.32.0.0", "", true },
	{ "192.0.0/24", "192.0.0.1", "", false },
	{ "behind 192.0.0/24", "192.0.1.0", "", true },
	{ "192.0.2/24", "192.0.2.255", "", false },
	{ "192.88.99/24", "192.88.99.1", "", false },
	{ "before 192.168/16", "192.167.255.255", "", true },
	{ "192.168/16", "192.168.0.0", "", false },
	{ "192.168/16, last", "192.168.255.255", "", false },
	{ "behind 192.168/16", "192.169.0.0", "", true },
	{ "before 198.18/15", "198.17.255.255", "", true },
	{ "198.18/15", "198.18.0.0", "", false },
	{ "198.18/15, last", "198.19.255.255", "", false },
	{ "behind 198.18/15", "198.20.0.0", "", true },
	{ "198.51.100/24", "198.51.100.7", "", false },
	{ "203.0.113/24", "203.0.113.7", "", false },
	{ "before multicast", "223.255.255.255", "", true },
	{ "multicast", "224.0.0.1", "", false },
	{ "multicast, last", "239.255.255.255", "", false },
	{ "reserved", "240.0.0.0", "", false },
	{ "broadcast", "255.255.255.255", "", false },

	{ "nobody", "::", "", false },
	{ "IPv6 loopback", "::1", "", false },
	{ "v4-compatible loopback", "::127.0.0.1", "", false },
	{ "v4-compatible, of nobody", "::8.8.8.8", "", false },
	{ "v4-mapped loopback", "::ffff:127.0.0.1", "", false },
	{ "v4-mapped private", "::ffff:a00:1", "", false },
	{ "v4-mapped metadata", "::ffff:169.254.169.254", "", false },
	{ "v4-mapped, of the world", "::ffff:8.8.8.8", "", true },
	{ "v4-translated", "::ffff:0:127.0.0.1", "", false },
	{ "NAT64 of loopback", "64:ff9b::127.0.0.1", "", false },
	{ "NAT64 of private", "64:ff9b::c0a8:1", "", false },
	{ "NAT64 of the world", "64:ff9b::8.8.8.8", "", true },
	{ "behind NAT64", "64:ff9b::1:0:0", "", false },
	{ "a site's NAT64", "64:ff9b:1::8.8.8.8", "", false },
	{ "discard", "100::1", "", false },
	{ "segment routing", "5f00::1", "", false },
	{ "the world", "2606:4700::1111", "", true },
	{ "before Teredo", "2000:ffff::1", "", true },
	{ "Teredo, server of the world and client private",
	    "2001:0:808:808::3f57:fffe", "", false },
	{ "Teredo, server private", "2001:0:a00:1::f7f7:f7f7", "", false },
	{ "Teredo, both of the world", "2001:0:808:808::f7f7:f7f7", "", true },
	{ "benchmarks", "2001:2::1", "", false },
	{ "behind benchmarks", "2001:2:1::1", "", true },
	{ "ORCHID", "2001:10::1", "", false },
	{ "ORCHIDv2", "2001:2f:ffff::1", "", false },
	{ "documentation", "2001:db8::1", "", false },
	{ "documentation, last", "2001:db8:ffff:ffff::", "", false },
	{ "behind documentation", "2001:db9::1", "", true },
	{ "6to4 of loopback", "2002:7f00:1::", "", false },
	{ "6to4 of metadata", "2002:a9fe:a9fe::1", "", false },
	{ "6to4 of the world", "2002:808:808::1", "", true },
	{ "new documentation", "3fff::1", "", false },
	{ "behind new documentation", "3fff:1000::1", "", true },
	{ "behind global unicast", "4000::1", "", false },
	{ "ULA", "fc00::1", "", false },
	{ "ULA, metadata", "fd00:ec2::254", "", false },
	{ "link-local", "fe80::1", "", false },
	{ "link-local, last", "febf:ffff::1", "", false },
	{ "site-local", "fec0::1", "", false },
	{ "multicast, IPv6", "ff02::1", "", false },

	{ "allowed", "127.0.0.1", "127.0.0.0/8", true },
	{ "another allowed", "10.0.0.1", "127.0.0.0/8", false },
	{ "allowed by the one address", "10.0.0.1", "10.0.0.1", true },
	{ "beside the one address", "10.0.0.2", "10.0.0.1", false },
	{ "mapped is allowed as IPv4", "::ffff:10.0.0.1", "10.0.0.0/8", true },
	{ "NAT64 is not allowed as IPv4", "64:ff9b::10.0.0.1", "10.0.0.0/8",
	    false },
	{ "but as itself", "64:ff9b::10.0.0.1", "64:ff9b::/96", true },
	{ "all of IPv4 has no IPv6", "::1", "0.0.0.0/0", false },
	{ "IPv6 loopback allowed", "::1", "::1", true },
	{ "ULA allowed", "fd12::1", "fd00::/8", true },
};

START_TEST(blocks_are_blocked)
{
	struct address_list *allow = NULL;
	struct sockaddr_storage ss;
	char text[OUTBOUND_GUARD_TEXT];
	struct err err = ERR_INIT;

	ck_assert_msg(
	    address_list_parse(span_str(rows[_i].allow), &allow, &err) == 0,
	    "%s: %s", rows[_i].when, err.text);
	ck_assert_msg(
	    outbound_guard_read(rows[_i].address, &ss), "%s", rows[_i].when);
	outbound_guard_text((struct sockaddr *)&ss, text);
	ck_assert_msg(outbound_guard_allows((struct sockaddr *)&ss, allow) ==
			  rows[_i].want,
	    "%s: %s", rows[_i].when, text);
	ck_assert_msg(outbound_guard_allows_any(
			  (struct sockaddr *)&ss, allow) == rows[_i].want,
	    "%s: %s, any", rows[_i].when, text);
	address_list_free(allow);
}
END_TEST

START_TEST(a_scope_is_no_way_around)
{
	struct sockaddr_storage ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&ss;
	struct address_list *allow = NULL;
	struct err err = ERR_INIT;

	ck_assert(outbound_guard_read("2606:4700::1111", &ss));
	v6->sin6_scope_id = 2;
	ck_assert(!outbound_guard_allows((struct sockaddr *)&ss, NULL));
	ck_assert_int_eq(
	    address_list_parse(span_str("2606:4700::/32"), &allow, &err), 0);
	ck_assert(outbound_guard_allows((struct sockaddr *)&ss, allow));
	address_list_free(allow);
}
END_TEST

START_TEST(what_is_no_address_is_blocked)
{
	static const char *const texts[] = { "", "localhost", "127.1",
		"0x7f.0.0.1", "fe80::1%lo", "[::1]", "1.2.3.4:80", " 1.2.3.4" };
	struct sockaddr_storage ss;
	char text[OUTBOUND_GUARD_TEXT] = "?";
	size_t i;

	for (i = 0; i < NITEMS(texts); i++)
		ck_assert_msg(
		    !outbound_guard_read(texts[i], &ss), "%s", texts[i]);
	memset(&ss, 0, sizeof(ss));
	ss.ss_family = AF_UNIX;
	ck_assert(!outbound_guard_allows((struct sockaddr *)&ss, NULL));
	outbound_guard_text((struct sockaddr *)&ss, text);
	ck_assert_str_eq(text, "");
}
END_TEST

/* Whatever they are: where this runs most are private, and some are not. */
START_TEST(own_addresses_are_blocked)
{
	struct ifaddrs *all, *at;
	unsigned seen = 0;

	ck_assert_int_eq(getifaddrs(&all), 0);
	for (at = all; at != NULL; at = at->ifa_next) {
		if (at->ifa_addr == NULL ||
		    (at->ifa_addr->sa_family != AF_INET &&
			at->ifa_addr->sa_family != AF_INET6))
			continue;
		seen++;
		ck_assert(!outbound_guard_allows(at->ifa_addr, NULL));
	}
	freeifaddrs(all);
	ck_assert_uint_gt(seen, 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("outbound_guard");
	TCase *tc = tcase_create("outbound_guard");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, blocks_are_blocked, 0, NITEMS(rows));
	tcase_add_test(tc, a_scope_is_no_way_around);
	tcase_add_test(tc, what_is_no_address_is_blocked);
	tcase_add_test(tc, own_addresses_are_blocked);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
