/* Hex and base64: one value, one text. Vectors are those of RFC 4648. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"

static const struct {
	enum encoding enc;
	const char *bytes, *text;
} both[] = {
	{ ENCODING_HEX, "", "" },
	{ ENCODING_HEX, "foobar", "666f6f626172" },
	{ ENCODING_HEX, "\x01\xff\x80", "01ff80" },
	{ ENCODING_BASE64, "", "" },
	{ ENCODING_BASE64, "f", "Zg==" },
	{ ENCODING_BASE64, "fo", "Zm8=" },
	{ ENCODING_BASE64, "foo", "Zm9v" },
	{ ENCODING_BASE64, "foob", "Zm9vYg==" },
	{ ENCODING_BASE64, "fooba", "Zm9vYmE=" },
	{ ENCODING_BASE64, "foobar", "Zm9vYmFy" },
	{ ENCODING_BASE64, "\xfb\xef\xff\xfe", "++///g==" },
	{ ENCODING_BASE64URL, "", "" },
	{ ENCODING_BASE64URL, "f", "Zg" },
	{ ENCODING_BASE64URL, "fo", "Zm8" },
	{ ENCODING_BASE64URL, "foo", "Zm9v" },
	{ ENCODING_BASE64URL, "\xfb\xef\xff\xfe", "--___g" },
	{ ENCODING_UTF8, "as it stands", "as it stands" },
};

START_TEST(bytes_become_text_and_come_back)
{
	struct span bytes = span_str(both[_i].bytes);
	struct buf out = BUF_INIT(256);
	struct err err = ERR_INIT;
	unsigned char back[64];
	size_t len = 99;

	ck_assert_int_eq(encode_put(both[_i].enc, bytes, &out, &err), 0);
	ck_assert_msg(span_is(buf_span(&out), both[_i].text), "%s: %.*s",
	    both[_i].text, (int)out.len, (const char *)out.ptr);
	ck_assert(encode_read(
	    both[_i].enc, span_str(both[_i].text), back, sizeof(back), &len));
	ck_assert(span_eq(span_of(back, len), bytes));
	ck_assert_uint_ge(
	    encode_room(both[_i].enc, strlen(both[_i].text)), len);
	/* One byte too little room is refused, not overrun. */
	if (bytes.len > 0)
		ck_assert(!encode_read(both[_i].enc, span_str(both[_i].text),
		    back, bytes.len - 1, &len));
	buf_free(&out);
}
END_TEST

static const struct {
	const char *when;
	enum encoding enc;
	const char *text;
	bool want;
} texts[] = {
	{ "upper-case hex", ENCODING_HEX, "DEADbeef", true },
	{ "odd hex", ENCODING_HEX, "abc", false },
	{ "letter beyond f", ENCODING_HEX, "0g", false },
	{ "at sign, which case folding makes a grave", ENCODING_HEX, "@0",
	    false },
	{ "blank in hex", ENCODING_HEX, "ab cd", false },
	{ "0x before hex", ENCODING_HEX, "0xab", false },
	{ "8-bit hex", ENCODING_HEX, "\xc1\xc1", false },
	{ "padding missing", ENCODING_BASE64, "Zg", false },
	{ "half of the padding", ENCODING_BASE64, "Zg=", false },
	{ "too much padding", ENCODING_BASE64, "Zm8==", false },
	{ "padding alone", ENCODING_BASE64, "====", false },
	{ "padding of three", ENCODING_BASE64, "Z===", false },
	{ "padding in the middle", ENCODING_BASE64, "Zg==Zg==", false },
	{ "bits left behind two", ENCODING_BASE64, "Zh==", false },
	{ "bits left behind three", ENCODING_BASE64, "Zm9=", false },
	{ "url letters", ENCODING_BASE64, "--__", false },
	{ "line end behind", ENCODING_BASE64, "Zm9v\n", false },
	{ "line end inside", ENCODING_BASE64, "Zm\n9v", false },
	{ "8-bit base64", ENCODING_BASE64, "Zm9\xff", false },
	{ "url padded", ENCODING_BASE64URL, "Zg==", true },
	{ "url padded by one", ENCODING_BASE64URL, "Zm8=", true },
	{ "url padded by too few", ENCODING_BASE64URL, "Zg=", false },
	{ "url, one letter", ENCODING_BASE64URL, "Z", false },
	{ "url, five letters", ENCODING_BASE64URL, "Zm9vZ", false },
	{ "url, bits left behind two", ENCODING_BASE64URL, "Zh", false },
	{ "url, bits left behind three", ENCODING_BASE64URL, "Zm9", false },
	{ "plain letters in url", ENCODING_BASE64URL, "++//", false },
};

START_TEST(only_canonical_text_is_read)
{
	unsigned char out[64];
	size_t len = 0;

	ck_assert_msg(encode_read(texts[_i].enc, span_str(texts[_i].text), out,
			  sizeof(out), &len) == texts[_i].want,
	    "%s", texts[_i].when);
}
END_TEST

/*
 * Texts of four of these letters: twelve are digits of either alphabet, so
 * 12^4 are read; with padding, 12 * 12 * 5 and 12 * 4, whose last letter has
 * no bits left. Each is the beginning of the text that its value has.
 */
START_TEST(what_is_read_is_written_back)
{
	static const char letters[] = "AQgwBZaz09+/-_=. ";
	static const enum encoding encs[] = { ENCODING_BASE64,
		ENCODING_BASE64URL };
	size_t i, j, at, len, n = sizeof(letters) - 1, got = 0;
	struct buf out = BUF_INIT(64);
	struct err err = ERR_INIT;
	unsigned char bytes[8];
	char text[4];

	for (i = 0; i < n * n * n * n; i++) {
		for (j = 0, at = i; j < 4; j++, at /= n)
			text[j] = letters[at % n];
		if (!encode_read(
			encs[_i], span_of(text, 4), bytes, sizeof(bytes), &len))
			continue;
		buf_clear(&out);
		ck_assert_int_eq(
		    encode_put(encs[_i], span_of(bytes, len), &out, &err), 0);
		ck_assert_mem_eq(text, out.ptr, out.len);
		got++;
	}
	ck_assert_uint_eq(got, 12 * 12 * 12 * 12 + 12 * 12 * 5 + 12 * 4);
	buf_free(&out);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("encode");
	TCase *tc = tcase_create("texts");
	SRunner *sr;
	int failed;

	tcase_add_loop_test(
	    tc, bytes_become_text_and_come_back, 0, NITEMS(both));
	tcase_add_loop_test(tc, only_canonical_text_is_read, 0, NITEMS(texts));
	tcase_add_loop_test(tc, what_is_read_is_written_back, 0, 2);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
