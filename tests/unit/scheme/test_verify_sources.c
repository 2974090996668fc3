/* Everything a scheme may sign, and every way to sign it. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/trial.h"

#define HEX_SIG "\"sig\":{\"from\":\"header:x-s\",\"enc\":\"hex\"}"
#define URL "https://h.example/p"
#define MAC_OF(content) \
	"{\"alg\":\"hmac-sha256\"," HEX_SIG ",\"content\":\"" content "\"}"

/* What is signed by a template, of one request. */
static const struct {
	const char *content, *body, *query, *text; /* NULL: see want */
	enum verify_verdict want;
} sources[] = {
	{ "{method} {url} {body}", "b", "", "POST " URL " b", VERIFY_VALID },
	{ "{url}", "b", "a=1&b", URL "?a=1&b", VERIFY_VALID },
	{ "{param:p}|{body}", "b", "", "constant|b", VERIFY_VALID },
	{ "{param:none?}|{body}", "b", "", "|b", VERIFY_VALID },
	{ "{header:x-h}|{header:x-none?}|{body}", "b", "", "v||b",
	    VERIFY_VALID },
	{ "{header:x-none}{body}", "b", "", NULL, VERIFY_MISSING },
	{ "{query:a}{body}", "b", "x=&a=1%2F+2&z", "1/ 2b", VERIFY_VALID },
	{ "{query:a}{body}", "b", "a=1&%61=2", NULL, VERIFY_UNREADABLE },
	{ "{query:a}{body}", "b", "a=1&%61=1", "1b", VERIFY_VALID },
	{ "{query:a}{body}", "b", "a=%zz", NULL, VERIFY_UNREADABLE },
	{ "{query:a}{body}", "b", "b=1", NULL, VERIFY_MISSING },
	{ "{query:a}{body}", "b", "a=", NULL, VERIFY_MISSING },
	{ "{query:a?}|{body}", "b", "a=", "|b", VERIFY_VALID },
	{ "{form:a}", "b=1&a=x%26y", "", "x&y", VERIFY_VALID },
	{ "{form:a}", "a=1&a=1", "", "1", VERIFY_VALID },
	{ "{form:a}", "a=1&a=2", "", NULL, VERIFY_UNREADABLE },
	{ "{form:a}", "", "", NULL, VERIFY_MISSING },
	{ "{form*}", "b=2&a=3&a=1&a=3&c", "", "a1a3b2c", VERIFY_VALID },
	{ "{form*}|", "", "", "|", VERIFY_VALID },
	{ "{form*}", "a=%", "", NULL, VERIFY_UNREADABLE },
	{ "{json:/a}{json:/b/0}{json:/c}",
	    "{\"a\":\"x\",\"b\":[-1.50],"
	    "\"c\":true}",
	    "", "x-1.50true", VERIFY_VALID },
	{ "{json:/a}", "{\"a\":\"\\u0078\\n\"}", "", "x\n", VERIFY_VALID },
	{ "{json:/a}", "{\"a\":null}", "", NULL, VERIFY_MISSING },
	{ "{json:/a}", "{\"a\":\"\"}", "", NULL, VERIFY_MISSING },
	{ "{json:/a}", "{\"a\":{}}", "", NULL, VERIFY_INVALID },
	{ "{json:/a}", "{\"a\":\"\\u0000\"}", "", NULL, VERIFY_INVALID },
	{ "{json:/a}", "{\"a\":\"x\"} ", "", "x", VERIFY_VALID },
	{ "{json:/a}", "{\"a\":\"x\"}}", "", NULL, VERIFY_MISSING },
	{ "{json:/a}", "{\"a\":\"x\",\"a\":\"y\"}", "", NULL, VERIFY_MISSING },
	{ "{json:/a?}|", "no JSON", "", "|", VERIFY_VALID },
	{ "literal\\n{body}", "", "", "literal\n", VERIFY_VALID },
	{ "{header:x-none,x-h}|{body}", "b", "", "v|b", VERIFY_VALID },
	{ "{header:x-h,x-s}|{body}", "b", "", "v|b", VERIFY_VALID },
	{ "{header:x-none,x-no}{body}", "b", "", NULL, VERIFY_MISSING },
	/* printf b | gzip -c | tail -c8 | od -An -tu4 -N4 */
	{ "{crc32}|{header:x-h}", "b", "", "1908338681|v", VERIFY_VALID },
	{ "{crc32}|", "", "", "0|", VERIFY_VALID },
	{ "a{[b{json:/b}c]}d{json:/d}", "{\"b\":1,\"d\":2}", "", "ab1cd2",
	    VERIFY_VALID },
	{ "a{[b{json:/b}c]}d{json:/d}", "{\"d\":2}", "", "ad2", VERIFY_VALID },
	{ "a{[b{json:/b}c]}d{json:/d}", "{\"b\":\"\",\"d\":2}", "", "ad2",
	    VERIFY_VALID },
	{ "{[{json:/a}-{json:/b}]}{body}", "{\"a\":1}", "", "{\"a\":1}",
	    VERIFY_VALID },
	{ "{[{json:/a}]}{[{json:/b}]}|", "{\"b\":1}", "", "1|", VERIFY_VALID },
	{ "{[{json:/a}]}{body}", "{\"a\":{}}", "", NULL, VERIFY_INVALID },
	{ "[{body}]", "b", "", "[b]", VERIFY_VALID },
};

