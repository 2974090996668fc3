/* bytes.c: borrowed and owned bytes. */
#include "lib/base/bytes.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256 /* the smallest allocation of a buf */

struct span
span_of(const void *ptr, size_t len)
{
	struct span s = { ptr, len };

	return s;
}

struct span
span_str(const char *s)
{
	return span_of(s, s == NULL ? 0 : strlen(s));
}

bool
span_eq(struct span a, struct span b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool
span_is(struct span a, const char *s)
{
	return span_eq(a, span_str(s));
}

static unsigned char
lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

bool
span_eq_nocase(struct span a, struct span b)
{
	const unsigned char *p = a.ptr, *q = b.ptr;
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++)
		if (lower(p[i]) != lower(q[i]))
			return false;
	return true;
}

bool
span_is_nocase(struct span a, const char *s)
{
	return span_eq_nocase(a, span_str(s));
}

bool
span_starts(struct span a, const char *prefix)
{
	size_t len = strlen(prefix);

	return a.len >= len && (len == 0 || memcmp(a.ptr, prefix, len) == 0);
}

struct span
span_skip(struct span a, size_t n)
{
	if (n >= a.len)
		return SPAN_EMPTY;
	return span_of((const unsigned char *)a.ptr + n, a.len - n);
}

struct span
span_trim(struct span a)
{
	const unsigned char *p = a.ptr;
	size_t from = 0, to = a.len;

	while (from < to && (p[from] == ' ' || p[from] == '\t'))
		from++;
	while (to > from && (p[to - 1] == ' ' || p[to - 1] == '\t'))
		to--;
	return span_of(from == to ? NULL : p + from, to - from);
}

char *
span_dup(struct span a, struct err *err)
{
	char *copy = malloc(a.len + 1);

	if (copy == NULL) {
		err_set(err, ERR_NOMEM, "no memory for %zu bytes", a.len);
		return NULL;
	}
	if (a.len > 0)
		memcpy(copy, a.ptr, a.len);
	copy[a.len] = '\0';
	return copy;
}

size_t
span_find(struct span a, unsigned char c)
{
	const unsigned char *at;

	if (a.len == 0)
		return 0;
	at = memchr(a.ptr, c, a.len);
	return at == NULL ? a.len : (size_t)(at - (const unsigned char *)a.ptr);
}

/*
 * No realloc: it frees what it moves out of with the bytes still in it. One
 * byte more than room is there for the NUL that vsnprintf() puts.
 */
static int
grow(struct buf *b, size_t room, struct err *err)
{
	unsigned char *grown = room == SIZE_MAX ? NULL : malloc(room + 1);

	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for %zu bytes", room);
	if (b->ptr != NULL) {
		memcpy(grown, b->ptr, b->len);
		bytes_wipe(b->ptr, b->room);
		free(b->ptr);
	}
	b->ptr = grown;
	b->room = room;
	return 0;
}

int
buf_reserve(struct buf *b, size_t n, unsigned char **at, struct err *err)
{
	size_t room;

	if (n > b->max - b->len)
		return err_set(err, ERR_LIMIT,
		    "%zu more bytes would pass the limit of %zu", n, b->max);
	if (b->ptr == NULL || n > b->room - b->len) {
		room = b->room > b->max / 2 ? b->max : b->room * 2;
		if (room < BUF_FIRST)
			room = BUF_FIRST < b->max ? BUF_FIRST : b->max;
		if (room < b->len + n)
			room = b->len + n;
		if (grow(b, room, err) < 0)
			return -1;
	}
	*at = b->ptr + b->len;
	return 0;
}

int
buf_put(struct buf *b, const void *ptr, size_t len, struct err *err)
{
	unsigned char *at;

	if (len == 0)
		return 0;
	if (buf_reserve(b, len, &at, err) < 0)
		return -1;
	memcpy(at, ptr, len);
	b->len += len;
	return 0;
}

int
buf_put_span(struct buf *b, struct span s, struct err *err)
{
	return buf_put(b, s.ptr, s.len, err);
}

int
buf_puts(struct buf *b, const char *s, struct err *err)
{
	return buf_put(b, s, strlen(s), err);
}

int
buf_putc(struct buf *b, unsigned char c, struct err *err)
{
	return buf_put(b, &c, 1, err);
}

int
buf_put_u64(struct buf *b, unsigned long long n, struct err *err)
{
	char digits[20], *at = digits + sizeof(digits);

	do
		*--at = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return buf_put(b, at, (size_t)(digits + sizeof(digits) - at), err);
}

int
buf_printf(struct buf *b, struct err *err, const char *fmt, ...)
{
	size_t room = b->ptr == NULL ? 0 : b->room - b->len + 1;
	unsigned char *at;
	va_list ap;
	int need;

	/* Most often there is room already. */
	va_start(ap, fmt);
	need = vsnprintf(
	    room == 0 ? NULL : (char *)b->ptr + b->len, room, fmt, ap);
	va_end(ap);
	if (need < 0)
		return err_set(err, ERR_USAGE, "format \"%s\" failed", fmt);
	if ((size_t)need >= room) {
		if (buf_reserve(b, (size_t)need, &at, err) < 0)
			return -1;
		va_start(ap, fmt);
		vsnprintf((char *)at, (size_t)need + 1, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)need;
	return 0;
}

struct span
buf_span(const struct buf *b)
{
	return span_of(b->ptr, b->len);
}

void
buf_clear(struct buf *b)
{
	b->len = 0;
}

void
buf_free(struct buf *b)
{
	free(b->ptr);
	b->ptr = NULL;
	b->len = b->room = 0;
}

void
buf_wipe(struct buf *b)
{
	if (b->ptr != NULL)
		bytes_wipe(b->ptr, b->room);
	buf_free(b);
}

void
bytes_wipe(void *ptr, size_t len)
{
	if (len > 0)
		explicit_bzero(ptr, len);
}

void
be16_put(unsigned char *p, unsigned v)
{
	p[0] = (unsigned char)(v >> 8);
	p[1] = (unsigned char)v;
}

void
be32_put(unsigned char *p, unsigned long v)
{
	be16_put(p, (unsigned)(v >> 16));
	be16_put(p + 2, (unsigned)(v & 0xffff));
}

void
be64_put(unsigned char *p, unsigned long long v)
{
	be32_put(p, (unsigned long)(v >> 32));
	be32_put(p + 4, (unsigned long)(v & 0xffffffff));
}

unsigned
be16_get(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

unsigned long
be32_get(const unsigned char *p)
{
	return (unsigned long)be16_get(p) << 16 | be16_get(p + 2);
}

unsigned long long
be64_get(const unsigned char *p)
{
	return (unsigned long long)be32_get(p) << 32 | be32_get(p + 4);
}
