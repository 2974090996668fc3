/* store.c: what can be asked about the store itself. */
#include "lib/ops/store.h"

#include <stdio.h>

#include "lib/ops/deliverer.h"
#include "lib/ops/held.h"
#include "lib/store/copy.h"
#include "lib/store/delivery.h"
#include "lib/store/quarantine.h"

static int
put_incomplete(void *arg, const struct store_incomplete *t, struct err *err)
{
	(void)err;
	json_write_str(arg, NULL, t->table);
	return 0;
}

/* What all endpoints hold. */
struct held_sum {
	struct store *st;
	struct store_held_totals all;
};

static int
add_held(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct held_sum *sum = arg;
	struct store_held_totals t;

	if (store_held_totals(sum->st, ep->id, &t, err) < 0)
		return -1;
	sum->all.count += t.count;
	sum->all.bytes += t.bytes;
	return 0;
}

/* Requests that led to no endpoint, and the last paths of theirs. */
static void
write_unknown(const struct op_call *call, struct json_write *w)
{
	struct unknown_paths_seen seen;
	const struct unknown_path *p;
	size_t i;

	unknown_paths_see(registry_unknown_paths(call->ops->registry), &seen);
	json_write_uint(w, "unknown_paths", seen.count);
	json_write_time(w, "unknown_since", seen.since_ms);
	json_write_array(w, "last_unknown");
	for (i = 0; i < seen.n; i++) {
		p = &seen.paths[i];
		json_write_object(w, NULL);
		json_write_bytes(w, "path", span_of(p->path, p->path_len));
		json_write_bool(w, "cut", p->cut);
		json_write_bytes(
		    w, "method", span_of(p->method, p->method_len));
		json_write_str(w, "why", p->why);
		json_write_uint(w, "count", p->count);
		json_write_time(w, "first_at", p->first_ms);
		json_write_time(w, "last_at", p->last_ms);
		json_write_bytes(
		    w, "address", span_of(p->address, p->address_len));
		json_write_close(w);
	}
	json_write_close(w);
}

