/* request.c: mistakes in the request: body, headers, URL. */
#include "lib/explain/impl.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/http/url.h"
#include "lib/json/scan.h"
#include "lib/json/style.h"

#define BODY_ROOM (32 * 1024 * 1024) /* of a body in another style */
#define COMMAS_MAX 8 /* of a header that may hold two values */
#define TAIL_LEAST 4 /* letters that a renamed header keeps at its end */
#define URL_MAX 4096

/* --- the body ------------------------------------------------------------- */

/* Over the bytes that came, or over what they unpack to? */
int
try_packing(struct inquiry *q)
{
	struct scheme other = q->timeless;
	const struct request *rq = q->ask->in->request;
	struct span coding = body_coding(rq);
	const struct explain_secret *match;
	int ret;

	if (coding.len == 0)
		return 0;
	other.signs_decoded = !other.signs_decoded;
	ret = inquiry_try_live(q, &other, rq, q->ask->in->url, &match);
	if (ret <= 0)
		return ret;
	return inquiry_found(q, EXPLAIN_PACKING,
	    "the signature is that of the %s (Content-Encoding: %.*s), and "
	    "the scheme has that of the %s: \"signs\" is \"%s\"",
	    other.signs_decoded ? "unpacked body" : "bytes that came",
	    (int)(coding.len < 32 ? coding.len : 32), (const char *)coding.ptr,
	    other.signs_decoded ? "bytes that came" : "unpacked body",
	    other.signs_decoded ? "wire" : "decoded");
}

/* The body ends in the letters of cut (or not), and add was in their place. */
static const struct {
	const char *cut, *add, *words;
} ends[] = {
	{ "\n", "", "without the line end that it has" },
	{ "\r\n", "", "without the CRLF that it has" },
	{ "", "\n", "with a line end (LF) behind it" },
	{ "", "\r\n", "with a CRLF behind it" },
	{ "\n", "\r\n", "with CRLF in place of its last LF" },
	{ "\r\n", "\n", "with LF in place of its last CRLF" },
};

static bool
ends_in(struct span s, const char *tail)
{
	size_t len = strlen(tail);

	return s.len >= len &&
	       span_eq(span_skip(s, s.len - len), span_str(tail));
}

static int
try_body(struct inquiry *q, struct span body)
{
	struct request rq = *q->ask->in->request;
	const struct explain_secret *match;

	rq.body = body;
	rq.content_length = (int64_t)body.len;
	return inquiry_try_live(q, &q->timeless, &rq, q->ask->in->url, &match);
}

int
try_newline(struct inquiry *q)
{
	struct span body = q->ask->in->request->body, was;
	struct buf other = BUF_INIT(BODY_ROOM);
	size_t i;
	int ret = 0;

	for (i = 0; i < NITEMS(ends) && ret == 0; i++) {
		if (!ends_in(body, ends[i].cut))
			continue;
		was = span_of(body.ptr, body.len - strlen(ends[i].cut));
		buf_clear(&other);
		if (buf_put_span(&other, was, q->err) < 0 ||
		    buf_puts(&other, ends[i].add, q->err) < 0)
			ret = -1;
		else
			ret = try_body(q, buf_span(&other));
		if (ret > 0)
			ret = inquiry_found(q, EXPLAIN_NEWLINE,
			    "the signature is that of the body %s",
			    ends[i].words);
	}
	buf_free(&other);
	return ret;
}

int
try_restyled(struct inquiry *q)
{
	struct span body = q->ask->in->request->body;
	struct err why = ERR_INIT;
	struct buf other = BUF_INIT(BODY_ROOM);
	const struct json_style *style;
	size_t i;
	int ret = 0;

	if (body.len == 0)
		return 0;
	if (json_scan(body, &why) < 0)
		return why.code == ERR_INPUT
			   ? 0
			   : err_set(q->err, why.code, "%s", why.text);
	for (i = 0; (style = json_style_at(i)) != NULL && ret == 0; i++) {
		buf_clear(&other);
		if (json_style_put(style, body, &other, &why) < 0) {
			if (why.code == ERR_LIMIT)
				continue;
			ret = err_set(q->err, why.code, "%s", why.text);
		} else {
			ret = try_body(q, buf_span(&other));
		}
		if (ret > 0)
			ret = inquiry_found(q, EXPLAIN_RESTYLED,
			    "the signature is that of the same JSON %s",
			    json_style_words(style));
	}
	buf_free(&other);
	return ret;
}

