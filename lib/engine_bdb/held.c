/* held.c: rows of held events, and what an operator makes of them. */
#include "lib/store/held.h"

#include <string.h>

#include "lib/engine_bdb/batch.h"
#include "lib/log/record_held.h"

#define KEY_MAX 32
#define ROW_MAX 512
#define ROW_EVENT 'e'
#define ROW_TOTALS 't'
#define ROW_REPEATS 'r'

/* --- rows ----------------------------------------------------------------- */

static struct span
number_key(char kind, uint64_t no, unsigned char key[KEY_MAX])
{
	key[0] = (unsigned char)kind;
	be64_put(key + 1, no);
	return span_of(key, 9);
}

static struct span
repeats_key(
    const unsigned char content[DEDUPE_KEY_SIZE], unsigned char key[KEY_MAX])
{
	key[0] = ROW_REPEATS;
	memcpy(key + 1, content, DEDUPE_KEY_SIZE);
	return span_of(key, 1 + DEDUPE_KEY_SIZE);
}

int
store_held_find(struct store *st, struct bdb_txn *txn, uint64_t seq,
    struct store_held *out, struct buf *scratch, bool *found, struct err *err)
{
	unsigned char key[KEY_MAX];

	if (bdb_get(st->held, txn, number_key(ROW_EVENT, seq, key), scratch,
		found, err) < 0)
		return -1;
	if (*found && record_get_held(buf_span(scratch), out, err) < 0)
		return -1;
	out->seq = seq;
	return 0;
}

static int
put_held(struct store *st, struct bdb_txn *txn, const struct store_held *h,
    struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_MAX];
	int ret;

	ret = record_put_held(h, &row, err);
	if (ret == 0)
		ret = bdb_put(st->held, txn, number_key(ROW_EVENT, h->seq, key),
		    buf_span(&row), err);
	buf_free(&row);
	return ret;
}

static int
get_totals(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    struct store_held_totals *out, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_MAX];
	bool found;
	int ret;

	out->count = out->bytes = 0;
	ret = bdb_get(st->held, txn, number_key(ROW_TOTALS, endpoint_id, key),
	    &row, &found, err);
	if (ret == 0 && found)
		ret = record_get_held_totals(buf_span(&row), out, err);
	buf_free(&row);
	return ret;
}

static int
put_totals(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    const struct store_held_totals *t, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_MAX];
	int ret;

	ret = record_put_held_totals(t, &row, err);
	if (ret == 0)
		ret = bdb_put(st->held, txn,
		    number_key(ROW_TOTALS, endpoint_id, key), buf_span(&row),
		    err);
	buf_free(&row);
	return ret;
}

static int
get_repeats(struct store *st, struct bdb_txn *txn,
    const unsigned char content[DEDUPE_KEY_SIZE],
    struct store_held_repeats *out, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_MAX];
	bool found;
	int ret;

	memset(out, 0, sizeof(*out));
	ret = bdb_get(
	    st->held, txn, repeats_key(content, key), &row, &found, err);
	if (ret == 0 && found)
		ret = record_get_held_repeats(buf_span(&row), out, err);
	buf_free(&row);
	return ret;
}

static int
put_repeats(struct store *st, struct bdb_txn *txn,
    const unsigned char content[DEDUPE_KEY_SIZE],
    const struct store_held_repeats *rp, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_MAX];
	bool found;
	int ret;

	if (rp->kept == 0)
		return bdb_delete(
		    st->held, txn, repeats_key(content, key), &found, err);
	ret = record_put_held_repeats(rp, &row, err);
	if (ret == 0)
		ret = bdb_put(st->held, txn, repeats_key(content, key),
		    buf_span(&row), err);
	buf_free(&row);
	return ret;
}

/* A row that is not waiting any more takes no part of the limits. */
static int
uncount(struct store *st, struct bdb_txn *txn, const struct store_held *h,
    struct err *err)
{
	struct store_held_totals t;
	struct store_held_repeats rp;

	if (get_totals(st, txn, h->endpoint_id, &t, err) < 0 ||
	    get_repeats(st, txn, h->content, &rp, err) < 0)
		return -1;
	t.count -= t.count > 0 ? 1 : 0;
	t.bytes -= t.bytes < h->bytes ? t.bytes : h->bytes;
	rp.kept -= rp.kept > 0 ? 1 : 0;
	if (put_totals(st, txn, h->endpoint_id, &t, err) < 0)
		return -1;
	return put_repeats(st, txn, h->content, &rp, err);
}

