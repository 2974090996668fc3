/* captured.c: reads a request that was saved as text. */
#include "lib/http/captured.h"

#include <string.h>

#include "lib/base/text.h"

#define NAMES_MAX (64 * 1024)

/* Where in the text we are. */
struct reading {
	struct span rest;
	unsigned line; /* of the line taken last, from 1 */
	bool curl; /* lines of the request begin with ">" */
	struct captured *out;
	struct err *err;
};

static struct span
take_line(struct reading *r)
{
	size_t at = span_find(r->rest, '\n');
	struct span line = span_of(r->rest.ptr, at);
	const char *p = line.ptr;

	r->rest = span_skip(r->rest, at + 1);
	r->line++;
	if (at > 0 && p[at - 1] == '\r')
		line.len--;
	return line;
}

/* What curl says beside the request: about the connection, the answer. */
static bool
is_aside(struct span line)
{
	return span_starts(line, "* ") || span_is(line, "*") ||
	       span_starts(line, "< ") || span_is(line, "<") ||
	       span_starts(line, "{ [") || span_starts(line, "} [") ||
	       span_starts(line, "  % Total");
}

static bool
is_comment(struct span line)
{
	return line.len == 0 || span_starts(line, "#") ||
	       span_starts(line, "//") || span_starts(line, "@");
}

static struct span
take_word(struct span *line)
{
	struct span word;

	*line = span_trim(*line);
	word = span_of(line->ptr, span_find(*line, ' '));
	*line = span_skip(*line, word.len);
	return word;
}

static bool
is_method(struct span word)
{
	const char *p = word.ptr;
	size_t i;

	for (i = 0; i < word.len; i++)
		if (p[i] < 'A' || p[i] > 'Z')
			return false;
	return word.len >= 3 && word.len <= 10;
}

/* "POST /path?query HTTP/1.1", or with a whole URL. */
static int
read_request_line(struct reading *r, struct span line)
{
	struct span target;
	size_t at;

	r->out->method = take_word(&line);
	target = take_word(&line);
	if (!is_method(r->out->method) || target.len == 0)
		return err_set(r->err, ERR_INPUT,
		    "line %u: a request begins like \"POST /hooks/NAME "
		    "HTTP/1.1\"",
		    r->line);
	if (span_starts(target, "https://") || span_starts(target, "http://")) {
		target = span_skip(target, span_find(target, ':') + 3);
		target = span_skip(target, span_find(target, '/'));
	}
	at = span_find(target, '#');
	target = span_of(target.ptr, at);
	at = span_find(target, '?');
	r->out->path = span_of(target.ptr, at);
	r->out->query = span_skip(target, at + 1);
	return 0;
}

static int
read_header(struct reading *r, struct span line)
{
	struct captured *out = r->out;
	size_t i, at = span_find(line, ':');
	const unsigned char *p = line.ptr;
	struct header *h = &out->headers[out->nheaders];
	unsigned char *name;

	if (at == 0 || at == line.len)
		return err_set(r->err, ERR_INPUT,
		    "line %u: a header reads \"Name: value\", and an empty "
		    "line ends them",
		    r->line);
	if (out->nheaders == REQUEST_HEADERS_MAX)
		return err_set(r->err, ERR_INPUT,
		    "line %u: more than %d headers", r->line,
		    REQUEST_HEADERS_MAX);
	if (buf_reserve(&out->names, at, &name, r->err) < 0)
		return -1;
	for (i = 0; i < at; i++)
		name[i] = p[i] >= 'A' && p[i] <= 'Z'
			      ? (unsigned char)(p[i] - 'A' + 'a')
			      : p[i];
	out->names.len += at;
	h->name = span_trim(span_of(name, at));
	h->value = span_trim(span_skip(line, at + 1));
	out->nheaders++;
	return 0;
}

/* Finds the request line; what stands before it is of no interest. */
static int
read_start(struct reading *r)
{
	struct span all = r->rest, line;

	r->curl = false;
	while (r->rest.len > 0 && !r->curl) {
		line = take_line(r);
		r->curl = span_starts(line, "> ") &&
			  is_method(span_of((const char *)line.ptr + 2,
			      span_find(span_skip(line, 2), ' ')));
	}
	if (r->curl)
		return read_request_line(r, span_skip(line, 2));
	r->rest = all;
	r->line = 0;
	do {
		line = take_line(r);
	} while (r->rest.len > 0 && is_comment(line));
	return read_request_line(r, line);
}

static int
read_headers(struct reading *r)
{
	struct span line;

	while (r->rest.len > 0) {
		line = take_line(r);
		if (r->curl) {
			if (is_aside(line))
				continue;
			if (!span_starts(line, ">"))
				return err_set(r->err, ERR_INPUT,
				    "line %u: the headers of the request "
				    "begin with \">\"",
				    r->line);
			line = span_trim(span_skip(line, 1));
		}
		if (line.len == 0)
			return 0;
		if (read_header(r, line) < 0)
			return -1;
	}
	return 0;
}

/* An editor's file may hold several requests. */
static struct span
cut_at_next(struct span body)
{
	static const char mark[] = "\n###";
	const char *at =
	    body.len == 0 ? NULL
			  : memmem(body.ptr, body.len, mark, sizeof(mark) - 1);

	return at == NULL
		   ? body
		   : span_of(body.ptr, (size_t)(at - (const char *)body.ptr));
}

static int
read_body(struct reading *r)
{
	struct request rq = { .headers = r->out->headers,
		.nheaders = r->out->nheaders };
	struct span body = r->rest, line, after, length;
	struct err ignored = ERR_INIT;
	uint64_t n;

	while (r->curl && r->rest.len > 0) {
		after = r->rest;
		line = take_line(r);
		if (!is_aside(line)) {
			body = after;
			break;
		}
		body = r->rest;
	}
	if (request_header(&rq, "content-length", &length) == 1 &&
	    text_to_u64(length, CAPTURED_MAX, &n, &ignored) == 0) {
		r->out->longer = body.len > n;
		r->out->shorter = body.len < n;
		r->out->body = span_of(body.ptr, body.len > n ? n : body.len);
	} else {
		r->out->body = r->curl ? body : cut_at_next(body);
	}
	return 0;
}

int
captured_read(struct span text, struct captured *out, struct err *err)
{
	struct reading r = { text, 0, false, out, err };
	unsigned char *at;

	out->names.max = NAMES_MAX;
	/* All the room at once, so that names stay where they are. */
	if (buf_reserve(&out->names, NAMES_MAX, &at, err) < 0)
		return -1;
	if (read_start(&r) < 0 || read_headers(&r) < 0)
		return -1;
	return read_body(&r);
}

void
captured_free(struct captured *c)
{
	buf_free(&c->names);
}
