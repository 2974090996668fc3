/* event.c: eyelet-event: what was accepted. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/call.h"
#include "admin/output.h"
#include "admin/pretty.h"
#include "lib/encode.h"
#include "lib/text.h"
#include "lib/util.h"

#define LIST_LIMIT 50 /* events that list shows, newest first */

#define FILTER                                                               \
	{ "endpoint", "NAME", "of this endpoint", false },                   \
	    { "type", "PATTERNS", "of these types, such as 'order.*'",       \
		    false },                                                 \
	    { "since", "TIME", "received from then on: RFC 3339, or 2h ago", \
		    false },                                                 \
	{                                                                    \
		"until", "TIME", "received before then", false               \
	}
#define ID                                              \
	{                                               \
		"id", "ID", "with this event id", false \
	}

static const struct option_row list_options[] = {
	FILTER,
	ID,
	{ "limit", "NUMBER", "at most so many, else 50; 0: all", false },
};

static const struct option_row show_options[] = {
	{ "endpoint", "NAME", "of this endpoint, with --id", false },
	ID,
	{ "raw", NULL, "the payload alone, byte for byte", false },
};

static const struct option_row export_options[] = {
	FILTER,
	ID,
	{ "limit", "NUMBER", "at most so many, else all", false },
	{ "raw", NULL, "of the one event SEQ: its payload, byte for byte",
	    false },
};

static const struct option_row stats_options[] = { FILTER };

