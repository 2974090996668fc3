/* Settings of an endpoint: names, JSON both ways, what is refused. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/endpoint.h"

#define N64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *name;
	bool ok;
} names[] = {
	{ "shop", true },
	{ "Shop_2-live", true },
	{ N64, true },
	{ N64 "a", false },
	{ "", false },
	{ "healthz", false },
	{ "eyelet", false },
	{ "healthz2", true },
	{ "Eyelet", true },
	{ "a.b", false },
	{ "a b", false },
	{ "a/b", false },
	{ "..", false },
	{ "a\n", false },
	{ "caf\xc3\xa9", false },
	{ "a\033[2J", false },
};

START_TEST(name_is_judged)
{
	ck_assert_msg(
	    endpoint_name_ok(span_str(names[_i].name)) == names[_i].ok, "%s",
	    names[_i].name);
}
END_TEST

START_TEST(name_with_nul_is_refused)
{
	ck_assert(!endpoint_name_ok(span_of("a\0b", 3)));
}
END_TEST

static const char full[] =
    "{\"scheme\":\"github\",\"title\":\"Our \\\"shop\\\"\","
    "\"events\":\"push,!ping\","
    "\"public_url\":\"https://example.org/hooks/shop\","
    "\"allow_from\":\"192.0.2.0/24\","
    "\"labels\":{\"team\":\"web\",\"tier\":\"1\"},"
    "\"params\":{\"webhook_id\":\"W1\"},"
    "\"body_max\":4096,\"tolerance\":0,\"rate\":7,"
    "\"expect_every\":7200,\"allow_http\":true,\"repeats\":\"types\","
    "\"repeat_within\":600,\"on_held\":\"deliver\"}";

static void
read_doc(const char *doc, struct endpoint *ep)
{
	struct err err = ERR_INIT;

	ck_assert_msg(endpoint_decode(span_str(doc), ep, &err) == 0, "%s: %s",
	    doc, err.text);
}

static void
expect_doc(const struct endpoint *ep, const char *want)
{
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX);
	struct err err = ERR_INIT;

	ck_assert_int_eq(endpoint_encode(ep, &doc, &err), 0);
	ck_assert_int_eq(buf_putc(&doc, '\0', &err), 0);
	ck_assert_str_eq((const char *)doc.ptr, want);
	buf_free(&doc);
}

START_TEST(all_settings_pass_through)
{
	struct err err = ERR_INIT;
	struct endpoint ep;

	read_doc(full, &ep);
	ck_assert_int_eq(endpoint_check(&ep, &err), 0);
	ck_assert_str_eq(ep.scheme, "github");
	ck_assert_str_eq(ep.title, "Our \"shop\"");
	ck_assert_str_eq(ep.events, "push,!ping");
	ck_assert_str_eq(ep.public_url, "https://example.org/hooks/shop");
	ck_assert_str_eq(ep.allow_from, "192.0.2.0/24");
	ck_assert_uint_eq(ep.nlabels, 2);
	ck_assert_str_eq(ep.labels[1].name, "tier");
	ck_assert_str_eq(ep.labels[1].value, "1");
	ck_assert_uint_eq(ep.nparams, 1);
	ck_assert_str_eq(ep.params[0].value, "W1");
	ck_assert_int_eq(ep.body_max, 4096);
	ck_assert_int_eq(ep.tolerance_s, 0);
	ck_assert_int_eq(ep.rate, 7);
	ck_assert_int_eq(ep.expect_every_s, 7200);
	ck_assert(ep.allow_http);
	ck_assert_int_eq(ep.repeats, ENDPOINT_REPEATS_TYPES);
	ck_assert_int_eq(ep.repeat_within_s, 600);
	ck_assert_int_eq(ep.on_held, ENDPOINT_ON_HELD_DELIVER);
	expect_doc(&ep, full);
	endpoint_free(&ep);
	endpoint_free(&ep);
}
END_TEST

START_TEST(defaults_are_left_out)
{
	struct err err = ERR_INIT;
	struct endpoint ep;

	read_doc("{\"scheme\":\"x\"}", &ep);
	ck_assert_ptr_null(ep.title);
	ck_assert_ptr_null(ep.events);
	ck_assert_ptr_null(ep.public_url);
	ck_assert_ptr_null(ep.allow_from);
	ck_assert_int_eq(ep.body_max, -1);
	ck_assert_int_eq(ep.tolerance_s, -1);
	ck_assert_int_eq(ep.rate, 0);
	ck_assert_int_eq(ep.expect_every_s, 0);
	ck_assert(!ep.allow_http);
	ck_assert_int_eq(ep.repeats, ENDPOINT_REPEATS_SCHEME);
	ck_assert_int_eq(ep.repeat_within_s, -1);
	ck_assert_int_eq(ep.on_held, ENDPOINT_ON_HELD_HOLD);
	ck_assert_int_eq(endpoint_check(&ep, &err), 0);
	expect_doc(&ep, "{\"scheme\":\"x\"}");
	endpoint_free(&ep);
}
END_TEST

static const struct {
	const char *when, *before, *patch, *after;
} patches[] = {
	{ "sets", "{\"scheme\":\"x\"}", "{\"title\":\"T\",\"rate\":3}",
	    "{\"scheme\":\"x\",\"title\":\"T\",\"rate\":3}" },
	{ "replaces", "{\"scheme\":\"x\",\"title\":\"T\"}",
	    "{\"title\":\"U\",\"scheme\":\"y\"}",
	    "{\"scheme\":\"y\",\"title\":\"U\"}" },
	{ "null resets a text", "{\"scheme\":\"x\",\"title\":\"T\"}",
	    "{\"title\":null}", "{\"scheme\":\"x\"}" },
	{ "null resets a number", "{\"scheme\":\"x\",\"body_max\":9}",
	    "{\"body_max\":null}", "{\"scheme\":\"x\"}" },
	{ "null resets a switch", "{\"scheme\":\"x\",\"allow_http\":true}",
	    "{\"allow_http\":null}", "{\"scheme\":\"x\"}" },
	{ "false resets a switch", "{\"scheme\":\"x\",\"allow_http\":true}",
	    "{\"allow_http\":false}", "{\"scheme\":\"x\"}" },
	{ "never", "{\"scheme\":\"x\"}", "{\"repeats\":\"never\"}",
	    "{\"scheme\":\"x\",\"repeats\":\"never\"}" },
	{ "types", "{\"scheme\":\"x\"}", "{\"repeats\":\"types\"}",
	    "{\"scheme\":\"x\",\"repeats\":\"types\"}" },
	{ "always", "{\"scheme\":\"x\"}", "{\"repeats\":\"always\"}",
	    "{\"scheme\":\"x\",\"repeats\":\"always\"}" },
	{ "as the scheme says", "{\"scheme\":\"x\",\"repeats\":\"never\"}",
	    "{\"repeats\":\"scheme\"}", "{\"scheme\":\"x\"}" },
	{ "null resets repeats", "{\"scheme\":\"x\",\"repeats\":\"never\"}",
	    "{\"repeats\":null}", "{\"scheme\":\"x\"}" },
	{ "null resets repeat_within", "{\"scheme\":\"x\",\"repeat_within\":7}",
	    "{\"repeat_within\":null}", "{\"scheme\":\"x\"}" },
	{ "refuse", "{\"scheme\":\"x\"}", "{\"on_held\":\"refuse\"}",
	    "{\"scheme\":\"x\",\"on_held\":\"refuse\"}" },
	{ "deliver", "{\"scheme\":\"x\"}", "{\"on_held\":\"deliver\"}",
	    "{\"scheme\":\"x\",\"on_held\":\"deliver\"}" },
	{ "hold again", "{\"scheme\":\"x\",\"on_held\":\"refuse\"}",
	    "{\"on_held\":\"hold\"}", "{\"scheme\":\"x\"}" },
	{ "null resets on_held", "{\"scheme\":\"x\",\"on_held\":\"refuse\"}",
	    "{\"on_held\":null}", "{\"scheme\":\"x\"}" },
	{ "labels are merged",
	    "{\"scheme\":\"x\",\"labels\":{\"a\":\"1\",\"b\":\"2\"}}",
	    "{\"labels\":{\"b\":\"3\",\"c\":\"4\"}}",
	    "{\"scheme\":\"x\","
	    "\"labels\":{\"a\":\"1\",\"b\":\"3\",\"c\":\"4\"}}" },
	{ "a label is taken away",
	    "{\"scheme\":\"x\",\"labels\":{\"a\":\"1\",\"b\":\"2\"}}",
	    "{\"labels\":{\"a\":null,\"zz\":null}}",
	    "{\"scheme\":\"x\",\"labels\":{\"b\":\"2\"}}" },
	{ "all labels are taken away",
	    "{\"scheme\":\"x\",\"labels\":{\"a\":\"1\",\"b\":\"2\"}}",
	    "{\"labels\":null}", "{\"scheme\":\"x\"}" },
	{ "an empty patch", "{\"scheme\":\"x\"}", "{}", "{\"scheme\":\"x\"}" },
};

START_TEST(patch_changes)
{
	struct err err = ERR_INIT;
	struct endpoint ep;

	read_doc(patches[_i].before, &ep);
	ck_assert_msg(
	    endpoint_patch(&ep, span_str(patches[_i].patch), &err) == 0,
	    "%s: %s", patches[_i].when, err.text);
	expect_doc(&ep, patches[_i].after);
	endpoint_free(&ep);
}
END_TEST

static const struct {
	const char *when, *patch, *says;
} bad_patches[] = {
	{ "no JSON", "{", "byte" },
	{ "no object", "[]", "settings: must be" },
	{ "unknown member", "{\"colour\":1}", "\"colour\"" },
	{ "text that is a number", "{\"title\":1}", "title: must be" },
	{ "number that is a text", "{\"rate\":\"1\"}", "rate" },
	{ "fraction", "{\"rate\":1.5}", "rate" },
	{ "switch that is a number", "{\"allow_http\":1}",
	    "allow_http: must be" },
	{ "labels that are a list", "{\"labels\":[\"a\"]}", "labels: must be" },
	{ "label that is a number", "{\"labels\":{\"a\":1}}",
	    "labels: a: must be" },
};

START_TEST(patch_is_refused)
{
	struct err err = ERR_INIT;
	struct endpoint ep;

	endpoint_init(&ep);
	ck_assert_msg(
	    endpoint_patch(&ep, span_str(bad_patches[_i].patch), &err) == -1,
	    "%s", bad_patches[_i].when);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_msg(strstr(err.text, bad_patches[_i].says) != NULL, "%s: %s",
	    bad_patches[_i].when, err.text);
	endpoint_free(&ep);
	/* The same in the store is damage. */
	ck_assert_int_eq(
	    endpoint_decode(span_str(bad_patches[_i].patch), &ep, &err), -1);
	ck_assert_int_eq(err.code, ERR_CORRUPT);
}
END_TEST