int
op_store_status(const struct op_call *call, struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	char words[STORE_CLOCK_WORDS_MAX];
	struct store_status s;
	struct store_clock clock;
	const char *why = "";
	struct held_sum held = { .st = call->ops->store };
	struct quarantine_totals refused;
	struct store_copy copy;
	struct json_write w;
	bool healthy;
	int ret = -1;

	if (store_status(call->ops->store, &s, err) < 0 ||
	    store_endpoints(held.st, NULL, add_held, &held, err) < 0)
		return -1;
	healthy = store_healthy(call->ops->store, &why);
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "store", call->conf->store);
	json_write_str(&w, "id", s.id);
	json_write_uint(&w, "format", s.format);
	json_write_bool(&w, "healthy", healthy);
	json_write_str(&w, "why_not", healthy ? NULL : why);
	json_write_bool(&w, "below_floor", s.below_floor);
	store_copy(call->ops->store, &copy);
	json_write_str(&w, "copy", store_copy_word(copy.state));
	json_write_str(&w, "copy_why", copy.why[0] == '\0' ? NULL : copy.why);
	json_write_bool(&w, "deliveries_held", copy.held);
	if (op_deliverer_write_status(call, &w, err) < 0)
		goto out;
	store_clock(call->ops->store, &clock);
	store_clock_words(&clock, words);
	json_write_str(&w, "wall_clock", words);
	json_write_int(&w, "age_s", clock.age_ms / 1000);
	json_write_uint(&w, "events", s.events);
	json_write_uint(&w, "segments", s.segments);
	json_write_uint(&w, "damaged", s.damaged);
	json_write_uint(&w, "lost", s.lost);
	json_write_array(&w, "incomplete");
	ret = store_each_incomplete(call->ops->store, put_incomplete, &w, err);
	json_write_close(&w);
	json_write_uint(&w, "endpoints", s.endpoints);
	json_write_uint(&w, "secrets", s.secrets);
	json_write_uint(&w, "oldest_seq", s.oldest_seq);
	json_write_uint(&w, "newest_seq", s.durable_seq);
	json_write_time(&w, "oldest_at", s.oldest_ms);
	json_write_time(&w, "newest_at", s.newest_ms);
	json_write_uint(&w, "bytes_events", s.bytes_events);
	json_write_uint(&w, "bytes_dedupe", s.bytes_dedupe);
	json_write_uint(&w, "bytes_log", s.bytes_log);
	json_write_uint(&w, "bytes_other", s.bytes_other);
	json_write_uint(&w, "bytes_free", s.bytes_free);
	json_write_uint(&w, "bytes_floor", s.floor);
	json_write_uint(&w, "dedupe_keys", s.dedupe_keys);
	json_write_int(&w, "horizon_s", s.horizon_s);
	json_write_int(&w, "horizon_now_s", s.horizon_now_s);
	json_write_time(&w, "opened_at", s.opened_ms);
	json_write_int(&w, "recovery_ms", s.recovery_ms);
	json_write_time(&w, "last_checkpoint_at", s.last_checkpoint_ms);
	json_write_time(&w, "last_flush_at", s.last_flush_ms);
	json_write_time(&w, "snapshot_at", s.snapshot_ms);
	quarantine_totals(store_quarantine(call->ops->store), &refused);
	op_held_write_totals(&w, &held.all);
	json_write_object(&w, "quarantine");
	json_write_uint(&w, "count", refused.count);
	json_write_uint(&w, "bytes", refused.bytes);
	json_write_uint(&w, "unkept", refused.unkept);
	json_write_close(&w);
	write_unknown(call, &w);
	json_write_close(&w);
	if (ret == 0)
		ret = op_emit(call, &w, &row, err);
out:
	buf_free(&row);
	return ret;
}

/* --- checking ------------------------------------------------------------- */

struct checking {
	const struct op_call *call;
	struct buf row;
	struct err err; /* of the first row that did not go out */
	bool failed;
};

static void
tell_problem(void *arg, const char *words)
{
	struct checking *ck = arg;
	struct json_write w;

	if (ck->failed)
		return;
	json_write_init(&w, &ck->row, &ck->err);
	json_write_object(&w, NULL);
	json_write_bytes(&w, "problem", span_str(words));
	json_write_close(&w);
	if (op_emit(ck->call, &w, &ck->row, &ck->err) < 0)
		ck->failed = true;
}

int
op_store_check(const struct op_call *call, struct err *err)
{
	struct checking ck = {
		.call = call, .row = BUF_INIT(OPS_ROW_MAX), .err = ERR_INIT
	};
	struct json_write w;
	uint64_t problems = 0;
	int ret = -1;

	if (store_check(call->ops->store, tell_problem, &ck, &problems, err) <
	    0)
		goto out;
	if (ck.failed) {
		*err = ck.err;
		goto out;
	}
	json_write_init(&w, &ck.row, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "problems", problems);
	json_write_close(&w);
	ret = op_emit(call, &w, &ck.row, err);
out:
	buf_free(&ck.row);
	return ret;
}

/* --- the audit trail ------------------------------------------------------ */

struct auditing {
	const struct op_call *call;
	uint64_t skip; /* of the oldest, so that the newest are shown */
	uint64_t n;
	struct buf row;
};

static int
count_audit(void *arg, const struct store_audit *a, struct err *err)
{
	struct auditing *au = arg;

	(void)a;
	(void)err;
	au->n++;
	return 0;
}

static void
write_person(struct json_write *w, const char *uid, const char *name,
    const struct store_person *p)
{
	if (p->known)
		json_write_uint(w, uid, p->uid);
	else
		json_write_null(w, uid);
	if (p->name[0] != '\0')
		json_write_bytes(w, name, span_str(p->name));
	else
		json_write_null(w, name);
}

