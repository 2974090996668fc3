/* store_config.c: the settings in force, shown and taken anew. */
#include "admin/store_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/call.h"
#include "admin/output.h"
#include "lib/base/util.h"

#define CELL_MAX 4096

/* --- config --------------------------------------------------------------- */

struct showing {
	struct call call;
	const char *named_by; /* who named the file */
	bool in_force; /* what is shown is the owner's */
	bool wrong; /* the file is, so that nothing is compared with it */
	size_t live, waiting; /* settings that differ from the file */
	struct table table;
	struct buf row;
};

/* The file's own value of one setting. */
struct looking {
	const char *name;
	char *text, *from; /* owned */
};

static int
look_at(void *arg, const struct conf_value *v, struct err *err)
{
	struct looking *lk = arg;

	if (strcmp(v->name, lk->name) != 0)
		return 0;
	lk->text = span_dup(span_str(v->text), err);
	lk->from = span_dup(span_str(v->from), err);
	return lk->text == NULL || lk->from == NULL ? -1 : 0;
}

static int
print_setting(struct showing *sh, const struct conf_value *v,
    const struct looking *file, struct err *err)
{
	struct json_write w;

	buf_clear(&sh->row);
	json_write_init(&w, &sh->row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "setting", v->name);
	json_write_bytes(&w, "value", span_str(v->text));
	json_write_bytes(&w, "from", span_str(v->from));
	json_write_str(&w, "named_by", sh->named_by);
	json_write_bool(&w, "in_force", sh->in_force);
	json_write_str(
	    &w, "takes", v->when == CONF_LIVE ? "reload" : "restart");
	if (file != NULL) {
		json_write_bytes(&w, "file_value", span_str(file->text));
		json_write_bytes(&w, "file_from", span_str(file->from));
	}
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	printf("%.*s\n", (int)sh->row.len, (const char *)sh->row.ptr);
	return 0;
}

static int
put_setting(struct showing *sh, const struct conf_value *v,
    const struct looking *file, struct err *err)
{
	char cell[CELL_MAX] = "";

	if (file != NULL)
		snprintf(cell, sizeof(cell), "%s (%s)",
		    file->text[0] == '\0' ? "-" : file->text,
		    v->when == CONF_LIVE ? "reload" : "restart");
	if (table_puts(&sh->table, v->name, err) < 0 ||
	    table_puts(&sh->table, v->text, err) < 0 ||
	    table_puts(&sh->table, v->from, err) < 0)
		return -1;
	return sh->in_force && !sh->wrong ? table_puts(&sh->table, cell, err)
					  : 0;
}

/* file: what it has instead; NULL: the same. */
static int
show_setting(struct showing *sh, const struct conf_value *v,
    const struct looking *file, struct err *err)
{
	if (file != NULL && v->when == CONF_LIVE)
		sh->live++;
	else if (file != NULL)
		sh->waiting++;
	return sh->call.line->json ? print_setting(sh, v, file, err)
				   : put_setting(sh, v, file, err);
}

/* A row of the owner's. */
static int
show_row(void *arg, const struct json *row, struct err *err)
{
	struct showing *sh = arg;
	const char *takes = json_text(json_get(row, "takes"));
	struct conf_value v = { .name = json_text(json_get(row, "setting")),
		.text = json_text(json_get(row, "value")),
		.from = json_text(json_get(row, "from")) };
	struct looking lk = { .name = v.name };
	int ret = -1;

	if (v.name == NULL || v.text == NULL || v.from == NULL || takes == NULL)
		return err_set(err, ERR_INPUT, "the owner's answer is wrong");
	v.when = strcmp(takes, "restart") == 0 ? CONF_RESTART : CONF_LIVE;
	if (sh->wrong)
		return show_setting(sh, &v, NULL, err);
	if (conf_visit(&sh->call.conf, look_at, &lk, err) == 0)
		ret = show_setting(sh, &v,
		    lk.text != NULL && strcmp(lk.text, v.text) != 0 ? &lk
								    : NULL,
		    err);
	free(lk.text);
	free(lk.from);
	return ret;
}

static int
show_own(void *arg, const struct conf_value *v, struct err *err)
{
	return show_setting(arg, v, NULL, err);
}

static const char *
who_named(const struct command_line *line)
{
	const char *named = getenv(CONF_ENV);

	if (line->config != NULL)
		return "-c";
	return named != NULL && named[0] != '\0' ? CONF_ENV : "default";
}

static void
say_file(const struct showing *sh)
{
	const char *program = sh->call.line->program->name;

	if (sh->call.conf.file == NULL)
		note(program, "there is no configuration file: all are "
			      "defaults");
	else
		note(program, "%s, named by %s", sh->call.conf.file,
		    sh->named_by);
}

static void
say_changes(const struct showing *sh)
{
	const char *program = sh->call.line->program->name;

	if (sh->live > 0)
		note(program,
		    "%zu of them changed in the file since; \"eyelet-store "
		    "reload\" takes them",
		    sh->live);
	if (sh->waiting > 0)
		note(program,
		    "%zu of them changed in the file since, and need a "
		    "restart of eyelet.fcgi and eyelet-deliver",
		    sh->waiting);
}

