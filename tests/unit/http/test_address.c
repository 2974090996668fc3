/* Addresses, blocks, and who is in them. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/http/address.h"

#define A48 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *when, *list, *address;
	bool want;
} rows[] = {
	{ "single", "192.0.2.7", "192.0.2.7", true },
	{ "single, another", "192.0.2.7", "192.0.2.8", false },
	{ "first of a block", "10.0.0.0/8", "10.0.0.0", true },
	{ "last of a block", "10.0.0.0/8", "10.255.255.255", true },
	{ "behind a block", "10.0.0.0/8", "11.0.0.0", false },
	{ "before a block", "10.0.0.0/8", "9.255.255.255", false },
	{ "odd prefix, in", "192.0.2.128/25", "192.0.2.129", true },
	{ "odd prefix, out", "192.0.2.128/25", "192.0.2.127", false },
	{ "prefix 31", "192.0.2.6/31", "192.0.2.7", true },
	{ "prefix 32", "192.0.2.6/32", "192.0.2.7", false },
	{ "all of IPv4", "0.0.0.0/0", "203.0.113.9", true },
	{ "all of IPv4 has no IPv6", "0.0.0.0/0", "2001:db8::1", false },
	{ "all of IPv6 has no IPv4", "::/0", "203.0.113.9", false },
	{ "all of IPv6", "::/0", "2001:db8::1", true },
	{ "IPv6 block", "2001:db8::/32", "2001:db8:ffff::1", true },
	{ "IPv6 block, out", "2001:db8::/32", "2001:db9::1", false },
	{ "IPv6 spelled otherwise", "2001:db8::1", "2001:0DB8:0:0::0001",
	    true },
	{ "mapped is IPv4", "192.0.2.7", "::ffff:192.0.2.7", true },
	{ "mapped in hex is IPv4", "192.0.2.0/24", "::ffff:c000:0207", true },
	{ "mapped block is an IPv4 block", "::ffff:10.0.0.0/104", "10.1.2.3",
	    true },
	{ "later item", "192.0.2.7, 2001:db8::/32,198.51.100.1", "198.51.100.1",
	    true },
	{ "blanks divide", "192.0.2.7 198.51.100.1", "198.51.100.1", true },
	{ "empty list", "", "127.0.0.1", false },
	{ "no address", "0.0.0.0/0", "localhost", false },
	{ "nothing", "0.0.0.0/0", "", false },
	{ "address with a port", "0.0.0.0/0", "192.0.2.7:80", false },
	{ "short form", "0.0.0.0/0", "127.1", false },
	{ "octal form", "0.0.0.0/0", "010.0.0.1", false },
	{ "blank behind", "0.0.0.0/0", "192.0.2.7 ", false },
	{ "scoped", "::/0", "fe80::1%eth0", false },
};

START_TEST(list_has)
{
	struct err err = ERR_INIT;
	struct address_list *list = NULL;

	ck_assert_msg(
	    address_list_parse(span_str(rows[_i].list), &list, &err) == 0,
	    "%s: %s", rows[_i].when, err.text);
	ck_assert_msg(
	    address_list_has(list, span_str(rows[_i].address)) == rows[_i].want,
	    "%s", rows[_i].when);
	address_list_free(list);
}
END_TEST

static const struct {
	const char *when, *list, *says;
} refused[] = {
	{ "no address", "192.0.2.7, example.org", "\"example.org\"" },
	{ "prefix too long", "10.0.0.0/33", "\"10.0.0.0/33\"" },
	{ "IPv6 prefix too long", "::/129", "::/129" },
	{ "no prefix behind the slash", "10.0.0.0/", "\"10.0.0.0/\"" },
	{ "negative prefix", "10.0.0.0/-1", "/-1" },
	{ "netmask", "10.0.0.0/255.0.0.0", "behind the \"/\"" },
	{ "bits behind the prefix", "10.0.0.1/8", "prefix of 8" },
	{ "IPv6 bits behind the prefix", "2001:db8::1/32", "prefix of 32" },
	{ "escape byte", "\033[2J", "\\x1b[2J" },
	{ "very long", A48 "aaaaaaa", "\"" A48 "\": it must" },
	{ "mapped block of less than IPv4", "::ffff:0.0.0.0/95", "prefix" },
};

START_TEST(list_is_refused)
{
	struct err err = ERR_INIT;
	struct address_list *list = NULL;

	ck_assert_msg(
	    address_list_parse(span_str(refused[_i].list), &list, &err) == -1,
	    "%s", refused[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_ptr_null(list);
	ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "%s: %s",
	    refused[_i].when, err.text);
}
END_TEST

static const struct {
	const char *address;
	bool want;
} loopback[] = {
	{ "127.0.0.1", true },
	{ "127.255.255.254", true },
	{ "::1", true },
	{ "::ffff:127.0.0.1", true },
	{ "128.0.0.1", false },
	{ "126.255.255.255", false },
	{ "::2", false },
	{ "::7f00:1", false },
	{ "0.0.0.0", false },
	{ "", false },
	{ "localhost", false },
};

START_TEST(loopback_is_known)
{
	ck_assert_msg(address_is_loopback(span_str(loopback[_i].address)) ==
			  loopback[_i].want,
	    "%s", loopback[_i].address);
}
END_TEST

START_TEST(nul_ends_nothing)
{
	struct err err = ERR_INIT;
	struct address_list *list = NULL;

	ck_assert(!address_is_loopback(span_of("127.0.0.1\0", 10)));
	ck_assert_int_eq(
	    address_list_parse(span_of("127.0.0.1\0/8", 12), &list, &err), -1);
	ck_assert(!address_list_has(NULL, span_str("127.0.0.1")));
	address_list_free(NULL);
}
END_TEST

START_TEST(list_has_a_limit)
{
	struct err err = ERR_INIT;
	struct address_list *list = NULL;
	struct buf text = BUF_INIT(65536);
	int i;

	for (i = 0; i < 1024; i++)
		ck_assert_int_eq(buf_puts(&text, "::1,", &err), 0);
	ck_assert_int_eq(address_list_parse(buf_span(&text), &list, &err), 0);
	address_list_free(list);
	ck_assert_int_eq(buf_puts(&text, "::1", &err), 0);
	ck_assert_int_eq(address_list_parse(buf_span(&text), &list, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	buf_free(&text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("address");
	TCase *tc = tcase_create("address");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, list_has, 0, NITEMS(rows));
	tcase_add_loop_test(tc, list_is_refused, 0, NITEMS(refused));
	tcase_add_loop_test(tc, loopback_is_known, 0, NITEMS(loopback));
	tcase_add_test(tc, nul_ends_nothing);
	tcase_add_test(tc, list_has_a_limit);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
