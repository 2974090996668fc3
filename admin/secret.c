/* secret.c: eyelet-secret: the signing secrets of endpoints and
 * destinations. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/call.h"
#include "admin/output.h"
#include "lib/base/util.h"
#include "lib/model/secret.h"

#define SECRET_FILE                                                       \
	{                                                                 \
		"secret-file", "FILE",                                    \
		    "the new secret; -: stdin; without: generated", false \
	}
#define DESTINATION                                                   \
	{                                                             \
		"destination", NULL, "NAME is a destination's", false \
	}
#define IF_GEN                                                              \
	{                                                                   \
		"if-gen", "NUMBER", "only if this is still the generation", \
		    false                                                   \
	}
#define DROP_OLDEST                                                           \
	{                                                                     \
		"drop-oldest", NULL,                                          \
		    "revoke the oldest, where there are three already", false \
	}
#define GRACE                                                                \
	{ "grace", "DURATION",                                               \
		"how long the one before still verifies: 0 to 7d, else 24h", \
		false },                                                     \
	{                                                                    \
		"now", NULL, "the same as --grace 0", false                  \
	}

static const struct option_row show_options[] = { DESTINATION };
static const struct option_row stage_options[] = { DESTINATION, SECRET_FILE,
	DROP_OLDEST, IF_GEN };
static const struct option_row activate_options[] = { DESTINATION, GRACE,
	IF_GEN };
static const struct option_row rotate_options[] = { DESTINATION, SECRET_FILE,
	GRACE, DROP_OLDEST, IF_GEN };
static const struct option_row extend_options[] = {
	DESTINATION,
	{ "grace", "DURATION",
	    "how long from now it still verifies: at most 7d, else 24h",
	    false },
	IF_GEN,
};
static const struct option_row expire_options[] = { DESTINATION, IF_GEN };
static const struct option_row suspects_options[] = {
	DESTINATION,
	{ "since", "TIME", "received from then on: RFC 3339, or 2h ago",
	    false },
	{ "until", "TIME", "received before then", false },
	{ "limit", "NUMBER", "at most so many, else all", false },
};
static const struct option_row revoke_options[] = {
	DESTINATION,
	{ "replace", NULL,
	    "put a new one in its place: --secret-file, or the staged one, "
	    "or a generated one",
	    false },
	SECRET_FILE,
	IF_GEN,
};

static bool
is_destination(const struct command_line *line)
{
	return command_has(line, "destination");
}

/* Whose they are, and where it is given the secret. */
static int
begin(
    struct call *c, struct command_line *line, const char *op, struct err *err)
{
	if (call_begin(c, line, op, err) < 0)
		return -1;
	json_write_bytes(&c->w,
	    is_destination(line) ? "destination" : "endpoint",
	    span_str(line->operands[0]));
	if (line->noperands > 1)
		json_write_bytes(&c->w, "secret", span_str(line->operands[1]));
	return 0;
}

/* --- show, reveal --------------------------------------------------------- */

static const struct table_column show_columns[] = {
	{ "SECRET", false, "secret" },
	{ "STATE", false, "state" },
	{ "CREATED", false, "created_at" },
	{ "ACTIVATED", false, "activated_at" },
	{ "UNTIL", false, "until" },
	{ "REVOKED", false, "revoked_at" },
	{ "LAST USED", false, "last_used_at" },
	{ "FROM", false, "from" },
	{ "FINGERPRINT", false, "fingerprint" },
};

static int
run_show(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, show_columns, NITEMS(show_columns));
	if (begin(&c, line, "secret.show", err) < 0)
		goto out;
	c.people = table_put_row;
	c.arg = &t;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json && table_is_empty(&t)) {
		fprintf(stderr, "It has none yet: eyelet-secret stage %s%s\n",
		    is_destination(line) ? "--destination " : "",
		    line->operands[0]);
		if (!is_destination(line))
			fprintf(stderr,
			    "Where the provider sends it to the endpoint "
			    "itself (asana, notion), wait for it: "
			    "eyelet-endpoint edit %s --expect-secret\n",
			    line->operands[0]);
	}
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

/* The value alone, so that it can go into a file. */
static int
print_value(void *arg, const struct json *row, struct err *err)
{
	const char *value = json_text(json_get(row, "value"));

	(void)arg;
	if (value == NULL || json_get(row, "value_b64") != NULL)
		return err_set(err, ERR_INPUT,
		    "the secret is no text: --json has it as value_b64");
	printf("%s\n", value);
	return 0;
}

static int
run_reveal(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (begin(&c, line, "secret.reveal", err) == 0) {
		c.people = print_value;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}

/* --- changes -------------------------------------------------------------- */

/* What is to be done with a new value, and then with a staged one. */
static void
tell_next(const struct call *c, const struct json *row)
{
	const char *state = json_text(json_get(row, "state"));
	const char *config = c->line->config;
	bool destination = is_destination(c->line);

	if (json_text(json_get(row, "value")) != NULL)
		fprintf(stderr,
		    "Give the value to the %s; eyelet-secret reveal%s shows it "
		    "again.\n",
		    destination ? "receiver" : "provider",
		    destination ? " --destination" : "");
	if (state == NULL || strcmp(state, "staged") != 0)
		return;
	fprintf(stderr, "%s:\n    eyelet-secret%s%s activate %s%s %s\n",
	    destination
		? "It signs nothing yet. Once the receiver takes it"
		: "It verifies already. Once the provider signs with it",
	    config == NULL ? "" : " -c ", config == NULL ? "" : config,
	    destination ? "--destination " : "", c->line->operands[0],
	    json_text(json_get(row, "secret")));
}

static int
tell_changed(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "endpoint", "endpoint", FIELD_PLAIN, NULL },
		{ "destination", "destination", FIELD_PLAIN, NULL },
		{ "secret", "secret", FIELD_PLAIN, NULL },
		{ "state", "state", FIELD_PLAIN, NULL },
		{ "until", "until", FIELD_PLAIN, NULL },
		{ "value", "value", FIELD_PLAIN, NULL },
		{ "replaced_by", "replaced by", FIELD_PLAIN, NULL },
		{ "previous", "previous", FIELD_PLAIN, NULL },
		{ "previous_until", "its end", FIELD_PLAIN, NULL },
		{ "previous_last_used_at", "last used", FIELD_PLAIN, NULL },
		{ "dropped", "dropped", FIELD_PLAIN, NULL },
		{ "released", "released", FIELD_PLAIN, NULL },
		{ "generation", "generation", FIELD_PLAIN, NULL },
	};

	if (fields_print(row, fields, NITEMS(fields), err) < 0)
		return -1;
	fflush(stdout);
	tell_next(arg, row);
	return 0;
}