static const struct table_column config_columns[] = {
	{ "SETTING", false, NULL },
	{ "VALUE", false, NULL },
	{ "FROM", false, NULL },
	{ "THE FILE HAS", false, NULL },
};

/* Where the file is wrong, the owner still has its values: err tells why. */
static int
begin(struct showing *sh, struct command_line *line, struct err *err)
{
	struct err hidden = ERR_INIT;

	if (call_begin(&sh->call, line, "store.config", err) == 0)
		return 0;
	if (err->code != ERR_CONFIG ||
	    conf_read_place(line->config, &sh->call.conf, &hidden) < 0)
		return -1;
	call_again(&sh->call, "store.config", &hidden);
	sh->wrong = true;
	return 0;
}

static int
show_in_force(struct showing *sh, struct err *err)
{
	struct err away = ERR_INIT;

	note(sh->call.line->program->name,
	    "the file is wrong and is not taken; these values are in force");
	return call_send(&sh->call, &away) == 0
		   ? -1
		   : err_wrap(err, "%s; beside that", away.text);
}

/* The owner's values; without an owner, what the next one will have. */
int
store_config(struct command_line *line, struct err *err)
{
	struct showing sh = { .row = BUF_INIT(CALL_MAX) };
	struct client_options how = { .conf = &sh.call.conf,
		.role = CLIENT_ADMIN,
		.program = line->program->name,
		.starts_nobody = true };
	struct err away = ERR_INIT;
	int ret = -1;

	table_init(&sh.table, config_columns, NITEMS(config_columns) - 1);
	if (begin(&sh, line, err) < 0)
		goto out;
	sh.named_by = who_named(line);
	say_file(&sh);
	sh.in_force = client_open_with(&how, &sh.call.client, &away) == 0;
	if (sh.wrong && !sh.in_force)
		goto out;
	if (sh.in_force && !sh.wrong)
		sh.table.ncolumns++;
	else if (!sh.in_force)
		note(line->program->name,
		    "these are the values of the file; no process that has "
		    "the store open could be asked: %s",
		    away.text);
	sh.table.whole = true;
	sh.call.people = show_row;
	sh.call.arg = &sh;
	sh.call.scripts_too = true;
	if (sh.wrong)
		ret = show_in_force(&sh, err);
	else if (sh.in_force)
		ret = call_send(&sh.call, err);
	else
		ret = conf_visit(&sh.call.conf, show_own, &sh, err);
	table_print(&sh.table);
	fflush(stdout);
	say_changes(&sh);
out:
	table_free(&sh.table);
	buf_free(&sh.row);
	call_end(&sh.call);
	return ret;
}

/* --- reload --------------------------------------------------------------- */

static const struct table_column reload_columns[] = {
	{ "WHAT", false, NULL },
	{ "IN FORCE", false, NULL },
	{ "NOW", false, NULL },
};

static int
put_settings(
    struct table *t, const struct json *list, const char *now, struct err *err)
{
	const struct json *one;
	char cell[CELL_MAX];
	const char *file;

	for (one = json_first(list); one != NULL; one = json_next(one)) {
		file = json_text(json_get(one, "file_value"));
		if (file != NULL)
			snprintf(cell, sizeof(cell), "%s: %s", now, file);
		else
			snprintf(cell, sizeof(cell), "%s", now);
		if (table_put_json(t, json_get(one, "setting"), err) < 0 ||
		    table_put_json(t, json_get(one, "value"), err) < 0 ||
		    table_puts(t, cell, err) < 0)
			return -1;
	}
	return 0;
}

static int
put_schemes(
    struct table *t, const struct json *row, const char *how, struct err *err)
{
	const struct json *one =
	    json_first(json_get(json_get(row, "schemes"), how));

	for (; one != NULL; one = json_next(one))
		if (table_puts(t, "scheme", err) < 0 ||
		    table_put_json(t, one, err) < 0 ||
		    table_puts(t, how, err) < 0)
			return -1;
	return 0;
}

static int
reload_row(void *arg, const struct json *row, struct err *err)
{
	struct call *c = arg;
	struct table t;
	int ret = -1;

	table_init(&t, reload_columns, NITEMS(reload_columns));
	t.whole = true;
	if (put_settings(&t, json_get(row, "taken"), "taken", err) < 0 ||
	    put_settings(&t, json_get(row, "restart"), "needs a restart", err) <
		0 ||
	    put_schemes(&t, row, "added", err) < 0 ||
	    put_schemes(&t, row, "changed", err) < 0 ||
	    put_schemes(&t, row, "gone", err) < 0)
		goto out;
	if (table_is_empty(&t))
		puts("Nothing has changed.");
	table_print(&t);
	fflush(stdout);
	if (json_first(json_get(row, "restart")) != NULL)
		note(c->line->program->name,
		    "what needs a restart comes into force when eyelet.fcgi "
		    "and eyelet-deliver are started anew");
	ret = 0;
out:
	table_free(&t);
	return ret;
}

int
store_reload(struct command_line *line, struct err *err)
{
	struct call c;
	int ret = -1;

	if (call_begin(&c, line, "store.reload", err) == 0) {
		c.people = reload_row;
		c.arg = &c;
		ret = call_send(&c, err);
	}
	call_end(&c);
	return ret;
}
