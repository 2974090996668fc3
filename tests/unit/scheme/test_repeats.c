/* test_repeats.c: what endpoints say of content that comes again. */
#include "lib/scheme/repeats.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define HMAC                                               \
	"\"sig\":{\"from\":\"header:S\",\"enc\":\"hex\"}," \
	"\"alg\":\"hmac-sha256\","
#define SIGNS_BODY HMAC "\"content\":\"{body}\""
#define SIGNS_TIME                                 \
	HMAC "\"content\":\"{header:At}.{body}\"," \
	     "\"time\":{\"from\":\"header:At\",\"unit\":\"s\",\"past\":300}"
#define SIGNS_TOKEN HMAC "\"content\":\"{header:Token}\""
#define SIGNS_JOIN HMAC "\"content\":\"{header:I}{header:J}.{body}\""
#define TOKEN "\"alg\":\"equal\",\"sig\":{\"from\":\"header:S\"}"
#define SIGNED_ID ",\"body\":\"json\",\"id\":\"{json:/id}\""
#define HEADER_ID ",\"id\":\"{header:I}\""
#define HEADER_TYPE ",\"type\":\"{header:E}\""
#define BODY_TYPE ",\"body\":\"json\",\"type\":\"{json:/t}\""
#define CAPTURED \
	"; nothing that is signed tells a repeat from a captured request"
#define ANYTHING \
	"; nothing is signed: whoever has seen a request can post any event"

static const struct {
	const char *when, *scheme, *endpoint, *want;
} rows[] = {
	{ "the id is signed", SIGNS_BODY SIGNED_ID, "",
	    "the same id is a duplicate, with another body held" },
	{ "and another body is refused", SIGNS_BODY SIGNED_ID,
	    ",\"on_held\":\"refuse\"",
	    "the same id is a duplicate, with another body refused" },
	{ "and a retry has another body",
	    SIGNS_BODY SIGNED_ID ",\"retry_body\":\"varies\","
				 "\"source\":\"https://a.example/\"",
	    "", "the same id is a duplicate, whatever the body" },
	{ "repeats changes nothing then", SIGNS_BODY SIGNED_ID,
	    ",\"repeats\":\"always\"",
	    "the same id is a duplicate, with another body held" },
	{ "the id is not signed", SIGNS_BODY HEADER_ID, "",
	    "the same content under another id is held" },
	{ "and what may be a repeat is refused", SIGNS_BODY HEADER_ID,
	    ",\"on_held\":\"refuse\"",
	    "the same content under another id is refused" },
	{ "and what may be a repeat is delivered", SIGNS_BODY HEADER_ID,
	    ",\"on_held\":\"deliver\"",
	    "the same content under another id is accepted all the "
	    "same" CAPTURED },
	{ "content repeats by type",
	    SIGNS_BODY HEADER_ID HEADER_TYPE ",\"repeats\":\"types\"", "",
	    "the same content under another id is accepted once under each "
	    "type within 1h, else held" CAPTURED },
	{ "within the endpoint's own time",
	    SIGNS_BODY HEADER_ID HEADER_TYPE ",\"repeats\":\"types\"",
	    ",\"repeat_within\":600",
	    "the same content under another id is accepted once under each "
	    "type within 10m, else held" CAPTURED },
	{ "by a type that is signed",
	    SIGNS_BODY HEADER_ID BODY_TYPE ",\"repeats\":\"types\"", "",
	    "the same content under another id is accepted once under each "
	    "type within 1h, else held" },
	{ "by the endpoint's word", SIGNS_BODY HEADER_ID HEADER_TYPE,
	    ",\"repeats\":\"types\"",
	    "the same content under another id is accepted once under each "
	    "type within 1h, else held" CAPTURED },
	{ "some types repeat",
	    SIGNS_BODY HEADER_ID HEADER_TYPE
	    ",\"repeat_types\":[\"ping\",\"a.*\",\"b\"]",
	    "",
	    "the same content under another id is held; of type ping, a.* or "
	    "b each is accepted" CAPTURED },
	{ "and the endpoint wants none of it",
	    SIGNS_BODY HEADER_ID HEADER_TYPE ",\"repeat_types\":\"ping\"",
	    ",\"repeats\":\"never\"",
	    "the same content under another id is held" },
	{ "each may be another event",
	    SIGNS_BODY HEADER_ID ",\"repeats\":\"always\"", "",
	    "the same content under another id is accepted" CAPTURED },
	{ "when its time is signed",
	    SIGNS_TIME HEADER_ID ",\"repeats\":\"always\"", "",
	    "the same content is accepted again when it is signed with "
	    "another time" },
	{ "the endpoint says never",
	    SIGNS_BODY HEADER_ID ",\"repeats\":\"always\"",
	    ",\"repeats\":\"never\"",
	    "the same content under another id is held" },
	{ "there is no id", SIGNS_BODY, "", "the same content is a duplicate" },
	{ "and a type that is not signed", SIGNS_BODY HEADER_TYPE, "",
	    "the same content is a duplicate, under another type held" },
	{ "and a type that is signed", SIGNS_BODY BODY_TYPE, "",
	    "the same content is a duplicate" },
	{ "and content repeats by type", SIGNS_BODY HEADER_TYPE,
	    ",\"repeats\":\"types\"",
	    "the same content is accepted once under each type within 1h, "
	    "later under another type held" CAPTURED },
	{ "and each may be another event", SIGNS_BODY,
	    ",\"repeats\":\"always\"",
	    "the same content is accepted each time, a retry too" CAPTURED },
	{ "and each with its time", SIGNS_TIME, ",\"repeats\":\"always\"",
	    "the same content is accepted again when it is signed with "
	    "another time, a retry too" },
	{ "the body is not signed", SIGNS_TOKEN HEADER_ID, "",
	    "a signature is good for one event, since it does not cover the "
	    "body; with another it is refused" },
	{ "the id can be cut in two ways", SIGNS_JOIN ",\"id\":\"{header:J}\"",
	    "", "the same signed content is a duplicate" },
	{ "a token and an id", TOKEN HEADER_ID, "",
	    "the same id is a duplicate, with another body held" ANYTHING },
	{ "a token alone", TOKEN, "",
	    "the same content is a duplicate" ANYTHING },
	{ "a token, and each may be another event", TOKEN,
	    ",\"repeats\":\"always\"",
	    "the same content is accepted each time, a retry too" ANYTHING },
};

