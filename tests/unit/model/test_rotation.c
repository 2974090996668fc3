/*
 * What changes do to the secrets of an endpoint: each row is a story, told as
 * steps of an operator at given seconds, and the states that must follow.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/rotation.h"

#define DAY 86400
#define STEPS_MAX 8
#define SECRETS_MAX 12
#define START_MS INT64_C(1763596800000)

enum verb {
	END,
	STAGE,
	ACTIVATE, /* id */
	ROTATE,
	REVOKE, /* id */
	EXTEND, /* id */
	EXPIRE /* id */
};

struct step {
	enum verb verb;
	int64_t at_s; /* since the start */
	int64_t grace_s;
	uint64_t id;
	bool drop_oldest;
	enum err_code fails; /* ERR_NONE: it works */
};

/* The store of a story. */
struct story {
	struct secret secrets[SECRETS_MAX];
	uint64_t n;
	int64_t now_ms;
};

static int
perform(struct story *sy, const struct step *step, struct err *err)
{
	struct rotation rt;
	struct rotation_row *row;
	uint64_t dropped, i;

	sy->now_ms = START_MS + step->at_s * 1000;
	rotation_init(&rt, sy->now_ms);
	for (i = 0; i < sy->n; i++)
		if ((secret_is_live(&sy->secrets[i], sy->now_ms) ||
			sy->secrets[i].id == step->id) &&
		    rotation_load(&rt, &sy->secrets[i], err) < 0)
			return -1;
	if (step->verb == STAGE || step->verb == ROTATE) {
		row = rotation_stage(&rt);
		if (step->verb == ROTATE &&
		    rotation_activate(&rt, row, step->grace_s, err) < 0)
			return -1;
	} else {
		row = rotation_by_id(&rt, step->id);
		ck_assert_ptr_nonnull(row);
		if ((step->verb == ACTIVATE &&
			rotation_activate(&rt, row, step->grace_s, err) < 0) ||
		    (step->verb == REVOKE &&
			rotation_revoke(&rt, row, err) < 0) ||
		    (step->verb == EXTEND &&
			rotation_extend(&rt, row, step->grace_s, err) < 0) ||
		    (step->verb == EXPIRE &&
			rotation_expire(&rt, row, err) < 0))
			return -1;
	}
	if (rotation_settle(&rt, step->drop_oldest, &dropped, err) < 0)
		return -1;
	for (i = 0; i < rt.n; i++) {
		if (!rt.rows[i].changed)
			continue;
		if (rt.rows[i].secret.id == 0)
			rt.rows[i].secret.id = ++sy->n;
		ck_assert_uint_le(sy->n, SECRETS_MAX);
		sy->secrets[rt.rows[i].secret.id - 1] = rt.rows[i].secret;
	}
	return 0;
}

/* "1:previous 2:current", in the order of the ids. */
static void
describe(const struct story *sy, char *out, size_t room)
{
	size_t used = 0;
	uint64_t i;

	out[0] = '\0';
	for (i = 0; i < sy->n && used < room; i++)
		used += (size_t)snprintf(out + used, room - used, "%s%llu:%s",
		    i == 0 ? "" : " ", (unsigned long long)sy->secrets[i].id,
		    secret_state_word(
			secret_state_at(&sy->secrets[i], sy->now_ms)));
}

