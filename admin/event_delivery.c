/* event_delivery.c: deliveries: listed, retried, skipped, parked, dropped. */
#include "admin/event_delivery.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/output.h"
#include "lib/base/near.h"
#include "lib/base/text.h"
#include "lib/base/util.h"

#define LIST_LIMIT 50 /* dead letters that list shows, newest first */

int
event_put_seqs(struct call *c, size_t first, struct err *err)
{
	const struct command_line *line = c->line;
	uint64_t seq;
	size_t i;

	if (line->noperands <= first)
		return 0;
	json_write_array(&c->w, "seqs");
	for (i = first; i < line->noperands; i++) {
		if (text_to_u64(span_str(line->operands[i]), JSON_INT_MAX, &seq,
			err) < 0 ||
		    seq == 0)
			return err_set(err, ERR_USAGE,
			    "\"%s\" is no seq (the number that list shows "
			    "first)",
			    line->operands[i]);
		json_write_uint(&c->w, NULL, seq);
	}
	json_write_close(&c->w);
	return 0;
}

/* --- as lines ------------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ "SEQ", true, "seq" },
	{ "ENDPOINT", false, "endpoint" },
	{ "TYPE", false, "type" },
	{ "ID", false, "id" },
	{ "DESTINATION", false, "destination" },
	{ "STATE", false, "state" },
	{ "TRIES", true, "attempts_made" },
	{ "LAST", false, "last_at" },
	{ "CODE", true, "last_status" },
	{ "NEXT", false, "next_at" },
	{ "REASON", false, "reason" },
	{ "WORDS", false, "words" },
};

int
event_deliveries(struct call *c, struct err *err)
{
	struct table t;
	int ret;

	table_init(&t, list_columns, NITEMS(list_columns));
	c->people = table_put_row;
	c->arg = &t;
	ret = call_send(c, err);
	if (ret == 0 && !c->line->json && table_is_empty(&t))
		fputs("There are no such deliveries.\n", stderr);
	table_print(&t);
	table_free(&t);
	return ret;
}

/* --- doing something with them -------------------------------------------- */

static const struct table_column one_columns[] = {
	{ "SEQ", true, "seq" },
	{ "DESTINATION", false, "destination" },
	{ "OUTCOME", false, "outcome" },
	{ "WAS", false, "was" },
	{ "STATE", false, "state" },
	{ "WORDS", false, "words" },
};

static const struct table_column many_columns[] = {
	{ "DESTINATION", false, "destination" },
	{ "OUTCOME", false, "outcome" },
	{ "DELIVERIES", true, "deliveries" },
};

struct acting {
	struct call call;
	struct table table;
	size_t rows;
	bool nothing; /* was done for one of them at least */
};

static int
take_row(void *arg, const struct json *row, struct err *err)
{
	struct acting *ac = arg;
	const char *outcome = json_text(json_get(row, "outcome"));

	ac->rows++;
	if (outcome != NULL && strcmp(outcome, "nothing") == 0)
		ac->nothing = true;
	if (!ac->call.line->json)
		return table_put_row(&ac->table, row, err);
	call_print_row(&ac->call);
	return 0;
}

/* Sends the call; a verdict of 1: nothing was done for some of them. */
static int
act(struct acting *ac, bool some, struct err *err)
{
	int ret;

	table_init(&ac->table, some ? one_columns : many_columns,
	    some ? NITEMS(one_columns) : NITEMS(many_columns));
	ac->table.whole = true;
	ac->call.people = take_row;
	ac->call.arg = ac;
	ac->call.scripts_too = true;
	ret = call_send(&ac->call, err);
	table_print(&ac->table);
	table_free(&ac->table);
	if (ret == 0 && ac->rows == 0)
		fputs("There are no such deliveries.\n", stderr);
	return ret < 0 ? -1 : ac->nothing;
}

int
event_retry(struct command_line *line, struct err *err)
{
	struct acting ac = { .rows = 0 };
	struct call *c = &ac.call;
	int ret = -1;

	if (call_begin(c, line, "delivery.retry", err) == 0 &&
	    event_put_seqs(c, 0, err) == 0) {
		call_put_text(c, "destination", "destination");
		call_put_text(c, "status", "status");
		ret = act(&ac, line->noperands > 0, err);
	}
	call_end(c);
	return ret;
}