static int
remove_row(struct store *st, struct bdb_txn *txn, const struct store_held *h,
    struct err *err)
{
	unsigned char key[KEY_MAX];
	bool found;

	if (h->state == STORE_HELD_WAITING && uncount(st, txn, h, err) < 0)
		return -1;
	return bdb_delete(
	    st->held, txn, number_key(ROW_EVENT, h->seq, key), &found, err);
}

/* --- the committer's ------------------------------------------------------ */

int
store_held_put(struct store *st, struct bdb_txn *txn,
    const struct store_held *h, bool repeats, int64_t wall_ms,
    enum store_held_fit *out, struct err *err)
{
	struct store_held_totals t;
	struct store_held_repeats rp;
	bool full;

	if (get_totals(st, txn, h->endpoint_id, &t, err) < 0 ||
	    get_repeats(st, txn, h->content, &rp, err) < 0)
		return -1;
	full = t.count >= st->limits.held_max ||
	       t.bytes + h->bytes > st->limits.held_bytes;
	*out = STORE_HELD_FULL;
	if (full && !(repeats && rp.kept > 0))
		return 0;
	rp.last_ms = wall_ms;
	if (full || rp.kept >= STORE_HELD_REPEATS) {
		*out = STORE_HELD_COUNTED;
		rp.counted += rp.counted < UINT32_MAX ? 1 : 0;
		return put_repeats(st, txn, h->content, &rp, err);
	}
	*out = STORE_HELD_KEPT;
	rp.kept++;
	t.count++;
	t.bytes += h->bytes;
	if (put_totals(st, txn, h->endpoint_id, &t, err) < 0 ||
	    put_repeats(st, txn, h->content, &rp, err) < 0)
		return -1;
	return put_held(st, txn, h, err);
}

/*
 * Its record under a key names the released copy from now on, for a whole
 * horizon: also one that has expired, or that a copy of it has which is held
 * for another secret. A genuine event keeps what it has taken meanwhile.
 */
static int
hand_over(struct store_tx *tx, const struct store_held *h,
    const unsigned char key[DEDUPE_KEY_SIZE], uint64_t seq,
    const struct store_clock *now, struct err *err)
{
	struct store *st = tx->st;
	struct buf row = BUF_INIT(ROW_MAX);
	struct record_dedupe rec;
	struct store_held other;
	bool found;
	int ret = -1;

	if (dedupe_get(st->dedupe, tx->txn, h->endpoint_id, key, &rec, &found,
		err) < 0)
		goto out;
	if (found && rec.first.state == DEDUPE_HELD &&
	    rec.first.seq != h->seq) {
		if (store_held_find(st, tx->txn, rec.first.seq, &other, &row,
			&found, err) < 0)
			goto out;
		if (!found || other.secret_id == 0) {
			ret = 0;
			goto out;
		}
		found = false;
	}
	if (!found) {
		memset(&rec, 0, sizeof(rec));
		memcpy(rec.first.id, h->id, sizeof(h->id));
		memcpy(rec.first.payload, h->payload, sizeof(h->payload));
		memcpy(rec.first.type, h->type, sizeof(h->type));
		rec.first.state = DEDUPE_HELD;
		rec.first_ms = rec.last_ms = now->wall_ms;
	}
	ret = 0;
	if (rec.first.state != DEDUPE_HELD)
		goto out;
	rec.first.state = DEDUPE_STORED;
	rec.first.seq = seq;
	rec.first.age_ms = now->age_ms;
	ret = dedupe_put(st->dedupe, tx->txn, h->endpoint_id, key, &rec, err);
out:
	buf_free(&row);
	return ret;
}

/* The keys of the elements of a batch stand behind that of the whole. */
static size_t
count_elements(const struct event *ev)
{
	size_t n = ev->contents.len / DEDUPE_KEY_SIZE;

	return n > 0 ? n - 1 : 0;
}

static const unsigned char *
element_key(const struct event *ev, size_t i)
{
	return (const unsigned char *)ev->contents.ptr +
	       (1 + i) * DEDUPE_KEY_SIZE;
}

