/*
 * fake_lib.c: stands in for the store and for receive() in
 *tests/stand/fake.fcgi, a build of eyelet.fcgi whose requests say how they are
 *to be treated. So the front end is tested alone, and in situations that the
 *real ones get into once in a year.
 *
 * The query of a request is a list of words, "&" between them:
 *	at-once		answered before its body is read
 *	here		answered by the thread that read the body
 *	wait=MS		answered by the store's thread so much later (else soon)
 *	fence		the store is fenced from now on
 *	status=N	the answer's status
 *	empty		an answer without a body
 *	big		an answer as long as it can be
 * The answer's body tells what the handler was given.
 *
 * $FAKE_JOURNAL: a file; each request that came as far as a commit leaves its
 * x-id there, before its answer. $FAKE_DOWN: while this file is there, the
 * store does not open; what it holds is the error ("io", "corrupt").
 * A reload with receive.mount = /no-memory finds no memory for its limits.
 * $FAKE_OPEN_MS: how long opening takes. $FAKE_SLOW_CLOSE: closing never ends.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/ops/ops.h"
#include "lib/receive/receive.h"
#include "lib/receive/registry.h"
#include "lib/scheme/conf_schemes.h"
#include "lib/store/copy.h"
#include "lib/store/deliverer.h"
#include "lib/store/store.h"
#include "lib/watch/watch.h"

#define TICK_NS 300000 /* the fake committer's batch */

static void
sleep_ms(long ms)
{
	struct timespec ts = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&ts, NULL);
}

static int64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The number behind name in the query, or otherwise. */
static bool
word(struct span query, const char *name, long *number)
{
	size_t at, len = strlen(name);
	struct span w;

	while (query.len > 0) {
		at = span_find(query, '&');
		w = span_of(query.ptr, at);
		query = span_skip(query, at + 1);
		if (!span_starts(w, name))
			continue;
		if (w.len == len)
			return true;
		if (((const char *)w.ptr)[len] == '=') {
			*number =
			    strtol((const char *)w.ptr + len + 1, NULL, 10);
			return true;
		}
	}
	return false;
}

/* --- schemes, registry, administration: nothing -------------------------- */

struct scheme_set {
	int nothing;
};

struct registry {
	int nothing;
};

struct ops {
	int nothing;
};

int
conf_schemes_load(const struct conf *cf,
    void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err)
{
	(void)cf;
	(void)on_error;
	(void)arg;
	*out = malloc(sizeof(**out));
	return *out == NULL ? err_set(err, ERR_NOMEM, "schemes") : 0;
}

void
scheme_set_free(struct scheme_set *set)
{
	free(set);
}

struct scheme_set *
registry_hold_schemes(struct registry *rg)
{
	(void)rg;
	return NULL;
}

int
registry_take_schemes(struct registry *rg, const struct scheme_set *old,
    const struct scheme_set *schemes, struct err *err)
{
	(void)rg;
	(void)old;
	(void)schemes;
	(void)err;
	fputs("other schemes are in force\n", stderr);
	return 0;
}

int
registry_open(struct store *st, const struct scheme_set *schemes,
    struct registry **out, struct err *err)
{
	(void)st;
	(void)schemes;
	*out = malloc(sizeof(**out));
	return *out == NULL ? err_set(err, ERR_NOMEM, "registry") : 0;
}

void
registry_close(struct registry *rg)
{
	free(rg);
}

void
watch_options_init(struct watch_options *opt)
{
	memset(opt, 0, sizeof(*opt));
}

int
watch_open(struct store *st, struct scheme_set *(*schemes)(void *arg),
    void *schemes_arg, const struct watch_options *opt,
    void (*log)(void *arg, const char *line), void *log_arg, struct watch **out,
    struct err *err)
{
	(void)st;
	(void)schemes;
	(void)schemes_arg;
	(void)opt;
	(void)log;
	(void)log_arg;
	(void)err;
	*out = NULL;
	return 0;
}

void
watch_configure(struct watch *wt, int64_t hold_s, int64_t retain_s)
{
	(void)wt;
	(void)hold_s;
	(void)retain_s;
}

void
watch_close(struct watch *wt)
{
	(void)wt;
}

