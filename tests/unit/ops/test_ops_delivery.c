/*
 * What operators see and do of deliveries, on a real store with what a
 * deliverer would have reported: each state is found by its status, each act
 * does what it says and nothing else, and a replay is made once.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/json/scan.h"
#include "tests/stand/delivery_stand.h"

#define NOW_MS "9000000000000"

static void
open_stand(void)
{
	stand_open();
	delivery_fill();
}

/* A string member of a row without its quotes; "-" where it is none. */
static void
put_text(struct span row, const char *pointer, char *out, size_t room)
{
	struct span raw;

	if (json_find(row, pointer, &raw) == JSON_STRING)
		snprintf(out, room, "%.*s", (int)raw.len - 2,
		    (const char *)raw.ptr + 1);
	else
		snprintf(out, room, "-");
}

/* "seq:destination:state" of each row of an answer. */
static void
sum_up(const struct answer *an, char *out, size_t room)
{
	struct span rest = buf_span(&an->all), line, seq;
	char to[80], state[80];
	size_t n = 0;

	out[0] = '\0';
	while (rest.len > 0) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		rest = span_skip(rest, line.len + 1);
		ck_assert(json_find(line, "/seq", &seq) == JSON_NUMBER);
		put_text(line, "/destination", to, sizeof(to));
		put_text(line, "/state", state, sizeof(state));
		n += (size_t)snprintf(out + n, room - n, "%s%.*s:%s:%s",
		    n == 0 ? "" : " ", (int)seq.len, (const char *)seq.ptr, to,
		    state);
		ck_assert_uint_lt(n, room);
	}
}

/* --- lists ---------------------------------------------------------------- */

#define CRM ",\"destination\":\"crm\""
#define STATUS(word) ",\"status\":\"" word "\""

static const struct {
	const char *when, *members, *want;
} lists[] = {
	{ "pending at one", STATUS("pending") CRM,
	    "6:crm:pending 5:crm:pending" },
	{ "pending anywhere", STATUS("pending"),
	    "6:crm:pending 5:audit:pending 4:audit:pending 2:audit:pending "
	    "1:audit:pending 5:crm:pending" },
	{ "pending, a limit in the log", STATUS("pending") CRM ",\"limit\":1",
	    "6:crm:pending" },
	{ "pending, a limit in the rows", STATUS("pending") ",\"limit\":6",
	    "6:crm:pending 5:audit:pending 4:audit:pending 2:audit:pending "
	    "1:audit:pending 5:crm:pending" },
	{ "pending of a type", STATUS("pending") CRM ",\"type\":\"order.*\"",
	    "5:crm:pending" },
	{ "retrying", STATUS("retrying"), "2:crm:retrying" },
	{ "parked", STATUS("parked"), "4:crm:parked" },
	{ "dead", STATUS("dead"), "3:crm:dead" },
	{ "dead for a reason", STATUS("dead") ",\"reason\":\"exhausted\"",
	    "3:crm:dead" },
	{ "dead for another", STATUS("dead") ",\"reason\":\"removed\"", "" },
	{ "dead by id", STATUS("dead") ",\"id\":\"e3\"", "3:crm:dead" },
	{ "dead by another id", STATUS("dead") ",\"id\":\"e2\"", "" },
	{ "dead of a type", STATUS("dead") ",\"type\":\"order.*\"", "" },
	{ "dead of an endpoint", STATUS("dead") ",\"endpoint\":\"shop\"",
	    "3:crm:dead" },
	{ "dead of what is to come", STATUS("dead") ",\"since_ms\":" NOW_MS,
	    "" },
	{ "dead of long ago", STATUS("dead") ",\"until_ms\":1000", "" },
	{ "dead until now", STATUS("dead") ",\"until_ms\":" NOW_MS,
	    "3:crm:dead" },
	{ "dead at another", STATUS("dead") ",\"destination\":\"audit\"", "" },
	{ "delivered", STATUS("delivered"), "1:crm:delivered" },
	{ "delivered at another",
	    STATUS("delivered") ",\"destination\":\"late\"", "" },
	{ "all of one", CRM,
	    "6:crm:pending 5:crm:pending 4:crm:parked 3:crm:dead "
	    "2:crm:retrying 1:crm:delivered" },
	{ "all of one, a limit", CRM ",\"limit\":2",
	    "6:crm:pending 5:crm:pending" },
	{ "all of one of a type", CRM ",\"type\":\"user.*\"",
	    "6:crm:pending 3:crm:dead" },
	{ "all of one that began behind", ",\"destination\":\"late\"", "" },
	{ "accepted events of one", STATUS("accepted") CRM ",\"limit\":1",
	    "6:crm:pending" },
	{ "test events of one", STATUS("test") CRM, "" },
};

