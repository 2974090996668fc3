/* feed_row.c: deliveries, attempts and events, to bytes and back. */
#include "lib/owner/feed_impl.h"

#include <limits.h>

#include "lib/scheme/verify.h"

#define REASON_MAX 32

/* --- what all of them need ------------------------------------------------ */

int
feed_count_begin(struct buf *out, size_t *at, struct err *err)
{
	*at = out->len;
	return pack_put32(out, 0, err);
}

void
feed_count_end(struct buf *out, size_t at, size_t n)
{
	be32_put(out->ptr + at, n);
}

int
feed_end(const struct pack_reader *rd, const char *what, struct err *err)
{
	if (rd->bad || rd->left > 0)
		return err_set(err, ERR_INPUT,
		    "a feed's %s is cut short or malformed", what);
	return 0;
}

static struct span
get_at_most(struct pack_reader *rd, int width, size_t max)
{
	struct span s = pack_get_bytes(rd, width);

	if (s.len > max)
		rd->bad = true;
	return s;
}

static unsigned
get_from_to(struct pack_reader *rd, unsigned from, unsigned to)
{
	unsigned v = pack_get8(rd);

	if (v < from || v > to)
		rd->bad = true;
	return v;
}

/* An int that is never below zero. */
static int
get_int(struct pack_reader *rd)
{
	unsigned long v = pack_get32(rd);

	if (v > INT_MAX)
		rd->bad = true;
	return rd->bad ? 0 : (int)v;
}

/* --- deliveries ----------------------------------------------------------- */

int
feed_put_delivery(
    struct buf *out, const struct store_delivery *d, struct err *err)
{
	if (pack_put64(out, d->destination_id, err) < 0 ||
	    pack_put64(out, d->seq, err) < 0 ||
	    pack_put64(out, d->endpoint_id, err) < 0 ||
	    pack_put64(out, d->stamp, err) < 0 ||
	    pack_put8(out, d->state, err) < 0 ||
	    pack_put32(out, d->attempts, err) < 0 ||
	    pack_put32(out, d->planned, err) < 0 ||
	    pack_put_ms(out, d->since_ms, err) < 0 ||
	    pack_put_ms(out, d->due_ms, err) < 0 ||
	    pack_put_ms(out, d->last_ms, err) < 0 ||
	    pack_put32(out, (unsigned long)d->status, err) < 0 ||
	    pack_put_bytes(out, 1, d->reason, err) < 0 ||
	    pack_put_bytes(out, 2, d->words, err) < 0 ||
	    pack_put_bytes(out, 2, d->excerpt, err) < 0 ||
	    pack_put_bytes(out, 2, d->id, err) < 0 ||
	    pack_put_bytes(out, 2, d->type, err) < 0)
		return -1;
	return pack_put_bytes(out, 2, d->key, err);
}

void
feed_get_delivery(struct pack_reader *rd, struct store_delivery *d)
{
	d->destination_id = pack_get64(rd);
	d->seq = pack_get64(rd);
	d->endpoint_id = pack_get64(rd);
	d->stamp = pack_get64(rd);
	d->state = (enum store_delivery_state)get_from_to(
	    rd, STORE_DELIVERY_PENDING, STORE_DELIVERY_DEAD);
	d->attempts = (unsigned)get_int(rd);
	d->planned = (unsigned)get_int(rd);
	d->since_ms = pack_get_ms(rd);
	d->due_ms = pack_get_ms(rd);
	d->last_ms = pack_get_ms(rd);
	d->status = get_int(rd);
	d->reason = get_at_most(rd, 1, REASON_MAX);
	d->words = get_at_most(rd, 2, DELIVERY_WORDS_MAX);
	d->excerpt = get_at_most(rd, 2, DELIVERY_EXCERPT_MAX);
	d->id = get_at_most(rd, 2, EVENT_ID_MAX);
	d->type = get_at_most(rd, 2, EVENT_TYPE_MAX);
	d->key = get_at_most(rd, 2, DESTINATION_KEY_MAX);
}