START_TEST(doc_without_scheme_is_damage)
{
	struct err err = ERR_INIT;
	struct endpoint ep;

	ck_assert_int_eq(endpoint_decode(span_str("{}"), &ep, &err), -1);
	ck_assert_int_eq(err.code, ERR_CORRUPT);
}
END_TEST

/* Every truncation of a good document is refused, none is read beyond. */
START_TEST(truncations_are_refused)
{
	struct err err = ERR_INIT;
	struct endpoint ep;
	char *cut;
	size_t n;

	for (n = 0; n < sizeof(full) - 1; n++) {
		cut = malloc(n + 1); /* so that a sanitizer sees its end */
		ck_assert_ptr_nonnull(cut);
		memcpy(cut, full, n);
		ck_assert_int_eq(
		    endpoint_decode(span_of(cut, n), &ep, &err), -1);
		free(cut);
	}
}
END_TEST

START_TEST(pairs_have_a_limit)
{
	struct buf patch = BUF_INIT(ENDPOINT_DOC_MAX);
	struct err err = ERR_INIT;
	struct endpoint ep;
	int i;

	endpoint_init(&ep);
	ck_assert_int_eq(buf_puts(&patch, "{\"labels\":{", &err), 0);
	for (i = 0; i < ENDPOINT_PAIRS_MAX; i++)
		ck_assert_int_eq(buf_printf(&patch, &err, "%s\"l%d\":\"v\"",
				     i == 0 ? "" : ",", i),
		    0);
	ck_assert_int_eq(buf_puts(&patch, "}}", &err), 0);
	ck_assert_int_eq(endpoint_patch(&ep, buf_span(&patch), &err), 0);
	ck_assert_uint_eq(ep.nlabels, ENDPOINT_PAIRS_MAX);
	ck_assert_int_eq(endpoint_patch(&ep,
			     span_str("{\"labels\":{\"more\":\"v\"}}"), &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_INPUT);
	ck_assert_int_eq(
	    endpoint_patch(&ep, span_str("{\"labels\":{\"l3\":\"w\"}}"), &err),
	    0);
	buf_free(&patch);
	endpoint_free(&ep);
}
END_TEST

static const struct {
	const char *when, *doc, *says; /* says NULL: fine */
} checks[] = {
	{ "no scheme", "{\"title\":\"T\"}", "scheme" },
	{ "empty scheme", "{\"scheme\":\"\"}", "scheme" },
	{ "line end in the title", "{\"title\":\"a\\nb\"}", "title" },
	{ "escape in the title", "{\"title\":\"\\u001b[2J\"}", "title" },
	{ "title beyond ASCII", "{\"title\":\"caf\\u00e9\"}", NULL },
	{ "title too long", "{\"title\":\"" N64 N64 N64 N64 "a\"}",
	    "at most 256" },
	{ "longest title", "{\"title\":\"" N64 N64 N64 N64 "\"}", NULL },
	{ "no pattern", "{\"events\":\"a*b\"}", "events" },
	{ "empty events", "{\"events\":\"\"}", "events" },
	{ "http url", "{\"public_url\":\"http://a.example/x?y=1\"}", NULL },
	{ "url without scheme", "{\"public_url\":\"a.example/x\"}",
	    "public_url" },
	{ "url of another kind", "{\"public_url\":\"ftp://a.example\"}",
	    "public_url" },
	{ "url without host", "{\"public_url\":\"https:///x\"}", "public_url" },
	{ "url with nothing", "{\"public_url\":\"https://\"}", "public_url" },
	{ "url with a blank", "{\"public_url\":\"https://a/x y\"}", "percent" },
	{ "url with a fragment", "{\"public_url\":\"https://a/x#y\"}",
	    "percent" },
	{ "url beyond ASCII", "{\"public_url\":\"https://a/\\u00e9\"}", NULL },
	{ "host beyond ASCII", "{\"public_url\":\"https://b\\u00fccher.de/x\"}",
	    NULL },
	{ "url in upper case", "{\"public_url\":\"HTTP://A.EXAMPLE/x\"}",
	    NULL },
	{ "url in both cases", "{\"public_url\":\"Https://a.example\"}", NULL },
	{ "upper case of another kind", "{\"public_url\":\"FTP://a/x\"}",
	    "public_url" },
	{ "upper case without host", "{\"public_url\":\"HTTPS:///x\"}",
	    "public_url" },
	{ "no address", "{\"allow_from\":\"here\"}", "\"here\"" },
	{ "no address at all", "{\"allow_from\":\" , \"}", "nobody" },
	{ "label name with a blank", "{\"labels\":{\"a b\":\"1\"}}", "label" },
	{ "label name empty", "{\"labels\":{\"\":\"1\"}}", "label" },
	{ "label with a line end", "{\"labels\":{\"a\":\"1\\n\"}}", "label" },
	{ "label name with dots", "{\"labels\":{\"a.b/c\":\"1\"}}", "label" },
	{ "param with line ends", "{\"params\":{\"pem\":\"a\\nb\\n\"}}", NULL },
	{ "param name with a brace", "{\"params\":{\"a}\":\"1\"}}", "param" },
	{ "body_max 0", "{\"body_max\":0}", "body_max" },
	{ "body_max most", "{\"body_max\":33554432}", NULL },
	{ "body_max above", "{\"body_max\":33554433}", "body_max" },
	{ "body_max negative", "{\"body_max\":-2}", "body_max" },
	{ "tolerance most", "{\"tolerance\":2592000}", NULL },
	{ "tolerance above", "{\"tolerance\":2592001}", "tolerance" },
	{ "tolerance negative", "{\"tolerance\":-5}", "tolerance" },
	{ "expect_every least", "{\"expect_every\":1}", NULL },
	{ "expect_every most", "{\"expect_every\":31622400}", NULL },
	{ "expect_every above", "{\"expect_every\":31622401}", "expect_every" },
	{ "expect_every negative", "{\"expect_every\":-1}", "expect_every" },
	{ "rate most", "{\"rate\":1000000}", NULL },
	{ "rate above", "{\"rate\":1000001}", "rate" },
	{ "rate negative", "{\"rate\":-1}", "rate" },
};

START_TEST(settings_are_judged)
{
	struct err err = ERR_INIT;
	struct endpoint ep;
	int got;

	endpoint_init(&ep);
	if (strstr(checks[_i].says == NULL ? "" : checks[_i].says, "scheme") ==
	    NULL)
		ck_assert_int_eq(
		    endpoint_patch(&ep, span_str("{\"scheme\":\"x\"}"), &err),
		    0);
	ck_assert_int_eq(
	    endpoint_patch(&ep, span_str(checks[_i].doc), &err), 0);
	got = endpoint_check(&ep, &err);
	if (checks[_i].says == NULL) {
		ck_assert_msg(got == 0, "%s: %s", checks[_i].when, err.text);
	} else {
		ck_assert_msg(got == -1, "%s", checks[_i].when);
		ck_assert_int_eq(err.code, ERR_INPUT);
		ck_assert_msg(strstr(err.text, checks[_i].says) != NULL,
		    "%s: %s", checks[_i].when, err.text);
	}
	endpoint_free(&ep);
}
END_TEST

/* A parameter may be confidential: its value stands in no message. */
START_TEST(param_value_stays_out_of_messages)
{
	struct buf patch = BUF_INIT(ENDPOINT_DOC_MAX);
	struct err err = ERR_INIT;
	struct endpoint ep;
	int i;

	endpoint_init(&ep);
	ck_assert_int_eq(
	    buf_puts(&patch, "{\"scheme\":\"x\",\"params\":{\"k\":\"", &err),
	    0);
	for (i = 0; i <= ENDPOINT_PARAM_MAX / 6; i++)
		ck_assert_int_eq(buf_puts(&patch, "canary", &err), 0);
	ck_assert_int_eq(buf_puts(&patch, "\"}}", &err), 0);
	ck_assert_int_eq(endpoint_patch(&ep, buf_span(&patch), &err), 0);
	ck_assert_int_eq(endpoint_check(&ep, &err), -1);
	ck_assert_ptr_null(strstr(err.text, "canary"));
	buf_free(&patch);
	endpoint_free(&ep);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("endpoint");
	TCase *tc = tcase_create("endpoint");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_loop_test(tc, name_is_judged, 0, NITEMS(names));
	tcase_add_test(tc, name_with_nul_is_refused);
	tcase_add_test(tc, all_settings_pass_through);
	tcase_add_test(tc, defaults_are_left_out);
	tcase_add_loop_test(tc, patch_changes, 0, NITEMS(patches));
	tcase_add_loop_test(tc, patch_is_refused, 0, NITEMS(bad_patches));
	tcase_add_test(tc, doc_without_scheme_is_damage);
	tcase_add_test(tc, truncations_are_refused);
	tcase_add_test(tc, pairs_have_a_limit);
	tcase_add_loop_test(tc, settings_are_judged, 0, NITEMS(checks));
	tcase_add_test(tc, param_value_stays_out_of_messages);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
