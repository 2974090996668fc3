/*
 * scan.c: says whether a text is strict RFC 8259 JSON. Walks it once
 * with a stack of its own, so that depth costs no C stack. The keys of the
 * open objects lie on a second stack; an object that closes has its keys on
 * top, where they are sorted and neighbours compared. Sorting in place costs
 * n log n whatever the keys are; a table of hashes would need a secret to say
 * the same.
 */
#include "lib/json/scan.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/json/string.h"

#define KEYS_AT_HAND 256 /* keys held without an allocation */
#define PAIRWISE_MAX 32 /* objects up to here are not worth sorting */
#define EACH 0x0101010101010101U /* a 1 in each of eight bytes */

/* Raw content of a string: where it begins in the text, and how long it is. */
struct key {
	uint32_t at, len;
	bool escaped; /* it holds a backslash */
	uint32_t sum; /* of what it means, for keys: equal when they are */
};

struct level {
	bool is_object;
	size_t keys; /* keys of the levels below it */
};

struct scan {
	const unsigned char *p;
	size_t len, at;
	size_t tokens;
	size_t depth;
	struct key *keys; /* at_hand, or a block of the heap */
	size_t nkeys, room;
	bool stopped; /* by a limit: what follows was not read */
	bool
	    doubled; /* an object has a key twice: the first is at doubled_at */
	size_t doubled_at;
	struct err *err;
	struct level levels[JSON_DEPTH_MAX];
	struct key at_hand[KEYS_AT_HAND];
};

static int
fail(struct scan *s, size_t at, const char *why)
{
	return err_set(s->err, ERR_INPUT, "byte %zu: %s", at, why);
}

static void
skip_blanks(struct scan *s)
{
	while (
	    s->at < s->len && (s->p[s->at] == ' ' || s->p[s->at] == '\n' ||
				  s->p[s->at] == '\r' || s->p[s->at] == '\t'))
		s->at++;
}

/* The byte at hand, or -1 at the end. */
static int
peek(const struct scan *s)
{
	return s->at < s->len ? s->p[s->at] : -1;
}

static int
token(struct scan *s)
{
	if (++s->tokens <= JSON_TOKENS_MAX)
		return 0;
	s->stopped = true;
	return err_set(s->err, ERR_INPUT,
	    "byte %zu: more than %d values and keys", s->at, JSON_TOKENS_MAX);
}

/* --- strings ------------------------------------------------------------- */

/* One character beyond ASCII, by the table of RFC 3629 section 4. */
static int
scan_utf8(struct scan *s)
{
	static const struct {
		unsigned char lead, last, low, high; /* of the second byte */
		size_t more;
	} rows[] = {
		{ 0xc2, 0xdf, 0x80, 0xbf, 1 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 2 },
		{ 0xe1, 0xec, 0x80, 0xbf, 2 },
		{ 0xed, 0xed, 0x80, 0x9f, 2 },
		{ 0xee, 0xef, 0x80, 0xbf, 2 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 3 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 3 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 3 },
	};
	const unsigned char *c = s->p + s->at;
	size_t i, j;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (c[0] >= rows[i].lead && c[0] <= rows[i].last)
			break;
	if (i == sizeof(rows) / sizeof(rows[0]) ||
	    s->len - s->at <= rows[i].more || c[1] < rows[i].low ||
	    c[1] > rows[i].high)
		return fail(s, s->at, "not UTF-8");
	for (j = 2; j <= rows[i].more; j++)
		if (c[j] < 0x80 || c[j] > 0xbf)
			return fail(s, s->at, "not UTF-8");
	s->at += rows[i].more + 1;
	return 0;
}

static int
scan_escape(struct scan *s)
{
	size_t i, at = s->at++;
	int c = peek(s);

	if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL)
		return fail(s, at, "unknown escape in a string");
	s->at++;
	if (c != 'u')
		return 0;
	for (i = 0; i < 4; i++, s->at++) {
		c = peek(s);
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
			(c >= 'A' && c <= 'F')))
			return fail(s, at, "\\u without four hex digits");
	}
	return 0;
}

/* Is c one of the eight bytes? True also of some that hold others of these. */
static bool
may_hold(uint64_t bytes, unsigned char c)
{
	uint64_t x = bytes ^ EACH * c;

	return ((x - EACH) & ~x & EACH * 0x80) != 0;
}

/* Does none of the eight bytes at p end a run of plain ones? */
static bool
eight_plain(const unsigned char *p)
{
	uint64_t bytes;

	memcpy(&bytes, p, sizeof(bytes));
	return (bytes & EACH * 0x80) == 0 &&
	       ((bytes - EACH * ' ') & EACH * 0x80) == 0 &&
	       !may_hold(bytes, '"') && !may_hold(bytes, '\\');
}

/* How many bytes from p on stand for themselves and are ASCII. */
static size_t
plain_bytes(const unsigned char *p, size_t len)
{
	size_t n = 0;

	while (len - n >= sizeof(uint64_t) && eight_plain(p + n))
		n += sizeof(uint64_t);
	while (n < len && p[n] >= ' ' && p[n] < 0x80 && p[n] != '"' &&
	       p[n] != '\\')
		n++;
	return n;
}

