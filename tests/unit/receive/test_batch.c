/*
 * What is read of a request by what its scheme says: the events of a batch,
 * what is signed, what a retry repeats, and whether values keep apart.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/crypto/hmac.h"
#include "tests/stand/trial.h"

#define SIG "\"sig\":{\"from\":\"header:S\",\"enc\":\"hex\"}"
#define HMAC "{\"alg\":\"hmac-sha256\"," SIG ","
#define BODY "\"content\":\"{body}\""
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

/* --- what is read of a request -------------------------------------------- */

#define TWO      \
	"batch:" \
	"4295f72eeb1e3507b8461e240e3b8d18c1e7bd2f1122b11fc9ec40a65894031a"

static const struct {
	const char *when, *id, *type, *body;
	const char *want_id; /* "2": of a batch of two; NULL: none */
	const char *types; /* in their order, divided by blanks */
	bool id_complete, types_complete;
} batches[] = {
	{ "one", "{json:/a}", "{json:/t}", "[{\"a\":1,\"t\":\"x\"}]", "1", "x",
	    true, true },
	{ "two", "{json:/a}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"x\"},{\"a\":2,\"t\":\"y\"}]", "2", "x y", true,
	    true },
	{ "two the other way round", "{json:/a}", "{json:/t}",
	    " [ {\"a\" : 2,\"t\":\"y\"} , {\"a\":1,\"t\":\"x\"} ] ", "2", "y x",
	    true, true },
	{ "a type twice", "{json:/a}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"x\"},{\"a\":2,\"t\":\"x\"}]", "2", "x", true,
	    true },
	{ "no element", "{json:/a}", "{json:/t}", "[]", NULL, "", true, true },
	{ "an object is its own element", "{json:/a}", "{json:/t}",
	    "{\"a\":1,\"t\":\"x\"}", "1", "x", true, true },
	{ "an element without an id", "{json:/a}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"x\"},{\"t\":\"x\"}]", NULL, "x", false, true },
	{ "an element without a type", "{json:/a}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"x\"},{\"a\":2}]", "2", "x", true, false },
	{ "an element that is no object", "{json:/a}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"x\"},7]", NULL, "x", false, false },
	{ "no JSON", "{json:/a}", "{json:/t}", "[{\"a\":1},", NULL, "", true,
	    true },
	{ "a test is not the batch's type", "{json:/a}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"test.event\"},{\"a\":2,\"t\":\"y\"}]", "2",
	    "test.event y", true, true },
	{ "what divides an id stands in it", "{json:/a} {json:/b?}",
	    "{json:/t}", "[{\"a\":\"1 %\",\"b\":\"2 \",\"t\":\"x\"}]",
	    "1%20%25 2%20", "x", true, true },
	{ "an optional part is absent", "{json:/a} {json:/b?}", "{json:/t}",
	    "[{\"a\":1,\"t\":\"x\"}]", "1 ", "x", true, true },
};

START_TEST(a_batch_is_all_of_its_elements)
{
	char text[512], types[256] = "";
	struct request request = { .body = span_str(batches[_i].body) };
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(16384);
	struct err err = ERR_INIT;
	struct identity who;
	struct scheme *sc;
	const char *want = batches[_i].want_id;
	size_t i, len = 0;

	snprintf(text, sizeof(text),
	    HMAC BODY ",\"each\":{\"at\":\"\",\"id\":\"%s\",\"type\":\"%s\"}}",
	    batches[_i].id, batches[_i].type);
	sc = loaded(text);
	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &who, &err), 0);
	ck_assert_int_eq(who.outcome, IDENTIFY_OK);
	ck_assert_msg(who.has_id == (want != NULL), "%s", batches[_i].when);
	if (want != NULL)
		ck_assert_msg(
		    span_is(who.id, strcmp(want, "2") == 0 ? TWO : want),
		    "%s: %.*s", batches[_i].when, (int)who.id.len,
		    (const char *)who.id.ptr);
	ck_assert((who.id_facts != NULL) == who.has_id);
	for (i = 0; i < who.ntypes; i++)
		len += (size_t)snprintf(types + len, sizeof(types) - len,
		    "%s%.*s", i == 0 ? "" : " ", (int)who.types[i].len,
		    (const char *)who.types[i].ptr);
	ck_assert_str_eq(types, batches[_i].types);
	ck_assert_int_eq(who.has_type, who.ntypes > 0);
	if (who.ntypes > 1 && span_is(who.types[0], "test.event"))
		ck_assert(span_is(who.type, "y"));
	ck_assert_msg(who.id_complete == batches[_i].id_complete &&
			  who.types_complete == batches[_i].types_complete,
	    "%s", batches[_i].when);
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