static void
read_endpoint(const char *settings, struct endpoint *ep)
{
	struct err err = ERR_INIT;
	char doc[256];

	snprintf(doc, sizeof(doc), "{\"scheme\":\"x\"%s}", settings);
	ck_assert_msg(
	    endpoint_decode(span_str(doc), ep, &err) == 0, "%s", err.text);
}

static struct scheme *
read_scheme(const char *members)
{
	struct err err = ERR_INIT;
	struct scheme *sc = NULL;
	char text[2048];

	snprintf(text, sizeof(text), "{%s}", members);
	ck_assert_msg(
	    scheme_parse("/x.json", span_str(text), &sc, NULL, &err) == 0,
	    "%s: %s", members, err.text);
	return sc;
}

static char *
describe(const struct scheme *sc, const struct endpoint *ep)
{
	struct buf out = BUF_INIT(REPEATS_WORDS_MAX);
	struct err err = ERR_INIT;
	char *words;

	ck_assert_msg(
	    repeats_describe(sc, ep, &out, &err) == 0, "%s", err.text);
	words = span_dup(buf_span(&out), &err);
	ck_assert_ptr_nonnull(words);
	buf_free(&out);
	return words;
}

START_TEST(words_say_what_repeats)
{
	struct scheme *sc = read_scheme(rows[_i].scheme);
	struct endpoint ep;
	char *words;

	read_endpoint(rows[_i].endpoint, &ep);
	words = describe(sc, &ep);
	ck_assert_msg(strcmp(words, rows[_i].want) == 0, "%s: \"%s\"",
	    rows[_i].when, words);
	free(words);
	endpoint_free(&ep);
	scheme_free(sc);
}
END_TEST

