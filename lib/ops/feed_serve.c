/* feed_serve.c: the owner's side of the feed: does what a call asks for. */
#include "lib/ops/feed_serve.h"

#include "lib/base/clock.h"
#include "lib/owner/feed_impl.h"
#include "lib/store/copy.h"

#define WAIT_SLICE_MS 250 /* between two looks whether waiting is in vain */

struct serving {
	struct store *st;
	const struct feed_peer *peer;
	const struct feed_call *call;
	struct buf *out;
	size_t base; /* of out: where the answer begins */
	size_t n; /* put of the list under way */
	uint64_t next; /* ROWS: what did not fit, or 0 */
	uint64_t cursor; /* ROWS: of the destination */
};

/* --- waiting -------------------------------------------------------------- */

static bool
is_over(const struct serving *sv)
{
	const struct feed_peer *peer = sv->peer;

	return store_durable_seq(sv->st) > sv->call->seq ||
	       store_touched(sv->st) != sv->call->touched ||
	       store_is_fenced(sv->st) ||
	       (peer->gone != NULL && peer->gone(peer->arg));
}

static void
wait_until_over(const struct serving *sv)
{
	int64_t end_ms = clock_ms() + sv->call->wait_ms, left_ms;

	while (!is_over(sv)) {
		left_ms = end_ms - clock_ms();
		if (left_ms <= 0)
			return;
		if (left_ms > WAIT_SLICE_MS)
			left_ms = WAIT_SLICE_MS;
		store_wait_delivery(
		    sv->st, sv->call->seq, sv->call->touched, (int)left_ms);
	}
}

static int
serve_wait(struct serving *sv, struct err *err)
{
	atomic_uint *waiters = sv->peer->waiters;
	uint64_t touched;

	/* Each waits in one of the threads that all calls share. */
	if (atomic_fetch_add(waiters, 1) < FEED_WAITERS_MAX)
		wait_until_over(sv);
	atomic_fetch_sub(waiters, 1);
	touched = store_touched(sv->st);
	if (pack_put64(sv->out, store_durable_seq(sv->st), err) < 0)
		return -1;
	return pack_put64(sv->out, touched, err);
}

/* --- settings ------------------------------------------------------------- */

/* The secrets that may sign, each with its plain text behind it. */
struct signers {
	struct serving *sv;
	int64_t now_ms;
	size_t n;
	struct secret secrets[FEED_SECRETS_MAX];
	struct buf texts[FEED_SECRETS_MAX];
};

static int
gather_signer(void *arg, const struct secret *s, struct err *err)
{
	static const struct buf empty = BUF_INIT(SECRET_BYTES_MAX);
	struct signers *sg = arg;
	enum secret_state state = secret_state_at(s, sg->now_ms);

	if (state != SECRET_CURRENT && state != SECRET_PREVIOUS)
		return 0;
	if (sg->n == FEED_SECRETS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d live secrets",
		    FEED_SECRETS_MAX);
	sg->texts[sg->n] = empty;
	sg->secrets[sg->n] = *s;
	if (store_secret_plain(sg->sv->st, s, &sg->texts[sg->n], err) < 0) {
		buf_wipe(&sg->texts[sg->n]);
		return -1;
	}
	sg->secrets[sg->n++].sealed = SPAN_EMPTY;
	return 0;
}

static int
put_signer(const struct signers *sg, size_t i, struct err *err)
{
	const struct secret *s = &sg->secrets[i];
	struct buf *out = sg->sv->out;

	if (pack_put64(out, s->id, err) < 0 ||
	    pack_put8(out, s->state, err) < 0 ||
	    pack_put_ms(out, s->until_ms, err) < 0)
		return -1;
	return pack_put_bytes(out, 4, buf_span(&sg->texts[i]), err);
}

/* The current one first, then those before it, the latest first. */
static int
put_signers(const struct signers *sg, struct err *err)
{
	size_t i;

	if (pack_put8(sg->sv->out, (unsigned)sg->n, err) < 0)
		return -1;
	for (i = 0; i < sg->n; i++)
		if (sg->secrets[i].state == SECRET_CURRENT &&
		    put_signer(sg, i, err) < 0)
			return -1;
	for (i = sg->n; i-- > 0;)
		if (sg->secrets[i].state != SECRET_CURRENT &&
		    put_signer(sg, i, err) < 0)
			return -1;
	return 0;
}

