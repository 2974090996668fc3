/* event_prune.c: applies retention now. */
#include "admin/event.h"

#include <stdio.h>

#include "admin/output.h"
#include "lib/util.h"

static const struct table_column held_columns[] = {
	{ "HELD BY", false, "holder" },
	{ "NAME", false, "name" },
	{ "FROM SEQ", true, "seq" },
	{ "SINCE", false, "since" },
	{ "BYTES", true, "bytes" },
};

static int
show_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "segments_dropped", "segments dropped", FIELD_PLAIN, NULL },
	};
	const struct json *one = json_first(json_get(row, "held"));
	struct table t;
	int ret;

	(void)arg;
	table_init(&t, held_columns, NITEMS(held_columns));
	ret = fields_print(row, fields, NITEMS(fields), err);
	for (; one != NULL && ret == 0; one = json_next(one))
		ret = table_put_row(&t, one, err);
	if (ret == 0 && !table_is_empty(&t))
		putchar('\n');
	table_print(&t);
	table_free(&t);
	return ret;
}

int
event_prune(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "store.prune", err) == 0) {
		c.people = show_row;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}