/* The endpoint's word wins over the scheme's. */
START_TEST(endpoint_decides)
{
	static const struct {
		const char *endpoint;
		enum dedupe_repeats want;
		bool ping;
	} says[] = {
		{ "", DEDUPE_REPEATS_TYPES, true },
		{ ",\"repeats\":\"never\"", DEDUPE_REPEATS_NEVER, false },
		{ ",\"repeats\":\"types\"", DEDUPE_REPEATS_TYPES, true },
		{ ",\"repeats\":\"always\"", DEDUPE_REPEATS_ALWAYS, true },
	};
	struct scheme *sc = read_scheme(SIGNS_BODY HEADER_ID HEADER_TYPE
	    ",\"repeats\":\"types\",\"repeat_types\":\"ping\"");
	struct endpoint ep;
	size_t i;

	for (i = 0; i < NITEMS(says); i++) {
		read_endpoint(says[i].endpoint, &ep);
		ck_assert_int_eq(repeats_of(sc, &ep), says[i].want);
		ck_assert_int_eq(
		    repeats_type(sc, &ep, span_str("ping")), says[i].ping);
		ck_assert(!repeats_type(sc, &ep, span_str("push")));
		endpoint_free(&ep);
	}
	scheme_free(sc);
}
END_TEST

START_TEST(within_has_a_default)
{
	struct endpoint ep;

	read_endpoint("", &ep);
	ck_assert_int_eq(repeats_within_ms(&ep), 3600 * 1000);
	ep.repeat_within_s = 0;
	ck_assert_int_eq(repeats_within_ms(&ep), 3600 * 1000);
	ep.repeat_within_s = 7;
	ck_assert_int_eq(repeats_within_ms(&ep), 7000);
	endpoint_free(&ep);
}
END_TEST