/* At the opening quote; *content gets what stands between the quotes. */
static int
scan_string(struct scan *s, struct key *content)
{
	size_t begin = s->at++;
	bool escaped = false;
	int c;

	for (;;) {
		s->at += plain_bytes(s->p + s->at, s->len - s->at);
		c = peek(s);
		if (c == '"')
			break;
		if (c < 0)
			return fail(s, begin, "the string does not end");
		if (c < ' ')
			return fail(s, s->at, "control byte in a string");
		escaped |= c == '\\';
		if ((c == '\\' ? scan_escape(s) : scan_utf8(s)) < 0)
			return -1;
	}
	content->at = (uint32_t)(begin + 1);
	content->len = (uint32_t)(s->at - begin - 1);
	content->escaped = escaped;
	s->at++;
	return 0;
}

/* --- keys ---------------------------------------------------------------- */

/* FNV-1a over the bytes that a key stands for: tells most keys apart. */
static uint32_t
key_sum(const struct scan *s, const struct key *k)
{
	const unsigned char *p = s->p + k->at;
	uint32_t i, sum = 2166136261;
	struct json_chars it;
	int c;

	if (!k->escaped) {
		for (i = 0; i < k->len; i++)
			sum = (sum ^ p[i]) * 16777619;
		return sum;
	}
	json_chars_init(&it, span_of(p, k->len));
	while ((c = json_chars_next(&it)) >= 0)
		sum = (sum ^ (uint32_t)c) * 16777619;
	return sum;
}

/*
 * An order in which equal keys are neighbours. Whoever makes keys with one
 * sum gains nothing: what is left is still a comparison, and n log n of them.
 */
static int
key_cmp(const struct scan *s, const struct key *a, const struct key *b)
{
	if (a->sum != b->sum)
		return a->sum < b->sum ? -1 : 1;
	return json_string_cmp(
	    span_of(s->p + a->at, a->len), span_of(s->p + b->at, b->len));
}

static int
keys_grow(struct scan *s)
{
	size_t room = s->room * 4;
	struct key *keys;

	if (room > JSON_TOKENS_MAX)
		room = JSON_TOKENS_MAX;
	keys = malloc(room * sizeof(*keys));
	if (keys == NULL)
		return err_set(
		    s->err, ERR_NOMEM, "no memory for %zu JSON keys", room);
	memcpy(keys, s->keys, s->nkeys * sizeof(*keys));
	if (s->keys != s->at_hand)
		free(s->keys);
	s->keys = keys;
	s->room = room;
	return 0;
}

static void
sift_down(const struct scan *s, struct key *k, size_t i, size_t n)
{
	struct key moving = k[i];
	size_t child;

	for (; (child = 2 * i + 1) < n; i = child) {
		if (child + 1 < n && key_cmp(s, &k[child], &k[child + 1]) < 0)
			child++;
		if (key_cmp(s, &moving, &k[child]) >= 0)
			break;
		k[i] = k[child];
	}
	k[i] = moving;
}

/* Heap sort: no worse case, no memory. */
static void
keys_sort(const struct scan *s, struct key *k, size_t n)
{
	struct key last;
	size_t i;

	for (i = n / 2; i-- > 0;)
		sift_down(s, k, i, n);
	for (i = n; i-- > 1;) {
		last = k[i];
		k[i] = k[0];
		k[0] = last;
		sift_down(s, k, 0, i);
	}
}

/* Remembers the first; whether the rest is JSON is still to be found out. */
static void
note_duplicate(struct scan *s, const struct key *a, const struct key *b)
{
	size_t at = (a->at > b->at ? a->at : b->at) - 1;

	if (!s->doubled || at < s->doubled_at)
		s->doubled_at = at;
	s->doubled = true;
}

/* Notes which of the n keys on top of the stack are equal. */
static void
compare_keys(struct scan *s, size_t n)
{
	struct key *k = s->keys + s->nkeys - n;
	size_t i, j;

	if (n <= PAIRWISE_MAX) {
		for (i = 1; i < n; i++)
			for (j = 0; j < i; j++)
				if (key_cmp(s, &k[i], &k[j]) == 0)
					note_duplicate(s, &k[i], &k[j]);
		return;
	}
	keys_sort(s, k, n);
	for (i = 1; i < n; i++)
		if (key_cmp(s, &k[i - 1], &k[i]) == 0)
			note_duplicate(s, &k[i - 1], &k[i]);
}

/* A key and its colon, up to where the value is due. */
static int
scan_key(struct scan *s)
{
	skip_blanks(s);
	if (peek(s) != '"')
		return fail(s, s->at, "a key in quotes is due here");
	if (token(s) < 0 || (s->nkeys == s->room && keys_grow(s) < 0) ||
	    scan_string(s, &s->keys[s->nkeys]) < 0)
		return -1;
	s->keys[s->nkeys].sum = key_sum(s, &s->keys[s->nkeys]);
	s->nkeys++;
	skip_blanks(s);
	if (peek(s) != ':')
		return fail(s, s->at, "a colon is due behind a key");
	s->at++;
	return 0;
}

