/* event_prune.c: applies retention now. */
#include "admin/event.h"

#include <stdio.h>

#include "admin/output.h"
#include "lib/base/util.h"

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

	(void)arg;
	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	return table_print_rows("\n", held_columns, NITEMS(held_columns),
	    json_get(row, "held"), err);
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
