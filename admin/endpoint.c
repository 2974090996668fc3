/* endpoint.c: eyelet-endpoint: the addresses that providers post to. */
#include <stdio.h>
#include <string.h>

#include "admin/call.h"
#include "admin/endpoint_explain.h"
#include "admin/endpoint_match.h"
#include "admin/endpoint_settings.h"
#include "admin/endpoint_test.h"
#include "admin/output.h"
#include "admin/terminal.h"
#include "lib/base/util.h"
#include "lib/model/endpoint.h"

#define SETTINGS                                                               \
	{ "scheme", "NAME", "how the provider signs: eyelet-scheme list",      \
		false },                                                       \
	    { "title", "TEXT", "a name for people", false },                   \
	    { "label", "NAME=VALUE", "a label; without VALUE none", true },    \
	    { "events", "PATTERNS",                                            \
		    "which types to keep, such as 'order.*,!order.draft'",     \
		    false },                                                   \
	    { "public-url", "URL", "the URL as registered with the provider",  \
		    false },                                                   \
	    { "allow-from", "ADDRESSES", "addresses and blocks that may post", \
		    false },                                                   \
	    { "rate", "NUMBER", "verified requests a second; 0: no limit",     \
		    false },                                                   \
	    { "max-body", "SIZE", "the largest body, such as 256k", false },   \
	    { "tolerance", "DURATION",                                         \
		    "how old a signature may be, instead of the scheme's",     \
		    false },                                                   \
	    { "expect-every", "DURATION",                                      \
		    "say so when nothing came for so long; 0: never", false }, \
	    { "expect-secret", "[MINUTES]",                                    \
		    "take the secret that the provider sends here; default "   \
		    "10, 0 ends the wait",                                     \
		    false },                                                   \
	    { "param", "NAME=@FILE",                                           \
		    "a constant that the scheme needs, from a file", true },   \
	    { "repeats", "scheme|never|types|always",                          \
		    "whether the same content may be another event", false },  \
	    { "repeat-within", "DURATION",                                     \
		    "how long the same content may come under other types",    \
		    false },                                                   \
	{                                                                      \
		"on-held", "hold|deliver|refuse",                              \
		    "what becomes of an event that may be a repeat", false     \
	}

#define IF_GEN                                                              \
	{                                                                   \
		"if-gen", "NUMBER", "only if this is still the generation", \
		    false                                                   \
	}

static const struct option_row add_options[] = {
	SETTINGS,
	{ "allow-http", NULL, "take requests without TLS, too", false },
	{ "secret-file", "FILE", "the secret to verify with; -: stdin", false },
};

static const struct option_row edit_options[] = {
	SETTINGS,
	{ "allow-http", NULL, "take requests without TLS, too", false },
	{ "require-https", NULL, "take requests over TLS only", false },
	IF_GEN,
};

static const struct option_row list_options[] = {
	{ "removed", NULL, "the removed ones, too", false },
};

static const struct option_row explain_options[] = {
	{ "secret-file", "FILE", "one more secret to try", false },
	{ "body-file", "FILE", "the body, instead of what stdin has", false },
	{ "at", "TIME", "when the request came, if not now", false },
};

static const struct option_row state_options[] = { IF_GEN };

static const struct option_row test_options[] = {
	{ "type", "TYPE", "of the event, else the scheme's test type", false },
	{ "url", "URL", "where to post, else the public URL", false },
	{ "ca-file", "FILE", "whose certificates to trust, else the system's",
	    false },
};

static const struct option_row remove_options[] = {
	{ "yes", NULL, "do not ask", false },
	IF_GEN,
};

/* --- add ------------------------------------------------------------------ */

static int
tell_added(void *arg, const struct json *row, struct err *err)
{
	const struct call *c = arg;
	const char *name = json_text(json_get(row, "endpoint"));
	const char *url = json_text(json_get(row, "public_url"));
	const char *config = c->line->config;
	static const struct field fields[] = {
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "scheme", "scheme", FIELD_PLAIN, NULL },
		{ "public_url", "url", FIELD_PLAIN, NULL },
		{ "path", "path", FIELD_PLAIN, NULL },
		{ "what_repeats", "repeats", FIELD_PLAIN, NULL },
		{ "secret", "secret", FIELD_PLAIN, "none yet" },
		{ "value", "value", FIELD_PLAIN, NULL },
	};

	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	fflush(stdout);
	if (url == NULL)
		fputs("Register the path above, at the https:// address of "
		      "your web server, with the provider.\n",
		    stderr);
	else
		fputs("Register the URL above with the provider.\n", stderr);
	if (json_text(json_get(row, "value")) != NULL)
		fputs("Give it the value above as the secret, too; "
		      "eyelet-secret reveal shows it again.\n",
		    stderr);
	if (json_text(json_get(row, "expects_secret_until")) != NULL) {
		fprintf(stderr,
		    "The endpoint takes the first secret that is sent to it "
		    "until %s. Check where it came from, then activate it; "
		    "until then its events are held:\n"
		    "    eyelet-secret%s%s show %s\n"
		    "    eyelet-secret%s%s activate %s\n",
		    json_text(json_get(row, "expects_secret_until")),
		    config == NULL ? "" : " -c ", config == NULL ? "" : config,
		    name, config == NULL ? "" : " -c ",
		    config == NULL ? "" : config, name);
	} else if (json_text(json_get(row, "secret")) == NULL) {
		fputs("Then give eyelet the secret that the provider shows "
		      "(requests are answered with 503 until then):\n",
		    stderr);
		fprintf(stderr,
		    "    eyelet-secret%s%s stage %s --secret-file FILE\n",
		    config == NULL ? "" : " -c ", config == NULL ? "" : config,
		    name);
	}
	return 0;
}

