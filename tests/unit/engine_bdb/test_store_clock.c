/*
 * test_store_clock.c: a store's clocks over opens, and what an operator
 * accepts. The test sets what the machine's clocks show.
 */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/age.h"
#include "lib/base/clock.h"
#include "lib/base/version.h"
#include "tests/stand/clock_fixture.h"

#define WAIT_TRIES 1000 /* for the keeper, 10 ms each */

static struct store_clock
look(void)
{
	struct store_clock c;

	store_clock(fx.st, &c);
	return c;
}

static void
setup(void)
{
	cf_begin(version_made_ms() + 100 * CF_DAY_MS);
	fx_setup();
}

START_TEST(a_store_ages_by_the_boot_clock)
{
	int64_t began = look().wall_ms;

	ck_assert_int_eq(store_age_ms(fx.st), 0);
	cf_pass(5000, 0);
	ck_assert_int_eq(store_age_ms(fx.st), 5000);
	cf_pass(CF_HOUR_MS, 40 * CF_DAY_MS);
	ck_assert_int_eq(look().age_ms, 5000 + CF_HOUR_MS);
	ck_assert_int_eq(
	    look().wall_ms, began + 5000 + CF_HOUR_MS + 40 * CF_DAY_MS);
	cf_pass(5000, -40 * CF_DAY_MS);
	ck_assert_int_eq(look().age_ms, 10000 + CF_HOUR_MS);
}
END_TEST

START_TEST(it_goes_on_when_it_is_opened_again)
{
	cf_pass(CF_HOUR_MS, 0);
	fx_close();
	cf_pass(2 * CF_HOUR_MS, -CF_DAY_MS);
	fx_open();
	ck_assert_int_eq(look().age_ms, 3 * CF_HOUR_MS);
	fx_close();
	cf_reboot(3 * CF_HOUR_MS + CF_DAY_MS);
	fx_open();
	ck_assert_int_eq(look().age_ms, 3 * CF_HOUR_MS + AGE_AWAY_MS);
	fx_close();
	cf_reboot(CF_HOUR_MS - CF_DAY_MS);
	fx_open();
	ck_assert_int_eq(look().age_ms, 3 * CF_HOUR_MS + AGE_AWAY_MS);
}
END_TEST

START_TEST(a_clock_set_back_revives_nothing)
{
	int64_t was = store_now_ms(fx.st);

	cf_pass(CF_HOUR_MS, 0);
	ck_assert_int_eq(store_now_ms(fx.st), was + CF_HOUR_MS);
	cf_pass(1000, -CF_DAY_MS);
	ck_assert_int_eq(look().doubt, WALL_STEPPED);
	ck_assert_int_eq(store_now_ms(fx.st), was + CF_HOUR_MS);
	fx_close();
	fx_open();
	ck_assert_int_eq(look().doubt, WALL_STEPPED);
	ck_assert_int_eq(store_now_ms(fx.st), was + CF_HOUR_MS);
	/* Nobody runs meanwhile, and it holds. */
	fx_close();
	cf_pass(WALL_HOLD_MS, 0);
	fx_open();
	ck_assert_int_eq(look().doubt, WALL_SURE);
	ck_assert_int_eq(look().floor_ms, was + CF_HOUR_MS);
	ck_assert_int_eq(store_now_ms(fx.st), was + CF_HOUR_MS);
	ck_assert_int_eq(
	    look().wall_ms, was + CF_HOUR_MS + 1000 - CF_DAY_MS + WALL_HOLD_MS);
}
END_TEST

static int
accept_clock(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct store_clock now;

	(void)result;
	if (store_tx_accept_clock(tx, arg, &now, err) < 0)
		return -1;
	ck_assert_int_eq(now.doubt, WALL_SURE);
	ck_assert_int_eq(now.floor_ms, now.wall_ms);
	return store_tx_audit(tx, "accept", "clock", SPAN_EMPTY, err);
}

