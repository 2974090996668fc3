/* record_held.c: rows of the table "held"; see record.h. */
#include "lib/log/record_held.h"

#include <string.h>

#include "lib/base/pack.h"

int
record_put_held(const struct store_held *h, struct buf *b, struct err *err)
{
	unsigned key;

	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put8(b, h->state, err) < 0 ||
	    pack_put64(b, h->endpoint_id, err) < 0 ||
	    pack_put_ms(b, h->age_ms, err) < 0 ||
	    pack_put64(b, h->first_seq, err) < 0 ||
	    pack_put64(b, h->released_seq, err) < 0 ||
	    pack_put64(b, h->secret_id, err) < 0 ||
	    pack_put8(b, h->rule, err) < 0 ||
	    pack_put32(b, h->bytes, err) < 0 ||
	    pack_put8(b, h->own_keys, err) < 0)
		return -1;
	for (key = 0; key < DEDUPE_KEYS; key++)
		if ((h->own_keys & DEDUPE_BIT(key)) != 0 &&
		    buf_put(b, h->keys[key], DEDUPE_KEY_SIZE, err) < 0)
			return -1;
	if (buf_put(b, h->content, sizeof(h->content), err) < 0 ||
	    buf_put(b, h->id, sizeof(h->id), err) < 0 ||
	    buf_put(b, h->payload, sizeof(h->payload), err) < 0 ||
	    buf_put(b, h->type, sizeof(h->type), err) < 0)
		return -1;
	return pack_put_bytes(b, 1, h->reason, err);
}

int
record_get_held(struct span value, struct store_held *out, struct err *err)
{
	struct pack_reader r;
	unsigned key, state;

	if (record_begin(&r, value, "held event", err) < 0)
		return -1;
	memset(out, 0, sizeof(*out));
	state = pack_get8(&r);
	out->endpoint_id = pack_get64(&r);
	out->age_ms = pack_get_ms(&r);
	out->first_seq = pack_get64(&r);
	out->released_seq = pack_get64(&r);
	out->secret_id = pack_get64(&r);
	out->rule = pack_get8(&r);
	out->bytes = (uint32_t)pack_get32(&r);
	out->own_keys = pack_get8(&r);
	for (key = 0; key < DEDUPE_KEYS; key++)
		if ((out->own_keys & DEDUPE_BIT(key)) != 0)
			pack_get_into(&r, out->keys[key], DEDUPE_KEY_SIZE);
	pack_get_into(&r, out->content, sizeof(out->content));
	pack_get_into(&r, out->id, sizeof(out->id));
	pack_get_into(&r, out->payload, sizeof(out->payload));
	pack_get_into(&r, out->type, sizeof(out->type));
	out->reason = pack_get_bytes(&r, 1);
	if (state < STORE_HELD_WAITING || state > STORE_HELD_RELEASED)
		return err_set(
		    err, ERR_CORRUPT, "held event of state %u", state);
	out->state = (enum store_held_state)state;
	return pack_end(&r, "held event", err);
}

int
record_put_held_totals(
    const struct store_held_totals *t, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put64(b, t->count, err) < 0)
		return -1;
	return pack_put64(b, t->bytes, err);
}

int
record_get_held_totals(
    struct span value, struct store_held_totals *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "held totals", err) < 0)
		return -1;
	out->count = pack_get64(&r);
	out->bytes = pack_get64(&r);
	return pack_end(&r, "held totals", err);
}

int
record_put_held_repeats(
    const struct store_held_repeats *rp, struct buf *b, struct err *err)
{
	buf_clear(b);
	if (pack_put8(b, RECORD_VERSION, err) < 0 ||
	    pack_put32(b, rp->kept, err) < 0 ||
	    pack_put32(b, rp->counted, err) < 0)
		return -1;
	return pack_put_ms(b, rp->last_ms, err);
}

int
record_get_held_repeats(
    struct span value, struct store_held_repeats *out, struct err *err)
{
	struct pack_reader r;

	if (record_begin(&r, value, "held repeats", err) < 0)
		return -1;
	out->kept = (uint32_t)pack_get32(&r);
	out->counted = (uint32_t)pack_get32(&r);
	out->last_ms = pack_get_ms(&r);
	return pack_end(&r, "held repeats", err);
}
