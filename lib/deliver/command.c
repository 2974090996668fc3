/* command.c: an event handed to a command, and what came of it. */
#include "lib/deliver/transport.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/deliver/words.h"

#define EXIT_REJECTED 100 /* the command wants it never again */
#define LOCK_NAME_MAX 48
#define FACTS 9 /* that gather_facts() puts */

/* The facts of an event as variables. */
struct facts {
	struct buf text; /* "NAME=value\0" one behind the other */
	size_t at[FACTS];
	size_t n;
	const char *env[FACTS + 1];
};

/* A value that no variable can hold is left out. */
static int
put_fact(struct facts *fs, const char *name, struct span value, struct err *err)
{
	assert(fs->n < FACTS);
	if (span_find(value, '\0') < value.len)
		return 0;
	fs->at[fs->n++] = fs->text.len;
	if (buf_puts(&fs->text, name, err) < 0 ||
	    buf_putc(&fs->text, '=', err) < 0 ||
	    buf_put_span(&fs->text, value, err) < 0)
		return -1;
	return buf_putc(&fs->text, '\0', err);
}

static int
put_number(
    struct facts *fs, const char *name, unsigned long long n, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", n);
	return put_fact(fs, name, span_str(text), err);
}

static int
gather_facts(const struct deliver_send *se, const char *endpoint,
    struct facts *fs, struct err *err)
{
	const struct event *ev = &se->event->event;
	char received[TEXT_TIME_MAX], room[32];
	size_t i;

	text_time(received, ev->received_ms);
	if (put_fact(fs, "EYELET_ID", deliver_event_id(ev, room), err) < 0 ||
	    put_fact(fs, "EYELET_TYPE", ev->type, err) < 0 ||
	    put_fact(fs, "EYELET_ENDPOINT",
		span_str(endpoint == NULL ? "" : endpoint), err) < 0 ||
	    put_number(fs, "EYELET_SEQ", ev->seq, err) < 0 ||
	    put_fact(fs, "EYELET_RECEIVED", span_str(received), err) < 0 ||
	    put_number(fs, "EYELET_ATTEMPT", se->start.attempt, err) < 0 ||
	    put_fact(fs, "EYELET_DESTINATION", span_str(se->config->name),
		err) < 0 ||
	    put_fact(fs, "EYELET_CONTENT_TYPE", ev->content_type, err) < 0 ||
	    put_fact(fs, "EYELET_CONTENT_ENCODING", event_coding(ev), err) < 0)
		return -1;
	for (i = 0; i < fs->n; i++)
		fs->env[i] = (const char *)fs->text.ptr + fs->at[i];
	fs->env[fs->n] = NULL;
	return 0;
}

bool
deliver_command_start(struct command_runs *runs, struct deliver_send *se,
    const char *endpoint, char words[DELIVERY_WORDS_MAX],
    struct schedule_end *end)
{
	struct destination *set = &se->config->settings;
	const char *argv[DESTINATION_ARGS_MAX + 1];
	struct facts fs = { .text = BUF_INIT(DELIVER_HEADERS_MAX) };
	char lock[LOCK_NAME_MAX];
	struct command_request rq = { .argv = argv,
		.env = fs.env,
		.lock = lock,
		.body = se->event->event.body,
		.timeout_ms = se->config->timeout_ms,
		.arg = se };
	struct err why = ERR_INIT;
	bool begun;
	size_t i;

	for (i = 0; i < set->ncommand; i++)
		argv[i] = set->command[i];
	argv[i] = NULL;
	snprintf(lock, sizeof(lock), "%llu-%llu",
	    (unsigned long long)se->start.destination_id,
	    (unsigned long long)se->start.seq);
	begun = gather_facts(se, endpoint, &fs, &why) == 0 &&
		command_start(runs, &rq, &why) == 0;
	if (!begun) {
		end->verdict = SCHEDULE_FAULT;
		end->words = deliver_words(words, NULL, why.text);
	}
	buf_free(&fs.text);
	return begun;
}

static enum schedule_verdict
verdict_of(const struct command_result *res)
{
	if (res->class == COMMAND_BUSY)
		return SCHEDULE_FAULT; /* it was not run */
	if (res->class != COMMAND_EXIT)
		return SCHEDULE_FAILED;
	if (res->code == 0)
		return SCHEDULE_DELIVERED;
	/* EX_TEMPFAIL and all others ask for another try. */
	return res->code == EXIT_REJECTED ? SCHEDULE_REFUSED : SCHEDULE_FAILED;
}

void
deliver_command_judge(
    const struct command_result *res, struct schedule_end *end)
{
	memset(end, 0, sizeof(*end));
	end->took_us = res->took_us;
	end->retry_after_ms = -1;
	end->excerpt = span_of(res->excerpt, res->excerpt_len);
	end->verdict = verdict_of(res);
	if (end->verdict == SCHEDULE_REFUSED)
		end->reason = DELIVERY_REJECTED;
	if (res->class == COMMAND_EXIT)
		end->status = res->code;
	if (end->verdict != SCHEDULE_DELIVERED)
		end->words = span_str(res->words);
}
