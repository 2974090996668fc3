/*
 * A secret that the provider sends to the endpoint itself, under a clock of the
 * test's own: when the window runs out, what a stranger gets who sends one, and
 * an activation that is cut off. tests/admin/secret_in_band.py shows the
 * programs.
 */
#include <check.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/crypto/hmac.h"
#include "lib/ops/delivery_part.h"
#include "lib/receive/receive.h"
#include "tests/stand/ops_stand.h"

#define START_MS INT64_C(1767225600000) /* 2026-01-01 */
#define MINUTE INT64_C(60000)

/* --- what is wrapped ------------------------------------------------------ */

static _Atomic int64_t wall_ms;
static int changes_left; /* parts of a call that work; -1: all */

int __real_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
long long __wrap_version_made_ms(void);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	int64_t ms = atomic_load(&wall_ms);

	if (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME)
		return __real_clock_gettime(clock, ts);
	if (clock == CLOCK_BOOTTIME)
		ms -= START_MS - MINUTE; /* no clock is in doubt */
	ts->tv_sec = (time_t)(ms / 1000);
	ts->tv_nsec = (long)(ms % 1000) * 1000000;
	return 0;
}

/* This release is older than all that the rows do. */
long long
__wrap_version_made_ms(void)
{
	return START_MS / 2;
}

typedef int
change_fn(struct store_tx *tx, void *arg, struct buf *result, struct err *err);

int __real_op_change_part(const struct op_call *call,
    const unsigned char *request_id, uint64_t destination_id, uint64_t part,
    change_fn *change, void *arg, struct buf *result, struct err *err);
int __wrap_op_change_part(const struct op_call *call,
    const unsigned char *request_id, uint64_t destination_id, uint64_t part,
    change_fn *change, void *arg, struct buf *result, struct err *err);

int
__wrap_op_change_part(const struct op_call *call,
    const unsigned char *request_id, uint64_t destination_id, uint64_t part,
    change_fn *change, void *arg, struct buf *result, struct err *err)
{
	if (changes_left == 0)
		return err_set(err, ERR_IO, "the owner was killed");
	if (changes_left > 0)
		changes_left--;
	return __real_op_change_part(
	    call, request_id, destination_id, part, change, arg, result, err);
}

/* --- requests ------------------------------------------------------------- */

#define OP(name) "{\"op\":\"" name "\",\"endpoint\":\"shop\""
#define ADD(more)                                                            \
	OP("endpoint.add")                                                   \
	",\"settings\":{\"scheme\":\"notion\"" more "},\"expect_secret_s\":" \
	"600}"
#define EXPECT OP("endpoint.edit") ",\"settings\":{},\"expect_secret_s\":600}"

static struct receive *rc;

static void
setup(void)
{
	struct receive_options opt = { .mount = "/hooks", .body_max = 1 << 20 };
	struct err err = ERR_INIT;

	atomic_store(&wall_ms, START_MS);
	changes_left = -1;
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

/* Letter '\0': unsigned. */
static void
post(struct post *p, char letter, struct span body)
{
	struct request *rq = &p->call.request;
	unsigned char mac[HASH_SIZE_MAX];
	struct buf hex = BUF_INIT(128);
	struct header header;
	struct hmac_key *key;
	struct err err = ERR_INIT;
	char secret[64];
	int64_t body_max;

	memset(p, 0, sizeof(*p));
	p->call.done = on_done;
	p->call.arg = p;
	rq->method = span_str("POST");
	rq->path = span_str("/hooks/shop");
	rq->peer = span_str("127.0.0.1");
	rq->body = body;
	rq->content_length = (int64_t)body.len;
	rq->now_ms = atomic_load(&wall_ms);
	if (letter != '\0') {
		snprintf(secret, sizeof(secret), STAND_SECRET, letter);
		ck_assert_int_eq(
		    hmac_key_make(HASH_SHA256, span_str(secret), &key, &err),
		    0);
		ck_assert_int_eq(hmac_parts(key, &body, 1, mac, &err), 0);
		ck_assert_int_eq(buf_puts(&hex, "sha256=", &err), 0);
		ck_assert_int_eq(
		    encode_put(ENCODING_HEX, span_of(mac, 32), &hex, &err), 0);
		hmac_key_free(key);
		header.name = span_str("x-notion-signature");
		header.value = buf_span(&hex);
		rq->headers = &header;
		rq->nheaders = 1;
	}
	if (receive_begin(rc, &p->call, &body_max) == 0 &&
	    receive_body(rc, &p->call) == 0)
		while (!atomic_load(&p->done))
			;
	rq->headers = NULL;
	buf_free(&hex);
}

/* The outcome of an event: "accepted", "held", ... */
static void
event(char letter, const char *body, const char *want)
{
	char word[64];
	struct post p;

	post(&p, letter, span_str(body));
	snprintf(word, sizeof(word), "verdict=%s ", want);
	ck_assert_msg(strstr(p.call.reply.log, word) != NULL, "%s: %s", body,
	    p.call.reply.log);
}

static int
token(char letter)
{
	char body[128], secret[64];
	struct post p;

	snprintf(secret, sizeof(secret), STAND_SECRET, letter);
	snprintf(body, sizeof(body), "{\"verification_token\":\"%s\"}", secret);
	post(&p, '\0', span_str(body));
	ck_assert_msg(
	    strstr(p.call.reply.log, secret) == NULL, "%s", p.call.reply.log);
	return p.call.reply.status;
}

/* How many rows a call gives. */
static size_t
rows(const char *call)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(
	    stand_ask(call, &an, &err) == 0, "%s: %s", call, err.text);
	stand_free(&an);
	return an.n;
}

