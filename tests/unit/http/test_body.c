/* Bodies as they really come: packed, with a mark before them, in parts. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "lib/base/util.h"
#include "lib/http/body.h"
#include "lib/http/inflate.h"
#include "lib/http/multipart.h"

#define TEXT "{\"id\":\"e1\",\"type\":\"t\"}"

/* printf '%s' TEXT | gzip -n -9 */
static const unsigned char gz[] = { 0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00,
	0x00, 0x02, 0x03, 0xab, 0x56, 0xca, 0x4c, 0x51, 0xb2, 0x52, 0x4a, 0x35,
	0x54, 0xd2, 0x51, 0x2a, 0xa9, 0x2c, 0x48, 0x05, 0xb2, 0x4b, 0x94, 0x6a,
	0x01, 0x43, 0xdc, 0x72, 0xd6, 0x16, 0x00, 0x00, 0x00 };
/* python3: zlib.compress(TEXT, 9) */
static const unsigned char zl[] = { 0x78, 0xda, 0xab, 0x56, 0xca, 0x4c, 0x51,
	0xb2, 0x52, 0x4a, 0x35, 0x54, 0xd2, 0x51, 0x2a, 0xa9, 0x2c, 0x48, 0x05,
	0xb2, 0x4b, 0x94, 0x6a, 0x01, 0x46, 0xe8, 0x06, 0x42 };

static struct span
packed(const unsigned char *p, size_t len)
{
	return span_of(p, len);
}

#define GZ packed(gz, sizeof(gz))
#define ZL packed(zl, sizeof(zl))

/* --- Content-Encoding ------------------------------------------------------
 */

START_TEST(codings_are_undone)
{
	static const struct {
		const char *coding;
		int bytes; /* 0: TEXT, 1: gzip, 2: zlib */
		bool reads;
	} rows[] = {
		{ "", 0, true },
		{ "gzip", 1, true },
		{ "GZip", 1, true },
		{ "x-gzip", 1, true },
		{ "deflate", 2, true },
		{ "gzip", 0, false },
		{ "gzip", 2, false },
		{ "deflate", 0, false },
		{ "deflate", 1, false },
		{ "br", 0, false },
		{ "gzip, gzip", 1, false },
		{ "gzip2", 1, false },
	};
	const struct span bytes[] = { span_str(TEXT), GZ, ZL };
	struct body b = { .state = BODY_CLOSED };
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(rows); i++) {
		ck_assert_int_eq(body_unpack(&b, bytes[rows[i].bytes],
				     span_str(rows[i].coding), &err),
		    0);
		ck_assert_msg(
		    (b.why == NULL) == rows[i].reads, "%zu: %s", i, b.why);
		ck_assert(!rows[i].reads || span_is(b.bytes, TEXT));
		ck_assert(rows[i].reads || b.bytes.len == 0);
		body_close(&b);
	}
}
END_TEST

START_TEST(the_coding_is_read_off_the_headers)
{
	struct header two[] = { { SPAN_EMPTY, SPAN_EMPTY },
		{ SPAN_EMPTY, SPAN_EMPTY } };
	struct request rq = { .headers = two };

	ck_assert_uint_eq(body_coding(&rq).len, 0);
	two[0].name = two[1].name = span_str("content-encoding");
	two[0].value = two[1].value = span_str("gzip");
	rq.nheaders = 1;
	ck_assert(span_is(body_coding(&rq), "gzip"));
	rq.nheaders = 2; /* nginx passes both on */
	ck_assert(!span_is(body_coding(&rq), "gzip"));
	rq.nheaders = 1;
	two[0].value = span_str("Identity");
	ck_assert_uint_eq(body_coding(&rq).len, 0);
}
END_TEST

