/*
 * test_store_rekey.c: another key. All or nothing is sealed with it, whatever
 * stands in the folder of the keys when a store is opened after a crash; and
 * nothing needs the key before it any more.
 */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/crypto/seal.h"

#define SECRET "s3cret-s3cret-s3cret"

static void
rekey(const char *id)
{
	struct buf result = BUF_INIT(1024);

	ck_assert_msg(store_rekey(fx.st, &fx_actor, (const unsigned char *)id,
			  &result, &fx.err) == 0,
	    "%s", fx.err.text);
	ck_assert(span_starts(buf_span(&result), "{\"key\":\""));
	buf_free(&result);
}

/* Runs a script in the fixture's folder, with the key file as $K. */
static void
in_folder(const char *script)
{
	char command[1024];

	snprintf(command, sizeof(command), "set -e; cd %s; K=%s; %s", fx.folder,
	    fx.key_file, script);
	ck_assert_msg(system(command) == 0, "%s", command);
}

static void
all_is_there(void)
{
	ck_assert_msg(store_secrets(fx.st, NULL, 0, fx_plain_is,
			  (void *)(uintptr_t)SECRET, &fx.err) == 0,
	    "%s", fx.err.text);
	ck_assert_uint_eq(fx_events(), 1);
	ck_assert_uint_eq(fx_problems(), 0);
}

START_TEST(nothing_needs_the_key_before)
{
	static const unsigned char id[STORE_REQUEST_ID] = "0123456789abcde";
	unsigned char before[SECRET_FINGERPRINT], after[SECRET_FINGERPRINT];
	struct adding ad = { "orders", SECRET, 0, 0, 0 };
	struct buf result = BUF_INIT(64);
	struct err err = ERR_INIT;

	fx_change(id, fx_add_endpoint, &ad, NULL);
	fx.endpoint_id = ad.endpoint_id;
	fx.generation = ad.generation;
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(
	    store_fingerprint(fx.st, span_str(SECRET), before, &err), 0);
	in_folder("cp $K before");
	rekey("0123456789abcdeX");
	in_folder("! cmp -s $K before && test ! -e $K.new");
	ck_assert_int_eq(
	    store_fingerprint(fx.st, span_str(SECRET), after, &err), 0);
	ck_assert(memcmp(before, after, sizeof(after)) != 0);
	all_is_there();
	fx_close();
	fx_open();
	all_is_there();
	/* What is kept of requests, too: this one was done. */
	fx_change(id, fx_add_endpoint, &ad, &result);
	ck_assert(span_is(buf_span(&result), "orders"));
	buf_free(&result);
}
END_TEST

static int
find_fingerprint(void *arg, const struct secret *s, struct err *err)
{
	unsigned char want[SECRET_FINGERPRINT];

	ck_assert_int_eq(
	    store_fingerprint(fx.st, span_str(SECRET), want, err), 0);
	if (memcmp(want, s->fingerprint, sizeof(want)) == 0)
		++*(int *)arg;
	return 0;
}

/* Else a value that was revoked could come back as a new one. */
START_TEST(equal_values_are_still_found)
{
	int n = 0;

	fx_added("orders", SECRET);
	rekey("0123456789abcdeX");
	ck_assert_int_eq(
	    store_secrets(fx.st, NULL, 0, find_fingerprint, &n, &fx.err), 0);
	ck_assert_int_eq(n, 1);
}
END_TEST

/* What a crash can leave behind, put together from copies of both states. */
static const struct {
	const char *when, *script;
	bool opens, is_new;
} crashes[] = {
	{ "the key is not whole yet",
	    "cp -a old/. store; cp old.key $K; head -c 9 new.key >$K.new; "
	    "chmod 600 $K.new",
	    true, false },
	{ "the key is there, and nothing is changed",
	    "cp -a old/. store; cp old.key $K; cp new.key $K.new", true,
	    false },
	{ "all is changed, and the key stands beside",
	    "cp -a new/. store; cp old.key $K; cp new.key $K.new", true, true },
	{ "all is done", "cp -a new/. store; cp new.key $K", true, true },
	{ "the new key is lost", "cp -a new/. store; cp old.key $K", false,
	    true },
	{ "another key stands beside",
	    "cp -a new/. store; cp old.key $K; cp old.key $K.new", false,
	    true },
};