#define HELD() rows(OP("event.list") ",\"status\":\"held\"}")
#define EVENTS() rows(OP("event.list") "}")

static void
last_has(const char *call, const char *pointer, const char *want)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(
	    stand_ask(call, &an, &err) == 0, "%s: %s", call, err.text);
	ck_assert_msg(stand_has(an.last, pointer, want), "%s: %.*s", pointer,
	    (int)an.last.len, (const char *)an.last.ptr);
	stand_free(&an);
}

static void
refused(const char *call, enum err_code code, const char *words)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(stand_ask(call, &an, &err) == -1, "%s", call);
	ck_assert_int_eq(err.code, code);
	ck_assert_msg(strstr(err.text, words) != NULL, "%s", err.text);
	stand_free(&an);
}

/* --- the window ----------------------------------------------------------- */

static const struct {
	int64_t ms; /* from its begin */
	int status;
} instants[] = {
	{ 0, 200 },
	{ 10 * MINUTE - 1, 200 },
	{ 10 * MINUTE, 503 },
	{ 10 * MINUTE + 1, 503 },
	{ 1440 * MINUTE, 503 },
};

START_TEST(the_window_runs_out_by_itself)
{
	bool in_time = instants[_i].status == 200;

	stand_do(ADD(""));
	atomic_store(&wall_ms, START_MS + instants[_i].ms);
	last_has(OP("endpoint.show") "}", "/expects_secret_until",
	    in_time ? "\"2026-01-01T00:10:00.000Z\"" : "null");
	ck_assert_int_eq(token('A'), instants[_i].status);
	ck_assert_uint_eq(rows(OP("secret.show") "}") > 0, in_time);
	/* A clock that is set back a little opens no window again. */
	if (!in_time) {
		atomic_fetch_sub(&wall_ms, MINUTE);
		ck_assert_int_eq(token('A'), instants[_i].ms <= 10 * MINUTE + 1
						 ? 503
						 : instants[_i].status);
	}
}
END_TEST

/* Anybody may post them while it is open. */
static const char *const strange[] = {
	"",
	"no JSON",
	"{",
	"\x1f\x8b",
	"[]",
	"{\"verification_token\":\"\"}",
	"{\"verification_token\":{}}",
	"{\"verification_token\":null}",
	"{\"verification_token\":\"a\",\"verification_token\":\"b\"}",
};

START_TEST(what_is_no_secret_leaves_it_open)
{
	struct post p;

	stand_do(ADD(""));
	post(&p, '\0', span_str(strange[_i]));
	ck_assert_msg(p.call.reply.status == 503, "%s: %s", strange[_i],
	    p.call.reply.log);
	ck_assert_int_eq(token('A'), 200);
	ck_assert_uint_eq(rows(OP("secret.show") "}"), 1);
}
END_TEST

START_TEST(a_secret_that_is_too_long_leaves_it_open)
{
	static char body[3 * SECRET_BYTES_MAX];
	static const char head[] = "{\"verification_token\":\"";
	struct post p;

	stand_do(ADD(""));
	memset(body, 'a', sizeof(body));
	memcpy(body, head, sizeof(head) - 1);
	memcpy(body + sizeof(body) - 2, "\"}", 2);
	post(&p, '\0', span_of(body, sizeof(body)));
	ck_assert_msg(p.call.reply.status == 400, "%s", p.call.reply.log);
	ck_assert_int_eq(token('A'), 200);
}
END_TEST

#define PAGE(id, more) "{\"id\":\"" id "\",\"type\":\"page.created\"" more "}"

/* --- sent again ----------------------------------------------------------- */

