/* feed_call.c: what the deliverer asks for, to bytes and back. */
#include "lib/owner/feed_impl.h"

#include <stdlib.h>

/* --- to bytes ------------------------------------------------------------- */

static int
put_seqs(const struct feed_call *call, struct buf *out, struct err *err)
{
	size_t i;

	if (call->nseqs > FEED_SEQS_MAX)
		return err_set(err, ERR_LIMIT,
		    "%zu events are asked for at once, more than %d",
		    call->nseqs, FEED_SEQS_MAX);
	if (pack_put32(out, call->nseqs, err) < 0)
		return -1;
	for (i = 0; i < call->nseqs; i++)
		if (pack_put64(out, call->seqs[i], err) < 0)
			return -1;
	return 0;
}

static int
put_item(struct buf *out, const struct store_report_item *item, struct err *err)
{
	if (pack_put8(out, item->kind, err) < 0 ||
	    pack_put8(out, item->has_attempt, err) < 0)
		return -1;
	if (item->kind == STORE_REPORT_ROW &&
	    feed_put_delivery(out, &item->delivery, err) < 0)
		return -1;
	if (item->kind == STORE_REPORT_DONE &&
	    (pack_put64(out, item->delivery.destination_id, err) < 0 ||
		pack_put64(out, item->delivery.seq, err) < 0 ||
		pack_put64(out, item->delivery.stamp, err) < 0))
		return -1;
	return item->has_attempt ? feed_put_attempt(out, &item->attempt, err)
				 : 0;
}

static int
put_report(struct buf *out, const struct store_report *report, struct err *err)
{
	size_t i;

	if (report->nitems > STORE_REPORT_ITEMS_MAX ||
	    report->ncursors > FEED_CURSORS_MAX ||
	    report->nfailings > FEED_CURSORS_MAX)
		return err_set(err, ERR_LIMIT,
		    "a report has %zu items and %zu cursors, more than %d and "
		    "%d",
		    report->nitems, report->ncursors, STORE_REPORT_ITEMS_MAX,
		    FEED_CURSORS_MAX);
	if (pack_put32(out, report->nitems, err) < 0)
		return -1;
	for (i = 0; i < report->nitems; i++)
		if (put_item(out, &report->items[i], err) < 0)
			return -1;
	if (pack_put32(out, report->ncursors, err) < 0)
		return -1;
	for (i = 0; i < report->ncursors; i++)
		if (pack_put64(out, report->cursors[i].destination_id, err) <
			0 ||
		    pack_put64(out, report->cursors[i].seq, err) < 0)
			return -1;
	if (pack_put32(out, report->nfailings, err) < 0)
		return -1;
	for (i = 0; i < report->nfailings; i++)
		if (pack_put64(out, report->failings[i].destination_id, err) <
			0 ||
		    feed_put_failing(out, &report->failings[i].failing, err) <
			0)
			return -1;
	return 0;
}

int
feed_put_call(const struct feed_call *call, struct buf *out, struct err *err)
{
	if (pack_put8(out, call->verb, err) < 0)
		return -1;
	switch (call->verb) {
	case FEED_WAIT:
		if (pack_put64(out, call->seq, err) < 0 ||
		    pack_put64(out, call->touched, err) < 0)
			return -1;
		return pack_put32(out, (unsigned long)call->wait_ms, err);
	case FEED_SETTINGS:
		return 0;
	case FEED_ROWS:
		if (pack_put64(out, call->destination_id, err) < 0)
			return -1;
		return pack_put64(out, call->seq, err);
	case FEED_READ:
		return pack_put64(out, call->seq, err);
	case FEED_EVENTS:
		return put_seqs(call, out, err);
	case FEED_REPORT:
		return put_report(out, &call->report, err);
	}
	return err_set(err, ERR_USAGE, "there is no feed verb %d", call->verb);
}

/* --- and back ------------------------------------------------------------- */

/*
 * A count of things of at least `least` bytes each, for which memory is made.
 * A count that cannot be true takes none.
 */
static void *
get_list(struct pack_reader *rd, size_t max, size_t least, size_t size,
    size_t *n, struct err *err)
{
	size_t count = pack_get32(rd);
	void *list;

	if (rd->bad || count > max || count > rd->left / least) {
		feed_end(&(struct pack_reader){ .bad = true }, "call", err);
		return NULL;
	}
	list = calloc(count + 1, size);
	if (list == NULL)
		err_set(err, ERR_NOMEM, "no memory for a feed's call");
	*n = count;
	return list;
}

