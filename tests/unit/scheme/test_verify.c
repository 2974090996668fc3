/*
 * Verdicts over headers that nobody sends by accident: items doubled, left
 * out and in crowds, encodings that are nearly right, names that are near.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "tests/stand/trial.h"

/* --- the list in a header ------------------------------------------------ */

/* "@" stands for the right signature of T "." "{}". */
static const struct {
	const char *when, *header;
	enum verify_verdict want;
} lists[] = {
	{ "as documented", "t=" T ",v1=@", VERIFY_VALID },
	{ "blanks around items", " t=" T " ,\t v1=@\t", VERIFY_VALID },
	{ "the signature first", "v1=@,t=" T, VERIFY_VALID },
	{ "a wrong one before the right one", "t=" T ",v1=" WRONG ",v1=@",
	    VERIFY_VALID },
	{ "a wrong one behind it", "t=" T ",v1=@,v1=" WRONG, VERIFY_VALID },
	{ "items nobody knows", "a,t=" T ",=,v2=x,v1=@,", VERIFY_VALID },
	{ "empty items", ",,t=" T ",,,v1=@,,", VERIFY_VALID },

	{ "empty", "", VERIFY_MISSING },
	{ "one comma", ",", VERIFY_INVALID },
	{ "no time", "v1=@", VERIFY_INVALID },
	{ "no signature", "t=" T, VERIFY_INVALID },
	{ "an empty time", "t=,v1=@", VERIFY_INVALID },
	{ "an empty signature", "t=" T ",v1=", VERIFY_INVALID },
	{ "the time twice", "t=" T ",t=" T ",v1=@", VERIFY_INVALID },
	{ "another time behind", "t=" T ",v1=@,t=1", VERIFY_INVALID },
	{ "another time before", "t=1,t=" T ",v1=@", VERIFY_INVALID },
	{ "a blank before the sign", "t =" T ",v1 =@", VERIFY_INVALID },
	{ "a blank behind the sign", "t= " T ",v1=@", VERIFY_INVALID },
	{ "a blank before the signature", "t=" T ",v1= @", VERIFY_INVALID },
	{ "names in capitals", "T=" T ",V1=@", VERIFY_INVALID },
	{ "divided by another sign", "t=" T ";v1=@", VERIFY_INVALID },
	{ "quotes", "t=\"" T "\",v1=\"@\"", VERIFY_INVALID },
	{ "a digit more", "t=" T ",v1=@0", VERIFY_INVALID },
	{ "a byte more", "t=" T ",v1=@00", VERIFY_INVALID },
	{ "0x before", "t=" T ",v1=0x@", VERIFY_INVALID },
	{ "an older version of it", "t=" T ",v0=@", VERIFY_INVALID },
	{ "an older right one beside a wrong one", "t=" T ",v0=@,v1=" WRONG,
	    VERIFY_INVALID },
	{ "8-bit bytes", "t=" T ",v1=\xff\xfe@", VERIFY_INVALID },
	{ "8-bit bytes elsewhere", "\xff\xfe,t=" T ",v1=@", VERIFY_VALID },
	{ "another time", "t=1700000001,v1=@", VERIFY_INVALID },
};

/* text with each "@" become sig. */
static void
fill_in(char *out, size_t room, const char *text, const char *sig)
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		ck_assert_uint_lt(n + strlen(sig) + 1, room);
		if (*text == '@')
			n += (size_t)snprintf(out + n, room - n, "%s", sig);
		else
			out[n++] = *text;
	}
	out[n] = '\0';
}

START_TEST(lists_are_read_strictly)
{
	char sig[128], header[1024];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, T, ".", "{}");
	fill_in(header, sizeof(header), lists[_i].header, sig);
	trial_begin(&t, scheme_of("nomos"), "{}");
	trial_add(&t, "x-nomos-signature", span_trim(span_str(header)));
	trial_judge(&t);
	trial_ck(lists[_i].when, &t, lists[_i].want);
	trial_end(&t);
}
END_TEST

