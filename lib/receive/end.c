/*
 * end.c: how a request ends: the answer, the line in the log, the
 * counters, and what is kept of a refused one.
 */
#include "lib/receive/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/http/client_address.h"
#include "lib/scheme/handshake.h"
#include "lib/store/quarantine.h"

/* name, with its blank and '=', and the value; both or none. */
static void
put_pair(struct buf *b, const char *name, struct span value, struct err *err)
{
	size_t was = b->len;

	if (buf_puts(b, name, err) < 0 ||
	    text_put_value(b, value, 128, err) < 0)
		b->len = was;
}

static void
put_number(struct buf *b, const char *name, uint64_t n, struct err *err)
{
	size_t was = b->len;

	if (buf_puts(b, name, err) < 0 || buf_put_u64(b, n, err) < 0)
		b->len = was;
}

/* --- paths that lead nowhere ---------------------------------------------- */

/*
 * Why no endpoint answers under the path of a request: words for the log. ep
 * is that of its name, when there is one.
 */
static void
say_why_unknown(const struct receive_state *rs, struct span path,
    const struct registry_endpoint *ep, char why[RECEIVE_WHY_MAX])
{
	const char *prefix = rs->limits->mount;
	struct span name = request_name(prefix, path);
	size_t mount = strlen(prefix);
	const char *p = path.ptr;
	bool below;

	below = span_starts(path, prefix) &&
		(path.len == mount || p[mount] == '/' || mount == 1);
	if (ep != NULL)
		snprintf(
		    why, RECEIVE_WHY_MAX, "endpoint %s is disabled", ep->name);
	else if (name.len == 0 && !below)
		snprintf(why, RECEIVE_WHY_MAX,
		    "the path is neither %.64s/NAME nor /NAME",
		    mount == 1 ? "" : prefix);
	else if (name.len == 0 && path.len > mount + 1)
		snprintf(why, RECEIVE_WHY_MAX,
		    "more than a name stands below the mount%s",
		    p[path.len - 1] == '/' ? ": a \"/\" at the end" : "");
	else if (name.len == 0)
		snprintf(why, RECEIVE_WHY_MAX, "no name follows the mount");
	else if (!endpoint_name_ok(name))
		snprintf(
		    why, RECEIVE_WHY_MAX, "no endpoint can have this name");
	else
		snprintf(why, RECEIVE_WHY_MAX,
		    registry_is_gone(rs->rc->rg, name)
			? "endpoint %.*s was removed or renamed"
			: "there is no endpoint %.*s",
		    (int)name.len, (const char *)name.ptr);
}

/* Does the answer mean that the path led to no endpoint that serves? */
static bool
leads_nowhere(const struct receive_state *rs, enum reply_kind kind)
{
	return kind == REPLY_UNKNOWN ||
	       (kind == REPLY_METHOD && rs != NULL && rs->ep == NULL);
}

/* By the headers of trusted proxies, where they are right. */
static struct span
client_of(const struct receive_state *rs)
{
	const struct request *rq = &rs->call->request;
	struct span client;
	bool https;

	if (rs->client.len > 0)
		return rs->client;
	return client_address(rq, rs->limits->trusted_proxies, &client, &https)
		   ? client
		   : rq->peer;
}

static void
note_unknown(struct receive_state *rs, const char *why)
{
	const struct request *rq = &rs->call->request;
	struct unknown_request one = { .path = rq->path,
		.method = rq->method,
		.address = rs->client,
		.why = why,
		.now_ms = clock_wall_ms() };

	unknown_paths_count(registry_unknown_paths(rs->rc->rg), &one);
}

/* --- the log -------------------------------------------------------------- */

/* One inert line; what does not fit any more is left out whole. */
static void
write_log(struct receive_call *call, enum reply_kind kind, const char *why)
{
	const struct receive_state *rs = call->state;
	struct buf b = BUF_OVER(call->reply.log, RECEIVE_LOG_MAX);
	struct err err = ERR_INIT;

	put_number(&b, "status=", (uint64_t)call->reply.status, &err);
	put_pair(&b, " verdict=", span_str(reply_word(kind)), &err);
	if (rs != NULL && rs->ep != NULL)
		put_pair(&b, " endpoint=", span_str(rs->ep->name), &err);
	if (leads_nowhere(rs, kind))
		put_pair(&b, " path=", call->request.path, &err);
	put_pair(&b, " from=",
	    rs != NULL && rs->client.len > 0 ? rs->client : call->request.peer,
	    &err);
	if (rs != NULL && rs->identity.has_id)
		put_pair(&b, " id=", rs->identity.id, &err);
	if (rs != NULL && rs->identity.has_type)
		put_pair(&b, " type=", rs->identity.type, &err);
	if (rs != NULL && rs->item.seq != 0)
		put_number(&b, " seq=", rs->item.seq, &err);
	if (rs != NULL && rs->secret_id != 0)
		put_number(&b, " secret=sec_", rs->secret_id, &err);
	if (call->request.content_length >= 0)
		put_number(&b,
		    " bytes=", (uint64_t)call->request.content_length, &err);
	if (why != NULL)
		put_pair(&b, " why=", span_str(why), &err);
	call->reply.log[b.len] = '\0';
}