static const struct {
	const char *when;
	struct step steps[STEPS_MAX];
	const char *want;
} rows[] = {
	{ "the first secret is current at once", { { .verb = STAGE } },
	    "1:current" },
	{ "the second one is staged", { { .verb = STAGE }, { .verb = STAGE } },
	    "1:current 2:staged" },
	{ "activating lets the old one run on",
	    { { .verb = STAGE }, { .verb = STAGE },
		{ .verb = ACTIVATE, .id = 2, .grace_s = DAY } },
	    "1:previous 2:current" },
	{ "rotating is both in one",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY } },
	    "1:previous 2:current" },
	{ "rotating a keyless endpoint gives it its first",
	    { { .verb = ROTATE, .grace_s = DAY } }, "1:current" },
	{ "just before T (R1)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .at_s = DAY - 1, .grace_s = 5 } },
	    "1:previous 2:previous 3:current" },
	{ "at T the old one is over (R1)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .at_s = DAY, .grace_s = 5 } },
	    "1:expired 2:previous 3:current" },
	{ "behind T (R1)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .at_s = DAY + 1, .grace_s = 5 } },
	    "1:expired 2:previous 3:current" },
	{ "grace 0 ends the old one now (R8)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = 0 } },
	    "1:expired 2:current" },
	{ "grace 1 s (R8)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = 1 } },
	    "1:previous 2:current" },
	{ "grace 7 d (R8)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = 7 * DAY } },
	    "1:previous 2:current" },
	{ "grace 7 d and 1 s is refused (R8)",
	    { { .verb = STAGE }, { .verb = ROTATE,
				     .grace_s = 7 * DAY + 1,
				     .fails = ERR_INPUT } },
	    "1:current" },
	{ "a negative grace is refused",
	    { { .verb = STAGE },
		{ .verb = ROTATE, .grace_s = -1, .fails = ERR_INPUT } },
	    "1:current" },
	{ "three in one window (R5)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .at_s = 1, .grace_s = DAY } },
	    "1:previous 2:previous 3:current" },
	{ "a fourth is refused (R5)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .at_s = 1, .grace_s = DAY },
		{ .verb = ROTATE,
		    .at_s = 2,
		    .grace_s = DAY,
		    .fails = ERR_LIMIT } },
	    "1:previous 2:previous 3:current" },
	{ "a fourth with --drop-oldest ends the first (R5)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .at_s = 1, .grace_s = DAY },
		{ .verb = ROTATE,
		    .at_s = 2,
		    .grace_s = DAY,
		    .drop_oldest = true } },
	    "1:revoked 2:previous 3:previous 4:current" },
	{ "the oldest is the one that ends first",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = 7 * DAY },
		{ .verb = ROTATE, .at_s = 1, .grace_s = DAY },
		{ .verb = STAGE, .at_s = 2, .drop_oldest = true } },
	    "1:previous 2:revoked 3:current 4:staged" },
	{ "without previous ones the first staged is dropped",
	    { { .verb = STAGE }, { .verb = STAGE }, { .verb = STAGE },
		{ .verb = STAGE, .drop_oldest = true } },
	    "1:current 2:revoked 3:staged 4:staged" },
	{ "staged ones count (R5)",
	    { { .verb = STAGE }, { .verb = STAGE }, { .verb = STAGE },
		{ .verb = STAGE, .fails = ERR_LIMIT } },
	    "1:current 2:staged 3:staged" },
	{ "a fourth with grace 0 leaves three",
	    { { .verb = STAGE }, { .verb = STAGE }, { .verb = STAGE },
		{ .verb = ROTATE, .grace_s = 0 } },
	    "1:expired 2:staged 3:staged 4:current" },
	{ "expired ones do not count",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = 1 },
		{ .verb = ROTATE, .at_s = 2, .grace_s = 1 },
		{ .verb = ROTATE, .at_s = 4, .grace_s = 1 },
		{ .verb = ROTATE, .at_s = 6, .grace_s = DAY } },
	    "1:expired 2:expired 3:expired 4:previous 5:current" },
	{ "drop-oldest drops nothing that need not go",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ROTATE, .grace_s = DAY, .drop_oldest = true } },
	    "1:previous 2:previous 3:current" },
	{ "revoking a previous one",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = REVOKE, .id = 1 } },
	    "1:revoked 2:current" },
	{ "revoking the current one leaves the staged one staged",
	    { { .verb = STAGE }, { .verb = STAGE },
		{ .verb = REVOKE, .id = 1 } },
	    "1:revoked 2:staged" },
	{ "then it can be activated",
	    { { .verb = STAGE }, { .verb = STAGE }, { .verb = REVOKE, .id = 1 },
		{ .verb = ACTIVATE, .id = 2 } },
	    "1:revoked 2:current" },
	{ "revoking the only one, then a first one again",
	    { { .verb = STAGE }, { .verb = REVOKE, .id = 1 },
		{ .verb = STAGE } },
	    "1:revoked 2:current" },
	{ "revoking twice is refused",
	    { { .verb = STAGE }, { .verb = REVOKE, .id = 1 },
		{ .verb = REVOKE, .id = 1, .fails = ERR_EXISTS } },
	    "1:revoked" },
	{ "an expired one can be revoked",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = 0 },
		{ .verb = REVOKE, .at_s = 5, .id = 1 } },
	    "1:revoked 2:current" },
	{ "the current one cannot be activated",
	    { { .verb = STAGE },
		{ .verb = ACTIVATE, .id = 1, .fails = ERR_INPUT } },
	    "1:current" },
	{ "a previous one does not come back",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = ACTIVATE, .id = 1, .fails = ERR_INPUT } },
	    "1:previous 2:current" },
	{ "an end is put off (until a minute behind the day)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXTEND, .at_s = DAY - 1, .grace_s = 61, .id = 1 },
		{ .verb = STAGE, .at_s = DAY + 59 } },
	    "1:previous 2:current 3:staged" },
	{ "and comes then (R1)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXTEND, .at_s = DAY - 1, .grace_s = 61, .id = 1 },
		{ .verb = STAGE, .at_s = DAY + 60 } },
	    "1:expired 2:current 3:staged" },
	{ "what has ended does not come back (R1)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXTEND,
		    .at_s = DAY,
		    .grace_s = 1,
		    .id = 1,
		    .fails = ERR_INPUT } },
	    "1:expired 2:current" },
	{ "extending does not shorten",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXTEND,
		    .grace_s = DAY,
		    .id = 1,
		    .fails = ERR_INPUT } },
	    "1:previous 2:current" },
	{ "7 d from now is the most (R8)",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXTEND, .grace_s = 7 * DAY, .id = 1 },
		{ .verb = EXTEND,
		    .at_s = 2,
		    .grace_s = 7 * DAY + 1,
		    .id = 1,
		    .fails = ERR_INPUT } },
	    "1:previous 2:current" },
	{ "the current one is not extended",
	    { { .verb = STAGE }, { .verb = EXTEND,
				     .grace_s = DAY,
				     .id = 1,
				     .fails = ERR_INPUT } },
	    "1:current" },
	{ "a previous one can be let go early",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXPIRE, .at_s = 1, .id = 1 } },
	    "1:expired 2:current" },
	{ "but once",
	    { { .verb = STAGE }, { .verb = ROTATE, .grace_s = DAY },
		{ .verb = EXPIRE, .at_s = 1, .id = 1 },
		{ .verb = EXPIRE, .at_s = 2, .id = 1, .fails = ERR_INPUT } },
	    "1:expired 2:current" },
	{ "the current one does not expire",
	    { { .verb = STAGE },
		{ .verb = EXPIRE, .id = 1, .fails = ERR_INPUT } },
	    "1:current" },
	{ "nor a staged one",
	    { { .verb = STAGE }, { .verb = STAGE },
		{ .verb = EXPIRE, .id = 2, .fails = ERR_INPUT } },
	    "1:current 2:staged" },
	{ "nor does a revoked one",
	    { { .verb = STAGE }, { .verb = STAGE }, { .verb = REVOKE, .id = 2 },
		{ .verb = ACTIVATE, .id = 2, .fails = ERR_INPUT } },
	    "1:current 2:revoked" },
};

