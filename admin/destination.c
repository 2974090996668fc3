/* destination.c: eyelet-destination: where events are delivered to. */
#include <stdio.h>
#include <string.h>

#include "admin/call.h"
#include "admin/destination_name.h"
#include "admin/destination_settings.h"
#include "admin/destination_test.h"
#include "admin/output.h"
#include "admin/terminal.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/model/destination.h"

#define SETTINGS                                                               \
	{ "url", "URL", "post events there, as https://", false },             \
	    { "command", "PATH",                                               \
		    "or hand them to this program, with the ARGs", false },    \
	    { "title", "TEXT", "a name for people", false },                   \
	    { "endpoints", "NAMES",                                            \
		    "whose events, such as 'shop,till'; else "                 \
		    "all but eyelet's own",                                    \
		    false },                                                   \
	    { "events", "PATTERNS",                                            \
		    "which types, such as 'order.*,!order.draft'", false },    \
	    { "tests", NULL, "test events, too", false },                      \
	    { "sign", "SCHEME",                                                \
		    "how requests are signed, else standard-webhooks; none",   \
		    false },                                                   \
	    { "retry", "PLAN",                                                 \
		    "nomos, nimbus, nolxy, svix, days3 (if not given), none, " \
		    "or a list such as 5s,5m,2h",                              \
		    false },                                                   \
	    { "timeout", "DURATION", "of one attempt", false },                \
	    { "concurrency", "NUMBER", "attempts at a time", false },          \
	    { "rate", "N/s", "attempts a second; 0: no limit", false },        \
	    { "order", "none|strict|key:SOURCE",                               \
		    "what waits for a failed one: nothing, all, or all with "  \
		    "its key, such as key:json:/data/id",                      \
		    false },                                                   \
	    { "park-max", "NUMBER", "how many may wait behind failed ones",    \
		    false },                                                   \
	    { "disable-after", "DURATION",                                     \
		    "of nothing but failures, such as 5d", false },            \
	    { "header", "NAME: @FILE",                                         \
		    "one more header, its value from a file", true },          \
	    { "forward-header", "NAME", "pass this one of the event on",       \
		    true },                                                    \
	    { "auth-file", "FILE",                                             \
		    "has 'basic USER:PASSWORD' or 'bearer TOKEN'", false },    \
	    { "client-cert", "FILE", "PEM, shown to the receiver", false },    \
	    { "client-key", "FILE", "PEM, of that", false },                   \
	    { "ca", "FILE", "PEM, trusted instead of the system's", false },   \
	    { "allow-net", "ADDRESSES",                                        \
		    "private addresses and blocks that may be reached",        \
		    false },                                                   \
	    { "allow-http", NULL, "http:// URLs, too", false },                \
	{                                                                      \
		"proxy", "URL", "by way of http://HOST:PORT", false            \
	}

#define IF_GEN                                                              \
	{                                                                   \
		"if-gen", "NUMBER", "only if this is still the generation", \
		    false                                                   \
	}

static const struct option_row add_options[] = {
	SETTINGS,
	{ "secret-file", "FILE",
	    "the secret to sign with; -: stdin; without: generated", false },
	{ "from", "now|start|TIME|seq:N", "the first event that it gets",
	    false },
};

static const struct option_row edit_options[] = {
	SETTINGS,
	{ "no-tests", NULL, "no test events any more", false },
	{ "require-https", NULL, "https:// URLs only", false },
	IF_GEN,
};

static const struct option_row list_options[] = {
	{ "removed", NULL, "the removed ones, too", false },
};

static const struct option_row state_options[] = { IF_GEN };

static const struct option_row disable_options[] = {
	{ "why", "TEXT", "for the audit trail, and for show", false },
	IF_GEN,
};

static const struct option_row test_options[] = {
	{ "type", "TYPE", "of the event, else the scheme's test type", false },
};

static const struct option_row remove_options[] = {
	{ "yes", NULL, "do not ask", false },
	IF_GEN,
};

/* --- add ------------------------------------------------------------------ */

/* What a new secret is for. */
static void
tell_secret(const struct json *row)
{
	if (json_text(json_get(row, "value")) == NULL)
		return;
	fflush(stdout);
	fputs("Give the value to the receiver: requests are signed with it. "
	      "eyelet-secret reveal --destination shows it again.\n",
	    stderr);
}

