/* delivery.c: what became of an event at each destination. */
#include "lib/ops/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/ops/destination_find.h"

#define PLACES_MAX 100000 /* destinations there ever were */

/* --- destinations --------------------------------------------------------- */

struct loading {
	const struct op_call *call;
	struct op_places *out;
	bool removed;
};

static int
fill_place(const struct op_call *call, const struct store_destination *d,
    struct op_place *pl, struct err *err)
{
	bool found;

	memset(pl, 0, sizeof(*pl));
	pl->id = d->id;
	pl->state = d->state;
	memcpy(pl->name, d->name, sizeof(pl->name));
	destination_init(&pl->settings);
	if (destination_decode(d->doc, &pl->settings, err) < 0 ||
	    destination_match_new(&pl->settings, &pl->match, err) < 0 ||
	    store_cursor(call->ops->store, pl->id, &pl->cursor, &found, err) <
		0)
		return err_wrap(err, "destination \"%s\"", d->name);
	return 0;
}

static int
add_place(void *arg, const struct store_destination *d, struct err *err)
{
	struct loading *ld = arg;
	struct op_places *out = ld->out;
	struct op_place *grown;

	if (d->state == STORE_DESTINATION_REMOVED && !ld->removed)
		return 0;
	if (out->n == PLACES_MAX)
		return err_set(
		    err, ERR_LIMIT, "more than %d destinations", PLACES_MAX);
	grown = realloc(out->at, (out->n + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for destinations");
	out->at = grown;
	/* Counted even if it fails half way: it is freed. */
	return fill_place(ld->call, d, &out->at[out->n++], err);
}

int
op_places_load(const struct op_call *call, bool removed, struct op_places *out,
    struct err *err)
{
	const char *name = op_text(call, "destination");
	struct buf doc = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct loading ld = { call, out, removed };
	struct store_destination d;
	int ret;

	memset(out, 0, sizeof(*out));
	if (name == NULL)
		ret = store_destinations(
		    call->ops->store, NULL, add_place, &ld, err);
	else if (op_find_destination(call, NULL, name, &d, &doc, err) < 0)
		ret = -1;
	else
		ret = add_place(&ld, &d, err);
	buf_wipe(&doc);
	return ret;
}

void
op_places_free(struct op_places *p)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		destination_match_free(p->at[i].match);
		destination_free(&p->at[i].settings);
	}
	free(p->at);
	p->at = NULL;
	p->n = 0;
}