START_TEST(list_finds)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[512], got[1024];
	size_t i;

	for (i = 0; i < NITEMS(lists); i++) {
		snprintf(call, sizeof(call), "{\"op\":\"event.list\"%s}",
		    lists[i].members);
		ck_assert_msg(
		    stand_ask(call, &an, &err) == 0, "%s: %s", call, err.text);
		sum_up(&an, got, sizeof(got));
		ck_assert_msg(strcmp(got, lists[i].want) == 0, "%s: %s, not %s",
		    lists[i].when, got, lists[i].want);
		stand_free(&an);
	}
}
END_TEST

/* --- one event ------------------------------------------------------------ */

static const struct {
	unsigned seq;
	const char *at, *want;
} shown[] = {
	{ 1, "/deliveries/0/destination", "\"crm\"" },
	{ 1, "/deliveries/0/state", "\"delivered\"" },
	{ 1, "/deliveries/0/attempts/0/result", "\"delivered\"" },
	{ 1, "/deliveries/0/attempts/0/at", "\"2023-11-14T22:13:20.000Z\"" },
	{ 1, "/deliveries/0/attempts/0/status", "200" },
	{ 1, "/deliveries/0/attempts/0/took_ms", "12" },
	{ 1, "/deliveries/0/attempts/0/next_at", "null" },
	{ 1, "/deliveries/1/destination", "\"audit\"" },
	{ 1, "/deliveries/1/state", "\"pending\"" },
	{ 1, "/deliveries/1/attempts", "[]" },
	{ 1, "/deliveries/2", NULL },
	{ 2, "/deliveries/0/state", "\"retrying\"" },
	{ 2, "/deliveries/0/next_at", "\"2030-03-17T17:46:40.000Z\"" },
	{ 2, "/deliveries/0/attempts_made", "2" },
	{ 2, "/deliveries/0/attempts/0/status", "503" },
	{ 2, "/deliveries/0/attempts/1/status", "null" },
	{ 2, "/deliveries/0/attempts/1/words", "\"no answer within 10s\"" },
	{ 2, "/deliveries/0/attempts/1/next_at",
	    "\"2030-03-17T17:46:40.000Z\"" },
	{ 3, "/deliveries/0/state", "\"dead\"" },
	{ 3, "/deliveries/0/reason", "\"exhausted\"" },
	{ 3, "/deliveries/0/last_status", "500" },
	{ 3, "/deliveries/0/excerpt", "\"<h1>\\u001b[31mnot now</h1>\"" },
	{ 3, "/deliveries/1", NULL }, /* audit does not want it */
	{ 4, "/deliveries/0/state", "\"parked\"" },
	{ 5, "/deliveries/0/state", "\"pending\"" },
	{ 6, "/deliveries/0/state", "\"pending\"" },
	{ 6, "/deliveries/1", NULL },
};

START_TEST(show_says)
{
	struct err err = ERR_INIT;
	struct answer an;
	char call[128];
	size_t i;

	for (i = 0; i < NITEMS(shown); i++) {
		snprintf(call, sizeof(call),
		    "{\"op\":\"event.show\",\"seq\":%u}", shown[i].seq);
		ck_assert_msg(stand_ask(call, &an, &err) == 0, "%s", err.text);
		ck_assert_msg(stand_has(an.last, shown[i].at, shown[i].want),
		    "%u: %s: %.*s", shown[i].seq, shown[i].at, (int)an.last.len,
		    (const char *)an.last.ptr);
		stand_free(&an);
	}
}
END_TEST

/* --- acting --------------------------------------------------------------- */

#define SEQ(op, seq)                                 \
	"{\"op\":\"delivery." op "\",\"seqs\":[" seq \
	"],\"destination\":\"crm\"}"

