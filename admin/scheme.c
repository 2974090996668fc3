/* scheme.c: eyelet-scheme: how providers sign, looked at and tried. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/input.h"
#include "admin/output.h"
#include "admin/scheme_facts.h"
#include "admin/scheme_find.h"
#include "admin/scheme_sample.h"
#include "admin/scheme_try.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/json/write.h"

#define ROW_MAX (2 * SCHEME_FILE_MAX) /* bytes of a row of JSON */

/* --- rows for people and for scripts ------------------------------------- */

static const char *
secret_word(const struct scheme *sc)
{
	return scheme_secret_from_provider(sc) ? "provider" : "operator";
}

/* A line of JSON to stdout, when it was put together. */
static int
print_row(struct json_write *w, struct err *err)
{
	int ret = -1;

	json_write_close(w);
	if (json_write_done(w) == 0 && buf_putc(w->out, '\n', err) == 0) {
		fwrite(w->out->ptr, 1, w->out->len, stdout);
		ret = 0;
	}
	buf_free(w->out);
	return ret;
}

static void
write_facts(struct json_write *w, const struct scheme *sc)
{
	int64_t tolerance_s = scheme_tolerance_s(sc);

	json_write_str(w, "name", scheme_name(sc));
	json_write_str(w, "title", scheme_title(sc));
	json_write_str(w, "alg", scheme_algorithm(sc));
	json_write_str(w, "secret_from", secret_word(sc));
	json_write_bool(w, "signs", scheme_can_sign(sc, NULL));
	if (tolerance_s < 0)
		json_write_null(w, "tolerance");
	else
		json_write_int(w, "tolerance", tolerance_s);
	json_write_str(w, "link", scheme_link(sc));
	json_write_str(w, "confidence", scheme_confidence(sc));
	if (scheme_timeout_s(sc) < 0)
		json_write_null(w, "timeout");
	else
		json_write_int(w, "timeout", scheme_timeout_s(sc));
	scheme_facts_write(w, sc);
}

/* --- list ---------------------------------------------------------------- */

static int
list_for_scripts(const struct scheme_set *set, struct err *err)
{
	size_t i, n = scheme_set_count(set);
	struct buf row = BUF_INIT(ROW_MAX);
	struct json_write w;

	for (i = 0; i < n; i++) {
		json_write_init(&w, &row, err);
		json_write_object(&w, NULL);
		write_facts(&w, scheme_set_at(set, i));
		if (print_row(&w, err) < 0)
			return -1;
	}
	return 0;
}

static int
list_for_people(const struct scheme_set *set, struct err *err)
{
	static const struct table_column columns[] = {
		{ "NAME", false, NULL },
		{ "ALGORITHM", false, NULL },
		{ "SECRET FROM", false, NULL },
		{ "SIGNS", false, NULL },
		{ "TITLE", false, NULL },
	};
	size_t i, n = scheme_set_count(set);
	const struct scheme *sc;
	struct table t;
	int ret = 0;

	table_init(&t, columns, NITEMS(columns));
	for (i = 0; i < n && ret == 0; i++) {
		sc = scheme_set_at(set, i);
		if (table_puts(&t, scheme_name(sc), err) < 0 ||
		    table_puts(&t, scheme_algorithm(sc), err) < 0 ||
		    table_puts(&t, secret_word(sc), err) < 0 ||
		    table_puts(&t, scheme_can_sign(sc, NULL) ? "yes" : "no",
			err) < 0 ||
		    table_puts(&t, scheme_title(sc), err) < 0)
			ret = -1;
	}
	if (ret == 0)
		table_print(&t);
	table_free(&t);
	return ret;
}

static int
list(struct command_line *line, struct err *err)
{
	struct scheme_folders folders;
	struct scheme_set *set = NULL;
	int ret = -1;

	if (scheme_folders_read(line, &folders, err) == 0 &&
	    scheme_find_all(line, &folders, &set, err) == 0) {
		if (line->json)
			ret = list_for_scripts(set, err);
		else if (command_has(line, "identity"))
			ret = scheme_facts_list(set, err);
		else
			ret = list_for_people(set, err);
	}
	scheme_set_free(set);
	scheme_folders_free(&folders);
	return ret;
}

/* --- show ---------------------------------------------------------------- */

/* The file's text, inert, as lint would take it. */
static int
print_text(struct span text, struct err *err)
{
	struct buf out = BUF_INIT((size_t)SCHEME_FILE_MAX * 6);
	int ret;

	while (text.len > 0 && *(const char *)text.ptr != '{')
		text = span_skip(text, 1); /* blanks: it is one object */
	ret = text_put_json_text(&out, text, err);

	if (ret == 0)
		fwrite(out.ptr, 1, out.len, stdout);
	if (ret == 0 && (out.len == 0 || out.ptr[out.len - 1] != '\n'))
		putchar('\n');
	buf_free(&out);
	return ret;
}

