/* test_store.c: what is accepted is there, once; changes happen whole. */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* test_store.c: what is accepted is there, once, after every way of closing. */
#include "lib/store/store.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/seal.h"

static int
revoke_secret(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct adding *ad = arg;
	struct secret s = { .id = ad->secret_id,
		.endpoint_id = ad->endpoint_id,
		.state = SECRET_REVOKED,
		.revoked_ms = store_tx_now_ms(tx) };

	(void)result;
	return store_tx_secret(tx, &s, SPAN_EMPTY, e) < 0
		   ? -1
		   : store_tx_audit(tx, "secret.revoke", "x", SPAN_EMPTY, e);
}

/* --- accepting ----------------------------------------------------------- */

START_TEST(an_event_is_accepted_once)
{
	struct store_seen seen;
	struct store_reader *rd;
	struct event ev;
	bool found;

	fx_added("orders", "s3cret-s3cret-s3cret");
	ck_assert_int_eq(fx_accept("evt_1", "{\"a\":1}"), STORE_ACCEPTED);
	ck_assert_int_eq(fx_accept("evt_1", "{\"a\":1}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("evt_1", "{\"a\":2}"), STORE_DUPLICATE);
	ck_assert_int_eq(fx_accept("evt_2", "{\"a\":1}"), STORE_ACCEPTED);
	ck_assert_uint_eq(fx_events(), 2);
	fx_close();
	fx_open();
	ck_assert_int_eq(fx_accept("evt_2", "{\"a\":1}"), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 2);
	ck_assert_int_eq(store_seen(fx.st, fx.endpoint_id, span_str("evt_1"),
			     &seen, &found, &fx.err),
	    0);
	ck_assert(found);
	ck_assert_uint_eq(seen.duplicates, 2);
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.id, "evt_2"));
	ck_assert(span_is(ev.type, "order.created"));
	ck_assert(span_is(ev.body, "{\"a\":1}"));
	ck_assert(span_is(ev.content_type, "application/json"));
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.id, "evt_1"));
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &fx.err), 0);
	ck_assert(!found);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	ck_assert(found && span_is(ev.id, "evt_2"));
	store_reader_close(rd);
}
END_TEST

