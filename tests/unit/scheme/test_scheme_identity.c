/*
 * What a scheme says of ids, retries, repeats and batches: which files are
 * refused, and what is found out of the others.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/scheme/scheme.h"

#define SIG "\"sig\":{\"from\":\"header:S\",\"enc\":\"hex\"}"
#define HMAC "{\"alg\":\"hmac-sha256\"," SIG ","
#define BODY "\"content\":\"{body}\""
#define EQUAL "{\"alg\":\"equal\",\"sig\":{\"from\":\"header:S\"},"
#define VARIES "\"retry_body\":\"varies\",\"source\":\"https://e.org\""
#define EACH_SIGNED "\"each\":{\"at\":\"/i\",\"signed\":true}"
#define ITEM_SIG "\"sig\":{\"from\":\"json:/s\",\"enc\":\"hex\"}"

static struct scheme *
loaded(const char *text)
{
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err) == 0, "%s",
	    err.text);
	return sc;
}

/* --- files that are refused ----------------------------------------------- */

static const struct {
	const char *when, *text, *says;
} refused[] = {
	{ "varies without a source",
	    HMAC BODY ",\"id\":\"{json:/id}\",\"retry_body\":\"varies\"}",
	    "/retry_body: \"varies\" drops what differs under one id: name "
	    "where the provider says so in \"source\"" },
	{ "varies as somebody recalls",
	    HMAC BODY ",\"id\":\"{json:/id}\",\"retry_body\":\"varies\","
		      "\"source\":\"recalled\"}",
	    "/retry_body: \"varies\" drops what differs under one id: name "
	    "where the provider says so in \"source\"" },
	{ "varies for an id that is not signed",
	    HMAC BODY ",\"id\":\"{header:I}\"," VARIES "}",
	    "/retry_body: \"varies\" drops what differs under one id: that "
	    "must be one value that is signed, or alg \"equal\"" },
	{ "varies where one of two ids is not signed",
	    HMAC BODY ",\"id\":[\"{json:/id}\",\"{header:I}\"]," VARIES "}",
	    "/retry_body: \"varies\" drops what differs under one id: that "
	    "must be one value that is signed, or alg \"equal\"" },
	{ "varies for a composed id",
	    HMAC BODY ",\"id\":\"{json:/a}.{json:/b}\"," VARIES "}",
	    "/retry_body: \"varies\" drops what differs under one id: that "
	    "must be one value that is signed, or alg \"equal\"" },
	{ "varies for an ambiguous id",
	    HMAC
	    "\"content\":\"{header:I}{body}\",\"id\":\"{header:I}\"," VARIES
	    "}",
	    "/retry_body: \"varies\" drops what differs under one id: that "
	    "must be one value that is signed, or alg \"equal\"" },
	{ "varies without an id", HMAC BODY "," VARIES "}",
	    "/retry_body: \"varies\" drops what differs under one id: that "
	    "must be one value that is signed, or alg \"equal\"" },
	{ "an unknown word", HMAC BODY ",\"retry_body\":\"changes\"}",
	    "/retry_body: must be one of \"same\", \"varies\", \"unknown\"" },
	{ "what varies, and what changes",
	    HMAC BODY ",\"id\":\"{json:/id}\"," VARIES
		      ",\"retry_changes\":\"/n\"}",
	    "/retry_changes: says what changes of a body that is the \"same\" "
	    "else; retry_body is \"varies\"" },
	{ "a pointer that is none", HMAC BODY ",\"retry_changes\":\"n\"}",
	    "/retry_changes: \"json:n\" is no JSON pointer (RFC 6901): "
	    "/member/0" },

	{ "repeats by types that are not read",
	    HMAC BODY ",\"repeats\":\"types\"}",
	    "/repeats: \"types\" needs \"type\"" },
	{ "a type that repeats and is not read",
	    HMAC BODY ",\"repeat_types\":\"ping\"}",
	    "/repeat_types: needs \"type\"" },
	{ "a type that repeats where all do",
	    HMAC BODY ",\"type\":\"{json:/t}\",\"repeats\":\"always\","
		      "\"repeat_types\":\"ping\"}",
	    "/repeat_types: repeats is \"always\", whatever the type" },
	{ "a star in the middle",
	    HMAC BODY ",\"type\":\"{json:/t}\",\"repeat_types\":\"a*b\"}",
	    "/repeat_types: \"a*b\": a * stands at the end of the beginning "
	    "of a type" },
	{ "a star alone",
	    HMAC BODY ",\"type\":\"{json:/t}\",\"repeat_types\":[\"*\"]}",
	    "/repeat_types: \"*\": a * stands at the end of the beginning of "
	    "a type" },

	{ "an element that stands for all",
	    HMAC BODY ",\"id\":\"{json:/events/0/id}\"}",
	    "/id: \"json:/events/0/id\" reads one element of a list, which "
	    "would stand for all of them; use \"each\"" },
	{ "an element whose type stands for all",
	    HMAC BODY ",\"type\":[\"{header:T}\",\"{json:/0}\"]}",
	    "/type: \"json:/0\" reads one element of a list, which would "
	    "stand for all of them; use \"each\"" },
	{ "two values in one row", HMAC BODY ",\"id\":\"{json:/a}{json:/b}\"}",
	    "/id: \"json:/b\" follows another value with nothing between "
	    "them" },
	{ "two values of an element in one row",
	    HMAC BODY ",\"each\":{\"at\":\"\",\"id\":\"{json:/a}{json:/b}\"}}",
	    "/each/id: \"json:/b\" follows another value with nothing between "
	    "them" },
	{ "elements of nowhere", HMAC BODY ",\"each\":{\"id\":\"{json:/a}\"}}",
	    "/each/at: is missing" },
	{ "elements of nothing", HMAC BODY ",\"each\":{\"at\":[]}}",
	    "/each/at: must not be empty" },
	{ "elements that are no place", HMAC BODY ",\"each\":{\"at\":[\"a\"]}}",
	    "/each/at/0: \"json:a\" is no JSON pointer (RFC 6901): "
	    "/member/0" },
	{ "elements of which nothing is read",
	    HMAC BODY ",\"each\":{\"at\":\"\"}}",
	    "/each: has neither \"id\" nor \"type\"" },
	{ "an element's id in a header",
	    HMAC BODY ",\"each\":{\"at\":\"\",\"id\":\"{header:I}\"}}",
	    "/each/id: \"header:I\" cannot stand here" },
	{ "an element's id that is none",
	    HMAC BODY ",\"each\":{\"at\":\"\",\"id\":\"a\"}}",
	    "/each/id: \"a\" is the same for every event" },
	{ "elements signed in a header",
	    HMAC "\"content\":\"{json:/a}\",\"body\":\"json\"," EACH_SIGNED "}",
	    "/each/signed: sig.from must be a JSON source" },
	{ "elements signed with a header",
	    "{\"alg\":\"hmac-sha256\"," ITEM_SIG ",\"content\":\"{header:T}\","
	    "\"body\":\"json\"," EACH_SIGNED "}",
	    "/each/signed: content can hold JSON sources alone" },
	{ "elements signed with a public key",
	    "{\"alg\":\"ed25519\"," ITEM_SIG ",\"content\":\"{json:/a}\","
	    "\"body\":\"json\"," EACH_SIGNED "}",
	    "/each/signed: the algorithm must be a MAC or \"equal\"" },
	{ "elements signed with a time",
	    "{\"alg\":\"hmac-sha256\"," ITEM_SIG ",\"content\":\"{json:/a}\","
	    "\"time\":{\"from\":\"json:/a\",\"unit\":\"s\"},"
	    "\"body\":\"json\"," EACH_SIGNED "}",
	    "/each/signed: there can be no time, digest or older" },
	{ "elements of what may be no JSON",
	    "{\"alg\":\"hmac-sha256\"," ITEM_SIG
	    ",\"content\":\"{json:/a}\"," EACH_SIGNED "}",
	    "/each/signed: \"body\" must be \"json\"" },

	{ "a plain digest of any body",
	    "{\"alg\":\"sha256\"," SIG ",\"content\":\"{key}{body}\"}",
	    "/body: must be \"json\": a plain digest with {key} lets anybody "
	    "add bytes to a body that is not" },
	{ "a plain digest that ends with a header",
	    "{\"alg\":\"sha256\"," SIG ",\"body\":\"json\","
	    "\"content\":\"{key}{body}{header:T}\"}",
	    "/content: {body}, a JSON source or {key} must stand last: "
	    "anybody can add bytes to what does" },
	{ "a param for a value that nobody signs",
	    HMAC BODY ",\"require\":\"header:T = param:t\"}",
	    "/require: \"header:T\" is not in the signed content, so whoever "
	    "repeats a request can choose it" },
	{ "a param without a name",
	    HMAC BODY ",\"require\":\"json:/t = param:\"}",
	    "/require: must read \"SOURCE = param:NAME\"" },
	{ "a separator in what is not signed",
	    HMAC "\"content\":\"{json:/a}:{json:/b}\","
		 "\"separator_in\":\"json:/c\"}",
	    "/separator_in: \"json:/c\" is not in content" },
	{ "a separator in one value beside the body",
	    HMAC "\"content\":\"{header:a}:{body}\","
		 "\"separator_in\":\"header:a\"}",
	    "/separator_in: {body} may hold anything already" },
};

