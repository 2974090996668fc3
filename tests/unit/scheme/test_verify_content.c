/*
 * The digest of what a provider signed: one for all requests that carry the
 * same signature, however they are cut, encoded or addressed.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/trial.h"

#define URL "https://gw.example.com/hooks/x"

/* A scheme in one line; MAC in hex with SECRET in header x-sig. */
#define SCHEME(content)                                                \
	"{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:X-Sig\"," \
	"\"enc\":\"hex\"},\"content\":\"" content "\"}"

struct sent {
	const char *signed_text, *body, *header; /* of x-more, or NULL */
	const char *url;
};

static const struct {
	const char *when, *scheme;
	struct sent one, other;
	bool same;
} pairs[] = {
	{ "the same request", SCHEME("{body}"), { "a", "a", NULL, NULL },
	    { "a", "a", NULL, NULL }, true },
	{ "another body", SCHEME("{body}"), { "a", "a", NULL, NULL },
	    { "b", "b", NULL, NULL }, false },
	{ "a header that is not signed", SCHEME("{body}"),
	    { "a", "a", "1", NULL }, { "a", "a", "2", NULL }, true },
	{ "no separator at all", SCHEME("{header:X-More}{body}"),
	    { "123", "23", "1", NULL }, { "123", "3", "12", NULL }, true },
	{ "a form in another order", SCHEME("{url}{form*}"),
	    { URL "a1b2", "a=1&b=2", NULL, URL },
	    { URL "a1b2", "b=2&a=%31", NULL, URL }, true },
	{ "another value of a form", SCHEME("{url}{form*}"),
	    { URL "a1b2", "a=1&b=2", NULL, URL },
	    { URL "a1b3", "a=1&b=3", NULL, URL }, false },
	{ "a literal that the scheme adds", SCHEME("v0:{body}"),
	    { "v0:a", "a", NULL, NULL }, { "v0:b", "b", NULL, NULL }, false },
};

static void
judge(const char *text, const struct sent *s, struct verify_result *out)
{
	struct trial t;
	struct scheme *sc;
	struct err err = ERR_INIT;
	char sig[128];

	ck_assert_msg(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err) == 0, "%s",
	    err.text);
	trial_mac(sig, sizeof(sig), ENCODING_HEX, s->signed_text, "", "");
	trial_begin(&t, sc, s->body);
	t.in.digests_content = true;
	t.in.url = s->url;
	trial_add(&t, "x-sig", span_str(sig));
	if (s->url != NULL)
		trial_add(&t, "content-type",
		    span_str("application/x-www-form-urlencoded"));
	if (s->header != NULL)
		trial_add(&t, "x-more", span_str(s->header));
	trial_judge(&t);
	trial_ck(s->signed_text, &t, VERIFY_VALID);
	*out = t.result;
	trial_end(&t);
}

START_TEST(content_is_what_was_signed)
{
	struct verify_result one, other;

	judge(pairs[_i].scheme, &pairs[_i].one, &one);
	judge(pairs[_i].scheme, &pairs[_i].other, &other);
	ck_assert(one.has_content && other.has_content);
	ck_assert_msg((memcmp(one.content, other.content,
			   sizeof(one.content)) == 0) == pairs[_i].same,
	    "%s", pairs[_i].when);
}
END_TEST

/* SHA-256 of "a", by sha256sum. */
static const unsigned char digest_of_a[DIGEST_SHA256] = { 0xca, 0x97, 0x81,
	0x12, 0xca, 0x1b, 0xbd, 0xca, 0xfa, 0xc2, 0x31, 0xb3, 0x9a, 0x23, 0xdc,
	0x4d, 0xa7, 0x86, 0xef, 0xf8, 0x14, 0x7c, 0x4e, 0x72, 0xb9, 0x80, 0x77,
	0x85, 0xaf, 0xee, 0x48, 0xbb };

START_TEST(content_is_digested_as_it_stands)
{
	struct verify_result result;
	const struct sent a = { "a", "a", NULL, NULL };

	judge(SCHEME("{body}"), &a, &result);
	ck_assert_mem_eq(result.content, digest_of_a, sizeof(digest_of_a));
}
END_TEST

