/* destination_key.c: among which events an event keeps its order. */
#include "lib/model/destination.h"

#include <string.h>

#include "lib/http/body.h"
#include "lib/json/scan.h"

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

/* Of the body as its readers see it: unpacked, without a byte order mark. */
static int
put_of_body(const struct event *ev, const char *pointer, struct buf *out,
    struct err *err)
{
	struct body body = { .state = BODY_CLOSED };
	int ret;

	ret = body_unpack(&body, ev->body, event_coding(ev), err);
	if (ret == 0)
		ret = put_json(body_text(body.bytes), pointer, out, err);
	body_close(&body);
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
		return put_of_body(
		    ev, d->key + strlen(DESTINATION_KEY_JSON), out, err);
	value = event_header(ev, d->key + strlen(DESTINATION_KEY_HEADER));
	if (value.len > out->max)
		value.len = out->max;
	return buf_put_span(out, value, err);
}