/* What a call says of one delivery, and which state it has then. */
static const struct {
	const char *when, *call, *outcome, *words;
	uint64_t seq;
	int state;
} acts[] = {
	{ "retry what is retrying", SEQ("retry", "2"), "\"retried\"",
	    "it is sent again now", 2, STORE_DELIVERY_PENDING },
	{ "retry what is dead", SEQ("retry", "3"), "\"retried\"", "", 3,
	    STORE_DELIVERY_PENDING },
	{ "retry what is parked", SEQ("retry", "4"), "\"retried\"", "", 4,
	    STORE_DELIVERY_PENDING },
	{ "retry what is pending", SEQ("retry", "5"), "\"nothing\"",
	    "it is pending already; retry is for what is retrying, parked or "
	    "dead",
	    5, STORE_DELIVERY_PENDING },
	{ "retry what was delivered", SEQ("retry", "1"), "\"nothing\"",
	    "it was delivered at 2023-11-14T22:13:20.000Z: a replay", 1, 0 },
	{ "retry what is not reached", SEQ("retry", "6"), "\"nothing\"",
	    "crm has not come so far", 6, 0 },
	{ "retry what there is not", SEQ("retry", "99"), "\"nothing\"",
	    "there is no event 99 yet", 99, 0 },
	{ "retry at all destinations",
	    "{\"op\":\"delivery.retry\",\"seqs\":[2]}", "\"retried\"", "", 2,
	    STORE_DELIVERY_PENDING },
	{ "retry where none has a row",
	    "{\"op\":\"delivery.retry\",\"seqs\":[6]}", "\"nothing\"",
	    "no destination has it waiting", 6, 0 },
	{ "retry what has another status",
	    "{\"op\":\"delivery.retry\",\"seqs\":[2],\"destination\":\"crm\","
	    "\"status\":\"dead\"}",
	    "\"nothing\"", "retry is for what is dead", 2,
	    STORE_DELIVERY_RETRYING },
	{ "skip what is retrying", SEQ("skip", "2"), "\"skipped\"",
	    "what waited behind it goes on", 2, STORE_DELIVERY_DEAD },
	{ "skip what is pending", SEQ("skip", "5"), "\"skipped\"", "", 5,
	    STORE_DELIVERY_DEAD },
	{ "skip what is parked", SEQ("skip", "4"), "\"skipped\"", "", 4,
	    STORE_DELIVERY_DEAD },
	{ "skip what is dead", SEQ("skip", "3"), "\"nothing\"",
	    "it is dead (exhausted) already", 3, STORE_DELIVERY_DEAD },
	{ "skip what is not reached", SEQ("skip", "6"), "\"nothing\"",
	    "sent in its turn", 6, 0 },
	{ "park what is retrying", SEQ("park", "2"), "\"parked\"",
	    "blocks nobody", 2, STORE_DELIVERY_PARKED },
	{ "park what is pending", SEQ("park", "5"), "\"parked\"", "", 5,
	    STORE_DELIVERY_PARKED },
	{ "park what is dead", SEQ("park", "3"), "\"nothing\"",
	    "dead (exhausted) already", 3, STORE_DELIVERY_DEAD },
	{ "drop what is dead", SEQ("drop", "3"), "\"dropped\"", "replay", 3,
	    0 },
	{ "drop what is not", SEQ("drop", "2"), "\"nothing\"",
	    "drop is for what is dead", 2, STORE_DELIVERY_RETRYING },
};

START_TEST(act_does)
{
	struct err err = ERR_INIT;
	struct answer an;
	struct span words;
	int state;

	ck_assert_msg(stand_ask(acts[_i].call, &an, &err) == 0, "%s: %s",
	    acts[_i].when, err.text);
	ck_assert_uint_eq(an.n, 1);
	ck_assert_msg(stand_has(an.last, "/outcome", acts[_i].outcome),
	    "%s: %.*s", acts[_i].when, (int)an.last.len,
	    (const char *)an.last.ptr);
	ck_assert_int_eq(json_find(an.last, "/words", &words), JSON_STRING);
	ck_assert_msg(memmem(words.ptr, words.len, acts[_i].words,
			  strlen(acts[_i].words)) != NULL,
	    "%s: %.*s", acts[_i].when, (int)words.len, (const char *)words.ptr);
	state = delivery_state("crm", acts[_i].seq, NULL);
	ck_assert_msg(
	    state == acts[_i].state, "%s: state %d", acts[_i].when, state);
	stand_free(&an);
}
END_TEST

