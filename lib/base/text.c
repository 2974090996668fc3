/* text.c: text for people and programs; locale-free. */
#include "lib/base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/util.h"

/*
 * The length of the UTF-8 sequence at p (RFC 3629), 0 when there is none;
 * *code is its code point.
 */
static size_t
utf8_at(const unsigned char *p, size_t len, uint32_t *code)
{
	size_t need, i;
	uint32_t c, least;

	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	} else if (p[0] >= 0xc2 && p[0] <= 0xdf) {
		need = 2, c = p[0] & 0x1fU, least = 0x80;
	} else if (p[0] >= 0xe0 && p[0] <= 0xef) {
		need = 3, c = p[0] & 0x0fU, least = 0x800;
	} else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		need = 4, c = p[0] & 0x07U, least = 0x10000;
	} else {
		return 0;
	}
	if (len < need)
		return 0;
	for (i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fU);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return need;
}

/* Code points that move the cursor, hide text or turn its direction. */
static bool
is_active(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad ||
	       c == 0x61c || c == 0x180e || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
	       (c >= 0xe0000 && c <= 0xe007f);
}

/* How a character is written that may not stand as it is. */
enum escape {
	ESCAPE_BYTES, /* \xHH for each byte, also of what is not UTF-8 */
	ESCAPE_JSON /* \uHHHH for each UTF-16 unit */
};

/* The n bytes at p, code point c; n is 0 for a byte that is not UTF-8. */
static int
put_escape(struct buf *b, enum escape how, const unsigned char *p, size_t n,
    uint32_t c, struct err *err)
{
	size_t i;

	if (how == ESCAPE_JSON) {
		if (n == 0)
			return err_set(err, ERR_INPUT, "text is not UTF-8");
		if (c < 0x10000)
			return buf_printf(b, err, "\\u%04x", c);
		c -= 0x10000;
		return buf_printf(b, err, "\\u%04x\\u%04x", 0xd800 | c >> 10,
		    0xdc00 | (c & 0x3ff));
	}
	for (i = 0; i < n || i == 0; i++)
		if (buf_printf(b, err, "\\x%02x", p[i]) < 0)
			return -1;
	return 0;
}

/* Needs no escape, whatever the marks are: nearly every byte there is. */
static bool
is_plain(unsigned char c)
{
	return c >= ' ' && c < 0x7f && c != '"' && c != '\\';
}

/* Puts s with its active characters escaped, and a \ before each of marks. */
static int
put_inert(struct buf *b, struct span s, enum escape how, const char *marks,
    struct err *err)
{
	const unsigned char *p = s.ptr;
	size_t i, n, was = b->len, plain = 0; /* plain: bytes not put yet */
	uint32_t c = 0;
	bool mark;

	for (i = 0; i < s.len; i += n == 0 ? 1 : n) {
		n = 1;
		if (is_plain(p[i])) {
			plain++;
			continue;
		}
		n = utf8_at(p + i, s.len - i, &c);
		mark = n == 1 && c != 0 && strchr(marks, (int)c) != NULL;
		if (n > 0 && !mark && !is_active(c)) {
			plain += n;
			continue;
		}
		if (buf_put(b, p + i - plain, plain, err) < 0)
			goto undo;
		plain = 0;
		if (mark ? buf_printf(b, err, "\\%c", (int)c) < 0
			 : put_escape(b, how, p + i, n, c, err) < 0)
			goto undo;
	}
	if (plain > 0 && buf_put(b, p + s.len - plain, plain, err) < 0)
		goto undo;
	return 0;
undo:
	b->len = was;
	return -1;
}

int
text_put_safe(struct buf *b, struct span s, struct err *err)
{
	return put_inert(b, s, ESCAPE_BYTES, "\\", err);
}

int
text_put_shown(struct buf *b, struct span s, struct err *err)
{
	return put_inert(b, s, ESCAPE_BYTES, "", err);
}

/* JSON has these between its values alone. */
static bool
is_json_blank(char c)
{
	return c == '\t' || c == '\n' || c == '\r';
}

int
text_put_json_text(struct buf *b, struct span s, struct err *err)
{
	size_t was = b->len, n;
	const char *p;

	while (s.len > 0) {
		p = s.ptr;
		for (n = 0; n < s.len && !is_json_blank(p[n]); n++)
			;
		if (put_inert(b, span_of(p, n), ESCAPE_JSON, "", err) < 0 ||
		    (n < s.len && p[n] != '\r' &&
			buf_putc(b, (unsigned char)p[n], err) < 0)) {
			b->len = was;
			return -1;
		}
		s = span_skip(s, n + 1);
	}
	return 0;
}