START_TEST(ids_belong_to_their_endpoint)
{
	fx_added("one", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	fx_added("two", NULL);
	ck_assert_int_eq(fx_accept("evt_1", "x"), STORE_ACCEPTED);
	ck_assert_uint_eq(fx_events(), 2);
}
END_TEST

/* Mailgun signs a token and no body: the token comes once. */
START_TEST(an_unsigned_body_does_not_come_with_the_same_token)
{
	static const struct {
		const char *id, *body;
		unsigned char token;
		enum store_outcome want;
	} rows[] = {
		{ "evt_1", "one", 1, STORE_ACCEPTED },
		{ "evt_2", "two", 1, STORE_FORGED },
		{ "evt_1", "one", 1, STORE_DUPLICATE },
		{ "evt_1", "two", 1, STORE_DUPLICATE },
		{ "evt_2", "one", 2, STORE_ACCEPTED },
	};
	struct dedupe_identity *who;
	struct waiting w;
	size_t i;

	fx_added("mail", NULL);
	for (i = 0; i < NITEMS(rows); i++) {
		fx_begin(&w, rows[i].id, rows[i].body);
		who = &w.item.identity;
		who->class = (struct dedupe_class){ .signs = true };
		who->has_content = true;
		who->content[0] = rows[i].token;
		store_submit(fx.st, &w.item);
		ck_assert_msg(fx_end(&w) == rows[i].want, "row %zu", i);
	}
	ck_assert_uint_eq(fx_events(), 2);
}
END_TEST

START_TEST(test_events_are_kept_each_time)
{
	struct waiting w;
	int i;

	fx_added("orders", NULL);
	for (i = 0; i < 3; i++) {
		fx_begin(&w, "evt_test", "{}");
		w.item.event.flags = EVENT_TEST;
		store_submit(fx.st, &w.item);
		ck_assert_int_eq(fx_end(&w), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(fx_events(), 3);
}
END_TEST

START_TEST(a_lost_answer_is_given_again)
{
	struct waiting w;
	int i;

	fx_added("orders", NULL);
	for (i = 0; i < 2; i++) {
		fx_begin(&w, "evt_1", "{}");
		w.item.has_request_id = true;
		memcpy(w.item.request_id, "0123456789abcdef", 16);
		store_submit(fx.st, &w.item);
		ck_assert_int_eq(fx_end(&w), STORE_ACCEPTED);
	}
	fx_begin(&w, "evt_1", "{}");
	w.item.has_request_id = true;
	memcpy(w.item.request_id, "0123456789abcdeX", 16);
	store_submit(fx.st, &w.item);
	ck_assert_int_eq(fx_end(&w), STORE_DUPLICATE);
	ck_assert_uint_eq(fx_events(), 1);
}
END_TEST

START_TEST(a_change_makes_what_was_verified_before_it_stale)
{
	struct adding ad = fx_added("orders", "s3cret-s3cret-s3cret");

	fx_change(NULL, revoke_secret, &ad, NULL);
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_MOVED);
	fx.generation++;
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
}
END_TEST

static int
refuse(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct adding ad = { "never", NULL, 0, 0, 0 };

	(void)arg;
	if (fx_add_endpoint(tx, &ad, result, e) < 0)
		return -1;
	return err_set(e, ERR_CONFLICT, "changed my mind");
}

START_TEST(a_change_happens_whole_once_or_not_at_all)
{
	static const unsigned char id[STORE_REQUEST_ID] = "0123456789abcde";
	struct adding ad = { "orders", NULL, 0, 0, 0 };
	struct buf result = BUF_INIT(64);
	struct store_endpoint ep;
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX + 4096);
	struct store_status status;
	bool found;

	fx_change(id, fx_add_endpoint, &ad, &result);
	ck_assert(span_is(buf_span(&result), "orders"));
	buf_clear(&result);
	fx_close();
	fx_open();
	/* The same request again changes nothing and says the same. */
	fx_change(id, fx_add_endpoint, &ad, &result);
	ck_assert(span_is(buf_span(&result), "orders"));
	ck_assert_int_eq(store_change(fx.st, &fx_actor,
			     (const unsigned char *)"another-request!", refuse,
			     NULL, &result, &fx.err),
	    -1);
	ck_assert_int_eq(fx.err.code, ERR_CONFLICT);
	ck_assert_int_eq(store_endpoint_by_name(
			     fx.st, NULL, "never", &ep, &doc, &found, &fx.err),
	    0);
	ck_assert(!found);
	ck_assert_int_eq(store_endpoint_by_name(
			     fx.st, NULL, "orders", &ep, &doc, &found, &fx.err),
	    0);
	ck_assert(found);
	ck_assert_int_eq(store_status(fx.st, &status, &fx.err), 0);
	ck_assert_uint_eq(status.endpoints, 1);
	buf_free(&doc);
	buf_free(&result);
}
END_TEST

/* --- secrets ------------------------------------------------------------- */

static int
count_revoked(void *arg, const struct secret *s, struct err *e)
{
	(void)e;
	if (s->state == SECRET_REVOKED)
		++*(int *)arg;
	return 0;
}

START_TEST(secrets_lie_sealed_and_come_back)
{
	char command[512];

	fx_added("orders", "CANARY-7d1f0c-CANARY");
	ck_assert_int_eq(
	    store_secrets(fx.st, NULL, fx.endpoint_id, fx_plain_is,
		(void *)(uintptr_t) "CANARY-7d1f0c-CANARY", &fx.err),
	    0);
	fx_close();
	snprintf(command, sizeof(command), "! grep -raq CANARY %s", fx.folder);
	ck_assert_int_eq(system(command), 0);
	fx_open();
	ck_assert_int_eq(
	    store_secrets(fx.st, NULL, 0, fx_plain_is,
		(void *)(uintptr_t) "CANARY-7d1f0c-CANARY", &fx.err),
	    0);
}
END_TEST

START_TEST(R9_a_restored_store_revives_no_secret)
{
	struct adding ad = fx_added("orders", "s3cret-s3cret-s3cret");
	char command[512];
	int n = 0;

	fx_close();
	snprintf(
	    command, sizeof(command), "cp -a %s %s/backup", fx.dir, fx.folder);
	ck_assert_int_eq(system(command), 0);
	fx_open();
	fx_change(NULL, revoke_secret, &ad, NULL);
	fx_close();
	snprintf(command, sizeof(command), "rm -r %s && mv %s/backup %s",
	    fx.dir, fx.folder, fx.dir);
	ck_assert_int_eq(system(command), 0);
	fx_open();
	ck_assert_int_eq(
	    store_secrets(fx.st, NULL, 0, count_revoked, &n, &fx.err), 0);
	ck_assert_int_eq(n, 1);
}
END_TEST

/* --- many at once -------------------------------------------------------- */

#define THREADS 8
#define EACH 250

static void *
accept_many(void *arg)
{
	int *accepted = arg;
	char id[32];
	int i;

	for (i = 0; i < EACH; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		if (fx_accept(id, "{}") == STORE_ACCEPTED)
			++*accepted;
	}
	return NULL;
}

START_TEST(racing_copies_are_accepted_once)
{
	pthread_t threads[THREADS];
	int accepted[THREADS] = { 0 }, total = 0, i;

	fx_added("orders", NULL);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, accept_many,
				     &accepted[i]),
		    0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		total += accepted[i];
	}
	ck_assert_int_eq(total, EACH);
	ck_assert_uint_eq(fx_events(), EACH);
}
END_TEST

