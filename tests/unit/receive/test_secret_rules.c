/*
 * The rules of rotation over the whole of eyelet but its programs, under a
 * clock of the test's own: a real store, changes by ops, requests by receive.
 * R1 at the instant a secret ends, R5 how many there may be, R7 clocks that
 * jump, R8 how long a grace may be, R10 no secret in clear. R2 and R8 again
 * are in admin_takes_effect.sh, R3 and R4 in secret_rotates_under_load.py, R5
 * and R8 in test_rotation.c, R6 in secret_verbs_killed.py, R9 in test_store.c.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/util.h"
#include "lib/receive/receive.h"
#include "lib/scheme/sign.h"
#include "tests/stand/ops_stand.h"

#define START_MS INT64_C(1767225600000) /* 2026-01-01 */
#define SECOND INT64_C(1000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define YEAR (365 * DAY)

/* --- the clock ------------------------------------------------------------ */

static _Atomic int64_t wall_ms; /* 0: the real one */
static _Atomic int64_t boot_ms;

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t ms = atomic_load(&wall_ms);

	if ((clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME) || ms == 0)
		return __real_clock_gettime(clock, ts);
	if (clock == CLOCK_BOOTTIME)
		ms = atomic_load(&boot_ms);
	ts->tv_sec = (time_t)(ms / 1000);
	ts->tv_nsec = (long)(ms % 1000) * 1000000;
	return 0;
}

/* This release is older than all that the rows do. */
long long __wrap_version_made_ms(void);

long long
__wrap_version_made_ms(void)
{
	return START_MS - 100 * YEAR;
}

/* Somebody sets the wall clock. */
static void
jump(int64_t ms)
{
	atomic_store(&wall_ms, ms);
}

/* Time passes, until then. */
static void
at(int64_t ms)
{
	atomic_fetch_add(&boot_ms, ms - atomic_load(&wall_ms));
	atomic_store(&wall_ms, ms);
}

/* --- requests ------------------------------------------------------------- */

static struct receive *rc;
static unsigned serial;

static void
setup(void)
{
	struct receive_options opt = { .mount = "/hooks", .body_max = 4096 };
	struct err err = ERR_INIT;

	jump(START_MS);
	atomic_store(&boot_ms, DAY);
	stand_open();
	ck_assert_int_eq(
	    receive_open(&opt, stand_store(), stand_registry(), &rc, &err), 0);
}

static void
teardown(void)
{
	receive_close(rc);
	stand_close();
}

struct post {
	struct receive_call call;
	atomic_bool done;
};

static void
on_done(struct receive_call *call)
{
	struct post *p = call->arg;

	atomic_store(&p->done, true);
}

/* "Name: value" out of sign.h's lines, as a web server hands it over. */
static void
put_headers(char *lines, struct header *headers, size_t *n)
{
	char *line, *next, *colon, *c;

	for (line = lines; *line != '\0'; line = next) {
		next = strchr(line, '\n') + 1;
		next[-1] = '\0';
		colon = strchr(line, ':');
		for (c = line; c < colon; c++)
			if (*c >= 'A' && *c <= 'Z')
				*c = (char)(*c - 'A' + 'a');
		headers[*n].name = span_of(line, (size_t)(colon - line));
		headers[*n].value = span_str(colon + 2);
		++*n;
	}
}

/* The status of a new event, signed with the secret of this letter. */
static int
status_of(char letter)
{
	const struct scheme *sc = scheme_set_find(stand_schemes(), "github");
	struct post p = { .call = { .done = on_done } };
	struct request *rq = &p.call.request;
	char body[64], id[32], secret[64], lines[2048];
	struct sign_input in = { .method = span_str("POST"),
		.type = span_str("push") };
	struct buf out = BUF_INIT(sizeof(lines) - 1);
	struct header headers[8];
	struct scheme_key *key;
	struct err err = ERR_INIT;
	int64_t body_max;

	snprintf(id, sizeof(id), "evt_%u", ++serial);
	snprintf(body, sizeof(body), "{\"n\":%u}", serial);
	snprintf(secret, sizeof(secret), STAND_SECRET, letter);
	in.id = span_str(id);
	in.body = rq->body = span_str(body);
	ck_assert_int_eq(scheme_key_make(sc, span_str(secret), &key, &err), 0);
	ck_assert_msg(
	    sign_headers(sc, &key, 1, &in, &out, &err) == 0, "%s", err.text);
	memcpy(lines, out.ptr, out.len);
	lines[out.len] = '\0';
	put_headers(lines, headers, &rq->nheaders);
	rq->method = span_str("POST");
	rq->path = span_str("/hooks/shop");
	rq->peer = span_str("127.0.0.1");
	rq->headers = headers;
	rq->content_length = (int64_t)rq->body.len;
	rq->now_ms = atomic_load(&wall_ms);
	p.call.arg = &p;
	if (receive_begin(rc, &p.call, &body_max) == 0 &&
	    receive_body(rc, &p.call) == 0)
		while (!atomic_load(&p.done))
			;
	scheme_key_free(key);
	buf_free(&out);
	return p.call.reply.status;
}

