/* lines.c: the header lines of a request, as libcurl wants them. */
#include "lib/outbound/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

/* Lines of ours around the caller's. */
#define NODES_MORE 2

/* What frames a request is libcurl's: a second one would cut it elsewhere. */
static const char *const framing[] = {
	"connection",
	"content-length",
	"expect",
	"keep-alive",
	"proxy-connection",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
};

/* RFC 9110 section 5.6.2 */
static bool
is_token(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (p[i] <= ' ' || p[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", p[i]) != NULL)
			return false;
	return s.len > 0;
}

static bool
has_control(struct span s)
{
	const unsigned char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if ((p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return true;
	return false;
}

/* Why line cannot go out; NULL: it can. */
static const char *
judge(struct span line, size_t colon)
{
	struct span name = span_of(line.ptr, colon);
	size_t i;

	if (colon == line.len || !is_token(name))
		return "a header line is none: it must be \"Name: value\"";
	if (has_control(line))
		return "a header line has control bytes in it";
	for (i = 0; i < NITEMS(framing); i++)
		if (span_is_nocase(name, framing[i]))
			return "a header line that frames the request "
			       "(Content-Length, Transfer-Encoding, "
			       "Connection, Expect or such) is not to be given";
	return NULL;
}

/* To libcurl "Name:" takes a header away, "Name;" is one without a value. */
static int
put_line(struct buf *lines, struct span line, size_t colon, struct err *err)
{
	struct span value = span_trim(span_skip(line, colon + 1));

	if (value.len > 0)
		return buf_put_span(lines, line, err) < 0 ||
			       buf_putc(lines, '\0', err) < 0
			   ? -1
			   : 0;
	if (buf_put(lines, line.ptr, colon, err) < 0)
		return -1;
	return buf_put(lines, ";", 2, err);
}

static size_t
count_lines(struct span s)
{
	size_t n = 0;

	for (; s.len > 0; s = span_skip(s, span_find(s, '\n') + 1))
		n++;
	return n;
}

static int
make_room(struct outbound_exchange *ex, struct err *err)
{
	size_t need = count_lines(ex->rq.headers) + NODES_MORE;
	struct curl_slist *grown;

	if (need <= ex->nodes_room)
		return 0;
	grown = realloc(ex->nodes, need * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for header lines");
	ex->nodes = grown;
	ex->nodes_room = need;
	return 0;
}

/* The bytes do not move any more: the list can point to them. */
static struct curl_slist *
link_lines(struct outbound_exchange *ex, bool typed)
{
	/* libcurl only reads them. */
	static char no_expect[] = "Expect:", no_type[] = "Content-Type:";
	char *at = (char *)ex->lines.ptr;
	char *end = at + ex->lines.len;
	size_t n = 0, i;

	for (; at < end; at += strlen(at) + 1)
		ex->nodes[n++].data = at;
	/* A body is sent at once; not every server answers an Expect. */
	ex->nodes[n++].data = no_expect;
	if (!typed)
		ex->nodes[n++].data = no_type;
	for (i = 0; i < n; i++)
		ex->nodes[i].next = i + 1 < n ? &ex->nodes[i + 1] : NULL;
	return ex->nodes;
}

int
outbound_lines(struct outbound_exchange *ex, bool *good,
    struct curl_slist **list, struct err *err)
{
	struct span rest = ex->rq.headers, line;
	bool typed = false;
	const char *wrong;
	size_t colon;

	*good = false;
	if (make_room(ex, err) < 0)
		return -1;
	if (rest.len > OUTBOUND_LINES_MAX) {
		outbound_refuse(ex, OUTBOUND_USAGE, "too many header lines");
		return 0;
	}
	for (; rest.len > 0; rest = span_skip(rest, line.len + 1)) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		if (line.len == 0)
			continue;
		colon = span_find(line, ':');
		wrong = judge(line, colon);
		if (wrong != NULL) {
			outbound_refuse(ex, OUTBOUND_USAGE, wrong);
			return 0;
		}
		typed = typed || span_is_nocase(
				     span_of(line.ptr, colon), "content-type");
		if (put_line(&ex->lines, line, colon, err) < 0)
			return -1;
	}
	*list = link_lines(ex, typed);
	*good = true;
	return 0;
}
