/* receive.c: a request in, a reply out, step by step. */
#include "lib/receive/receive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/http/client_address.h"
#include "lib/model/selection.h"
#include "lib/receive/impl.h"
#include "lib/scheme/handshake.h"
#include "lib/store/copy.h"
#include "lib/store/deliverer.h"

#define SCRATCH_MAX 16384 /* bytes of id and type while they are read off */
#define TRIES 4 /* a request whose endpoint changes under it */

/* --- steps 1 and 2: before the body -------------------------------------- */

/*
 * It says whether requests are taken, so that no load balancer takes a
 * receiver away because deliveries wait; of those there is a word beside it.
 */
static int
answer_health(struct receive *rc, struct receive_call *call)
{
	struct store_deliverer dl;
	const char *why = NULL;

	if (!span_is(call->request.method, "GET") &&
	    !span_is(call->request.method, "HEAD")) {
		receive_finish(call, REPLY_METHOD, 0, NULL);
		call->reply.allow = "GET, HEAD";
		return 1;
	}
	receive_finish(call, REPLY_HEALTHY, 0, NULL);
	if (!store_healthy(rc->st, &why))
		receive_finish(call, REPLY_SICK, 0, why);
	store_deliverer(rc->st, &dl);
	if (store_holds_deliveries(rc->st))
		reply_add_word(&call->reply, "deliverer", "held");
	else if (dl.mode == STORE_DELIVER_OFF)
		reply_add_word(&call->reply, "deliverer", "off");
	else if (dl.mode != STORE_DELIVER_UNSET)
		reply_add_word(
		    &call->reply, "deliverer", store_deliverer_word(dl.state));
	call->reply.close = call->request.content_length > 0;
	return 1;
}

static int
check_length(struct receive_call *call, int64_t *body_max)
{
	int64_t length = call->request.content_length;

	/* The event stands in the query. */
	if (span_is(call->request.method, "GET") && length == -1)
		length = call->request.content_length = 0;
	if (span_is(call->request.method, "GET") && length > 0)
		return receive_finish(
		    call, REPLY_TOO_LARGE, 0, "an event by GET has no body");
	if (length < 0)
		return receive_finish(call,
		    length == -1 ? REPLY_NO_LENGTH : REPLY_BAD_LENGTH, 0, NULL);
	if (length > *body_max) {
		call->state->too_large = *body_max;
		*body_max = RECEIVE_HEAD_MAX;
	}
	return 0;
}

static int
check_peer(struct receive_call *call)
{
	struct receive_state *rs = call->state;
	const struct receive_limits *lm = rs->limits;
	struct err err = ERR_INIT;
	bool https, taken = true;

	if (!client_address(
		&call->request, lm->trusted_proxies, &rs->client, &https))
		return receive_finish(call, REPLY_FORWARDED, 0, NULL);
	if (!https && !rs->ep->settings.allow_http &&
	    !address_is_loopback(rs->client))
		return receive_finish(call, REPLY_PLAIN_HTTP, 0, NULL);
	if (rs->ep->allow_from != NULL &&
	    !address_list_has(rs->ep->allow_from, rs->client))
		return receive_finish(call, REPLY_ADDRESS, 0, NULL);
	if (lm->addresses != NULL &&
	    address_rate_take(
		lm->addresses, rs->client, clock_ms(), &taken, &err) < 0)
		return receive_finish(call, REPLY_FAULT, 0, err.text);
	if (!taken)
		return receive_finish(call, REPLY_RATE, 0, "address");
	return 0;
}

/* Not of a previous one alone that a clock in doubt says has ended. */
static bool
has_live_key(const struct receive_state *rs)
{
	struct store_clock clock;
	struct registry_live live;

	store_clock(rs->rc->st, &clock);
	registry_live_keys(rs->ep, &clock, &live);
	return live.n > 0;
}

/* --- handshakes ----------------------------------------------------------- */