/* A header of n times a text, then the right items. */
static const struct {
	const char *when, *many;
	size_t n;
	enum verify_verdict want;
} crowds[] = {
	{ "ten thousand commas", ",", 10000, VERIFY_VALID },
	{ "ten thousand items", "x,", 10000, VERIFY_VALID },
	{ "31 wrong signatures", "v1=" WRONG ",", 31, VERIFY_VALID },
	{ "32 wrong signatures", "v1=" WRONG ",", 32, VERIFY_INVALID },
	{ "a thousand signatures", "v1=" WRONG ",", 1000, VERIFY_INVALID },
	{ "a thousand that are none", "v1=zz,", 1000, VERIFY_VALID },
	{ "a thousand times", "t=1,", 1000, VERIFY_INVALID },
};

START_TEST(crowds_are_bounded)
{
	struct buf header = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	char sig[128];
	struct trial t;
	size_t i;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, T, ".", "{}");
	for (i = 0; i < crowds[_i].n; i++)
		ck_assert_int_eq(buf_puts(&header, crowds[_i].many, &err), 0);
	ck_assert_int_eq(buf_printf(&header, &err, "t=" T ",v1=%s", sig), 0);
	trial_begin(&t, scheme_of("nomos"), "{}");
	trial_add(&t, "x-nomos-signature", buf_span(&header));
	trial_judge(&t);
	trial_ck(crowds[_i].when, &t, crowds[_i].want);
	trial_end(&t);
	buf_free(&header);
}
END_TEST

/* Every truncation and one-bit change of a right header, but its capitals. */
START_TEST(no_changed_header_passes)
{
	char sig[128], header[256];
	struct trial t;
	size_t i, len;
	int passed = 0;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, T, ".", "{}");
	snprintf(header, sizeof(header), "t=" T ",v1=%s", sig);
	len = strlen(header);
	trial_begin(&t, scheme_of("nomos"), "{}");
	trial_add(&t, "x-nomos-signature", SPAN_EMPTY);
	for (i = 0; i < len; i++) {
		t.headers[0].value = span_of(header, i);
		ck_assert_int_ne(trial_judge(&t), VERIFY_VALID);
	}
	t.headers[0].value = span_of(header, len);
	for (i = 0; i < len * 8; i++) {
		header[i / 8] = (char)(header[i / 8] ^ 1 << i % 8);
		if (trial_judge(&t) == VERIFY_VALID) {
			ck_assert_int_eq(i % 8, 5); /* letter case of hex */
			passed++;
		}
		header[i / 8] = (char)(header[i / 8] ^ 1 << i % 8);
	}
	ck_assert_int_gt(passed, 0);
	trial_end(&t);
}
END_TEST

static const struct {
	const char *when, *header; /* "@": the right one */
	enum verify_verdict want;
} base64s[] = {
	{ "as documented", "v1,@", VERIFY_VALID },
	{ "two blanks between", "v1,AAAA  v1,@", VERIFY_VALID },
	{ "another version before", "v2,@ v1,@", VERIFY_VALID },
	{ "another version alone", "v2,@", VERIFY_INVALID },
	{ "the public-key version alone", "v1a,@", VERIFY_INVALID },
	{ "no version", "@", VERIFY_INVALID },
	{ "a letter more", "v1,@A", VERIFY_INVALID },
	{ "more padding", "v1,@=", VERIFY_INVALID },
	{ "divided by a tab", "v1,AAAA\tv1,@", VERIFY_INVALID },
	{ "divided by a comma", "v1,AAAA,v1,@", VERIFY_INVALID },
};

static void
begin_standard(struct trial *t, const char *id, const char *signature)
{
	/* Standard Webhooks, but that the secret is the key as it stands. */
	trial_begin(t, scheme_of("polar"), "{}");
	trial_add(t, "webhook-id", span_str(id));
	trial_add(t, "webhook-timestamp", span_str(T));
	trial_add(t, "webhook-signature", span_str(signature));
}

START_TEST(base64_is_read_strictly)
{
	char sig[128], header[512];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_BASE64, "m.", T, ".{}");
	fill_in(header, sizeof(header), base64s[_i].header, sig);
	begin_standard(&t, "m", header);
	trial_judge(&t);
	trial_ck(base64s[_i].when, &t, base64s[_i].want);
	trial_end(&t);
}
END_TEST

