/* answer.c: writes replies as CGI programs do. */
#include "cgi/answer.h"

#include <assert.h>
#include <string.h>

#include "lib/base/util.h"

/* The words of RFC 9110 and RFC 6585; another status goes without. */
static const struct {
	int status;
	const char *words;
} reasons[] = {
	{ 200, "OK" },
	{ 201, "Created" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 408, "Request Timeout" },
	{ 411, "Length Required" },
	{ 413, "Content Too Large" },
	{ 429, "Too Many Requests" },
	{ 431, "Request Header Fields Too Large" },
	{ 500, "Internal Server Error" },
	{ 503, "Service Unavailable" },
};

#define VALUE_MAX 128 /* bytes of a field's value that are shown */

static const char *
reason(int status)
{
	size_t i;

	for (i = 0; i < NITEMS(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "";
}

static size_t
body_len(const struct receive_reply *reply)
{
	return reply->content_type == NULL ? 0 : reply->body_len;
}

static bool
put_field(struct buf *b, const char *name, const char *value)
{
	struct span v = span_of(value, strnlen(value, VALUE_MAX));
	struct err err;

	return buf_puts(b, name, &err) == 0 && buf_put_span(b, v, &err) == 0 &&
	       buf_puts(b, "\r\n", &err) == 0;
}

static bool
put_number(struct buf *b, const char *name, size_t n)
{
	struct err err;

	return buf_puts(b, name, &err) == 0 && buf_put_u64(b, n, &err) == 0 &&
	       buf_puts(b, "\r\n", &err) == 0;
}

static bool
put_head(struct buf *b, const struct receive_reply *reply)
{
	struct err err;

	return buf_puts(b, "Status: ", &err) == 0 &&
	       buf_put_u64(b, (unsigned)reply->status, &err) == 0 &&
	       put_field(b, " ", reason(reply->status)) &&
	       put_field(b, "Cache-Control: ", "no-store") &&
	       (reply->allow == NULL ||
		   put_field(b, "Allow: ", reply->allow)) &&
	       (reply->retry_after_s <= 0 ||
		   put_number(
		       b, "Retry-After: ", (size_t)reply->retry_after_s)) &&
	       buf_put(b, reply->headers, reply->headers_len, &err) == 0 &&
	       (reply->content_type == NULL ||
		   put_field(b, "Content-Type: ", reply->content_type)) &&
	       put_number(b, "Content-Length: ", body_len(reply)) &&
	       buf_puts(b, "\r\n", &err) == 0;
}

size_t
answer_text(const struct receive_reply *reply, char *out)
{
	struct buf b = BUF_OVER(out, ANSWER_MAX);
	struct err err;
	bool fits;

	assert(reply->status >= 200 && reply->status <= 599);
	assert(reply->body_len <= RECEIVE_REPLY_MAX);
	/* Every part of a head has a limit, and they all fit together. */
	fits = put_head(&b, reply) &&
	       buf_put(&b, reply->body, body_len(reply), &err) == 0;
	assert(fits);
	return fits ? b.len : 0;
}