static const struct {
	enum reply_kind kind;
	enum store_count count;
} counted[] = {
	{ REPLY_ACCEPTED, STORE_COUNT_ACCEPTED },
	{ REPLY_DUPLICATE, STORE_COUNT_DUPLICATE },
	{ REPLY_HELD, STORE_COUNT_HELD },
	{ REPLY_IGNORED, STORE_COUNT_IGNORED },
	{ REPLY_TEST, STORE_COUNT_TEST },
	{ REPLY_FAULT, STORE_COUNT_FAILED },
	{ REPLY_FULL, STORE_COUNT_FAILED },
	{ REPLY_BUSY, STORE_COUNT_FAILED },
	{ REPLY_CLOCK, STORE_COUNT_FAILED },
	{ REPLY_CROWDED, STORE_COUNT_FAILED },
};

static void
count(const struct receive_state *rs, enum reply_kind kind)
{
	enum store_count c = STORE_COUNT_REFUSED;
	size_t i;

	if (kind == REPLY_HANDSHAKE || kind == REPLY_SECRET)
		return; /* no event, whoever asked */
	for (i = 0; i < NITEMS(counted); i++)
		if (counted[i].kind == kind)
			c = counted[i].count;
	store_count(rs->rc->st, rs->ep->id, c);
	if (kind == REPLY_SIGNATURE)
		store_count(rs->rc->st, rs->ep->id, STORE_COUNT_MISSIGNED);
	if (kind == REPLY_TOO_LARGE)
		store_count(rs->rc->st, rs->ep->id, STORE_COUNT_TOO_LARGE);
}

/* What somebody will want to know the reason of. */
static bool
is_kept(enum reply_kind kind)
{
	static const enum reply_kind kept[] = { REPLY_DOUBLED, REPLY_SIGNATURE,
		REPLY_NOT_JSON, REPLY_NOT_TAKEN, REPLY_UNREADABLE,
		REPLY_REQUIRED, REPLY_TOO_LONG, REPLY_FORGED, REPLY_TOO_LARGE };
	size_t i;

	for (i = 0; i < NITEMS(kept); i++)
		if (kept[i] == kind)
			return true;
	return false;
}

/*
 * May the body hold the secret that a provider sends to the endpoint, which
 * waits for none? Of one that is not here whole, that cannot be told.
 */
static bool
may_bring_secret(const struct receive_state *rs)
{
	const struct scheme *sc = rs->ep->scheme;
	const struct request *rq = &rs->call->request;
	struct verify_input in = { .request = rq };
	struct buf text = BUF_INIT(SECRET_BYTES_MAX);
	struct err ignored = ERR_INIT;
	const char *echo;
	bool brings;

	if (sc == NULL || !scheme_secret_is_in_body(sc))
		return false;
	if (rs->too_large > 0)
		return rq->content_length <= HANDSHAKE_BODY_MAX;
	/* Not kept, where it fails. */
	brings = handshake_secret(sc, &in, &text, &echo, &ignored) != 0;
	buf_wipe(&text);
	return brings;
}

static void
keep(const struct receive_state *rs, enum reply_kind kind, const char *why)
{
	struct quarantine_entry en = { .endpoint_id = rs->ep->id,
		.status = rs->call->reply.status,
		.word = span_str(reply_word(kind)),
		.why = span_str(why),
		.part = QUARANTINE_WHOLE,
		.request = rs->call->request };

	en.request.peer = rs->client;
	if (rs->too_large > 0)
		en.part = QUARANTINE_CUT;
	if (en.part != QUARANTINE_WHOLE || kind == REPLY_DOUBLED)
		en.request.now_ms = clock_wall_ms();
	/* A doubled header is found before the body is read. */
	if (kind == REPLY_DOUBLED || may_bring_secret(rs)) {
		en.part = QUARANTINE_NO_BODY;
		en.request.body = SPAN_EMPTY;
	}
	(void)quarantine_put(store_quarantine(rs->rc->st), &en, rs->ep->scheme);
}