int
text_put_value(struct buf *b, struct span s, size_t max, struct err *err)
{
	bool cut = s.len > max, quoted = s.len == 0;
	const char *quote;
	size_t was = b->len;

	if (cut)
		s.len = max;
	quoted = quoted || span_find(s, ' ') < s.len ||
		 span_find(s, '"') < s.len || span_find(s, '=') < s.len;
	quote = quoted ? "\"" : "";
	if (buf_puts(b, quote, err) < 0 ||
	    put_inert(b, s, ESCAPE_BYTES, "\\\"", err) < 0 ||
	    buf_puts(b, cut ? "..." : "", err) < 0 ||
	    buf_puts(b, quote, err) < 0) {
		b->len = was;
		return -1;
	}
	return 0;
}

int
text_put_json(struct buf *b, struct span s, struct err *err)
{
	size_t was = b->len;

	if (buf_putc(b, '"', err) < 0 ||
	    put_inert(b, s, ESCAPE_JSON, "\\\"", err) < 0 ||
	    buf_putc(b, '"', err) < 0) {
		b->len = was;
		return -1;
	}
	return 0;
}

bool
text_is_utf8(struct span s)
{
	const unsigned char *p = s.ptr;
	uint32_t code;
	size_t i, n;

	for (i = 0; i < s.len; i += n) {
		n = utf8_at(p + i, s.len - i, &code);
		if (n == 0)
			return false;
	}
	return true;
}

int
text_to_u64(struct span s, uint64_t max, uint64_t *out, struct err *err)
{
	const unsigned char *p = s.ptr;
	uint64_t v = 0, digit;
	size_t i;

	if (s.len == 0)
		return err_set(err, ERR_INPUT, "a number is missing");
	for (i = 0; i < s.len; i++) {
		if (p[i] < '0' || p[i] > '9')
			return err_set(
			    err, ERR_INPUT, "not a number of digits only");
		digit = (uint64_t)(p[i] - '0');
		if (digit > max || v > (max - digit) / 10)
			return err_set(err, ERR_INPUT,
			    "the number is above %llu",
			    (unsigned long long)max);
		v = v * 10 + digit;
	}
	*out = v;
	return 0;
}

struct unit {
	char letter;
	uint64_t factor;
};

/* Digits and at most one unit letter. */
static int
number_with_unit(struct span s, const struct unit *units, size_t nunits,
    uint64_t max, uint64_t *out, struct err *err)
{
	uint64_t factor = 1, n;
	size_t i;

	if (s.len > 0) {
		char last = ((const char *)s.ptr)[s.len - 1];

		for (i = 0; i < nunits; i++)
			if (units[i].letter == last) {
				factor = units[i].factor;
				s.len--;
				break;
			}
	}
	if (text_to_u64(s, max / factor, &n, err) < 0)
		return -1;
	*out = n * factor;
	return 0;
}

int
text_to_duration_s(struct span s, int64_t *out, struct err *err)
{
	static const struct unit units[] = { { 's', 1 }, { 'm', 60 },
		{ 'h', 3600 }, { 'd', 86400 }, { 'w', 7 * 86400 } };
	uint64_t n;

	if (number_with_unit(
		s, units, NITEMS(units), TEXT_DURATION_MAX_S, &n, err) < 0)
		return err_wrap(err, "a duration is written like 90s, 5m, 2h, "
				     "3d or 1w");
	*out = (int64_t)n;
	return 0;
}

int
text_to_bytes(struct span s, uint64_t *out, struct err *err)
{
	static const struct unit units[] = { { 'k', 1ULL << 10 },
		{ 'm', 1ULL << 20 }, { 'g', 1ULL << 30 }, { 't', 1ULL << 40 } };

	if (number_with_unit(
		s, units, NITEMS(units), TEXT_BYTES_MAX, out, err) < 0)
		return err_wrap(
		    err, "a size is written like 4096, 64k, 1m or 10g");
	return 0;
}