/* Cut anywhere, with a bit changed, or with a byte behind it, it is broken. */
START_TEST(what_is_not_whole_is_broken)
{
	unsigned char bytes[sizeof(gz) + 1];
	struct buf out = BUF_INIT(1);
	enum inflate_outcome how;
	struct err err = ERR_INIT;
	size_t i, same = 0;

	for (i = 0; i < sizeof(gz); i++) {
		ck_assert_int_eq(inflate_all(INFLATE_GZIP, span_of(gz, i), 4096,
				     &out, &how, &err),
		    0);
		ck_assert_int_eq(how, INFLATE_BROKEN);
	}
	for (i = 0; i < 8 * sizeof(gz); i++) {
		memcpy(bytes, gz, sizeof(gz));
		bytes[i / 8] ^= (unsigned char)(1 << i % 8);
		ck_assert_int_eq(
		    inflate_all(INFLATE_GZIP, span_of(bytes, sizeof(gz)), 4096,
			&out, &how, &err),
		    0);
		/* Time, flags and system stand in the head unchecked. */
		same += how == INFLATE_OK;
		ck_assert(how != INFLATE_OK || span_is(buf_span(&out), TEXT));
	}
	ck_assert_uint_le(same, 8 * 7);
	memcpy(bytes, gz, sizeof(gz));
	bytes[sizeof(gz)] = 'x';
	ck_assert_int_eq(
	    inflate_all(INFLATE_GZIP, span_of(bytes, sizeof(bytes)), 4096, &out,
		&how, &err),
	    0);
	ck_assert_int_eq(how, INFLATE_BROKEN);
	buf_free(&out);
}
END_TEST

START_TEST(a_gzip_file_may_have_several_members)
{
	struct buf all = BUF_INIT(1 << 20), out = BUF_INIT(1);
	enum inflate_outcome how;
	struct err err = ERR_INIT;
	int i;

	for (i = 0; i < INFLATE_MEMBERS_MAX; i++)
		ck_assert_int_eq(buf_put_span(&all, GZ, &err), 0);
	ck_assert_int_eq(inflate_all(INFLATE_GZIP, buf_span(&all), 1 << 20,
			     &out, &how, &err),
	    0);
	ck_assert_int_eq(how, INFLATE_OK);
	ck_assert_uint_eq(out.len, INFLATE_MEMBERS_MAX * strlen(TEXT));
	ck_assert_int_eq(buf_put_span(&all, GZ, &err), 0);
	ck_assert_int_eq(inflate_all(INFLATE_GZIP, buf_span(&all), 1 << 20,
			     &out, &how, &err),
	    0);
	ck_assert_int_eq(how, INFLATE_BROKEN);
	buf_free(&all);
	buf_free(&out);
}
END_TEST

/* Packs len equal letters. */
static void
pack_letters(size_t len, struct buf *out)
{
	unsigned char *text = malloc(len), *at;
	uLongf n = compressBound(len);
	struct err err = ERR_INIT;

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', len);
	buf_clear(out);
	ck_assert_int_eq(buf_reserve(out, n, &at, &err), 0);
	ck_assert_int_eq(compress2(at, &n, text, len, 9), Z_OK);
	out->len = n;
	free(text);
}

/* Packs len letters, of which every 40th is one of sixteen: to a 90th or so. */
static void
pack_mixed(size_t len, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char *text = malloc(len), *at;
	uLongf n = compressBound(len);
	struct err err = ERR_INIT;
	unsigned state = 1;
	size_t i;

	ck_assert_ptr_nonnull(text);
	memset(text, 'a', len);
	for (i = 0; i < len; i++) {
		if (i % 40 != 0)
			continue;
		state = state * 1103515245 + 12345;
		text[i] = (unsigned char)digits[state >> 28];
	}
	buf_clear(out);
	ck_assert_int_eq(buf_reserve(out, n, &at, &err), 0);
	ck_assert_int_eq(compress2(at, &n, text, len, 6), Z_OK);
	out->len = n;
	free(text);
}

#define FREE BODY_UNPACKED_FREE
#define MIB (1024 * 1024)

/*
 * A thousandth is more than any text shrinks to: somebody wants our memory.
 * A packed body gives no more bytes than its reader takes unpacked.
 */