#define OP(name) "{\"op\":\"" name "\",\"endpoint\":\"shop\""
#define ADD OP("endpoint.add") ",\"settings\":{\"scheme\":\"github\"},"
#define SECRET(letter) "\"secret_b64\":\"@" letter "@\""

/* The statuses of several letters at once: "A200 B401". */
static void
expect(const char *when, const char *want)
{
	char got[64] = "";
	size_t i, used = 0;

	for (i = 0; i < strlen(want); i += 5)
		used += (size_t)snprintf(got + used, sizeof(got) - used,
		    "%s%c%d", i == 0 ? "" : " ", want[i], status_of(want[i]));
	ck_assert_msg(
	    strcmp(got, want) == 0, "%s: %s, not %s", when, got, want);
}

static void
refused(const char *call, enum err_code code, const char *word)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(stand_ask(call, &an, &err) == -1, "%s", call);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.text, word) != NULL, "%s", err.text);
	stand_free(&an);
}

/* --- the rules ------------------------------------------------------------ */

/* Two previous ones with ends of their own, and the current one. */
START_TEST(R1_a_secret_ends_at_its_instant)
{
	stand_do(ADD SECRET("A") "}");
	stand_do(OP("secret.rotate") "," SECRET("B") ",\"grace_s\":100}");
	at(START_MS + 50 * SECOND);
	stand_do(OP("secret.rotate") "," SECRET("C") ",\"grace_s\":100}");
	at(START_MS + 100 * SECOND - 1);
	expect("T - 1 of the first", "A200 B200 C200");
	at(START_MS + 100 * SECOND);
	expect("T of the first", "A401 B200 C200");
	at(START_MS + 100 * SECOND + 1);
	expect("T + 1 of the first", "A401 B200 C200");
	at(START_MS + 150 * SECOND - 1);
	expect("T - 1 of the second", "A401 B200 C200");
	at(START_MS + 150 * SECOND);
	expect("T of the second", "A401 B401 C200");
	at(START_MS + 150 * SECOND + 1);
	expect("T + 1 of the second", "A401 B401 C200");
	at(START_MS + 10 * YEAR);
	expect("the current one has no end", "A401 B401 C200");
}
END_TEST

START_TEST(R1_what_is_extended_ends_later)
{
	stand_do(ADD SECRET("A") "}");
	stand_do(OP("secret.rotate") "," SECRET("B") ",\"grace_s\":100}");
	at(START_MS + 100 * SECOND - 1);
	stand_do(OP("secret.extend") ",\"grace_s\":10}");
	at(START_MS + 100 * SECOND);
	expect("behind the old end", "A200 B200");
	at(START_MS + 110 * SECOND - 2);
	expect("before the new one", "A200 B200");
	at(START_MS + 110 * SECOND - 1);
	expect("at the new one", "A401 B200");
	refused(
	    OP("secret.extend") ",\"secret\":\"sec_1\"}", ERR_INPUT, "expired");
	expect("for good", "A401 B200");
}
END_TEST

START_TEST(R1_what_is_expired_ends_now)
{
	stand_do(ADD SECRET("A") "}");
	stand_do(OP("secret.rotate") "," SECRET("B") "}");
	at(START_MS + SECOND);
	expect("within the grace", "A200 B200");
	stand_do(OP("secret.expire") "}");
	expect("in the same millisecond", "A401 B200");
}
END_TEST

START_TEST(R5_each_window_keeps_its_own_end)
{
	stand_do(ADD SECRET("A") "}");
	stand_do(OP("secret.rotate") "," SECRET("B") ",\"grace_s\":100}");
	stand_do(OP("secret.rotate") "," SECRET("C") ",\"grace_s\":200}");
	refused(OP("secret.rotate") "," SECRET("D") "}", ERR_LIMIT,
	    "--drop-oldest");
	expect("three, and no fourth", "A200 B200 C200 D401");
	stand_do(OP("secret.rotate") "," SECRET(
	    "D") ",\"grace_s\":300,\"drop_oldest\":true}");
	expect("the first made way", "A401 B200 C200 D200");
	at(START_MS + 200 * SECOND - 1);
	expect("the second is as it was", "B200 C200 D200");
	at(START_MS + 200 * SECOND);
	expect("and ends when it did", "B401 C200 D200");
	at(START_MS + 300 * SECOND);
	expect("so does the third", "B401 C401 D200");
}
END_TEST

