/*
 * test_frame_text.c: greetings and verdicts come out as they went in, and
 * nothing in them can drive a log or a terminal.
 */
#include "lib/owner/frame.h"

#include <check.h>
#include <string.h>

#include "lib/base/util.h"

static const struct frame_greeting a_greeting = { .version = "0.1.0",
	.build = "9f8e7d6",
	.role = "admin",
	.program = "eyelet-store",
	.pid = 4711,
	.started = 123456789,
	.has_sudo = true,
	.sudo_uid = 1000 };

START_TEST(a_greeting_comes_back_as_it_went)
{
	struct buf out = BUF_INIT(FRAME_TEXT_MAX);
	struct frame_greeting got;
	struct err err = ERR_INIT;

	ck_assert_int_eq(frame_put_greeting(&a_greeting, &out, &err), 0);
	ck_assert_int_eq(frame_get_greeting(buf_span(&out), &got, &err), 0);
	ck_assert_str_eq(got.version, "0.1.0");
	ck_assert_str_eq(got.build, "9f8e7d6");
	ck_assert_str_eq(got.role, "admin");
	ck_assert_str_eq(got.program, "eyelet-store");
	ck_assert_int_eq(got.pid, 4711);
	ck_assert_uint_eq(got.started, 123456789);
	ck_assert(got.has_sudo);
	ck_assert_uint_eq(got.sudo_uid, 1000);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *when, *text;
	bool taken;
} greetings[] = {
	{ "the least", "version=1\nrole=cgi\n", true },
	{ "without a last line end", "version=1\nrole=cgi", true },
	{ "what a later release adds", "version=9\nrole=cgi\nmood=good\n",
	    true },
	{ "nothing", "", false },
	{ "no version", "role=cgi\n", false },
	{ "no role", "version=1\n", false },
	{ "an empty version", "version=\nrole=cgi\n", false },
	{ "a second version", "version=1\nversion=2\nrole=cgi\n", false },
	{ "an escape", "version=\x1b[2J\nrole=cgi\n", false },
	{ "a blank", "version=1 2\nrole=cgi\n", false },
	{ "a version of 32 bytes",
	    "version=12345678901234567890123456789012\nrole=cgi\n", false },
	{ "a version of 31 bytes",
	    "version=1234567890123456789012345678901\nrole=cgi\n", true },
	{ "a second pid", "version=1\nrole=cgi\npid=1\npid=2\n", false },
	{ "a negative pid", "version=1\nrole=cgi\npid=-1\n", false },
	{ "a claim of sudo", "version=1\nrole=cgi\nsudo_uid=0\n", true },
	{ "a second claim", "version=1\nrole=cgi\nsudo_uid=0\nsudo_uid=0\n",
	    false },
	{ "a claim of no user", "version=1\nrole=cgi\nsudo_uid=4294967295\n",
	    false },
	{ "a claim that is no number", "version=1\nrole=cgi\nsudo_uid=x\n",
	    false },
	{ "a pid that no system has", "version=1\nrole=cgi\npid=4194305\n",
	    false },
};

START_TEST(a_greeting_is_read_strictly)
{
	struct frame_greeting got;
	struct err err = ERR_INIT;

	ck_assert_msg(frame_get_greeting(span_str(greetings[_i].text), &got,
			  &err) == (greetings[_i].taken ? 0 : -1),
	    "%s: %s", greetings[_i].when, err.text);
}
END_TEST

START_TEST(a_greeting_that_would_drive_a_terminal_is_not_sent)
{
	struct frame_greeting bad = a_greeting;
	struct buf out = BUF_INIT(FRAME_TEXT_MAX);
	struct err err = ERR_INIT;

	strcpy(bad.program, "a\nrole=root");
	ck_assert_int_eq(frame_put_greeting(&bad, &out, &err), -1);
	ck_assert_int_eq(err.code, ERR_USAGE);
	buf_free(&out);
}
END_TEST

static const struct {
	const char *when, *text;
	enum err_code code;
	const char *message; /* NULL: refused */
} verdicts[] = {
	{ "all well", "code=none\nmessage=\n", ERR_NONE, "" },
	{ "an error", "code=denied\nmessage=not yours\n", ERR_DENIED,
	    "not yours" },
	{ "a code of a later release", "code=tired\nmessage=x\n", ERR_IO, "x" },
	{ "no message", "code=full\n", ERR_FULL, "" },
	{ "an escape", "code=io\nmessage=a\x1b[2Jb\r\n", ERR_IO, "a?[2Jb?" },
	{ "equals signs", "code=io\nmessage=a=b=c\n", ERR_IO, "a=b=c" },
	{ "no code", "message=x\n", ERR_NONE, NULL },
	{ "nothing", "", ERR_NONE, NULL },
};

START_TEST(a_verdict_is_read_inert)
{
	struct err got = ERR_INIT, err = ERR_INIT;
	int ret = frame_get_verdict(span_str(verdicts[_i].text), &got, &err);

	ck_assert_msg(ret == (verdicts[_i].message == NULL ? -1 : 0), "%s",
	    verdicts[_i].when);
	if (ret < 0)
		return;
	ck_assert_int_eq(got.code, verdicts[_i].code);
	ck_assert_str_eq(got.text, verdicts[_i].message);
}
END_TEST

START_TEST(a_verdict_comes_back_as_it_went)
{
	struct buf out = BUF_INIT(FRAME_TEXT_MAX);
	struct err sent, got, err = ERR_INIT;

	err_set(&sent, ERR_CONFLICT, "two\nlines");
	ck_assert_int_eq(frame_put_verdict(&sent, &out, &err), 0);
	ck_assert_int_eq(frame_get_verdict(buf_span(&out), &got, &err), 0);
	ck_assert_int_eq(got.code, ERR_CONFLICT);
	ck_assert_str_eq(got.text, "two?lines");

	/* The longest words fit. */
	memset(sent.text, 'x', sizeof(sent.text) - 1);
	sent.text[sizeof(sent.text) - 1] = '\0';
	buf_clear(&out);
	ck_assert_int_eq(frame_put_verdict(&sent, &out, &err), 0);
	ck_assert_int_eq(frame_get_verdict(buf_span(&out), &got, &err), 0);
	ck_assert_str_eq(got.text, sent.text);

	/* Longer ones, from a peer that keeps to nothing, are cut. */
	buf_clear(&out);
	ck_assert_int_eq(buf_puts(&out, "code=io\nmessage=", &err), 0);
	while (out.len < FRAME_TEXT_MAX)
		ck_assert_int_eq(buf_putc(&out, 'x', &err), 0);
	ck_assert_int_eq(frame_get_verdict(buf_span(&out), &got, &err), 0);
	ck_assert_uint_eq(strlen(got.text), sizeof(got.text) - 1);
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("frame text");
	TCase *tc = tcase_create("frame text");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_test(tc, a_greeting_comes_back_as_it_went);
	tcase_add_loop_test(
	    tc, a_greeting_is_read_strictly, 0, NITEMS(greetings));
	tcase_add_test(tc, a_greeting_that_would_drive_a_terminal_is_not_sent);
	tcase_add_loop_test(tc, a_verdict_is_read_inert, 0, NITEMS(verdicts));
	tcase_add_test(tc, a_verdict_comes_back_as_it_went);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
