/* test_explain.c: words about every known request, and about hostile ones. */
#include "lib/explain/explain.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/store/quarantine.h"
#include "tests/stand/vectors.h"

#define LARGE (1024 * 1024)

static struct scheme_set *schemes;
static struct explain_report report;
static struct err err;

static void
load(void)
{
	const char *top = getenv("top_srcdir"), *dirs[1];
	char dir[512];

	snprintf(dir, sizeof(dir), "%s/conf/schemes", top == NULL ? ".." : top);
	dirs[0] = dir;
	ck_assert_int_eq(
	    scheme_set_load(dirs, 1, NULL, NULL, &schemes, &err), 0);
}

static void
unload(void)
{
	scheme_set_free(schemes);
}

static void
ask(const char *scheme, const struct verify_input *in,
    const struct span *secrets, size_t n)
{
	struct explain_secret list[VECTOR_SECRETS_MAX];
	struct explain_input input = { .schemes = schemes,
		.in = in,
		.whole = true,
		.secrets = list,
		.nsecrets = n };
	size_t i;

	memset(list, 0, sizeof(list));
	for (i = 0; i < n; i++) {
		list[i].id = i + 1;
		list[i].state = SECRET_CURRENT;
		list[i].text = secrets[i];
	}
	input.scheme = scheme_set_find(schemes, scheme);
	ck_assert_ptr_nonnull(input.scheme);
	ck_assert_msg(explain_request(&input, &report, &err) == 0, "%s: %s",
	    scheme, err.text);
}

/* Every word that was put is inert and holds no secret. */
static void
ck_words(const char *when, const struct span *secrets, size_t n)
{
	const struct buf *both[] = { &report.steps, &report.words };
	size_t i, k;

	for (k = 0; k < NITEMS(both); k++) {
		for (i = 0; i < both[k]->len; i++)
			ck_assert_msg((both[k]->ptr[i] >= 0x20 &&
					  both[k]->ptr[i] != 0x7f) ||
					  both[k]->ptr[i] == '\n',
			    "%s: byte %02x", when, both[k]->ptr[i]);
		for (i = 0; i < n; i++)
			ck_assert_msg(
			    secrets[i].len < 6 ||
				memmem(both[k]->ptr, both[k]->len,
				    secrets[i].ptr, secrets[i].len) == NULL,
			    "%s: secret %zu is told", when, i);
	}
}

START_TEST(every_known_request_is_explained)
{
	struct vector v;
	struct span body;
	size_t i;

	vector_read(VECTORS, (size_t)_i, &v);
	body = v.request.body;
	ask(v.provider, &v.input, v.secrets, v.nsecrets);
	/* HubSpot signs a GET, whose empty body is no JSON. */
	ck_assert_msg(
	    (report.cause == EXPLAIN_VALID ||
		(report.cause == EXPLAIN_MALFORMED && body.len == 0)) ==
		(strcmp(v.expect, "valid") == 0),
	    "%s, which is %s: %s", v.name, v.expect,
	    explain_word(report.cause));
	ck_assert_str_eq(report.cause == EXPLAIN_TWO_VALUES
			     ? v.expect
			     : verify_word(report.verdict),
	    v.expect);
	if (strcmp(v.expect, "expired") == 0)
		ck_assert_int_eq(report.cause, EXPLAIN_CLOCK);
	ck_words(v.name, v.secrets, v.nsecrets);
	/* Params may be confidential, too, but for what the request tells. */
	for (i = 0; i < v.input.nparams; i++)
		ck_assert_msg(memmem(body.ptr, body.len, v.params[i].value,
				  strlen(v.params[i].value)) != NULL ||
				  memmem(report.steps.ptr, report.steps.len,
				      v.params[i].value,
				      strlen(v.params[i].value)) == NULL,
		    "%s: a param is told", v.name);
	explain_free(&report);
	vector_free(&v);
}
END_TEST

