/* form.c: reads names and values out of urlencoded texts. */
#include "lib/http/form.h"

#include <stdlib.h>
#include <string.h>

struct pair {
	struct span name, value;
};

/* Takes the next pair, still encoded, off rest; false at the end. */
static bool
next_pair(struct span *rest, struct pair *pair)
{
	struct span piece;
	size_t at;

	do {
		if (rest->len == 0)
			return false;
		at = span_find(*rest, '&');
		piece = span_of(rest->ptr, at);
		*rest = span_skip(*rest, at + 1);
	} while (piece.len == 0);
	at = span_find(piece, '=');
	pair->name = span_of(piece.ptr, at);
	pair->value = span_skip(piece, at + 1);
	return true;
}

static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes to at, which has room for as many bytes; false: broken escape. */
static bool
decode(struct span in, unsigned char *at, size_t *len)
{
	const unsigned char *p = in.ptr;
	size_t i, n = 0;
	int high, low;

	for (i = 0; i < in.len; i++) {
		if (p[i] != '%') {
			at[n++] = p[i] == '+' ? ' ' : p[i];
			continue;
		}
		if (in.len - i < 3)
			return false;
		high = hex_digit(p[i + 1]);
		low = hex_digit(p[i + 2]);
		if (high < 0 || low < 0)
			return false;
		at[n++] = (unsigned char)(high << 4 | low);
		i += 2;
	}
	*len = n;
	return true;
}

/* Is each escape in it whole? */
static bool
is_whole(struct span in)
{
	const unsigned char *p = in.ptr;
	size_t i;

	for (i = 0; i < in.len; i++)
		if (p[i] == '%' && (in.len - i < 3 || hex_digit(p[i + 1]) < 0 ||
				       hex_digit(p[i + 2]) < 0))
			return false;
	return true;
}

/* Does an encoded name, decoded behind out, match? -1: a broken escape. */
static int
name_matches(struct span encoded, const char *name, enum form_case how,
    unsigned char *at)
{
	struct span decoded;
	size_t len = 0;

	if (!decode(encoded, at, &len))
		return -1;
	decoded = span_of(at, len);
	return how == FORM_EXACT ? span_is(decoded, name)
				 : span_is_nocase(decoded, name);
}

int
form_find(struct span text, const char *name, enum form_case how,
    struct buf *out, enum form_answer *answer, struct err *err)
{
	size_t begin = out->len, len = 0, npairs = 0;
	struct span rest = text;
	unsigned char *at;
	struct pair pair;
	bool whole = true;
	int matches;

	*answer = FORM_ABSENT;
	while (next_pair(&rest, &pair)) {
		if (++npairs > FORM_PAIRS_MAX)
			goto broken;
		if (buf_reserve(out, pair.name.len, &at, err) < 0)
			return -1;
		matches = name_matches(pair.name, name, how, at);
		if (matches < 0)
			goto broken;
		if (matches == 0) {
			whole = whole && is_whole(pair.value);
			continue;
		}
		if (buf_reserve(out, pair.value.len, &at, err) < 0)
			return -1;
		if (!decode(pair.value, at, &len))
			goto broken;
		if (*answer == FORM_ABSENT)
			out->len += len;
		else if (!span_eq(span_of(at, len),
			     span_of(out->ptr + begin, out->len - begin)))
			goto broken;
		*answer = FORM_FOUND;
	}
	/* In a text that is broken elsewhere nothing is known to be absent. */
	if (*answer == FORM_ABSENT && !whole)
		*answer = FORM_BROKEN;
	return 0;
broken:
	out->len = begin;
	*answer = FORM_BROKEN;
	return 0;
}

static int
span_cmp(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int c = len == 0 ? 0 : memcmp(a.ptr, b.ptr, len);

	return c != 0 ? c : (a.len > b.len) - (a.len < b.len);
}

static int
pair_cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int c = span_cmp(x->name, y->name);

	return c != 0 ? c : span_cmp(x->value, y->value);
}

/* All pairs of text, decoded into store, which has room for text. */
static enum form_answer
read_pairs(
    struct span text, unsigned char *store, struct pair *pairs, size_t *npairs)
{
	struct pair pair;
	size_t len, n = 0;

	while (next_pair(&text, &pair)) {
		if (n == FORM_PAIRS_MAX || !decode(pair.name, store, &len))
			return FORM_BROKEN;
		pairs[n].name = span_of(store, len);
		store += len;
		if (!decode(pair.value, store, &len))
			return FORM_BROKEN;
		pairs[n].value = span_of(store, len);
		store += len;
		n++;
	}
	*npairs = n;
	return FORM_FOUND;
}

int
form_put_sorted(struct span text, struct buf *out, enum form_answer *answer,
    struct err *err)
{
	struct pair *pairs = NULL;
	unsigned char *store = NULL;
	size_t i, n = 0;
	int ret = -1;

	if (text.len == 0) {
		*answer = FORM_FOUND;
		return 0;
	}
	pairs = malloc(FORM_PAIRS_MAX * sizeof(*pairs));
	store = malloc(text.len);
	if (pairs == NULL || store == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a form");
		goto out;
	}
	*answer = read_pairs(text, store, pairs, &n);
	if (*answer == FORM_FOUND)
		qsort(pairs, n, sizeof(*pairs), pair_cmp);
	for (i = 0; i < n; i++) {
		if (i > 0 && pair_cmp(&pairs[i - 1], &pairs[i]) == 0)
			continue;
		if (buf_put_span(out, pairs[i].name, err) < 0 ||
		    buf_put_span(out, pairs[i].value, err) < 0)
			goto out;
	}
	ret = 0;
out:
	free(store);
	free(pairs);
	return ret;
}