/* --- values -------------------------------------------------------------- */

static size_t
digits(struct scan *s)
{
	size_t begin = s->at;

	while (s->at < s->len && s->p[s->at] >= '0' && s->p[s->at] <= '9')
		s->at++;
	return s->at - begin;
}

static int
scan_number(struct scan *s)
{
	size_t begin = s->at;
	int c;

	if (peek(s) == '-')
		s->at++;
	if (peek(s) == '0')
		s->at++;
	else if (digits(s) == 0)
		return fail(s, begin, "no digit in a number");
	if (peek(s) == '.') {
		s->at++;
		if (digits(s) == 0)
			return fail(s, begin, "no digit behind the point");
	}
	c = peek(s);
	if (c == 'e' || c == 'E') {
		s->at++;
		c = peek(s);
		if (c == '+' || c == '-')
			s->at++;
		if (digits(s) == 0)
			return fail(s, begin, "no digit in the exponent");
	}
	return 0;
}

static int
scan_literal(struct scan *s, const char *word)
{
	size_t len = strlen(word);

	if (s->len - s->at < len || memcmp(s->p + s->at, word, len) != 0)
		return fail(s, s->at, "not a JSON value");
	s->at += len;
	return 0;
}

/* Enters an array or object; sets *empty when it closes at once. */
static int
scan_open(struct scan *s, bool is_object, bool *empty)
{
	if (s->depth == JSON_DEPTH_MAX) {
		s->stopped = true;
		return err_set(s->err, ERR_INPUT,
		    "byte %zu: nested more than %d deep", s->at,
		    JSON_DEPTH_MAX);
	}
	s->levels[s->depth].is_object = is_object;
	s->levels[s->depth].keys = s->nkeys;
	s->depth++;
	s->at++;
	skip_blanks(s);
	*empty = peek(s) == (is_object ? '}' : ']');
	return *empty || !is_object ? 0 : scan_key(s);
}

/* At a value. *opened: it is an array or object with a value due in it. */
static int
scan_value(struct scan *s, bool *opened)
{
	struct key ignored;
	bool empty;
	int c;

	*opened = false;
	skip_blanks(s);
	if (token(s) < 0)
		return -1;
	switch (c = peek(s)) {
	case '{':
	case '[':
		if (scan_open(s, c == '{', &empty) < 0)
			return -1;
		*opened = !empty;
		return 0;
	case '"':
		return scan_string(s, &ignored);
	case 't':
		return scan_literal(s, "true");
	case 'f':
		return scan_literal(s, "false");
	case 'n':
		return scan_literal(s, "null");
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return scan_number(s);
	case -1:
		return fail(s, s->at, "the text ends where a value is due");
	default:
		return fail(s, s->at, "not a JSON value");
	}
}

/*
 * Behind a value: closes what ends here. *more: a comma was found, and the
 * next value is due.
 */
static int
scan_after(struct scan *s, bool *more)
{
	struct level *level;
	int c;

	*more = false;
	while (s->depth > 0) {
		level = &s->levels[s->depth - 1];
		skip_blanks(s);
		c = peek(s);
		if (c == ',') {
			s->at++;
			*more = true;
			return level->is_object ? scan_key(s) : 0;
		}
		if (c != (level->is_object ? '}' : ']'))
			return fail(s, s->at,
			    c < 0              ? "the text ends too early"
			    : level->is_object ? "a comma or } is due here"
					       : "a comma or ] is due here");
		compare_keys(s, s->nkeys - level->keys);
		s->nkeys = level->keys;
		s->depth--;
		s->at++;
	}
	return 0;
}

int
json_scan(struct span text, struct err *err)
{
	bool ignored;

	return json_scan_taken(text, &ignored, err);
}

int
json_scan_taken(struct span text, bool *not_taken, struct err *err)
{
	struct scan s;
	bool more;
	int ret = -1;

	/* Not the whole struct: zeroing the keys would cost more than them. */
	s.p = text.ptr;
	s.len = text.len;
	s.at = s.tokens = s.depth = s.nkeys = 0;
	s.keys = s.at_hand;
	s.room = KEYS_AT_HAND;
	s.stopped = s.doubled = false;
	s.doubled_at = 0;
	s.err = err;
	*not_taken = false;
	if (text.len > UINT32_MAX)
		return err_set(err, ERR_INPUT, "more than 4 GiB of text");
	do {
		if (scan_value(&s, &more) < 0)
			goto out;
		if (!more && scan_after(&s, &more) < 0)
			goto out;
	} while (more);
	skip_blanks(&s);
	if (s.at < s.len) {
		fail(&s, s.at, "something stands behind the value");
		goto out;
	}
	if (s.doubled) {
		*not_taken = true;
		fail(&s, s.doubled_at, "the object has this key already");
		goto out;
	}
	ret = 0;
out:
	*not_taken |= s.stopped;
	if (s.keys != s.at_hand)
		free(s.keys);
	return ret;
}
