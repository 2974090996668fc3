/*
 * replay.c: events that a destination had are sent to it again. A replay
 * is a row like any other; it is done part by part, a part being what matches
 * among so many seqs, so that the same request never makes a second one.
 */
#include "lib/ops/delivery.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/ops/delivery_part.h"
#include "lib/ops/held.h"

#define STRINGS_MAX (OP_PART_MAX * 1024) /* bytes of a part's texts */

/* An event on its way to a row; texts are offsets into the part's strings. */
struct item {
	uint64_t seq, endpoint_id;
	size_t id, type, key, end;
	unsigned attempts; /* made before */
};

enum {
	REPLAYED,
	WAITING, /* pending or retrying already */
	PARKED,
	GONE, /* from the log, since it was looked at */
	NOT_REACHED, /* it comes in its turn */
	COUNTS
};

static const char *const count_names[COUNTS] = { "replayed", "waiting",
	"parked", "gone", "not_reached" };

/* What goes to one destination, and what went there. */
struct part {
	const struct op_place *place;
	struct item items[OP_PART_MAX];
	size_t n;
	struct buf strings;
	uint64_t counts[COUNTS];
};

struct replay {
	const struct op_call *call;
	unsigned char request_id[STORE_REQUEST_ID];
	bool dry;
	struct op_filter filter; /* for its names, and what it refuses */
	struct op_places places;
	struct part *parts; /* one for each place */
	bool singly; /* each event is a part */
	uint64_t number; /* of the part under way */
	uint64_t events; /* that match the filter */
	struct buf scratch, key, row;
};

/* --- in the committer ----------------------------------------------------- */

struct changing {
	struct replay *rp;
	struct part *part;
};

static struct span
text_of(const struct part *pt, size_t from, size_t to)
{
	return span_of(pt->strings.ptr + from, to - from);
}

/* May this row become a replay? */
static int
classify(const struct store_delivery *row)
{
	switch (row->state) {
	case STORE_DELIVERY_PENDING:
	case STORE_DELIVERY_RETRYING:
		return WAITING;
	case STORE_DELIVERY_PARKED:
		return PARKED;
	case STORE_DELIVERY_DEAD:
		break;
	}
	return REPLAYED;
}

static int
put_row(struct replay *rp, struct store_tx *tx, const struct part *pt,
    const struct item *it, uint64_t counts[COUNTS], struct err *err)
{
	struct store_delivery row;
	bool found;
	int what;

	if (store_delivery(rp->call->ops->store, tx, pt->place->id, it->seq,
		&row, &rp->scratch, &found, err) < 0)
		return -1;
	what = found ? classify(&row) : REPLAYED;
	if (what != REPLAYED || rp->dry) {
		counts[what]++;
		return 0;
	}
	if (!found) {
		memset(&row, 0, sizeof(row));
		row.destination_id = pt->place->id;
		row.seq = it->seq;
		row.endpoint_id = it->endpoint_id;
		row.attempts = it->attempts;
		row.since_ms = store_tx_now_ms(tx);
		row.id = text_of(pt, it->id, it->type);
		row.type = text_of(pt, it->type, it->key);
		row.key = text_of(pt, it->key, it->end);
	}
	row.state = STORE_DELIVERY_PENDING;
	row.reason = SPAN_EMPTY;
	row.planned = 0;
	row.due_ms = 0;
	if (op_put_delivery(tx, &row, &found, err) < 0)
		return -1;
	counts[found ? REPLAYED : GONE]++;
	return 0;
}

static int
change_part(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct changing *ch = arg;
	const struct part *pt = ch->part;
	uint64_t counts[COUNTS] = { 0 };
	struct json_write w;
	size_t i;

	for (i = 0; i < pt->n; i++)
		if (put_row(ch->rp, tx, pt, &pt->items[i], counts, err) < 0)
			return -1;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	for (i = 0; i < COUNTS; i++)
		if (i != NOT_REACHED)
			json_write_uint(&w, count_names[i], counts[i]);
	json_write_uint(&w, "from_seq", pt->items[0].seq);
	json_write_uint(&w, "to_seq", pt->items[pt->n - 1].seq);
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	return store_tx_audit(
	    tx, ch->rp->call->name, pt->place->name, buf_span(result), err);
}

/* What was done, now or when the same was asked before. */
static int
add_counts(struct part *pt, struct span result, struct err *err)
{
	struct json *row = NULL;
	int64_t n;
	size_t i;
	int ret = -1;

	if (json_parse(result, &row, err) < 0)
		goto out;
	for (i = 0; i < COUNTS; i++) {
		n = 0;
		if (json_opt_int(row, count_names[i], &n, err) < 0)
			goto out;
		pt->counts[i] += (uint64_t)n;
	}
	ret = 0;
out:
	json_free(row);
	return ret;
}