static int
put_secrets(struct serving *sv, uint64_t destination_id, struct err *err)
{
	struct signers sg = { .sv = sv, .now_ms = store_now_ms(sv->st) };
	int ret;

	ret = store_secrets(
	    sv->st, NULL, destination_id, gather_signer, &sg, err);
	if (ret == 0)
		ret = put_signers(&sg, err);
	while (sg.n > 0)
		buf_wipe(&sg.texts[--sg.n]);
	return ret;
}

static int
put_destination(void *arg, const struct store_destination *d, struct err *err)
{
	struct serving *sv = arg;
	struct buf *out = sv->out;
	struct store_failing failing;
	uint64_t cursor;
	bool found;

	if (d->state == STORE_DESTINATION_REMOVED)
		return 0;
	if (store_cursor(sv->st, d->id, &cursor, &found, err) < 0 ||
	    store_failing(sv->st, d->id, &failing, err) < 0)
		return -1;
	if (!found)
		return err_set(
		    err, ERR_CORRUPT, "destination %s has no cursor", d->name);
	if (pack_put64(out, d->id, err) < 0 ||
	    pack_put64(out, d->generation, err) < 0 ||
	    pack_put64(out, cursor, err) < 0 ||
	    pack_put64(out, store_rows_touched(sv->st, d->id), err) < 0 ||
	    feed_put_failing(out, &failing, err) < 0 ||
	    pack_put8(out, d->state, err) < 0 ||
	    pack_put_bytes(out, 1, span_str(d->name), err) < 0 ||
	    pack_put_bytes(out, 4, d->doc, err) < 0 ||
	    put_secrets(sv, d->id, err) < 0)
		return -1;
	sv->n++;
	return 0;
}

static int
put_endpoint(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct serving *sv = arg;

	if (pack_put64(sv->out, ep->id, err) < 0 ||
	    pack_put8(sv->out, ep->state == STORE_ENDPOINT_REMOVED, err) < 0 ||
	    pack_put_bytes(sv->out, 1, span_str(ep->name), err) < 0)
		return -1;
	sv->n++;
	return 0;
}

static int
serve_settings(struct serving *sv, struct err *err)
{
	size_t at;

	if (pack_put64(sv->out, store_touched(sv->st), err) < 0 ||
	    feed_count_begin(sv->out, &at, err) < 0 ||
	    store_destinations(sv->st, NULL, put_destination, sv, err) < 0)
		return -1;
	feed_count_end(sv->out, at, sv->n);
	sv->n = 0;
	if (feed_count_begin(sv->out, &at, err) < 0 ||
	    store_endpoints(sv->st, NULL, put_endpoint, sv, err) < 0)
		return -1;
	feed_count_end(sv->out, at, sv->n);
	return 0;
}

/* --- rows ----------------------------------------------------------------- */

static int
put_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct serving *sv = arg;

	if (d->state == STORE_DELIVERY_DEAD && d->seq < sv->cursor)
		return 0;
	if (sv->out->len - sv->base >= FEED_READ_MAX) {
		sv->next = d->seq;
		return 1;
	}
	sv->n++;
	return feed_put_delivery(sv->out, d, err);
}

static int
serve_rows(struct serving *sv, struct err *err)
{
	const struct feed_call *call = sv->call;
	bool found;
	size_t at;

	if (store_cursor(
		sv->st, call->destination_id, &sv->cursor, &found, err) < 0)
		return -1;
	if (!found)
		return err_set(err, ERR_NOTFOUND,
		    "there is no destination %llu",
		    (unsigned long long)call->destination_id);
	if (pack_put64(sv->out, 0, err) < 0 ||
	    feed_count_begin(sv->out, &at, err) < 0 ||
	    store_deliveries(sv->st, NULL, call->destination_id, call->seq,
		put_row, sv, err) < 0)
		return -1;
	feed_count_end(sv->out, at, sv->n);
	be64_put(sv->out->ptr + sv->base, sv->next);
	return 0;
}

/* --- events --------------------------------------------------------------- */

/* False: no room for it in this answer; but the first always has some. */
static bool
fits(const struct serving *sv, const struct event *ev)
{
	return sv->n == 0 ||
	       sv->out->len - sv->base + feed_event_size(ev) <= FEED_READ_MAX;
}