static int
compare_ids(const void *a, const void *b)
{
	const struct op_place *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

const struct op_place *
op_places_find(const struct op_places *p, uint64_t id)
{
	struct op_place key = { .id = id };

	return p->n == 0
		   ? NULL
		   : bsearch(&key, p->at, p->n, sizeof(*p->at), compare_ids);
}

/* --- one delivery --------------------------------------------------------- */

enum op_status
op_delivery_status(enum store_delivery_state state)
{
	switch (state) {
	case STORE_DELIVERY_PENDING:
		return OP_STATUS_PENDING;
	case STORE_DELIVERY_RETRYING:
		return OP_STATUS_RETRYING;
	case STORE_DELIVERY_PARKED:
		return OP_STATUS_PARKED;
	case STORE_DELIVERY_DEAD:
		return OP_STATUS_DEAD;
	}
	return OP_STATUS_ANY;
}

/* What all attempts together say. */
struct history {
	unsigned attempts;
	bool delivered;
	int64_t last_ms;
	int last_status;
};

static int
note_attempt(void *arg, const struct store_attempt *a, struct err *err)
{
	struct history *h = arg;

	(void)err;
	if (a->no > h->attempts)
		h->attempts = a->no;
	if (a->result == STORE_ATTEMPT_DELIVERED)
		h->delivered = true;
	h->last_ms = a->at_ms;
	h->last_status = a->status;
	return 0;
}

void
op_delivery_of_row(const struct store_delivery *row, struct op_delivery *out)
{
	struct op_delivery d = { .has_row = true,
		.row = *row,
		.status = op_delivery_status(row->state),
		.attempts = row->attempts,
		.last_ms = row->attempts > 0 ? row->last_ms : 0,
		.last_status = row->status };

	*out = d;
}

int
op_delivery_find(const struct op_call *call, struct store_tx *tx,
    const struct op_place *place, const struct event *ev, const char *endpoint,
    struct op_delivery *out, struct buf *scratch, struct err *err)
{
	struct store *st = call->ops->store;
	struct history h = { 0, false, 0, 0 };

	memset(out, 0, sizeof(*out));
	if (store_delivery(st, tx, place->id, ev->seq, &out->row, scratch,
		&out->has_row, err) < 0)
		return -1;
	if (out->has_row) {
		op_delivery_of_row(&out->row, out);
		return 0;
	}
	if (store_attempts(st, ev->seq, place->id, note_attempt, &h, err) < 0)
		return -1;
	out->attempts = h.attempts;
	out->last_ms = h.last_ms;
	out->last_status = h.last_status;
	if (h.delivered)
		out->status = OP_STATUS_DELIVERED;
	else if (ev->seq < place->cursor)
		out->dropped = h.attempts > 0;
	else if (place->state != STORE_DESTINATION_REMOVED &&
		 destination_selects(place->match, endpoint, ev) !=
		     SELECTION_NO)
		out->status = OP_STATUS_PENDING;
	return 0;
}

/* --- as a row ------------------------------------------------------------- */

/* A reply may be cut within a character: then what is left of it goes. */
static struct span
whole_characters(struct span s)
{
	size_t cut;

	for (cut = 0; s.len >= DELIVERY_EXCERPT_MAX && cut < 4; cut++)
		if (text_is_utf8(span_of(s.ptr, s.len - cut)))
			return span_of(s.ptr, s.len - cut);
	return s;
}

static void
write_words(struct json_write *w, const char *name, struct span s)
{
	if (s.len == 0)
		json_write_null(w, name);
	else
		json_write_bytes(w, name, s);
}

void
op_delivery_write(struct json_write *w, const struct op_place *place,
    const struct op_delivery *d)
{
	struct span none = SPAN_EMPTY;

	json_write_str(w, "destination", place->name);
	json_write_str(
	    w, "state", d->dropped ? "dropped" : op_status_word(d->status));
	write_words(w, "reason", d->has_row ? d->row.reason : none);
	json_write_uint(w, "attempts_made", d->attempts);
	json_write_time(w, "last_at", d->last_ms);
	if (d->last_status == 0)
		json_write_null(w, "last_status");
	else
		json_write_int(w, "last_status", d->last_status);
	write_words(w, "words", d->has_row ? d->row.words : none);
	json_write_time(
	    w, "next_at", d->status == OP_STATUS_RETRYING ? d->row.due_ms : 0);
	json_write_time(w, "since", d->has_row ? d->row.since_ms : 0);
}

static int
write_attempt(void *arg, const struct store_attempt *a, struct err *err)
{
	static const char *const results[] = { [STORE_ATTEMPT_DELIVERED] =
						   "delivered",
		[STORE_ATTEMPT_FAILED] = "failed",
		[STORE_ATTEMPT_DEAD] = "dead" };
	struct json_write *w = arg;

	(void)err;
	json_write_object(w, NULL);
	json_write_uint(w, "no", a->no);
	json_write_time(w, "at", a->at_ms);
	json_write_str(w, "result", results[a->result]);
	if (a->status == 0)
		json_write_null(w, "status");
	else
		json_write_int(w, "status", a->status);
	json_write_int(w, "took_ms", a->took_us / 1000);
	write_words(w, "words", a->words);
	json_write_time(
	    w, "next_at", a->result == STORE_ATTEMPT_FAILED ? a->next_ms : 0);
	json_write_close(w);
	return 0;
}

int
op_delivery_write_all(const struct op_call *call, struct json_write *w,
    const struct event *ev, const char *endpoint, bool *waits, struct err *err)
{
	struct buf scratch = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct op_places places;
	struct op_delivery d;
	const struct op_place *pl;
	size_t i;
	int ret = -1;

	json_write_array(w, "deliveries");
	if (op_places_load(call, true, &places, err) < 0)
		goto out;
	for (i = 0; i < places.n; i++) {
		pl = &places.at[i];
		if (op_delivery_find(
			call, NULL, pl, ev, endpoint, &d, &scratch, err) < 0)
			goto out;
		if (d.status == OP_STATUS_ANY && !d.dropped)
			continue;
		if (d.status == OP_STATUS_PENDING ||
		    d.status == OP_STATUS_RETRYING)
			*waits = true;
		json_write_object(w, NULL);
		op_delivery_write(w, pl, &d);
		write_words(w, "excerpt",
		    d.has_row ? whole_characters(d.row.excerpt) : SPAN_EMPTY);
		json_write_array(w, "attempts");
		if (store_attempts(call->ops->store, ev->seq, pl->id,
			write_attempt, w, err) < 0)
			goto out;
		json_write_close(w);
		json_write_close(w);
	}
	json_write_close(w);
	ret = 0;
out:
	op_places_free(&places);
	buf_free(&scratch);
	return ret;
}

const char *
op_place_words(const struct op_place *pl)
{
	switch (pl->state) {
	case STORE_DESTINATION_ENABLED:
		return "";
	case STORE_DESTINATION_PAUSED:
		return "the destination is paused: it waits until that is "
		       "resumed";
	case STORE_DESTINATION_DISABLED:
		return "the destination is disabled: it waits until that is "
		       "resumed";
	case STORE_DESTINATION_REMOVED:
		break;
	}
	return "the destination is removed";
}