/* All options of changes; a verb's table says which ones it has. */
static int
put_options(struct call *c, struct err *err)
{
	if (command_has(c->line, "now") && command_has(c->line, "grace"))
		return err_set(
		    err, ERR_USAGE, "--now and --grace exclude each other");
	if (command_has(c->line, "now"))
		json_write_int(&c->w, "grace_s", 0);
	call_put_flag(c, "drop-oldest", "drop_oldest");
	call_put_flag(c, "replace", "replace");
	if (call_put_duration(c, "grace", "grace_s", SECRET_GRACE_MAX_S, err) <
		0 ||
	    call_put_number(c, "if-gen", "if_gen", JSON_INT_MAX, err) < 0)
		return -1;
	return call_put_secret(c, err);
}

static int
change(struct command_line *line, const char *op, struct err *err)
{
	struct call c;
	int ret = -1;

	if (begin(&c, line, op, err) == 0 && put_options(&c, err) == 0) {
		c.people = tell_changed;
		c.arg = &c;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}

static int
run_stage(struct command_line *line, struct err *err)
{
	return change(line, "secret.stage", err);
}

static int
run_activate(struct command_line *line, struct err *err)
{
	return change(line, "secret.activate", err);
}

static int
run_rotate(struct command_line *line, struct err *err)
{
	return change(line, "secret.rotate", err);
}

static int
run_extend(struct command_line *line, struct err *err)
{
	return change(line, "secret.extend", err);
}

static int
run_expire(struct command_line *line, struct err *err)
{
	return change(line, "secret.expire", err);
}

static int
run_revoke(struct command_line *line, struct err *err)
{
	return change(line, "secret.revoke", err);
}

/* --- suspects ------------------------------------------------------------- */

static const struct table_column suspects_columns[] = {
	{ "SEQ", true, "seq" },
	{ "RECEIVED", false, "received_at" },
	{ "TYPE", false, "type" },
	{ "ID", false, "id" },
	{ "SIZE", true, "size" },
	{ "DUP", true, "duplicates" },
	{ "STATUS", false, "status" },
};

static int
run_suspects(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, suspects_columns, NITEMS(suspects_columns));
	if (begin(&c, line, "secret.suspects", err) < 0 ||
	    call_put_time(&c, "since", "since_ms", err) < 0 ||
	    call_put_time(&c, "until", "until_ms", err) < 0 ||
	    call_put_number(&c, "limit", "limit", JSON_INT_MAX, err) < 0)
		goto out;
	c.people = table_put_row;
	c.arg = &t;
	ret = call_send(&c, err);
	if (ret == 0 && !line->json && table_is_empty(&t))
		fputs("It verified no event that is still kept.\n", stderr);
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

/* -------------------------------------------------------------------------- */

#define OPTIONS(rows) rows, NITEMS(rows)

static const struct command commands[] = {
	{ "show", "NAME", 1, 1,
	    "Lists the secrets of an endpoint, without their values.",
	    OPTIONS(show_options), run_show },
	{ "reveal", "NAME [SECRET]", 1, 2,
	    "Prints the value of a live secret; the audit trail notes it.",
	    OPTIONS(show_options), run_reveal },
	{ "stage", "NAME", 1, 1,
	    "Adds a secret that verifies, beside the current one.",
	    OPTIONS(stage_options), run_stage },
	{ "activate", "NAME [SECRET]", 1, 2,
	    "Makes the staged secret the current one.",
	    OPTIONS(activate_options), run_activate },
	{ "rotate", "NAME", 1, 1,
	    "Adds a secret and makes it the current one at once.",
	    OPTIONS(rotate_options), run_rotate },
	{ "extend", "NAME [SECRET]", 1, 2,
	    "Lets the previous secret verify for longer.",
	    OPTIONS(extend_options), run_extend },
	{ "expire", "NAME [SECRET]", 1, 2, "Lets the previous secret end now.",
	    OPTIONS(expire_options), run_expire },
	{ "revoke", "NAME SECRET", 2, 2,
	    "Ends a secret now and for ever, wherever it is used.",
	    OPTIONS(revoke_options), run_revoke },
	{ "suspects", "NAME SECRET", 2, 2,
	    "Lists the events that a secret let in, oldest first.",
	    OPTIONS(suspects_options), run_suspects },
};

int
main(int argc, char **argv)
{
	static const struct program program = { "eyelet-secret",
		"Keeps the signing secrets of endpoints and destinations.",
		commands, NITEMS(commands) };

	return command_main(&program, argc, argv);
}
