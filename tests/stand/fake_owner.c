/* fake_owner.c: a receive and an ops that do as they are told. */
#include "tests/stand/fake_owner.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"

#define OPS_ID_HEX (2 * STORE_REQUEST_ID)

static void
sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

/* --- receive -------------------------------------------------------------- */

static void
answer(struct receive_call *call, int status)
{
	struct span body = call->request.body;

	memset(&call->reply, 0, sizeof(call->reply));
	call->reply.status = status;
	call->reply.content_type = "text/plain";
	call->reply.body_len =
	    body.len < RECEIVE_REPLY_MAX ? body.len : RECEIVE_REPLY_MAX;
	if (body.len > 0)
		memcpy(call->reply.body, body.ptr, call->reply.body_len);
	/* The owner's clock says when it came, whatever the peer thinks. */
	snprintf(call->reply.log, sizeof(call->reply.log), "clock=%s",
	    llabs(call->request.now_ms - clock_wall_ms()) < 5000 ? "right"
								 : "wrong");
}

int
receive_begin(struct receive *rc, struct receive_call *call, int64_t *body_max)
{
	rc->begun++;
	if (span_is(call->request.path, "/now")) {
		answer(call, 404);
		return 1;
	}
	*body_max = span_is(call->request.path, "/small") ? 10 : STORE_BODY_MAX;
	if (call->request.content_length < 0) {
		answer(call, 411);
		return 1;
	}
	if (call->request.content_length > *body_max) {
		answer(call, 413);
		return 1;
	}
	return 0;
}

static void *
answer_later(void *arg)
{
	struct receive_call *call = arg;

	sleep_ms(50);
	answer(call, 200);
	call->done(call);
	return NULL;
}

int
receive_body(struct receive *rc, struct receive_call *call)
{
	pthread_t thread;

	if (span_is(call->request.path, "/never")) {
		rc->never = call;
		return 0;
	}
	if (span_is(call->request.path, "/later") &&
	    pthread_create(&thread, NULL, answer_later, call) == 0) {
		pthread_detach(thread);
		return 0;
	}
	answer(call, 200);
	if (!span_is(call->request.path, "/early"))
		return 1;
	call->done(call);
	return 0;
}

void
fake_answer_never(struct receive *rc)
{
	struct receive_call *call = atomic_exchange(&rc->never, NULL);

	if (call == NULL)
		return;
	answer(call, 200);
	call->done(call);
}

void
receive_abort(
    struct receive *rc, struct receive_call *call, enum receive_refusal refusal)
{
	rc->aborted++;
	answer(call, refusal == RECEIVE_LATE_BODY ? 408 : 400);
}

void
receive_go_on(struct receive *rc, struct receive_call *call, int64_t body_max)
{
	(void)rc;
	answer(call, RECEIVE_GO_ON);
	call->reply.body_len = (size_t)snprintf(call->reply.body,
	    sizeof(call->reply.body), "%lld", (long long)body_max);
}

/* --- ops ------------------------------------------------------------------ */

/* The number behind "name": in json, or 0. */
static long
number_of(struct span json, const char *name)
{
	char text[256], key[32];
	const char *at;

	snprintf(
	    text, sizeof(text), "%.*s", (int)json.len, (const char *)json.ptr);
	snprintf(key, sizeof(key), "\"%s\":", name);
	at = strstr(text, key);
	return at == NULL ? 0 : strtol(at + strlen(key), NULL, 10);
}

struct op {
	struct ops *ops;
	const struct ops_peer *peer;
	char id[OPS_ID_HEX + 1];
	struct span json;
	ops_row *row;
	void *arg;
};

static int
op_echo(struct op *op, struct err *err)
{
	return op->row(op->arg, op->json, err);
}

static int
op_whoami(struct op *op, struct err *err)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "{\"uid\":%u,\"pid\":%u,\"program\":\"%s\",\"owner\":%ld}",
	    op->peer->actor.uid, op->peer->actor.pid, op->peer->actor.program,
	    (long)getpid());
	return op->row(op->arg, span_str(text), err);
}

static int
op_id(struct op *op, struct err *err)
{
	return op->row(op->arg, span_str(op->id), err);
}

static int
op_rows(struct op *op, struct err *err)
{
	long i, n = number_of(op->json, "n"), ms = number_of(op->json, "ms");
	size_t size = (size_t)number_of(op->json, "size");
	char *text = malloc(size + 32);
	int len, ret = 0;

	if (text == NULL)
		return err_set(err, ERR_NOMEM, "no memory");
	memset(text, ' ', size + 32);
	for (i = 0; i < n && ret == 0; i++) {
		len = snprintf(text, 32, "{\"row\":%ld}", i);
		text[len] = ' ';
		ret = op->row(op->arg,
		    span_of(text, size > (size_t)len ? size : (size_t)len),
		    err);
		op->ops->rows++;
		if (ms > 0)
			sleep_ms(ms);
	}
	free(text);
	return ret;
}