/* What a retry leaves: due now, with a plan that begins anew. */
START_TEST(retry_begins_anew)
{
	const struct store_delivery *row;

	stand_do(SEQ("retry", "2"));
	ck_assert_int_eq(
	    delivery_state("crm", 2, &row), STORE_DELIVERY_PENDING);
	ck_assert_uint_eq(row->attempts, 2);
	ck_assert_uint_eq(row->planned, 0);
	ck_assert_int_eq(row->due_ms, 0);
	ck_assert_uint_gt(row->stamp, 0);
	stand_do(SEQ("retry", "3"));
	ck_assert_int_eq(
	    delivery_state("crm", 3, &row), STORE_DELIVERY_PENDING);
	ck_assert_uint_eq(row->reason.len, 0);
	stand_do(SEQ("skip", "2"));
	ck_assert_int_eq(delivery_state("crm", 2, &row), STORE_DELIVERY_DEAD);
	ck_assert(span_is(row->reason, DELIVERY_SKIPPED));
}
END_TEST

static void
expect_audit(const char *verb, const char *at, const char *want)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_int_eq(
	    stand_ask("{\"op\":\"store.audit\",\"limit\":1}", &an, &err), 0);
	ck_assert_msg(stand_has(an.last, "/verb", verb) &&
			  stand_has(an.last, "/target", "\"crm\"") &&
			  stand_has(an.last, at, want),
	    "%.*s", (int)an.last.len, (const char *)an.last.ptr);
	stand_free(&an);
}

START_TEST(each_act_is_on_record)
{
	stand_do(SEQ("park", "2"));
	expect_audit("\"delivery.park\"", "/detail/was", "\"retrying\"");
	stand_do(SEQ("skip", "2"));
	expect_audit("\"delivery.skip\"", "/detail/seq", "2");
	stand_do(SEQ("retry", "2"));
	expect_audit("\"delivery.retry\"", "/detail/state", "\"pending\"");
	stand_do(SEQ("drop", "3"));
	expect_audit("\"delivery.drop\"", "/detail/state", "\"dropped\"");
	stand_do("{\"op\":\"delivery.replay\",\"seqs\":[1],"
		 "\"destination\":\"crm\"}");
	expect_audit("\"delivery.replay\"", "/detail/replayed", "1");
}
END_TEST

/* A dropped letter is no delivery any more, but what was tried stays. */
START_TEST(dropped_is_said)
{
	struct err err = ERR_INIT;
	struct answer an;

	stand_do(SEQ("drop", "3"));
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.show\",\"seq\":3}", &an, &err), 0);
	ck_assert(stand_has(an.last, "/deliveries/0/state", "\"dropped\""));
	ck_assert(stand_has(an.last, "/deliveries/0/attempts/0/status", "500"));
	stand_free(&an);
	ck_assert_int_eq(stand_ask(SEQ("retry", "3"), &an, &err), 0);
	ck_assert(stand_has(an.last, "/outcome", "\"nothing\""));
	stand_free(&an);
}
END_TEST

