/* record_delivery.c: cursors, deliveries and attempts as records. */
#include "lib/log/record.h"

#include "lib/base/pack.h"

int
record_put_cursor(const struct record_cursor *c, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put64(b, c->seq, err) < 0 ||
	    pack_put64(b, c->end_seq, err) < 0 ||
	    pack_put_ms(b, c->failing.for_ms, err) < 0)
		return -1;
	return pack_put_ms(b, c->failing.at_ms, err);
}

int
record_get_cursor(struct span value, struct record_cursor *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "cursor", err) < 0)
		return -1;
	out->seq = pack_get64(&r);
	out->end_seq = pack_get64(&r);
	out->failing.for_ms = pack_get_ms(&r);
	out->failing.at_ms = pack_get_ms(&r);
	return pack_end(&r, "cursor record", err);
}

static struct span
cut(struct span s, size_t max)
{
	return span_of(s.ptr, s.len < max ? s.len : max);
}

int
record_put_delivery(
    const struct store_delivery *d, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, d->state, err) < 0 ||
	    pack_put64(b, d->endpoint_id, err) < 0 ||
	    pack_put64(b, d->stamp, err) < 0 ||
	    pack_put32(b, d->attempts, err) < 0 ||
	    pack_put32(b, d->planned, err) < 0 ||
	    pack_put_ms(b, d->since_ms, err) < 0 ||
	    pack_put_ms(b, d->due_ms, err) < 0 ||
	    pack_put_ms(b, d->last_ms, err) < 0 ||
	    pack_put_ms(b, d->age_ms, err) < 0 ||
	    pack_put32(b, (uint32_t)d->status, err) < 0 ||
	    pack_put_bytes(b, 1, d->reason, err) < 0 ||
	    pack_put_bytes(b, 2, cut(d->words, DELIVERY_WORDS_MAX), err) < 0 ||
	    pack_put_bytes(b, 2, cut(d->excerpt, DELIVERY_EXCERPT_MAX), err) <
		0 ||
	    pack_put_bytes(b, 2, d->id, err) < 0 ||
	    pack_put_bytes(b, 2, d->type, err) < 0)
		return -1;
	return pack_put_bytes(b, 2, d->key, err);
}

int
record_get_delivery(
    struct span value, struct store_delivery *out, struct err *err)
{
	struct pack_reader r;
	unsigned state;

	if (record_begin(&r, value, "delivery", err) < 0)
		return -1;
	state = pack_get8(&r);
	out->endpoint_id = pack_get64(&r);
	out->stamp = pack_get64(&r);
	out->attempts = (unsigned)pack_get32(&r);
	out->planned = (unsigned)pack_get32(&r);
	out->since_ms = pack_get_ms(&r);
	out->due_ms = pack_get_ms(&r);
	out->last_ms = pack_get_ms(&r);
	out->age_ms = pack_get_ms(&r);
	out->status = (int)(int32_t)pack_get32(&r);
	out->reason = pack_get_bytes(&r, 1);
	out->words = pack_get_bytes(&r, 2);
	out->excerpt = pack_get_bytes(&r, 2);
	out->id = pack_get_bytes(&r, 2);
	out->type = pack_get_bytes(&r, 2);
	out->key = pack_get_bytes(&r, 2);
	if (pack_end(&r, "delivery record", err) < 0)
		return -1;
	if (state < STORE_DELIVERY_PENDING || state > STORE_DELIVERY_DEAD)
		return err_set(err, ERR_CORRUPT, "delivery record is wrong");
	out->state = (enum store_delivery_state)state;
	return 0;
}

int
record_put_attempt(
    const struct store_attempt *a, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, a->result, err) < 0 ||
	    pack_put64(b, (uint64_t)a->took_us, err) < 0 ||
	    pack_put_ms(b, a->next_ms, err) < 0 ||
	    pack_put32(b, (uint32_t)a->status, err) < 0)
		return -1;
	return pack_put_bytes(b, 2, cut(a->words, DELIVERY_WORDS_MAX), err);
}

int
record_get_attempt(
    struct span value, struct store_attempt *out, struct err *err)
{
	struct pack_reader r;
	unsigned result;

	if (record_begin(&r, value, "attempt", err) < 0)
		return -1;
	result = pack_get8(&r);
	out->took_us = (int64_t)pack_get64(&r);
	out->next_ms = pack_get_ms(&r);
	out->status = (int)(int32_t)pack_get32(&r);
	out->words = pack_get_bytes(&r, 2);
	if (pack_end(&r, "attempt record", err) < 0)
		return -1;
	if (result < STORE_ATTEMPT_DELIVERED || result > STORE_ATTEMPT_DEAD)
		return err_set(err, ERR_CORRUPT, "attempt record is wrong");
	out->result = (enum store_attempt_result)result;
	return 0;
}
