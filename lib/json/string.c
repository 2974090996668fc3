/* string.c: reads and compares the content of JSON strings. */
#include "lib/json/string.h"

#include <string.h>

void
json_chars_init(struct json_chars *it, struct span content)
{
	memset(it, 0, sizeof(*it));
	if (content.len > 0) {
		it->at = content.ptr;
		it->end = it->at + content.len;
	}
}

/* The value of four hex digits at p, or -1. */
static long
hex4(const unsigned char *p, const unsigned char *end)
{
	long v = 0;
	int i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++) {
		unsigned char c = p[i], low = (unsigned char)(c | 0x20);

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (low >= 'a' && low <= 'f')
			v = v << 4 | (low - 'a' + 10);
		else
			return -1;
	}
	return v;
}

/* Gives the first byte of a character's UTF-8 and keeps the rest. */
static int
give(struct json_chars *it, unsigned long c)
{
	unsigned char *r = it->rest;

	if (c < 0x80)
		return (int)c;
	if (c < 0x800) {
		r[0] = (unsigned char)(0x80 | (c & 0x3f));
		it->nrest = 1;
		return (int)(0xc0 | c >> 6);
	}
	if (c < 0x10000) {
		r[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		r[0] = (unsigned char)(0x80 | (c & 0x3f));
		it->nrest = 2;
		return (int)(0xe0 | c >> 12);
	}
	r[2] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
	r[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	r[0] = (unsigned char)(0x80 | (c & 0x3f));
	it->nrest = 3;
	return (int)(0xf0 | c >> 18);
}

static int
broken(struct json_chars *it)
{
	it->odd = true;
	it->at = it->end;
	return -1;
}

/* At the four digits behind "\u". */
static int
give_unicode(struct json_chars *it)
{
	long c = hex4(it->at, it->end), low;

	if (c < 0)
		return broken(it);
	it->at += 4;
	if (c >= 0xd800 && c <= 0xdbff && it->end - it->at >= 6 &&
	    it->at[0] == '\\' && it->at[1] == 'u') {
		low = hex4(it->at + 2, it->end);
		if (low >= 0xdc00 && low <= 0xdfff) {
			it->at += 6;
			return give(it,
			    0x10000UL + ((unsigned long)(c - 0xd800) << 10) +
				(unsigned long)(low - 0xdc00));
		}
	}
	if (c >= 0xd800 && c <= 0xdfff)
		it->odd = true;
	return give(it, (unsigned long)c);
}

int
json_chars_next(struct json_chars *it)
{
	/* clang-format off */
	static const char names[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";
	/* clang-format on */
	const char *found;
	unsigned char c;

	if (it->nrest > 0)
		return it->rest[--it->nrest];
	if (it->at == it->end)
		return -1;
	c = *it->at++;
	if (c != '\\')
		return c;
	if (it->at == it->end)
		return broken(it);
	c = *it->at++;
	if (c == 'u')
		return give_unicode(it);
	found = c == '\0' ? NULL : strchr(names, c);
	if (found == NULL)
		return broken(it);
	return (unsigned char)means[found - names];
}

int
json_string_cmp(struct span a, struct span b)
{
	struct json_chars x, y;
	int p, q;

	json_chars_init(&x, a);
	json_chars_init(&y, b);
	do {
		p = json_chars_next(&x);
		q = json_chars_next(&y);
	} while (p == q && p >= 0);
	return p - q;
}