static const struct {
	const char *when, *call, *deliveries;
	int states[6]; /* of seqs 1 to 6 at crm */
} many[] = {
	{ "retry of one, by default what is retrying or dead",
	    "{\"op\":\"delivery.retry\",\"destination\":\"crm\"}", "2",
	    { 0, STORE_DELIVERY_PENDING, STORE_DELIVERY_PENDING,
		STORE_DELIVERY_PARKED, STORE_DELIVERY_PENDING, 0 } },
	{ "retry of what is dead",
	    "{\"op\":\"delivery.retry\",\"destination\":\"crm\",\"status\":"
	    "\"dead\"}",
	    "1",
	    { 0, STORE_DELIVERY_RETRYING, STORE_DELIVERY_PENDING,
		STORE_DELIVERY_PARKED, STORE_DELIVERY_PENDING, 0 } },
	{ "retry of what is parked",
	    "{\"op\":\"delivery.retry\",\"destination\":\"crm\",\"status\":"
	    "\"parked\"}",
	    "1",
	    { 0, STORE_DELIVERY_RETRYING, STORE_DELIVERY_DEAD,
		STORE_DELIVERY_PENDING, STORE_DELIVERY_PENDING, 0 } },
	{ "retry for a reason",
	    "{\"op\":\"delivery.retry\",\"reason\":\"exhausted\"}", "1",
	    { 0, STORE_DELIVERY_RETRYING, STORE_DELIVERY_PENDING,
		STORE_DELIVERY_PARKED, STORE_DELIVERY_PENDING, 0 } },
	{ "drop of one", "{\"op\":\"delivery.drop\",\"destination\":\"crm\"}",
	    "1",
	    { 0, STORE_DELIVERY_RETRYING, 0, STORE_DELIVERY_PARKED,
		STORE_DELIVERY_PENDING, 0 } },
};

START_TEST(many_are_changed)
{
	struct err err = ERR_INIT;
	struct answer an;
	uint64_t i;

	ck_assert_msg(stand_ask(many[_i].call, &an, &err) == 0, "%s: %s",
	    many[_i].when, err.text);
	ck_assert_uint_eq(an.n, 1);
	ck_assert_msg(stand_has(an.last, "/deliveries", many[_i].deliveries),
	    "%s: %.*s", many[_i].when, (int)an.last.len,
	    (const char *)an.last.ptr);
	for (i = 0; i < 6; i++)
		ck_assert_msg(
		    delivery_state("crm", i + 1, NULL) == many[_i].states[i],
		    "%s: event %d", many[_i].when, (int)i + 1);
	stand_free(&an);
}
END_TEST

/* --- replay --------------------------------------------------------------- */

#define REPLAY(members) "{\"op\":\"delivery.replay\"," members "}"
#define ID_A "\"request_id\":\"000102030405060708090a0b0c0d0e0f\""

static const struct {
	const char *when, *call;
	const char
	    *rows; /* "destination replayed/waiting/parked/not_reached" */
	const char *events;
} replays[] = {
	{ "all", REPLAY("\"from_seq\":1"),
	    "crm 2/2/1/1 audit 0/0/0/4 late 6/0/0/0", "6" },
	{ "to one", REPLAY("\"from_seq\":1,\"destination\":\"crm\""),
	    "crm 2/2/1/1", "6" },
	{ "a range",
	    REPLAY("\"from_seq\":1,\"to_seq\":3,\"destination\":"
		   "\"crm\""),
	    "crm 2/1/0/0", "3" },
	{ "the end of a range",
	    REPLAY("\"from_seq\":3,\"to_seq\":3,\"destination\":\"crm\""),
	    "crm 1/0/0/0", "1" },
	{ "a type", REPLAY("\"type\":\"user.*\""), "crm 1/0/0/1 late 2/0/0/0",
	    "2" },
	{ "an endpoint",
	    REPLAY("\"endpoint\":\"shop\",\"destination\":"
		   "\"late\""),
	    "late 6/0/0/0", "6" },
	{ "an id", REPLAY("\"id\":\"e3\""), "crm 1/0/0/0 late 1/0/0/0", "1" },
	{ "an id, to one that does not want it",
	    REPLAY("\"id\":\"e3\",\"destination\":\"audit\""), "", "1" },
	{ "one by its seq", REPLAY("\"seqs\":[1],\"destination\":\"crm\""),
	    "crm 1/0/0/0", "1" },
	{ "some, in any order and one of them twice",
	    REPLAY("\"seqs\":[3,1,2,3],\"destination\":\"crm\""), "crm 2/1/0/0",
	    "3" },
	{ "what is not reached",
	    REPLAY("\"seqs\":[6],\"destination\":"
		   "\"crm\""),
	    "crm 0/0/0/1", "1" },
	{ "since a time", REPLAY("\"since_ms\":" NOW_MS), "", "0" },
	{ "until a time",
	    REPLAY("\"until_ms\":" NOW_MS ",\"destination\":"
		   "\"crm\""),
	    "crm 2/2/1/1", "6" },
	{ "test events", REPLAY("\"from_seq\":1,\"status\":\"test\""), "",
	    "0" },
};

