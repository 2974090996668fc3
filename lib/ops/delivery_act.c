/*
 * delivery_act.c: what an operator does to deliveries that stand in rows:
 * retry, drop, skip, park. One by one by their seqs, or many by destination,
 * status and reason.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/ops/delivery_list.h"
#include "lib/ops/delivery_part.h"
#include "lib/ops/held.h"

#define BIT OP_STATUS_BIT
#define WORDS_MAX 512

static const struct action {
	const char *op;
	const char *done; /* the outcome's word */
	unsigned takes; /* statuses that it changes */
	unsigned usual; /* of many, where no status is named; 0: one by one */
	enum store_delivery_state to; /* 0: the row goes */
	const char *reason;
	const char *then; /* what happens next */
} actions[] = {
	{ "delivery.retry", "retried",
	    BIT(OP_STATUS_RETRYING) | BIT(OP_STATUS_PARKED) |
		BIT(OP_STATUS_DEAD),
	    BIT(OP_STATUS_RETRYING) | BIT(OP_STATUS_DEAD),
	    STORE_DELIVERY_PENDING, "",
	    "it is sent again now, and its retry plan begins anew" },
	{ "delivery.drop", "dropped", BIT(OP_STATUS_DEAD), BIT(OP_STATUS_DEAD),
	    (enum store_delivery_state)0, "",
	    "no dead letter any more; a replay sends the event as long as the "
	    "log has it" },
	{ "delivery.skip", "skipped",
	    BIT(OP_STATUS_PENDING) | BIT(OP_STATUS_RETRYING) |
		BIT(OP_STATUS_PARKED),
	    0, STORE_DELIVERY_DEAD, DELIVERY_SKIPPED,
	    "it is a dead letter now; what waited behind it goes on" },
	{ "delivery.park", "parked",
	    BIT(OP_STATUS_PENDING) | BIT(OP_STATUS_RETRYING), 0,
	    STORE_DELIVERY_PARKED, "",
	    "it waits for \"retry\" and blocks nobody; what waited behind it "
	    "goes on" },
};

struct acting {
	const struct op_call *call;
	const struct action *action;
	struct op_filter filter;
	struct op_places places;
	unsigned statuses; /* that are wanted */
	struct buf row, scratch;
};

/* "retrying, parked or dead" */
static const char *
list_statuses(unsigned statuses, char words[WORDS_MAX])
{
	enum op_status s;
	size_t n = 0;

	words[0] = '\0';
	for (s = OP_STATUS_PENDING; s <= OP_STATUS_DELIVERED; s++) {
		if ((statuses & BIT(s)) == 0)
			continue;
		statuses &= ~BIT(s);
		n += (size_t)snprintf(words + n, WORDS_MAX - n, "%s%s",
		    n == 0              ? ""
		    : statuses < BIT(s) ? " or "
					: ", ",
		    op_status_word(s));
	}
	return words;
}

/* --- the change ----------------------------------------------------------- */

/* One row, in the committer; *was is its status before. */
static int
change_row(struct acting *ac, struct store_tx *tx, const struct op_key *key,
    struct store_delivery *row, bool *found, enum op_status *was,
    struct err *err)
{
	const struct action *action = ac->action;

	if (store_delivery(ac->call->ops->store, tx, key->destination_id,
		key->seq, row, &ac->scratch, found, err) < 0)
		return -1;
	if (!*found)
		return 0;
	*was = op_delivery_status(row->state);
	*found = (ac->statuses & BIT(*was)) != 0;
	if (!*found)
		return 0;
	row->state = action->to;
	row->reason = span_str(action->reason);
	row->planned = 0;
	row->due_ms = 0;
	if (action->to == STORE_DELIVERY_DEAD)
		row->last_ms = store_tx_now_ms(tx);
	return op_put_delivery(tx, row, found, err);
}

/* --- one by one ----------------------------------------------------------- */

struct one {
	struct acting *ac;
	const struct op_place *place;
	struct op_key key;
};

static void
write_one(struct json_write *w, const struct one *on,
    const struct store_delivery *row, enum op_status was)
{
	const struct action *action = on->ac->action;
	enum op_status now = op_delivery_status(action->to);

	json_write_uint(w, "seq", row->seq);
	json_write_str(w, "destination", on->place->name);
	json_write_bytes(w, "id", row->id);
	if (row->type.len > 0)
		json_write_bytes(w, "type", row->type);
	else
		json_write_null(w, "type");
	json_write_str(w, "outcome", action->done);
	json_write_str(w, "was", op_status_word(was));
	json_write_str(
	    w, "state", now == OP_STATUS_ANY ? "dropped" : op_status_word(now));
}

