/* read.c: reads what is needed most: settings, rows, events. */
#include "lib/deliver/read.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/deliver/config.h"
#include "lib/deliver/send.h"
#include "lib/deliver/settings.h"

/* --- the log -------------------------------------------------------------- */

/* One of those that the events of an answer are for. */
struct taker {
	struct deliver_destination *de;
	uint64_t from;
	bool full; /* it takes no more of this answer */
};

struct taking {
	struct deliver *dv;
	struct taker *takers;
	size_t n;
	struct buf key;
	uint64_t stopped; /* the event that has to wait for settings; 0: none */
};

/* Why it is not sent, and what sends it all the same. */
static struct span
say_unknown(const struct event *ev, const char *destination,
    char out[DELIVERY_WORDS_MAX])
{
	snprintf(out, DELIVERY_WORDS_MAX,
	    "%s could be read, and the destination selects by type; "
	    "to send it all the same: eyelet-event retry %llu "
	    "--destination %s",
	    ev->type.len == 0 ? "no type" : "not every type",
	    (unsigned long long)ev->seq, destination);
	return span_str(out);
}

static int
offer(struct taking *tk, struct taker *tr, const struct event *ev,
    const struct deliver_endpoint *en, struct err *err)
{
	struct deliver *dv = tk->dv;
	const struct deliver_config *cf = tr->de->config;
	struct schedule_event se = { .seq = ev->seq,
		.endpoint_id = ev->endpoint_id,
		.id = ev->id,
		.type = ev->type,
		.dead = en->removed ? DELIVERY_REMOVED : NULL };
	enum selection selected;
	char words[DELIVERY_WORDS_MAX];
	bool taken;

	if (tr->full || ev->seq < tr->from)
		return 0;
	selected = destination_selects(cf->match, en->name, ev);
	if (selected == SELECTION_NO)
		return 0;
	if (selected == SELECTION_UNKNOWN && !en->removed) {
		se.dead = DELIVERY_TYPE_UNKNOWN;
		se.words = say_unknown(ev, cf->name, words);
	}
	buf_clear(&tk->key);
	if (destination_key(&cf->settings, ev, &tk->key, err) < 0)
		return -1;
	se.key = buf_span(&tk->key);
	if (schedule_take(
		dv->schedule, tr->de->id, &se, dv->now_ms, &taken, err) < 0)
		return -1;
	if (taken) {
		if (se.dead == NULL)
			deliver_cache_want(&dv->cache, ev);
		return 0;
	}
	tr->full = true;
	schedule_passed(dv->schedule, tr->de->id, ev->seq);
	return 0;
}

static int
take_event(void *arg, const struct event *ev, struct err *err)
{
	struct taking *tk = arg;
	struct deliver *dv = tk->dv;
	const struct deliver_endpoint *en;
	size_t i;

	if (tk->stopped != 0)
		return 0;
	en = deliver_find_endpoint(dv, ev->endpoint_id);
	if (en == NULL && dv->unknown_endpoint != ev->endpoint_id) {
		/* It was made since: settings first. */
		dv->unknown_endpoint = ev->endpoint_id;
		dv->has_settings = false;
		tk->stopped = ev->seq;
		return 0;
	}
	if (en == NULL) {
		deliver_log(dv,
		    "note=\"event %llu is of an endpoint that there "
		    "is not\"",
		    (unsigned long long)ev->seq);
		return 0;
	}
	for (i = 0; i < tk->n; i++)
		if (offer(tk, &tk->takers[i], ev, en, err) < 0)
			return -1;
	return 0;
}

/* Those that want what was read, wherever they stand in it. */
static int
gather_takers(struct taking *tk, uint64_t from, uint64_t next, struct err *err)
{
	struct deliver *dv = tk->dv;
	uint64_t seq;
	size_t i;

	tk->takers = calloc(dv->ndestinations + 1, sizeof(*tk->takers));
	if (tk->takers == NULL)
		return err_set(err, ERR_NOMEM, "no memory for reading");
	for (i = 0; i < dv->ndestinations; i++)
		if (schedule_wants(dv->schedule, dv->destinations[i].id,
			dv->now_ms, &seq) &&
		    seq >= from && seq < next) {
			tk->takers[tk->n].de = &dv->destinations[i];
			tk->takers[tk->n++].from = seq;
		}
	return 0;
}

static int
take_log(struct deliver *dv, struct span in, struct err *err)
{
	struct taking tk = { .dv = dv, .key = BUF_INIT(DESTINATION_KEY_MAX) };
	uint64_t next;
	size_t i;
	int ret = -1;

	/* First how far it goes: whose turn it is depends on it. */
	if (feed_get_next(in, &next, err) < 0 ||
	    gather_takers(&tk, dv->asked_seq, next, err) < 0 ||
	    feed_get_events(in, &next, take_event, &tk, err) < 0)
		goto out;
	if (tk.stopped != 0)
		next = tk.stopped;
	for (i = 0; i < tk.n; i++)
		if (!tk.takers[i].full && next > tk.takers[i].from)
			schedule_passed(
			    dv->schedule, tk.takers[i].de->id, next);
	if (next - 1 > dv->durable_seq)
		dv->durable_seq = next - 1;
	ret = 0;
out:
	free(tk.takers);
	buf_free(&tk.key);
	return ret;
}

static int
cache_event(void *arg, const struct event *ev, struct err *err)
{
	struct deliver *dv = arg;

	return deliver_cache_add(&dv->cache, ev, err);
}

static int
take_events(struct deliver *dv, struct span in, struct err *err)
{
	uint64_t next;

	if (feed_get_events(in, &next, cache_event, dv, err) < 0)
		return -1;
	return deliver_fetched(dv, next, err);
}

