/* test_rate.c: at most so many a second, of one thing and of each client. */
#include "lib/base/rate.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/util.h"
#include "lib/receive/address_rate.h"

#define NOW INT64_C(1000000) /* ms */

START_TEST(a_second_holds_so_many)
{
	struct rate r = { 0 };
	int i;

	for (i = 0; i < 5; i++)
		ck_assert_msg(rate_take(&r, 5, NOW), "%d of 5", i);
	ck_assert(!rate_take(&r, 5, NOW));
	ck_assert_int_eq(rate_wait_ms(&r, 5, NOW), 200);
	ck_assert(!rate_take(&r, 5, NOW + 199));
	ck_assert(rate_take(&r, 5, NOW + 200));
	ck_assert(!rate_take(&r, 5, NOW + 200));
	ck_assert_int_eq(rate_wait_ms(&r, 5, NOW + 2000), 0);
}
END_TEST

static const int64_t rates[] = { 1, 2, 3, 6, 7, 11, 99, 128, 1001, 300007,
	1000000 };

START_TEST(a_burst_is_a_whole_second)
{
	int64_t per_s = rates[_i], n = 0;
	struct rate r = { 0 };

	while (n <= per_s && rate_take(&r, per_s, NOW))
		n++;
	ck_assert_int_eq(n, per_s);
	ck_assert_int_gt(rate_wait_ms(&r, per_s, NOW), 0);
	ck_assert(rate_take(&r, per_s, NOW + rate_wait_ms(&r, per_s, NOW)));
}
END_TEST

START_TEST(a_clock_set_back_closes_no_door)
{
	struct rate r = { 0 };

	ck_assert(rate_take(&r, 1, NOW));
	ck_assert(!rate_take(&r, 1, NOW));
	ck_assert(rate_take(&r, 1, NOW - 5000));
}
END_TEST

/* --- of each client ------------------------------------------------------- */

static struct address_rate *
table(int64_t per_s, size_t nbuckets)
{
	struct address_rate *t = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    address_rate_make(per_s, nbuckets, &t, &err) == 0, "%s", err.text);
	return t;
}

static bool
take(struct address_rate *t, const char *address, int64_t now_ms)
{
	struct err err = ERR_INIT;
	bool taken = false;

	ck_assert_msg(
	    address_rate_take(t, span_str(address), now_ms, &taken, &err) == 0,
	    "%s", err.text);
	return taken;
}