/* "destination a/b/c/d" of each row but the last. */
static void
sum_up_replay(const struct answer *an, char *out, size_t room)
{
	static const char *const names[] = { "/replayed", "/waiting", "/parked",
		"/not_reached" };
	struct span rest = buf_span(&an->all), line, raw;
	char to[80];
	size_t n = 0, i;

	out[0] = '\0';
	while (rest.len > 0) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		rest = span_skip(rest, line.len + 1);
		if (rest.len == 0)
			break;
		put_text(line, "/destination", to, sizeof(to));
		n += (size_t)snprintf(
		    out + n, room - n, "%s%s ", n == 0 ? "" : " ", to);
		for (i = 0; i < NITEMS(names); i++) {
			ck_assert(
			    json_find(line, names[i], &raw) == JSON_NUMBER);
			n += (size_t)snprintf(out + n, room - n, "%s%.*s",
			    i == 0 ? "" : "/", (int)raw.len,
			    (const char *)raw.ptr);
		}
		ck_assert_uint_lt(n, room);
	}
}

static void
expect_replay(const char *when, const char *call, const char *rows)
{
	struct err err = ERR_INIT;
	struct answer an;
	char got[512];

	ck_assert_msg(
	    stand_ask(call, &an, &err) == 0, "%s: %s", when, err.text);
	sum_up_replay(&an, got, sizeof(got));
	ck_assert_msg(
	    strcmp(got, rows) == 0, "%s: %s, not %s", when, got, rows);
	stand_free(&an);
}

START_TEST(replay_makes)
{
	struct err err = ERR_INIT;
	struct answer an;
	char dry[512], got[512];
	size_t i;

	/* First without doing it: the same answer, and no row more. */
	snprintf(dry, sizeof(dry), "%.*s,\"dry_run\":true}",
	    (int)strlen(replays[_i].call) - 1, replays[_i].call);
	for (i = 0; i < 2; i++) {
		ck_assert_msg(
		    stand_ask(i == 0 ? dry : replays[_i].call, &an, &err) == 0,
		    "%s: %s", replays[_i].when, err.text);
		sum_up_replay(&an, got, sizeof(got));
		ck_assert_msg(strcmp(got, replays[_i].rows) == 0,
		    "%s: %s, not %s", replays[_i].when, got, replays[_i].rows);
		ck_assert(stand_has(an.last, "/events", replays[_i].events));
		ck_assert(
		    stand_has(an.last, "/dry_run", i == 0 ? "true" : "false"));
		stand_free(&an);
		if (i == 0) {
			ck_assert_int_eq(delivery_state("crm", 1, NULL), 0);
			ck_assert_int_eq(delivery_state("crm", 3, NULL),
			    STORE_DELIVERY_DEAD);
			ck_assert_int_eq(delivery_state("late", 6, NULL), 0);
		}
	}
	/* Parked and waiting ones are as they were, whatever was asked. */
	ck_assert_int_eq(
	    delivery_state("crm", 2, NULL), STORE_DELIVERY_RETRYING);
	ck_assert_int_eq(delivery_state("crm", 4, NULL), STORE_DELIVERY_PARKED);
	ck_assert_int_eq(delivery_state("crm", 6, NULL), 0);
	ck_assert_int_eq(delivery_state("audit", 1, NULL), 0);
}
END_TEST

START_TEST(replay_is_a_row)
{
	const struct store_delivery *row;

	stand_do("{\"op\":\"destination.edit\",\"destination\":\"crm\","
		 "\"settings\":{\"order\":\"key:json:/context/k\"}}");
	stand_do(REPLAY("\"seqs\":[1],\"destination\":\"crm\""));
	ck_assert_int_eq(
	    delivery_state("crm", 1, &row), STORE_DELIVERY_PENDING);
	ck_assert_uint_eq(row->attempts, 1); /* that was before */
	ck_assert_uint_eq(row->planned, 0);
	ck_assert_int_gt(row->since_ms, 1700000000000);
	ck_assert(span_is(row->id, "e1"));
	ck_assert(span_is(row->type, "order.paid"));
	ck_assert(span_is(row->key, "v"));
	ck_assert_uint_gt(row->stamp, 0);
	ck_assert_uint_gt(row->endpoint_id, 0);
}
END_TEST

