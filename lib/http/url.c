/* url.c: takes URLs apart and puts them together (RFC 3986 section 3). */
#include "lib/http/url.h"

#include <string.h>

struct parts {
	struct span front; /* scheme, "://", user and host */
	struct span port; /* with its colon; may be empty */
	struct span path;
	struct span query; /* without "?" */
	bool has_query;
};

/* The first n bytes of s. */
static struct span
head(struct span s, size_t n)
{
	return span_of(s.ptr, n < s.len ? n : s.len);
}

/* Where the authority begins: behind "://", or s.len without one. */
static size_t
authority_at(struct span s)
{
	size_t colon = span_find(s, ':');

	return span_starts(span_skip(s, colon), "://") ? colon + 3 : s.len;
}

/* The index of the port's colon in an authority, or its length. */
static size_t
port_at(struct span authority)
{
	const char *p = authority.ptr;
	size_t i;

	for (i = authority.len; i-- > 0;) {
		if (p[i] == ':')
			return i;
		if (p[i] < '0' || p[i] > '9')
			break; /* also "]" of an IPv6 address */
	}
	return authority.len;
}

static void
take_apart(struct span url, struct parts *out)
{
	struct span authority, rest;
	size_t at, port;

	url = head(url, span_find(url, '#'));
	at = span_find(url, '?');
	out->has_query = at < url.len;
	out->query = span_skip(url, at + 1);
	url = head(url, at);
	at = authority_at(url);
	rest = span_skip(url, at);
	authority = head(rest, span_find(rest, '/'));
	port = port_at(authority);
	out->front = head(url, at + port);
	out->port = span_skip(authority, port);
	out->path = span_skip(rest, authority.len);
}

static const char *
default_port(struct span front)
{
	if (span_is_nocase(head(front, 8), "https://"))
		return ":443";
	return span_is_nocase(head(front, 7), "http://") ? ":80" : "";
}

/* The byte that the escape at the begin of s stands for, or -1. */
static int
escaped_byte(struct span s)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = s.ptr, *high, *low;

	if (s.len < 3 || p[0] != '%' || p[1] == '\0' || p[2] == '\0')
		return -1;
	high = strchr(digits, p[1] >= 'A' && p[1] <= 'F' ? p[1] + 32 : p[1]);
	low = strchr(digits, p[2] >= 'A' && p[2] <= 'F' ? p[2] + 32 : p[2]);
	return high == NULL || low == NULL
		   ? -1
		   : (int)((high - digits) << 4 | (low - digits));
}

/* Puts a part of a URL, with the escapes of bytes in decode undone. */
static int
put_decoded(struct span s, const bool decode[URL_BYTES], struct buf *out,
    struct err *err)
{
	size_t at;
	int c;

	while (s.len > 0) {
		at = span_find(s, '%');
		if (buf_put_span(out, head(s, at), err) < 0)
			return -1;
		s = span_skip(s, at);
		if (s.len == 0)
			break;
		c = escaped_byte(s);
		if (c >= 0 && decode[c]) {
			if (buf_putc(out, (unsigned char)c, err) < 0)
				return -1;
			s = span_skip(s, 3);
		} else {
			if (buf_putc(out, '%', err) < 0)
				return -1;
			s = span_skip(s, 1);
		}
	}
	return 0;
}

int
url_put(struct span url, struct span query, enum url_port port,
    const bool decode[URL_BYTES], struct buf *out, struct err *err)
{
	struct parts p;

	take_apart(url, &p);
	if (port == URL_PORT_OTHER)
		p.port = p.port.len > 0 ? SPAN_EMPTY
					: span_str(default_port(p.front));
	if (query.len > 0) {
		p.query = query;
		p.has_query = true;
	}
	if (buf_put_span(out, p.front, err) < 0 ||
	    buf_put_span(out, p.port, err) < 0 ||
	    put_decoded(p.path, decode, out, err) < 0)
		return -1;
	if (!p.has_query)
		return 0;
	if (buf_putc(out, '?', err) < 0)
		return -1;
	return put_decoded(p.query, decode, out, err);
}

struct span
url_query(struct span url)
{
	struct parts p;

	take_apart(url, &p);
	return p.query;
}
