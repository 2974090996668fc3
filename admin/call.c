/* call.c: one call of an admin program, from its options to its rows. */
#include "admin/call.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/output.h"
#include "admin/secret_file.h"
#include "admin/terminal.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/model/secret.h"

#define FAR_EVENTS 1000 /* looked at in vain: worth a word */
#define BAR 20 /* columns of a progress bar */
#define BAR_COLUMNS 79 /* of a terminal with room for it and its words */

int
call_begin(struct call *c, const struct command_line *line, const char *op,
    struct err *err)
{
	memset(c, 0, sizeof(*c));
	c->line = line;
	c->text.max = CALL_MAX;
	c->screen = isatty(STDOUT_FILENO);
	if (conf_read(line->config, &c->conf, err) < 0)
		return -1;
	call_again(c, op, err);
	return 0;
}

void
call_again(struct call *c, const char *op, struct err *err)
{
	buf_wipe(&c->text);
	json_write_init(&c->w, &c->text, err);
	json_write_object(&c->w, NULL);
	json_write_str(&c->w, "op", op);
}

static int
connect_owner(struct call *c, struct err *err)
{
	if (c->client != NULL)
		return 0;
	return client_open(
	    &c->conf, CLIENT_ADMIN, c->line->program->name, &c->client, err);
}

void
call_end(struct call *c)
{
	client_close(c->client);
	conf_free(&c->conf);
	buf_wipe(&c->text);
	c->client = NULL;
}

/* --- rows ----------------------------------------------------------------- */

static void
erase_progress(struct call *c)
{
	if (c->drawn)
		fputs("\r\033[K", stderr);
	c->drawn = false;
}

/* Words, and in front of them a bar where the terminal has room for both. */
static void
draw_progress(int64_t percent, int64_t looked, int64_t matched)
{
	static const char full[BAR + 1] = "####################";
	int done = (int)(percent * BAR / 100);

	done = done < 0 ? 0 : done > BAR ? BAR : done;
	fputs("\r\033[K", stderr);
	if (terminal_columns(STDERR_FILENO) > BAR_COLUMNS)
		fprintf(stderr, "[%-*.*s] ", BAR, done, full);
	fprintf(stderr, "%lld%% of the way, %lld events looked at, %lld match",
	    (long long)percent, (long long)looked, (long long)matched);
}

/* Rows that say how far a search came; they are no part of the answer. */
static void
take_progress(struct call *c, const struct json *progress)
{
	const char *at = json_text(json_get(progress, "at"));
	struct err ignored = ERR_INIT;
	int64_t looked = 0, matched = 0, percent = 0, next = 1;

	(void)json_opt_int(progress, "looked", &looked, &ignored);
	(void)json_opt_int(progress, "matched", &matched, &ignored);
	(void)json_opt_int(progress, "percent", &percent, &ignored);
	(void)json_opt_int(progress, "next", &next, &ignored);
	c->next = (uint64_t)next;
	c->fresh = json_true(json_get(progress, "fresh"));
	c->cut = json_true(json_get(progress, "cut"));
	if (c->follows)
		return;
	if (json_true(json_get(progress, "done"))) {
		erase_progress(c);
		if (looked - matched >= FAR_EVENTS)
			note(c->line->program->name,
			    "looked at %lld events, as far as %s; %lld of "
			    "them match",
			    (long long)looked, at == NULL ? "the end" : at,
			    (long long)matched);
	} else if (isatty(STDERR_FILENO)) {
		draw_progress(percent, looked, matched);
		c->drawn = true;
	}
}

void
call_print_row(const struct call *c)
{
	fwrite(c->row_text.ptr, 1, c->row_text.len, stdout);
	putchar('\n');
}

/* A row that is no part of the answer: words for the person who asked. */
static bool
take_note(struct call *c, const struct json *row)
{
	static const char *const names[] = { "copy_note", "deliver_note" };
	const char *words;
	size_t i;

	for (i = 0; i < NITEMS(names); i++) {
		words = json_text(json_get(row, names[i]));
		if (words == NULL)
			continue;
		erase_progress(c);
		fflush(stdout);
		note(c->line->program->name, "%s", words);
		return true;
	}
	return false;
}

static int
take_row(void *arg, struct span json, struct err *err)
{
	struct call *c = arg;
	struct json *row = NULL;
	const struct json *progress;
	int ret = -1;

	if (json_parse(json, &row, err) < 0) {
		err_wrap(err, "answer of the owner");
		goto out;
	}
	progress = json_get(row, "progress");
	if (progress != NULL) {
		take_progress(c, progress);
		ret = 0;
		goto out;
	}
	if (take_note(c, row)) {
		ret = 0;
		goto out;
	}
	if (c->screen)
		erase_progress(c);
	warnings_print(c->line->program->name, row);
	ret = 0;
	c->row_text = json;
	if (c->line->json && !c->scripts_too) {
		call_print_row(c);
	} else if (c->people != NULL) {
		ret = c->people(c->arg, row, err);
	}
	/* Whoever reads us is gone, or the disk is full: no use going on. */
	if (ret == 0 && ferror(stdout))
		ret = err_set(err, ERR_IO, "the output cannot be written");
out:
	json_free(row);
	return ret;
}

