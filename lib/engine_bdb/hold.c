/* hold.c: what of the log destinations still need. */

#include <string.h>

#include "lib/engine_bdb/impl.h"

struct first_row {
	uint64_t seq, last; /* seq 0: none yet */
};

static int
find_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct first_row *fr = arg;

	(void)err;
	if (d->seq > fr->last)
		return 1;
	if (d->state == STORE_DELIVERY_DEAD)
		return 0;
	fr->seq = d->seq;
	return 1;
}

int
store_needs(struct store *st, uint64_t destination_id, uint64_t last,
    uint64_t *seq, bool *needed, struct err *err)
{
	struct first_row fr = { 0, last };
	struct record_cursor c;
	bool found;

	if (store_get_cursor(st, NULL, destination_id, &c, &found, err) < 0)
		return -1;
	*needed = found && c.seq <= last;
	if (*needed && seq == NULL)
		return 0;
	if (*needed)
		fr.last = c.seq;
	if (store_walk_deliveries(st, NULL, destination_id,
		segments_first_seq(st->segments), find_row, &fr, err) < 0)
		return -1;
	if (seq != NULL && (*needed || fr.seq != 0))
		*seq = fr.seq != 0 ? fr.seq : c.seq;
	*needed = *needed || fr.seq != 0;
	return 0;
}

/* The first event from seq on; *found is false when there is none. */
static int
event_at(struct store *st, uint64_t *seq, struct store_hold *out, bool *found,
    struct err *err)
{
	struct store_reader *rd = NULL;
	struct event ev;
	int ret;

	if (store_reader_open(st, &rd, err) < 0)
		return -1;
	store_reader_seek(rd, *seq);
	ret = store_reader_next(rd, &ev, found, err);
	if (ret == 0 && *found) {
		*seq = ev.seq;
		out->since_ms = ev.received_ms;
		out->old_ms = store_age_ms(st) - ev.age_ms;
	}
	store_reader_close(rd);
	return ret;
}

/* From the first event that there is at seq or behind it. */
static int
fill_hold(
    struct store *st, uint64_t seq, struct store_hold *out, struct err *err)
{
	bool found;

	if (event_at(st, &seq, out, &found, err) < 0)
		return -1;
	if (!found)
		return 0;
	out->seq = seq;
	out->bytes = segments_due_bytes(st->segments,
	    store_age_ms(st) - st->limits.retain_s * 1000,
	    st->limits.retain_bytes, seq);
	return 0;
}

int
store_pull_hold(struct store *st, const struct store_pull *p,
    struct store_hold *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	return fill_hold(st, p->seq, out, err);
}

int
store_hold(struct store *st, uint64_t destination_id, struct store_hold *out,
    struct err *err)
{
	struct store_destination d;
	uint64_t seq = 0;
	bool found;

	memset(out, 0, sizeof(*out));
	if (store_destination_by_id(
		st, NULL, destination_id, &d, NULL, &found, err) < 0)
		return -1;
	if (!found || d.state == STORE_DESTINATION_REMOVED)
		return 0;
	if (store_needs(st, destination_id, store_durable_seq(st), &seq, &found,
		err) < 0)
		return -1;
	return found ? fill_hold(st, seq, out, err) : 0;
}
