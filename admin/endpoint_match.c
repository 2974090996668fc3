/* endpoint_match.c: the verb match of eyelet-endpoint. */
#include "admin/endpoint_match.h"

#include "admin/call.h"
#include "admin/output.h"
#include "lib/base/util.h"

static const struct table_column match_columns[] = {
	{ "TYPE", false, NULL },
	{ "KEPT", false, NULL },
	{ "BECAUSE OF", false, NULL },
};

struct matching {
	struct call call;
	struct table table;
	bool all; /* so far, each is kept */
};

/* Why a type is kept or not, in words that end in the rule. */
static int
put_reason(struct table *t, const struct json *row, struct err *err)
{
	const char *rule = json_text(json_get(row, "rule"));
	const char *words = "a list of exclusions, none of which matches";

	if (json_true(json_get(row, "test")))
		words = "the scheme, which calls this a test event";
	else if (rule != NULL)
		words = rule;
	else if (json_text(json_get(row, "events")) == NULL)
		words = "no patterns, which keeps all";
	else if (span_str(json_text(json_get(row, "type"))).len == 0)
		words = "no type, which may be one that is kept";
	else if (!json_true(json_get(row, "selected")))
		words = "no pattern that matches";
	return table_put(t, span_str(words), err);
}

static int
match_row(void *arg, const struct json *row, struct err *err)
{
	struct matching *m = arg;
	bool selected = json_true(json_get(row, "selected"));

	m->all = m->all && selected;
	if (m->call.line->json) {
		call_print_row(&m->call);
		return 0;
	}
	if (table_put_json(&m->table, json_get(row, "type"), err) < 0 ||
	    table_puts(&m->table, selected ? "yes" : "no", err) < 0)
		return -1;
	return put_reason(&m->table, row, err);
}

static int
put_types(struct call *c, struct err *err)
{
	const struct command_line *line = c->line;
	size_t i;

	json_write_array(&c->w, "types");
	for (i = 1; i < line->noperands; i++) {
		if (!json_write_is_text(span_str(line->operands[i])))
			return err_set(
			    err, ERR_USAGE, "a TYPE must be UTF-8 text");
		json_write_bytes(&c->w, NULL, span_str(line->operands[i]));
	}
	json_write_close(&c->w);
	return 0;
}

int
endpoint_match(struct command_line *line, struct err *err)
{
	struct matching m = { .all = true };
	struct call *c = &m.call;
	int ret = -1;

	table_init(&m.table, match_columns, NITEMS(match_columns));
	if (call_begin(c, line, "endpoint.match", err) < 0)
		goto out;
	json_write_bytes(&c->w, "endpoint", span_str(line->operands[0]));
	if (put_types(c, err) < 0)
		goto out;
	c->people = match_row;
	c->arg = &m;
	c->scripts_too = true;
	ret = call_send(c, err);
	table_print(&m.table);
	if (ret == 0 && !m.all)
		ret = 1;
out:
	table_free(&m.table);
	call_end(c);
	return ret;
}
