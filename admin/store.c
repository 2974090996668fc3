/* store.c: eyelet-store: the store, as a whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/call.h"
#include "admin/output.h"
#include "admin/store_config.h"
#include "admin/store_init.h"
#include "admin/store_status.h"
#include "lib/base/util.h"

#define AUDIT_LIMIT 50 /* records that audit shows, the newest */

static const struct option_row init_options[] = {
	{ "user", "NAME", "whose the store is to be, such as www-data", false },
};

static const struct option_row audit_options[] = {
	{ "since", "TIME", "from then on: RFC 3339, or 2h ago", false },
	{ "limit", "NUMBER", "the newest so many, else 50; 0: all", false },
};

/* --- init ----------------------------------------------------------------- */

static int
tell_made(const struct command_line *line, const struct conf *cf,
    const struct store_made *made, struct err *err)
{
	static const struct field fields[] = {
		{ "store", "store", FIELD_PLAIN, NULL },
		{ "key_file", "key file", FIELD_PLAIN, NULL },
		{ "user", "user", FIELD_PLAIN, NULL },
	};
	struct buf text = BUF_INIT(CALL_MAX);
	struct json *row = NULL;
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &text, err);
	json_write_object(&w, NULL);
	json_write_bytes(&w, "store", span_str(cf->store));
	json_write_bytes(&w, "key_file", span_str(cf->key_file));
	json_write_str(&w, "user", made->user);
	json_write_bool(&w, "key_was_there", made->key_was_there);
	json_write_close(&w);
	if (json_write_done(&w) < 0 ||
	    json_parse(buf_span(&text), &row, err) < 0)
		goto out;
	if (line->json)
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	else if (fields_print(row, fields, NITEMS(fields), err) < 0)
		goto out;
	fflush(stdout);
	if (made->key_was_there)
		note(line->program->name, "the key that was there is used");
	fprintf(stderr,
	    "Back up the key file, apart from the store: without it no secret "
	    "can be read.\nNext, with the user that eyelet.fcgi runs as (%s) "
	    "or as root:\n    eyelet-endpoint%s%s add NAME --scheme SCHEME\n",
	    made->user, line->config == NULL ? "" : " -c ",
	    line->config == NULL ? "" : line->config);
	ret = 0;
out:
	json_free(row);
	buf_free(&text);
	return ret;
}

static int
run_init(struct command_line *line, struct err *err)
{
	struct store_made made;
	struct conf cf = { 0 };
	int ret = -1;

	if (conf_read(line->config, &cf, err) == 0 &&
	    store_init(&cf, command_option(line, "user", 0), &made, err) == 0)
		ret = tell_made(line, &cf, &made, err);
	conf_free(&cf);
	return ret;
}

/* --- check ---------------------------------------------------------------- */

struct checking {
	struct call call;
	int64_t problems;
};

static int
check_row(void *arg, const struct json *row, struct err *err)
{
	struct checking *ck = arg;
	struct span text = ck->call.row_text;
	const char *words = json_text(json_get(row, "problem"));

	if (json_get(row, "problems") != NULL &&
	    json_int(json_get(row, "problems"), &ck->problems, err) < 0)
		return -1;
	if (ck->call.line->json)
		printf("%.*s\n", (int)text.len, (const char *)text.ptr);
	else if (words != NULL)
		note(ck->call.line->program->name, "%s", words);
	else if (ck->problems == 0)
		puts("The store is as it should be.");
	else
		printf("%lld problems\n", (long long)ck->problems);
	return 0;
}

/* A verdict of 1 when something is wrong. */
static int
run_check(struct command_line *line, struct err *err)
{
	struct checking ck = { .problems = 0 };
	int ret = -1;

	if (call_begin(&ck.call, line, "store.check", err) == 0) {
		ck.call.people = check_row;
		ck.call.arg = &ck;
		ck.call.scripts_too = true;
		ret = call_send(&ck.call, err);
	}
	call_end(&ck.call);
	return ret < 0 ? -1 : ck.problems > 0;
}

/* --- audit, prune --------------------------------------------------------- */

static const struct table_column audit_columns[] = {
	{ "AT", false, "at" },
	{ "UID", true, "uid" },
	{ "WHO", false, "who" },
	{ "PROGRAM", false, "program" },
	{ "VERB", false, "verb" },
	{ "TARGET", false, "target" },
	{ "DETAIL", false, "detail" },
};

static int
run_audit(struct command_line *line, struct err *err)
{
	struct table t;
	struct call c;
	int ret = -1;

	table_init(&t, audit_columns, NITEMS(audit_columns));
	if (call_begin(&c, line, "store.audit", err) < 0 ||
	    call_put_time(&c, "since", "since_ms", err) < 0 ||
	    call_put_number(&c, "limit", "limit", JSON_INT_MAX, err) < 0)
		goto out;
	if (!command_has(line, "limit"))
		json_write_int(&c.w, "limit", AUDIT_LIMIT);
	c.people = table_put_row;
	c.arg = &t;
	ret = call_send(&c, err);
	table_print(&t);
out:
	table_free(&t);
	call_end(&c);
	return ret;
}

static int
prune_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "segments_dropped", "segments dropped", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

static int
run_prune(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "store.prune", err) == 0) {
		c.people = prune_row;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}

/* --- rekey ---------------------------------------------------------------- */