/* The last letter has two bits to spare; only zeros are right. */
START_TEST(spare_bits_are_no_other_signature)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz0123456789+/";
	char sig[128], header[512];
	struct trial t;
	size_t last, i, valid = 0;

	trial_mac(sig, sizeof(sig), ENCODING_BASE64, "m.", T, ".{}");
	ck_assert_uint_eq(strlen(sig), 44);
	ck_assert_int_eq(sig[43], '=');
	last = (size_t)(strchr(letters, sig[42]) - letters);
	ck_assert_uint_eq(last % 4, 0);
	begin_standard(&t, "m", header);
	for (i = 0; i < 64; i++) {
		sig[42] = letters[i];
		snprintf(header, sizeof(header), "v1,%s", sig);
		t.headers[2].value = span_str(header);
		if (trial_judge(&t) == VERIFY_VALID) {
			ck_assert_uint_eq(i, last);
			valid++;
		}
	}
	ck_assert_uint_eq(valid, 1);
	sig[42] = letters[last];
	sig[43] = '\0'; /* padding left out */
	snprintf(header, sizeof(header), "v1,%s", sig);
	t.headers[2].value = span_str(header);
	ck_assert_int_eq(trial_judge(&t), VERIFY_INVALID);
	trial_end(&t);
}
END_TEST

/* An id may hold anything that a header may, but for what ends it. */
START_TEST(an_id_is_signed_as_it_stands)
{
	static const char *const ids[] = { "m", "a.b", "\xff\x80", "x y",
		"{body}", "," };
	bool divided = strchr(ids[_i], '.') != NULL;
	char sig[128], header[512], before[64];
	struct trial t;

	snprintf(before, sizeof(before), "%s.", ids[_i]);
	trial_mac(sig, sizeof(sig), ENCODING_BASE64, before, T, ".{}");
	snprintf(header, sizeof(header), "v1,%s", sig);
	begin_standard(&t, ids[_i], header);
	ck_assert_int_eq(
	    trial_judge(&t), divided ? VERIFY_INVALID : VERIFY_VALID);
	trial_end(&t);
}
END_TEST

/* --- headers ------------------------------------------------------------- */

START_TEST(a_header_sent_twice_is_refused)
{
	char sig[128];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, "{}", "", "");
	trial_begin(&t, scheme_of("nimbus"), "{}");
	trial_add(&t, "x-webhook-signature", span_str(sig));
	ck_assert_int_eq(trial_judge(&t), VERIFY_VALID);
	trial_add(&t, "x-webhook-signature", span_str(sig));
	trial_judge(&t);
	trial_ck("twice the same", &t, VERIFY_INVALID);
	ck_assert_str_eq(t.result.reason,
	    "header:X-Webhook-Signature was sent more than once");
	t.headers[1].value = span_str("x");
	trial_judge(&t);
	trial_ck("right before wrong", &t, VERIFY_INVALID);
	t.headers[0].value = SPAN_EMPTY;
	t.headers[1].value = span_str(sig);
	trial_judge(&t);
	trial_ck("empty before right", &t, VERIFY_INVALID);
	trial_end(&t);
}
END_TEST

static const struct {
	const char *name, *value;
	enum verify_verdict want;
} near_names[] = {
	{ "x-webhook-signature", "@", VERIFY_VALID },
	{ "x-webhook-signature", "", VERIFY_MISSING },
	{ "x_webhook_signature", "@", VERIFY_MISSING },
	{ "x-webhook-signatur", "@", VERIFY_MISSING },
	{ "x-webhook-signature-1", "@", VERIFY_MISSING },
};

START_TEST(only_the_schemes_header_counts)
{
	char sig[128];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, "{}", "", "");
	trial_begin(&t, scheme_of("nimbus"), "{}");
	trial_add(&t, near_names[_i].name,
	    span_str(*near_names[_i].value == '@' ? sig : ""));
	trial_judge(&t);
	trial_ck(near_names[_i].name, &t, near_names[_i].want);
	if (near_names[_i].want == VERIFY_MISSING)
		ck_assert_str_eq(t.result.reason,
		    "header:X-Webhook-Signature is absent or empty");
	trial_end(&t);
}
END_TEST