/* A call that says where deliveries go. */
struct placing {
	struct call call;
	struct destination_place place;
};

static int
tell_added(void *arg, const struct json *row, struct err *err)
{
	struct placing *p = arg;
	static const struct field fields[] = {
		{ "destination", "destination", FIELD_PLAIN, NULL },
		{ "url", "url", FIELD_PLAIN, NULL },
		{ "command", "command", FIELD_LIST, NULL },
		{ "sign", "signed by", FIELD_PLAIN, NULL },
		{ "secret", "secret", FIELD_PLAIN, NULL },
		{ "value", "value", FIELD_PLAIN, NULL },
	};

	if (destination_place_take(&p->place, row, err) < 0)
		return -1;
	if (p->call.line->json) {
		call_print_row(&p->call);
		return 0;
	}
	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	tell_secret(row);
	return 0;
}

/* What is wrong with the name is said when all is done: that takes a while. */
static int
placing_send(struct placing *p,
    int (*tell)(void *arg, const struct json *row, struct err *err),
    struct err *err)
{
	p->call.people = tell;
	p->call.arg = p;
	p->call.scripts_too = true;
	if (call_send(&p->call, err) < 0)
		return -1;
	fflush(stdout);
	destination_place_warn(&p->place, p->call.line->program->name);
	return 0;
}

static void
placing_end(struct placing *p)
{
	call_end(&p->call);
	destination_place_free(&p->place);
}

static int
run_add(struct command_line *line, struct err *err)
{
	struct placing p = { .place = { NULL, NULL } };
	struct call *c = &p.call;
	int ret = -1;

	if (call_begin(c, line, "destination.add", err) < 0)
		goto out;
	if (!command_has(line, "url") && !command_has(line, "command")) {
		err_set(err, ERR_USAGE,
		    "--url or --command is missing: where events go");
		goto out;
	}
	json_write_bytes(&c->w, "destination", span_str(line->operands[0]));
	if (destination_put_settings(c, err) == 0 &&
	    call_put_from(c, err) == 0 && call_put_secret(c, err) == 0)
		ret = placing_send(&p, tell_added, err);
out:
	placing_end(&p);
	return ret;
}

/* --- list, show ----------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ "NAME", false, NULL },
	{ "STATE", false, NULL },
	{ "TARGET", false, NULL },
	{ "BEHIND", true, NULL },
	{ "OLDEST", true, NULL },
	{ "PENDING", true, NULL },
	{ "RETRYING", true, NULL },
	{ "PARKED", true, NULL },
	{ "DEAD", true, NULL },
};

/* How old the oldest event is that the destination is still to get. */
static int
put_oldest(struct table *t, const struct json *waiting, struct err *err)
{
	char age[TEXT_TIME_MAX] = "-";
	int64_t for_s = -1;

	if (json_opt_int(waiting, "for_s", &for_s, err) < 0)
		return -1;
	if (for_s >= 0)
		text_duration(age, for_s);
	return table_puts(t, age, err);
}

static int
list_row(void *arg, const struct json *row, struct err *err)
{
	struct table *t = arg;
	const struct json *counts = json_get(row, "counts");
	const struct json *target = json_get(row, "url");

	if (json_text(target) == NULL)
		target = json_first(json_get(row, "command"));
	if (table_put_json(t, json_get(row, "destination"), err) < 0 ||
	    table_put_json(t, json_get(row, "state"), err) < 0 ||
	    table_put_json(t, target, err) < 0 ||
	    table_put_json(t, json_get(row, "behind"), err) < 0 ||
	    put_oldest(t, json_get(row, "oldest_waiting"), err) < 0 ||
	    table_put_json(t, json_get(counts, "pending"), err) < 0 ||
	    table_put_json(t, json_get(counts, "retrying"), err) < 0 ||
	    table_put_json(t, json_get(counts, "parked"), err) < 0)
		return -1;
	return table_put_json(t, json_get(counts, "dead"), err);
}

static int
run_list(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, list_columns, NITEMS(list_columns));
	if (call_begin(&c, line, "destination.list", err) < 0)
		goto out;
	call_put_flag(&c, "removed", "removed");
	c.people = list_row;
	c.arg = &t;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json && table_is_empty(&t))
		fputs("There are no destinations yet: eyelet-destination add "
		      "NAME --url URL\n",
		    stderr);
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