/* Elements in lists in lists; a type of the request comes before theirs. */
START_TEST(batches_may_be_nested)
{
	struct request request = {
		.body = span_str(
		    "{\"o\":\"page\",\"e\":[{\"c\":[{\"f\":\"a\"},{\"f\":\"b\"}"
		    "]},"
		    "{\"m\":[{}]},{\"c\":[{\"f\":\"a\"}]},null,{\"c\":7}]}")
	};
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(16384);
	struct err err = ERR_INIT;
	struct identity who;
	struct scheme *sc = loaded(
	    HMAC BODY ",\"type\":\"{json:/o}\",\"each\":{\"at\":[\"/e/*/c\","
		      "\"/e/*/m\"],\"type\":\"{json:/f}\"}}");

	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &who, &err), 0);
	ck_assert(!who.has_id);
	ck_assert_uint_eq(who.ntypes, 3);
	ck_assert(span_is(who.type, "page") && span_is(who.types[1], "a") &&
		  span_is(who.types[2], "b"));
	ck_assert(who.type_signed && who.types_complete);
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

/* The JSON of a form outlives what is made of each element. */
START_TEST(a_batch_may_stand_in_a_form)
{
	struct request request = {
		.body = span_str("x=1&payload=%5B%7B%22t%22%3A%22%5Cu0061%22%7D"
				 "%2C%7B%22t%22%3A%22%5Cu0062%22%7D%5D")
	};
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(16384);
	struct err err = ERR_INIT;
	struct identity who;
	struct scheme *sc = loaded(
	    HMAC BODY ",\"json_in\":\"form:payload\",\"each\":{\"at\":\"\","
		      "\"id\":\"{json:/t}\",\"type\":\"{json:/t}\"}}");

	ck_assert_int_eq(verify_identify(sc, &in, &scratch, &who, &err), 0);
	ck_assert_uint_eq(who.ntypes, 2);
	ck_assert(span_is(who.types[0], "a") && span_is(who.types[1], "b"));
	ck_assert(who.has_id && span_starts(who.id, "batch:"));
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

/* More types than there is room for are told, and none is made up. */
START_TEST(too_many_types_are_told)
{
	struct buf body = BUF_INIT(65536), scratch = BUF_INIT(16384);
	struct request request = { .body = SPAN_EMPTY };
	struct verify_input in = { .request = &request };
	struct err err = ERR_INIT;
	struct identity who;
	struct scheme *sc =
	    loaded(HMAC BODY ",\"each\":{\"at\":\"\",\"id\":\"{json:/"
			     "t}\",\"type\":\"{json:/t}\"}}");
	size_t i;

	ck_assert_int_eq(buf_putc(&body, '[', &err), 0);
	for (i = 0; i <= EVENT_TYPES_MAX; i++)
		ck_assert_int_eq(
		    buf_printf(&body, &err, "%s{\"t\":\"%0200zu\"}",
			i == 0 ? "" : ",", i),
		    0);
	ck_assert_int_eq(buf_putc(&body, ']', &err), 0);
	request.body = buf_span(&body);
	ck_assert_msg(verify_identify(sc, &in, &scratch, &who, &err) == 0, "%s",
	    err.text);
	ck_assert_uint_eq(who.ntypes, EVENT_TYPES_MAX);
	ck_assert(!who.types_complete);
	ck_assert(who.has_id && span_starts(who.id, "batch:"));
	buf_free(&body);
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

/* --- what a retry repeats --------------------------------------------------
 */

static const struct {
	const char *when, *changes, *body, *want;
} payloads[] = {
	{ "a number", "\"/n\"", "{\"a\":1,\"n\":12}", "{\"a\":1,\"n\":}" },
	{ "in each of a list", "\"/*/n\"", "[{\"n\":1},{\"b\":2},{\"n\":3}]",
	    "[{\"n\":},{\"b\":2},{\"n\":}]" },
	{ "two, in whatever order", "[\"/b\",\"/a\"]", "{\"a\":1,\"b\":{}}",
	    "{\"a\":,\"b\":}" },
	{ "one within another", "[\"/a\",\"/a/b\"]",
	    "{\"a\":{\"b\":1},\"c\":2}", "{\"a\":,\"c\":2}" },
	{ "nothing to change", "\"/n\"", "{\"a\":1}", "{\"a\":1}" },
	{ "no JSON", "\"/n\"", "n=1", "n=1" },
};

START_TEST(a_payload_is_what_a_retry_repeats)
{
	char text[256];
	struct request request = { .body = span_str(payloads[_i].body) };
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(256);
	struct span payload;
	struct err err = ERR_INIT;
	struct scheme *sc;

	snprintf(text, sizeof(text), HMAC BODY ",\"retry_changes\":%s}",
	    payloads[_i].changes);
	sc = loaded(text);
	ck_assert_int_eq(verify_payload(sc, &in, &scratch, &payload, &err), 0);
	ck_assert_msg(span_is(payload, payloads[_i].want), "%s: %.*s",
	    payloads[_i].when, (int)payload.len, (const char *)payload.ptr);
	buf_free(&scratch);
	scheme_free(sc);
}
END_TEST

/* --- verdicts ------------------------------------------------------------- */

static const struct {
	const char *when, *a, *b; /* of "{header:A}.{json:/b}:{body...}" */
	enum verify_verdict want;
} joins[] = {
	{ "values without what divides them", "x", "y", VERIFY_VALID },
	{ "the first holds it", "x.z", "y", VERIFY_INVALID },
	{ "it ends with it", "x.", "y", VERIFY_INVALID },
	{ "the second may hold anything", "x", "y.z", VERIFY_VALID },
};

START_TEST(signed_values_cannot_be_divided_anew)
{
	char content[64], mac[HASH_SIZE_MAX * 2 + 1], body[64];
	struct trial t;

	snprintf(content, sizeof(content), "%s.%s", joins[_i].a, joins[_i].b);
	snprintf(body, sizeof(body), "{\"b\":\"%s\"}", joins[_i].b);
	trial_begin(
	    &t, loaded(HMAC "\"content\":\"{header:A}.{json:/b}\"}"), body);
	trial_mac(mac, sizeof(mac), ENCODING_HEX, content, "", "");
	trial_add(&t, "s", span_str(mac));
	trial_add(&t, "a", span_str(joins[_i].a));
	trial_judge(&t);
	trial_ck(joins[_i].when, &t, joins[_i].want);
	if (joins[_i].want == VERIFY_INVALID)
		ck_assert_str_eq(t.result.reason,
		    "a signed value holds what divides it from the next");
	trial_end(&t);
}
END_TEST

/* "a\nKEY\n" and "\nKEY\n" meet where the first ends with half of it. */
START_TEST(a_separator_is_seen_across_its_border)
{
	char mac[HASH_SIZE_MAX * 2 + 1];
	struct trial t;

	trial_begin(&t, loaded(HMAC "\"content\":\"{json:/a}--{json:/b}\"}"),
	    "{\"a\":\"x-\",\"b\":\"y\"}");
	trial_mac(mac, sizeof(mac), ENCODING_HEX, "x---y", "", "");
	trial_add(&t, "s", span_str(mac));
	trial_judge(&t);
	trial_ck("half a separator", &t, VERIFY_INVALID);
	trial_end(&t);
}
END_TEST

static const struct {
	const char *when, *second; /* the signature of the second element */
	enum verify_verdict want;
} elements[] = {
	{ "all signed", NULL, VERIFY_VALID },
	{ "one wrong", WRONG, VERIFY_INVALID },
	{ "one without", "", VERIFY_MISSING },
};

/* In whatever order: an element that was captured is known among others. */
START_TEST(each_element_has_a_content)
{
	static const char *const orders[] = { "12", "21" };
	struct buf contents[2] = { BUF_INIT(256), BUF_INIT(256) };
	char mac[2][HASH_SIZE_MAX * 2 + 1], body[512];
	unsigned char all[2][DIGEST_SHA256], one[DIGEST_SHA256];
	struct span text = span_str("1");
	struct err err = ERR_INIT;
	struct trial t;
	size_t i;

	trial_mac(mac[0], sizeof(mac[0]), ENCODING_HEX, "1", "", "");
	trial_mac(mac[1], sizeof(mac[1]), ENCODING_HEX, "2", "", "");
	for (i = 0; i < 2; i++) {
		snprintf(body, sizeof(body),
		    "{\"i\":[{\"a\":%c,\"s\":\"%s\"},{\"a\":%c,\"s\":\"%s\"}]}",
		    orders[i][0], mac[orders[i][0] - '1'], orders[i][1],
		    mac[orders[i][1] - '1']);
		trial_begin(&t,
		    loaded("{\"alg\":\"hmac-sha256\"," ITEM_SIG
			   ",\"content\":\"{json:/"
			   "a}\",\"body\":\"json\"," EACH_SIGNED "}"),
		    body);
		t.in.digests_content = true;
		t.in.element_contents = &contents[i];
		trial_judge(&t);
		trial_ck("two", &t, VERIFY_VALID);
		ck_assert(t.result.has_content);
		memcpy(all[i], t.result.content, sizeof(all[i]));
		trial_end(&t);
	}
	ck_assert_int_eq(digest_sha256(&text, 1, one, &err), 0);
	ck_assert(memcmp(all[0], all[1], sizeof(all[0])) == 0);
	ck_assert(span_eq(buf_span(&contents[0]), buf_span(&contents[1])));
	ck_assert_uint_eq(contents[0].len, sizeof(all));
	ck_assert(memcmp(contents[0].ptr, one, sizeof(one)) == 0 ||
		  memcmp(contents[0].ptr + sizeof(one), one, sizeof(one)) == 0);
	buf_free(&contents[0]);
	buf_free(&contents[1]);
}
END_TEST

START_TEST(each_element_must_be_signed)
{
	char one[HASH_SIZE_MAX * 2 + 1], two[HASH_SIZE_MAX * 2 + 1], body[512];
	struct trial t;

	trial_mac(one, sizeof(one), ENCODING_HEX, "1", "", "");
	trial_mac(two, sizeof(two), ENCODING_HEX, "2", "", "");
	snprintf(body, sizeof(body),
	    "{\"i\":[{\"a\":1,\"s\":\"%s\"},{\"a\":2,\"s\":\"%s\"}]}", one,
	    elements[_i].second == NULL ? two : elements[_i].second);
	trial_begin(&t,
	    loaded("{\"alg\":\"hmac-sha256\"," ITEM_SIG
		   ",\"content\":\"{json:/a}\",\"body\":\"json\"," EACH_SIGNED
		   "}"),
	    body);
	trial_judge(&t);
	trial_ck(elements[_i].when, &t, elements[_i].want);
	t.request.body = span_str("{\"i\":[]}");
	trial_judge(&t);
	trial_ck("no element", &t, VERIFY_MISSING);
	t.request.body = span_str("{\"i\":");
	trial_judge(&t);
	trial_ck("no JSON", &t, VERIFY_UNREADABLE);
	trial_end(&t);
}
END_TEST

START_TEST(a_param_pins_a_value)
{
	static const struct verify_param params[] = { { "t", "mine" } };
	char mac[HASH_SIZE_MAX * 2 + 1];
	struct err err = ERR_INIT;
	struct trial t;

	trial_begin(&t, loaded(HMAC BODY ",\"require\":\"json:/t = param:t\"}"),
	    "{\"t\":\"mine\"}");
	ck_assert_str_eq(scheme_param(t.sc, 0), "t");
	ck_assert_ptr_null(scheme_param(t.sc, 1));
	trial_mac(mac, sizeof(mac), ENCODING_HEX, "{\"t\":\"mine\"}", "", "");
	trial_add(&t, "s", span_str(mac));
	ck_assert_int_eq(
	    verify_request(t.sc, &t.key, 1, &t.in, &t.result, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	t.in.params = params;
	t.in.nparams = 1;
	trial_judge(&t);
	trial_ck("the endpoint's own", &t, VERIFY_VALID);
	t.request.body = span_str("{\"t\":\"other\"}");
	trial_mac(mac, sizeof(mac), ENCODING_HEX, "{\"t\":\"other\"}", "", "");
	trial_judge(&t);
	trial_ck("another's", &t, VERIFY_INVALID);
	trial_end(&t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("batch");
	TCase *tc = tcase_create("requests");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, a_batch_is_all_of_its_elements, 0, NITEMS(batches));
	tcase_add_test(tc, batches_may_be_nested);
	tcase_add_test(tc, a_batch_may_stand_in_a_form);
	tcase_add_test(tc, too_many_types_are_told);
	tcase_add_loop_test(
	    tc, a_payload_is_what_a_retry_repeats, 0, NITEMS(payloads));
	tcase_add_loop_test(
	    tc, signed_values_cannot_be_divided_anew, 0, NITEMS(joins));
	tcase_add_test(tc, a_separator_is_seen_across_its_border);
	tcase_add_loop_test(
	    tc, each_element_must_be_signed, 0, NITEMS(elements));
	tcase_add_test(tc, each_element_has_a_content);
	tcase_add_test(tc, a_param_pins_a_value);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