static int
hand_over_keys(struct store_tx *tx, const struct store_held *h,
    const struct event *ev, uint64_t seq, const struct store_clock *now,
    struct err *err)
{
	size_t i, n = count_elements(ev);
	unsigned key;

	for (key = 0; key < DEDUPE_KEYS; key++)
		if ((h->own_keys & DEDUPE_BIT(key)) != 0 &&
		    hand_over(tx, h, h->keys[key], seq, now, err) < 0)
			return -1;
	for (i = 0; i < n; i++)
		if (hand_over(tx, h, element_key(ev, i), seq, now, err) < 0)
			return -1;
	return 0;
}

/* Is it waiting? ERR_CONFLICT says what it is instead. */
static int
check_waits(const struct store_held *h, struct err *err)
{
	switch (h->state) {
	case STORE_HELD_WAITING:
		break;
	case STORE_HELD_DROPPED:
		return err_set(err, ERR_CONFLICT,
		    "held event %llu was dropped already",
		    (unsigned long long)h->seq);
	case STORE_HELD_RELEASED:
		return err_set(err, ERR_CONFLICT,
		    "held event %llu was released already, as event %llu",
		    (unsigned long long)h->seq,
		    (unsigned long long)h->released_seq);
	}
	return 0;
}

/* Is the event that has the key in the log, and not held? *seq 0: no. */
static int
find_stored(struct store_tx *tx, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], uint64_t *seq, struct err *err)
{
	struct record_dedupe rec;
	bool found;

	if (dedupe_get(tx->st->dedupe, tx->txn, endpoint_id, key, &rec, &found,
		err) < 0)
		return -1;
	*seq = found && rec.first.state == DEDUPE_STORED ? rec.first.seq : 0;
	return 0;
}

/*
 * An event of a secret that was not activated keeps no other out: did it come
 * again under one that is, or each of its elements?
 */
static int
check_no_other(struct store_tx *tx, const struct store_held *h,
    const struct event *ev, struct err *err)
{
	size_t i, n = count_elements(ev);
	uint64_t seq = 0;
	unsigned key;
	bool whole;

	if (h->secret_id == 0)
		return 0;
	for (key = 0; key < DEDUPE_KEYS && seq == 0; key++)
		if ((h->own_keys & DEDUPE_BIT(key)) != 0 &&
		    find_stored(tx, h->endpoint_id, h->keys[key], &seq, err) <
			0)
			return -1;
	for (i = 0, whole = seq != 0; i < n && !whole; i++) {
		if (find_stored(
			tx, h->endpoint_id, element_key(ev, i), &seq, err) < 0)
			return -1;
		if (seq == 0)
			break;
	}
	if (seq == 0)
		return 0;
	return err_set(err, ERR_CONFLICT,
	    "held event %llu came again since, and is event %llu: drop the "
	    "held one",
	    (unsigned long long)h->seq, (unsigned long long)seq);
}

static int
fail_not_held(uint64_t seq, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "event %llu is not held",
	    (unsigned long long)seq);
}

int
store_tx_release(
    struct store_tx *tx, const struct event *ev, uint64_t *seq, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct event copy = *ev;
	struct store_held h;
	struct store_clock now;
	bool found;
	int ret = -1;

	if (store_held_find(tx->st, tx->txn, ev->seq, &h, &row, &found, err) <
	    0)
		goto out;
	if (!found && (ev->flags & EVENT_HELD) == 0) {
		fail_not_held(ev->seq, err);
		goto out;
	}
	store_clock(tx->st, &now);
	copy.flags &= ~(unsigned)EVENT_HELD;
	if (found &&
	    (check_waits(&h, err) < 0 || check_no_other(tx, &h, ev, err) < 0))
		goto out;
	if (store_tx_append(tx, &copy, &now, err) < 0)
		goto out;
	*seq = copy.seq;
	if (!found) {
		memset(&h, 0, sizeof(h));
		h.seq = ev->seq;
		h.endpoint_id = ev->endpoint_id;
		h.age_ms = ev->age_ms;
	} else if (hand_over_keys(tx, &h, ev, *seq, &now, err) < 0 ||
		   uncount(tx->st, tx->txn, &h, err) < 0) {
		goto out;
	}
	h.state = STORE_HELD_RELEASED;
	h.released_seq = *seq;
	ret = put_held(tx->st, tx->txn, &h, err);
out:
	buf_free(&row);
	return ret;
}