static int
read_on(struct serving *sv, struct store_reader *rd, struct err *err)
{
	/* What is durable before the first look is found by it. */
	uint64_t end = store_durable_seq(sv->st) + 1;
	struct event ev;
	bool found;

	sv->next = sv->call->seq;
	store_reader_seek(rd, sv->call->seq);
	for (;;) {
		if (store_reader_next(rd, &ev, &found, err) < 0)
			return -1;
		if (!found)
			break;
		if (!fits(sv, &ev)) {
			sv->next = ev.seq;
			return 0;
		}
		if (feed_put_event(sv->out, &ev, err) < 0)
			return -1;
		sv->n++;
		sv->next = ev.seq + 1;
	}
	if (sv->next < end)
		sv->next = end;
	return 0;
}

static int
read_each(struct serving *sv, struct store_reader *rd, struct err *err)
{
	const struct feed_call *call = sv->call;
	struct event ev;
	bool found;
	size_t i;

	for (i = 0; i < call->nseqs; i++) {
		store_reader_seek(rd, call->seqs[i]);
		if (store_reader_next(rd, &ev, &found, err) < 0)
			return -1;
		if (!found || ev.seq != call->seqs[i])
			continue;
		if (!fits(sv, &ev)) {
			sv->next = ev.seq;
			return 0;
		}
		if (feed_put_event(sv->out, &ev, err) < 0)
			return -1;
		sv->n++;
	}
	sv->next = call->seqs[call->nseqs - 1] + 1;
	return 0;
}

static int
serve_events(struct serving *sv, struct err *err)
{
	struct store_reader *rd = NULL;
	unsigned char *room;
	size_t at;
	int ret = -1;

	/* All room at once: what grows is copied, and wiped where it was. */
	if (buf_reserve(sv->out, FEED_READ_MAX, &room, err) < 0 ||
	    pack_put64(sv->out, 0, err) < 0 ||
	    feed_count_begin(sv->out, &at, err) < 0 ||
	    store_reader_open(sv->st, &rd, err) < 0)
		goto out;
	if (sv->call->verb == FEED_READ)
		ret = read_on(sv, rd, err);
	else
		ret = read_each(sv, rd, err);
	if (ret < 0)
		goto out;
	feed_count_end(sv->out, at, sv->n);
	be64_put(sv->out->ptr + sv->base, sv->next);
out:
	store_reader_close(rd);
	return ret;
}

/* --- calls ---------------------------------------------------------------- */

static int
serve(struct serving *sv, struct err *err)
{
	switch (sv->call->verb) {
	case FEED_WAIT:
		return serve_wait(sv, err);
	case FEED_SETTINGS:
		return serve_settings(sv, err);
	case FEED_ROWS:
		return serve_rows(sv, err);
	case FEED_READ:
	case FEED_EVENTS:
		return serve_events(sv, err);
	case FEED_REPORT:
		return store_report(sv->st, &sv->call->report, err);
	}
	return err_set(err, ERR_INPUT, "there is no such verb");
}

/* Does the answer give what a delivery is made of? */
static bool
hands_out(enum feed_verb verb)
{
	switch (verb) {
	case FEED_SETTINGS:
	case FEED_ROWS:
	case FEED_READ:
	case FEED_EVENTS:
		return true;
	case FEED_WAIT:
	case FEED_REPORT: /* what was sent was sent */
		return false;
	}
	return true;
}

int
feed_serve(struct store *st, const struct feed_peer *peer, struct span in,
    struct buf *out, struct err *err)
{
	struct feed_got got = FEED_GOT_INIT;
	struct serving sv = { .st = st,
		.peer = peer,
		.call = &got.call,
		.out = out,
		.base = out->len };
	int ret = -1;

	/* A delivery could not be recorded now, and would be made again. */
	if (store_loss_refuse(st, err) < 0 || feed_get_call(in, &got, err) < 0)
		goto out;
	if (hands_out(got.call.verb) && store_holds_deliveries(st))
		store_refuse_held(st, err);
	else
		ret = serve(&sv, err);
out:
	if (ret < 0)
		out->len = sv.base;
	feed_got_free(&got);
	return ret;
}