int
ops_open(struct conf_live *settings, struct store *st, struct registry *rg,
    struct ops **out, struct err *err)
{
	(void)settings;
	(void)st;
	(void)rg;
	*out = malloc(sizeof(**out));
	return *out == NULL ? err_set(err, ERR_NOMEM, "ops") : 0;
}

int64_t
ops_stalled_ms(struct ops *ops, const char **what)
{
	(void)ops;
	(void)what;
	return 0;
}

void
ops_on_reload(
    struct ops *ops, int (*reload)(void *arg, struct err *err), void *arg)
{
	(void)ops;
	(void)reload;
	(void)arg;
}

void
ops_close(struct ops *ops)
{
	free(ops);
}

bool
ops_asked_to_deliver(struct ops *ops)
{
	(void)ops;
	return false;
}

int
ops_call(struct ops *ops, const struct ops_peer *peer,
    const unsigned char request_id[STORE_REQUEST_ID], struct span json,
    ops_row *row, void *arg, struct err *err)
{
	(void)ops;
	(void)peer;
	(void)request_id;
	(void)json;
	(void)row;
	(void)arg;
	return err_set(err, ERR_USAGE, "the fake store has no operations");
}

int
ops_feed(struct ops *ops, const struct ops_peer *peer, struct span call,
    struct buf *out, struct err *err)
{
	(void)ops;
	(void)peer;
	(void)call;
	(void)out;
	return err_set(err, ERR_USAGE, "the fake store feeds nobody");
}

void
ops_deliverer_called(struct ops *ops)
{
	(void)ops;
}

/* --- the store ----------------------------------------------------------- */

/* A call that waits for the fake committer. */
struct receive_state {
	struct receive_call *call;
	int64_t due_ms;
	struct receive_state *next;
};

struct store {
	atomic_bool fenced;
	int journal;
	pthread_t committer;
	pthread_mutex_t lock;
	struct receive_state *waiting;
	bool closing;
};

void
store_configure(struct store *st, const struct store_options *opt)
{
	(void)st;
	(void)opt;
}

void
store_options_init(struct store_options *opt)
{
	memset(opt, 0, sizeof(*opt));
}

static void
commit(struct store *st, struct receive_state *s)
{
	struct receive_call *call = s->call;
	struct span id;
	char line[256];
	int n;

	if (st->journal >= 0 &&
	    request_header(&call->request, "x-id", &id) == 1) {
		n = snprintf(line, sizeof(line), "%.*s\n", (int)id.len,
		    (const char *)id.ptr);
		if (write(st->journal, line, (size_t)n) != n)
			abort();
	}
	if (st->fenced)
		receive_fault(&call->reply, "fenced");
	call->state = NULL;
	free(s);
	call->done(call);
}

static void *
committer(void *arg)
{
	struct store *st = arg;
	struct receive_state *s, **link;
	struct timespec tick = { 0, TICK_NS };
	bool closing = false;

	while (!closing) {
		nanosleep(&tick, NULL);
		pthread_mutex_lock(&st->lock);
		for (link = &st->waiting; (s = *link) != NULL;) {
			if (s->due_ms > now_ms()) {
				link = &s->next;
				continue;
			}
			*link = s->next;
			pthread_mutex_unlock(&st->lock);
			commit(st, s);
			pthread_mutex_lock(&st->lock);
			link = &st->waiting;
		}
		closing = st->closing && st->waiting == NULL;
		pthread_mutex_unlock(&st->lock);
	}
	return NULL;
}

static int
refuse_to_open(struct err *err)
{
	const char *path = getenv("FAKE_DOWN");
	char why[32] = "";
	ssize_t n;
	int fd;

	fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, why, sizeof(why) - 1);
	close(fd);
	if (n > 0)
		why[n] = '\0';
	return err_set(
	    err, err_from_word(why), "the fake store is down (%s)", why);
}