static void
input_of(struct receive_state *rs, struct verify_input *in)
{
	struct store_horizon horizon;

	in->request = &rs->call->request;
	in->url = rs->ep->settings.public_url;
	in->params = rs->ep->params;
	in->nparams = rs->ep->settings.nparams;
	in->tolerance_s = rs->ep->settings.tolerance_s;
	store_horizon(rs->rc->st, rs->ep->id, &horizon);
	in->horizon_s = horizon.now_s;
	in->digests_content = true;
	rs->body.max =
	    body_unpacked_max((size_t)receive_body_max(rs->limits, rs->ep));
	rs->body.budget = &rs->rc->unpacked;
	in->body = &rs->body;
	in->element_contents = &rs->room.elements;
	buf_clear(&rs->room.elements);
}

/* The secret that a sender has for sure, for MACs in an answer; or NULL. */
static const struct scheme_key *
current_key(const struct registry_endpoint *ep)
{
	size_t i;

	for (i = 0; i < ep->nkeys; i++)
		if (ep->keys[i].state == SECRET_CURRENT)
			return ep->keys[i].key;
	return NULL;
}

static const struct {
	enum handshake_outcome outcome;
	enum reply_kind kind;
} greetings[] = {
	{ HANDSHAKE_ANSWERED, REPLY_HANDSHAKE },
	{ HANDSHAKE_FAILED, REPLY_STRANGER },
	{ HANDSHAKE_BROKEN, REPLY_NO_HANDSHAKE },
	{ HANDSHAKE_KEYLESS, REPLY_KEYLESS },
};

/* Step 4, first: is it no event, but a question to the address? */
static int
greet(struct receive_state *rs, const struct verify_input *in,
    enum handshake_stage stage)
{
	struct handshake_reply hs = HANDSHAKE_REPLY_INIT;
	enum handshake_outcome outcome;
	struct receive_call *call = rs->call;
	struct err err = ERR_INIT;
	int done = 0;
	size_t i;

	if (handshake_answer(rs->ep->scheme, stage, in, current_key(rs->ep),
		&outcome, &hs, &err) < 0)
		done = receive_finish(call, REPLY_FAULT, 0, err.text);
	for (i = 0; i < NITEMS(greetings) && done == 0; i++)
		if (greetings[i].outcome == outcome)
			done = receive_finish(
			    call, greetings[i].kind, hs.status, hs.why);
	if (outcome == HANDSHAKE_ANSWERED)
		reply_handshake(&call->reply, &hs);
	handshake_reply_free(&hs);
	return done;
}

/*
 * Of another method than events have: it has no body and is answered at once,
 * or is refused in the same way where there is no such endpoint.
 */
static int
ask(struct receive_state *rs)
{
	struct receive_call *call = rs->call;
	struct verify_input in = { .request = NULL };

	/* Whether the scheme takes this method cannot be known: our fault. */
	if (rs->ep != NULL && rs->ep->state == STORE_ENDPOINT_ENABLED &&
	    rs->ep->scheme == NULL)
		return receive_finish(call, REPLY_KEYLESS, 0, rs->ep->broken);
	if (rs->ep == NULL || rs->ep->state != STORE_ENDPOINT_ENABLED ||
	    !handshake_is_asked(rs->ep->scheme, call->request.method))
		return receive_finish(call, REPLY_METHOD, 0, NULL);
	if (check_peer(call) != 0)
		return 1;
	call->request.body = SPAN_EMPTY;
	call->request.now_ms = clock_wall_ms();
	input_of(rs, &in);
	if (greet(rs, &in, HANDSHAKE_UNSIGNED) == 0)
		receive_finish(
		    call, REPLY_METHOD, 0, "no handshake of the scheme");
	call->reply.close = call->request.content_length > 0;
	return 1;
}

/* May it be an event? Of no endpoint that is there, any POST may. */
static bool
takes_method(const struct receive_state *rs)
{
	struct span method = rs->call->request.method;

	if (rs->ep == NULL || rs->ep->state != STORE_ENDPOINT_ENABLED ||
	    rs->ep->scheme == NULL)
		return span_is(method, "POST");
	return scheme_takes(rs->ep->scheme, method);
}