int
store_tx_drop_held(struct store_tx *tx, uint64_t seq, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct store_held h;
	bool found;
	int ret = -1;

	if (store_held_find(tx->st, tx->txn, seq, &h, &row, &found, err) < 0)
		goto out;
	if (!found) {
		fail_not_held(seq, err);
		goto out;
	}
	if (check_waits(&h, err) < 0 || uncount(tx->st, tx->txn, &h, err) < 0)
		goto out;
	h.state = STORE_HELD_DROPPED;
	ret = put_held(tx->st, tx->txn, &h, err);
out:
	buf_free(&row);
	return ret;
}

/* --- reading -------------------------------------------------------------- */

int
store_held_visit(struct store *st, struct store_tx *tx, uint64_t endpoint_id,
    uint64_t from_seq,
    int (*visit)(void *arg, const struct store_held *h, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(ROW_MAX);
	unsigned char at[KEY_MAX];
	struct store_held h;
	bool found;
	int ret = -1;

	for (;; from_seq = h.seq + 1) {
		if (bdb_find(st->held, store_txn(tx), BDB_GE,
			number_key(ROW_EVENT, from_seq, at), &key, &row, &found,
			err) < 0)
			goto out;
		if (!found || key.len != 9 || key.ptr[0] != ROW_EVENT)
			break;
		if (record_get_held(buf_span(&row), &h, err) < 0)
			goto out;
		h.seq = be64_get(key.ptr + 1);
		if (endpoint_id != 0 && h.endpoint_id != endpoint_id)
			continue;
		ret = visit(arg, &h, err);
		if (ret != 0)
			goto out;
		ret = -1;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret < 0 ? -1 : 0;
}

int
store_held_get(struct store *st, struct store_tx *tx, uint64_t seq,
    struct store_held *out, struct buf *scratch, bool *found, struct err *err)
{
	return store_held_find(
	    st, store_txn(tx), seq, out, scratch, found, err);
}

int
store_held_totals(struct store *st, uint64_t endpoint_id,
    struct store_held_totals *out, struct err *err)
{
	return get_totals(st, NULL, endpoint_id, out, err);
}

int
store_held_repeats(struct store *st, const struct store_held *h,
    struct store_held_repeats *out, struct err *err)
{
	return get_repeats(st, NULL, h->content, out, err);
}

/* --- retention ------------------------------------------------------------ */

struct needing {
	uint64_t last_seq;
	bool waits;
};

static int
find_waiting_below(void *arg, const struct store_held *h, struct err *err)
{
	struct needing *nd = arg;

	(void)err;
	nd->waits = h->seq <= nd->last_seq && h->state == STORE_HELD_WAITING;
	return nd->waits || h->seq > nd->last_seq ? 1 : 0;
}

int
store_held_needs(
    struct store *st, uint64_t last_seq, bool *needed, struct err *err)
{
	struct needing nd = { last_seq, false };

	if (store_held_visit(st, NULL, 0, 0, find_waiting_below, &nd, err) < 0)
		return -1;
	*needed = nd.waits;
	return 0;
}

int
store_held_forget(struct store_tx *tx, void *arg, struct err *err)
{
	struct store_held_forgetting *fg = arg;
	struct buf key = BUF_INIT(64), row = BUF_INIT(ROW_MAX);
	unsigned char at[KEY_MAX];
	struct store_held h;
	bool found;
	unsigned n;
	int ret = -1;

	fg->more = true;
	for (n = 0; n < STORE_HELD_AT_ONCE; n++) {
		if (bdb_find(tx->st->held, tx->txn, BDB_GE,
			number_key(ROW_EVENT, 0, at), &key, &row, &found,
			err) < 0)
			goto out;
		fg->more = found && key.len == 9 && key.ptr[0] == ROW_EVENT &&
			   be64_get(key.ptr + 1) <= fg->last_seq;
		if (!fg->more)
			break;
		if (record_get_held(buf_span(&row), &h, err) < 0)
			goto out;
		h.seq = be64_get(key.ptr + 1);
		fg->waited += h.state == STORE_HELD_WAITING ? 1 : 0;
		if (remove_row(tx->st, tx->txn, &h, err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret;
}