START_TEST(what_would_lose_or_repeat_events_is_refused)
{
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	int ret =
	    scheme_parse("x.json", span_str(refused[_i].text), &sc, NULL, &err);

	ck_assert_msg(ret == -1, "%s: loads", refused[_i].when);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_str_eq(err.text + strlen("x.json: "), refused[_i].says);
	scheme_free(sc);
}
END_TEST

/* --- what is found out ---------------------------------------------------- */

static const struct {
	const char *when, *text;
	bool is_signed, is_composed, is_ambiguous, suffices;
} ids[] = {
	{ "in the signed body", HMAC BODY ",\"id\":\"{json:/id}\"}", true,
	    false, false, false },
	{ "the same, required",
	    HMAC BODY ",\"body\":\"json\",\"id\":\"{json:/id}\","
		      "\"required\":\"/id\"}",
	    true, false, false, true },
	{ "in a header", HMAC BODY ",\"id\":\"{header:I}\"}", false, false,
	    false, false },
	{ "composed", HMAC BODY ",\"id\":\"{json:/a} {json:/b}\"}", true, true,
	    false, false },
	{ "divided from the body",
	    HMAC "\"content\":\"{header:I}.{body}\",\"id\":\"{header:I}\"}",
	    true, false, false, true },
	{ "optional in what is signed",
	    HMAC "\"content\":\"{header:I?}.{body}\",\"id\":\"{header:I}\"}",
	    true, false, false, false },
	{ "beside any body",
	    HMAC "\"content\":\"{header:I}{body}\",\"id\":\"{header:I}\"}",
	    true, false, true, false },
	{ "beside a body that is JSON",
	    HMAC "\"content\":\"{header:I}{body}\",\"id\":\"{header:I}\","
		 "\"body\":\"json\"}",
	    true, false, false, true },
	{ "two beside each other, before JSON",
	    HMAC "\"content\":\"{header:I}{header:J}{body}\","
		 "\"id\":\"{header:I}\",\"body\":\"json\"}",
	    true, false, true, false },
	{ "before a date that ends itself, and JSON",
	    HMAC "\"content\":\"{header:I}{header:T}{body}\","
		 "\"time\":{\"from\":\"header:T\",\"unit\":\"rfc3339\"},"
		 "\"id\":\"{header:I}\",\"body\":\"json\"}",
	    true, false, false, true },
	{ "before a date that ends itself, and any body",
	    HMAC "\"content\":\"{header:I}{header:T}{body}\","
		 "\"time\":{\"from\":\"header:T\",\"unit\":\"rfc3339\"},"
		 "\"id\":\"{header:I}\"}",
	    true, false, true, false },
	{ "behind seconds without a window",
	    HMAC "\"content\":\"{json:/t}{json:/id}\","
		 "\"time\":{\"from\":\"json:/t\",\"unit\":\"s\"},"
		 "\"id\":\"{json:/id}\"}",
	    true, false, true, false },
	{ "behind seconds within a window",
	    HMAC "\"content\":\"{json:/t}{json:/id}\",\"time\":{\"from\":"
		 "\"json:/t\",\"unit\":\"s\",\"past\":9,\"future\":9},"
		 "\"id\":\"{json:/id}\"}",
	    true, false, false, true },
	{ "a group without a word of its own",
	    HMAC "\"content\":\"{[{json:/a};]}{json:/id}\","
		 "\"id\":\"{json:/id}\"}",
	    true, false, true, false },
	{ "headers that the request names",
	    "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:S\",\"enc\":"
	    "\"hex\",\"split\":\",\",\"prefix\":\"v=\"},"
	    "\"content\":\"{headers:h=}.{body}\",\"id\":\"{json:/id}\"}",
	    true, false, true, false },
	{ "of a form that is signed in one row",
	    HMAC "\"content\":\"{form*}\",\"id\":\"{form:id}\"}", false, false,
	    false, false },
	{ "of a token's request", EQUAL "\"id\":\"{json:/id}\"}", false, false,
	    false, false },
	{ "of a batch's element",
	    HMAC BODY ",\"each\":{\"at\":\"\",\"id\":\"{json:/id}\"}}", true,
	    false, false, false },
};

