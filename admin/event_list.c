/* event_list.c: events as lines: those there are, and those that come. */
#include "admin/event.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/event_delivery.h"
#include "admin/event_held.h"
#include "admin/output.h"
#include "lib/base/clock.h"
#include "lib/base/util.h"

#define LIST_LIMIT 50 /* events that list shows, newest first */
#define TAIL_LIMIT 10 /* events that tail begins with */
#define TAIL_LIMIT_MAX 100000
#define WAIT_MS 10000 /* that the owner waits for events in one call */
#define PAUSE_MS 1000 /* between two calls at least */

static const struct table_column list_columns[] = {
	{ "SEQ", true, "seq" },
	{ "RECEIVED", false, "received_at" },
	{ "ENDPOINT", false, "endpoint" },
	{ "TYPE", false, "type" },
	{ "ID", false, "id" },
	{ "SECRET", false, "secret" },
	{ "SIZE", true, "size" },
	{ "DUP", true, "duplicates" },
	{ "STATUS", false, "status" },
};

/* A status of deliveries, or a destination, makes a list of deliveries. */
static bool
wants_deliveries(const struct command_line *line)
{
	const char *status = command_option(line, "status", 0);

	return command_has(line, "destination") ||
	       (status != NULL && strcmp(status, "accepted") != 0 &&
		   strcmp(status, "test") != 0);
}

int
event_list(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, list_columns, NITEMS(list_columns));
	if (call_begin(&c, line, "event.list", err) < 0 ||
	    event_put_filter(&c, err) < 0 ||
	    call_put_number(&c, "limit", "limit", JSON_INT_MAX, err) < 0)
		goto out;
	if (!command_has(line, "limit"))
		json_write_int(&c.w, "limit", LIST_LIMIT);
	call_put_text(&c, "destination", "destination");
	if (event_held_wanted(line) || wants_deliveries(line)) {
		ret = event_held_wanted(line) ? event_held(&c, err)
					      : event_deliveries(&c, err);
		goto out;
	}
	c.people = table_put_row;
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

/* --- tail ----------------------------------------------------------------- */

struct tail {
	struct call call;
	struct table table;
	bool begun; /* the events that were there are out */
	uint64_t after; /* the last event that is dealt with */
	bool came; /* something did, in this call */
};

static int
tail_row(void *arg, const struct json *row, struct err *err)
{
	struct tail *t = arg;
	struct span text = t->call.row_text;
	int64_t seq;

	if (json_want_int(row, "seq", &seq, err) < 0)
		return -1;
	if (t->call.line->json) {
		fwrite(text.ptr, 1, text.len, stdout);
		putchar('\n');
	} else if (table_put_row(&t->table, row, err) < 0) {
		return -1;
	}
	/* The first ones are aligned together, later ones come one by one. */
	if (t->begun) {
		table_print(&t->table);
		fflush(stdout);
		t->after = (uint64_t)seq;
	}
	t->came = true;
	return 0;
}

/* One call: what is there, or, from the second on, what comes. */
static int
tail_once(struct tail *t, struct err *err)
{
	struct call *c = &t->call;
	int ret;

	call_again(c, "event.follow", err);
	if (event_put_filter(c, err) < 0)
		return -1;
	if (t->begun) {
		json_write_uint(&c->w, "after", t->after);
		json_write_int(&c->w, "wait_ms", WAIT_MS);
	} else if (!command_has(c->line, "limit")) {
		json_write_int(&c->w, "last", TAIL_LIMIT);
	} else if (call_put_number(c, "limit", "last", TAIL_LIMIT_MAX, err) <
		   0) {
		return -1;
	}
	t->came = false;
	ret = call_send(c, err);
	table_print(&t->table);
	fflush(stdout);
	if (ret == 0) {
		t->after = c->next - 1;
		t->begun = true;
	}
	return ret;
}

/* Nobody is there any more to read what may come. */
static bool
reader_is_gone(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO };

	return ferror(stdout) ||
	       (poll(&out, 1, 0) > 0 && (out.revents & (POLLERR | POLLHUP)));
}

/*
 * The owner holds each call until something comes or WAIT_MS are over. Where
 * it does not (too many wait, or it leaves) we come back after PAUSE_MS.
 */
static int
tail_on(struct tail *t, struct err *err)
{
	bool failed = false;
	int64_t began;

	while (!reader_is_gone()) {
		began = clock_ms();
		/* An owner that ended over a call will have an heir. */
		if (tail_once(t, err) == 0)
			failed = false;
		else if (err->code != ERR_AWAY || (failed && !t->came))
			return -1;
		else
			failed = true;
		if (clock_ms() - began < PAUSE_MS)
			poll(NULL, 0, (int)(began + PAUSE_MS - clock_ms()));
	}
	return 0;
}

int
event_tail(struct command_line *line, struct err *err)
{
	struct tail t = { .begun = false };
	int ret = -1;

	table_init(&t.table, list_columns, NITEMS(list_columns));
	if (command_has(line, "since") && command_has(line, "limit")) {
		err_set(err, ERR_USAGE,
		    "--since and --limit both say where to begin: give one");
		return -1;
	}
	if (call_begin(&t.call, line, "event.follow", err) < 0)
		goto out;
	t.call.people = tail_row;
	t.call.arg = &t;
	t.call.scripts_too = true;
	t.call.follows = command_has(line, "follow");
	ret = tail_once(&t, err);
	if (ret == 0 && t.call.follows)
		ret = tail_on(&t, err);
	else if (ret == 0 && !line->json && table_is_empty(&t.table))
		fputs("There are no such events.\n", stderr);
out:
	table_free(&t.table);
	call_end(&t.call);
	return ret;
}