static int
print_fact(
    struct table *t, const char *name, const char *value, struct err *err)
{
	if (value == NULL)
		return 0;
	return table_puts(t, name, err) < 0 ? -1 : table_puts(t, value, err);
}

static int
show_for_people(const struct scheme *sc, struct err *err)
{
	static const struct table_column columns[] = {
		{ NULL, false, NULL },
		{ NULL, false, NULL },
	};
	char window[TEXT_TIME_MAX] = "none", waits[TEXT_TIME_MAX] = "unknown";
	const char *signs = "yes";
	struct table t;
	int ret = -1;

	scheme_can_sign(sc, &signs);
	if (scheme_tolerance_s(sc) >= 0)
		text_duration(window, scheme_tolerance_s(sc));
	if (scheme_timeout_s(sc) >= 0)
		text_duration(waits, scheme_timeout_s(sc));
	table_init(&t, columns, NITEMS(columns));
	if (print_fact(&t, "name", scheme_name(sc), err) == 0 &&
	    print_fact(&t, "title", scheme_title(sc), err) == 0 &&
	    print_fact(&t, "link", scheme_link(sc), err) == 0 &&
	    print_fact(&t, "confidence", scheme_confidence(sc), err) == 0 &&
	    print_fact(&t, "algorithm", scheme_algorithm(sc), err) == 0 &&
	    print_fact(&t, "secret from", secret_word(sc), err) == 0 &&
	    print_fact(&t, "time window", window, err) == 0 &&
	    print_fact(&t, "sender waits", waits, err) == 0 &&
	    print_fact(&t, "signs", signs, err) == 0 &&
	    print_fact(&t, "public URL",
		scheme_needs_url(sc) ? "needed" : "not needed", err) == 0 &&
	    scheme_facts_put(&t, sc, err) == 0 &&
	    print_fact(&t, "notes", scheme_notes(sc), err) == 0) {
		table_print(&t);
		putchar('\n');
		ret = print_text(scheme_text(sc), err);
	}
	table_free(&t);
	return ret;
}