/* Asked again, nothing goes twice; asked anew, it does. */
START_TEST(request_is_done_once)
{
	static const char call[] =
	    REPLAY("\"from_seq\":1,\"destination\":\"crm\"," ID_A);
	uint64_t crm = delivery_destination("crm");

	expect_replay("first", call, "crm 2/2/1/1");
	delivery_done(crm, 1);
	delivery_done(crm, 3);
	ck_assert_int_eq(delivery_state("crm", 1, NULL), 0);
	expect_replay("again", call, "crm 2/2/1/1");
	ck_assert_int_eq(delivery_state("crm", 1, NULL), 0);
	ck_assert_int_eq(delivery_state("crm", 3, NULL), 0);
	expect_replay("anew", REPLAY("\"from_seq\":1,\"destination\":\"crm\""),
	    "crm 2/2/1/1");
	ck_assert_int_eq(
	    delivery_state("crm", 1, NULL), STORE_DELIVERY_PENDING);
}
END_TEST

/* The same of single ones, and of what an owner that died began. */
START_TEST(named_ones_are_done_once)
{
	static const char one[] =
	    REPLAY("\"seqs\":[1],\"destination\":\"crm\"," ID_A);
	static const char two[] =
	    REPLAY("\"seqs\":[3,1],\"destination\":\"crm\"," ID_A);
	uint64_t crm = delivery_destination("crm");

	expect_replay("the half", one, "crm 1/0/0/0");
	delivery_done(crm, 1);
	expect_replay("the whole", two, "crm 2/0/0/0");
	ck_assert_int_eq(delivery_state("crm", 1, NULL), 0);
	ck_assert_int_eq(
	    delivery_state("crm", 3, NULL), STORE_DELIVERY_PENDING);
}
END_TEST

#define EVENTS 1300 /* more than two parts */

START_TEST(large_replay_goes_in_parts)
{
	static const char call[] = REPLAY("\"from_seq\":7,\"destination\":"
					  "\"crm\"," ID_A);
	struct err err = ERR_INIT;
	struct answer an;
	uint64_t last;
	char id[16];
	size_t i;

	for (i = 0; i < EVENTS; i++) {
		snprintf(id, sizeof(id), "m%zu", i);
		delivery_publish(id, "many.one", "{}");
	}
	last = store_durable_seq(stand_store());
	delivery_cursor(delivery_destination("crm"), last + 1);
	expect_replay("all", call, "crm 1300/0/0/0");
	expect_replay("again", call, "crm 1300/0/0/0");
	ck_assert_int_eq(
	    delivery_state("crm", 7, NULL), STORE_DELIVERY_PENDING);
	ck_assert_int_eq(
	    delivery_state("crm", 6 + EVENTS, NULL), STORE_DELIVERY_PENDING);
	/* Rows of many are listed and changed in parts, too. */
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"event.list\",\"status\":\"pending\","
		      "\"type\":\"many.*\",\"destination\":\"crm\"}",
		&an, &err),
	    0);
	ck_assert_uint_eq(an.n, EVENTS);
	stand_free(&an);
}
END_TEST

/* --- what is refused ------------------------------------------------------ */