START_TEST(types_need_a_type)
{
	struct scheme *without = read_scheme(SIGNS_BODY HEADER_ID),
		      *with = read_scheme(SIGNS_BODY HEADER_ID HEADER_TYPE);
	struct err err = ERR_INIT;
	struct endpoint ep;

	read_endpoint(",\"repeats\":\"types\"", &ep);
	ck_assert_int_eq(repeats_check(with, &ep, &err), 0);
	ck_assert_int_eq(repeats_check(without, &ep, &err), -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	endpoint_free(&ep);
	scheme_free(without);
	scheme_free(with);
}
END_TEST

/* --- the words against the rule ------------------------------------------- */

/* A copy that is stored, and the event that is compared with it. */
struct stored {
	unsigned writes;
	struct dedupe_event copy;
	const struct dedupe_event *ev;
};

static bool
has_key(const struct stored *st, enum dedupe_key key)
{
	if ((st->writes & DEDUPE_BIT(key)) == 0)
		return false;
	switch (key) {
	case DEDUPE_ID:
		return st->copy.id[0] == st->ev->id[0];
	case DEDUPE_CONTENT_TYPE:
		return st->copy.type[0] == st->ev->type[0];
	case DEDUPE_CONTENT:
	case DEDUPE_PAYLOAD:
	case DEDUPE_OLDER:
		return true;
	case DEDUPE_WHOLE:
	case DEDUPE_KEYS:
		break;
	}
	return false;
}

static int
find_stored(
    void *arg, enum dedupe_key key, struct dedupe_record *out, struct err *err)
{
	const struct stored *st = arg;

	(void)err;
	if (!has_key(st, key))
		return 0;
	out->state = DEDUPE_STORED;
	out->seq = 1;
	memcpy(out->id, st->copy.id, DEDUPE_HASH);
	memcpy(out->payload, st->copy.payload, DEDUPE_HASH);
	memcpy(out->type, st->copy.type, DEDUPE_HASH);
	return 0;
}

/*
 * Is a captured request that has the same signature accepted again, when all
 * that is not signed may be changed?
 */
static bool
replay_counts(const struct dedupe_class *cl, const struct endpoint *ep,
    bool has_id, bool has_type)
{
	struct dedupe_event ev = { .has_id = has_id,
		.has_type = has_type,
		.id_complete = true,
		.payload = { 1 } };
	struct dedupe_decision out;
	struct stored st = { .ev = &ev };
	struct err err = ERR_INIT;
	bool counts = false;
	unsigned change;

	ev.id[0] = has_id;
	ev.type[0] = has_type;
	ck_assert_int_eq(
	    dedupe_judge(cl, &ev, find_stored, &st, &out, &err), 0);
	ck_assert_int_eq(out.verdict, DEDUPE_ACCEPT);
	st.writes = out.writes;
	st.copy = ev;
	for (change = 0; change < 4; change++) {
		ev = st.copy;
		if ((change & 1) != 0 && has_id && !cl->id_signed)
			ev.id[0] = 2;
		else if ((change & 1) != 0)
			continue;
		if ((change & 2) != 0 && has_type && !cl->type_signed)
			ev.type[0] = 2;
		else if ((change & 2) != 0)
			continue;
		ck_assert_int_eq(
		    dedupe_judge(cl, &ev, find_stored, &st, &out, &err), 0);
		counts |= out.verdict == DEDUPE_ACCEPT ||
			  (out.verdict == DEDUPE_HOLD &&
			      ep->on_held == ENDPOINT_ON_HELD_DELIVER);
	}
	return counts;
}

static const char *const choices[] = { "", ",\"repeats\":\"never\"",
	",\"repeats\":\"types\"", ",\"repeats\":\"always\"",
	",\"on_held\":\"deliver\"" };

static void
compare(const struct scheme *sc, const char *choice)
{
	const struct scheme_id *ids;
	bool has_id = scheme_ids(sc, &ids) > 0, has_type = scheme_has_type(sc),
	     repeats, counts;
	struct dedupe_class cl = { .covers_body = scheme_covers_body(sc),
		.signs = strcmp(scheme_algorithm(sc), "equal") != 0,
		.id_signed = scheme_id_signed(sc),
		.type_signed = scheme_type_signed(sc),
		.time_signed = scheme_time_signed(sc) };
	struct endpoint ep;
	char *words;

	read_endpoint(choice, &ep);
	cl.id_ambiguous = has_id && ids[0].is_ambiguous;
	cl.repeats = repeats_of(sc, &ep);
	cl.within_ms = repeats_within_ms(&ep);
	cl.type_repeats = ep.repeats != ENDPOINT_REPEATS_NEVER &&
			  scheme_repeat_types(sc)[0] != NULL;
	words = describe(sc, &ep);
	repeats = strstr(words, CAPTURED) != NULL;
	counts = cl.signs && replay_counts(&cl, &ep, has_id, has_type);
	ck_assert_msg(repeats == counts, "%s%s: a replay %s, but \"%s\"",
	    scheme_name(sc), choice, counts ? "counts" : "does not count",
	    words);
	ck_assert_msg((strstr(words, ANYTHING) != NULL) == !cl.signs,
	    "%s: \"%s\"", scheme_name(sc), words);
	free(words);
	endpoint_free(&ep);
}

/* Each preset says so where a captured request would count again (P2). */
START_TEST(presets_say_what_a_replay_can)
{
	const char *source = getenv("top_srcdir");
	struct scheme_set *set = NULL;
	struct err err = ERR_INIT;
	const char *dir;
	char path[4096];
	size_t i;

	snprintf(path, sizeof(path), "%s/conf/schemes",
	    source == NULL ? "." : source);
	dir = path;
	ck_assert_int_eq(scheme_set_load(&dir, 1, NULL, NULL, &set, &err), 0);
	ck_assert_uint_ge(scheme_set_count(set), 100);
	for (i = 0; i < scheme_set_count(set); i++)
		compare(scheme_set_at(set, i), choices[_i]);
	scheme_set_free(set);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("repeats");
	TCase *tc = tcase_create("repeats");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, words_say_what_repeats, 0, NITEMS(rows));
	tcase_add_test(tc, endpoint_decides);
	tcase_add_test(tc, within_has_a_default);
	tcase_add_test(tc, types_need_a_type);
	tcase_add_loop_test(
	    tc, presets_say_what_a_replay_can, 0, NITEMS(choices));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