/* How far the clock jumps, once a day's grace has begun an hour ago. */
static const struct {
	const char *when;
	int64_t to_ms;
	const char *want; /* A: previous, B: current, C: staged, D: revoked */
} jumps[] = {
	{ "back 10 y", START_MS - 10 * YEAR, "A200 B200 C200 D401" },
	{ "back 1 d", START_MS - DAY, "A200 B200 C200 D401" },
	{ "back 1 h", START_MS, "A200 B200 C200 D401" },
	{ "back 1 s", START_MS + HOUR - SECOND, "A200 B200 C200 D401" },
	{ "on 1 s", START_MS + HOUR + SECOND, "A200 B200 C200 D401" },
	{ "on 1 h", START_MS + 2 * HOUR, "A200 B200 C200 D401" },
	{ "on 1 d", START_MS + HOUR + DAY, "A503 B200 C200 D401" },
	{ "on 10 y", START_MS + 10 * YEAR, "A503 B200 C200 D401" },
	{ "1970", 1, "A200 B200 C200 D401" },
	{ "2038", INT64_C(2147483648) * SECOND, "A503 B200 C200 D401" },
	{ "2106", INT64_C(4294967296) * SECOND, "A503 B200 C200 D401" },
};

START_TEST(R7_a_clock_that_jumps_revives_nothing)
{
	const char *when = jumps[_i].when;

	stand_do(ADD SECRET("D") "}");
	stand_do(OP("secret.revoke") ",\"secret\":\"sec_1\",\"replace\":"
				     "true," SECRET("A") "}");
	stand_do(OP("secret.rotate") "," SECRET("B") ",\"grace_s\":86400}");
	stand_do(OP("secret.stage") "," SECRET("C") "}");
	at(START_MS + HOUR);
	expect("before the jump", "A200 B200 C200 D401");
	jump(jumps[_i].to_ms);
	expect(when, jumps[_i].want);
	/* A moment of another time ends no grace. */
	jump(START_MS + HOUR);
	expect("set right again", "A200 B200 C200 D401");
	/* What has ended once stays so, wherever the clock goes then. */
	at(START_MS + 2 * DAY);
	expect("past the end", "A401 B200 C200 D401");
	at(START_MS + 2 * DAY + HOUR);
	expect("and the clock is sure", "A401 B200 C200 D401");
	jump(jumps[_i].to_ms);
	expect("and jumped again", "A401 B200 C200 D401");
	jump(1);
	expect("and to 1970", "A401 B200 C200 D401");
}
END_TEST

static const struct {
	const char *grace;
	int64_t ms; /* -1: refused */
} graces[] = {
	{ "0", 0 },
	{ "1", SECOND },
	{ "604800", 7 * DAY },
	{ "604801", -1 },
};

START_TEST(R8_a_grace_is_as_long_as_it_says)
{
	char call[256];

	stand_do(ADD SECRET("A") "}");
	snprintf(call, sizeof(call),
	    OP("secret.rotate") "," SECRET("B") ",\"grace_s\":%s}",
	    graces[_i].grace);
	if (graces[_i].ms < 0) {
		refused(call, ERR_USAGE, "604800");
		expect("nothing changed", "A200 B401");
		return;
	}
	stand_do(call);
	if (graces[_i].ms > 0) {
		at(START_MS + graces[_i].ms - 1);
		expect("T - 1", "A200 B200");
	}
	at(START_MS + graces[_i].ms);
	expect("T", "A401 B200");
}
END_TEST

/* Live, expired or revoked: the log of the database has all that was put. */
START_TEST(R10_no_secret_stands_in_clear)
{
	char command[256];

	stand_do(ADD SECRET("A") "}");
	stand_do(OP("secret.rotate") "," SECRET("B") ",\"grace_s\":0}");
	stand_do(OP("secret.stage") "," SECRET("C") "}");
	stand_do(OP("secret.revoke") ",\"secret\":\"sec_2\"}");
	expect("each has been used", "A401 B401 C200");
	snprintf(command, sizeof(command), "grep -rqF " CANARY " %s",
	    stand_folder());
	ck_assert_int_ne(system(command), 0);
	snprintf(command, sizeof(command), "grep -rqF shop %s",
	    stand_folder()); /* it would have been found */
	ck_assert_int_eq(system(command), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("secret_rules");
	TCase *tc = tcase_create("rules");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, R1_a_secret_ends_at_its_instant);
	tcase_add_test(tc, R1_what_is_extended_ends_later);
	tcase_add_test(tc, R1_what_is_expired_ends_now);
	tcase_add_test(tc, R5_each_window_keeps_its_own_end);
	tcase_add_loop_test(
	    tc, R7_a_clock_that_jumps_revives_nothing, 0, NITEMS(jumps));
	tcase_add_loop_test(
	    tc, R8_a_grace_is_as_long_as_it_says, 0, NITEMS(graces));
	tcase_add_test(tc, R10_no_secret_stands_in_clear);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
