/* What a failure says: codes of system errors, words, the order of wraps. */
#include "lib/base/err.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

/* The words are on the wire and in JSON: they may be added to, not changed. */
static const struct {
	enum err_code code;
	const char *word;
} words[] = {
	{ ERR_NONE, "none" },
	{ ERR_USAGE, "usage" },
	{ ERR_INPUT, "input" },
	{ ERR_CONFIG, "config" },
	{ ERR_NOTFOUND, "not-found" },
	{ ERR_EXISTS, "exists" },
	{ ERR_CONFLICT, "conflict" },
	{ ERR_DENIED, "denied" },
	{ ERR_HELD, "held" },
	{ ERR_LIMIT, "limit" },
	{ ERR_IO, "io" },
	{ ERR_FULL, "full" },
	{ ERR_NOMEM, "no-memory" },
	{ ERR_CRYPTO, "crypto" },
	{ ERR_CORRUPT, "corrupt" },
	{ ERR_VERSION, "version" },
	{ ERR_AWAY, "away" },
	{ ERR_TIMEOUT, "timeout" },
	{ ERR_CLOCK, "clock" },
};

START_TEST(word_names_code_both_ways)
{
	ck_assert_str_eq(err_word(words[_i].code), words[_i].word);
	ck_assert_msg(err_from_word(words[_i].word) == words[_i].code, "%s",
	    words[_i].word);
}
END_TEST

START_TEST(unknown_word_is_io)
{
	static const char *const unknown[] = { "", "nonsense", "Not-Found",
		"not-found ", "not", "timeouts" };
	size_t i;

	for (i = 0; i < NITEMS(unknown); i++)
		ck_assert_msg(
		    err_from_word(unknown[i]) == ERR_IO, "%s", unknown[i]);
	/* The table above lists them all: behind its last code is none. */
	ck_assert_str_eq(err_word((enum err_code)(ERR_CLOCK + 1)), "io");
	ck_assert_uint_eq(NITEMS(words), ERR_CLOCK + 1);
}
END_TEST

static const struct {
	int errnum;
	enum err_code want;
	const char *text; /* the words are those of the C library */
} system_errors[] = {
	{ ENOSPC, ERR_FULL, "put event: No space left on device" },
	{ EDQUOT, ERR_FULL, "put event: Disk quota exceeded" },
	{ EFBIG, ERR_FULL, "put event: File too large" },
	{ ENOMEM, ERR_NOMEM, "put event: Cannot allocate memory" },
	{ EMFILE, ERR_NOMEM, "put event: Too many open files" },
	{ ENFILE, ERR_NOMEM, "put event: Too many open files in system" },
	{ EACCES, ERR_DENIED, "put event: Permission denied" },
	{ EPERM, ERR_DENIED, "put event: Operation not permitted" },
	{ ENOENT, ERR_NOTFOUND, "put event: No such file or directory" },
	{ EIO, ERR_IO, "put event: Input/output error" },
	{ EROFS, ERR_IO, "put event: Read-only file system" },
	{ ETIMEDOUT, ERR_IO, "put event: Connection timed out" },
	{ 99999, ERR_IO, "put event: Unknown error 99999" },
};

START_TEST(system_error_gives_code_and_words)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    err_errno(&err, system_errors[_i].errnum, "put %s", "event"), -1);
	ck_assert_str_eq(err.text, system_errors[_i].text);
	ck_assert_int_eq(err.code, system_errors[_i].want);
}
END_TEST

START_TEST(a_limit_of_the_process_is_named)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(err_limit(&err, EAGAIN, "start %s", "x"), -1);
	ck_assert_str_eq(err.text,
	    "start x: Resource temporarily unavailable: raise the limit of "
	    "memory (\"ulimit -v\"; LimitAS= and MemoryMax= in a unit of "
	    "systemd) or of processes (\"ulimit -u\"; TasksMax=)");
	ck_assert_int_eq(err.code, ERR_NOMEM);
	/* Another cause has another cure. */
	ck_assert_int_eq(err_limit(&err, EACCES, "start %s", "x"), -1);
	ck_assert_str_eq(err.text, "start x: Permission denied");
	ck_assert_int_eq(err.code, ERR_DENIED);
}
END_TEST

START_TEST(wrap_puts_the_caller_first)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(err_set(&err, ERR_LIMIT, "%d is above %d", 5, 4), -1);
	ck_assert_str_eq(err.text, "5 is above 4");
	ck_assert_int_eq(err_wrap(&err, "put %s", "event"), -1);
	ck_assert_int_eq(err_wrap(&err, "add evt_%d", 1), -1);
	ck_assert_str_eq(err.text, "add evt_1: put event: 5 is above 4");
	ck_assert_int_eq(err.code, ERR_LIMIT);
	/* A later failure starts anew. */
	ck_assert_int_eq(err_set(&err, ERR_AWAY, "gone"), -1);
	ck_assert_str_eq(err.text, "gone");
	ck_assert_int_eq(err.code, ERR_AWAY);
}
END_TEST

START_TEST(long_text_is_cut)
{
	struct {
		struct err err;
		char behind;
	} in = { ERR_INIT, 'x' };
	char word[1000], want[sizeof(in.err.text)];
	size_t max = sizeof(want) - 1;

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	memset(want, 'a', max);
	want[max] = '\0';
	err_set(&in.err, ERR_IO, "%s", word);
	ck_assert_str_eq(in.err.text, want);
	err_errno(&in.err, EIO, "%s", word);
	ck_assert_str_eq(in.err.text, want);
	/* What the caller was doing stays, the cause's end goes. */
	err_wrap(&in.err, "open");
	memcpy(want, "open: ", 6);
	ck_assert_str_eq(in.err.text, want);
	err_wrap(&in.err, "%s", word);
	memset(want, 'a', 6);
	ck_assert_str_eq(in.err.text, want);
	ck_assert_int_eq(in.behind, 'x');
	ck_assert_int_eq(in.err.code, ERR_IO);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("err");
	TCase *tc = tcase_create("err");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, word_names_code_both_ways, 0, NITEMS(words));
	tcase_add_test(tc, unknown_word_is_io);
	tcase_add_loop_test(
	    tc, system_error_gives_code_and_words, 0, NITEMS(system_errors));
	tcase_add_test(tc, a_limit_of_the_process_is_named);
	tcase_add_test(tc, wrap_puts_the_caller_first);
	tcase_add_test(tc, long_text_is_cut);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
