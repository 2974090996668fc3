/*
 * What text promises of all but times: foreign bytes drive nothing, numbers are
 * read strictly and never wrap, and a refusal leaves the output as it was.
 */
#include "lib/base/text.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

/* --- inert output --- */

/*
 * The well-formed byte sequences are those of RFC 3629, section 4; in want, a
 * letter x behind a backslash comes from \xHH.
 */
static const struct {
	const char *when, *in;
	size_t len;
	const char *want;
	bool is_utf8;
} safe[] = {
	{ "plain", BYTES("GET /in?a=\"b\""), "GET /in?a=\"b\"", true },
	{ "nothing", BYTES(""), "", true },
	{ "ESC clears the screen", BYTES("a\x1b[2J"), "a\\x1b[2J", true },
	{ "CR and LF forge a line", BYTES("a\r\nb"), "a\\x0d\\x0ab", true },
	{ "NUL", BYTES("a\0b"), "a\\x00b", true },
	{ "tab and bell", BYTES("\t\a"), "\\x09\\x07", true },
	{ "DEL", BYTES("\x7f"), "\\x7f", true },
	{ "backslash", BYTES("\\x1b"), "\\\\x1b", true },
	{ "C1 as a byte",
	    BYTES("\x9b"
		  "2J"),
	    "\\x9b2J", false },
	{ "C1 as UTF-8",
	    BYTES("\xc2\x9b"
		  "2J"),
	    "\\xc2\\x9b2J", true },
	{ "right-to-left override",
	    BYTES("a\xe2\x80\xae"
		  "b"),
	    "a\\xe2\\x80\\xaeb", true },
	{ "bidi isolate", BYTES("\xe2\x81\xa6"), "\\xe2\\x81\\xa6", true },
	{ "BOM", BYTES("\xef\xbb\xbf{}"), "\\xef\\xbb\\xbf{}", true },
	{ "letters of many tongues",
	    BYTES("\xc3\xa9 \xd7\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80"),
	    "\xc3\xa9 \xd7\xa9 \xe6\x97\xa5 \xf0\x9f\x98\x80", true },
	{ "overlong slash, 2 bytes", BYTES("\xc0\xaf"), "\\xc0\\xaf", false },
	{ "overlong DEL, 2 bytes", BYTES("\xc1\xbf"), "\\xc1\\xbf", false },
	{ "least of 2 bytes that is no control", BYTES("\xc2\xa0"), "\xc2\xa0",
	    true },
	{ "overlong ESC, 3 bytes", BYTES("\xe0\x80\x9b"), "\\xe0\\x80\\x9b",
	    false },
	{ "most overlong of 3", BYTES("\xe0\x9f\xbf"), "\\xe0\\x9f\\xbf",
	    false },
	{ "least of 3", BYTES("\xe0\xa0\x80"), "\xe0\xa0\x80", true },
	{ "most overlong of 4", BYTES("\xf0\x8f\xbf\xbf"),
	    "\\xf0\\x8f\\xbf\\xbf", false },
	{ "least of 4", BYTES("\xf0\x90\x80\x80"), "\xf0\x90\x80\x80", true },
	{ "below the surrogates", BYTES("\xed\x9f\xbf"), "\xed\x9f\xbf", true },
	{ "first surrogate", BYTES("\xed\xa0\x80"), "\\xed\\xa0\\x80", false },
	{ "last surrogate", BYTES("\xed\xbf\xbf"), "\\xed\\xbf\\xbf", false },
	{ "above the surrogates", BYTES("\xee\x80\x80"), "\xee\x80\x80", true },
	{ "U+10FFFF", BYTES("\xf4\x8f\xbf\xbf"), "\xf4\x8f\xbf\xbf", true },
	{ "U+110000", BYTES("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80",
	    false },
	{ "5 bytes", BYTES("\xf8\x88\x80\x80\x80"), "\\xf8\\x88\\x80\\x80\\x80",
	    false },
	{ "a continuation alone", BYTES("a\xbf"), "a\\xbf", false },
	{ "one continuation too many", BYTES("\xc3\xa9\xa9"), "\xc3\xa9\\xa9",
	    false },
	{ "cut: 1 of 2", BYTES("a\xc3"), "a\\xc3", false },
	{ "cut: 2 of 3", BYTES("\xe6\x97"), "\\xe6\\x97", false },
	{ "cut: 3 of 4", BYTES("\xf0\x9f\x98"), "\\xf0\\x9f\\x98", false },
	{ "cut by ESC", BYTES("\xe6\x97\x1b[2J"), "\\xe6\\x97\\x1b[2J", false },
	{ "cut by a start", BYTES("\xe6\xc3\xa9"), "\\xe6\xc3\xa9", false },
};

START_TEST(foreign_bytes_are_inert)
{
	struct span in = span_of(safe[_i].in, safe[_i].len);
	struct buf b = BUF_INIT(256);
	struct err err = ERR_INIT;
	const char *when = safe[_i].when;

	ck_assert_msg(text_put_safe(&b, in, &err) == 0, "%s", when);
	ck_assert_msg(span_is(buf_span(&b), safe[_i].want), "%s: %.*s", when,
	    (int)b.len, (const char *)b.ptr);
	ck_assert_msg(text_is_utf8(in) == safe[_i].is_utf8, "%s", when);
	/* Once more behind something: nothing goes astray. */
	ck_assert_int_eq(text_put_safe(&b, in, &err), 0);
	ck_assert_msg(
	    b.len == 2 * strlen(safe[_i].want) &&
		span_is(span_skip(buf_span(&b), b.len / 2), safe[_i].want),
	    "%s: put twice", when);
	buf_free(&b);
}
END_TEST

/* The bytes that text_put_safe wrote as out, read back; 0 when it can't be. */
static size_t
unescape(struct span out, unsigned char *back)
{
	const char *p = out.ptr;
	char hex[3] = "";
	size_t i, n = 0;

	for (i = 0; i < out.len; i++) {
		if (p[i] != '\\') {
			back[n++] = (unsigned char)p[i];
		} else if (p[i + 1] == '\\') {
			back[n++] = '\\';
			i++;
		} else if (p[i + 1] == 'x') {
			memcpy(hex, p + i + 2, 2);
			back[n++] = (unsigned char)strtoul(hex, NULL, 16);
			i += 3;
		} else {
			return 0;
		}
	}
	return n;
}

/* No control byte, UTF-8, and the same bytes when read back. */
static bool
is_inert(struct buf *b, struct span in)
{
	struct err err = ERR_INIT;
	unsigned char back[16];
	size_t i;

	buf_clear(b);
	if (text_put_safe(b, in, &err) < 0 || !text_is_utf8(buf_span(b)))
		return false;
	for (i = 0; i < b->len; i++)
		if (b->ptr[i] < 0x20 || b->ptr[i] == 0x7f)
			return false;
	return span_eq(span_of(back, unescape(buf_span(b), back)), in);
}

START_TEST(no_byte_comes_through)
{
	struct buf b = BUF_INIT(64);
	unsigned char in[3];
	char want[8];
	unsigned i, j;

	for (i = 0; i < 256; i++) {
		in[0] = in[2] = (unsigned char)i;
		ck_assert_msg(is_inert(&b, span_of(in, 1)), "byte %02x", i);
		if (i < 0x20 || i >= 0x7f)
			snprintf(want, sizeof(want), "\\x%02x", i);
		else
			snprintf(want, sizeof(want), "%s%c",
			    i == '\\' ? "\\" : "", (int)i);
		ck_assert_msg(span_is(buf_span(&b), want), "byte %02x", i);
		for (j = 0; j < 256; j++) {
			in[1] = (unsigned char)j;
			if (!is_inert(&b, span_of(in, sizeof(in))))
				ck_abort_msg("byte %02x in %02x", j, i);
		}
	}
	buf_free(&b);
}
END_TEST

static const struct {
	const char *when, *in;
	size_t len;
	const char *want;
} shown[] = {
	{ "plain", BYTES("a \"b\" \xc3\xa9"), "a \"b\" \xc3\xa9" },
	{ "ESC", BYTES("\x1b[2J"), "\\x1b[2J" },
	{ "a backslash", BYTES("C:\\x"), "C:\\x" },
	{ "not UTF-8", BYTES("\xff\\"), "\\xff\\" },
	{ "bidi", BYTES("\xe2\x80\xae"), "\\xe2\\x80\\xae" },
};

START_TEST(shown_text_is_escaped_once)
{
	struct span in = span_of(shown[_i].in, shown[_i].len);
	struct buf once = BUF_INIT(64), twice = BUF_INIT(64);
	struct err err = ERR_INIT;

	ck_assert_int_eq(text_put_shown(&once, in, &err), 0);
	ck_assert_msg(
	    span_is(buf_span(&once), shown[_i].want), "%s", shown[_i].when);
	ck_assert_int_eq(text_put_shown(&twice, buf_span(&once), &err), 0);
	ck_assert_msg(span_eq(buf_span(&once), buf_span(&twice)),
	    "%s: escaped twice", shown[_i].when);
	/* And so is what text_put_safe made. */
	buf_clear(&once);
	buf_clear(&twice);
	ck_assert_int_eq(text_put_safe(&once, in, &err), 0);
	ck_assert_int_eq(text_put_shown(&twice, buf_span(&once), &err), 0);
	ck_assert(span_eq(buf_span(&once), buf_span(&twice)));
	buf_free(&once);
	buf_free(&twice);
}
END_TEST

static const struct {
	const char *when, *in;
	size_t len;
	const char *want; /* NULL: refused */
} json_texts[] = {
	{ "blanks", BYTES("{\n\t\"a\":\t1\n}\n"), "{\n\t\"a\":\t1\n}\n" },
	{ "CR LF", BYTES("[1,\r\n2]\r\n"), "[1,\n2]\n" },
	{ "escapes", BYTES("[\"\\n\\\\\\u0000\"]"), "[\"\\n\\\\\\u0000\"]" },
	{ "bidi", BYTES("\"\xe2\x80\xae\""), "\"\\u202e\"" },
	{ "DEL and a tag", BYTES("\"\x7f\xf3\xa0\x81\x81\""),
	    "\"\\u007f\\udb40\\udc41\"" },
	{ "NUL", BYTES("a\0b"), "a\\u0000b" },
	{ "not UTF-8", BYTES("\"a\xff\""), NULL },
};

START_TEST(json_text_stays_json)
{
	struct span in = span_of(json_texts[_i].in, json_texts[_i].len);
	struct buf b = BUF_INIT(64);
	struct err err = ERR_INIT;
	int ret = text_put_json_text(&b, in, &err);

	ck_assert_msg(ret == (json_texts[_i].want == NULL ? -1 : 0), "%s",
	    json_texts[_i].when);
	ck_assert_msg(
	    ret < 0 ? b.len == 0 : span_is(buf_span(&b), json_texts[_i].want),
	    "%s", json_texts[_i].when);
	buf_free(&b);
}
END_TEST

/*
 * All characters that may not stand, by Unicode's names: controls, what has
 * the property Bidi_Control, separators of lines, what has no width.
 */
static const struct {
	uint32_t first, last;
} active[] = {
	{ 0x00, 0x1f }, /* C0 */
	{ '\\', '\\' }, /* the escape itself */
	{ 0x7f, 0x9f }, /* DEL, C1 */
	{ 0xad, 0xad }, /* SOFT HYPHEN */
	{ 0x61c, 0x61c }, /* ARABIC LETTER MARK */
	{ 0x180e, 0x180e }, /* MONGOLIAN VOWEL SEPARATOR */
	{ 0x200b, 0x200f }, /* ZERO WIDTH SPACE to RIGHT-TO-LEFT MARK */
	{ 0x2028, 0x202e }, /* LINE SEPARATOR to RIGHT-TO-LEFT OVERRIDE */
	{ 0x2060, 0x206f }, /* WORD JOINER, isolates, shapes */
	{ 0xd800, 0xdfff }, /* surrogates, which UTF-8 has not */
	{ 0xfeff, 0xfeff }, /* ZERO WIDTH NO-BREAK SPACE: the BOM */
	{ 0xfff9, 0xfffb }, /* INTERLINEAR ANNOTATION */
	{ 0xe0000, 0xe007f }, /* tags */
};

static size_t
encode(uint32_t c, unsigned char *out)
{
	static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t i, n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (i = n; i-- > 1; c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
	out[0] = (unsigned char)(lead[n] | c);
	return n;
}

START_TEST(characters_stand_or_are_escaped)
{
	struct buf b = BUF_INIT(64);
	struct err err = ERR_INIT;
	unsigned char in[4];
	uint32_t c;
	size_t i, n;
	bool escaped;

	for (c = 0; c <= 0x10ffff; c++) {
		n = encode(c, in);
		for (i = 0, escaped = false; i < NITEMS(active); i++)
			if (c >= active[i].first && c <= active[i].last)
				escaped = true;
		buf_clear(&b);
		/* No ck_assert here: a million of them take half a minute. */
		if (text_put_safe(&b, span_of(in, n), &err) < 0 ||
		    span_eq(buf_span(&b), span_of(in, n)) == escaped)
			ck_abort_msg("U+%04X", c);
	}
	buf_free(&b);
}
END_TEST

static const struct {
	const char *when, *in;
	size_t len, max;
	const char *want;
} values[] = {
	{ "a word", BYTES("evt_1"), 64, "evt_1" },
	{ "empty", BYTES(""), 64, "\"\"" },
	{ "a blank", BYTES("a b"), 64, "\"a b\"" },
	{ "a quote", BYTES("a\"b"), 64, "\"a\\\"b\"" },
	{ "quotes alone", BYTES("\"\""), 64, "\"\\\"\\\"\"" },
	{ "an equals sign", BYTES("a=b"), 64, "\"a=b\"" },
	{ "a forged field", BYTES("x status=200"), 64, "\"x status=200\"" },
	{ "a forged line", BYTES("x\nstatus=200"), 64, "\"x\\x0astatus=200\"" },
	{ "a quote already escaped", BYTES("\\\""), 64, "\"\\\\\\\"\"" },
	{ "backslash at the end", BYTES("a\\"), 64, "a\\\\" },
	{ "NUL needs no quotes", BYTES("a\0b"), 64, "a\\x00b" },
	{ "ESC", BYTES("\x1b[2J"), 64, "\\x1b[2J" },
	{ "not UTF-8", BYTES("\xff"), 64, "\\xff" },
	{ "as long as may be", BYTES("abcd"), 4, "abcd" },
	{ "longer", BYTES("abcde"), 4, "abcd..." },
	{ "longer, quoted", BYTES("a bcde"), 4, "\"a bc...\"" },
	{ "blank behind the cut", BYTES("abcd e"), 4, "abcd..." },
	{ "a character cut", BYTES("abc\xc3\xa9"), 4, "abc\\xc3..." },
	{ "nothing left", BYTES("abc"), 0, "..." },
};

START_TEST(log_value_is_one_field)
{
	struct buf b = BUF_INIT(256);
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    text_put_value(&b, span_of(values[_i].in, values[_i].len),
		values[_i].max, &err),
	    0);
	ck_assert_msg(span_is(buf_span(&b), values[_i].want), "%s: %.*s",
	    values[_i].when, (int)b.len, (const char *)b.ptr);
	buf_free(&b);
}
END_TEST

/* RFC 8259, section 7. */
static const struct {
	const char *when, *in;
	size_t len;
	const char *want; /* NULL: refused */
} json[] = {
	{ "a word", BYTES("evt_1"), "\"evt_1\"" },
	{ "empty", BYTES(""), "\"\"" },
	{ "quote and backslash", BYTES("\"\\/"), "\"\\\"\\\\/\"" },
	{ "C0", BYTES("\x1b\n\x1f"), "\"\\u001b\\u000a\\u001f\"" },
	{ "NUL", BYTES("a\0b"), "\"a\\u0000b\"" },
	{ "DEL", BYTES("\x7f"), "\"\\u007f\"" },
	{ "C1", BYTES("\xc2\x9b"), "\"\\u009b\"" },
	{ "right-to-left override",
	    BYTES("a\xe2\x80\xae"
		  "b"),
	    "\"a\\u202eb\"" },
	{ "line separator", BYTES("\xe2\x80\xa8"), "\"\\u2028\"" },
	{ "BOM", BYTES("\xef\xbb\xbf"), "\"\\ufeff\"" },
	/* RFC 2781, section 2.1: U+E0041 is DB40 DC41 in UTF-16 */
	{ "a tag", BYTES("\xf3\xa0\x81\x81"), "\"\\udb40\\udc41\"" },
	{ "letters", BYTES("\xc3\xa9\xf0\x9f\x98\x80"),
	    "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
	{ "not UTF-8", BYTES("a\xff"), NULL },
	{ "a surrogate", BYTES("\xed\xa0\x80"), NULL },
	{ "a character cut", BYTES("abc\xc3"), NULL },
};

START_TEST(json_string_is_inert)
{
	struct buf b = BUF_INIT(256);
	struct err err = ERR_INIT;
	struct span in = span_of(json[_i].in, json[_i].len);
	int want = json[_i].want == NULL ? -1 : 0;

	ck_assert_int_eq(buf_putc(&b, '[', &err), 0);
	ck_assert_msg(text_put_json(&b, in, &err) == want, "%s", json[_i].when);
	ck_assert_int_eq(err.code, want < 0 ? ERR_INPUT : ERR_NONE);
	ck_assert_msg(
	    span_is(span_skip(buf_span(&b), 1), want < 0 ? "" : json[_i].want),
	    "%s: %.*s", json[_i].when, (int)b.len, (const char *)b.ptr);
	buf_free(&b);
}
END_TEST

static int
put_value(struct buf *b, struct span s, struct err *err)
{
	return text_put_value(b, s, 8, err);
}

START_TEST(no_half_is_put)
{
	static const struct {
		int (*put)(struct buf *, struct span, struct err *);
		size_t len; /* of what comes of the text below */
	} puts[] = {
		{ text_put_safe, 2 + 4 + 2 + 2 },
		{ put_value, 1 + 2 + 4 + 2 + 2 + 1 },
		{ text_put_json, 1 + 2 + 6 + 2 + 2 + 1 },
	};
	struct span text = span_str("a \n\\bc");
	struct err err = ERR_INIT;
	size_t i, max;

	for (i = 0; i < NITEMS(puts); i++)
		for (max = 1; max <= 1 + puts[i].len; max++) {
			struct buf b = BUF_INIT(max);
			bool fits = max == 1 + puts[i].len;

			ck_assert_int_eq(buf_putc(&b, 'x', &err), 0);
			ck_assert_int_eq(
			    puts[i].put(&b, text, &err), fits ? 0 : -1);
			ck_assert_uint_eq(b.len, fits ? max : 1);
			if (!fits)
				ck_assert_int_eq(err.code, ERR_LIMIT);
			buf_free(&b);
		}
}
END_TEST

/* --- numbers --- */

#define UNTOUCHED 4242

static const struct {
	const char *in;
	uint64_t max;
	int want;
	uint64_t value;
} numbers[] = {
	{ "0", 0, 0, 0 }, { "007", 7, 0, 7 }, { "1", 0, -1, 0 },
	{ "9", 9, 0, 9 }, { "10", 9, -1, 0 }, { "65535", 65535, 0, 65535 },
	{ "65536", 65535, -1, 0 },
	{ "18446744073709551615", UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", UINT64_MAX, -1, 0 },
	{ "18446744073709551620", UINT64_MAX, -1, 0 },
	{ "184467440737095516150", UINT64_MAX, -1, 0 },
	{ "36893488147419103233", UINT64_MAX, -1, 0 }, /* 2^65 + 1 */
	{ "", 9, -1, 0 }, { "-1", 9, -1, 0 }, { "+1", 9, -1, 0 },
	{ " 1", 9, -1, 0 }, { "1 ", 9, -1, 0 }, { "1\n", 9, -1, 0 },
	{ "0x1", 9, -1, 0 }, { "1e0", 9, -1, 0 }, { "1.0", 9, -1, 0 },
	{ "/", 99, -1, 0 }, { ":", 99, -1, 0 },
	{ "\xd9\xa1", 9, -1, 0 }, /* ARABIC-INDIC DIGIT ONE */
};

START_TEST(number_is_digits_up_to_max)
{
	uint64_t got = UNTOUCHED;
	struct err err = ERR_INIT;
	int want = numbers[_i].want;

	ck_assert_msg(text_to_u64(span_str(numbers[_i].in), numbers[_i].max,
			  &got, &err) == want,
	    "\"%s\"", numbers[_i].in);
	ck_assert_msg(got == (want == 0 ? numbers[_i].value : UNTOUCHED),
	    "\"%s\"", numbers[_i].in);
	ck_assert_int_eq(err.code, want == 0 ? ERR_NONE : ERR_INPUT);
}
END_TEST

static const struct {
	const char *in;
	int want;
	int64_t value;
} durations[] = {
	{ "0", 0, 0 },
	{ "90", 0, 90 },
	{ "90s", 0, 90 },
	{ "5m", 0, 300 },
	{ "2h", 0, 7200 },
	{ "3d", 0, 259200 },
	{ "1w", 0, 604800 },
	{ "36525d", 0, 3155760000 },
	{ "3155760000", 0, 3155760000 },
	{ "3155760001", -1, 0 },
	{ "36526d", -1, 0 },
	{ "5218w", -1, 0 },
	{ "30500568904944w", -1, 0 }, /* 2^64 s and a little */
	{ "", -1, 0 },
	{ "m", -1, 0 },
	{ "-5m", -1, 0 },
	{ "5M", -1, 0 },
	{ "5 m", -1, 0 },
	{ "5mm", -1, 0 },
	{ "1h5m", -1, 0 },
	{ "1.5h", -1, 0 },
	{ "5y", -1, 0 },
};

START_TEST(duration_is_read)
{
	int64_t got = UNTOUCHED;
	struct err err = ERR_INIT;
	int want = durations[_i].want;

	ck_assert_msg(
	    text_to_duration_s(span_str(durations[_i].in), &got, &err) == want,
	    "\"%s\"", durations[_i].in);
	ck_assert_msg(got == (want == 0 ? durations[_i].value : UNTOUCHED),
	    "\"%s\": got %lld", durations[_i].in, (long long)got);
	ck_assert_int_eq(err.code, want == 0 ? ERR_NONE : ERR_INPUT);
}
END_TEST

static const struct {
	const char *in;
	int want;
	uint64_t value;
} sizes_in[] = {
	{ "0", 0, 0 },
	{ "4096", 0, 4096 },
	{ "64k", 0, 65536 },
	{ "1m", 0, 1048576 },
	{ "10g", 0, 10737418240 },
	{ "2t", 0, 2199023255552 },
	{ "1048576t", 0, 1ULL << 60 },
	{ "1048577t", -1, 0 },
	{ "1152921504606846976", 0, 1ULL << 60 },
	{ "1152921504606846977", -1, 0 },
	{ "16777216t", -1, 0 }, /* 2^64 */
	{ "18014398509481985k", -1, 0 }, /* 2^64 + 1024 */
	{ "", -1, 0 },
	{ "k", -1, 0 },
	{ "1K", -1, 0 },
	{ "1kb", -1, 0 },
	{ "1.5g", -1, 0 },
	{ "-1", -1, 0 },
};

START_TEST(size_is_read)
{
	uint64_t got = UNTOUCHED;
	struct err err = ERR_INIT;
	int want = sizes_in[_i].want;

	ck_assert_msg(
	    text_to_bytes(span_str(sizes_in[_i].in), &got, &err) == want,
	    "\"%s\"", sizes_in[_i].in);
	ck_assert_msg(got == (want == 0 ? sizes_in[_i].value : UNTOUCHED),
	    "\"%s\": got %llu", sizes_in[_i].in, (unsigned long long)got);
	ck_assert_int_eq(err.code, want == 0 ? ERR_NONE : ERR_INPUT);
}
END_TEST

/* By numfmt --to=iec-i --round=down --format=%.1f */
static const struct {
	uint64_t bytes;
	const char *want;
} sizes_out[] = {
	{ 0, "0 B" },
	{ 512, "512 B" },
	{ 1023, "1023 B" },
	{ 1024, "1.0 KiB" },
	{ 1331, "1.2 KiB" },
	{ 1332, "1.3 KiB" },
	{ 10239, "9.9 KiB" },
	{ 10240, "10.0 KiB" },
	{ 1048575, "1023.9 KiB" },
	{ 1048576, "1.0 MiB" },
	{ 10737418240, "10.0 GiB" },
	{ 1099511627776, "1.0 TiB" },
	{ 1125899906842624, "1.0 PiB" },
	{ 1152921504606846976, "1.0 EiB" },
	{ UINT64_MAX, "15.9 EiB" },
};

START_TEST(size_is_written)
{
	char got[TEXT_TIME_MAX];

	text_size(got, sizes_out[_i].bytes);
	ck_assert_str_eq(got, sizes_out[_i].want);
}
END_TEST

static const struct {
	int64_t seconds;
	const char *want;
} durations_out[] = {
	{ -5, "0s" },
	{ 0, "0s" },
	{ 45, "45s" },
	{ 59, "59s" },
	{ 60, "1m" },
	{ 61, "1m 1s" },
	{ 720, "12m" },
	{ 3599, "59m 59s" },
	{ 3600, "1h" },
	{ 3659, "1h" },
	{ 3660, "1h 1m" },
	{ 86399, "23h 59m" },
	{ 86400, "1d" },
	{ 273600, "3d 4h" },
	{ 273600 + 3599, "3d 4h" },
	{ INT64_MAX, "106751991167300d 15h" },
};

START_TEST(duration_is_written)
{
	char got[TEXT_TIME_MAX];

	text_duration(got, durations_out[_i].seconds);
	ck_assert_str_eq(got, durations_out[_i].want);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("text");
	TCase *tc = tcase_create("text");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_loop_test(tc, foreign_bytes_are_inert, 0, NITEMS(safe));
	tcase_add_test(tc, no_byte_comes_through);
	tcase_add_test(tc, characters_stand_or_are_escaped);
	tcase_add_loop_test(tc, shown_text_is_escaped_once, 0, NITEMS(shown));
	tcase_add_loop_test(tc, json_text_stays_json, 0, NITEMS(json_texts));
	tcase_add_loop_test(tc, log_value_is_one_field, 0, NITEMS(values));
	tcase_add_loop_test(tc, json_string_is_inert, 0, NITEMS(json));
	tcase_add_test(tc, no_half_is_put);
	tcase_add_loop_test(tc, number_is_digits_up_to_max, 0, NITEMS(numbers));
	tcase_add_loop_test(tc, duration_is_read, 0, NITEMS(durations));
	tcase_add_loop_test(tc, size_is_read, 0, NITEMS(sizes_in));
	tcase_add_loop_test(tc, size_is_written, 0, NITEMS(sizes_out));
	tcase_add_loop_test(tc, duration_is_written, 0, NITEMS(durations_out));
	tcase_set_timeout(tc, 60); /* the sweeps, under sanitizers */
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