/* The answer was lost, so the provider sends it again. */
START_TEST(the_same_secret_gets_the_same_answer)
{
	stand_do(ADD(""));
	ck_assert_int_eq(token('A'), 200);
	ck_assert_int_eq(token('A'), 200);
	ck_assert_int_eq(token('B'), 401);
	stand_do(OP("secret.activate") "}");
	ck_assert_int_eq(token('A'), 200);
	stand_do(EXPECT);
	ck_assert_int_eq(token('A'), 200); /* and the window stays open */
	ck_assert_uint_eq(rows(OP("secret.show") "}"), 1);
	ck_assert_int_eq(token('B'), 200);
	ck_assert_int_eq(token('A'), 200);
	ck_assert_int_eq(token('C'), 401);
	ck_assert_uint_eq(rows(OP("secret.show") "}"), 2);
	/* A is previous now, until its grace ends. */
	stand_do(OP("secret.activate") ",\"secret\":\"sec_2\",\"grace_s\":60}");
	ck_assert_int_eq(token('A'), 200);
	atomic_fetch_add(&wall_ms, MINUTE);
	ck_assert_int_eq(token('A'), 401);
	ck_assert_int_eq(token('B'), 200);
	event('B', PAGE("e1", ""), "accepted");
}
END_TEST

START_TEST(no_other_secret_is_answered)
{
	stand_do(ADD(",\"events\":\"*\""));
	ck_assert_int_eq(token('A'), 200);
	stand_do(OP("secret.rotate") ",\"secret_b64\":\"@C@\"}");
	/* An operator's: it was never sent here. */
	ck_assert_int_eq(token('C'), 401);
	ck_assert_int_eq(token('A'), 200);
	stand_do(OP("secret.revoke") ",\"secret\":\"sec_1\"}");
	ck_assert_int_eq(token('A'), 401);
}
END_TEST

/* --- of a stranger -------------------------------------------------------- */

/* A repeat that the endpoint would deliver waits for its secret, too. */
START_TEST(nothing_of_it_is_delivered)
{
	stand_do(ADD(",\"on_held\":\"deliver\""));
	ck_assert_int_eq(token('A'), 200);
	stand_do(OP("secret.activate") "}");
	event('A', PAGE("e1", ""), "accepted");
	event('A', PAGE("e1", ",\"again\":1"), "accepted");
	ck_assert_uint_eq(EVENTS(), 2);
	stand_do(EXPECT);
	ck_assert_int_eq(token('B'), 200);
	event('B', PAGE("e2", ""), "held");
	event('B', PAGE("e1", ",\"of\":\"a stranger\""), "held");
	ck_assert_uint_eq(EVENTS(), 2);
	ck_assert_uint_eq(HELD(), 2);
	stand_do(OP("secret.activate") ",\"secret\":\"sec_2\"}");
	ck_assert_uint_eq(EVENTS(), 4);
	ck_assert_uint_eq(HELD(), 0);
}
END_TEST

START_TEST(it_takes_no_place_unseen)
{
	stand_do(ADD(""));
	ck_assert_int_eq(token('A'), 200);
	stand_do(OP("secret.activate") "}");
	stand_do(EXPECT);
	ck_assert_int_eq(token('B'), 200);
	refused(OP("secret.revoke") ",\"secret\":\"sec_1\",\"replace\":true}",
	    ERR_CONFLICT, "sec_2 was sent to the endpoint itself");
	event('A', PAGE("e1", ""), "accepted");
	event('B', PAGE("e2", ""), "held");
	stand_do(OP("secret.activate") ",\"grace_s\":0}");
	event('B', PAGE("e3", ""), "accepted");
	event('A', PAGE("e4", ""), "signature");
}
END_TEST

/* It was faster than the provider, and has made use of that. */
START_TEST(it_keeps_no_provider_out)
{
	stand_do(ADD(""));
	ck_assert_int_eq(token('B'), 200);
	event('B', PAGE("e1", ""), "held");
	ck_assert_int_eq(token('A'), 401);
	stand_do(OP("secret.revoke") ",\"secret\":\"sec_1\"}");
	stand_do(EXPECT);
	ck_assert_int_eq(token('B'), 400); /* and the window stays open */
	ck_assert_int_eq(token('A'), 200);
	event('A', PAGE("e1", ",\"of\":\"the provider\""), "held");
	last_has(OP("secret.activate") "}", "/released", "1");
	ck_assert_uint_eq(EVENTS(), 1);
	ck_assert_uint_eq(HELD(), 1);
	refused(OP("secret.activate") ",\"secret\":\"sec_1\"}", ERR_INPUT,
	    "revoked");
	ck_assert_uint_eq(HELD(), 1);
}
END_TEST

/* --- one event, delivered once -------------------------------------------- */