START_TEST(story_ends_as_told)
{
	struct story sy = { .n = 0 };
	struct err err = ERR_INIT;
	const struct step *step;
	char got[256];
	int done;

	for (step = rows[_i].steps; step->verb != END; step++) {
		done = perform(&sy, step, &err);
		ck_assert_msg((done == 0) == (step->fails == ERR_NONE),
		    "%s: step %d: %s", rows[_i].when,
		    (int)(step - rows[_i].steps), err.text);
		if (done < 0)
			ck_assert_int_eq(err.code, step->fails);
	}
	describe(&sy, got, sizeof(got));
	ck_assert_msg(strcmp(got, rows[_i].want) == 0, "%s: %s, not %s",
	    rows[_i].when, got, rows[_i].want);
}
END_TEST

/* T is set once: a later rotation neither lengthens nor shortens it. */
START_TEST(nothing_moves_an_instant)
{
	static const struct step steps[] = {
		{ .verb = STAGE },
		{ .verb = ROTATE, .grace_s = 100 },
		{ .verb = ROTATE, .at_s = 50, .grace_s = 7 * DAY },
	};
	struct story sy = { .n = 0 };
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(steps); i++)
		ck_assert_int_eq(perform(&sy, &steps[i], &err), 0);
	ck_assert_int_eq(sy.secrets[0].until_ms, START_MS + 100 * 1000);
	ck_assert_int_eq(
	    sy.secrets[1].until_ms, START_MS + (50 + 7 * DAY) * 1000);
	ck_assert_int_eq(sy.secrets[2].until_ms, 0);
}
END_TEST

