/* client.c: calls and requests to the owner, repeated when it dies. */
#include "lib/owner/client.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/crypto/digest.h"
#include "lib/owner/client_link.h"

struct client {
	struct client_link link;
};

int
client_open_with(
    const struct client_options *opt, struct client **out, struct err *err)
{
	struct client *cl;

	if (opt->role == CLIENT_ADMIN &&
	    owner_check_user(opt->conf->store, err) < 0)
		return -1;
	cl = calloc(1, sizeof(*cl));
	if (cl == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a client");
	client_link_init(&cl->link, opt);
	if (client_link_open(&cl->link,
		opt->deadline_ms != 0 ? opt->deadline_ms
				      : clock_ms() + CLIENT_WAIT_MS,
		err) < 0) {
		client_close(cl);
		return -1;
	}
	*out = cl;
	return 0;
}

int
client_open(const struct conf *cf, enum client_role role, const char *program,
    struct client **out, struct err *err)
{
	struct client_options opt = {
		.conf = cf,
		.role = role,
		.program = program,
	};

	return client_open_with(&opt, out, err);
}

void
client_close(struct client *cl)
{
	if (cl == NULL)
		return;
	client_link_end(&cl->link);
	free(cl);
}

const struct owner_info *
client_owner(const struct client *cl)
{
	return &cl->link.owner;
}

#define PAUSE_MS 50 /* before a second try; longer before each further one */

/* What became of one try. */
enum outcome {
	OUTCOME_DONE,
	OUTCOME_ANSWERED, /* with an error; the connection is as good as new */
	OUTCOME_AGAIN, /* the owner is gone or leaves: with the next one */
	OUTCOME_FAILED /* somewhere between two frames */
};

/* A verdict that ends a connection. */
static enum outcome
told_off(const struct frame *f, struct err *err)
{
	struct err verdict;

	if (frame_get_verdict(f->content, &verdict, err) < 0)
		return OUTCOME_FAILED;
	*err = verdict;
	return verdict.code == ERR_AWAY ? OUTCOME_AGAIN : OUTCOME_FAILED;
}

static enum outcome
unexpected(const struct frame *f, struct err *err)
{
	err_set(err, ERR_INPUT,
	    "the owner of the store answers with a frame of type %u",
	    (unsigned)f->type);
	return OUTCOME_FAILED;
}

static enum outcome
not_a_frame(enum client_link_got got, struct err *err)
{
	if (got == CLIENT_LINK_FAILED)
		return OUTCOME_FAILED;
	err_set(err, ERR_AWAY, "the owner of the store went away");
	return OUTCOME_AGAIN;
}

/* --- calls ---------------------------------------------------------------- */

struct call {
	unsigned char id[STORE_REQUEST_ID];
	struct span json;
	ops_row *row;
	void *arg;
	size_t rows; /* handed out */
	unsigned char sum[DIGEST_SHA256]; /* of them, each over the last */
	/* The same of what this try has answered so far. */
	size_t again;
	unsigned char again_sum[DIGEST_SHA256];
};

/* All room at once: a buf that grows leaves copies, and json may be secret. */
static int
send_call(struct client_link *l, const struct call *call, struct err *err)
{
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	unsigned char *room;
	size_t at;

	if (call->json.len > FRAME_MAX - FRAME_HEAD - STORE_REQUEST_ID)
		return err_set(err, ERR_LIMIT,
		    "a call of %zu bytes is above the limit of %d",
		    call->json.len, FRAME_MAX);
	if (buf_reserve(&out, FRAME_HEAD + STORE_REQUEST_ID + call->json.len,
		&room, err) < 0 ||
	    frame_begin(FRAME_CALL, &out, &at, err) < 0 ||
	    buf_put(&out, call->id, sizeof(call->id), err) < 0 ||
	    buf_put_span(&out, call->json, err) < 0 ||
	    frame_finish(&out, at, err) < 0) {
		buf_wipe(&out);
		return -1;
	}
	client_link_send(l, &out);
	return 0;
}

/* The end: 0, or the error of the op as it was. */
static enum outcome
end_of_call(const struct frame *f, struct err *err)
{
	struct err verdict;

	if (frame_get_verdict(f->content, &verdict, err) < 0)
		return OUTCOME_FAILED;
	if (verdict.code == ERR_NONE)
		return OUTCOME_DONE;
	*err = verdict;
	/* An op that finds the store closing has done nothing. */
	return verdict.code == ERR_AWAY ? OUTCOME_AGAIN : OUTCOME_ANSWERED;
}

static int
add_sum(unsigned char sum[DIGEST_SHA256], struct span row, struct err *err)
{
	struct span parts[] = { span_of(sum, DIGEST_SHA256), row };

	return digest_sha256(parts, NITEMS(parts), sum, err);
}

/* Nobody can say which rows are missing. */
static int
differs(struct err *err)
{
	return err_set(err, ERR_AWAY,
	    "the owner of the store went away in the middle of an answer, and "
	    "the next one's answer is another");
}

/*
 * A repeat begins with the rows that were handed out before, as that of a
 * change does, whose result is kept: they are passed over.
 */
static int
take_row(struct call *call, struct span row, struct err *err)
{
	bool fresh = call->again == call->rows;

	if (add_sum(call->again_sum, row, err) < 0)
		return -1;
	call->again++;
	if (!fresh) {
		if (call->again == call->rows &&
		    memcmp(call->again_sum, call->sum, DIGEST_SHA256) != 0)
			return differs(err);
		return 0;
	}
	call->rows++;
	memcpy(call->sum, call->again_sum, DIGEST_SHA256);
	return call->row == NULL ? 0 : call->row(call->arg, row, err);
}

static enum outcome
try_call(struct client_link *l, struct call *call, struct err *err)
{
	enum client_link_got got;
	enum outcome outcome;
	struct frame f;

	call->again = 0;
	memset(call->again_sum, 0, DIGEST_SHA256);
	if (send_call(l, call, err) < 0)
		return OUTCOME_FAILED;
	for (;;) {
		got = client_link_frame(l, 0, &f, err);
		if (got != CLIENT_LINK_FRAME)
			return not_a_frame(got, err);
		if (f.type == FRAME_END) {
			outcome = end_of_call(&f, err);
			if (outcome == OUTCOME_DONE &&
			    call->again < call->rows) {
				differs(err);
				outcome = OUTCOME_FAILED;
			}
			return outcome;
		}
		if (f.type == FRAME_BUSY)
			return told_off(&f, err);
		if (f.type != FRAME_ROW)
			return unexpected(&f, err);
		if (take_row(call, f.content, err) < 0)
			return OUTCOME_FAILED;
	}
}

int
client_call(struct client *cl, struct span json, ops_row *row, void *arg,
    struct err *err)
{
	struct call call = { .json = json, .row = row, .arg = arg };
	enum outcome outcome = OUTCOME_AGAIN;
	int tries;

	if (digest_random(call.id, sizeof(call.id), err) < 0)
		return -1;
	for (tries = 0; tries < CLIENT_TRIES && outcome == OUTCOME_AGAIN;
	     tries++) {
		poll(NULL, 0, tries * PAUSE_MS);
		if (client_link_open(
			&cl->link, clock_ms() + CLIENT_WAIT_MS, err) < 0)
			return -1;
		outcome = try_call(&cl->link, &call, err);
		if (outcome == OUTCOME_AGAIN || outcome == OUTCOME_FAILED)
			client_link_drop(&cl->link);
	}
	if (outcome == OUTCOME_DONE)
		return 0;
	if (outcome == OUTCOME_AGAIN)
		err_wrap(err, "tried %d times", tries);
	return -1;
}

/* --- the deliverer's calls ------------------------------------------------ */

static enum outcome
try_feed(struct client_link *l, const struct buf *call, struct span *answer,
    struct err *err)
{
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	enum client_link_got got;
	struct frame f;

	if (frame_encode(FRAME_FEED, buf_span(call), &out, err) < 0) {
		buf_free(&out);
		return OUTCOME_FAILED;
	}
	client_link_send(l, &out);
	got = client_link_frame(l, 0, &f, err);
	if (got != CLIENT_LINK_FRAME)
		return not_a_frame(got, err);
	if (f.type == FRAME_END)
		return end_of_call(&f, err);
	if (f.type == FRAME_BUSY)
		return told_off(&f, err);
	if (f.type != FRAME_FED)
		return unexpected(&f, err);
	*answer = f.content;
	return OUTCOME_DONE;
}

int
client_feed(struct client *cl, const struct buf *call, struct span *answer,
    struct err *err)
{
	enum outcome outcome = OUTCOME_AGAIN;
	int tries;

	for (tries = 0; tries < CLIENT_TRIES && outcome == OUTCOME_AGAIN;
	     tries++) {
		poll(NULL, 0, tries * PAUSE_MS);
		if (client_link_open(
			&cl->link, clock_ms() + CLIENT_WAIT_MS, err) < 0)
			return -1;
		outcome = try_feed(&cl->link, call, answer, err);
		if (outcome == OUTCOME_AGAIN || outcome == OUTCOME_FAILED)
			client_link_drop(&cl->link);
	}
	if (outcome == OUTCOME_DONE)
		return 0;
	if (outcome == OUTCOME_AGAIN)
		err_wrap(err, "tried %d times", tries);
	return -1;
}

void
client_forget(struct client *cl)
{
	client_link_forget(&cl->link);
}

/* --- requests ------------------------------------------------------------- */

static int
send_request(struct client_link *l, enum frame_type type,
    const struct request *rq, const unsigned char *id, struct err *err)
{
	struct buf out = BUF_INIT(FRAME_MAX + FRAME_HEAD);
	unsigned char *room;
	size_t at;

	if (rq->body.len > STORE_BODY_MAX)
		return err_set(err, ERR_LIMIT,
		    "a body of %zu bytes is above the limit of %d",
		    rq->body.len, STORE_BODY_MAX);
	if (buf_reserve(&out, rq->body.len + FRAME_ROOM, &room, err) < 0 ||
	    frame_begin(type, &out, &at, err) < 0 ||
	    frame_put_request(rq, id, &out, err) < 0 ||
	    frame_finish(&out, at, err) < 0) {
		buf_free(&out);
		return -1;
	}
	client_link_send(l, &out);
	return 0;
}

static enum outcome
try_request(struct client_link *l, enum frame_type type,
    const struct request *rq, const unsigned char *id, int64_t deadline_ms,
    struct receive_reply *reply, struct err *err)
{
	enum client_link_got got;
	struct frame f;

	if (send_request(l, type, rq, id, err) < 0)
		return OUTCOME_FAILED;
	got = client_link_frame(l, deadline_ms, &f, err);
	if (got != CLIENT_LINK_FRAME)
		return not_a_frame(got, err);
	if (f.type == FRAME_BUSY)
		return told_off(&f, err);
	if (f.type != FRAME_REPLY)
		return unexpected(&f, err);
	return frame_get_reply(f.content, reply, err) < 0 ? OUTCOME_FAILED
							  : OUTCOME_DONE;
}

static int
request(struct client *cl, enum frame_type type, const struct request *rq,
    const unsigned char *request_id, int64_t deadline_ms,
    struct receive_reply *reply, struct err *err)
{
	enum outcome outcome = OUTCOME_AGAIN;
	int tries;

	for (tries = 0; tries < CLIENT_TRIES && outcome == OUTCOME_AGAIN;
	     tries++) {
		poll(NULL, 0, tries * PAUSE_MS);
		if (client_link_open(&cl->link, deadline_ms, err) < 0)
			return -1;
		outcome = try_request(
		    &cl->link, type, rq, request_id, deadline_ms, reply, err);
		if (outcome != OUTCOME_DONE)
			client_link_drop(&cl->link);
	}
	if (outcome == OUTCOME_DONE)
		return 0;
	if (outcome == OUTCOME_AGAIN)
		err_wrap(err, "tried %d times", tries);
	return -1;
}

int
client_receive(struct client *cl, const struct request *rq,
    const unsigned char *request_id, int64_t deadline_ms,
    struct receive_reply *reply, struct err *err)
{
	unsigned char made[STORE_REQUEST_ID];

	if (request_id == NULL) {
		if (digest_random(made, sizeof(made), err) < 0)
			return -1;
		request_id = made;
	}
	return request(
	    cl, FRAME_REQUEST, rq, request_id, deadline_ms, reply, err);
}

int
client_ask(struct client *cl, const struct request *rq, int64_t deadline_ms,
    struct receive_reply *reply, struct err *err)
{
	static const unsigned char no_id[STORE_REQUEST_ID];
	struct request head = *rq;

	head.body = SPAN_EMPTY;
	return request(cl, FRAME_ASK, &head, no_id, deadline_ms, reply, err);
}