static void
write_next_words(struct json_write *w, const struct one *on)
{
	const char *more = op_place_words(on->place);
	char words[WORDS_MAX];

	if (on->ac->action->to != STORE_DELIVERY_PENDING || more[0] == '\0')
		more = on->ac->action->then;
	snprintf(words, sizeof(words), "%s", more);
	json_write_str(w, "words", words);
}

static int
change_one(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct one *on = arg;
	struct buf detail = BUF_INIT(8192);
	enum op_status was = OP_STATUS_ANY;
	struct store_delivery row;
	struct json_write w;
	bool found;
	int ret = -1;

	if (change_row(on->ac, tx, &on->key, &row, &found, &was, err) < 0)
		goto out;
	if (!found) {
		err_set(err, ERR_CONFLICT,
		    "event %llu went on meanwhile: look again",
		    (unsigned long long)on->key.seq);
		goto out;
	}
	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	write_one(&w, on, &row, was);
	json_write_close(&w);
	if (json_write_done(&w) < 0 ||
	    store_tx_audit(tx, on->ac->call->name, on->place->name,
		buf_span(&detail), err) < 0)
		goto out;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	write_one(&w, on, &row, was);
	write_next_words(&w, on);
	json_write_close(&w);
	ret = json_write_done(&w);
out:
	buf_free(&detail);
	return ret;
}

/* Nothing was done; place may be NULL. */
static int
emit_nothing(struct acting *ac, const struct op_place *pl, uint64_t seq,
    const char *words, struct err *err)
{
	struct json_write w;

	json_write_init(&w, &ac->row, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "seq", seq);
	json_write_str(&w, "destination", pl == NULL ? NULL : pl->name);
	json_write_str(&w, "outcome", "nothing");
	json_write_bytes(&w, "words", span_str(words));
	json_write_close(&w);
	return op_emit(ac->call, &w, &ac->row, err);
}

/* The event, with the name of its endpoint; its reader is the caller's. */
static int
find_event(struct acting *ac, uint64_t seq, struct store_reader **rd,
    struct event *ev, const struct op_name **name, bool *found, struct err *err)
{
	if (store_reader_open(ac->call->ops->store, rd, err) < 0)
		return -1;
	store_reader_seek(*rd, seq);
	if (store_reader_next(*rd, ev, found, err) < 0)
		return -1;
	*found = *found && ev->seq == seq;
	return *found ? op_filter_name(&ac->filter, ev->endpoint_id, name, err)
		      : 0;
}

/* Dead letters may outlive their events. */
static int
is_gone(struct acting *ac, uint64_t seq, bool *gone, struct err *err)
{
	struct store_reader *rd = NULL;
	const struct op_name *name;
	struct event ev;
	bool found = true;
	int ret = 0;

	if (ac->action->to == STORE_DELIVERY_PENDING ||
	    ac->action->to == STORE_DELIVERY_PARKED)
		ret = find_event(ac, seq, &rd, &ev, &name, &found, err);
	store_reader_close(rd);
	*gone = !found;
	return ret;
}

static int
act_on_row(struct acting *ac, const struct op_place *pl,
    const struct store_delivery *row, struct err *err)
{
	enum op_status status = op_delivery_status(row->state);
	char reason[64] = "", list[WORDS_MAX], words[2 * WORDS_MAX];
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	struct one on = { ac, pl, { pl->id, row->seq, false } };
	bool gone;
	int ret;

	if (is_gone(ac, row->seq, &gone, err) < 0)
		return -1;
	if (gone)
		return emit_nothing(ac, pl, row->seq,
		    "the log has this event no more, so it cannot be sent",
		    err);
	if ((ac->statuses & BIT(status)) == 0) {
		if (row->reason.len > 0)
			snprintf(reason, sizeof(reason), " (%.*s)",
			    (int)row->reason.len,
			    (const char *)row->reason.ptr);
		snprintf(words, sizeof(words),
		    "it is %s%s already; %s is for what is %s",
		    op_status_word(status), reason,
		    strchr(ac->action->op, '.') + 1,
		    list_statuses(ac->statuses, list));
		return emit_nothing(ac, pl, row->seq, words, err);
	}
	ret = op_change_part(ac->call, ac->call->request_id, pl->id, row->seq,
	    change_one, &on, &result, err);
	if (ret == 0)
		ret = ac->call->row(ac->call->arg, buf_span(&result), err);
	buf_free(&result);
	return ret;
}