/* Gives back all that the call held. */
static void
release(struct receive_call *call)
{
	struct receive_state *rs = call->state;

	if (rs == NULL)
		return;
	registry_put(rs->ep);
	body_close(&rs->body);
	buf_free(&rs->scratch);
	accept_room_free(&rs->room);
	receive_limits_put(rs->limits);
	free(rs);
	call->state = NULL;
}

int
receive_finish(struct receive_call *call, enum reply_kind kind, int status,
    const char *why)
{
	struct receive_state *rs = call->state;
	const struct scheme_status *words = NULL;
	char nowhere[RECEIVE_WHY_MAX];
	struct span id = SPAN_EMPTY;

	if (rs != NULL && rs->ep != NULL && rs->ep->scheme != NULL)
		words = scheme_status(rs->ep->scheme);
	if (rs != NULL && rs->identity.has_id)
		id = rs->identity.id;
	reply_fill(&call->reply, kind, status, id,
	    words != NULL && words->empty_reply);
	if (kind == REPLY_METHOD && words != NULL &&
	    rs->ep->state == STORE_ENDPOINT_ENABLED)
		call->reply.allow = scheme_methods(rs->ep->scheme);
	if (rs != NULL && leads_nowhere(rs, kind)) {
		if (why == NULL)
			say_why_unknown(
			    rs, call->request.path, rs->ep, nowhere);
		why = why == NULL ? nowhere : why;
		rs->client = client_of(rs);
		note_unknown(rs, why);
	}
	write_log(call, kind, why);
	if (rs == NULL)
		return 1;
	if (rs->ep != NULL) {
		count(rs, kind);
		if (is_kept(kind))
			keep(rs, kind, why);
	}
	release(call);
	return 1;
}

void
receive_fault(struct receive_reply *reply, const char *log_why)
{
	reply_fill(reply, REPLY_FAULT, 0, SPAN_EMPTY, false);
	snprintf(reply->log, sizeof(reply->log), "status=%d verdict=%s why=%s",
	    reply->status, reply_word(REPLY_FAULT), log_why);
}

static const char *
limit_name(const struct receive_state *rs)
{
	return rs->ep->settings.body_max < 0 ? "receive.body_max"
					     : "the endpoint's --max-body";
}

int
receive_finish_too_large(struct receive_call *call)
{
	const struct receive_state *rs = call->state;
	struct request *rq = &call->request;
	char why[128];

	if (rq->body.len > RECEIVE_HEAD_MAX)
		rq->body.len = RECEIVE_HEAD_MAX;
	snprintf(why, sizeof(why), "%lld bytes are more than %s %lld",
	    (long long)rq->content_length, limit_name(rs),
	    (long long)rs->too_large);
	return receive_finish(call, REPLY_TOO_LARGE, 0, why);
}

int
receive_refuse_unpacked(struct receive_state *rs)
{
	int64_t max = receive_body_max(rs->limits, rs->ep);
	char why[128];

	if (rs->body.state == BODY_CROWDED)
		return receive_finish(rs->call, REPLY_CROWDED, 0, rs->body.why);
	if (rs->body.state != BODY_TOO_LARGE)
		return 0;
	snprintf(why, sizeof(why),
	    "%lld packed bytes unpack to more than %zu, and %s is %lld",
	    (long long)rs->call->request.content_length, rs->body.max,
	    limit_name(rs), (long long)max);
	return receive_finish(rs->call, REPLY_TOO_LARGE, 0, why);
}

void
receive_abort(
    struct receive *rc, struct receive_call *call, enum receive_refusal refusal)
{
	(void)rc;
	call->request.body = SPAN_EMPTY;
	if (call->state->too_large > 0)
		receive_finish_too_large(call);
	else
		receive_finish(call, reply_refusal(refusal), 0, NULL);
}

void
receive_go_on(struct receive *rc, struct receive_call *call, int64_t body_max)
{
	struct receive_reply *reply = &call->reply;

	(void)rc;
	memset(reply, 0, sizeof(*reply));
	reply->status = RECEIVE_GO_ON;
	reply->body_len = (size_t)snprintf(
	    reply->body, sizeof(reply->body), "%lld", (long long)body_max);
	release(call);
}