START_TEST(ids_are_known_for_what_they_are)
{
	struct scheme *sc = loaded(ids[_i].text);
	const struct scheme_id *id;

	ck_assert_uint_eq(scheme_ids(sc, &id), 1);
	ck_assert_msg(id->is_signed == ids[_i].is_signed &&
			  id->is_composed == ids[_i].is_composed &&
			  id->is_ambiguous == ids[_i].is_ambiguous &&
			  id->suffices == ids[_i].suffices,
	    "%s: signed %d, composed %d, ambiguous %d, suffices %d",
	    ids[_i].when, id->is_signed, id->is_composed, id->is_ambiguous,
	    id->suffices);
	scheme_free(sc);
}
END_TEST

/* An id that is tried behind one that can be left out is no guard. */
START_TEST(the_first_ids_count)
{
	struct scheme *sc = loaded(
	    HMAC BODY ",\"body\":\"json\",\"required\":\"/id\","
		      "\"id\":[\"{header:I}\",\"{json:/id}\"],"
		      "\"each\":{\"at\":[\"/a\",\"\"],\"id\":\"{json:/x?}\"}}");
	const struct scheme_id *id;

	ck_assert_uint_eq(scheme_ids(sc, &id), 3);
	ck_assert_str_eq(id[0].text, "{header:I}");
	ck_assert_str_eq(id[2].text, "{json:/x?}");
	ck_assert(!id[0].is_signed && id[1].is_signed);
	ck_assert(!id[1].suffices);
	ck_assert(!scheme_id_signed(sc));
	ck_assert_str_eq(scheme_each_at(sc)[0], "/a");
	ck_assert_str_eq(scheme_each_at(sc)[1], "");
	ck_assert_ptr_null(scheme_each_at(sc)[2]);
	scheme_free(sc);
}
END_TEST