START_TEST(a_bomb_does_not_go_off)
{
	static const struct {
		size_t letters;
		bool mixed; /* else all the same */
		size_t max; /* of the reader; 0: none */
		enum body_state want;
	} rows[] = {
		{ 1000, false, 0, BODY_OPEN },
		{ FREE, false, 0, BODY_OPEN },
		{ FREE + 1, false, 0, BODY_BROKEN },
		{ BODY_UNPACKED_MAX + 1, false, 0, BODY_BROKEN },
		{ BODY_UNPACKED_MAX, true, 0, BODY_OPEN },
		{ BODY_UNPACKED_MAX + 1, true, 0, BODY_TOO_LARGE },
		{ FREE, false, FREE, BODY_OPEN },
		{ FREE + 1, false, FREE, BODY_TOO_LARGE },
		{ 4 * MIB, true, 4 * MIB, BODY_OPEN },
		{ 4 * MIB + 1, true, 4 * MIB, BODY_TOO_LARGE },
		{ 4 * MIB, false, 4 * MIB, BODY_BROKEN },
		{ 65536, false, 65536, BODY_OPEN },
		{ 65537, false, 65536, BODY_TOO_LARGE },
	};
	struct buf out = BUF_INIT(64 << 20);
	struct body b = { .state = BODY_CLOSED };
	struct err err = ERR_INIT;
	size_t i;
	bool reads;

	for (i = 0; i < NITEMS(rows); i++) {
		if (rows[i].mixed)
			pack_mixed(rows[i].letters, &out);
		else
			pack_letters(rows[i].letters, &out);
		b.max = rows[i].max;
		reads = rows[i].want == BODY_OPEN;
		ck_assert_int_eq(
		    body_unpack(&b, buf_span(&out), span_str("deflate"), &err),
		    0);
		ck_assert_msg(
		    b.state == rows[i].want, "%zu: %d, %s", i, b.state, b.why);
		ck_assert((b.why == NULL) == reads);
		ck_assert_uint_eq(b.bytes.len, reads ? rows[i].letters : 0);
		ck_assert(reads || b.made.ptr == NULL);
		body_close(&b);
		ck_assert_uint_eq(b.max, rows[i].max);
	}
	buf_free(&out);
}
END_TEST

/* The room is counted before unpacking, and given back however it ends. */
START_TEST(unpacked_bytes_have_a_budget)
{
	static const struct {
		size_t letters, cut; /* bytes left out at the end */
		size_t used; /* of 2 MiB, by others */
		enum body_state want;
	} rows[] = {
		{ MIB, 0, MIB, BODY_OPEN },
		{ 1000, 0, MIB, BODY_OPEN },
		{ 1000, 0, MIB + 1, BODY_CROWDED },
		{ MIB, 0, 2 * MIB, BODY_CROWDED },
		{ 600000, 9, 0, BODY_BROKEN },
		{ MIB + 1, 0, 0, BODY_TOO_LARGE },
	};
	struct budget budget = { 0, 2 * MIB };
	struct body b = { .max = MIB, .budget = &budget };
	struct buf out = BUF_INIT(64 << 20);
	struct err err = ERR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(rows); i++) {
		pack_letters(rows[i].letters, &out);
		ck_assert(budget_take(&budget, rows[i].used));
		ck_assert_int_eq(
		    body_unpack(&b, span_of(out.ptr, out.len - rows[i].cut),
			span_str("deflate"), &err),
		    0);
		ck_assert_msg(
		    b.state == rows[i].want, "%zu: %d, %s", i, b.state, b.why);
		/* Of one that was read, what came out. */
		ck_assert_uint_eq(
		    atomic_load(&budget.used), rows[i].used + b.bytes.len);
		body_close(&b);
		ck_assert_uint_eq(atomic_load(&budget.used), rows[i].used);
		budget_give(&budget, rows[i].used);
	}
	buf_free(&out);
}
END_TEST