/* Days since 1970-01-01 of a proleptic Gregorian date. */
static int64_t
days_of(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y < 0 ? y - 399 : y) / 400; /* January of year 0 is in -1 */
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* n digits at *p; -1 when there are fewer. */
static int64_t
digits(const unsigned char **p, const unsigned char *end, int n)
{
	int64_t v = 0;

	for (; n > 0; n--, (*p)++) {
		if (*p == end || **p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

static bool
skip(const unsigned char **p, const unsigned char *end, const char *any)
{
	if (*p == end || **p == '\0' || strchr(any, **p) == NULL)
		return false;
	(*p)++;
	return true;
}

static int
days_in(int64_t y, int64_t m)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30,
		31 };

	if (m == 2 && y % 4 == 0 && (y % 100 != 0 || y % 400 == 0))
		return 29;
	return days[m - 1];
}

int
text_to_time_ms(struct span s, int64_t *out, struct err *err)
{
	const unsigned char *p = s.ptr, *end = p == NULL ? p : p + s.len;
	int64_t y, mo, d, h, mi, sec, oh = 0, om = 0, ms = 0, scale = 100;
	int sign = 1, nfrac = 0;

	y = digits(&p, end, 4);
	if (y < 0 || !skip(&p, end, "-"))
		goto bad;
	mo = digits(&p, end, 2);
	if (mo < 1 || mo > 12 || !skip(&p, end, "-"))
		goto bad;
	d = digits(&p, end, 2);
	if (d < 1 || d > days_in(y, mo) || !skip(&p, end, "Tt "))
		goto bad;
	h = digits(&p, end, 2);
	if (h < 0 || h > 23 || !skip(&p, end, ":"))
		goto bad;
	mi = digits(&p, end, 2);
	if (mi < 0 || mi > 59 || !skip(&p, end, ":"))
		goto bad;
	sec = digits(&p, end, 2);
	if (sec < 0 || sec > 60)
		goto bad;
	if (sec == 60)
		sec = 59;
	if (skip(&p, end, ".")) {
		for (; p < end && *p >= '0' && *p <= '9'; p++, nfrac++) {
			ms += (*p - '0') * scale;
			scale /= 10;
		}
		if (nfrac < 1 || nfrac > 9)
			goto bad;
	}
	if (!skip(&p, end, "Zz")) {
		if (p < end && *p == '-')
			sign = -1;
		if (!skip(&p, end, "+-"))
			goto bad;
		oh = digits(&p, end, 2);
		if (oh < 0 || oh > 23 || !skip(&p, end, ":"))
			goto bad;
		om = digits(&p, end, 2);
		if (om < 0 || om > 59)
			goto bad;
	}
	if (p != end)
		goto bad;
	*out = (days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + sec -
		   sign * (oh * 3600 + om * 60)) *
		   1000 +
	       ms;
	return 0;
bad:
	return err_set(err, ERR_INPUT,
	    "a time is written like 2026-01-15T10:30:00Z (RFC 3339)");
}

/* n digits of v, and what stands behind them; moves on by both. */
static void
put_digits(char **at, int v, int n, char behind)
{
	int i;

	for (i = n - 1; i >= 0; i--, v /= 10)
		(*at)[i] = (char)('0' + v % 10);
	(*at)[n] = behind;
	*at += n + 1;
}

void
text_time(char *out, int64_t ms)
{
	time_t t = (time_t)(ms / 1000);
	int part = (int)(ms % 1000);
	struct tm tm;

	if (part < 0) {
		part += 1000;
		t--;
	}
	if (gmtime_r(&t, &tm) == NULL || tm.tm_year < -1900 ||
	    tm.tm_year > 9999 - 1900) {
		snprintf(out, TEXT_TIME_MAX, "%lld ms", (long long)ms);
		return;
	}
	put_digits(&out, tm.tm_year + 1900, 4, '-');
	put_digits(&out, tm.tm_mon + 1, 2, '-');
	put_digits(&out, tm.tm_mday, 2, 'T');
	put_digits(&out, tm.tm_hour, 2, ':');
	put_digits(&out, tm.tm_min, 2, ':');
	put_digits(&out, tm.tm_sec, 2, '.');
	put_digits(&out, part, 3, 'Z');
	*out = '\0';
}

void
text_duration(char *out, int64_t seconds)
{
	static const struct {
		int64_t s;
		char letter;
	} units[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;
	int64_t first, second;

	if (seconds < 0)
		seconds = 0;
	while (i < NITEMS(units) - 1 && seconds < units[i].s)
		i++;
	first = seconds / units[i].s;
	second =
	    i + 1 < NITEMS(units) ? seconds % units[i].s / units[i + 1].s : 0;
	if (second == 0)
		snprintf(out, TEXT_TIME_MAX, "%lld%c", (long long)first,
		    units[i].letter);
	else
		snprintf(out, TEXT_TIME_MAX, "%lld%c %lld%c", (long long)first,
		    units[i].letter, (long long)second, units[i + 1].letter);
}

void
text_size(char *out, uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
		"PiB", "EiB" };
	uint64_t whole = bytes, below = 0; /* below: 1024ths of the unit */
	size_t i;

	for (i = 0; whole >= 1024; i++) { /* ends: 2^64 is 16 EiB */
		below = whole % 1024;
		whole /= 1024;
	}
	if (i == 0)
		snprintf(out, TEXT_TIME_MAX, "%u B", (unsigned)whole);
	else
		snprintf(out, TEXT_TIME_MAX, "%u.%u %s", (unsigned)whole,
		    (unsigned)(below * 10 / 1024), units[i]);
}
