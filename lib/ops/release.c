/* release.c: held events become events after all, or are given up. */
#include "lib/ops/release.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/text.h"
#include "lib/model/dedupe_rule.h"
#include "lib/ops/delivery_part.h"
#include "lib/ops/held.h"
#include "lib/ops/owner.h"

#define NOTE_MAX 128 /* bytes: the header line */
#define HEADERS_MAX (STORE_BODY_MAX + NOTE_MAX)

struct acting {
	const struct op_call *call;
	const char *verb; /* in the audit trail */
	bool releases; /* else drops */
	uint64_t secret_id; /* releases: of this one alone; 0: of any */
	struct op_filter filter; /* for its names */
	struct store_reader *rd;
	struct buf headers, result;

	/* The one under way. */
	uint64_t seq;
	struct event ev; /* releases: borrows from rd */
	char endpoint[ENDPOINT_NAME_MAX + 1];

	uint64_t done, nothing; /* of many */
};

static const char *
outcome_of(const struct acting *ac)
{
	return ac->releases ? "released" : "dropped";
}

/* --- one, in the committer ------------------------------------------------ */

static int
change_one(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct acting *ac = arg;
	uint64_t seq = 0;
	struct json_write w;

	if ((ac->releases ? store_tx_release(tx, &ac->ev, &seq, err)
			  : store_tx_drop_held(tx, ac->seq, err)) < 0)
		return -1;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "seq", ac->seq);
	json_write_str(&w, "endpoint", ac->endpoint);
	json_write_str(&w, "outcome", outcome_of(ac));
	if (ac->releases)
		json_write_uint(&w, "released_as", seq);
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	return store_tx_audit(
	    tx, ac->verb, ac->endpoint, buf_span(result), err);
}

/* --- one ------------------------------------------------------------------ */

static int
set_endpoint(struct acting *ac, uint64_t id, struct err *err)
{
	const struct op_name *name;

	if (op_filter_name(&ac->filter, id, &name, err) < 0)
		return -1;
	snprintf(ac->endpoint, sizeof(ac->endpoint), "%s", name->name);
	return 0;
}

/* Reads it, and writes into its headers that it was held. */
static int
read_event(struct acting *ac, struct err *err)
{
	char at[TEXT_TIME_MAX], note[NOTE_MAX];
	bool found;

	store_reader_seek(ac->rd, ac->seq);
	if (store_reader_next(ac->rd, &ac->ev, &found, err) < 0)
		return -1;
	if (!found || ac->ev.seq != ac->seq)
		return store_refuse_absent(ac->call->ops->store, ac->seq, err);
	text_time(at, ac->ev.received_ms);
	snprintf(note, sizeof(note),
	    OP_RELEASED_HEADER ": event %llu, held since %s\n",
	    (unsigned long long)ac->seq, at);
	buf_clear(&ac->headers);
	if (buf_put_span(&ac->headers, ac->ev.headers, err) < 0 ||
	    buf_puts(&ac->headers, note, err) < 0)
		return -1;
	ac->ev.headers = buf_span(&ac->headers);
	return set_endpoint(ac, ac->ev.endpoint_id, err);
}

/* *done is false, and why says it, where it is not held any more, or never. */
static int
act_on(struct acting *ac, uint64_t seq, bool *done, struct err *why,
    struct err *err)
{
	struct op_held h;
	int ret;

	ac->seq = seq;
	*done = true;
	if (ac->releases) {
		ret = read_event(ac, why);
		if (ret == 0 && ac->secret_id != 0 &&
		    ac->ev.secret_id != ac->secret_id) {
			*done = false;
			return 0;
		}
	} else {
		ret = op_held_load(ac->call, seq, &h, why);
		if (ret == 0 && h.found)
			ret = set_endpoint(ac, h.row.endpoint_id, why);
		op_held_free(&h);
	}
	if (ret == 0)
		ret = op_change_part(ac->call, ac->call->request_id, STORE_SELF,
		    seq, change_one, ac, &ac->result, why);
	if (ret == 0)
		return 0;
	*done = false;
	if (why->code == ERR_NOTFOUND || why->code == ERR_CONFLICT)
		return 0;
	*err = *why;
	return -1;
}