START_TEST(a_mark_before_the_text_is_skipped)
{
	ck_assert(span_is(body_text(span_str("\xef\xbb\xbf{}")), "{}"));
	ck_assert(span_is(body_text(span_str("{}")), "{}"));
	ck_assert(span_is(body_text(span_str("\xef\xbb")), "\xef\xbb"));
	ck_assert_uint_eq(body_text(span_str("\xef\xbb\xbf")).len, 0);
}
END_TEST

/* --- multipart/form-data ---------------------------------------------------
 */

static const struct {
	const char *type;
	enum multipart_type want;
	const char *boundary;
} types[] = {
	{ "multipart/form-data; boundary=abc", MULTIPART_FORM, "abc" },
	{ "Multipart/Form-Data;Boundary=\"a b'()+_,-./:=?c\"", MULTIPART_FORM,
	    "a b'()+_,-./:=?c" },
	{ "multipart/form-data; charset=utf-8; boundary=abc", MULTIPART_FORM,
	    "abc" },
	{ "multipart/form-data; boundary=abc;", MULTIPART_FORM, "abc" },
	{ "multipart/form-data", MULTIPART_BROKEN, "" },
	{ "multipart/form-data; boundary=", MULTIPART_BROKEN, "" },
	{ "multipart/form-data; boundary=\"abc", MULTIPART_BROKEN, NULL },
	{ "multipart/form-data; boundary=\"abc \"", MULTIPART_BROKEN, NULL },
	{ "multipart/form-data; boundary=a; boundary=b", MULTIPART_BROKEN,
	    NULL },
	{ "multipart/form-data; boundary=a b", MULTIPART_BROKEN, NULL },
	{ "multipart/form-data; boundary=\"a*\"", MULTIPART_BROKEN, NULL },
	{ "multipart/mixed; boundary=abc", MULTIPART_BROKEN, NULL },
	{ "multipart", MULTIPART_BROKEN, NULL },
	{ "application/x-www-form-urlencoded", MULTIPART_NONE, "" },
	{ "application/json; boundary=abc", MULTIPART_NONE, "" },
	{ "", MULTIPART_NONE, "" },
	{ "multipart/form-data; boundary="
	  "1234567890123456789012345678901234567890123456789012345678901234567"
	  "890",
	    MULTIPART_FORM, NULL },
	{ "multipart/form-data; boundary="
	  "1234567890123456789012345678901234567890123456789012345678901234567"
	  "8901",
	    MULTIPART_BROKEN, NULL },
};

START_TEST(content_types_are_read)
{
	struct span boundary;

	ck_assert_msg(multipart_type(span_str(types[_i].type), &boundary) ==
			  types[_i].want,
	    "%s", types[_i].type);
	ck_assert_msg(
	    types[_i].boundary == NULL || span_is(boundary, types[_i].boundary),
	    "%s", types[_i].type);
}
END_TEST

#define PART(name, text)                                      \
	"--b\r\nContent-Disposition: form-data; name=\"" name \
	"\"\r\n\r\n" text "\r\n"
#define FILE_PART(name, text)                                        \
	"--b\r\nContent-Disposition: form-data; name=\"" name "\"; " \
	"filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n" text "\r\n"
#define END "--b--\r\n"