/* In a word: who logged in; else who sudo says it was, marked as a claim. */
static void
write_who(struct json_write *w, const struct store_audit *a)
{
	const struct store_person *p = a->login.known ? &a->login : &a->claimed;
	char word[STORE_PERSON_NAME + 32];
	int n;

	if (!p->known) {
		json_write_null(w, "who");
		return;
	}
	if (p->name[0] != '\0')
		n = snprintf(word, sizeof(word), "%s", p->name);
	else
		n = snprintf(word, sizeof(word), "%u", p->uid);
	if (!a->login.known)
		snprintf(word + n, sizeof(word) - (size_t)n, " (sudo)");
	json_write_bytes(w, "who", span_str(word));
}

static int
emit_audit(void *arg, const struct store_audit *a, struct err *err)
{
	struct auditing *au = arg;
	struct json_write w;

	if (au->skip > 0) {
		au->skip--;
		return 0;
	}
	json_write_init(&w, &au->row, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "no", a->no);
	json_write_time(&w, "at", a->at_ms);
	json_write_uint(&w, "uid", a->uid);
	json_write_uint(&w, "pid", a->pid);
	json_write_str(&w, "user", a->user.name[0] ? a->user.name : NULL);
	write_who(&w, a);
	write_person(&w, "login_uid", "login_user", &a->login);
	write_person(&w, "sudo_uid", "sudo_user", &a->claimed);
	json_write_bytes(&w, "program", a->program);
	json_write_bytes(&w, "verb", a->verb);
	json_write_bytes(&w, "target", a->target);
	if (a->detail.len > 0)
		json_write_raw(&w, "detail", a->detail);
	else
		json_write_null(&w, "detail");
	json_write_close(&w);
	return op_emit(au->call, &w, &au->row, err);
}

/* The newest "limit" records since "since_ms", oldest first. */
int
op_store_audit(const struct op_call *call, struct err *err)
{
	struct auditing au = { .call = call, .row = BUF_INIT(OPS_ROW_MAX) };
	struct store *st = call->ops->store;
	int64_t since_ms, limit;
	int ret = -1;

	if (op_int(call, "since_ms", 0, 0, JSON_INT_MAX, &since_ms, err) < 0 ||
	    op_int(call, "limit", 0, 0, JSON_INT_MAX, &limit, err) < 0)
		goto out;
	if (limit > 0) {
		if (store_audits(st, since_ms, count_audit, &au, err) < 0)
			goto out;
		if (au.n > (uint64_t)limit)
			au.skip = au.n - (uint64_t)limit;
	}
	ret = store_audits(st, since_ms, emit_audit, &au, err);
out:
	buf_free(&au.row);
	return ret;
}

/* --- pruning -------------------------------------------------------------- */

struct pruning {
	const struct op_call *call;
	uint64_t dropped;
	struct json_write w;
	struct buf held; /* who holds back what, as JSON */
};

static void
write_hold(struct json_write *w, const char *holder, const char *name,
    const struct store_hold *h)
{
	if (h->bytes == 0)
		return;
	json_write_object(w, NULL);
	json_write_str(w, "holder", holder);
	json_write_str(w, "name", name);
	json_write_uint(w, "seq", h->seq);
	json_write_time(w, "since", h->since_ms);
	json_write_uint(w, "bytes", h->bytes);
	json_write_close(w);
}

static int
add_destination(void *arg, const struct store_destination *d, struct err *err)
{
	struct pruning *pr = arg;
	struct store_hold h;

	if (store_hold(pr->call->ops->store, d->id, &h, err) < 0)
		return -1;
	write_hold(&pr->w, "destination", d->name, &h);
	return 0;
}