/* --- those that are named ------------------------------------------------- */

static int
emit_nothing(struct acting *ac, const struct err *why, struct err *err)
{
	struct json_write w;

	buf_clear(&ac->result);
	json_write_init(&w, &ac->result, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "seq", ac->seq);
	json_write_str(&w, "outcome", "nothing");
	json_write_str(&w, "words", why->text);
	json_write_close(&w);
	return op_emit(ac->call, &w, &ac->result, err);
}

static int
act_on_seqs(struct acting *ac, struct err *err)
{
	const struct op_call *call = ac->call;
	const struct json *at = NULL;
	struct err why = ERR_INIT;
	uint64_t seq;
	bool done;
	int ret = 0;

	while (ret == 0) {
		if (op_next_seq(call, &at, &seq, err) < 0)
			return -1;
		if (seq == 0)
			break;
		if (act_on(ac, seq, &done, &why, err) < 0)
			return err_wrap(
			    err, "event %llu", (unsigned long long)seq);
		ret = done ? call->row(call->arg, buf_span(&ac->result), err)
			   : emit_nothing(ac, &why, err);
	}
	return ret;
}

/* --- all of an endpoint --------------------------------------------------- */

static int
emit_sum(struct acting *ac, struct err *err)
{
	struct json_write w;

	buf_clear(&ac->result);
	json_write_init(&w, &ac->result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", op_text(ac->call, "endpoint"));
	json_write_str(&w, "outcome", outcome_of(ac));
	json_write_uint(&w, "events", ac->done);
	json_write_uint(&w, "gone", ac->nothing);
	json_write_close(&w);
	return op_emit(ac->call, &w, &ac->result, err);
}

/* Each is a change of its own, so that accepting goes on in between. */
static int
act_on_all(struct acting *ac, struct err *err)
{
	uint64_t *seqs = NULL;
	int64_t said_ms = 0;
	struct err why = ERR_INIT;
	size_t i, n;
	bool done;
	int ret = -1;

	if (op_held_gather(ac->call, &ac->filter,
		OP_HELD_BIT(STORE_HELD_WAITING), &seqs, &n, err) < 0)
		goto out;
	for (i = 0; i < n; i++) {
		if (op_say_done(ac->call, i, n, &said_ms, err) < 0)
			goto out;
		if (act_on(ac, seqs[i], &done, &why, err) < 0) {
			err_wrap(err,
			    "%llu of %zu are %s, and the same command goes on "
			    "with event %llu",
			    (unsigned long long)ac->done, n, outcome_of(ac),
			    (unsigned long long)seqs[i]);
			goto out;
		}
		ac->done += done;
		ac->nothing += !done;
	}
	ret = emit_sum(ac, err);
out:
	free(seqs);
	return ret;
}

static int
act(const struct op_call *call, bool releases, struct err *err)
{
	struct acting ac = { .call = call,
		.verb = call->name,
		.releases = releases,
		.headers = BUF_INIT(HEADERS_MAX),
		.result = BUF_INIT(OPS_RESULT_MAX) };
	bool some = json_get(call->in, "seqs") != NULL;
	int ret = -1;

	if (some == (op_text(call, "endpoint") != NULL))
		return err_set(err, ERR_USAGE,
		    "name held events by their seqs, or all of one endpoint");
	if (op_filter_read(call, OP_STATUSES_HELD, &ac.filter, err) < 0 ||
	    store_reader_open(call->ops->store, &ac.rd, err) < 0)
		goto out;
	store_reader_show_held(ac.rd);
	ret = some ? act_on_seqs(&ac, err) : act_on_all(&ac, err);
out:
	store_reader_close(ac.rd);
	op_filter_free(&ac.filter);
	buf_free(&ac.headers);
	buf_free(&ac.result);
	return ret;
}

int
op_event_release(const struct op_call *call, struct err *err)
{
	return act(call, true, err);
}

int
op_event_drop(const struct op_call *call, struct err *err)
{
	return act(call, false, err);
}

/* --- of a secret that is activated ---------------------------------------- */

struct seqs {
	uint64_t *all;
	size_t n, room;
};

static int
add_seq(void *arg, const struct store_held *h, struct err *err)
{
	struct seqs *list = arg;
	uint64_t *grown;

	if (h->state != STORE_HELD_WAITING || h->rule != DEDUPE_RULE_SECRET)
		return 0;
	if (list->n == list->room) {
		grown =
		    realloc(list->all, (2 * list->room + 64) * sizeof(*grown));
		if (grown == NULL)
			return err_set(err, ERR_NOMEM, "no memory for a list");
		list->all = grown;
		list->room = 2 * list->room + 64;
	}
	list->all[list->n++] = h->seq;
	return 0;
}

static int
release_of_secret(const struct op_call *call, uint64_t endpoint_id,
    uint64_t secret_id, uint64_t *n, struct err *err)
{
	struct acting ac = { .call = call,
		.verb = "event.release",
		.releases = true,
		.secret_id = secret_id,
		.headers = BUF_INIT(HEADERS_MAX),
		.result = BUF_INIT(OPS_RESULT_MAX) };
	struct seqs list = { .n = 0 };
	struct err why = ERR_INIT;
	bool done;
	size_t i;
	int ret = -1;

	*n = 0;
	if (store_held_visit(call->ops->store, NULL, endpoint_id, 0, add_seq,
		&list, err) < 0 ||
	    op_filter_read(call, OP_STATUSES_HELD, &ac.filter, err) < 0 ||
	    store_reader_open(call->ops->store, &ac.rd, err) < 0)
		goto out;
	store_reader_show_held(ac.rd);
	for (i = 0; i < list.n; i++) {
		if (act_on(&ac, list.all[i], &done, &why, err) < 0)
			goto out;
		*n += done;
	}
	ret = 0;
out:
	store_reader_close(ac.rd);
	op_filter_free(&ac.filter);
	buf_free(&ac.headers);
	buf_free(&ac.result);
	free(list.all);
	return ret;
}

struct finding {
	uint64_t named; /* by the call; 0: none, the current one is meant */
	int64_t now_ms;
	uint64_t id; /* found; 0: none */
};

/* The activated secret whose events may be held still. */
static int
find_received(void *arg, const struct secret *s, struct err *err)
{
	struct finding *fi = arg;

	(void)err;
	if (s->from[0] == '\0' || s->activated_ms == 0 ||
	    !secret_is_live(s, fi->now_ms))
		return 0;
	if (fi->named != 0 ? s->id != fi->named : s->state != SECRET_CURRENT)
		return 0;
	fi->id = s->id;
	return 1;
}

static int
emit_released(const struct op_call *call, const struct op_owner *owner,
    uint64_t n, struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	int ret;

	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, owner->thing, owner->name);
	json_write_uint(&w, "released", n);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
	buf_free(&row);
	return ret;
}

int
op_release_activated(const struct op_call *call, uint64_t *n, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store *st = call->ops->store;
	struct finding fi = { .now_ms = store_now_ms(st) };
	const char *id = op_text(call, "secret");
	struct op_owner owner;
	int ret = -1;

	*n = 0;
	if ((id != NULL && secret_id_parse(span_str(id), &fi.named, err) < 0) ||
	    op_find_owner(call, NULL, &owner, &doc, err) < 0)
		goto out;
	ret = 0;
	if (owner.is_destination)
		goto out;
	if (store_secrets(st, NULL, owner.id, find_received, &fi, err) < 0)
		ret = -1;
	else if (fi.id != 0)
		ret = release_of_secret(call, owner.id, fi.id, n, err);
	if (ret == 0 && *n > 0)
		ret = emit_released(call, &owner, *n, err);
out:
	buf_wipe(&doc);
	return ret;
}