/* DocuSign numbers its headers, one a key. */
static const struct {
	const char *name;
	enum verify_verdict want;
} numbered[] = {
	{ "x-docusign-signature-1", VERIFY_VALID },
	{ "x-docusign-signature-9999", VERIFY_VALID },
	{ "x-docusign-signature-10000", VERIFY_MISSING },
	{ "x-docusign-signature-", VERIFY_MISSING },
	{ "x-docusign-signature-1a", VERIFY_MISSING },
	{ "x-docusign-signature", VERIFY_MISSING },
};

START_TEST(numbered_headers_have_numbers)
{
	char sig[128];
	struct trial t;

	trial_mac(sig, sizeof(sig), ENCODING_BASE64, "{}", "", "");
	trial_begin(&t, scheme_of("docusign"), "{}");
	trial_add(&t, numbered[_i].name, span_str(sig));
	trial_judge(&t);
	trial_ck(numbered[_i].name, &t, numbered[_i].want);
	trial_end(&t);
}
END_TEST

/* --- keys ---------------------------------------------------------------- */

START_TEST(the_key_that_matched_is_told)
{
	static const char *const secrets[] = { "other", "s", "s" };
	struct scheme_key *keys[3];
	struct verify_result result;
	struct err err = ERR_INIT;
	char sig[128];
	struct trial t;
	size_t i;

	trial_mac(sig, sizeof(sig), ENCODING_HEX, "{}", "", "");
	trial_begin(&t, scheme_of("nimbus"), "{}");
	trial_add(&t, "x-webhook-signature", span_str(sig));
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(
		    scheme_key_make(t.sc, span_str(secrets[i]), &keys[i], &err),
		    0);
	ck_assert_int_eq(
	    verify_request(t.sc, keys, 3, &t.in, &result, &err), 0);
	ck_assert_int_eq(result.verdict, VERIFY_VALID);
	ck_assert_int_eq(result.key, 1);
	ck_assert_int_eq(
	    verify_request(t.sc, keys, 1, &t.in, &result, &err), 0);
	ck_assert_int_eq(result.verdict, VERIFY_INVALID);
	ck_assert_int_eq(result.key, -1);
	ck_assert_int_eq(
	    verify_request(t.sc, keys, 0, &t.in, &result, &err), 0);
	ck_assert_int_eq(result.verdict, VERIFY_INVALID);
	for (i = 0; i < 3; i++)
		scheme_key_free(keys[i]);
	trial_end(&t);
}
END_TEST

/* A token is compared whole: no beginning, no end, no letter case. */
static const struct {
	const char *sent;
	enum verify_verdict want;
} tokens[] = {
	{ "s", VERIFY_VALID },
	{ "", VERIFY_MISSING },
	{ "S", VERIFY_INVALID },
	{ "ss", VERIFY_INVALID },
	{ "s,s", VERIFY_INVALID },
};

START_TEST(a_token_is_compared_whole)
{
	struct trial t;

	trial_begin(&t, scheme_of("gitlab"), "{}");
	trial_add(&t, "x-gitlab-token", span_str(tokens[_i].sent));
	trial_judge(&t);
	trial_ck(tokens[_i].sent, &t, tokens[_i].want);
	trial_end(&t);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("verify");
	TCase *tc = tcase_create("verdicts");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(tc, lists_are_read_strictly, 0, NITEMS(lists));
	tcase_add_loop_test(tc, crowds_are_bounded, 0, NITEMS(crowds));
	tcase_add_test(tc, no_changed_header_passes);
	tcase_add_loop_test(tc, base64_is_read_strictly, 0, NITEMS(base64s));
	tcase_add_test(tc, spare_bits_are_no_other_signature);
	tcase_add_loop_test(tc, an_id_is_signed_as_it_stands, 0, 6);
	tcase_add_test(tc, a_header_sent_twice_is_refused);
	tcase_add_loop_test(
	    tc, only_the_schemes_header_counts, 0, NITEMS(near_names));
	tcase_add_loop_test(
	    tc, numbered_headers_have_numbers, 0, NITEMS(numbered));
	tcase_add_test(tc, the_key_that_matched_is_told);
	tcase_add_loop_test(tc, a_token_is_compared_whole, 0, NITEMS(tokens));
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