static int
begin(struct receive *rc, struct receive_limits *lm, struct receive_call *call,
    int64_t *body_max)
{
	struct span name = request_name(lm->mount, call->request.path);
	const char *const *names;
	struct receive_state *rs;
	const char *doubled;
	size_t n;

	call->state = NULL;
	if (span_is(name, "healthz"))
		return answer_health(rc, call);
	if (store_is_lost(rc->st)) /* the endpoint may be, too: no 404 */
		return receive_finish(call, REPLY_FAULT, 0, "events are lost");
	rs = calloc(1, sizeof(*rs));
	if (rs == NULL)
		return receive_finish(call, REPLY_FAULT, 0, "no memory");
	call->state = rs;
	rs->rc = rc;
	rs->limits = receive_limits_hold(lm);
	rs->call = call;
	rs->scratch.max = SCRATCH_MAX;
	rs->room = (struct accept_room)ACCEPT_ROOM_INIT;
	if (endpoint_name_ok(name))
		rs->ep = registry_get(rc->rg, name);
	if (!takes_method(rs))
		return ask(rs);
	if (rs->ep == NULL || rs->ep->state != STORE_ENDPOINT_ENABLED)
		return receive_finish(call, REPLY_UNKNOWN, 0, NULL);
	*body_max = receive_body_max(lm, rs->ep);
	if (check_peer(call) != 0 || check_length(call, body_max) != 0)
		return 1;
	if (rs->too_large > 0)
		return 0;
	if (rs->ep->scheme == NULL)
		return receive_finish(call, REPLY_KEYLESS, 0, rs->ep->broken);
	/* Some ask before they show their secret. */
	if (!has_live_key(rs) && !receive_expects_secret(rs) &&
	    !handshake_is_asked(rs->ep->scheme, call->request.method))
		return receive_finish(call, REPLY_KEYLESS, 0, "no live secret");
	n = scheme_headers(rs->ep->scheme, &names);
	doubled = request_doubled(&call->request, names, n);
	if (doubled != NULL)
		return receive_finish(call, REPLY_DOUBLED, 0, doubled);
	return 0;
}

int
receive_begin(struct receive *rc, struct receive_call *call, int64_t *body_max)
{
	struct receive_limits *lm = receive_limits_get(rc);
	int done = begin(rc, lm, call, body_max);

	receive_limits_put(lm);
	return done;
}

/* --- steps 4 to 6: with the body ----------------------------------------- */

/*
 * A verdict that the time decided, where the time is in doubt: the sender is
 * to come back, since neither refusing nor accepting can be taken back.
 */
static bool
is_doubtful(const struct store_clock *clock, const struct registry_live *live,
    const struct verify_result *result)
{
	return clock->doubt != WALL_SURE &&
	       (result->verdict == VERIFY_EXPIRED ||
		   (result->verdict == VERIFY_VALID && result->key >= 0 &&
		       live->ended[result->key]));
}

/* Step 4. */
static int
check_signature(struct receive_state *rs, const struct verify_input *in)
{
	const struct registry_endpoint *ep = rs->ep;
	struct verify_result *result = &rs->result;
	struct registry_live live;
	struct store_clock clock;
	struct err err = ERR_INIT;
	int status;

	*result = (struct verify_result)VERIFY_RESULT_INIT;

	store_clock(rs->rc->st, &clock);
	registry_live_keys(ep, &clock, &live);
	if (live.n == 0)
		return receive_finish(
		    rs->call, REPLY_KEYLESS, 0, "no live secret");
	if (verify_request(ep->scheme, live.keys, live.n, in, result, &err) < 0)
		return receive_finish(rs->call, REPLY_FAULT, 0, err.text);
	if (result->verdict == VERIFY_EXPIRED)
		store_count(rs->rc->st, ep->id,
		    result->ahead ? STORE_COUNT_EARLY : STORE_COUNT_STALE);
	if (is_doubtful(&clock, &live, result))
		return receive_finish(rs->call, REPLY_CLOCK, 0,
		    result->verdict == VERIFY_EXPIRED ? result->reason
						      : "ended secret");
	if (receive_refuse_unpacked(rs) != 0)
		return 1;
	status = reply_status(ep->scheme, result->verdict);
	if (status != 0 && result->verdict != VERIFY_EXPIRED &&
	    receive_repeat_secret(rs, in) != 0)
		return 1;
	if (status != 0)
		return receive_finish(rs->call,
		    result->verdict == VERIFY_UNREADABLE ? REPLY_UNREADABLE
							 : REPLY_SIGNATURE,
		    status, result->reason);
	rs->secret_id = result->key >= 0 ? live.ids[result->key] : 0;
	rs->pending = result->key >= 0 && live.pending[result->key];
	return 0;
}