/* --- headers -------------------------------------------------------------- */

static struct header *
find_header(struct inquiry_request *rq, const char *name)
{
	size_t i;

	for (i = 0; i < rq->request.nheaders; i++)
		if (span_is(rq->headers[i].name, name) &&
		    rq->headers[i].value.len > 0)
			return &rq->headers[i];
	return NULL;
}

/* Where the comma number n (from 0) stands, or s.len. */
static size_t
comma(struct span s, size_t n)
{
	size_t at = 0, found;

	for (;;) {
		found = span_find(span_skip(s, at), ',');
		at += found;
		if (at >= s.len || n-- == 0)
			return at;
		at++;
	}
}

static size_t
commas(struct span s)
{
	size_t n = 0;

	while (n <= COMMAS_MAX && comma(s, n) < s.len)
		n++;
	return n;
}

/* One side of a value that was cut at a comma. */
static struct span
side(struct span value, size_t cut, bool right)
{
	if (cut >= value.len)
		return value;
	return span_trim(
	    right ? span_skip(value, cut + 1) : span_of(value.ptr, cut));
}

/* The signature's header cut at its comma n, all others at their middle. */
static int
try_sides(struct inquiry *q, const char *const *names, size_t nnames,
    const char *which, size_t n)
{
	struct inquiry_request rq;
	const struct explain_secret *match;
	struct header *h;
	size_t i, at;
	int ret = 0, right;

	for (right = 0; right < 2 && ret == 0; right++) {
		inquiry_copy(q, &rq);
		for (i = 0; i < nnames; i++) {
			h = find_header(&rq, names[i]);
			if (h == NULL)
				continue;
			at = strcmp(names[i], which) == 0
				 ? comma(h->value, n)
				 : comma(h->value, commas(h->value) / 2);
			h->value = side(h->value, at, right != 0);
		}
		ret = inquiry_try_live(
		    q, &q->timeless, &rq.request, q->ask->in->url, &match);
	}
	return ret;
}

int
try_doubled(struct inquiry *q)
{
	const char *const *names;
	struct span value;
	size_t i, n = scheme_headers(q->ask->scheme, &names);

	for (i = 0; i < n; i++)
		if (request_header(q->ask->in->request, names[i], &value) > 1)
			return inquiry_found(q, EXPLAIN_TWO_VALUES,
			    "the header %s is there twice", names[i]);
	return 0;
}

int
try_two_values(struct inquiry *q)
{
	struct inquiry_request rq;
	const char *const *names;
	struct header *h;
	size_t i, n, cuts, nnames = scheme_headers(q->ask->scheme, &names);
	int ret = 0;

	for (i = 0; i < nnames && ret == 0; i++) {
		inquiry_copy(q, &rq);
		h = find_header(&rq, names[i]);
		cuts = h == NULL ? 0 : commas(h->value);
		for (n = 0; n < cuts && ret == 0; n++)
			ret = try_sides(q, names, nnames, names[i], n);
		if (ret > 0)
			ret = inquiry_found(q, EXPLAIN_TWO_VALUES,
			    "the header %s holds two values, and one of them "
			    "alone is right",
			    names[i]);
	}
	return ret;
}

/* How many letters two names have in common at their ends. */
static size_t
common_tail(struct span name, const char *with)
{
	const char *p = name.ptr;
	size_t n = 0, len = strlen(with);

	while (
	    n < name.len && n < len && p[name.len - 1 - n] == with[len - 1 - n])
		n++;
	return n;
}

/* Gives each missing header the one that ends most like it. */
static size_t
rename_all(struct inquiry_request *rq, const char *const *names, size_t n,
    const char **missing, struct span *instead)
{
	size_t i, k, tail, best, renamed = 0;
	struct header *h;

	for (i = 0; i < n; i++) {
		if (find_header(rq, names[i]) != NULL)
			continue;
		best = TAIL_LEAST - 1;
		h = NULL;
		for (k = 0; k < rq->request.nheaders; k++) {
			tail = common_tail(rq->headers[k].name, names[i]);
			if (tail > best && rq->headers[k].value.len > 0) {
				best = tail;
				h = &rq->headers[k];
			}
		}
		if (h == NULL)
			continue;
		*missing = names[i];
		*instead = h->name;
		h->name = span_str(names[i]);
		renamed++;
	}
	return renamed;
}