static const struct {
	const char *when, *first, *second;
	bool is_same;
} clients[] = {
	{ "an address and itself", "192.0.2.1", "192.0.2.1", true },
	{ "neighbours", "192.0.2.1", "192.0.2.2", false },
	{ "IPv4 mapped into IPv6", "192.0.2.1", "::ffff:192.0.2.1", true },
	{ "mapped, in hex", "::ffff:c000:201", "192.0.2.1", true },
	{ "mapped neighbours", "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ "IPv4 in the last bits only", "192.0.2.1", "::c000:201", false },
	{ "one /64", "2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true },
	{ "one /64, written otherwise", "2001:DB8:0:0:1::", "2001:db8::2",
	    true },
	{ "two /64 of one /63", "2001:db8:0:0::1", "2001:db8:0:1::1", false },
	{ "two /64 of one /32", "2001:db8::1", "2001:db8:ffff::1", false },
	{ "the loopback addresses", "127.0.0.1", "::1", false },
	{ "what is no address", "", "unix:/run/x", true },
	{ "an address and none", "::", "nowhere", false },
};

START_TEST(clients_are_told_apart)
{
	struct address_rate *t = table(1, ADDRESS_RATE_BUCKETS);

	ck_assert(take(t, clients[_i].first, NOW));
	ck_assert_msg(take(t, clients[_i].second, NOW) == !clients[_i].is_same,
	    "%s", clients[_i].when);
	address_rate_free(t);
}
END_TEST

START_TEST(a_client_may_come_again)
{
	struct address_rate *t = table(2, ADDRESS_RATE_BUCKETS);

	ck_assert(take(t, "192.0.2.1", NOW));
	ck_assert(take(t, "192.0.2.1", NOW));
	ck_assert(!take(t, "192.0.2.1", NOW));
	ck_assert(!take(t, "192.0.2.1", NOW + 499));
	ck_assert(take(t, "192.0.2.1", NOW + 500));
	address_rate_free(t);
	address_rate_free(NULL);
}
END_TEST

static const char *
numbered(char out[64], unsigned i)
{
	snprintf(out, 64, "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	return out;
}

START_TEST(a_bucket_is_shared_and_a_rate_is_not)
{
	struct address_rate *t = table(3, 1);
	char address[64];
	unsigned i, k;

	for (k = 0; k < 4; k++)
		for (i = 0; i < ADDRESS_RATE_PLACES; i++)
			ck_assert_msg(
			    take(t, numbered(address, i), NOW) == (k < 3),
			    "%u of %s", k, address);
	address_rate_free(t);
}
END_TEST

/* The ninth takes the place of the one that used least. */
START_TEST(a_new_client_takes_the_idlest_place)
{
	struct address_rate *t = table(3, 1);
	char address[64];
	unsigned i, k;

	for (i = 0; i < ADDRESS_RATE_PLACES; i++)
		for (k = 0; k < (i == 4 ? 1 : 3); k++)
			ck_assert(take(t, numbered(address, i), NOW));
	ck_assert(take(t, "192.0.2.1", NOW));
	for (i = 0; i < ADDRESS_RATE_PLACES; i++)
		if (i != 4)
			ck_assert_msg(!take(t, numbered(address, i), NOW),
			    "%s lost its place", address);
	ck_assert(take(t, "192.0.2.1", NOW));
	ck_assert(take(t, "192.0.2.1", NOW));
	ck_assert(!take(t, "192.0.2.1", NOW));
	/* Now all are at their limit: a stranger is let through, uncounted. */
	for (i = 0; i < 5; i++)
		ck_assert(take(t, "192.0.2.2", NOW));
	for (i = 0; i < ADDRESS_RATE_PLACES; i++)
		if (i != 4)
			ck_assert(!take(t, numbered(address, i), NOW));
	ck_assert(!take(t, "192.0.2.1", NOW));
	/* And has a place as soon as one of them is no longer. */
	ck_assert(take(t, "192.0.2.2", NOW + 1000));
	ck_assert(take(t, "192.0.2.2", NOW + 1000));
	ck_assert(take(t, "192.0.2.2", NOW + 1000));
	ck_assert(!take(t, "192.0.2.2", NOW + 1000));
	address_rate_free(t);
}
END_TEST

/* From a /48 there are as many clients as the table has places, and more. */
START_TEST(a_flood_of_others_frees_nobody)
{
	struct address_rate *t = table(10, ADDRESS_RATE_BUCKETS);
	char address[64];
	unsigned i;

	for (i = 0; i < 10; i++)
		ck_assert(take(t, "192.0.2.1", NOW));
	for (i = 0; i < 65536; i++) {
		snprintf(address, sizeof(address), "2001:db8:1:%x::%x", i, i);
		ck_assert_msg(take(t, address, NOW), "%s", address);
		if (i % 1024 == 0)
			ck_assert_msg(!take(t, "192.0.2.1", NOW),
			    "free after %u others", i + 1);
	}
	ck_assert(!take(t, "192.0.2.1", NOW));
	ck_assert(take(t, "192.0.2.2", NOW));
	address_rate_free(t);
}
END_TEST

/* Where the slots were FNV-1a of the text, modulo 4096. */
static unsigned
fnv_slot(const char *address)
{
	uint32_t hash = 2166136261U;

	for (; *address != '\0'; address++)
		hash = (hash ^ (unsigned char)*address) * 16777619U;
	return hash % 4096;
}

/* A stranger cannot choose an address that shuts a known sender out. */
START_TEST(nobody_chooses_whose_rate_he_uses_up)
{
	static const char sender[] = "198.51.100.7";
	struct address_rate *t = table(1, ADDRESS_RATE_BUCKETS);
	unsigned i, n = 0, slot = fnv_slot(sender);
	char address[64];

	for (i = 0; n < 20; i++)
		if (fnv_slot(numbered(address, i)) == slot) {
			take(t, address, NOW);
			n++;
		}
	ck_assert_msg(
	    take(t, sender, NOW), "%s and %s share a rate", sender, address);
	address_rate_free(t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rate");
	TCase *tc = tcase_create("rate");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_second_holds_so_many);
	tcase_add_loop_test(
	    tc, a_burst_is_a_whole_second, 0, (int)NITEMS(rates));
	tcase_add_test(tc, a_clock_set_back_closes_no_door);
	tcase_add_loop_test(
	    tc, clients_are_told_apart, 0, (int)NITEMS(clients));
	tcase_add_test(tc, a_client_may_come_again);
	tcase_add_test(tc, a_bucket_is_shared_and_a_rate_is_not);
	tcase_add_test(tc, a_new_client_takes_the_idlest_place);
	tcase_add_test(tc, a_flood_of_others_frees_nobody);
	tcase_add_test(tc, nobody_chooses_whose_rate_he_uses_up);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