static int
put_filter(struct call *c, struct err *err)
{
	call_put_text(c, "endpoint", "endpoint");
	call_put_text(c, "type", "type");
	call_put_text(c, "id", "id");
	if (call_put_time(c, "since", "since_ms", err) < 0 ||
	    call_put_time(c, "until", "until_ms", err) < 0)
		return -1;
	return call_put_number(c, "limit", "limit", JSON_INT_MAX, err);
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

/* --- list ----------------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ "SEQ", true },
	{ "RECEIVED", false },
	{ "ENDPOINT", false },
	{ "TYPE", false },
	{ "ID", false },
	{ "SECRET", false },
	{ "SIZE", true },
	{ "DUP", true },
	{ "STATUS", false },
};

static int
list_row(void *arg, const struct json *row, struct err *err)
{
	static const char *const members[] = { "seq", "received_at", "endpoint",
		"type", "id", "secret", "size", "duplicates", "status" };
	size_t i;

	for (i = 0; i < NITEMS(members); i++)
		if (table_put_json(arg, json_get(row, members[i]), err) < 0)
			return -1;
	return 0;
}

static int
run_list(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, list_columns, NITEMS(list_columns));
	if (call_begin(&c, line, "event.list", err) < 0 ||
	    put_filter(&c, err) < 0)
		goto out;
	if (!command_has(line, "limit"))
		json_write_int(&c.w, "limit", LIST_LIMIT);
	c.people = list_row;
	c.arg = &t;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json && table_is_empty(&t))
		fputs("There are no such events.\n", stderr);
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

/* --- show ----------------------------------------------------------------- */

static const struct field show_fields[] = {
	{ "seq", "seq", FIELD_PLAIN, NULL },
	{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
	{ "title", "title", FIELD_PLAIN, NULL },
	{ "labels", "labels", FIELD_PAIRS, NULL },
	{ "public_url", "public url", FIELD_PLAIN, NULL },
	{ "id", "id", FIELD_PLAIN, NULL },
	{ "type", "type", FIELD_PLAIN, "-" },
	{ "received_at", "received", FIELD_PLAIN, NULL },
	{ "status", "status", FIELD_PLAIN, NULL },
	{ "secret", "secret", FIELD_PLAIN, "-" },
	{ "duplicates", "duplicates", FIELD_PLAIN, NULL },
	{ "last_duplicate_at", "last one", FIELD_PLAIN, NULL },
	{ "size", "size", FIELD_PLAIN, NULL },
	{ "content_type", "type of body", FIELD_PLAIN, NULL },
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
	if (ret == 0)
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
	if (one != NULL)
		putchar('\n');
	for (; one != NULL; one = json_next(one)) {
		buf_clear(&text);
		if (text_put_safe(&text, span_str(json_text(one)), err) < 0)
			goto out;
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	}
	buf_clear(&text);
	if (read_payload(row, &body, err) < 0 ||
	    pretty_put(buf_span(&body), &text, &is_text, err) < 0)
		goto out;
	putchar('\n');
	if (is_text)
		fwrite(text.ptr, 1, text.len, stdout);
	else
		printf(
		    "%zu bytes that are no text: --raw has them\n", body.len);
	ret = 0;
out:
	buf_free(&body);
	buf_free(&text);
	return ret;
}

/* show, and export of one event. */
static int
show(struct command_line *line, bool raw, struct err *err)
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

static int
run_show(struct command_line *line, struct err *err)
{
	return show(line, command_has(line, "raw"), err);
}

/* --- export --------------------------------------------------------------- */

static int
export_one(struct command_line *line, struct err *err)
{
	static const char *const filters[] = { "endpoint", "type", "since",
		"until", "id", "limit" };
	bool raw = command_has(line, "raw");
	size_t i;

	for (i = 0; i < NITEMS(filters); i++)
		if (command_has(line, filters[i]))
			return err_set(err, ERR_USAGE,
			    "SEQ names one event: --%s has no place beside it",
			    filters[i]);
	if (!raw)
		line->json = true;
	return show(line, raw, err);
}

static int
run_export(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (line->noperands > 0)
		return export_one(line, err);
	if (command_has(line, "raw"))
		return err_set(err, ERR_USAGE,
		    "--raw is for one event: name it by its SEQ");
	line->json = true; /* with or without --json */
	if (call_begin(&c, line, "event.export", err) == 0 &&
	    put_filter(&c, err) == 0)
		ret = call_send(&c, err);
	call_end(&c);
	return ret;
}

/* --- stats ---------------------------------------------------------------- */

static const struct table_column kind_columns[] = {
	{ "ENDPOINT", false },
	{ "TYPE", false },
	{ "EVENTS", true },
	{ "TESTS", true },
	{ "BYTES", true },
	{ "FIRST", false },
	{ "LAST", false },
};

static const struct table_column count_columns[] = {
	{ "ENDPOINT", false },
	{ "ACCEPTED", true },
	{ "DUPLICATE", true },
	{ "CONFLICT", true },
	{ "IGNORED", true },
	{ "TEST", true },
	{ "REFUSED", true },
	{ "FAILED", true },
};

/* Two tables: events in the log, and requests as they were counted. */
struct stats {
	struct table kinds, counts;
};

static int
stats_row(void *arg, const struct json *row, struct err *err)
{
	static const char *const members[] = { "endpoint", "type", "events",
		"tests", "bytes", "first_at", "last_at" };
	static const char *const counters[] = { "accepted", "duplicate",
		"conflict", "ignored", "test", "refused", "failed" };
	const struct json *counts = json_get(row, "counts");
	struct stats *stats = arg;
	size_t i;

	if (counts != NULL) {
		if (table_put_json(
			&stats->counts, json_get(row, "endpoint"), err) < 0)
			return -1;
		for (i = 0; i < NITEMS(counters); i++)
			if (table_put_json(&stats->counts,
				json_get(counts, counters[i]), err) < 0)
				return -1;
		return 0;
	}
	for (i = 0; i < NITEMS(members); i++)
		if (i == 1 && json_true(json_get(row, "other_types"))) {
			if (table_puts(&stats->kinds, "(other types)", err) < 0)
				return -1;
		} else if (table_put_json(&stats->kinds,
			       json_get(row, members[i]), err) < 0)
			return -1;
	return 0;
}

static int
run_stats(struct command_line *line, struct err *err)
{
	struct stats stats;
	struct call c;
	int ret = -1;

	table_init(&stats.kinds, kind_columns, NITEMS(kind_columns));
	table_init(&stats.counts, count_columns, NITEMS(count_columns));
	if (call_begin(&c, line, "event.stats", err) < 0 ||
	    put_filter(&c, err) < 0)
		goto out;
	c.people = stats_row;
	c.arg = &stats;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json) {
		table_print(&stats.kinds);
		if (stats.counts.ncells > 0)
			printf("%sRequests since the endpoint was made:\n",
			    stats.kinds.begun ? "\n" : "");
		table_print(&stats.counts);
	}
out:
	table_free(&stats.kinds);
	table_free(&stats.counts);
	call_end(&c);
	return ret;
}

/* -------------------------------------------------------------------------- */

#define OPTIONS(rows) rows, NITEMS(rows)

static const struct command commands[] = {
	{ "list", "", 0, 0, "Lists events, the newest first.",
	    OPTIONS(list_options), run_list },
	{ "show", "[SEQ]", 0, 1,
	    "Shows one event with its headers and its payload.",
	    OPTIONS(show_options), run_show },
	{ "export", "[SEQ]", 0, 1,
	    "Writes events with their payloads as JSON lines, oldest first.",
	    OPTIONS(export_options), run_export },
	{ "stats", "", 0, 0, "Counts events by endpoint and type.",
	    OPTIONS(stats_options), run_stats },
};

int
main(int argc, char **argv)
{
	static const struct program program = { "eyelet-event",
		"Looks at the events that were accepted.", commands,
		NITEMS(commands) };

	return command_main(&program, argc, argv);
}