/* Why there is no row at the destination that was named. */
static int
say_why_none(
    struct acting *ac, const struct op_place *pl, uint64_t seq, struct err *err)
{
	char words[WORDS_MAX], at[TEXT_TIME_MAX];
	struct store_reader *rd = NULL;
	const struct op_name *name;
	struct err why = ERR_INIT;
	struct op_delivery d;
	struct event ev;
	bool found;
	int ret = -1;

	if (find_event(ac, seq, &rd, &ev, &name, &found, err) < 0)
		goto out;
	if (!found) {
		(void)op_fail_no_event(ac->call, seq, &why);
		ret = emit_nothing(ac, pl, seq, why.text, err);
		goto out;
	}
	if (op_delivery_find(
		ac->call, NULL, pl, &ev, name->name, &d, &ac->scratch, err) < 0)
		goto out;
	if (d.status == OP_STATUS_PENDING)
		snprintf(words, sizeof(words),
		    "%s has not come so far: the event is sent in its turn",
		    pl->name);
	else if (d.status == OP_STATUS_DELIVERED) {
		text_time(at, d.last_ms);
		snprintf(words, sizeof(words),
		    "it was delivered at %s: a replay sends it again", at);
	} else
		snprintf(words, sizeof(words),
		    d.dropped ? "its dead letter was dropped: a replay sends "
				"it again"
			      : "it never was one of %s's events",
		    pl->name);
	ret = emit_nothing(ac, pl, seq, words, err);
out:
	store_reader_close(rd);
	return ret;
}

static int
act_on_seq(struct acting *ac, uint64_t seq, struct err *err)
{
	struct store *st = ac->call->ops->store;
	struct buf copy = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct store_delivery row;
	const struct op_place *pl;
	size_t i, n = 0;
	bool found;
	int ret = -1;

	for (i = 0; i < ac->places.n; i++) {
		pl = &ac->places.at[i];
		if (store_delivery(
			st, NULL, pl->id, seq, &row, &copy, &found, err) < 0)
			goto out;
		if (!found)
			continue;
		n++;
		if (act_on_row(ac, pl, &row, err) < 0)
			goto out;
	}
	if (n > 0)
		ret = 0;
	else if (ac->places.n == 1)
		ret = say_why_none(ac, &ac->places.at[0], seq, err);
	else
		ret = emit_nothing(ac, NULL, seq,
		    "no destination has it waiting, parked or dead; \"show\" "
		    "says what became of it",
		    err);
out:
	buf_free(&copy);
	return ret;
}

static int
act_on_seqs(struct acting *ac, struct err *err)
{
	const struct json *at = NULL;
	uint64_t seq;

	for (;;) {
		if (op_next_seq(ac->call, &at, &seq, err) < 0)
			return -1;
		if (seq == 0)
			return 0;
		if (act_on_seq(ac, seq, err) < 0)
			return -1;
	}
}

/* --- many ----------------------------------------------------------------- */

/* Rows of one destination that go together. */
struct part {
	struct acting *ac;
	const struct op_place *place;
	const struct op_key *keys;
	size_t n;
};

static int
change_part(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct part *pt = arg;
	enum op_status was;
	struct store_delivery row;
	struct json_write w;
	uint64_t done = 0;
	bool found;
	size_t i;

	for (i = 0; i < pt->n; i++) {
		if (change_row(
			pt->ac, tx, &pt->keys[i], &row, &found, &was, err) < 0)
			return -1;
		done += found;
	}
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "deliveries", done);
	json_write_uint(&w, "from_seq", pt->keys[0].seq);
	json_write_uint(&w, "to_seq", pt->keys[pt->n - 1].seq);
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	return store_tx_audit(
	    tx, pt->ac->call->name, pt->place->name, buf_span(result), err);
}

static int
do_part(struct part *pt, uint64_t *done, struct err *err)
{
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	struct json *row = NULL;
	int64_t n = 0;
	int ret = -1;

	if (op_change_part(pt->ac->call, pt->ac->call->request_id,
		pt->place->id, pt->keys[0].seq, change_part, pt, &result,
		err) < 0 ||
	    json_parse(buf_span(&result), &row, err) < 0 ||
	    json_want_int(row, "deliveries", &n, err) < 0)
		goto out;
	*done += (uint64_t)n;
	ret = 0;
out:
	json_free(row);
	buf_free(&result);
	return ret;
}