static const struct {
	const char *when, *call;
	enum err_code code;
	const char *words;
} refused[] = {
	{ "a status that is none",
	    "{\"op\":\"event.list\",\"status\":\"tset\"}", ERR_USAGE,
	    "\"delivered\"" },
	{ "a delivery's status in an export",
	    "{\"op\":\"event.export\",\"status\":\"dead\"}", ERR_USAGE,
	    "\"accepted\" or \"test\"" },
	{ "an unknown destination",
	    "{\"op\":\"event.list\",\"destination\":\"cmr\"}", ERR_NOTFOUND,
	    "did you mean \"crm\"" },
	{ "a reason of what is not dead",
	    "{\"op\":\"event.list\",\"reason\":\"x\"}", ERR_USAGE, "dead" },
	{ "retry of nothing", "{\"op\":\"delivery.retry\"}", ERR_USAGE,
	    "name events by their seqs" },
	{ "retry of what cannot be",
	    "{\"op\":\"delivery.retry\",\"destination\":\"crm\",\"status\":"
	    "\"delivered\"}",
	    ERR_USAGE, "retry takes what is retrying, parked or dead" },
	{ "retry of an unknown destination",
	    "{\"op\":\"delivery.retry\",\"destination\":\"cmr\"}", ERR_NOTFOUND,
	    "did you mean" },
	{ "seqs and a reason",
	    "{\"op\":\"delivery.drop\",\"seqs\":[3],\"reason\":\"x\"}",
	    ERR_USAGE, "reason" },
	{ "no number", "{\"op\":\"delivery.retry\",\"seqs\":[\"3\"]}",
	    ERR_USAGE, "numbers" },
	{ "skip without seqs",
	    "{\"op\":\"delivery.skip\",\"destination\":\"crm\"}", ERR_USAGE,
	    "seqs" },
	{ "skip without a destination",
	    "{\"op\":\"delivery.skip\",\"seqs\":[2]}", ERR_USAGE,
	    "destination" },
	{ "replay of nothing", "{\"op\":\"delivery.replay\"}", ERR_USAGE,
	    "name the events" },
	{ "replay of seqs and a range", REPLAY("\"seqs\":[1],\"from_seq\":1"),
	    ERR_USAGE, "not by both" },
	{ "replay of an event there is not", REPLAY("\"seqs\":[99]"),
	    ERR_NOTFOUND, "no event 99" },
	{ "a request id that is none",
	    REPLAY("\"seqs\":[1],\"request_id\":\"12\""), ERR_USAGE,
	    "32 hexadecimal" },
	{ "a delivery's status in a replay",
	    REPLAY("\"from_seq\":1,\"status\":\"dead\""), ERR_USAGE,
	    "\"accepted\" or \"test\"" },
};

START_TEST(wrong_calls_are_refused)
{
	struct err err = ERR_INIT;
	struct answer an;
	size_t i;

	for (i = 0; i < NITEMS(refused); i++) {
		ck_assert_msg(stand_ask(refused[i].call, &an, &err) == -1, "%s",
		    refused[i].when);
		ck_assert_msg(err.code == refused[i].code, "%s: %s",
		    refused[i].when, err.text);
		ck_assert_msg(strstr(err.text, refused[i].words) != NULL,
		    "%s: %s", refused[i].when, err.text);
		stand_free(&an);
	}
}
END_TEST

/* Where nothing is sent just now, who retries is told so. */
START_TEST(pauses_are_said)
{
	struct err err = ERR_INIT;
	struct answer an;

	stand_do("{\"op\":\"destination.pause\",\"destination\":\"crm\"}");
	ck_assert_int_eq(stand_ask(SEQ("retry", "2"), &an, &err), 0);
	ck_assert(stand_has(an.last, "/words",
	    "\"the destination is paused: it waits until that is "
	    "resumed\""));
	stand_free(&an);
	ck_assert_int_eq(
	    stand_ask("{\"op\":\"delivery.retry\",\"destination\":\"crm\"}",
		&an, &err),
	    0);
	ck_assert(!stand_has(an.last, "/warnings/0", NULL));
	stand_free(&an);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("ops_delivery");
	TCase *tc = tcase_create("deliveries");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, open_stand, stand_close);
	tcase_add_test(tc, list_finds);
	tcase_add_test(tc, show_says);
	tcase_add_loop_test(tc, act_does, 0, NITEMS(acts));
	tcase_add_test(tc, retry_begins_anew);
	tcase_add_test(tc, each_act_is_on_record);
	tcase_add_test(tc, dropped_is_said);
	tcase_add_loop_test(tc, many_are_changed, 0, NITEMS(many));
	tcase_add_loop_test(tc, replay_makes, 0, NITEMS(replays));
	tcase_add_test(tc, replay_is_a_row);
	tcase_add_test(tc, request_is_done_once);
	tcase_add_test(tc, named_ones_are_done_once);
	tcase_add_test(tc, large_replay_goes_in_parts);
	tcase_add_test(tc, wrong_calls_are_refused);
	tcase_add_test(tc, pauses_are_said);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