int
try_renamed(struct inquiry *q)
{
	struct inquiry_request rq;
	const struct explain_secret *match;
	const char *const *names;
	const char *missing = "";
	struct span instead = SPAN_EMPTY;
	size_t n = scheme_headers(q->ask->scheme, &names);
	int ret;

	inquiry_copy(q, &rq);
	if (rename_all(&rq, names, n, &missing, &instead) == 0)
		return 0;
	ret = inquiry_try_live(
	    q, &q->timeless, &rq.request, q->ask->in->url, &match);
	if (ret <= 0)
		return ret;
	return inquiry_found(q, EXPLAIN_RENAMED,
	    "what should stand in the header %s came as %.*s", missing,
	    (int)(instead.len < 128 ? instead.len : 128),
	    (const char *)instead.ptr);
}

/* --- the URL -------------------------------------------------------------- */

struct url_parts {
	bool https;
	struct span authority, path; /* path without query */
};

static bool
split_url(struct span url, struct url_parts *out)
{
	size_t at;

	out->https = span_starts(url, "https://");
	if (!out->https && !span_starts(url, "http://"))
		return false;
	url = span_skip(url, out->https ? 8 : 7);
	at = span_find(url, '/');
	out->authority = span_of(url.ptr, at);
	url = span_skip(url, at);
	at = span_find(url, '?');
	out->path = span_of(url.ptr, at);
	return true;
}

/* The forms that a part of a URL may have been signed in. */
enum port_form {
	PORT_AS_IS,
	PORT_NONE,
	PORT_DEFAULT
};

static void
put_url(char out[URL_MAX], bool https, struct span host, enum port_form port,
    struct span path, bool slash)
{
	const char *p = host.ptr;
	size_t digits = 0;

	while (digits < host.len && p[host.len - 1 - digits] >= '0' &&
	       p[host.len - 1 - digits] <= '9')
		digits++;
	if (port != PORT_AS_IS && digits > 0 && digits < host.len &&
	    p[host.len - 1 - digits] == ':')
		host.len -= digits + 1;
	p = path.ptr;
	if (path.len > 0 && p[path.len - 1] == '/')
		path.len--;
	snprintf(out, URL_MAX, "%s://%.*s%s%.*s%s", https ? "https" : "http",
	    (int)(host.len < 512 ? host.len : 512), (const char *)host.ptr,
	    port != PORT_DEFAULT ? ""
	    : https              ? ":443"
				 : ":80",
	    (int)(path.len < 2048 ? path.len : 2048),
	    path.ptr == NULL ? "" : (const char *)path.ptr, slash ? "/" : "");
}

/* 1 and which URL was signed, with the query that came and without it. */
static int
try_one_url(struct inquiry *q, const char *url)
{
	struct request rq = *q->ask->in->request;
	const struct explain_secret *match;
	int ret;

	ret = inquiry_try_live(q, &q->timeless, &rq, url, &match);
	if (ret == 0 && rq.query.len > 0) {
		rq.query = SPAN_EMPTY;
		ret = inquiry_try_live(q, &q->timeless, &rq, url, &match);
	}
	if (ret <= 0)
		return ret;
	return inquiry_found(q, EXPLAIN_URL, "the URL that was signed is %s%s",
	    url, rq.query.len > 0 ? ", with the query that came" : "");
}

int
try_url(struct inquiry *q)
{
	const struct request *rq = q->ask->in->request;
	struct url_parts given = { true, SPAN_EMPTY, SPAN_EMPTY };
	struct span hosts[3] = { SPAN_EMPTY }, paths[2];
	enum port_form port;
	char url[URL_MAX];
	size_t h, p, slash;
	int ret = 0, https;

	if (!scheme_needs_url(q->ask->scheme))
		return 0;
	(void)split_url(span_str(q->ask->in->url), &given);
	hosts[0] = given.authority;
	request_header(rq, "host", &hosts[1]);
	request_header(rq, "x-forwarded-host", &hosts[2]);
	paths[0] = given.path;
	paths[1] = rq->path;
	for (h = 0; h < NITEMS(hosts); h++)
		for (p = 0; p < NITEMS(paths) && hosts[h].len > 0; p++)
			for (port = PORT_AS_IS; port <= PORT_DEFAULT; port++)
				for (slash = 0; slash < 2; slash++)
					for (https = 1; https >= 0 && ret == 0;
					     https--) {
						put_url(url, https != 0,
						    hosts[h], port, paths[p],
						    slash != 0);
						ret = try_one_url(q, url);
					}
	return ret;
}