/* With the secret in it, a rotation would make another content of it. */
START_TEST(secret_is_no_part_of_the_content)
{
	static const char text[] =
	    "{\"alg\":\"sha256\",\"sig\":{\"from\":\"header:X-Sig\","
	    "\"enc\":\"hex\"},\"content\":\"{key}{body}\","
	    "\"body\":\"json\"}";
	/* printf 'sa' | sha256sum */
	static const char sig[] = "4cf6829aa93728e8f3c97df913fb1bfa"
				  "95fe5810e2933a05943f8312a98d9cf2";
	struct scheme *sc;
	struct trial t;
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    scheme_parse("x.json", span_str(text), &sc, NULL, &err), 0);
	trial_begin(&t, sc, "a");
	t.in.digests_content = true;
	trial_add(&t, "x-sig", span_str(sig));
	trial_judge(&t);
	trial_ck("a plain digest", &t, VERIFY_VALID);
	ck_assert(t.result.has_content);
	ck_assert_mem_eq(t.result.content, digest_of_a, sizeof(digest_of_a));
	trial_end(&t);
}
END_TEST

/* Whichever form of the URL matched: a request may have a signature of each. */
START_TEST(both_ports_have_one_content)
{
	static const char text[] =
	    "{\"alg\":\"hmac-sha256\",\"sig\":{\"from\":\"header:X-Sig\","
	    "\"enc\":\"hex\"},\"content\":\"{url}{body}\","
	    "\"url\":{\"ports\":\"both\"}}";
	const struct sent plain = { URL "a", "a", NULL, URL },
			  port = { "https://gw.example.com:443/hooks/xa", "a",
				  NULL, URL };
	struct verify_result one, other;

	judge(text, &plain, &one);
	judge(text, &port, &other);
	ck_assert(one.has_content && other.has_content);
	ck_assert_mem_eq(one.content, other.content, sizeof(one.content));
}
END_TEST

START_TEST(only_authentic_requests_have_content)
{
	struct trial t;

	trial_begin(&t, scheme_of("github"), "{}");
	t.in.digests_content = true;
	trial_add(&t, "x-hub-signature-256", span_str("sha256=" WRONG));
	trial_judge(&t);
	trial_ck("a wrong signature", &t, VERIFY_INVALID);
	ck_assert(!t.result.has_content);
	trial_end(&t);

	trial_begin(&t, scheme_of("telegram"), "{}");
	t.in.digests_content = true;
	trial_add(&t, "x-telegram-bot-api-secret-token", span_str(SECRET));
	trial_judge(&t);
	trial_ck("a token", &t, VERIFY_VALID);
	ck_assert(!t.result.has_content);
	trial_end(&t);
}
END_TEST

/*
 * A signature of nobody's, 64 bytes long, in front of the right one: with one
 * key two are tried, so that a crowd of them costs no more than a request may.
 */
#define NOBODYS                                                        \
	"v1a,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA== "

static enum verify_verdict
judge_crowd(const char *before)
{
	struct scheme_key *keys[VECTOR_SECRETS_MAX];
	struct scheme *sc = scheme_of("standard-webhooks-v1a");
	struct verify_result result;
	struct vector v;
	struct err err = ERR_INIT;
	char list[1024];
	size_t i, n;

	ck_assert(vector_find(VECTORS, "v1a-valid", &v));
	for (i = 0; i < v.request.nheaders; i++)
		if (span_is(v.headers[i].name, "webhook-signature"))
			break;
	ck_assert_uint_lt(i, v.request.nheaders);
	snprintf(list, sizeof(list), "%s%.*s", before,
	    (int)v.headers[i].value.len, (const char *)v.headers[i].value.ptr);
	v.headers[i].value = span_str(list);
	n = vector_keys(sc, &v, keys);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(
	    verify_request(sc, keys, n, &v.input, &result, &err), 0);
	keys_free(keys, n);
	vector_free(&v);
	scheme_free(sc);
	return result.verdict;
}

START_TEST(public_keys_are_tried_few_times)
{
	ck_assert_int_eq(judge_crowd(""), VERIFY_VALID);
	ck_assert_int_eq(judge_crowd(NOBODYS), VERIFY_VALID);
	ck_assert_int_eq(judge_crowd(NOBODYS NOBODYS), VERIFY_INVALID);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verify_content");
	TCase *tc = tcase_create("verify_content");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, content_is_what_was_signed, 0, NITEMS(pairs));
	tcase_add_test(tc, content_is_digested_as_it_stands);
	tcase_add_test(tc, secret_is_no_part_of_the_content);
	tcase_add_test(tc, both_ports_have_one_content);
	tcase_add_test(tc, only_authentic_requests_have_content);
	tcase_add_test(tc, public_keys_are_tried_few_times);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
