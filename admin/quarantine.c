/* quarantine.c: refused requests: listed, shown, explained, admitted. */
#include "admin/quarantine.h"

#include <stdio.h>
#include <string.h>

#include "admin/call.h"
#include "admin/explained.h"
#include "admin/output.h"
#include "admin/pretty.h"
#include "lib/base/near.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define LIST_LIMIT 50 /* requests that list shows, newest first */
#define BODY_ROOM (32 * 1024 * 1024)

/* --- list ----------------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ "NO", true, "no" },
	{ "REFUSED", false, "refused_at" },
	{ "ENDPOINT", false, "endpoint" },
	{ "STATUS", true, "status" },
	{ "AS", false, "refused_as" },
	{ "SIZE", true, "size" },
	{ "FROM", false, "from" },
	{ "WHY", false, "why" },
};

static int
run_list(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, list_columns, NITEMS(list_columns));
	if (call_begin(&c, line, "quarantine.list", err) < 0)
		goto out;
	call_put_text(&c, "endpoint", "endpoint");
	if (call_put_number(&c, "limit", "limit", JSON_INT_MAX, err) < 0)
		goto out;
	if (!command_has(line, "limit"))
		json_write_int(&c.w, "limit", LIST_LIMIT);
	c.people = table_put_row;
	c.arg = &t;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json && table_is_empty(&t))
		fputs("No refused request is kept.\n", stderr);
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

/* --- show, explain, admit ------------------------------------------------- */

static const struct field fields[] = {
	{ "no", "no", FIELD_PLAIN, NULL },
	{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
	{ "refused_at", "refused", FIELD_PLAIN, NULL },
	{ "status", "status", FIELD_PLAIN, NULL },
	{ "refused_as", "as", FIELD_PLAIN, NULL },
	{ "why", "why", FIELD_PLAIN, NULL },
	{ "from", "from", FIELD_PLAIN, NULL },
	{ "method", "method", FIELD_PLAIN, NULL },
	{ "path", "path", FIELD_PLAIN, NULL },
	{ "query", "query", FIELD_PLAIN, NULL },
	{ "size", "size", FIELD_PLAIN, NULL },
};

static int
print_body(const char *body, struct err *err)
{
	struct buf text = BUF_INIT(BODY_ROOM);
	bool is_text;
	int ret;

	ret = pretty_put(span_str(body), &text, &is_text, err);
	if (ret == 0 && is_text && text.len > 0) {
		putchar('\n');
		if (text.len > 0)
			fwrite(text.ptr, 1, text.len, stdout);
	}
	buf_free(&text);
	return ret;
}

static int
show_row(void *arg, const struct json *row, struct err *err)
{
	const struct json *one = json_first(json_get(row, "headers"));
	const char *body = json_text(json_get(row, "body"));
	struct buf text = BUF_INIT(BODY_ROOM);
	int ret = -1;

	(void)arg;
	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		goto out;
	if (one != NULL)
		putchar('\n');
	for (; one != NULL; one = json_next(one)) {
		buf_clear(&text);
		if (text_put_shown(&text, span_str(json_text(one)), err) < 0)
			goto out;
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	}
	if (body == NULL)
		puts("\nThe body was not kept as text.");
	else if (print_body(body, err) < 0)
		goto out;
	if (json_true(json_get(row, "cut")))
		puts("\nOf the body its first bytes were kept, and no more.");
	ret = 0;
out:
	buf_free(&text);
	return ret;
}

static int
explain_row(void *arg, const struct json *row, struct err *err)
{
	(void)arg;
	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	putchar('\n');
	explained_print(row);
	return 0;
}

static int
admit_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field admitted[] = {
		{ "no", "no", FIELD_PLAIN, NULL },
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "outcome", "outcome", FIELD_PLAIN, NULL },
		{ "seq", "seq", FIELD_PLAIN, NULL },
		{ "secret", "secret", FIELD_PLAIN, "-" },
		{ "age_s", "age", FIELD_DURATION, NULL },
		{ "window_waived", "window waived", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, admitted, NITEMS(admitted), err);
}

/* A call about the one that the second operand names. */
static int
run_one(struct command_line *line, const char *op,
    int (*people)(void *arg, const struct json *row, struct err *err),
    struct err *err)
{
	struct call c;
	uint64_t no;
	int ret = -1;

	if (line->noperands < 2)
		return err_set(err, ERR_USAGE,
		    "NO is missing: the number that list shows first");
	if (text_to_u64(span_str(line->operands[1]), JSON_INT_MAX, &no, err) <
		0 ||
	    no == 0)
		return err_set(err, ERR_USAGE,
		    "\"%s\" is no NO (the number that list shows first)",
		    line->operands[1]);
	if (line->ngiven > 0)
		return err_set(err, ERR_USAGE,
		    "NO names one request: options have no place beside it");
	if (call_begin(&c, line, op, err) < 0)
		goto out;
	json_write_uint(&c.w, "no", no);
	c.people = people;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

static int
run_show(struct command_line *line, struct err *err)
{
	return run_one(line, "quarantine.show", show_row, err);
}

static int
run_explain(struct command_line *line, struct err *err)
{
	return run_one(line, "quarantine.explain", explain_row, err);
}

static int
run_admit(struct command_line *line, struct err *err)
{
	return run_one(line, "quarantine.admit", admit_row, err);
}

/* -------------------------------------------------------------------------- */

static const struct {
	const char *word;
	size_t operands;
	int (*run)(struct command_line *line, struct err *err);
} words[] = {
	{ "list", 1, run_list },
	{ "show", 2, run_show },
	{ "explain", 2, run_explain },
	{ "admit", 2, run_admit },
};

int
quarantine_run(struct command_line *line, struct err *err)
{
	const char *word = line->operands[0];
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(words); i++) {
		if (strcmp(words[i].word, word) == 0) {
			if (line->noperands > words[i].operands)
				return err_set(err, ERR_USAGE,
				    "\"%s\" is one operand too many",
				    line->operands[words[i].operands]);
			return words[i].run(line, err);
		}
		near_try(&near, span_str(word), words[i].word);
	}
	return err_set(err, ERR_USAGE, "quarantine takes %s%s%s%s",
	    QUARANTINE_OPERANDS, near.word == NULL ? "" : ": did you mean \"",
	    near.word == NULL ? "" : near.word, near.word == NULL ? "" : "\"?");
}