static const struct {
	enum identify_outcome outcome;
	enum reply_kind kind;
} unreadable[] = {
	{ IDENTIFY_NOT_JSON, REPLY_NOT_JSON },
	{ IDENTIFY_NOT_TAKEN, REPLY_NOT_TAKEN },
	{ IDENTIFY_REQUIRED, REPLY_REQUIRED },
	{ IDENTIFY_TOO_LONG, REPLY_TOO_LONG },
};

/* Step 5. */
static int
read_identity(struct receive_state *rs, const struct verify_input *in)
{
	struct identity *who = &rs->identity;
	struct err err = ERR_INIT;
	size_t i;

	buf_clear(&rs->scratch);
	rs->wish = STORE_WISH_ACCEPT;
	rs->is_test = false;
	if (verify_identify(rs->ep->scheme, in, &rs->scratch, who, &err) < 0)
		return receive_finish(rs->call, REPLY_FAULT, 0, err.text);
	if (receive_refuse_unpacked(rs) != 0)
		return 1;
	for (i = 0; i < NITEMS(unreadable); i++) {
		if (who->outcome != unreadable[i].outcome)
			continue;
		who->has_id = who->has_type = false;
		rs->wish = STORE_WISH_REFUSE;
		rs->without_event = unreadable[i].kind;
		return 0;
	}
	/* Events of a pending secret are held; a test event never is. */
	rs->is_test = !rs->pending && selection_is_test(rs->ep->scheme, who);
	/* Step 6. What cannot be read is kept: it may be what is selected. */
	if (!rs->is_test &&
	    selection_of_identity(rs->ep->events, who) == SELECTION_NO) {
		rs->wish = STORE_WISH_IGNORE;
		rs->without_event = REPLY_IGNORED;
	}
	return 0;
}

/* --- step 7: the store --------------------------------------------------- */

static void
answer_failure(struct receive_state *rs)
{
	const struct err *err = &rs->item.err;

	receive_finish(rs->call,
	    err->code == ERR_FULL    ? REPLY_FULL
	    : err->code == ERR_LIMIT ? REPLY_BUSY
				     : REPLY_FAULT,
	    0, err->text);
}

/* No event: the answer to what is not selected, or could not be read. */
static int
finish_without_event(struct receive_state *rs)
{
	const struct scheme_status *words = scheme_status(rs->ep->scheme);
	bool ignored = rs->wish == STORE_WISH_IGNORE;

	return receive_finish(rs->call, rs->without_event,
	    ignored ? words->success : 0, ignored ? NULL : rs->identity.why);
}

