/* destination_key.c: among which events an event keeps its order. */
#include "lib/destination.h"

#include <string.h>

#include "lib/json_scan.h"

/* The value of the first header of a name, out of "name: value" lines. */
static struct span
find_header(struct span lines, const char *name)
{
	struct span line, found;
	size_t colon;

	while (lines.len > 0) {
		line = span_of(lines.ptr, span_find(lines, '\n'));
		lines = span_skip(lines, line.len + 1);
		colon = span_find(line, ':');
		found = span_of(line.ptr, colon);
		if (colon < line.len && span_is_nocase(found, name))
			return span_trim(span_skip(line, colon + 1));
	}
	return SPAN_EMPTY;
}

/* A string counts by what it says, however it is written; all else as it is. */
static int
put_json(
    struct span body, const char *pointer, struct buf *out, struct err *err)
{
	struct buf text = BUF_INIT(body.len);
	struct span raw = SPAN_EMPTY;
	struct err none = ERR_INIT;
	enum json_kind kind = json_find(body, pointer, &raw);
	size_t max = out->max - out->len;
	int ret;

	if (kind == JSON_ABSENT || kind == JSON_NULL)
		return 0;
	if (kind == JSON_STRING && json_scalar(raw, &text, &none) == 0)
		raw = buf_span(&text);
	if (raw.len > max)
		raw.len = max;
	ret = none.code == ERR_NOMEM ? -1 : buf_put_span(out, raw, err);
	if (none.code == ERR_NOMEM)
		*err = none;
	buf_free(&text);
	return ret;
}

int
destination_key(const struct destination *d, const struct event *ev,
    struct buf *out, struct err *err)
{
	struct span value, key = span_str(d->key);

	buf_clear(out);
	if (d->order != DESTINATION_ORDER_KEY)
		return 0;
	if (span_starts(key, DESTINATION_KEY_JSON))
		return put_json(
		    ev->body, d->key + strlen(DESTINATION_KEY_JSON), out, err);
	value =
	    find_header(ev->headers, d->key + strlen(DESTINATION_KEY_HEADER));
	if (value.len > out->max)
		value.len = out->max;
	return buf_put_span(out, value, err);
}
