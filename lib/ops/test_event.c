/* test_event.c: what test events for endpoints and destinations share. */
#include "lib/ops/test_event.h"

#include <stdio.h>

#include "lib/scheme/sign.h"

/* The request's id is as random as an event's must be. */
void
op_test_id(const struct op_call *call, char out[OP_TEST_ID_MAX])
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = call->request_id;
	size_t i, n = (size_t)snprintf(out, OP_TEST_ID_MAX, "test_");

	for (i = 0; i < STORE_REQUEST_ID; i++) {
		out[n++] = digits[p[i] >> 4];
		out[n++] = digits[p[i] & 15];
	}
	out[n] = '\0';
}

/* For schemes whose files show no body. */
static int
put_plain_body(struct span id, struct span type, int64_t now_ms,
    struct buf *out, struct err *err)
{
	struct json_write w;

	json_write_init(&w, out, err);
	json_write_object(&w, NULL);
	json_write_bytes(&w, "id", id);
	json_write_bytes(&w, "type", type);
	json_write_time(&w, "time", now_ms);
	json_write_object(&w, "data");
	json_write_close(&w);
	json_write_close(&w);
	return json_write_done(&w);
}

int
op_test_body(const struct scheme *scheme, struct span id, struct span type,
    int64_t now_ms, struct buf *out, struct err *err)
{
	if (scheme != NULL && scheme_has_envelope(scheme))
		return sign_envelope(
		    scheme, id, type, now_ms, SPAN_EMPTY, out, err);
	return put_plain_body(id, type, now_ms, out, err);
}

void
op_test_write_headers(struct json_write *w, struct span lines)
{
	struct span line;

	json_write_array(w, "headers");
	for (; lines.len > 0; lines = span_skip(lines, line.len + 1)) {
		line = span_of(lines.ptr, span_find(lines, '\n'));
		json_write_bytes(w, NULL, line);
	}
	json_write_close(w);
}