static const struct {
	const char *when, *body;
	enum form_answer want;
	const char *value; /* of the name "token" */
} forms[] = {
	{ "one", PART("token", "t") END, FORM_FOUND, "t" },
	{ "among others", PART("a", "1") PART("token", "t") PART("b", "2") END,
	    FORM_FOUND, "t" },
	{ "none", PART("a", "1") END, FORM_ABSENT, "" },
	{ "names have a case", PART("Token", "t") END, FORM_ABSENT, "" },
	{ "empty value", PART("token", "") END, FORM_FOUND, "" },
	{ "several lines", PART("token", "a\r\nb\n") END, FORM_FOUND,
	    "a\r\nb\n" },
	{ "twice the same", PART("token", "t") PART("token", "t") END,
	    FORM_FOUND, "t" },
	{ "twice another", PART("token", "t") PART("token", "u") END,
	    FORM_BROKEN, "" },
	{ "a file of that name is no value",
	    FILE_PART("token", "x") PART("token", "t") END, FORM_FOUND, "t" },
	{ "a file alone", FILE_PART("token", "x") END, FORM_ABSENT, "" },
	{ "a file that looks like a part",
	    FILE_PART("f", "Content-Disposition: form-data; name=\"token\""
			   "\r\n\r\nx\r\n--bc\r\n--\r\n-b\r\n")
		PART("token", "t") END,
	    FORM_FOUND, "t" },
	{ "a preamble", "hello\r\n" PART("token", "t") END, FORM_FOUND, "t" },
	{ "an epilogue", PART("token", "t") END "bye\r\n" PART("token", "u"),
	    FORM_FOUND, "t" },
	{ "no line end behind it", PART("token", "t") "--b--", FORM_FOUND,
	    "t" },
	{ "blanks behind a boundary",
	    "--b \t\r\nContent-Disposition: form-data; name=token\r\n\r\nt\r\n"
	    "--b-- \r\n",
	    FORM_FOUND, "t" },
	{ "a name without quotes",
	    "--b\r\ncontent-disposition:form-data;name=token\r\n\r\nt\r\n" END,
	    FORM_FOUND, "t" },
	{ "other headers",
	    "--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Disposition: form-data; name=\"token\"\r\n"
	    "X-Any: thing\r\n\r\nt\r\n" END,
	    FORM_FOUND, "t" },
	{ "escapes in a name", PART("to\\\"ken", "u") PART("token", "t") END,
	    FORM_FOUND, "t" },
	{ "no content at all",
	    "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n\r\n" END,
	    FORM_FOUND, "" },
	{ "no part", END, FORM_ABSENT, "" },
	{ "8bit",
	    "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\nt\r\n" END,
	    FORM_FOUND, "t" },
	{ "base64",
	    "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\ndA==\r\n" END,
	    FORM_BROKEN, "" },
	{ "base64 of another",
	    "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\ndA==\r\n" PART(
		"token", "t") END,
	    FORM_FOUND, "t" },
	{ "nothing", "", FORM_BROKEN, "" },
	{ "no end", PART("token", "t"), FORM_BROKEN, "" },
	{ "cut in a part", "--b\r\nContent-Disposition: form-data; name=\"to",
	    FORM_BROKEN, "" },
	{ "another boundary", "--c\r\n\r\n--c--", FORM_BROKEN, "" },
	{ "line feeds alone",
	    "--b\nContent-Disposition: form-data; name=\"token\"\n\nt\n--b--\n",
	    FORM_BROKEN, "" },
	{ "no disposition", "--b\r\nX: y\r\n\r\nt\r\n" END, FORM_BROKEN, "" },
	{ "no name", "--b\r\nContent-Disposition: form-data\r\n\r\nt\r\n" END,
	    FORM_BROKEN, "" },
	{ "an attachment",
	    "--b\r\nContent-Disposition: attachment; "
	    "name=\"token\"\r\n\r\nt\r\n" END,
	    FORM_BROKEN, "" },
	{ "two names",
	    "--b\r\nContent-Disposition: form-data; name=\"token\"; "
	    "name=\"x\"\r\n\r\nt\r\n" END,
	    FORM_BROKEN, "" },
	{ "two dispositions",
	    "--b\r\nContent-Disposition: form-data; name=\"token\"\r\n"
	    "Content-Disposition: form-data; name=\"x\"\r\n\r\nt\r\n" END,
	    FORM_BROKEN, "" },
	{ "a line that goes on",
	    "--b\r\nContent-Disposition: form-data;\r\n name=\"token\"\r\n\r\n"
	    "t\r\n" END,
	    FORM_BROKEN, "" },
	{ "quotes that do not end",
	    "--b\r\nContent-Disposition: form-data; "
	    "name=\"token\r\n\r\nt\r\n" END,
	    FORM_BROKEN, "" },
};

