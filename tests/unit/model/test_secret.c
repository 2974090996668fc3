/* The states of a secret over time (rule R1: T-1, T, T+1). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/secret.h"

#define T INT64_C(1763596800000)

static const struct {
	const char *when;
	enum secret_state stored;
	int64_t now_ms;
	enum secret_state want;
	bool live;
	const char *word;
} rows[] = {
	{ "staged before T", SECRET_STAGED, T - 1, SECRET_STAGED, true,
	    "staged" },
	{ "staged behind T", SECRET_STAGED, T + 1, SECRET_STAGED, true,
	    "staged" },
	{ "current before T", SECRET_CURRENT, T - 1, SECRET_CURRENT, true,
	    "current" },
	{ "current at T", SECRET_CURRENT, T, SECRET_CURRENT, true, "current" },
	{ "current behind T", SECRET_CURRENT, T + 1, SECRET_CURRENT, true,
	    "current" },
	{ "previous just before T", SECRET_PREVIOUS, T - 1, SECRET_PREVIOUS,
	    true, "previous" },
	{ "previous at T is refused", SECRET_PREVIOUS, T, SECRET_EXPIRED, false,
	    "expired" },
	{ "previous behind T", SECRET_PREVIOUS, T + 1, SECRET_EXPIRED, false,
	    "expired" },
	{ "previous in 2106", SECRET_PREVIOUS, INT64_C(4294967296000),
	    SECRET_EXPIRED, false, "expired" },
	{ "previous in 1970", SECRET_PREVIOUS, 0, SECRET_PREVIOUS, true,
	    "previous" },
	{ "revoked before T", SECRET_REVOKED, T - 1, SECRET_REVOKED, false,
	    "revoked" },
	{ "revoked behind T", SECRET_REVOKED, T + 1, SECRET_REVOKED, false,
	    "revoked" },
	{ "a state nobody set", 0, T, 0, false, "unknown" },
};

START_TEST(state_follows_time)
{
	struct secret s = { .state = rows[_i].stored, .until_ms = T };

	ck_assert_msg(secret_state_at(&s, rows[_i].now_ms) == rows[_i].want,
	    "%s", rows[_i].when);
	ck_assert_msg(secret_is_live(&s, rows[_i].now_ms) == rows[_i].live,
	    "%s", rows[_i].when);
	ck_assert_str_eq(secret_state_word(rows[_i].want), rows[_i].word);
}
END_TEST

static const struct {
	const char *text;
	uint64_t want; /* 0: refused */
} ids[] = {
	{ "sec_1", 1 },
	{ "sec_18446744073709551615", UINT64_MAX },
	{ "sec_18446744073709551616", 0 },
	{ "sec_0", 0 },
	{ "sec_", 0 },
	{ "sec_-1", 0 },
	{ "sec_1x", 0 },
	{ "77", 0 },
	{ "whsec_c2VjcmV0", 0 },
	{ "SEC_1", 0 },
	{ "", 0 },
};

START_TEST(id_is_read)
{
	struct err err = ERR_INIT;
	uint64_t id = 77;

	if (ids[_i].want != 0) {
		ck_assert_int_eq(
		    secret_id_parse(span_str(ids[_i].text), &id, &err), 0);
		ck_assert_msg(id == ids[_i].want, "%s", ids[_i].text);
		return;
	}
	ck_assert_msg(secret_id_parse(span_str(ids[_i].text), &id, &err) == -1,
	    "%s", ids[_i].text);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_uint_eq(id, 77);
	/* What was typed instead of an id may be a secret. */
	if (strlen(ids[_i].text) > 4)
		ck_assert_ptr_null(strstr(err.text, ids[_i].text));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("secret");
	TCase *tc = tcase_create("secret");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, state_follows_time, 0, NITEMS(rows));
	tcase_add_loop_test(tc, id_is_read, 0, NITEMS(ids));
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