int
call_send(struct call *c, struct err *err)
{
	int ret;

	json_write_close(&c->w);
	if (json_write_done(&c->w) < 0 || connect_owner(c, err) < 0)
		return -1;
	ret = client_call(c->client, buf_span(&c->text), take_row, c, err);
	erase_progress(c); /* a search that failed leaves it behind */
	return ret;
}

/* --- members -------------------------------------------------------------- */

void
call_put_text(struct call *c, const char *option, const char *member)
{
	const char *value = command_option(c->line, option, 0);

	if (value != NULL)
		json_write_bytes(&c->w, member, span_str(value));
}

void
call_put_flag(struct call *c, const char *option, const char *member)
{
	if (command_has(c->line, option))
		json_write_bool(&c->w, member, true);
}

/* Wrong values of options are wrong use. */
static int
misused(const char *option, struct err *err)
{
	if (err->code == ERR_INPUT)
		err->code = ERR_USAGE;
	return err_wrap(err, "--%s", option);
}

int
call_put_number(struct call *c, const char *option, const char *member,
    uint64_t max, struct err *err)
{
	const char *value = command_option(c->line, option, 0);
	uint64_t n;

	if (value == NULL)
		return 0;
	if (text_to_u64(span_str(value), max, &n, err) < 0)
		return misused(option, err);
	json_write_uint(&c->w, member, n);
	return 0;
}

int
call_put_duration(struct call *c, const char *option, const char *member,
    int64_t max_s, struct err *err)
{
	const char *value = command_option(c->line, option, 0);
	char most[TEXT_TIME_MAX];
	int64_t s;

	if (value == NULL)
		return 0;
	if (text_to_duration_s(span_str(value), &s, err) < 0)
		return misused(option, err);
	if (s > max_s) {
		text_duration(most, max_s);
		return err_set(
		    err, ERR_USAGE, "--%s: at most %s", option, most);
	}
	json_write_int(&c->w, member, s);
	return 0;
}

int
call_put_time(
    struct call *c, const char *option, const char *member, struct err *err)
{
	const char *value = command_option(c->line, option, 0);
	struct err not_ago = ERR_INIT;
	int64_t ms, ago_s;

	if (value == NULL)
		return 0;
	if (text_to_duration_s(span_str(value), &ago_s, &not_ago) == 0)
		ms = ((int64_t)time(NULL) - ago_s) * 1000;
	else if (text_to_time_ms(span_str(value), &ms, err) < 0)
		return err_set(err, ERR_USAGE,
		    "--%s: \"%s\" is neither a time such as "
		    "2026-01-15T10:30:00Z nor one ago such as 2h or 3d",
		    option, value);
	json_write_int(&c->w, member, ms < 0 ? 0 : ms);
	return 0;
}

#define FROM_SEQ "seq:"

int
call_put_from(struct call *c, struct err *err)
{
	const char *from = command_option(c->line, "from", 0);
	struct span s = span_str(from);
	uint64_t seq = 1;

	if (from == NULL || strcmp(from, "now") == 0)
		return 0;
	if (span_starts(s, FROM_SEQ)) {
		if (text_to_u64(span_skip(s, strlen(FROM_SEQ)), JSON_INT_MAX,
			&seq, err) < 0 ||
		    seq == 0)
			return err_set(err, ERR_USAGE,
			    "--from: \"%s\": behind \"seq:\" stands the "
			    "number of an event",
			    from);
	} else if (strcmp(from, "start") != 0) {
		if (call_put_time(c, "from", "from_ms", err) < 0)
			return err_set(err, ERR_USAGE,
			    "--from: \"%s\" is none of now, start, seq:N, a "
			    "time such as 2026-01-15T10:30:00Z, or one ago "
			    "such as 2h",
			    from);
		return 0;
	}
	json_write_uint(&c->w, "from_seq", seq);
	return 0;
}

int
call_put_secret(struct call *c, struct err *err)
{
	const char *path = command_option(c->line, "secret-file", 0);
	struct buf secret = BUF_INIT(SECRET_BYTES_MAX);
	int ret = -1;

	if (path == NULL)
		return 0;
	if (secret_file_read(path, "--secret-file", &secret, err) == 0) {
		json_write_base64(&c->w, "secret_b64", buf_span(&secret));
		ret = 0;
	}
	buf_wipe(&secret);
	return ret;
}