static int
op_sleep(struct op *op, struct err *err)
{
	char path[4096];
	FILE *mark = NULL;

	(void)err;
	if (op->ops->dir != NULL) {
		snprintf(path, sizeof(path), "%s/sleeping", op->ops->dir);
		mark = fopen(path, "we");
	}
	if (mark != NULL)
		fclose(mark);
	sleep_ms(number_of(op->json, "ms"));
	return 0;
}

/* Until waiting is in vain. */
static int
op_wait(struct op *op, struct err *err)
{
	(void)err;
	while (!op->peer->gone(op->peer->arg))
		sleep_ms(10);
	return 0;
}

static int
op_fail(struct op *op, struct err *err)
{
	(void)op;
	return err_set(err, ERR_CONFLICT, "as asked");
}

static int
op_die(struct op *op, struct err *err)
{
	(void)op;
	(void)err;
	kill(getpid(), SIGKILL);
	return 0;
}

/* A row that reaches the caller, and then nothing more. */
static int
die_behind(
    struct op *op, int (*row)(struct op *op, struct err *err), struct err *err)
{
	if (row(op, err) < 0)
		return -1;
	sleep_ms(200);
	return op_die(op, err);
}

static int
op_row_and_die(struct op *op, struct err *err)
{
	return die_behind(op, op_echo, err);
}

static int
op_who_and_die(struct op *op, struct err *err)
{
	return die_behind(op, op_whoami, err);
}

/* Lines in the journal, and which of them, from 1, has the id; 0: none. */
static long
journal_line(FILE *journal, const char *id, long *lines)
{
	char line[128];
	long found = 0;

	*lines = 0;
	while (fgets(line, sizeof(line), journal) != NULL) {
		++*lines;
		if (strncmp(line, id, OPS_ID_HEX) == 0)
			found = *lines;
	}
	return found;
}

static int
op_once(struct op *op, struct err *err)
{
	char path[4096], text[64];
	long line, lines = 0;
	FILE *journal;
	bool is_new;

	snprintf(path, sizeof(path), "%s/journal", op->ops->dir);
	journal = fopen(path, "a+e");
	if (journal == NULL)
		return err_set(err, ERR_IO, "no journal");
	line = journal_line(journal, op->id, &lines);
	is_new = line == 0;
	if (is_new) {
		line = lines + 1;
		fprintf(journal, "%s\n", op->id);
		fflush(journal);
		if (number_of(op->json, "die") != 0)
			kill(getpid(), SIGKILL);
	}
	fclose(journal);
	snprintf(text, sizeof(text), "{\"line\":%ld}", line);
	if (op->row(op->arg, span_str(text), err) < 0)
		return -1;
	if (is_new && number_of(op->json, "late") != 0) {
		sleep_ms(200); /* the row reaches the caller */
		kill(getpid(), SIGKILL);
	}
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct op *op, struct err *err);
} table[] = {
	{ "{\"op\":\"echo\"", op_echo },
	{ "{\"op\":\"whoami\"", op_whoami },
	{ "{\"op\":\"id\"", op_id },
	{ "{\"op\":\"rows\"", op_rows },
	{ "{\"op\":\"sleep\"", op_sleep },
	{ "{\"op\":\"wait\"", op_wait },
	{ "{\"op\":\"fail\"", op_fail },
	{ "{\"op\":\"once\"", op_once },
	{ "{\"op\":\"die\"", op_die },
	{ "{\"op\":\"row-and-die\"", op_row_and_die },
	{ "{\"op\":\"who-and-die\"", op_who_and_die },
};

int64_t
ops_stalled_ms(struct ops *ops, const char **what)
{
	(void)ops;
	(void)what;
	return 0;
}

int
ops_call(struct ops *ops, const struct ops_peer *peer,
    const unsigned char request_id[STORE_REQUEST_ID], struct span json,
    ops_row *row, void *arg, struct err *err)
{
	struct op op = { ops, peer, "", json, row, arg };
	size_t i;

	ops->calls++;
	for (i = 0; i < STORE_REQUEST_ID; i++)
		snprintf(op.id + 2 * i, 3, "%02x", request_id[i]);
	for (i = 0; i < NITEMS(table); i++)
		if (span_starts(json, table[i].name))
			return table[i].run(&op, err);
	return err_set(err, ERR_USAGE, "there is no such op");
}

static int
append_row(void *arg, struct span json, struct err *err)
{
	return buf_put_span(arg, json, err);
}

void
ops_deliverer_called(struct ops *ops)
{
	(void)ops;
}

/* The deliverer's calls are ops here, and rows their answers. */
int
ops_feed(struct ops *ops, const struct ops_peer *peer, struct span call,
    struct buf *out, struct err *err)
{
	static const unsigned char id[STORE_REQUEST_ID];

	return ops_call(ops, peer, id, call, append_row, out, err);
}