/* The value is a text again and again, so many bytes of it. */
static const struct {
	const char *when, *scheme, *header, *text;
	size_t size;
} hostile[] = {
	{ "commas", "nomos", "x-nomos-signature", ",", 10000 },
	{ "times", "nomos", "x-nomos-signature", "t=1,", 40000 },
	{ "a long time", "nomos", "x-nomos-signature",
	    "t=17000000000000000000000000,v1=00", 34 },
	{ "signatures", "stripe", "stripe-signature", "v1=00,", 60000 },
	{ "escapes of URLs", "nimbus", "x-webhook-signature", "%", 60000 },
	{ "quotes", "nimbus", "x-webhook-signature", "\"", 60000 },
	{ "8 bits", "nimbus", "x-webhook-signature", "\xff\xfe", 60000 },
	{ "escapes of terminals", "nimbus", "x-webhook-signature", "\x1b[2J",
	    400 },
	{ "blanks", "standard-webhooks", "webhook-signature", " ", 60000 },
	{ "base64 cut short", "shopify", "x-shopify-hmac-sha256", "QUJ", 43 },
	{ "numbered", "docusign", "x-docusign-signature-1", "A,", 60000 },
	{ "a token that was not kept", "gitlab", "x-gitlab-token",
	    QUARANTINE_HIDDEN, sizeof(QUARANTINE_HIDDEN) - 1 },
};

START_TEST(hostile_headers_are_explained)
{
	const struct span secret = span_str("a-secret-0123456789abcdef");
	char *value = malloc(hostile[_i].size);
	struct header header = { span_str(hostile[_i].header),
		span_of(value, hostile[_i].size) };
	struct request rq = { .method = span_str("POST"),
		.path = span_str("/\x1b[2J/\xe2\x80\xae"),
		.peer = span_str("192.0.2.1"),
		.headers = &header,
		.nheaders = 1,
		.body = span_str("{\"a\":\"\\u001b\"}"),
		.now_ms = 1700000000000 };
	struct verify_input in = {
		.request = &rq, .tolerance_s = -1, .horizon_s = -1
	};
	size_t i, len = strlen(hostile[_i].text);

	ck_assert_ptr_nonnull(value);
	for (i = 0; i < hostile[_i].size; i++)
		value[i] = hostile[_i].text[i % len];
	ask(hostile[_i].scheme, &in, &secret, 1);
	ck_assert_msg(report.cause != EXPLAIN_VALID, "%s", hostile[_i].when);
	ck_words(hostile[_i].when, &secret, 1);
	explain_free(&report);
	free(value);
}
END_TEST

START_TEST(a_large_body_costs_no_more_than_is_allowed)
{
	const struct span secret = span_str("a-secret-0123456789abcdef");
	struct header header = { span_str("x-webhook-signature"),
		span_str("00") };
	struct request rq = { .method = span_str("POST"),
		.headers = &header,
		.nheaders = 1,
		.now_ms = 1700000000000 };
	struct verify_input in = {
		.request = &rq, .tolerance_s = -1, .horizon_s = -1
	};
	char *body = malloc(LARGE);

	ck_assert_ptr_nonnull(body);
	memset(body, ' ', LARGE);
	memcpy(body, "[1,", 3);
	memcpy(body + LARGE - 2, "2]", 2);
	rq.body = span_of(body, LARGE);
	rq.content_length = LARGE;
	ask("nimbus", &in, &secret, 1);
	ck_assert_int_eq(report.cause, EXPLAIN_UNKNOWN);
	explain_free(&report);
	free(body);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("explain");
	TCase *tc = tcase_create("explain");
	int n = (int)vector_count(VECTORS);
	SRunner *sr;
	int failed;

	if (n == 0)
		return EXIT_FAILURE;
	tcase_set_timeout(tc, 120);
	tcase_add_unchecked_fixture(tc, load, unload);
	tcase_add_loop_test(tc, every_known_request_is_explained, 0, n);
	tcase_add_loop_test(
	    tc, hostile_headers_are_explained, 0, NITEMS(hostile));
	tcase_add_test(tc, a_large_body_costs_no_more_than_is_allowed);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