static int
emit_sum(struct acting *ac, const struct op_place *pl, uint64_t done,
    struct err *err)
{
	const char *more = op_place_words(pl);
	struct op_warnings ws = { .n = 0 };
	struct json_write w;

	if (ac->action->to == STORE_DELIVERY_PENDING && more[0] != '\0')
		op_warn(&ws, "%s: %s", pl->name, more);
	json_write_init(&w, &ac->row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "destination", pl->name);
	json_write_str(&w, "outcome", ac->action->done);
	json_write_uint(&w, "deliveries", done);
	op_write_warnings(&w, &ws);
	json_write_close(&w);
	return op_emit(ac->call, &w, &ac->row, err);
}

static int
act_on_keys(struct acting *ac, const struct op_keys *keys, struct err *err)
{
	struct part pt = { .ac = ac };
	uint64_t done = 0;
	int64_t said_ms = 0;
	size_t i;

	for (i = 0; i < keys->n; i += pt.n) {
		pt.keys = &keys->at[i];
		pt.place =
		    op_places_find(&ac->places, pt.keys[0].destination_id);
		for (pt.n = 1;
		     pt.n < OP_PART_MAX && i + pt.n < keys->n &&
		     pt.keys[pt.n].destination_id == pt.keys[0].destination_id;
		     pt.n++)
			;
		if (do_part(&pt, &done, err) < 0 ||
		    op_say_done(ac->call, i + pt.n, keys->n, &said_ms, err) < 0)
			return -1;
		if (i + pt.n < keys->n &&
		    pt.keys[pt.n].destination_id == pt.keys[0].destination_id)
			continue;
		if (emit_sum(ac, pt.place, done, err) < 0)
			return -1;
		done = 0;
	}
	return 0;
}

static int
act_on_many(struct acting *ac, struct err *err)
{
	struct op_keys keys = { NULL, 0 };
	int ret;

	if (ac->action->usual == 0)
		return err_set(
		    err, ERR_USAGE, "%s needs \"seqs\"", ac->call->name);
	if (op_text(ac->call, "destination") == NULL &&
	    op_text(ac->call, "reason") == NULL)
		return err_set(err, ERR_USAGE,
		    "name events by their seqs, or a destination or a reason");
	if (ac->filter.status == OP_STATUS_ANY)
		ac->statuses = ac->action->usual;
	ret = op_keys_gather(
	    ac->call, &ac->filter, &ac->places, ac->statuses, &keys, err);
	if (ret == 0)
		ret = act_on_keys(ac, &keys, err);
	free(keys.at);
	return ret;
}

/* -------------------------------------------------------------------------- */

static int
choose_statuses(struct acting *ac, struct err *err)
{
	enum op_status status = ac->filter.status;
	char words[WORDS_MAX];

	ac->statuses = ac->action->takes;
	if (status == OP_STATUS_ANY)
		return 0;
	ac->statuses &= BIT(status);
	if (ac->statuses != 0)
		return 0;
	return err_set(err, ERR_USAGE, "%s takes what is %s, not %s",
	    strchr(ac->action->op, '.') + 1,
	    list_statuses(ac->action->takes, words), op_status_word(status));
}

/* The op of each of the actions; which one the call's name says. */
int
op_delivery_act(const struct op_call *call, struct err *err)
{
	struct acting ac = { .call = call,
		.row = BUF_INIT(OPS_ROW_MAX),
		.scratch = BUF_INIT(2 * DESTINATION_DOC_MAX) };
	bool some = json_get(call->in, "seqs") != NULL;
	size_t i;
	int ret = -1;

	for (i = 0; i < NITEMS(actions); i++)
		if (strcmp(actions[i].op, call->name) == 0)
			ac.action = &actions[i];
	if (op_filter_read(call, OP_STATUSES_DELIVERY, &ac.filter, err) < 0 ||
	    choose_statuses(&ac, err) < 0 ||
	    op_places_load(call, (int)ac.action->to == 0, &ac.places, err) < 0)
		goto out;
	if (some && op_text(call, "reason") != NULL) {
		err_set(err, ERR_USAGE,
		    "seqs name deliveries: a reason has no place beside them");
		goto out;
	}
	ret = some ? act_on_seqs(&ac, err) : act_on_many(&ac, err);
out:
	op_filter_free(&ac.filter);
	op_places_free(&ac.places);
	buf_free(&ac.row);
	buf_free(&ac.scratch);
	return ret;
}