static int
rekey_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "key", "key", FIELD_PLAIN, NULL },
		{ "key_was", "before", FIELD_PLAIN, NULL },
		{ "endpoints", "endpoints", FIELD_PLAIN, NULL },
		{ "destinations", "destinations", FIELD_PLAIN, NULL },
		{ "secrets", "secrets", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

static int
run_rekey(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "store.rekey", err) == 0) {
		c.people = rekey_row;
		ret = call_send(&c, err);
		fflush(stdout);
		if (ret == 0)
			note(line->program->name,
			    "back up %s now: the key before it opens nothing "
			    "any more but older backups of the store",
			    c.conf.key_file);
	}
	call_end(&c);
	return ret;
}

/* --- accept-loss ---------------------------------------------------------- */

static int
loss_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "first_seq", "lost from", FIELD_PLAIN, NULL },
		{ "last_seq", "lost up to", FIELD_PLAIN, NULL },
		{ "events", "events at most", FIELD_PLAIN, NULL },
		{ "what", "because", FIELD_PLAIN, NULL },
		{ "file", "file", FIELD_PLAIN, NULL },
		{ "offset", "byte", FIELD_PLAIN, NULL },
		{ "durable", "was durable to", FIELD_PLAIN, NULL },
		{ "found", "ended at", FIELD_PLAIN, NULL },
		{ "kept", "logs kept in", FIELD_PLAIN, NULL },
		{ "damaged_events", "in segments", FIELD_PLAIN, NULL },
		{ "incomplete", "incomplete", FIELD_LIST, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

static int
run_accept_loss(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "store.accept-loss", err) == 0) {
		c.people = loss_row;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}

/* --- adopt ---------------------------------------------------------------- */

static int
adopt_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "store", "store", FIELD_PLAIN, NULL },
		{ "why", "was a copy", FIELD_PLAIN, NULL },
	};

	(void)arg;
	return fields_print(row, fields, NITEMS(fields), err);
}

static int
run_adopt(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "store.adopt", err) == 0) {
		c.people = adopt_row;
		ret = call_send(&c, err);
		fflush(stdout);
		if (ret == 0)
			note(line->program->name,
			    "the store is its own now, and its deliveries go "
			    "out: the original must not deliver any more");
	}
	call_end(&c);
	return ret;
}

/* --- clock ---------------------------------------------------------------- */

static const struct option_row clock_options[] = {
	{ "accept", NULL, "it is right: end the doubt", false },
};

struct clock_asked {
	struct call call;
	bool sure;
};

static int
clock_row(void *arg, const struct json *row, struct err *err)
{
	static const struct field fields[] = {
		{ "sure", "sure", FIELD_PLAIN, NULL },
		{ "wall_clock", "the clock", FIELD_PLAIN, NULL },
		{ "wall_at", "shows", FIELD_PLAIN, NULL },
		{ "floor_at", "last sure", FIELD_PLAIN, "never" },
		{ "judged_at", "judged by", FIELD_PLAIN, NULL },
		{ "left_s", "sure in", FIELD_DURATION, NULL },
		{ "age_s", "store's age", FIELD_DURATION, NULL },
	};
	struct clock_asked *asked = arg;

	asked->sure = json_true(json_get(row, "sure"));
	if (asked->call.line->json) {
		call_print_row(&asked->call);
		return 0;
	}
	return fields_print(row, fields, NITEMS(fields), err);
}

/* A verdict of 1 when the wall clock is in doubt. */
static int
run_clock(struct command_line *line, struct err *err)
{
	struct clock_asked asked = { .sure = false };
	struct call *c = &asked.call;
	int ret = -1;

	if (call_begin(c, line, "store.clock", err) == 0) {
		if (command_has(line, "accept"))
			json_write_bool(&c->w, "accept", true);
		c->people = clock_row;
		c->arg = &asked;
		c->scripts_too = true;
		ret = call_send(c, err);
	}
	call_end(c);
	if (ret < 0)
		return -1;
	return !asked.sure && !command_has(line, "accept");
}

/* -------------------------------------------------------------------------- */

#define OPTIONS(rows) rows, NITEMS(rows)

static const struct command commands[] = {
	{ "init", "", 0, 0, "Makes an empty store and the key for its secrets.",
	    OPTIONS(init_options), run_init },
	{ "status", "", 0, 0,
	    "Shows who owns the store, its sizes and its health.", NULL, 0,
	    store_run_status },
	{ "check", "", 0, 0, "Verifies every database, and ids against events.",
	    NULL, 0, run_check },
	{ "audit", "", 0, 0, "Lists who changed what, and when.",
	    OPTIONS(audit_options), run_audit },
	{ "rekey", "", 0, 0,
	    "Makes a new key, and seals all secrets and settings with it.",
	    NULL, 0, run_rekey },
	{ "accept-loss", "", 0, 0,
	    "Goes on without events that a damaged log has lost.", NULL, 0,
	    run_accept_loss },
	{ "adopt", "", 0, 0,
	    "Takes a copy for the store itself, so that it delivers.", NULL, 0,
	    run_adopt },
	{ "clock", "", 0, 0,
	    "Shows the clocks of the store; --accept ends a doubt.",
	    OPTIONS(clock_options), run_clock },
	{ "config", "", 0, 0,
	    "Shows the settings in force, and where each came from.", NULL, 0,
	    store_config },
	{ "reload", "", 0, 0,
	    "Makes all running programs read settings and schemes again.", NULL,
	    0, store_reload },
	{ "prune", "", 0, 0, "Drops what retention lets go, now.", NULL, 0,
	    run_prune },
};

int
main(int argc, char **argv)
{
	static const struct program program = { "eyelet-store",
		"Makes, watches and checks the store.", commands,
		NITEMS(commands) };

	return command_main(&program, argc, argv);
}