/* In a thread of the store: the batch is durable, or it failed. */
static void
on_done(struct store_item *item)
{
	struct receive_state *rs = item->arg;
	struct receive_call *call = rs->call;
	const struct registry_endpoint *old = rs->ep;
	int success = old->scheme ? scheme_status(old->scheme)->success : 0;

	switch (item->outcome) {
	case STORE_ACCEPTED:
		receive_finish(call, rs->is_test ? REPLY_TEST : REPLY_ACCEPTED,
		    success, NULL);
		break;
	case STORE_DUPLICATE:
		receive_finish(call, rs->is_test ? REPLY_TEST : REPLY_DUPLICATE,
		    success, item->reason);
		break;
	case STORE_HELD:
		receive_finish(call, REPLY_HELD, success, item->reason);
		break;
	case STORE_FORGED:
		receive_finish(call, REPLY_FORGED,
		    scheme_status(old->scheme)->invalid, item->reason);
		break;
	case STORE_RECORDED:
		finish_without_event(rs);
		break;
	case STORE_MOVED:
		/* A secret or a setting changed: judged again, by the new. */
		call->until_ms = item->until_ms; /* one for all tries */
		rs->ep = registry_get(rs->rc->rg, span_str(old->name));
		registry_put(old);
		if (rs->ep == NULL || rs->ep->state != STORE_ENDPOINT_ENABLED)
			receive_finish(
			    call, REPLY_UNKNOWN, 0, "changed meanwhile");
		else if (++rs->tries == TRIES)
			receive_finish(call, REPLY_FAULT, 0,
			    "the endpoint keeps changing");
		else if (rs->ep->scheme == NULL)
			receive_finish(call, REPLY_KEYLESS, 0, rs->ep->broken);
		else if (receive_body(rs->rc, call) == 0)
			return;
		break;
	case STORE_FAILED:
		answer_failure(rs);
		break;
	}
	call->done(call);
}

/*
 * The endpoint's rate counts new events; duplicates have one of their own. A
 * request that is judged again, since its endpoint changed, counts once.
 */
static int
check_rate(struct receive_state *rs)
{
	const struct registry_endpoint *ep = rs->ep;
	struct err err = ERR_INIT;
	bool repeat;

	if (ep->settings.rate <= 0 || rs->wish != STORE_WISH_ACCEPT ||
	    rs->tries > 0)
		return 0;
	if (store_is_repeat(rs->rc->st, &rs->item, &repeat, &err) < 0)
		return receive_finish(rs->call, REPLY_FAULT, 0, err.text);
	if (repeat)
		return registry_take_repeat(ep, clock_ms())
			   ? 0
			   : receive_finish(
				 rs->call, REPLY_RATE, 0, "duplicates");
	return registry_take_rate(ep, clock_ms())
		   ? 0
		   : receive_finish(rs->call, REPLY_RATE, 0, "endpoint");
}

static int
submit(struct receive_state *rs)
{
	struct accept_input in = { .registry = rs->rc->rg,
		.ep = rs->ep,
		.verified = &rs->verified,
		.result = &rs->result,
		.who = &rs->identity,
		.wish = rs->wish,
		.secret_id = rs->secret_id,
		.is_test = rs->is_test,
		.pending = rs->pending };
	struct store_item *item = &rs->item;
	struct err err = ERR_INIT;

	if (accept_fill(&in, item, &rs->room, &err) < 0)
		return receive_finish(rs->call, REPLY_FAULT, 0, err.text);
	if (receive_refuse_unpacked(rs) != 0)
		return 1;
	/* Not kept while the store works, which may take long. */
	body_close(&rs->body);
	buf_free(&rs->room.payload);
	if (rs->wish != STORE_WISH_ACCEPT &&
	    !dedupe_leaves_records(&item->identity.class))
		return finish_without_event(rs);
	if (check_rate(rs) != 0)
		return 1;
	item->has_request_id = rs->call->has_request_id;
	memcpy(item->request_id, rs->call->request_id, STORE_REQUEST_ID);
	item->done = on_done;
	item->arg = rs;
	item->until_ms = rs->call->until_ms;
	store_submit(rs->rc->st, item);
	return 0;
}

int
receive_body(struct receive *rc, struct receive_call *call)
{
	struct receive_state *rs = call->state;
	struct verify_input *in = &rs->verified;

	(void)rc;
	if (rs->too_large > 0)
		return receive_finish_too_large(call);
	input_of(rs, in);
	if (rs->tries == 0 && receive_take_secret(rs, in) != 0)
		return 1;
	if (greet(rs, in, HANDSHAKE_UNSIGNED) != 0 ||
	    check_signature(rs, in) != 0 ||
	    greet(rs, in, HANDSHAKE_SIGNED) != 0 || read_identity(rs, in) != 0)
		return 1;
	return submit(rs);
}