int
feed_put_attempt(
    struct buf *out, const struct store_attempt *a, struct err *err)
{
	if (pack_put32(out, a->no, err) < 0 ||
	    pack_put8(out, a->result, err) < 0 ||
	    pack_put_ms(out, a->at_ms, err) < 0 ||
	    pack_put_ms(out, a->took_us, err) < 0 ||
	    pack_put_ms(out, a->next_ms, err) < 0 ||
	    pack_put32(out, (unsigned long)a->status, err) < 0)
		return -1;
	return pack_put_bytes(out, 2, a->words, err);
}

void
feed_get_attempt(struct pack_reader *rd, struct store_attempt *a)
{
	a->no = (unsigned)get_int(rd);
	a->result = (enum store_attempt_result)get_from_to(
	    rd, STORE_ATTEMPT_DELIVERED, STORE_ATTEMPT_DEAD);
	a->at_ms = pack_get_ms(rd);
	a->took_us = pack_get_ms(rd);
	a->next_ms = pack_get_ms(rd);
	a->status = get_int(rd);
	a->words = get_at_most(rd, 2, DELIVERY_WORDS_MAX);
}

/* --- failing -------------------------------------------------------------- */

int
feed_put_failing(
    struct buf *out, const struct store_failing *f, struct err *err)
{
	return pack_put_ms(out, f->for_ms, err) < 0
		   ? -1
		   : pack_put_ms(out, f->at_ms, err);
}

void
feed_get_failing(struct pack_reader *rd, struct store_failing *f)
{
	f->for_ms = pack_get_ms(rd);
	f->at_ms = pack_get_ms(rd);
	if (f->for_ms < 0 || f->at_ms < 0)
		rd->bad = true;
}

/* --- events --------------------------------------------------------------- */

#define EVENT_FIXED (8 + 8 + 8 + 8 + 1 + 2 + 2 + 2 + 2 + 4 + 4)

size_t
feed_event_size(const struct event *ev)
{
	return EVENT_FIXED + ev->id.len + ev->type.len + ev->types.len +
	       ev->content_type.len + ev->headers.len + ev->body.len;
}

int
feed_put_event(struct buf *out, const struct event *ev, struct err *err)
{
	if (pack_put64(out, ev->seq, err) < 0 ||
	    pack_put64(out, ev->endpoint_id, err) < 0 ||
	    pack_put64(out, ev->secret_id, err) < 0 ||
	    pack_put_ms(out, ev->received_ms, err) < 0 ||
	    pack_put8(out, ev->flags, err) < 0 ||
	    pack_put_bytes(out, 2, ev->id, err) < 0 ||
	    pack_put_bytes(out, 2, ev->type, err) < 0 ||
	    pack_put_bytes(out, 2, ev->types, err) < 0 ||
	    pack_put_bytes(out, 2, ev->content_type, err) < 0 ||
	    pack_put_bytes(out, 4, ev->headers, err) < 0)
		return -1;
	return pack_put_bytes(out, 4, ev->body, err);
}

void
feed_get_event(struct pack_reader *rd, struct event *ev)
{
	ev->seq = pack_get64(rd);
	ev->endpoint_id = pack_get64(rd);
	ev->secret_id = pack_get64(rd);
	ev->received_ms = pack_get_ms(rd);
	ev->flags = pack_get8(rd);
	ev->id = get_at_most(rd, 2, EVENT_ID_MAX);
	ev->type = get_at_most(rd, 2, EVENT_TYPE_MAX);
	ev->types = pack_get_bytes(rd, 2);
	if (!event_types_ok(ev->types))
		rd->bad = true;
	ev->content_type = pack_get_bytes(rd, 2);
	ev->headers = pack_get_bytes(rd, 4);
	ev->body = pack_get_bytes(rd, 4);
}