static int
run_add(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "endpoint.add", err) < 0)
		goto out;
	if (!command_has(line, "scheme")) {
		err_set(err, ERR_USAGE,
		    "--scheme is missing; eyelet-scheme list names them");
		goto out;
	}
	json_write_bytes(&c.w, "endpoint", span_str(line->operands[0]));
	if (endpoint_put_settings(&c, err) < 0 ||
	    endpoint_put_expected(&c, err) < 0 || call_put_secret(&c, err) < 0)
		goto out;
	c.people = tell_added;
	c.arg = &c;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

/* --- list, show ----------------------------------------------------------- */

static const struct table_column list_columns[] = {
	{ "NAME", false, NULL },
	{ "STATE", false, NULL },
	{ "SCHEME", false, NULL },
	{ "SECRETS", true, NULL },
	{ "ACCEPTED", true, NULL },
	{ "REFUSED", true, NULL },
	{ "HELD", true, NULL },
	{ "TITLE", false, NULL },
};

static int
list_row(void *arg, const struct json *row, struct err *err)
{
	struct table *t = arg;
	const struct json *counts = json_get(row, "counts");
	const struct json *held = json_get(row, "held");

	if (table_put_json(t, json_get(row, "endpoint"), err) < 0 ||
	    table_put_json(t, json_get(row, "state"), err) < 0 ||
	    table_put_json(t, json_get(row, "scheme"), err) < 0 ||
	    table_put_json(t, json_get(row, "secrets_live"), err) < 0 ||
	    table_put_json(t, json_get(counts, "accepted"), err) < 0 ||
	    table_put_json(t, json_get(counts, "refused"), err) < 0 ||
	    table_put_json(t, json_get(held, "count"), err) < 0)
		return -1;
	return table_put_json(t, json_get(row, "title"), err);
}

static int
run_list(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, list_columns, NITEMS(list_columns));
	if (call_begin(&c, line, "endpoint.list", err) < 0)
		goto out;
	call_put_flag(&c, "removed", "removed");
	c.people = list_row;
	c.arg = &t;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json && table_is_empty(&t))
		fputs("There are no endpoints yet: eyelet-endpoint add NAME "
		      "--scheme SCHEME\n",
		    stderr);
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

static const struct field show_fields[] = {
	{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
	{ "state", "state", FIELD_PLAIN, NULL },
	{ "title", "title", FIELD_PLAIN, NULL },
	{ "scheme", "scheme", FIELD_PLAIN, NULL },
	{ "path", "path", FIELD_PLAIN, NULL },
	{ "public_url", "public url", FIELD_PLAIN, NULL },
	{ "events", "events", FIELD_PLAIN, "all" },
	{ "allow_from", "allow from", FIELD_PLAIN, "anywhere" },
	{ "allow_http", "plain http", FIELD_PLAIN, NULL },
	{ "rate", "rate", FIELD_PLAIN, NULL },
	{ "body_max", "max body", FIELD_SIZE, "as configured" },
	{ "tolerance", "tolerance", FIELD_DURATION, "the scheme's" },
	{ "expect_every", "expect every", FIELD_DURATION, "never" },
	{ "repeats", "repeats", FIELD_PLAIN, NULL },
	{ "repeat_within", "repeat within", FIELD_DURATION, "1h" },
	{ "on_held", "on held", FIELD_PLAIN, NULL },
	{ "expects_secret_until", "expects secret", FIELD_PLAIN, NULL },
	{ "what_repeats", "what repeats", FIELD_PLAIN, NULL },
	{ "labels", "labels", FIELD_PAIRS, NULL },
	{ "params", "params", FIELD_LIST, NULL },
	{ "created_at", "created", FIELD_PLAIN, NULL },
	{ "changed_at", "changed", FIELD_PLAIN, NULL },
	{ "generation", "generation", FIELD_PLAIN, NULL },
	{ "counts", "counts", FIELD_PAIRS, NULL },
	{ "held", "held now", FIELD_PAIRS, NULL },
};

static const struct table_column secret_columns[] = {
	{ "SECRET", false, "secret" },
	{ "STATE", false, "state" },
	{ "CREATED", false, "created_at" },
	{ "UNTIL", false, "until" },
	{ "LAST USED", false, "last_used_at" },
	{ "FROM", false, "from" },
	{ "FINGERPRINT", false, "fingerprint" },
};

static int
show_row(void *arg, const struct json *row, struct err *err)
{
	(void)arg;
	if (fields_print(row, show_fields, NITEMS(show_fields), err) < 0)
		return -1;
	return table_print_rows("\n", secret_columns, NITEMS(secret_columns),
	    json_get(row, "secrets"), err);
}

static int
run_show(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "endpoint.show", err) < 0)
		goto out;
	json_write_bytes(&c.w, "endpoint", span_str(line->operands[0]));
	c.people = show_row;
	ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