/* With two of them one event would be held, and released, under each. */
START_TEST(one_secret_waits_at_a_time)
{
	const char *cure = _i == 0
			       ? OP("secret.activate") "}"
			       : OP("secret.revoke") ",\"secret\":\"sec_1\"}";

	stand_do(ADD(""));
	ck_assert_int_eq(token('A'), 200);
	refused(EXPECT, ERR_EXISTS, "sec_1 was sent to the endpoint itself");
	ck_assert_int_eq(token('B'), 401);
	/* Nothing else is in its way. */
	stand_do(OP("endpoint.edit") ",\"settings\":{\"rate\":9},\"expect_"
				     "secret_s\":0}");
	event('A', PAGE("e1", ""), "held");
	stand_do(cure);
	stand_do(EXPECT);
	ck_assert_int_eq(token('B'), 200);
	refused(EXPECT, ERR_EXISTS, "sec_2 was sent to the endpoint itself");
}
END_TEST

/* The operator takes the first one's event out by hand. */
START_TEST(an_event_of_two_secrets_is_released_once)
{
	stand_do(ADD(""));
	ck_assert_int_eq(token('A'), 200);
	event('A', PAGE("e1", ""), "held");
	stand_do(OP("secret.revoke") ",\"secret\":\"sec_1\"}");
	stand_do(EXPECT);
	ck_assert_int_eq(token('B'), 200);
	event('B', PAGE("e1", ""), "held");
	event('B', PAGE("e2", ""), "held");
	stand_do("{\"op\":\"event.release\",\"seqs\":[1]}");
	event('B', PAGE("e1", ""), "duplicate");
	last_has(OP("secret.activate") "}", "/released", "1");
	event('B', PAGE("e1", ""), "duplicate");
	event('B', PAGE("e2", ""), "duplicate");
	ck_assert_uint_eq(EVENTS(), 2);
	ck_assert_uint_eq(HELD(), 1);
}
END_TEST

/* As one of an activated secret is. */
START_TEST(an_id_that_is_reused_stays_held)
{
	bool delivers = _i == 1;

	stand_do(_i == 0 ? ADD("") : ADD(",\"on_held\":\"deliver\""));
	ck_assert_int_eq(token('A'), 200);
	event('A', PAGE("e1", ""), "held");
	event('A', PAGE("e1", ",\"again\":1"), "held");
	event('A', PAGE("e1", ",\"again\":1"), "duplicate");
	event('A', PAGE("e1", ""), "duplicate");
	last_has(OP("secret.activate") "}", "/released", delivers ? "2" : "1");
	ck_assert_uint_eq(EVENTS(), delivers ? 2 : 1);
	ck_assert_uint_eq(HELD(), delivers ? 0 : 1);
	event('A', PAGE("e1", ""), "duplicate");
	event('A', PAGE("e1", ",\"again\":1"), "duplicate");
}
END_TEST

/* --- activating ----------------------------------------------------------- */

START_TEST(an_activation_that_was_cut_off_goes_on)
{
	const char *again =
	    _i == 0 ? OP("secret.activate") "}"
		    : OP("secret.activate") ",\"secret\":\"sec_1\"}";

	stand_do(ADD(""));
	ck_assert_int_eq(token('A'), 200);
	event('A', PAGE("e1", ""), "held");
	event('A', PAGE("e2", ""), "held");
	event('A', PAGE("e3", ""), "held");
	changes_left = 1;
	refused(
	    OP("secret.activate") "}", ERR_IO, "run the same command again");
	ck_assert_uint_eq(EVENTS(), 1);
	ck_assert_uint_eq(HELD(), 2);
	refused(again, ERR_IO, "run the same command again");
	changes_left = -1;
	/* Another secret may be current by now. */
	if (_i == 2)
		stand_do(OP("secret.rotate") ",\"secret_b64\":\"@C@\"}");
	last_has(again, "/released", "2");
	ck_assert_uint_eq(EVENTS(), 3);
	ck_assert_uint_eq(HELD(), 0);
	/* It is all done: refused as ever. */
	refused(again, _i == 0 ? ERR_NOTFOUND : ERR_INPUT, "staged");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("secret_in_band");
	TCase *tc = tcase_create("in band");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(
	    tc, the_window_runs_out_by_itself, 0, NITEMS(instants));
	tcase_add_loop_test(
	    tc, what_is_no_secret_leaves_it_open, 0, NITEMS(strange));
	tcase_add_test(tc, a_secret_that_is_too_long_leaves_it_open);
	tcase_add_test(tc, the_same_secret_gets_the_same_answer);
	tcase_add_test(tc, no_other_secret_is_answered);
	tcase_add_test(tc, nothing_of_it_is_delivered);
	tcase_add_test(tc, it_takes_no_place_unseen);
	tcase_add_test(tc, it_keeps_no_provider_out);
	tcase_add_loop_test(tc, one_secret_waits_at_a_time, 0, 2);
	tcase_add_test(tc, an_event_of_two_secrets_is_released_once);
	tcase_add_loop_test(tc, an_id_that_is_reused_stays_held, 0, 2);
	tcase_add_loop_test(tc, an_activation_that_was_cut_off_goes_on, 0, 3);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