static const struct field show_fields[] = {
	{ "destination", "destination", FIELD_PLAIN, NULL },
	{ "state", "state", FIELD_PLAIN, NULL },
	{ "why", "because", FIELD_PLAIN, NULL },
	{ "deliveries_held", "held", FIELD_PLAIN, NULL },
	{ "title", "title", FIELD_PLAIN, NULL },
	{ "url", "url", FIELD_PLAIN, NULL },
	{ "command", "command", FIELD_LIST, NULL },
	{ "endpoints", "endpoints", FIELD_PLAIN, "all but eyelet's own" },
	{ "events", "events", FIELD_PLAIN, "all" },
	{ "tests", "tests", FIELD_PLAIN, NULL },
	{ "sign", "signed by", FIELD_PLAIN, "nothing" },
	{ "retry", "retry", FIELD_PLAIN, NULL },
	{ "timeout", "timeout", FIELD_DURATION, NULL },
	{ "concurrency", "concurrency", FIELD_PLAIN, NULL },
	{ "rate", "rate", FIELD_PLAIN, NULL },
	{ "order", "order", FIELD_PLAIN, NULL },
	{ "park_max", "park max", FIELD_PLAIN, NULL },
	{ "disable_after", "disabled after", FIELD_DURATION, "never" },
	{ "headers", "headers", FIELD_LIST, NULL },
	{ "forward", "forwarded", FIELD_LIST, NULL },
	{ "auth", "auth", FIELD_PLAIN, NULL },
	{ "client_cert", "client cert", FIELD_PLAIN, NULL },
	{ "client_key", "client key", FIELD_PLAIN, NULL },
	{ "ca", "ca", FIELD_PLAIN, NULL },
	{ "allow_net", "allowed net", FIELD_PLAIN, NULL },
	{ "allow_http", "plain http", FIELD_PLAIN, NULL },
	{ "proxy", "proxy", FIELD_PLAIN, NULL },
	{ "created_at", "created", FIELD_PLAIN, NULL },
	{ "changed_at", "changed", FIELD_PLAIN, NULL },
	{ "generation", "generation", FIELD_PLAIN, NULL },
	{ "cursor", "next event", FIELD_PLAIN, NULL },
	{ "behind", "behind", FIELD_PLAIN, NULL },
	{ "oldest_waiting", "oldest waits", FIELD_PAIRS, NULL },
	{ "deliverer", "deliverer", FIELD_PLAIN, NULL },
	{ "counts", "deliveries", FIELD_PAIRS, NULL },
	{ "blocked_by", "blocked by", FIELD_PLAIN, NULL },
	{ "blocked_since", "since", FIELD_PLAIN, NULL },
	{ "last_failure", "last failure", FIELD_PAIRS, NULL },
};

static const struct field hold_fields[] = {
	{ "since", "holds since", FIELD_PLAIN, NULL },
	{ "bytes", "holds", FIELD_SIZE, NULL },
};

static const struct table_column secret_columns[] = {
	{ "SECRET", false, "secret" },
	{ "STATE", false, "state" },
	{ "CREATED", false, "created_at" },
	{ "UNTIL", false, "until" },
};

static int
show_row(void *arg, const struct json *row, struct err *err)
{
	const struct json *hold = json_get(row, "hold");

	(void)arg;
	if (fields_print(row, show_fields, NITEMS(show_fields), err) < 0 ||
	    fields_print(hold, hold_fields, NITEMS(hold_fields), err) < 0)
		return -1;
	return table_print_rows("\n", secret_columns, NITEMS(secret_columns),
	    json_get(row, "secrets"), err);
}

static int
run_show(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "destination.show", err) < 0)
		goto out;
	json_write_bytes(&c.w, "destination", span_str(line->operands[0]));
	c.people = show_row;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

/* --- edit, pause, resume, disable, remove --------------------------------- */

static int
tell_changed(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "destination", "destination", FIELD_PLAIN, NULL },
		{ "state", "state", FIELD_PLAIN, NULL },
		{ "secret", "secret", FIELD_PLAIN, NULL },
		{ "value", "value", FIELD_PLAIN, NULL },
		{ "generation", "generation", FIELD_PLAIN, NULL },
	};

	(void)arg;
	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	tell_secret(row);
	return 0;
}