static int
show_for_scripts(const struct scheme *sc, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX), text = BUF_INIT(ROW_MAX);
	struct json *file = NULL;
	struct json_write w;
	int ret = -1;

	/* Read and printed again: one object a line. */
	if (json_parse(scheme_text(sc), &file, err) < 0 ||
	    json_print(file, &text, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	write_facts(&w, sc);
	json_write_bool(&w, "needs_url", scheme_needs_url(sc));
	json_write_raw(&w, "scheme", buf_span(&text));
	ret = print_row(&w, err);
out:
	json_free(file);
	buf_free(&text);
	buf_free(&row);
	return ret;
}

static int
show(struct command_line *line, struct err *err)
{
	struct scheme *sc;
	int ret;

	if (scheme_find(line, line->operands[0], &sc, err) < 0)
		return -1;
	ret = line->json ? show_for_scripts(sc, err) : show_for_people(sc, err);
	scheme_free(sc);
	return ret;
}

/* --- lint ---------------------------------------------------------------- */

static int
lint_row(const char *path, const struct scheme_warnings *warnings,
    const char *error, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct json_write w;
	size_t i;

	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_bytes(&w, "file", span_str(path));
	json_write_bool(&w, "ok", error == NULL);
	json_write_array(&w, "warnings");
	for (i = 0; i < warnings->n; i++)
		json_write_bytes(&w, NULL, span_str(warnings->text[i]));
	json_write_close(&w);
	if (error == NULL)
		json_write_null(&w, "error");
	else
		json_write_bytes(&w, "error", span_str(error));
	return print_row(&w, err);
}

/*
 * What show prints has facts before the file, which begins a line with "{":
 * they become blanks, so that lines keep their numbers.
 */
static void
blank_facts(struct buf *text)
{
	struct span rest = buf_span(text);
	size_t i;

	while (rest.len > 0 && !span_starts(rest, "{"))
		rest = span_skip(rest, span_find(rest, '\n') + 1);
	for (i = 0; rest.len > 0 && i < text->len - rest.len; i++)
		if (text->ptr[i] != '\n')
			text->ptr[i] = ' ';
}

/* "-" is standard input. */
static int
load(const char *path, struct scheme **sc, struct scheme_warnings *warnings,
    struct err *err)
{
	struct buf text = BUF_INIT(2 * SCHEME_FILE_MAX);
	int ret;

	if (strcmp(path, "-") != 0)
		return scheme_load(path, sc, warnings, err);
	ret = input_read(path, "the scheme: stdin", &text, err);
	if (ret == 0) {
		blank_facts(&text);
		ret = scheme_parse(
		    "stdin.json", buf_span(&text), sc, warnings, err);
	}
	buf_free(&text);
	return ret;
}

/* People see what a script sees by the status. */
static void
say_ok(const char *path, const struct scheme_warnings *warnings)
{
	if (!isatty(STDOUT_FILENO))
		return;
	printf("%s: ok", path);
	if (warnings->n > 0)
		printf(", with %zu warning%s", warnings->n,
		    warnings->n == 1 ? "" : "s");
	putchar('\n');
}

/* 0: it loads, EX_CONFIG: it does not. */
static int
lint_file(const struct command_line *line, const char *path, struct err *err)
{
	const char *sample = command_option(line, "sample", 0);
	struct scheme_warnings warnings = { .n = 0 };
	struct err why = ERR_INIT;
	struct scheme *sc = NULL;
	bool loads;
	size_t i;
	int ret;

	loads = load(path, &sc, &warnings, &why) == 0;
	if (!loads && why.code != ERR_CONFIG)
		return err_set(err, why.code, "%s", why.text);
	ret = loads ? 0 : EX_CONFIG;
	if (loads && sample != NULL && scheme_sample(line, sample, sc, err) < 0)
		ret = -1;
	scheme_free(sc);
	if (ret < 0)
		return -1;
	if (line->json)
		return lint_row(path, &warnings, loads ? NULL : why.text, err) <
			       0
			   ? -1
			   : ret;
	if (!loads)
		note(line->program->name, "%s", why.text);
	for (i = 0; loads && i < warnings.n; i++)
		note(line->program->name, "warning: %s", warnings.text[i]);
	if (loads)
		say_ok(path, &warnings);
	return ret;
}

/* The scheme and the sample cannot both come from standard input. */
static bool
stdin_is_read_twice(const struct command_line *line, struct err *err)
{
	const char *sample = command_option(line, "sample", 0);
	size_t i, n = sample != NULL && strcmp(sample, "-") == 0;

	for (i = 0; i < line->noperands; i++)
		n += strcmp(line->operands[i], "-") == 0;
	if (n > 1)
		err_set(err, ERR_USAGE,
		    "\"-\" is standard input, which can be read once");
	return n > 1;
}

static int
lint(struct command_line *line, struct err *err)
{
	int one, worst = 0;
	size_t i;

	if (stdin_is_read_twice(line, err))
		return -1;
	for (i = 0; i < line->noperands; i++) {
		one = lint_file(line, line->operands[i], err);
		if (one < 0)
			return -1;
		if (one > worst)
			worst = one;
	}
	return worst;
}

/* --- the program --------------------------------------------------------- */

/* clang-format off */
#define SCHEMES_ROW \
	{ "schemes", "DIR", "folder of schemes; a later one overrides " \
	    "(default: those of the configuration)", true }

static const struct option_row find_options[] = {
	SCHEMES_ROW,
};

static const struct option_row list_options[] = {
	SCHEMES_ROW,
	{ "identity", NULL, "how each tells events apart: ids, retries, "
	    "repeats", false },
};

static const struct option_row lint_options[] = {
	{ "sample", "FILE", "a saved request: what would be signed of it", false },
	{ "url", "URL", "the public URL, for schemes that sign it", false },
	{ "param", "NAME=VALUE", "a constant of the endpoint", true },
};

static const struct option_row verify_options[] = {
	SCHEMES_ROW,
	{ "secret-file", "FILE", "a secret; any of those given may match", true },
	{ "header", "'NAME: VALUE'", "a header of the request", true },
	{ "method", "METHOD", "the request's method (default POST)", false },
	{ "url", "URL", "the public URL, with the query that came", false },
	{ "param", "NAME=VALUE", "a constant of the endpoint", true },
	{ "now", "EPOCH", "judge as at this second (default: the clock)", false },
	{ "tolerance", "TIME", "window in place of the scheme's", false },
	{ "horizon", "TIME", "how old a signed time may be (default: any)", false },
};

static const struct option_row sign_options[] = {
	SCHEMES_ROW,
	{ "secret-file", "FILE", "a secret to sign with; several where the "
	    "scheme carries several", true },
	{ "id", "ID", "the event's id", false },
	{ "type", "TYPE", "the event's type", false },
	{ "method", "METHOD", "the request's method (default POST)", false },
	{ "url", "URL", "the URL that it will be sent to", false },
	{ "param", "NAME=VALUE", "a constant of the endpoint", true },
	{ "now", "EPOCH", "sign as at this second (default: the clock)", false },
};

static const struct command commands[] = {
	{ "list", "", 0, 0, "all schemes", list_options,
	    NITEMS(list_options), list },
	{ "show", "NAME", 1, 1, "one scheme and its file", find_options,
	    NITEMS(find_options), show },
	{ "lint", "FILE ...", 1, -1, "is a scheme file right? - is stdin", lint_options,
	    NITEMS(lint_options), lint },
	{ "verify", "NAME", 1, 1, "judge a request; its body is stdin",
	    verify_options, NITEMS(verify_options), scheme_try_verify },
	{ "sign", "NAME", 1, 1, "headers for a body on stdin",
	    sign_options, NITEMS(sign_options), scheme_try_sign },
};
/* clang-format on */

static const struct program program = { "eyelet-scheme",
	"looks at schemes, verifies and signs with them", commands,
	NITEMS(commands) };

int
main(int argc, char **argv)
{
	return command_main(&program, argc, argv);
}