static int
get_seqs(struct pack_reader *rd, struct feed_got *got, struct err *err)
{
	struct feed_call *call = &got->call;
	size_t i;

	got->seqs = get_list(rd, FEED_SEQS_MAX, sizeof(uint64_t),
	    sizeof(uint64_t), &call->nseqs, err);
	if (got->seqs == NULL)
		return -1;
	for (i = 0; i < call->nseqs; i++) {
		got->seqs[i] = pack_get64(rd);
		if (i > 0 && got->seqs[i] <= got->seqs[i - 1])
			rd->bad = true;
	}
	if (call->nseqs == 0)
		rd->bad = true;
	call->seqs = got->seqs;
	return 0;
}

static void
get_item(struct pack_reader *rd, struct store_report_item *item)
{
	unsigned kind = pack_get8(rd), has_attempt = pack_get8(rd);

	if (kind == STORE_REPORT_ROW) {
		feed_get_delivery(rd, &item->delivery);
	} else if (kind == STORE_REPORT_DONE) {
		item->delivery.destination_id = pack_get64(rd);
		item->delivery.seq = pack_get64(rd);
		item->delivery.stamp = pack_get64(rd);
	} else {
		rd->bad = true;
	}
	if (has_attempt > 1)
		rd->bad = true;
	item->kind = (enum store_report_kind)kind;
	item->has_attempt = has_attempt == 1;
	if (!item->has_attempt)
		return;
	feed_get_attempt(rd, &item->attempt);
	item->attempt.seq = item->delivery.seq;
	item->attempt.destination_id = item->delivery.destination_id;
}

#define ITEM_LEAST (1 + 1 + 8 + 8 + 8)
#define CURSOR_LEAST (8 + 8)
#define FAILING_LEAST (8 + 8 + 8)

static int
get_report(struct pack_reader *rd, struct feed_got *got, struct err *err)
{
	struct store_report *report = &got->call.report;
	size_t i;

	got->items = get_list(rd, STORE_REPORT_ITEMS_MAX, ITEM_LEAST,
	    sizeof(*got->items), &report->nitems, err);
	if (got->items == NULL)
		return -1;
	for (i = 0; i < report->nitems; i++)
		get_item(rd, &got->items[i]);
	report->items = got->items;
	got->cursors = get_list(rd, FEED_CURSORS_MAX, CURSOR_LEAST,
	    sizeof(*got->cursors), &report->ncursors, err);
	if (got->cursors == NULL)
		return -1;
	for (i = 0; i < report->ncursors; i++) {
		got->cursors[i].destination_id = pack_get64(rd);
		got->cursors[i].seq = pack_get64(rd);
	}
	report->cursors = got->cursors;
	got->failings = get_list(rd, FEED_CURSORS_MAX, FAILING_LEAST,
	    sizeof(*got->failings), &report->nfailings, err);
	if (got->failings == NULL)
		return -1;
	for (i = 0; i < report->nfailings; i++) {
		got->failings[i].destination_id = pack_get64(rd);
		feed_get_failing(rd, &got->failings[i].failing);
	}
	report->failings = got->failings;
	return 0;
}

int
feed_get_call(struct span in, struct feed_got *got, struct err *err)
{
	struct pack_reader rd = pack_reader_of(in);
	struct feed_call *call = &got->call;
	unsigned long wait_ms;
	unsigned verb;

	verb = pack_get8(&rd);
	if (verb < FEED_WAIT || verb > FEED_REPORT)
		return err_set(
		    err, ERR_INPUT, "there is no feed verb %u", verb);
	call->verb = (enum feed_verb)verb;
	switch (call->verb) {
	case FEED_WAIT:
		call->seq = pack_get64(&rd);
		call->touched = pack_get64(&rd);
		wait_ms = pack_get32(&rd);
		if (wait_ms > FEED_WAIT_MAX_MS)
			rd.bad = true;
		call->wait_ms = rd.bad ? 0 : (int)wait_ms;
		break;
	case FEED_SETTINGS:
		break;
	case FEED_ROWS:
		call->destination_id = pack_get64(&rd);
		call->seq = pack_get64(&rd);
		break;
	case FEED_READ:
		call->seq = pack_get64(&rd);
		break;
	case FEED_EVENTS:
		if (get_seqs(&rd, got, err) < 0)
			return -1;
		break;
	case FEED_REPORT:
		if (get_report(&rd, got, err) < 0)
			return -1;
		break;
	}
	return feed_end(&rd, "call", err);
}

void
feed_got_free(struct feed_got *got)
{
	free(got->seqs);
	free(got->items);
	free(got->cursors);
	free(got->failings);
}
