/* event_read.c: events for a script that fetches them, by a named cursor. */
#include "admin/event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "admin/output.h"
#include "lib/base/near.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define READ_LIMIT 100
#define WAIT_MAX_S 60

/* --- read ----------------------------------------------------------------- */

struct reading {
	struct call call;
	uint64_t last_seq; /* of what was written; 0: nothing */
};

static int
take_row(void *arg, const struct json *row, struct err *err)
{
	struct reading *rd = arg;
	int64_t seq;

	if (json_want_int(row, "seq", &seq, err) < 0)
		return -1;
	rd->last_seq = (uint64_t)seq;
	call_print_row(&rd->call);
	return 0;
}

static int
fill(struct reading *rd, struct err *err)
{
	struct call *c = &rd->call;
	const char *wait = command_option(c->line, "wait", 0);
	int64_t wait_s;

	call_put_text(c, "cursor", "cursor");
	call_put_text(c, "endpoint", "endpoint");
	call_put_text(c, "type", "type");
	if (call_put_from(c, err) < 0 ||
	    call_put_number(c, "acked", "acked", JSON_INT_MAX, err) < 0 ||
	    call_put_number(c, "limit", "limit", JSON_INT_MAX, err) < 0)
		return -1;
	if (!command_has(c->line, "limit"))
		json_write_int(&c->w, "limit", READ_LIMIT);
	if (wait == NULL)
		return 0;
	if (text_to_duration_s(span_str(wait), &wait_s, err) < 0 ||
	    wait_s > WAIT_MAX_S)
		return err_set(
		    err, ERR_USAGE, "--wait: a duration of at most 1m");
	json_write_int(&c->w, "wait_ms", wait_s * 1000);
	return 0;
}

/* Only what has left us is acknowledged. */
static int
acknowledge(struct reading *rd, struct err *err)
{
	struct call *c = &rd->call;

	if (fflush(stdout) != 0 || ferror(stdout))
		return err_errno(
		    err, errno, "write the output; nothing was acknowledged");
	if (rd->last_seq == 0)
		return 0;
	call_again(c, "cursor.ack", err);
	call_put_text(c, "cursor", "cursor");
	json_write_uint(&c->w, "seq", rd->last_seq);
	c->people = NULL;
	return call_send(c, err);
}

static void
tell(const struct reading *rd)
{
	const struct call *c = &rd->call;
	const char *program = c->line->program->name;

	if (c->cut)
		note(program,
		    "events were dropped before they were acknowledged: they "
		    "were held as long as hold_max says");
	if (c->fresh && !command_has(c->line, "from"))
		note(program,
		    "this cursor is new: it begins with what comes from now "
		    "on, as no --from says otherwise");
}

int
event_read(struct command_line *line, struct err *err)
{
	struct reading rd = { .last_seq = 0 };
	struct call *c = &rd.call;
	int ret = -1;

	if (!command_has(line, "cursor"))
		return err_set(err, ERR_USAGE, "--cursor NAME is missing");
	if (call_begin(c, line, "event.read", err) < 0 || fill(&rd, err) < 0)
		goto out;
	c->people = take_row;
	c->arg = &rd;
	c->scripts_too = true;
	ret = call_send(c, err);
	if (ret == 0)
		tell(&rd);
	if (ret == 0 && command_has(line, "ack"))
		ret = acknowledge(&rd, err);
out:
	call_end(c);
	return ret;
}

/* --- cursor --------------------------------------------------------------- */

static const struct table_column cursor_columns[] = {
	{ "CURSOR", false, "cursor" },
	{ "SEQ", true, "seq" },
	{ "BEHIND", true, "behind" },
	{ "ENDPOINT", false, "endpoint" },
	{ "TYPE", false, "type" },
	{ "CREATED", false, "created_at" },
	{ "MOVED", false, "moved_at" },
};

static int
cursor_list(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, cursor_columns, NITEMS(cursor_columns));
	if (call_begin(&c, line, "cursor.list", err) == 0) {
		c.people = table_put_row;
		c.arg = &t;
		ret = call_send(&c, err);
	}
	if (ret == 0 && !line->json && table_is_empty(&t))
		fputs("There are no cursors.\n", stderr);
	table_print(&t);
	table_free(&t);
	call_end(&c);
	return ret;
}

static int
show_cursor(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "cursor", "cursor", FIELD_PLAIN, NULL },
		{ "seq", "next seq", FIELD_PLAIN, NULL },
		{ "state", "state", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

static int
cursor_act(struct command_line *line, const char *op, struct err *err)
{
	struct call c;
	uint64_t seq;
	int ret = -1;

	if (call_begin(&c, line, op, err) < 0)
		goto out;
	json_write_bytes(&c.w, "cursor", span_str(line->operands[1]));
	if (line->noperands > 2) {
		if (text_to_u64(span_str(line->operands[2]), JSON_INT_MAX, &seq,
			err) < 0 ||
		    seq == 0) {
			err_set(err, ERR_USAGE, "\"%s\" is no seq",
			    line->operands[2]);
			goto out;
		}
		json_write_uint(&c.w, "seq", seq);
	}
	c.people = show_cursor;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

static int
cursor_ack(struct command_line *line, struct err *err)
{
	return cursor_act(line, "cursor.ack", err);
}

static int
cursor_remove(struct command_line *line, struct err *err)
{
	return cursor_act(line, "cursor.remove", err);
}

static const struct {
	const char *word;
	size_t operands;
	int (*run)(struct command_line *line, struct err *err);
} words[] = {
	{ "list", 1, cursor_list },
	{ "ack", 3, cursor_ack },
	{ "remove", 2, cursor_remove },
};

int
event_cursor(struct command_line *line, struct err *err)
{
	const char *word = line->operands[0];
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(words); i++) {
		if (strcmp(words[i].word, word) == 0 &&
		    line->noperands == words[i].operands)
			return words[i].run(line, err);
		if (strcmp(words[i].word, word) != 0)
			near_try(&near, span_str(word), words[i].word);
	}
	return err_set(err, ERR_USAGE, "cursor takes %s%s%s%s", CURSOR_OPERANDS,
	    near.word == NULL ? "" : ": did you mean \"",
	    near.word == NULL ? "" : near.word, near.word == NULL ? "" : "\"?");
}