START_TEST(every_source_is_signed_as_it_stands)
{
	static const struct verify_param params[] = { { "q", "no" },
		{ "p", "constant" } };
	char text[256], sig[128];
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	struct trial t;

	snprintf(text, sizeof(text), MAC_OF("%s"), sources[_i].content);
	ck_assert_msg(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err) == 0, "%s",
	    err.text);
	trial_mac(sig, sizeof(sig), ENCODING_HEX,
	    sources[_i].text == NULL ? "" : sources[_i].text, "", "");
	trial_begin(&t, sc, sources[_i].body);
	trial_add(&t, "x-s", span_str(sig));
	trial_add(&t, "x-h", span_str("v"));
	t.request.query = span_str(sources[_i].query);
	t.in.url = URL;
	t.in.params = params;
	t.in.nparams = NITEMS(params);
	trial_judge(&t);
	trial_ck(sources[_i].content, &t, sources[_i].want);
	trial_end(&t);
}
END_TEST

/* Headers that the signature names, and an older version of it: Hook0's. */
static const struct {
	/* "@": a right v1, "#": a right v0, "$": v1 without x-c's value */
	const char *when, *header;
	enum verify_verdict want;
} named[] = {
	{ "as documented", "t=" T ",h=x-a x-b,v1=@", VERIFY_VALID },
	{ "names in capitals are other bytes", "t=" T ",h=X-A x-b,v1=@",
	    VERIFY_INVALID },
	{ "another order", "t=" T ",h=x-b x-a,v1=@", VERIFY_INVALID },
	{ "two blanks between", "t=" T ",h=x-a  x-b,v1=@", VERIFY_VALID },
	{ "one name less", "t=" T ",h=x-a,v1=@", VERIFY_INVALID },
	{ "one that is absent, signed as empty", "t=" T ",h=x-a x-c,v1=$",
	    VERIFY_INVALID },
	{ "one name twice", "t=" T ",h=x-a x-a,v1=@", VERIFY_INVALID },
	{ "no names", "t=" T ",h=,v1=@", VERIFY_INVALID },
	{ "no list of names", "t=" T ",v1=@", VERIFY_INVALID },
	{ "two lists", "t=" T ",h=x-a x-b,h=x-a,v1=@", VERIFY_INVALID },
	{ "the older version alone", "t=" T ",v0=#", VERIFY_VALID },
	{ "the older one beside a right newer one",
	    "t=" T ",h=x-a x-b,v0=#,v1=@", VERIFY_VALID },
	{ "the older one beside a wrong newer one",
	    "t=" T ",h=x-a x-b,v0=#,v1=" WRONG, VERIFY_INVALID },
	{ "the older one beside a newer one that is none", "t=" T ",v1=,v0=#",
	    VERIFY_INVALID },
	{ "the older one as the newer", "t=" T ",h=x-a x-b,v1=#",
	    VERIFY_INVALID },
	{ "the newer one as the older", "t=" T ",h=x-a x-b,v0=@",
	    VERIFY_INVALID },
	{ "neither", "t=" T ",h=x-a x-b", VERIFY_INVALID },
	{ "nothing", "", VERIFY_MISSING },
};

