/* event_stats.c: how many events of which type, in numbers and as bars. */
#include "admin/event.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/output.h"
#include "admin/terminal.h"
#include "lib/base/util.h"

/* 10000 kinds, and one more an endpoint, of less than 4 KiB each */
#define KINDS_BYTES_MAX (512 * 1024 * 1024)

static const struct table_column kind_columns[] = {
	{ "ENDPOINT", false, NULL },
	{ "TYPE", false, NULL },
	{ "EVENTS", true, NULL },
	{ "TESTS", true, NULL },
	{ "BYTES", true, NULL },
	{ "FIRST", false, NULL },
	{ "LAST", false, NULL },
};

static const struct table_column count_columns[] = {
	{ "ENDPOINT", false, NULL },
	{ "ACCEPTED", true, NULL },
	{ "DUPLICATE", true, NULL },
	{ "HELD", true, NULL },
	{ "IGNORED", true, NULL },
	{ "TEST", true, NULL },
	{ "REFUSED", true, NULL },
	{ "FAILED", true, NULL },
	{ "HELD NOW", true, NULL },
};

/* On a terminal: what the numbers look like. */
static const struct table_column bar_columns[] = {
	{ "ENDPOINT", false, NULL },
	{ "TYPE", false, NULL },
	{ "EVENTS", true, NULL },
	{ "", false, NULL },
};

/*
 * Two tables: events in the log, and requests as they were counted. The first
 * waits in lines, as a bar needs to know the longest.
 */
struct stats {
	struct call call;
	struct buf kinds;
	int64_t most;
	struct table counts;
};

static int
put_members(struct table *t, const struct json *row, const char *const *members,
    size_t nmembers, struct err *err)
{
	size_t i;

	for (i = 0; i < nmembers; i++)
		if (strcmp(members[i], "type") == 0 &&
		    json_true(json_get(row, "other_types"))) {
			if (table_puts(t, "(other types)", err) < 0)
				return -1;
		} else if (table_put_json(t, json_get(row, members[i]), err) <
			   0)
			return -1;
	return 0;
}

static int
take_row(void *arg, const struct json *row, struct err *err)
{
	static const char *const counters[] = { "accepted", "duplicate", "held",
		"ignored", "test", "refused", "failed" };
	const struct json *counts = json_get(row, "counts");
	struct stats *stats = arg;
	struct table *t = &stats->counts;
	int64_t events;

	if (counts != NULL)
		return table_put_json(t, json_get(row, "endpoint"), err) < 0 ||
			       put_members(t, counts, counters,
				   NITEMS(counters), err) < 0
			   ? -1
			   : table_put_json(t,
				 json_get(json_get(row, "held"), "count"), err);
	if (json_want_int(row, "events", &events, err) < 0 ||
	    buf_put_span(&stats->kinds, stats->call.row_text, err) < 0)
		return -1;
	if (events > stats->most)
		stats->most = events;
	return buf_putc(&stats->kinds, '\n', err);
}

static int
print_kinds(struct stats *stats, struct err *err)
{
	static const char *const members[] = { "endpoint", "type", "events",
		"tests", "bytes", "first_at", "last_at" };
	static const char *const barred[] = { "endpoint", "type", "events",
		"events" };
	struct span rest = buf_span(&stats->kinds), line;
	size_t columns = terminal_columns(STDOUT_FILENO);
	struct json *row = NULL;
	struct table t;
	int ret = 0;

	if (columns > 0) {
		table_init(&t, bar_columns, NITEMS(bar_columns));
		table_bars(&t, stats->most, columns);
	} else {
		table_init(&t, kind_columns, NITEMS(kind_columns));
	}
	while (ret == 0 && rest.len > 0) {
		line = span_of(rest.ptr, span_find(rest, '\n'));
		rest = span_skip(rest, line.len + 1);
		ret = json_parse(line, &row, err);
		if (ret == 0 && columns > 0)
			ret = put_members(&t, row, barred, NITEMS(barred), err);
		else if (ret == 0)
			ret =
			    put_members(&t, row, members, NITEMS(members), err);
		json_free(row);
		row = NULL;
	}
	table_print(&t);
	table_free(&t);
	return ret;
}

int
event_stats(struct command_line *line, struct err *err)
{
	struct stats stats = { .kinds = BUF_INIT(KINDS_BYTES_MAX) };
	int ret = -1;

	table_init(&stats.counts, count_columns, NITEMS(count_columns));
	if (call_begin(&stats.call, line, "event.stats", err) < 0 ||
	    event_put_filter(&stats.call, err) < 0)
		goto out;
	stats.call.people = take_row;
	stats.call.arg = &stats;
	ret = call_send(&stats.call, err);
	if (ret == 0 && !line->json)
		ret = print_kinds(&stats, err);
	if (ret == 0 && !line->json && !table_is_empty(&stats.counts)) {
		printf("%sRequests since the endpoint was made:\n",
		    stats.kinds.len > 0 ? "\n" : "");
		table_print(&stats.counts);
	}
out:
	table_free(&stats.counts);
	buf_free(&stats.kinds);
	call_end(&stats.call);
	return ret;
}