START_TEST(a_crash_leaves_one_of_two)
{
	struct store *st = NULL;
	char script[256];

	fx_added("orders", SECRET);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	fx_close();
	in_folder("cp -a store old; cp -p $K old.key");
	fx_open();
	rekey("0123456789abcdeX");
	fx_close();
	in_folder("cp -a store new; cp -p $K new.key; rm -r store/*");
	in_folder(crashes[_i].script);
	if (!crashes[_i].opens) {
		ck_assert_int_eq(store_open(&fx.opt, &st, &fx.err), -1);
		ck_assert_int_eq(fx.err.code, ERR_CONFIG);
		ck_assert_ptr_nonnull(strstr(fx.err.text, "from its backup"));
		in_folder("cp new.key $K; rm -f $K.new");
	}
	fx_open();
	all_is_there();
	snprintf(script, sizeof(script), "test ! -e $K.new && cmp $K %s.key",
	    crashes[_i].is_new ? "new" : "old");
	in_folder(script);
	/* What is sealed from now on is sealed with the right one. */
	fx_added("late", SECRET);
	fx_close();
	fx_open();
	all_is_there();
	/* And it can be changed again. */
	rekey("0123456789abcdeY");
	fx_close();
	fx_open();
	all_is_there();
}
END_TEST

/* Snapshot and logs are from before; what is rebuilt from them is not. */
START_TEST(a_rebuild_ends_with_the_new_key)
{
	fx_close();
	fx.opt.log_keep_max = (uint64_t)_i;
	fx_open();
	fx_added("orders", SECRET);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	fx_close();
	fx_open();
	rekey("0123456789abcdeX");
	fx_close();
	in_folder("touch store/damaged");
	fx_open();
	in_folder("test -d store/db.damaged");
	all_is_there();
}
END_TEST

static atomic_bool stop;
static atomic_int wrong;

static void *
read_on(void *arg)
{
	struct err err = ERR_INIT;

	while (!atomic_load(&stop))
		if (store_secrets(fx.st, NULL, 0, fx_plain_is, arg, &err) < 0)
			atomic_fetch_add(&wrong, 1);
	return NULL;
}

START_TEST(readers_and_writers_notice_nothing)
{
	pthread_t thread;
	char id[32];
	int i;

	fx_added("orders", SECRET);
	ck_assert_int_eq(
	    pthread_create(&thread, NULL, read_on, (void *)(uintptr_t)SECRET),
	    0);
	for (i = 0; i < SEAL_KEYS_MAX - 1; i++) {
		snprintf(id, sizeof(id), "request %08d", i);
		rekey(id);
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(fx_accept(id, "{}"), STORE_ACCEPTED);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	ck_assert_int_eq(atomic_load(&wrong), 0);
	/* One process knows so many keys and no more. */
	ck_assert_int_eq(store_rekey(fx.st, &fx_actor,
			     (const unsigned char *)"one too many ...",
			     &(struct buf)BUF_INIT(64), &fx.err),
	    -1);
	ck_assert_int_eq(fx.err.code, ERR_LIMIT);
	fx_close();
	fx_open();
	rekey("0123456789abcdeX");
	ck_assert_uint_eq(fx_events(), SEAL_KEYS_MAX - 1);
}
END_TEST

/* A call whose answer was lost, sent again to the next owner. */
START_TEST(a_repeat_changes_nothing)
{
	fx_added("orders", SECRET);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
	rekey("0123456789abcdeX");
	fx_close();
	in_folder("cp $K new.key");
	fx_open();
	rekey("0123456789abcdeX");
	in_folder("cmp $K new.key && test ! -e $K.new");
	fx_close();
	fx_open();
	all_is_there();
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_rekey");
	TCase *tc = tcase_create("rekey");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, nothing_needs_the_key_before);
	tcase_add_test(tc, equal_values_are_still_found);
	tcase_add_loop_test(tc, a_crash_leaves_one_of_two, 0,
	    (int)(sizeof(crashes) / sizeof(crashes[0])));
	/* With a snapshot after each little, and with logs alone. */
	tcase_add_loop_test(tc, a_rebuild_ends_with_the_new_key, 1, 2);
	tcase_add_loop_test(
	    tc, a_rebuild_ends_with_the_new_key, 1 << 20, (1 << 20) + 1);
	tcase_add_test(tc, readers_and_writers_notice_nothing);
	tcase_add_test(tc, a_repeat_changes_nothing);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