/* Of one destination, as it is about what its order waits for. */
static int
act_at_one(struct command_line *line, const char *op, struct err *err)
{
	struct acting ac = { .rows = 0 };
	struct call *c = &ac.call;
	int ret = -1;

	if (!command_has(line, "destination"))
		return err_set(err, ERR_USAGE, "--destination NAME is missing");
	if (call_begin(c, line, op, err) == 0 &&
	    event_put_seqs(c, 0, err) == 0) {
		call_put_text(c, "destination", "destination");
		ret = act(&ac, true, err);
	}
	call_end(c);
	return ret;
}

int
event_skip(struct command_line *line, struct err *err)
{
	return act_at_one(line, "delivery.skip", err);
}

int
event_park(struct command_line *line, struct err *err)
{
	return act_at_one(line, "delivery.park", err);
}

/* --- dead letters --------------------------------------------------------- */

static int
refuse_options(struct command_line *line, const char *const *names, size_t n,
    struct err *err)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (command_has(line, names[i]))
			return err_set(err, ERR_USAGE,
			    "--%s has no place beside dead %s", names[i],
			    line->operands[0]);
	return 0;
}

static int
dead_list(struct command_line *line, struct err *err)
{
	static const char *const others[] = { "yes" };
	struct call c;
	int ret = -1;

	if (refuse_options(line, others, NITEMS(others), err) < 0)
		return -1;
	if (line->noperands > 1)
		return err_set(err, ERR_USAGE, "\"%s\" is one word too many",
		    line->operands[1]);
	if (call_begin(&c, line, "event.list", err) < 0)
		goto out;
	json_write_str(&c.w, "status", "dead");
	call_put_text(&c, "destination", "destination");
	call_put_text(&c, "reason", "reason");
	if (call_put_number(&c, "limit", "limit", JSON_INT_MAX, err) < 0)
		goto out;
	if (!command_has(line, "limit"))
		json_write_int(&c.w, "limit", LIST_LIMIT);
	ret = event_deliveries(&c, err);
out:
	call_end(&c);
	return ret;
}

static int
dead_act(struct command_line *line, const char *op, struct err *err)
{
	static const char *const others[] = { "limit" };
	struct acting ac = { .rows = 0 };
	struct call *c = &ac.call;
	int ret = -1;

	if (refuse_options(line, others, NITEMS(others), err) < 0)
		return -1;
	if (call_begin(c, line, op, err) == 0 &&
	    event_put_seqs(c, 1, err) == 0) {
		if (strcmp(op, "delivery.retry") == 0)
			json_write_str(&c->w, "status", "dead");
		call_put_text(c, "destination", "destination");
		call_put_text(c, "reason", "reason");
		ret = act(&ac, line->noperands > 1, err);
	}
	call_end(c);
	return ret;
}

static int
dead_retry(struct command_line *line, struct err *err)
{
	static const char *const others[] = { "yes" };

	if (refuse_options(line, others, NITEMS(others), err) < 0)
		return -1;
	return dead_act(line, "delivery.retry", err);
}

int
event_ask(const char *question, struct err *err)
{
	char answer[16] = "";

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return err_set(err, ERR_USAGE,
		    "it asks on a terminal before it drops: without one give "
		    "--yes");
	fputs(question, stderr);
	if (fgets(answer, sizeof(answer), stdin) != NULL &&
	    (answer[0] == 'y' || answer[0] == 'Y'))
		return 0;
	fputs("Nothing was dropped.\n", stderr);
	return 1;
}

static int
dead_drop(struct command_line *line, struct err *err)
{
	int answer = 0;

	if (!command_has(line, "yes"))
		answer = event_ask(
		    "Drop these dead letters? Their events are sent again by "
		    "replay alone, while the log has them. [y/N] ",
		    err);
	return answer != 0 ? answer : dead_act(line, "delivery.drop", err);
}

static const struct {
	const char *word;
	int (*run)(struct command_line *line, struct err *err);
} words[] = {
	{ "list", dead_list },
	{ "retry", dead_retry },
	{ "drop", dead_drop },
};

int
event_dead(struct command_line *line, struct err *err)
{
	const char *word = line->operands[0];
	struct near near = NEAR_INIT;
	size_t i;

	for (i = 0; i < NITEMS(words); i++) {
		if (strcmp(words[i].word, word) == 0)
			return words[i].run(line, err);
		near_try(&near, span_str(word), words[i].word);
	}
	return err_set(err, ERR_USAGE, "dead takes %s%s%s%s", DEAD_OPERANDS,
	    near.word == NULL ? "" : ": did you mean \"",
	    near.word == NULL ? "" : near.word, near.word == NULL ? "" : "\"?");
}