START_TEST(parts_are_read)
{
	struct span value;
	enum form_answer got;

	got = multipart_find(span_str(forms[_i].body), span_str("b"), "token",
	    FORM_EXACT, &value);
	ck_assert_msg(
	    got == forms[_i].want, "%s: %d", forms[_i].when, (int)got);
	ck_assert_msg(got != FORM_FOUND || span_is(value, forms[_i].value),
	    "%s: %.*s", forms[_i].when, (int)value.len,
	    (const char *)value.ptr);
}
END_TEST

/* Cut anywhere before its end it is broken; changed in a bit it ends. */
START_TEST(a_form_is_whole_or_broken)
{
	static const char whole[] = FILE_PART("f", "x") PART("token", "t") END;
	size_t i, len = sizeof(whole) - 1 - 2; /* the last line end may lack */
	struct span value;
	char *copy;

	for (i = 0; i < len; i++) {
		copy = malloc(i + 1); /* so that a read too far is found */
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, whole, i);
		ck_assert_int_eq(multipart_find(span_of(copy, i), span_str("b"),
				     "token", FORM_EXACT, &value),
		    FORM_BROKEN);
		free(copy);
	}
	for (i = 0; i < 8 * len; i++) {
		copy = malloc(len);
		ck_assert_ptr_nonnull(copy);
		memcpy(copy, whole, len);
		copy[i / 8] ^= (char)(1 << i % 8);
		(void)multipart_find(span_of(copy, len), span_str("b"), "token",
		    FORM_EXACT, &value);
		free(copy);
	}
}
END_TEST

START_TEST(parts_and_heads_are_limited)
{
	struct buf text = BUF_INIT(1 << 20);
	struct err err = ERR_INIT;
	struct span value;
	int i;

	for (i = 0; i < MULTIPART_PARTS_MAX; i++)
		ck_assert_int_eq(buf_puts(&text, PART("x", "1"), &err), 0);
	ck_assert_int_eq(buf_puts(&text, END, &err), 0);
	ck_assert_int_eq(multipart_find(buf_span(&text), span_str("b"), "x",
			     FORM_EXACT, &value),
	    FORM_FOUND);
	text.len -= strlen(END);
	ck_assert_int_eq(buf_puts(&text, PART("x", "1") END, &err), 0);
	ck_assert_int_eq(multipart_find(buf_span(&text), span_str("b"), "x",
			     FORM_EXACT, &value),
	    FORM_BROKEN);
	buf_clear(&text);
	ck_assert_int_eq(
	    buf_printf(&text, &err,
		"--b\r\nContent-Disposition: form-data; name=\"x\"\r\nY: %*s"
		"\r\n\r\n1\r\n" END,
		MULTIPART_HEAD_MAX, "z"),
	    0);
	ck_assert_int_eq(multipart_find(buf_span(&text), span_str("b"), "x",
			     FORM_EXACT, &value),
	    FORM_BROKEN);
	buf_free(&text);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("body");
	TCase *tc = tcase_create("bodies");
	SRunner *sr;
	int failed;

	tcase_add_test(tc, codings_are_undone);
	tcase_add_test(tc, the_coding_is_read_off_the_headers);
	tcase_add_test(tc, what_is_not_whole_is_broken);
	tcase_add_test(tc, a_gzip_file_may_have_several_members);
	tcase_add_test(tc, a_bomb_does_not_go_off);
	tcase_add_test(tc, unpacked_bytes_have_a_budget);
	tcase_add_test(tc, a_mark_before_the_text_is_skipped);
	tcase_add_loop_test(tc, content_types_are_read, 0, NITEMS(types));
	tcase_add_loop_test(tc, parts_are_read, 0, NITEMS(forms));
	tcase_add_test(tc, a_form_is_whole_or_broken);
	tcase_add_test(tc, parts_and_heads_are_limited);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