static int
send_part(struct replay *rp, struct part *pt, struct err *err)
{
	struct changing ch = { rp, pt };
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	size_t i;
	int ret = -1;

	if (rp->dry) {
		for (i = 0; i < pt->n; i++)
			if (put_row(rp, NULL, pt, &pt->items[i], pt->counts,
				err) < 0)
				goto out;
	} else if (op_change_part(rp->call, rp->request_id, pt->place->id,
		       rp->number, change_part, &ch, &result, err) < 0 ||
		   add_counts(pt, buf_span(&result), err) < 0) {
		goto out;
	}
	ret = 0;
out:
	pt->n = 0;
	buf_clear(&pt->strings);
	buf_free(&result);
	return ret;
}

static int
send_parts(struct replay *rp, struct err *err)
{
	size_t i;

	for (i = 0; i < rp->places.n; i++)
		if (rp->parts[i].n > 0 && send_part(rp, &rp->parts[i], err) < 0)
			return -1;
	return 0;
}

/* --- gathering ------------------------------------------------------------ */

static int
note_attempts(void *arg, const struct store_attempt *a, struct err *err)
{
	unsigned *n = arg;

	(void)err;
	if (a->no > *n)
		*n = a->no;
	return 0;
}

static int
add_item(
    struct replay *rp, struct part *pt, const struct event *ev, struct err *err)
{
	struct item *it = &pt->items[pt->n];

	if (destination_key(&pt->place->settings, ev, &rp->key, err) < 0)
		return -1;
	it->seq = ev->seq;
	it->endpoint_id = ev->endpoint_id;
	it->attempts = 0;
	it->id = pt->strings.len;
	it->type = it->id + ev->id.len;
	it->key = it->type + ev->type.len;
	it->end = it->key + rp->key.len;
	if (store_attempts(rp->call->ops->store, ev->seq, pt->place->id,
		note_attempts, &it->attempts, err) < 0 ||
	    buf_put_span(&pt->strings, ev->id, err) < 0 ||
	    buf_put_span(&pt->strings, ev->type, err) < 0 ||
	    buf_put_span(&pt->strings, buf_span(&rp->key), err) < 0)
		return -1;
	pt->n++;
	return 0;
}

/*
 * Parts are numbered by what is in them, so that a repeat makes the same ones
 * though some of the log may be gone. Events that are named come in any order.
 */
static uint64_t
number_of(const struct replay *rp, uint64_t seq)
{
	return rp->singly ? seq | UINT64_C(1) << 63 : seq / OP_PART_MAX;
}

static int
take_event(
    void *arg, const struct event *ev, const char *endpoint, struct err *err)
{
	struct replay *rp = arg;
	uint64_t number = number_of(rp, ev->seq);
	struct part *pt;
	size_t i;

	if (number != rp->number && send_parts(rp, err) < 0)
		return -1;
	rp->number = number;
	rp->events++;
	for (i = 0; i < rp->places.n; i++) {
		pt = &rp->parts[i];
		if (destination_selects(pt->place->match, endpoint, ev) ==
		    SELECTION_NO)
			continue;
		if (ev->seq >= pt->place->cursor)
			pt->counts[NOT_REACHED]++;
		else if (add_item(rp, pt, ev, err) < 0)
			return -1;
	}
	return 0;
}

/* The events that are named one by one, each of which must be there. */
static int
take_seqs(struct replay *rp, struct err *err)
{
	struct store_reader *rd = NULL;
	const struct json *at = NULL;
	const struct op_name *name;
	struct event ev;
	uint64_t seq;
	bool found;
	int ret = -1;

	if (store_reader_open(rp->call->ops->store, &rd, err) < 0)
		goto out;
	for (;;) {
		if (op_next_seq(rp->call, &at, &seq, err) < 0)
			goto out;
		if (seq == 0)
			break;
		store_reader_seek(rd, seq);
		if (store_reader_next(rd, &ev, &found, err) < 0)
			goto out;
		if (!found || ev.seq != seq) {
			op_fail_no_event(rp->call, seq, err);
			goto out;
		}
		if (op_filter_name(&rp->filter, ev.endpoint_id, &name, err) <
			0 ||
		    take_event(rp, &ev, name->name, err) < 0)
			goto out;
	}
	ret = 0;
out:
	store_reader_close(rd);
	return ret;
}

static int
take_range(struct replay *rp, struct err *err)
{
	const struct op_call *call = rp->call;
	int64_t from, to;

	if (op_int(call, "from_seq", 0, 0, JSON_INT_MAX, &from, err) < 0 ||
	    op_int(call, "to_seq", JSON_INT_MAX - 1, 0, JSON_INT_MAX - 1, &to,
		err) < 0)
		return -1;
	return op_events_walk_in(call, OP_OLDEST_FIRST, (uint64_t)from,
	    (uint64_t)to + 1, take_event, rp, err);
}

/* --- the answer ----------------------------------------------------------- */