/* --- guards -------------------------------------------------------------- */

static const struct {
	const char *when, *command; /* run with the folder as $1 */
	enum err_code want;
	const char *says;
} guards[] = {
	{ "no folder", "rm -r $1", ERR_NOTFOUND, "eyelet-store init" },
	{ "no marker", "rm $1/STORE", ERR_NOTFOUND, "eyelet-store init" },
	{ "marker of a later release", "echo eyelet-store 9 00 ready >$1/STORE",
	    ERR_VERSION, "format 9" },
	{ "marker of an older release",
	    "echo eyelet-store 1 00 ready >$1/STORE", ERR_VERSION,
	    "set store.path to another folder" },
	{ "DB_CONFIG", "touch $1/DB_CONFIG", ERR_DENIED, ": rm " },
	{ "DB_CONFIG inside", "touch $1/db/DB_CONFIG", ERR_DENIED, ": rm " },
	{ "databases for others", "chmod 755 $1/db", ERR_DENIED,
	    ": chmod go-rwx " },
	{ "a deny list for others",
	    "touch $1/../key.revoked; "
	    "chmod 666 $1/../key.revoked",
	    ERR_DENIED, ": chmod go-w " },
	{ "open to others", "chmod 755 $1", ERR_DENIED, "chmod" },
	{ "open to the group", "chmod 770 $1", ERR_DENIED, "chmod" },
	{ "databases gone", "rm -r $1/db", ERR_CORRUPT, "" },
	{ "key gone", "rm $1/../key", ERR_NOTFOUND, "key" },
	{ "key open to all", "chmod 644 $1/../key", ERR_DENIED, "chmod 600" },
};

START_TEST(what_is_wrong_is_refused_with_a_way_out)
{
	char command[512];

	fx_added("orders", "s3cret-s3cret-s3cret");
	fx_close();
	snprintf(command, sizeof(command), "set -- %s; %s", fx.dir,
	    guards[_i].command);
	ck_assert_int_eq(system(command), 0);
	ck_assert_msg(
	    store_open(&fx.opt, &fx.st, &fx.err) == -1, "%s", guards[_i].when);
	ck_assert_msg(fx.err.code == guards[_i].want, "%s: %s: %s",
	    guards[_i].when, err_word(fx.err.code), fx.err.text);
	ck_assert_msg(strstr(fx.err.text, guards[_i].says) != NULL, "%s: %s",
	    guards[_i].when, fx.err.text);
}
END_TEST

START_TEST(below_the_floor_nothing_is_accepted)
{
	const char *why;

	fx_added("orders", NULL);
	fx_close();
	fx.opt.floor = UINT64_MAX / 2;
	fx_open();
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_FAILED);
	ck_assert(!store_healthy(fx.st, &why));
	fx_close();
	fx.opt.floor = 0;
	fx_open();
	ck_assert(store_healthy(fx.st, &why));
	ck_assert_int_eq(fx_accept("evt_1", "{}"), STORE_ACCEPTED);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("store");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, fx_setup, fx_teardown);
	tcase_add_test(tc, an_event_is_accepted_once);
	tcase_add_test(tc, ids_belong_to_their_endpoint);
	tcase_add_test(tc, an_unsigned_body_does_not_come_with_the_same_token);
	tcase_add_test(tc, test_events_are_kept_each_time);
	tcase_add_test(tc, a_lost_answer_is_given_again);
	tcase_add_test(tc, a_change_makes_what_was_verified_before_it_stale);
	tcase_add_test(tc, a_change_happens_whole_once_or_not_at_all);
	tcase_add_test(tc, secrets_lie_sealed_and_come_back);
	tcase_add_test(tc, R9_a_restored_store_revives_no_secret);
	tcase_add_test(tc, racing_copies_are_accepted_once);
	tcase_add_loop_test(tc, what_is_wrong_is_refused_with_a_way_out, 0,
	    (int)(sizeof(guards) / sizeof(guards[0])));
	tcase_add_test(tc, below_the_floor_nothing_is_accepted);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