START_TEST(times_are_noted)
{
	static const struct step steps[] = {
		{ .verb = STAGE, .at_s = 1 },
		{ .verb = STAGE, .at_s = 2 },
		{ .verb = ACTIVATE, .at_s = 3, .id = 2, .grace_s = 9 },
		{ .verb = REVOKE, .at_s = 4, .id = 1 },
	};
	struct story sy = { .n = 0 };
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(steps); i++)
		ck_assert_int_eq(perform(&sy, &steps[i], &err), 0);
	ck_assert_int_eq(sy.secrets[0].created_ms, START_MS + 1000);
	ck_assert_int_eq(sy.secrets[0].activated_ms, START_MS + 1000);
	ck_assert_int_eq(sy.secrets[0].revoked_ms, START_MS + 4000);
	ck_assert_int_eq(sy.secrets[1].created_ms, START_MS + 2000);
	ck_assert_int_eq(sy.secrets[1].activated_ms, START_MS + 3000);
	ck_assert_int_eq(sy.secrets[1].revoked_ms, 0);
}
END_TEST

/*
 * Whatever is asked in whatever order, there is never more than one current
 * secret and never more than three live ones; a revoked one stays so, and an
 * expired one lives no more.
 */
START_TEST(random_stories_keep_the_rules)
{
	struct story sy = { .n = 0 };
	struct err err = ERR_INIT;
	struct step step = { .verb = END };
	bool revoked[SECRETS_MAX] = { false }, expired[SECRETS_MAX] = { false };
	uint64_t i, current, live;
	unsigned seed = (unsigned)_i * 2654435761U + 1;
	int n;

	for (n = 0; n < 40 && sy.n < SECRETS_MAX; n++) {
		seed = seed * 1103515245U + 12345U;
		step.verb = (enum verb)(STAGE + (seed >> 16) % 6);
		step.at_s += (seed >> 8) % 50;
		step.grace_s = (seed >> 4) % 90;
		step.drop_oldest = (seed >> 20) % 2 == 0;
		step.id = sy.n == 0 ? 0 : 1 + (seed >> 12) % sy.n;
		if (sy.n == 0)
			step.verb = STAGE;
		(void)perform(&sy, &step, &err);
		for (i = current = live = 0; i < sy.n; i++) {
			if (sy.secrets[i].state == SECRET_CURRENT)
				current++;
			if (secret_is_live(&sy.secrets[i], sy.now_ms))
				live++;
			ck_assert(!revoked[i] ||
				  sy.secrets[i].state == SECRET_REVOKED);
			revoked[i] = sy.secrets[i].state == SECRET_REVOKED;
			ck_assert(!expired[i] ||
				  !secret_is_live(&sy.secrets[i], sy.now_ms));
			expired[i] = secret_state_at(&sy.secrets[i],
					 sy.now_ms) == SECRET_EXPIRED;
		}
		ck_assert_uint_le(current, 1);
		ck_assert_uint_le(live, SECRET_LIVE_MAX);
	}
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("rotation");
	TCase *tc = tcase_create("rotation");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, story_ends_as_told, 0, NITEMS(rows));
	tcase_add_test(tc, nothing_moves_an_instant);
	tcase_add_test(tc, times_are_noted);
	tcase_add_loop_test(tc, random_stories_keep_the_rules, 0, 200);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
