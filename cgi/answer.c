/* answer.c: writes replies as CGI programs do. */
#include "cgi/answer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/util.h"

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

static const char *
reason(int status)
{
	size_t i;

	for (i = 0; i < NITEMS(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].words;
	return "";
}

struct text {
	char *at;
	size_t len;
};

static void
put(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void
put(struct text *t, const char *fmt, ...)
{
	size_t room = ANSWER_MAX - t->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(t->at + t->len, room, fmt, ap);
	va_end(ap);
	/* Every part of a head has a limit, and they all fit together. */
	assert(n >= 0 && (size_t)n < room);
	t->len += (size_t)n;
}

size_t
answer_text(const struct receive_reply *reply, char *out)
{
	struct text t = { out, 0 };

	assert(reply->status >= 200 && reply->status <= 599);
	put(&t, "Status: %d %s\r\n", reply->status, reason(reply->status));
	put(&t, "Cache-Control: no-store\r\n");
	if (reply->allow != NULL)
		put(&t, "Allow: %.64s\r\n", reply->allow);
	if (reply->retry_after_s > 0)
		put(&t, "Retry-After: %d\r\n", reply->retry_after_s);
	if (reply->content_type == NULL) {
		put(&t, "Content-Length: 0\r\n\r\n");
		return t.len;
	}
	assert(reply->body_len <= RECEIVE_REPLY_MAX);
	put(&t, "Content-Type: %.128s\r\n", reply->content_type);
	put(&t, "Content-Length: %zu\r\n\r\n", reply->body_len);
	memcpy(out + t.len, reply->body, reply->body_len);
	return t.len + reply->body_len;
}