START_TEST(an_operator_takes_the_floor_back)
{
	struct store_clock was;

	cf_pass(1000, 10 * 365 * CF_DAY_MS);
	ck_assert_int_eq(look().doubt, WALL_STEPPED);
	cf_pass(WALL_HOLD_MS, 0);
	ck_assert_int_eq(look().doubt, WALL_SURE);
	cf_pass(1000, -10 * 365 * CF_DAY_MS);
	fx_change(NULL, accept_clock, &was, NULL);
	ck_assert_int_eq(was.doubt, WALL_STEPPED);
	ck_assert_int_gt(was.floor_ms, was.wall_ms + 3000 * CF_DAY_MS);
	ck_assert_int_eq(look().doubt, WALL_SURE);
	ck_assert_int_eq(look().floor_ms, look().wall_ms);
	ck_assert_int_eq(look().doubted_ms, 0);
	fx_close();
	fx_open();
	ck_assert_int_eq(look().floor_ms, look().wall_ms);
}
END_TEST

static int
accept_and_fail(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	if (accept_clock(tx, arg, result, err) < 0)
		return -1;
	return err_set(err, ERR_CONFLICT, "no");
}

START_TEST(what_failed_is_not_accepted)
{
	static const unsigned char id[STORE_REQUEST_ID] = { 1 };
	struct buf result = BUF_INIT(64);
	struct store_clock was;

	cf_pass(1000, CF_HOUR_MS);
	ck_assert_int_eq(store_change(fx.st, &fx_actor, id, accept_and_fail,
			     &was, &result, &fx.err),
	    -1);
	ck_assert_int_eq(look().doubt, WALL_STEPPED);
	buf_free(&result);
}
END_TEST

/* A checkpoint, so that a process that dies here leaves it behind. */
START_TEST(a_doubt_is_saved_at_once)
{
	struct store_status status;
	int tries;

	cf_pass(CF_HOUR_MS, CF_HOUR_MS);
	for (tries = 0; tries < WAIT_TRIES; tries++) {
		ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
		if (status.last_checkpoint_ms > status.opened_ms)
			break;
		usleep(10000);
	}
	ck_assert_int_lt(tries, WAIT_TRIES);
}
END_TEST

/* --- words ---------------------------------------------------------------- */

START_TEST(words_say_what_is_wrong)
{
	struct store_clock c = { .doubt = WALL_SURE };
	char words[STORE_CLOCK_WORDS_MAX];

	store_clock_words(&c, words);
	ck_assert_str_eq(words, "is right");
	c.doubt = WALL_STEPPED;
	c.step_ms = -CF_DAY_MS;
	c.wall_ms = 1764547200000;
	c.left_ms = 540 * 1000;
	store_clock_words(&c, words);
	ck_assert_str_eq(words,
	    "was set back by 1d, to 2025-12-01T00:00:00.000Z; it is in doubt "
	    "until it has held for 9m");
	c.doubt = WALL_BEHIND;
	c.floor_ms = c.wall_ms + 3600 * 1000;
	store_clock_words(&c, words);
	ck_assert_str_eq(words,
	    "shows 2025-12-01T00:00:00.000Z after a new start of the machine, "
	    "before 2025-12-01T01:00:00.000Z when it was last sure; it is in "
	    "doubt until it has held for 9m");
	c.doubt = WALL_AHEAD;
	store_clock_words(&c, words);
	ck_assert_ptr_nonnull(strstr(words, "more than a day after"));
	c.doubt = WALL_EARLY;
	store_clock_words(&c, words);
	ck_assert_ptr_nonnull(strstr(words, "before this program was made"));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store_clock");
	TCase *tc = tcase_create("store_clock");
	SRunner *sr;
	int failed;

	tcase_add_checked_fixture(tc, setup, fx_teardown);
	tcase_add_test(tc, a_store_ages_by_the_boot_clock);
	tcase_add_test(tc, it_goes_on_when_it_is_opened_again);
	tcase_add_test(tc, a_clock_set_back_revives_nothing);
	tcase_add_test(tc, an_operator_takes_the_floor_back);
	tcase_add_test(tc, what_failed_is_not_accepted);
	tcase_add_test(tc, a_doubt_is_saved_at_once);
	tcase_add_test(tc, words_say_what_is_wrong);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