/* --- edit, enable, disable, remove ---------------------------------------- */

static int
tell_changed(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "state", "state", FIELD_PLAIN, NULL },
		{ "generation", "generation", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

/* A call about one endpoint, with "if_gen". */
static int
begin_change(
    struct call *c, struct command_line *line, const char *op, struct err *err)
{
	if (call_begin(c, line, op, err) < 0)
		return -1;
	json_write_bytes(&c->w, "endpoint", span_str(line->operands[0]));
	c->people = tell_changed;
	return call_put_number(c, "if-gen", "if_gen", JSON_INT_MAX, err);
}

static int
run_edit(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (begin_change(&c, line, "endpoint.edit", err) < 0)
		goto out;
	if (line->ngiven == (command_has(line, "if-gen") ? 1 : 0)) {
		err_set(err, ERR_USAGE,
		    "nothing to change: give at least one setting");
		goto out;
	}
	if (endpoint_put_settings(&c, err) == 0 &&
	    endpoint_put_expected(&c, err) == 0)
		ret = call_send(&c, err);
out:
	call_end(&c);
	return ret;
}

static int
run_state(struct command_line *line, const char *op, struct err *err)
{
	struct call c;
	int ret = -1;

	if (begin_change(&c, line, op, err) == 0)
		ret = call_send(&c, err);
	call_end(&c);
	return ret;
}

static int
run_enable(struct command_line *line, struct err *err)
{
	return run_state(line, "endpoint.enable", err);
}

static int
run_disable(struct command_line *line, struct err *err)
{
	return run_state(line, "endpoint.disable", err);
}

static int
run_remove(struct command_line *line, struct err *err)
{
	char question[256];
	int answer = 0;

	if (!endpoint_name_ok(span_str(line->operands[0])))
		return err_set(err, ERR_NOTFOUND, "there is no endpoint \"%s\"",
		    line->operands[0]);
	snprintf(question, sizeof(question),
	    "Remove endpoint %s? Requests to it get status 404 from then on; "
	    "its events stay.",
	    line->operands[0]);
	if (!command_has(line, "yes"))
		answer = terminal_ask(question, err);
	return answer != 0 ? answer : run_state(line, "endpoint.remove", err);
}

/* --- rename --------------------------------------------------------------- */

static int
tell_renamed(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "path", "path", FIELD_PLAIN, NULL },
		{ "generation", "generation", FIELD_PLAIN, NULL },
	};

	(void)arg;
	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	fflush(stdout);
	fputs("Requests to the old path get status 404 from now on: register "
	      "the path above, at the https:// address of your web server, "
	      "with the provider.\n",
	    stderr);
	return 0;
}

static int
run_rename(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (begin_change(&c, line, "endpoint.rename", err) == 0) {
		json_write_bytes(&c.w, "to", span_str(line->operands[1]));
		c.people = tell_renamed;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}

/* -------------------------------------------------------------------------- */

#define OPTIONS(rows) rows, NITEMS(rows)

static const struct command commands[] = {
	{ "add", "NAME", 1, 1, "Adds an endpoint.", OPTIONS(add_options),
	    run_add },
	{ "list", "", 0, 0, "Lists the endpoints.", OPTIONS(list_options),
	    run_list },
	{ "show", "NAME", 1, 1, "Shows an endpoint with its secrets' states.",
	    NULL, 0, run_show },
	{ "edit", "NAME", 1, 1,
	    "Changes settings; an empty value goes back to the default.",
	    OPTIONS(edit_options), run_edit },
	{ "rename", "NAME NEW-NAME", 2, 2,
	    "Gives an endpoint another name, and so another path.",
	    OPTIONS(state_options), run_rename },
	{ "match", "NAME TYPE...", 2, -1,
	    "Says which types are kept, and by which pattern.", NULL, 0,
	    endpoint_match },
	{ "test", "NAME", 1, 1,
	    "Signs a test event and posts it, as the provider would.",
	    OPTIONS(test_options), endpoint_test },
	{ "explain", "NAME", 1, 1, "Says why the request on stdin is refused.",
	    OPTIONS(explain_options), endpoint_explain },
	{ "enable", "NAME", 1, 1, "Lets a disabled endpoint accept again.",
	    OPTIONS(state_options), run_enable },
	{ "disable", "NAME", 1, 1,
	    "Answers requests to the endpoint with status 404.",
	    OPTIONS(state_options), run_disable },
	{ "remove", "NAME", 1, 1,
	    "Removes an endpoint for good; its events stay.",
	    OPTIONS(remove_options), run_remove },
};

int
main(int argc, char **argv)
{
	static const struct program program = { "eyelet-endpoint",
		"Registers the addresses that providers post to.", commands,
		NITEMS(commands) };

	return command_main(&program, argc, argv);
}