int
store_open(const struct store_options *opt, struct store **out, struct err *err)
{
	const char *open_ms = getenv("FAKE_OPEN_MS");
	const char *journal = getenv("FAKE_JOURNAL");
	struct store *st;

	(void)opt;
	if (refuse_to_open(err) < 0)
		return -1;
	if (open_ms != NULL)
		sleep_ms(strtol(open_ms, NULL, 10));
	st = calloc(1, sizeof(*st));
	if (st == NULL)
		return err_set(err, ERR_NOMEM, "store");
	st->journal = -1;
	if (journal != NULL)
		st->journal = open(
		    journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pthread_mutex_init(&st->lock, NULL);
	if (pthread_create(&st->committer, NULL, committer, st) != 0)
		abort();
	*out = st;
	return 0;
}

void
store_close(struct store *st)
{
	if (st == NULL)
		return;
	while (getenv("FAKE_SLOW_CLOSE") != NULL)
		sleep_ms(1000);
	pthread_mutex_lock(&st->lock);
	st->closing = true;
	pthread_mutex_unlock(&st->lock);
	pthread_join(st->committer, NULL);
	if (st->journal >= 0)
		close(st->journal);
	pthread_mutex_destroy(&st->lock);
	free(st);
}

bool
store_make_room(const struct store_options *opt, struct err *err)
{
	(void)opt;
	(void)err;
	return false;
}

bool
store_process_is_spent(void)
{
	return false;
}

bool
store_is_fenced(struct store *st)
{
	return st->fenced;
}

bool
store_holds_deliveries(struct store *st)
{
	(void)st;
	return false;
}

void
store_deliverer(struct store *st, struct store_deliverer *dl)
{
	(void)st;
	*dl = (struct store_deliverer){ .state = STORE_DELIVERER_UNKNOWN };
}

/* --- receiving ----------------------------------------------------------- */

struct receive {
	struct receive_options opt;
	struct store *store;
};

int
receive_open(const struct receive_options *opt, struct store *st,
    struct registry *rg, struct receive **out, struct err *err)
{
	struct receive *rc = malloc(sizeof(*rc));

	(void)rg;
	if (rc == NULL)
		return err_set(err, ERR_NOMEM, "receive");
	rc->opt = *opt;
	rc->store = st;
	*out = rc;
	return 0;
}

struct receive_limits {
	struct receive_options opt;
};

int
receive_limits_make(const struct receive_options *opt,
    struct receive_limits **out, struct err *err)
{
	if (strcmp(opt->mount, "/no-memory") == 0)
		return err_set(err, ERR_NOMEM, "no memory for receiving");
	*out = malloc(sizeof(**out));
	if (*out == NULL)
		return err_set(err, ERR_NOMEM, "limits");
	(*out)->opt = *opt;
	return 0;
}

void
receive_limits_put(struct receive_limits *lm)
{
	free(lm);
}

void
receive_configure(struct receive *rc, struct receive_limits *lm)
{
	rc->opt = lm->opt;
	receive_limits_put(lm);
}

void
receive_close(struct receive *rc)
{
	free(rc);
}

static void
answer(struct receive_reply *reply, int status, const char *words)
{
	memset(reply, 0, sizeof(*reply));
	reply->status = status;
	reply->content_type = "application/json";
	reply->body_len = (size_t)snprintf(
	    reply->body, sizeof(reply->body), "{\"answer\":\"%s\"}\n", words);
	snprintf(reply->log, sizeof(reply->log), "status=%d answer=%s", status,
	    words);
}

void
receive_fault(struct receive_reply *reply, const char *log_why)
{
	answer(reply, 503, "fault");
	reply->retry_after_s = 5;
	snprintf(
	    reply->log, sizeof(reply->log), "status=503 fault=%s", log_why);
}

void
receive_refuse(
    struct receive_reply *reply, enum receive_refusal refusal, const char *why)
{
	static const int statuses[] = { 400, 431, 413, 400, 408, 503 };

	answer(reply, statuses[refusal], "refused");
	if (why != NULL)
		snprintf(reply->log, sizeof(reply->log), "status=%d why=\"%s\"",
		    reply->status, why);
}

/* What is no UTF-8 becomes null. */
static void
put_json(struct buf *b, struct span text)
{
	struct err err;

	if (text_put_json(b, text, &err) < 0 && buf_puts(b, "null", &err) < 0)
		abort();
}

static void
put_text(struct buf *b, const char *name, struct span text)
{
	struct err err = ERR_INIT;

	if (buf_printf(b, &err, ",\"%s\":", name) < 0)
		abort();
	put_json(b, text);
}

/* What the front end made of the request, as JSON. */
static void
echo(struct receive_call *call)
{
	const struct request *rq = &call->request;
	struct receive_reply *reply = &call->reply;
	struct buf b = BUF_INIT(4 * 1024 * 1024);
	struct err err = ERR_INIT;
	unsigned long sum = 0;
	long status = 200, ignored;
	size_t i;

	for (i = 0; i < rq->body.len; i++)
		sum = sum * 31 + ((const unsigned char *)rq->body.ptr)[i];
	if (buf_printf(&b, &err,
		"{\"https\":%s,\"declared\":%" PRId64
		",\"length\":%zu,\"sum\":%lu,\"nheaders\":%zu,\"now\":%" PRId64,
		rq->https ? "true" : "false", rq->content_length, rq->body.len,
		sum & 0xffffffff, rq->nheaders, rq->now_ms) < 0)
		abort();
	put_text(&b, "method", rq->method);
	put_text(&b, "path", rq->path);
	put_text(&b, "query", rq->query);
	put_text(&b, "peer", rq->peer);
	if (buf_puts(&b, ",\"headers\":[", &err) < 0)
		abort();
	for (i = 0; i < rq->nheaders; i++) {
		if (!span_starts(rq->headers[i].name, "x-") &&
		    !span_starts(rq->headers[i].name, "content-"))
			continue;
		if (((char *)b.ptr)[b.len - 1] != '[' &&
		    buf_putc(&b, ',', &err) < 0)
			abort();
		if (buf_putc(&b, '[', &err) < 0)
			abort();
		put_json(&b, rq->headers[i].name);
		if (buf_putc(&b, ',', &err) < 0)
			abort();
		put_json(&b, rq->headers[i].value);
		if (buf_putc(&b, ']', &err) < 0)
			abort();
	}
	if (buf_puts(&b, "]}\n", &err) < 0)
		abort();
	word(rq->query, "status", &status);
	answer(reply, (int)status, "echo");
	if (word(rq->query, "empty", &ignored))
		reply->content_type = NULL;
	if (word(rq->query, "big", &ignored))
		while (b.len < sizeof(reply->body))
			if (buf_putc(&b, '.', &err) < 0)
				abort();
	reply->body_len =
	    b.len < sizeof(reply->body) ? b.len : sizeof(reply->body);
	memcpy(reply->body, b.ptr, reply->body_len);
	buf_free(&b);
}

int
receive_begin(struct receive *rc, struct receive_call *call, int64_t *body_max)
{
	const struct request *rq = &call->request;
	long ignored;

	if (word(rq->query, "at-once", &ignored))
		echo(call);
	else if (!span_is(rq->method, "POST")) {
		answer(&call->reply, 405, "method");
		call->reply.allow = "POST";
	} else if (rq->content_length < 0)
		answer(&call->reply, rq->content_length == -1 ? 411 : 400,
		    "length");
	else if (rq->content_length > rc->opt.body_max)
		answer(&call->reply, 413, "large");
	else {
		call->state = calloc(1, sizeof(*call->state));
		if (call->state == NULL)
			abort();
		*body_max = rc->opt.body_max;
		return 0;
	}
	return 1;
}

int
receive_body(struct receive *rc, struct receive_call *call)
{
	struct store *st = rc->store;
	long ms = 0, ignored;

	if (word(call->request.query, "fence", &ignored))
		st->fenced = true;
	echo(call);
	if (word(call->request.query, "here", &ignored)) {
		free(call->state);
		call->state = NULL;
		return 1;
	}
	word(call->request.query, "wait", &ms);
	call->state->call = call;
	call->state->due_ms = now_ms() + ms;
	pthread_mutex_lock(&st->lock);
	call->state->next = st->waiting;
	st->waiting = call->state;
	pthread_mutex_unlock(&st->lock);
	return 0;
}

void
receive_abort(
    struct receive *rc, struct receive_call *call, enum receive_refusal refusal)
{
	(void)rc;
	free(call->state);
	call->state = NULL;
	if (refusal == RECEIVE_CROWDED)
		answer(&call->reply, 503, "crowded");
	else
		answer(&call->reply, refusal == RECEIVE_LATE_BODY ? 408 : 400,
		    refusal == RECEIVE_LATE_BODY ? "late" : "short");
}

void
receive_go_on(struct receive *rc, struct receive_call *call, int64_t body_max)
{
	(void)rc;
	(void)body_max;
	free(call->state);
	call->state = NULL;
	answer(&call->reply, RECEIVE_GO_ON, "go on");
}