static void
write_request_id(struct json_write *w, const struct replay *rp)
{
	struct buf hex = BUF_INIT(2 * STORE_REQUEST_ID + 1);
	struct err err = ERR_INIT;

	if (encode_put(ENCODING_HEX, span_of(rp->request_id, STORE_REQUEST_ID),
		&hex, &err) == 0)
		json_write_bytes(w, "request_id", buf_span(&hex));
	buf_free(&hex);
}

static int
emit_part(struct replay *rp, const struct part *pt, struct err *err)
{
	const char *more = op_place_words(pt->place);
	struct op_warnings ws = { .n = 0 };
	struct json_write w;
	size_t i;

	if (pt->counts[REPLAYED] > 0 && more[0] != '\0')
		op_warn(&ws, "%s: %s", pt->place->name, more);
	json_write_init(&w, &rp->row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "destination", pt->place->name);
	for (i = 0; i < COUNTS; i++)
		json_write_uint(&w, count_names[i], pt->counts[i]);
	json_write_bool(&w, "dry_run", rp->dry);
	op_write_warnings(&w, &ws);
	json_write_close(&w);
	return op_emit(rp->call, &w, &rp->row, err);
}

/* Each destination that wants some of them; then how many there are. */
static int
emit_parts(struct replay *rp, struct err *err)
{
	struct json_write w;
	uint64_t all;
	size_t i, c;

	for (i = 0; i < rp->places.n; i++) {
		for (all = 0, c = 0; c < COUNTS; c++)
			all += rp->parts[i].counts[c];
		if (all > 0 && emit_part(rp, &rp->parts[i], err) < 0)
			return -1;
	}
	json_write_init(&w, &rp->row, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "events", rp->events);
	json_write_bool(&w, "dry_run", rp->dry);
	write_request_id(&w, rp);
	json_write_close(&w);
	return op_emit(rp->call, &w, &rp->row, err);
}

/* -------------------------------------------------------------------------- */

static int
read_request_id(struct replay *rp, struct err *err)
{
	const char *hex = op_text(rp->call, "request_id");
	size_t len;

	memcpy(rp->request_id, rp->call->request_id, STORE_REQUEST_ID);
	if (hex == NULL)
		return 0;
	if (strlen(hex) != 2 * STORE_REQUEST_ID ||
	    !encode_read(ENCODING_HEX, span_str(hex), rp->request_id,
		sizeof(rp->request_id), &len))
		return err_set(err, ERR_USAGE,
		    "a request id has %d hexadecimal digits",
		    2 * STORE_REQUEST_ID);
	return 0;
}

static int
make_parts(struct replay *rp, struct err *err)
{
	size_t i;

	rp->parts = calloc(rp->places.n + 1, sizeof(*rp->parts));
	if (rp->parts == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a replay");
	for (i = 0; i < rp->places.n; i++) {
		rp->parts[i].place = &rp->places.at[i];
		rp->parts[i].strings.max = STRINGS_MAX;
	}
	return 0;
}

static int
check_named(const struct op_call *call, bool some, struct err *err)
{
	static const char *const ranges[] = { "from_seq", "to_seq", "since_ms",
		"until_ms", "endpoint", "type", "id" };
	size_t i;

	for (i = 0; i < NITEMS(ranges); i++)
		if (json_get(call->in, ranges[i]) != NULL)
			return !some ? 0
				     : err_set(err, ERR_USAGE,
					   "events are named by their seqs, or "
					   "by a filter, not by both");
	if (some)
		return 0;
	return err_set(err, ERR_USAGE,
	    "name the events: by seqs, a range, a time, an endpoint, a type or "
	    "an id; \"from_seq\" 1 is all there are");
}

int
op_delivery_replay(const struct op_call *call, struct err *err)
{
	struct replay rp = { .call = call,
		.dry = op_flag(call, "dry_run"),
		.row = BUF_INIT(OPS_ROW_MAX),
		.key = BUF_INIT(DESTINATION_KEY_MAX),
		.scratch = BUF_INIT(2 * DESTINATION_DOC_MAX) };
	bool some = json_get(call->in, "seqs") != NULL;
	size_t i;
	int ret = -1;

	rp.singly = some || op_text(call, "id") != NULL;
	if (check_named(call, some, err) < 0 || read_request_id(&rp, err) < 0 ||
	    op_filter_read(call, OP_STATUSES_EVENT, &rp.filter, err) < 0 ||
	    op_places_load(call, false, &rp.places, err) < 0 ||
	    make_parts(&rp, err) < 0)
		goto out;
	if ((some ? take_seqs(&rp, err) : take_range(&rp, err)) < 0 ||
	    send_parts(&rp, err) < 0)
		goto out;
	ret = emit_parts(&rp, err);
out:
	for (i = 0; rp.parts != NULL && i < rp.places.n; i++)
		buf_free(&rp.parts[i].strings);
	free(rp.parts);
	op_filter_free(&rp.filter);
	op_places_free(&rp.places);
	buf_free(&rp.row);
	buf_free(&rp.key);
	buf_free(&rp.scratch);
	return ret;
}