static int
add_pull(void *arg, const struct store_pull *p, struct err *err)
{
	struct pruning *pr = arg;
	struct store_hold h;

	if (store_pull_hold(pr->call->ops->store, p, &h, err) < 0)
		return -1;
	write_hold(&pr->w, "cursor", p->name, &h);
	return 0;
}

/* What retention would have dropped too, and for whom it is kept. */
static int
find_held(struct pruning *pr, struct err *err)
{
	struct store *st = pr->call->ops->store;

	json_write_init(&pr->w, &pr->held, err);
	json_write_array(&pr->w, NULL);
	if (store_destinations(st, NULL, add_destination, pr, err) < 0 ||
	    store_pulls(st, NULL, add_pull, pr, err) < 0)
		return -1;
	json_write_close(&pr->w);
	return json_write_done(&pr->w);
}

/* What was dropped, for the audit trail and for who asked. */
static int
change_prune(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct pruning *pr = arg;
	struct json_write w;

	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_uint(&w, "segments_dropped", pr->dropped);
	json_write_raw(&w, "held", buf_span(&pr->held));
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	return store_tx_audit(
	    tx, pr->call->name, "store", buf_span(result), err);
}

int
op_store_prune(const struct op_call *call, struct err *err)
{
	struct pruning pr = { .call = call,
		.held = BUF_INIT(OPS_RESULT_MAX / 2) };
	int ret = -1;

	if (store_prune(call->ops->store, &pr.dropped, err) == 0 &&
	    find_held(&pr, err) == 0)
		ret = op_change(call, change_prune, &pr, err);
	buf_free(&pr.held);
	return ret;
}

/* --- another key ---------------------------------------------------------- */

int
op_store_rekey(const struct op_call *call, struct err *err)
{
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	int ret;

	ret = store_rekey(call->ops->store, &call->peer->actor,
	    call->request_id, &result, err);
	if (ret == 0)
		ret = call->row(call->arg, buf_span(&result), err);
	buf_free(&result);
	return ret;
}

/* --- a loss --------------------------------------------------------------- */

int
op_store_accept_loss(const struct op_call *call, struct err *err)
{
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	int ret;

	ret = store_accept_loss(call->ops->store, &call->peer->actor,
	    call->request_id, &result, err);
	if (ret == 0)
		ret = call->row(call->arg, buf_span(&result), err);
	buf_free(&result);
	return ret;
}
/* --- a copy becomes a store of its own ------------------------------------ */

static int
change_adopt(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct op_call *call = arg;
	struct store_copy copy;
	struct json_write w;

	store_copy(call->ops->store, &copy);
	if (copy.state == STORE_COPY_NO)
		return err_set(err, ERR_CONFLICT,
		    "the store %s is no copy: there is nothing to adopt",
		    call->conf->store);
	if (copy.state != STORE_COPY_YES)
		return err_set(err, ERR_CONFLICT,
		    "the store %s cannot be adopted: %s", call->conf->store,
		    copy.why);
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "store", call->conf->store);
	json_write_str(&w, "was", store_copy_word(copy.state));
	json_write_str(&w, "why", copy.why);
	json_write_close(&w);
	if (json_write_done(&w) < 0)
		return -1;
	return store_tx_audit(tx, call->name, "store", buf_span(result), err);
}

/*
 * The record first: nothing goes out that no record explains. A call that is
 * repeated finds the record made and writes the file again, if need be.
 */
int
op_store_adopt(const struct op_call *call, struct err *err)
{
	struct op_call self = *call;
	struct buf result = BUF_INIT(OPS_RESULT_MAX);
	int ret = -1;

	store_copy_look(call->ops->store);
	if (store_change(call->ops->store, &call->peer->actor, call->request_id,
		change_adopt, &self, &result, err) == 0 &&
	    store_adopt(call->ops->store, err) == 0) {
		atomic_store(&call->ops->asked_to_deliver, true);
		ret = call->row(call->arg, buf_span(&result), err);
	}
	buf_free(&result);
	return ret;
}