static int
tell_edited(void *arg, const struct json *row, struct err *err)
{
	struct placing *p = arg;

	if (destination_place_take(&p->place, row, err) < 0)
		return -1;
	if (!p->call.line->json)
		return tell_changed(NULL, row, err);
	call_print_row(&p->call);
	return 0;
}

/* A call about one destination, with "if_gen". */
static int
begin_change(
    struct call *c, struct command_line *line, const char *op, struct err *err)
{
	if (call_begin(c, line, op, err) < 0)
		return -1;
	json_write_bytes(&c->w, "destination", span_str(line->operands[0]));
	c->people = tell_changed;
	return call_put_number(c, "if-gen", "if_gen", JSON_INT_MAX, err);
}

static int
run_edit(struct command_line *line, struct err *err)
{
	struct placing p = { .place = { NULL, NULL } };
	int ret = -1;

	if (begin_change(&p.call, line, "destination.edit", err) < 0)
		goto out;
	if (line->ngiven == (command_has(line, "if-gen") ? 1 : 0)) {
		err_set(err, ERR_USAGE,
		    "nothing to change: give at least one setting");
		goto out;
	}
	if (destination_put_settings(&p.call, err) < 0)
		goto out;
	/* Only what has to do with the place is worth the time. */
	if (command_has(line, "url") || command_has(line, "proxy") ||
	    command_has(line, "allow-net"))
		ret = placing_send(&p, tell_edited, err);
	else
		ret = call_send(&p.call, err);
out:
	placing_end(&p);
	return ret;
}

static int
run_state(struct command_line *line, const char *op, struct err *err)
{
	struct call c;
	int ret = -1;

	if (begin_change(&c, line, op, err) == 0) {
		call_put_text(&c, "why", "why");
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}

static int
run_pause(struct command_line *line, struct err *err)
{
	return run_state(line, "destination.pause", err);
}

static int
run_resume(struct command_line *line, struct err *err)
{
	return run_state(line, "destination.resume", err);
}

static int
run_disable(struct command_line *line, struct err *err)
{
	return run_state(line, "destination.disable", err);
}

static int
run_remove(struct command_line *line, struct err *err)
{
	char question[256];
	int answer = 0;

	if (!destination_name_ok(span_str(line->operands[0])))
		return err_set(err, ERR_NOTFOUND,
		    "there is no destination \"%s\"", line->operands[0]);
	snprintf(question, sizeof(question),
	    "Remove destination %s? What is not delivered to it yet goes to "
	    "the dead letters.",
	    line->operands[0]);
	if (!command_has(line, "yes"))
		answer = terminal_ask(question, err);
	return answer != 0 ? answer
			   : run_state(line, "destination.remove", err);
}

/* -------------------------------------------------------------------------- */

#define OPTIONS(rows) rows, NITEMS(rows)

static const struct command commands[] = {
	{ "add", "NAME [ARG ...]", 1, -1, "Adds a destination.",
	    OPTIONS(add_options), run_add },
	{ "list", "", 0, 0, "Lists the destinations and what waits for them.",
	    OPTIONS(list_options), run_list },
	{ "show", "NAME", 1, 1,
	    "Shows a destination, how far it is, and what went wrong.", NULL, 0,
	    run_show },
	{ "edit", "NAME [ARG ...]", 1, -1,
	    "Changes settings; an empty value goes back to the default.",
	    OPTIONS(edit_options), run_edit },
	{ "pause", "NAME", 1, 1, "Lets events wait in the log.",
	    OPTIONS(state_options), run_pause },
	{ "resume", "NAME", 1, 1,
	    "Delivers what waits, to a paused or disabled destination.",
	    OPTIONS(state_options), run_resume },
	{ "disable", "NAME", 1, 1,
	    "Takes a destination for broken; events wait in the log.",
	    OPTIONS(disable_options), run_disable },
	{ "test", "NAME", 1, 1,
	    "Sends a test event at once, and says how it was taken.",
	    OPTIONS(test_options), destination_test },
	{ "remove", "NAME", 1, 1,
	    "Removes a destination for good; what waits is dead.",
	    OPTIONS(remove_options), run_remove },
};

int
main(int argc, char **argv)
{
	static const struct program program = { "eyelet-destination",
		"Registers where events are delivered to.", commands,
		NITEMS(commands) };

	if (destination_is_command(argc, argv))
		return destination_become_command(argv);
	return command_main(&program, argc, argv);
}