START_TEST(a_scheme_says_what_repeats)
{
	struct scheme *sc = loaded(
	    HMAC BODY ",\"type\":\"{json:/t}\",\"repeats\":\"types\","
		      "\"repeat_types\":[\"ping\",\"run.*\"],"
		      "\"source\":[\"a\",\"b\"],\"retry_changes\":\"/n\"}");

	ck_assert_str_eq(scheme_repeats_word(scheme_repeats(sc)), "types");
	ck_assert_str_eq(scheme_retry_word(scheme_retry_body(sc)), "unknown");
	ck_assert(scheme_is_repeat_type(sc, span_str("ping")));
	ck_assert(!scheme_is_repeat_type(sc, span_str("pings")));
	ck_assert(scheme_is_repeat_type(sc, span_str("run.a")));
	ck_assert(scheme_is_repeat_type(sc, span_str("run.")));
	ck_assert(!scheme_is_repeat_type(sc, span_str("run")));
	ck_assert(!scheme_is_repeat_type(sc, SPAN_EMPTY));
	ck_assert_str_eq(scheme_sources(sc)[1], "b");
	ck_assert_ptr_null(scheme_sources(sc)[2]);
	ck_assert_str_eq(scheme_repeat_types(sc)[0], "ping");
	ck_assert_str_eq(scheme_retry_changes(sc)[0], "/n");
	ck_assert(scheme_covers_body(sc));
	ck_assert(!scheme_time_signed(sc));
	scheme_free(sc);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("scheme identity");
	TCase *tc = tcase_create("files");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, what_would_lose_or_repeat_events_is_refused, 0,
	    NITEMS(refused));
	tcase_add_loop_test(
	    tc, ids_are_known_for_what_they_are, 0, NITEMS(ids));
	tcase_add_test(tc, the_first_ids_count);
	tcase_add_test(tc, a_scheme_says_what_repeats);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