START_TEST(the_signature_may_name_headers)
{
	char v1[128], v0[128], lax[128], header[512];
	const char *at, *put;
	size_t n = 0;
	struct trial t;

	trial_mac(v1, sizeof(v1), ENCODING_HEX, T, ".x-a x-b.one.two.", "{}");
	trial_mac(v0, sizeof(v0), ENCODING_HEX, T, ".", "{}");
	trial_mac(lax, sizeof(lax), ENCODING_HEX, T, ".x-a x-c.one..", "{}");
	for (at = named[_i].header; *at != '\0'; at++) {
		put = *at == '@' ? v1 : *at == '#' ? v0 : lax;
		if (strchr("@#$", *at) != NULL)
			n += (size_t)snprintf(
			    header + n, sizeof(header) - n, "%s", put);
		else
			header[n++] = *at;
	}
	trial_begin(&t, scheme_of("hook0"), "{}");
	trial_add(&t, "x-hook0-signature", span_of(header, n));
	trial_add(&t, "x-a", span_str("one"));
	trial_add(&t, "x-b", span_str("two"));
	trial_judge(&t);
	trial_ck(named[_i].when, &t, named[_i].want);
	trial_end(&t);
}
END_TEST

/* As many names as a header has room for cost no more than their limit. */
START_TEST(names_of_headers_are_bounded)
{
	struct buf header = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct trial t;
	int i;

	ck_assert_int_eq(buf_puts(&header, "t=" T ",v1=" WRONG ",h=", &err), 0);
	for (i = 0; i < 10000; i++)
		ck_assert_int_eq(buf_printf(&header, &err, "n%d ", i), 0);
	trial_begin(&t, scheme_of("hook0-v1"), "{}");
	trial_add(&t, "x-hook0-signature", buf_span(&header));
	trial_judge(&t);
	trial_ck("ten thousand names", &t, VERIFY_INVALID);
	trial_end(&t);
	buf_free(&header);
}
END_TEST

/* What an operator has not set is no fault of the sender. */
static const struct {
	const char *content, *says;
} unset[] = {
	{ "{url}", "the scheme signs the public URL; set the one that is "
		   "registered with the provider" },
	{ "{param:p}{body}",
	    "the scheme needs the param \"p\"; give it a value" },
};

START_TEST(what_is_not_set_is_an_error)
{
	char text[256];
	struct verify_result result;
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	struct trial t;

	snprintf(text, sizeof(text), MAC_OF("%s"), unset[_i].content);
	ck_assert_int_eq(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err), 0);
	trial_begin(&t, sc, "b");
	trial_add(&t, "x-s", span_str(WRONG));
	ck_assert_int_eq(
	    verify_request(t.sc, &t.key, 1, &t.in, &result, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_str_eq(err.text, unset[_i].says);
	trial_end(&t);
}
END_TEST

/* Algorithms by the openssl command: -hmac s, or -sha256 over "s{}". */
static const struct {
	const char *alg, *content, *sig;
} algorithms[] = {
	{ "hmac-sha1", "{body}", "850413ce2dee4c4142838bab9e9086cb305da54d" },
	{ "hmac-sha256", "{body}",
	    "143ca8d517ba1b181025d732b1cf275d90104fca57bb02a565542978aa18c4b"
	    "6" },
	{ "hmac-sha512", "{body}",
	    "163ad76c3b4186b95b3fdd9635845afc2ceab6ff0ed3a34075d3575eb109ef9a"
	    "8f50896f1878e7ca6c04cf5daf31c51114bf380a7517c27369845f9831ae82f"
	    "7" },
	{ "sha256", "{key}{body}",
	    "db42bb8c91b2a090542c6dc97a3477b206a8d36f27a96c3f06645afa7dc669c"
	    "f" },
};

START_TEST(algorithms_are_those_of_openssl)
{
	char text[256];
	struct scheme *sc = NULL;
	struct err err = ERR_INIT;
	struct trial t;

	snprintf(text, sizeof(text),
	    "{\"alg\":\"%s\"," HEX_SIG ",\"content\":\"%s\",\"body\":\"json\"}",
	    algorithms[_i].alg, algorithms[_i].content);
	ck_assert_int_eq(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err), 0);
	trial_begin(&t, sc, "{}");
	trial_add(&t, "x-s", span_str(algorithms[_i].sig));
	trial_judge(&t);
	trial_ck(algorithms[_i].alg, &t, VERIFY_VALID);
	trial_end(&t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verify_sources");
	TCase *tc = tcase_create("verdicts");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, the_signature_may_name_headers, 0, NITEMS(named));
	tcase_add_test(tc, names_of_headers_are_bounded);
	tcase_add_loop_test(
	    tc, every_source_is_signed_as_it_stands, 0, NITEMS(sources));
	tcase_add_loop_test(tc, what_is_not_set_is_an_error, 0, NITEMS(unset));
	tcase_add_loop_test(
	    tc, algorithms_are_those_of_openssl, 0, NITEMS(algorithms));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
