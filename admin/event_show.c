/* event_show.c: one event, with its headers and its payload. */
#include "admin/event.h"

#include <stdio.h>
#include <string.h>

#include "admin/event_delivery.h"
#include "admin/event_held.h"
#include "admin/output.h"
#include "admin/pretty.h"
#include "lib/base/encode.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

static const struct field show_fields[] = {
	{ "seq", "seq", FIELD_PLAIN, NULL },
	{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
	{ "title", "title", FIELD_PLAIN, NULL },
	{ "labels", "labels", FIELD_PAIRS, NULL },
	{ "public_url", "public url", FIELD_PLAIN, NULL },
	{ "id", "id", FIELD_PLAIN, NULL },
	{ "types", "type", FIELD_LIST, "-" },
	{ "received_at", "received", FIELD_PLAIN, NULL },
	{ "status", "status", FIELD_PLAIN, NULL },
	{ "held_reason", "because", FIELD_GIVEN, "not known any more" },
	{ "held_rule", "by rule", FIELD_PLAIN, NULL },
	{ "repeats", "repeats", FIELD_GIVEN, "none that is in the log" },
	{ "repeats_kept", "kept", FIELD_PLAIN, NULL },
	{ "repeats_counted", "only counted", FIELD_PLAIN, NULL },
	{ "last_repeat_at", "last repeat", FIELD_PLAIN, NULL },
	{ "expires_at", "expires", FIELD_PLAIN, NULL },
	{ "released_as", "released as", FIELD_PLAIN, NULL },
	{ "released_from", "was held as", FIELD_PLAIN, NULL },
	{ "secret", "secret", FIELD_PLAIN, "-" },
	{ "duplicates", "duplicates", FIELD_PLAIN, NULL },
	{ "last_duplicate_at", "last one", FIELD_PLAIN, NULL },
	{ "size", "size", FIELD_PLAIN, NULL },
	{ "content_type", "type of body", FIELD_PLAIN, NULL },
	{ "content_encoding", "packed by", FIELD_PLAIN, NULL },
};

/* The payload of a row, as it was received. */
static int
read_payload(const struct json *row, struct buf *out, struct err *err)
{
	const char *b64 = json_text(json_get(row, "body_b64"));
	const char *text = json_text(json_get(row, "body"));
	unsigned char *at;
	size_t room, len;

	if (text != NULL)
		return buf_puts(out, text, err);
	room = encode_room(ENCODING_BASE64, strlen(b64 == NULL ? "" : b64));
	if (buf_reserve(out, room, &at, err) < 0)
		return -1;
	if (b64 == NULL ||
	    !encode_read(ENCODING_BASE64, span_str(b64), at, room, &len))
		return err_set(
		    err, ERR_CORRUPT, "the answer has no payload in it");
	out->len += len;
	return 0;
}

static int
print_raw(void *arg, const struct json *row, struct err *err)
{
	struct buf body = BUF_INIT(STORE_BODY_MAX + 16);
	int ret;

	(void)arg;
	ret = read_payload(row, &body, err);
	if (ret == 0 && body.len > 0)
		fwrite(body.ptr, 1, body.len, stdout);
	buf_free(&body);
	return ret;
}

static int
show_row(void *arg, const struct json *row, struct err *err)
{
	const struct json *one = json_first(json_get(row, "headers"));
	struct buf body = BUF_INIT(STORE_BODY_MAX + 16);
	struct buf text = BUF_INIT(12 * (size_t)STORE_BODY_MAX);
	bool is_text;
	int ret = -1;

	(void)arg;
	if (fields_print(row, show_fields, NITEMS(show_fields), err) < 0)
		goto out;
	if (json_first(json_get(row, "types")) != NULL &&
	    !json_true(json_get(row, "types_complete")))
		puts("It has more types than could be read.");
	if (one != NULL)
		putchar('\n');
	for (; one != NULL; one = json_next(one)) {
		buf_clear(&text);
		if (text_put_shown(&text, span_str(json_text(one)), err) < 0)
			goto out;
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	}
	event_held_print_ways(row);
	if (event_print_deliveries(row, err) < 0)
		goto out;
	buf_clear(&text);
	if (read_payload(row, &body, err) < 0 ||
	    pretty_put(buf_span(&body), &text, &is_text, err) < 0)
		goto out;
	putchar('\n');
	if (is_text && text.len > 0)
		fwrite(text.ptr, 1, text.len, stdout);
	else if (!is_text)
		printf(
		    "%zu bytes that are no text: --raw has them\n", body.len);
	ret = 0;
out:
	buf_free(&body);
	buf_free(&text);
	return ret;
}

/* SEQ, the operand that names one event. */
static int
put_seq(struct call *c, struct err *err)
{
	uint64_t seq;

	if (c->line->noperands == 0)
		return 0;
	if (text_to_u64(
		span_str(c->line->operands[0]), JSON_INT_MAX, &seq, err) < 0 ||
	    seq == 0)
		return err_set(err, ERR_USAGE,
		    "\"%s\" is no seq (the number that list shows first); an "
		    "id goes behind --id",
		    c->line->operands[0]);
	json_write_uint(&c->w, "seq", seq);
	return 0;
}

int
event_show_one(struct command_line *line, bool raw, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "event.show", err) < 0 || put_seq(&c, err) < 0)
		goto out;
	if (raw && line->json) {
		err_set(err, ERR_USAGE, "--raw and --json exclude each other");
		goto out;
	}
	call_put_text(&c, "id", "id");
	call_put_text(&c, "endpoint", "endpoint");
	if (raw)
		json_write_bool(&c.w, "raw", true);
	c.people = raw ? print_raw : show_row;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

int
event_show(struct command_line *line, struct err *err)
{
	return event_show_one(line, command_has(line, "raw"), err);
}
