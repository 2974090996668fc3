/* event_held.c: events that are held: listed, released, dropped. */
#include "admin/event_held.h"

#include <stdio.h>
#include <string.h>

#include "admin/event_delivery.h"
#include "admin/output.h"
#include "lib/base/util.h"
#include "lib/model/dedupe_rule.h"

/* --- as lines ------------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ "SEQ", true, "seq" },
	{ "RECEIVED", false, "received_at" },
	{ "ENDPOINT", false, "endpoint" },
	{ "TYPE", false, "type" },
	{ "ID", false, "id" },
	{ "DUP", true, "duplicates" },
	{ "STATUS", false, "status" },
	{ "REPEATS", true, "repeats" },
	{ "RELEASED", true, "released_as" },
	{ "EXPIRES", false, "expires_at" },
	{ "REASON", false, "held_reason" },
};

bool
event_held_wanted(const struct command_line *line)
{
	static const char *const statuses[] = { "held", "dropped", "released" };
	const char *status = command_option(line, "status", 0);
	size_t i;

	for (i = 0; status != NULL && i < NITEMS(statuses); i++)
		if (strcmp(status, statuses[i]) == 0)
			return true;
	return false;
}

int
event_held(struct call *c, struct err *err)
{
	struct table t;
	int ret;

	table_init(&t, list_columns, NITEMS(list_columns));
	c->people = table_put_row;
	c->arg = &t;
	ret = call_send(c, err);
	if (ret == 0 && !c->line->json && table_is_empty(&t))
		fputs("There are no such events.\n", stderr);
	table_print(&t);
	table_free(&t);
	return ret;
}

void
event_held_print_ways(const struct json *row)
{
	const char *status = json_text(json_get(row, "status"));
	const char *name = json_text(json_get(row, "endpoint"));
	const char *secret = json_text(json_get(row, "secret"));
	long long seq = (long long)json_number(json_get(row, "seq"));

	if (status == NULL || strcmp(status, "held") != 0)
		return;
	if ((int)json_number(json_get(row, "held_rule")) ==
		DEDUPE_RULE_SECRET &&
	    name != NULL && secret != NULL) {
		printf("\nIt was delivered to no destination. If the provider "
		       "sent the secret, as eyelet-secret show %s\ntells, "
		       "eyelet-secret activate %s %s makes events of all that "
		       "wait for it;\nelse eyelet-secret revoke %s %s, and "
		       "eyelet-event drop %lld gives this one up.\n",
		    name, name, secret, name, secret, seq);
		return;
	}
	printf("\nIt was delivered to no destination. If the provider sent it, "
	       "eyelet-event release %lld\nmakes an event of it; else "
	       "eyelet-event drop %lld gives it up.\n",
	    seq, seq);
}

/* --- doing something with them -------------------------------------------- */

static const struct table_column one_columns[] = {
	{ "SEQ", true, "seq" },
	{ "ENDPOINT", false, "endpoint" },
	{ "OUTCOME", false, "outcome" },
	{ "RELEASED", true, "released_as" },
	{ "WORDS", false, "words" },
};

static const struct table_column all_columns[] = {
	{ "ENDPOINT", false, "endpoint" },
	{ "OUTCOME", false, "outcome" },
	{ "EVENTS", true, "events" },
};

struct acting {
	struct call call;
	struct table table;
	bool nothing; /* was done for one of them at least */
};

static int
take_row(void *arg, const struct json *row, struct err *err)
{
	struct acting *ac = arg;
	const char *outcome = json_text(json_get(row, "outcome"));

	if (outcome != NULL && strcmp(outcome, "nothing") == 0)
		ac->nothing = true;
	if (!ac->call.line->json)
		return table_put_row(&ac->table, row, err);
	call_print_row(&ac->call);
	return 0;
}

static int
check(const struct command_line *line, struct err *err)
{
	bool all = command_has(line, "all");

	if (all != command_has(line, "endpoint"))
		return err_set(
		    err, ERR_USAGE, "--all and --endpoint NAME go together");
	if (all && line->noperands > 0)
		return err_set(err, ERR_USAGE,
		    "\"%s\" has no place beside --all", line->operands[0]);
	if (!all && line->noperands == 0)
		return err_set(err, ERR_USAGE,
		    "name the held events by their seqs, or give --all "
		    "--endpoint NAME");
	return 0;
}

/* A verdict of 1: nothing was done for some of them. */
static int
act(struct command_line *line, const char *op, struct err *err)
{
	struct acting ac = { .nothing = false };
	struct call *c = &ac.call;
	bool all = command_has(line, "all");
	int ret = -1;

	table_init(&ac.table, all ? all_columns : one_columns,
	    all ? NITEMS(all_columns) : NITEMS(one_columns));
	ac.table.whole = true;
	if (call_begin(c, line, op, err) == 0 &&
	    event_put_seqs(c, 0, err) == 0) {
		call_put_text(c, "endpoint", "endpoint");
		c->people = take_row;
		c->arg = &ac;
		c->scripts_too = true;
		ret = call_send(c, err);
	}
	/* What was done before it failed is done. */
	table_print(&ac.table);
	table_free(&ac.table);
	call_end(c);
	return ret < 0 ? -1 : ac.nothing;
}

int
event_release(struct command_line *line, struct err *err)
{
	if (check(line, err) < 0)
		return -1;
	return act(line, "event.release", err);
}

int
event_drop(struct command_line *line, struct err *err)
{
	int answer = 0;

	if (check(line, err) < 0)
		return -1;
	if (!command_has(line, "yes"))
		answer = event_ask("Drop these held events? They are never "
				   "delivered, and what repeats them stays a "
				   "duplicate. [y/N] ",
		    err);
	return answer != 0 ? answer : act(line, "event.drop", err);
}
