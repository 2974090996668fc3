/* encode.c: hex, base64 and base64url, read strictly. */
#include "lib/base/encode.h"

#include <string.h>

static const char letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char letters_url[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t
encode_room(enum encoding enc, size_t len)
{
	switch (enc) {
	case ENCODING_HEX:
		return len / 2;
	case ENCODING_BASE64:
	case ENCODING_BASE64URL:
		return len / 4 * 3 + 2;
	case ENCODING_UTF8:
		break;
	}
	return len;
}

/* The value of a hex digit, or -1. */
static int
hex_digit(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool
read_hex(struct span text, unsigned char *out, size_t room, size_t *len)
{
	const unsigned char *p = text.ptr;
	size_t i;
	int high, low;

	if (text.len % 2 != 0 || text.len / 2 > room)
		return false;
	for (i = 0; i < text.len; i += 2) {
		high = hex_digit(p[i]);
		low = hex_digit(p[i + 1]);
		if (high < 0 || low < 0)
			return false;
		out[i / 2] = (unsigned char)(high << 4 | low);
	}
	*len = text.len / 2;
	return true;
}

/* The value of a base64 letter, or -1. */
static int
digit64(unsigned char c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	return c == (url ? '_' : '/') ? 63 : -1;
}

static bool
read_base64(
    struct span text, bool url, unsigned char *out, size_t room, size_t *len)
{
	const unsigned char *p = text.ptr;
	size_t i, n = text.len, size;
	unsigned long group = 0;
	int d;

	if (n % 4 == 0 && n > 0 && p[n - 1] == '=')
		n -= p[n - 2] == '=' ? 2 : 1;
	else if (!url && n % 4 != 0)
		return false; /* padding is missing */
	size = n / 4 * 3 + (n % 4 == 0 ? 0 : n % 4 - 1);
	if (n % 4 == 1 || size > room)
		return false;
	for (i = 0; i < n; i++) {
		d = digit64(p[i], url);
		if (d < 0)
			return false;
		group = group << 6 | (unsigned long)d;
		if (i % 4 == 3) {
			out[i / 4 * 3] = (unsigned char)(group >> 16);
			out[i / 4 * 3 + 1] = (unsigned char)(group >> 8);
			out[i / 4 * 3 + 2] = (unsigned char)group;
			group = 0;
		}
	}
	/* Bits behind the last byte must be zero, or two texts decode alike. */
	if (n % 4 == 2) {
		if ((group & 0xf) != 0)
			return false;
		out[size - 1] = (unsigned char)(group >> 4);
	} else if (n % 4 == 3) {
		if ((group & 0x3) != 0)
			return false;
		out[size - 2] = (unsigned char)(group >> 10);
		out[size - 1] = (unsigned char)(group >> 2);
	}
	*len = size;
	return true;
}

bool
encode_read(
    enum encoding enc, struct span text, void *out, size_t room, size_t *len)
{
	switch (enc) {
	case ENCODING_HEX:
		return read_hex(text, out, room, len);
	case ENCODING_BASE64:
		return read_base64(text, false, out, room, len);
	case ENCODING_BASE64URL:
		return read_base64(text, true, out, room, len);
	case ENCODING_UTF8:
		break;
	}
	if (text.len > room)
		return false;
	if (text.len > 0)
		memcpy(out, text.ptr, text.len);
	*len = text.len;
	return true;
}

static int
put_hex(struct span bytes, struct buf *out, struct err *err)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes.ptr;
	unsigned char *at;
	size_t i;

	if (buf_reserve(out, bytes.len * 2, &at, err) < 0)
		return -1;
	for (i = 0; i < bytes.len; i++) {
		at[2 * i] = (unsigned char)digits[p[i] >> 4];
		at[2 * i + 1] = (unsigned char)digits[p[i] & 15];
	}
	out->len += bytes.len * 2;
	return 0;
}

static int
put_base64(struct span bytes, bool url, struct buf *out, struct err *err)
{
	const char *table = url ? letters_url : letters;
	const unsigned char *p = bytes.ptr;
	unsigned char *at;
	unsigned long group;
	size_t i, j, n;

	if (buf_reserve(out, (bytes.len + 2) / 3 * 4, &at, err) < 0)
		return -1;
	for (i = 0; i < bytes.len; i += 3) {
		n = bytes.len - i < 3 ? bytes.len - i : 3;
		group = (unsigned long)p[i] << 16;
		group |= n > 1 ? (unsigned long)p[i + 1] << 8 : 0;
		group |= n > 2 ? p[i + 2] : 0;
		for (j = 0; j < 4; j++) {
			if (j <= n)
				*at++ = (unsigned char)
				    table[group >> (18 - 6 * j) & 63];
			else if (!url)
				*at++ = '=';
			else
				break;
			out->len++;
		}
	}
	return 0;
}

int
encode_put(
    enum encoding enc, struct span bytes, struct buf *out, struct err *err)
{
	switch (enc) {
	case ENCODING_HEX:
		return put_hex(bytes, out, err);
	case ENCODING_BASE64:
		return put_base64(bytes, false, out, err);
	case ENCODING_BASE64URL:
		return put_base64(bytes, true, out, err);
	case ENCODING_UTF8:
		break;
	}
	return buf_put_span(out, bytes, err);
}