/* --- answers -------------------------------------------------------------- */

static int
ask(struct deliver *dv, const struct feed_call *call, struct err *err)
{
	dv->asked = call->verb;
	return deliver_line_ask(&dv->reader, call, err);
}

static int
take_rows(struct deliver *dv, struct span in, bool *more, struct err *err)
{
	struct feed_call call = { .verb = FEED_ROWS,
		.destination_id = dv->asked_id };

	if (deliver_take_rows(dv, in, &call.seq, err) < 0)
		return -1;
	*more = call.seq != 0;
	if (!*more)
		return 0;
	deliver_line_done(&dv->reader);
	return ask(dv, &call, err);
}

static int
take_answer(struct deliver *dv, bool *more, struct err *err)
{
	struct span in = dv->reader.answer;

	switch (dv->asked) {
	case FEED_SETTINGS:
		return deliver_take_settings(dv, in, err);
	case FEED_ROWS:
		return take_rows(dv, in, more, err);
	case FEED_READ:
		return take_log(dv, in, err);
	case FEED_EVENTS:
		return take_events(dv, in, err);
	case FEED_WAIT:
	case FEED_REPORT:
		break;
	}
	return err_set(err, ERR_USAGE, "the reader was asked something else");
}

/*
 * A call that failed is made again later. A destination that is there no more
 * when its rows are asked for is a matter of newer settings.
 */
static int
finish_failed(struct deliver *dv, struct err *err)
{
	bool removed =
	    dv->asked == FEED_ROWS && dv->reader.err.code == ERR_NOTFOUND;

	if (dv->asked == FEED_ROWS)
		deliver_rows_failed(dv);
	*err = dv->reader.err;
	deliver_line_done(&dv->reader);
	if (!removed)
		return deliver_owner_failed(dv, &dv->reader_ms, err);
	dv->has_settings = false;
	return 0;
}

static int
finish_answer(struct deliver *dv, struct err *err)
{
	bool more = false;
	int ret;

	if (dv->reader.ret < 0)
		return finish_failed(dv, err);
	deliver_owner_answered(dv);
	ret = take_answer(dv, &more, err);
	if (!more)
		deliver_line_done(&dv->reader);
	return ret;
}

/* --- asking --------------------------------------------------------------- */

/*
 * Where the log is to be read: the first place that somebody wants behind the
 * one that was read last, then from the first again. So who lags behind and
 * who stands at the tip have their turns, and they meet.
 */
static bool
choose_place(struct deliver *dv, uint64_t *place)
{
	uint64_t seq, first = UINT64_MAX, behind = UINT64_MAX;
	size_t i;

	for (i = 0; i < dv->ndestinations; i++) {
		if (!schedule_wants(dv->schedule, dv->destinations[i].id,
			dv->now_ms, &seq) ||
		    seq > dv->durable_seq)
			continue;
		if (seq < first)
			first = seq;
		if (seq > dv->asked_seq && seq < behind)
			behind = seq;
	}
	*place = behind != UINT64_MAX ? behind : first;
	return *place != UINT64_MAX;
}

static struct deliver_destination *
first_without_rows(struct deliver *dv)
{
	size_t i;

	for (i = 0; i < dv->ndestinations; i++)
		if (dv->destinations[i].rows_wanted)
			return &dv->destinations[i];
	return NULL;
}

static int
ask_rows(struct deliver *dv, struct deliver_destination *de, struct err *err)
{
	struct feed_call call = { .verb = FEED_ROWS, .destination_id = de->id };

	if (schedule_rows_begin(dv->schedule, de->id, dv->now_ms, err) < 0)
		return -1;
	de->rows_wanted = false;
	dv->asked_id = de->id;
	return ask(dv, &call, err);
}

static int
ask_log(struct deliver *dv, struct err *err)
{
	uint64_t seqs[FEED_SEQS_MAX];
	struct feed_call fetch = { .verb = FEED_EVENTS, .seqs = seqs },
			 read = { .verb = FEED_READ };
	bool wanted;

	wanted = !dv->stopping && choose_place(dv, &read.seq);
	if (!wanted || !dv->fetched_last) {
		fetch.nseqs = deliver_wanted_events(dv, seqs);
		dv->fetched_last = fetch.nseqs > 0;
		if (fetch.nseqs > 0)
			return ask(dv, &fetch, err);
	}
	if (!wanted)
		return 0;
	dv->fetched_last = false;
	dv->asked_seq = read.seq;
	return ask(dv, &read, err);
}

int
deliver_read(struct deliver *dv, struct err *err)
{
	struct feed_call settings = { .verb = FEED_SETTINGS };
	struct deliver_destination *de;

	if (deliver_line_state(&dv->reader) == DELIVER_LINE_ANSWERED &&
	    finish_answer(dv, err) < 0)
		return -1;
	/* Of a held store the settings alone, once the old ones are gone. */
	if (dv->live.off || (dv->held && dv->has_settings) ||
	    deliver_line_state(&dv->reader) != DELIVER_LINE_IDLE ||
	    clock_ms() < dv->reader_ms)
		return 0;
	if (!dv->has_settings || dv->settings_touched != dv->touched)
		return ask(dv, &settings, err);
	de = first_without_rows(dv);
	if (de != NULL)
		return ask_rows(dv, de, err);
	return ask_log(dv, err);
}

bool
deliver_read_all(struct deliver *dv)
{
	uint64_t place;

	return deliver_line_state(&dv->reader) == DELIVER_LINE_IDLE &&
	       dv->has_settings && dv->settings_touched == dv->touched &&
	       first_without_rows(dv) == NULL && !choose_place(dv, &place) &&
	       dv->waiting.first == NULL;
}
