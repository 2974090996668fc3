/*
 * notice_dead.c: dead letters, each in an event of its own until an hour of a
 * destination has too many of them: then they are counted, and one event says
 * how many when the hour is over.
 */
#include <string.h>

#include "lib/engine_bdb/impl.h"
#include "lib/store/notice.h"

#define KEY_DEAD 'x'
#define KEY_LEN 9
#define HOUR_MS (3600 * INT64_C(1000))
#define ROW_MAX 1024
#define WORD_MAX 255 /* bytes of an event's id or type in a notice */

static struct span
dead_key(uint64_t destination_id, unsigned char key[KEY_LEN])
{
	key[0] = KEY_DEAD;
	be64_put(key + 1, destination_id);
	return span_of(key, KEY_LEN);
}

static bool
is_over(const struct record_dead *rec, int64_t age_ms)
{
	return age_ms - rec->age_ms >= HOUR_MS;
}

static struct span
cut(struct span s)
{
	return span_of(s.ptr, s.len > WORD_MAX ? WORD_MAX : s.len);
}

/* --- in words ------------------------------------------------------------- */

static int
write_destination(struct store_tx *tx, uint64_t id, struct json_write *w,
    char name[ENDPOINT_NAME_MAX + 1], struct err *err)
{
	struct store_destination d;
	bool found;

	if (store_destination_by_id(tx->st, tx, id, &d, NULL, &found, err) < 0)
		return -1;
	memcpy(name, found ? d.name : "?", found ? sizeof(d.name) : 2);
	json_write_str(w, "destination", name);
	return 0;
}

static int
write_endpoint(
    struct store_tx *tx, uint64_t id, struct json_write *w, struct err *err)
{
	struct store_endpoint ep;
	bool found;

	if (store_endpoint_by_id(tx->st, tx, id, &ep, NULL, &found, err) < 0)
		return -1;
	json_write_str(w, "endpoint", found ? ep.name : NULL);
	return 0;
}

static void
write_status(struct json_write *w, int status)
{
	if (status == 0)
		json_write_null(w, "status");
	else
		json_write_int(w, "status", status);
}

static int
put_one(struct store_tx *tx, const struct store_delivery *d, bool *put,
    struct err *err)
{
	struct buf data = BUF_INIT(NOTICE_DATA_MAX);
	char name[ENDPOINT_NAME_MAX + 1];
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &data, err);
	json_write_object(&w, NULL);
	if (write_destination(tx, d->destination_id, &w, name, err) < 0 ||
	    write_endpoint(tx, d->endpoint_id, &w, err) < 0)
		goto out;
	json_write_int(&w, "count", 1);
	json_write_uint(&w, "seq", d->seq);
	json_write_bytes(&w, "id", cut(d->id));
	json_write_bytes(&w, "event_type", cut(d->type));
	json_write_bytes(&w, "reason", cut(d->reason));
	json_write_bytes(&w, "why", cut(d->words));
	write_status(&w, d->status);
	json_write_uint(&w, "attempts", d->attempts);
	json_write_time(&w, "since", d->since_ms);
	if (span_is(d->reason, DELIVERY_DAMAGED))
		notice_do(&w,
		    "eyelet-store check names what is lost; ask its sender to "
		    "send it again");
	else
		notice_do(&w,
		    "eyelet-event show %llu, then eyelet-event retry %llu "
		    "--destination %s",
		    (unsigned long long)d->seq, (unsigned long long)d->seq,
		    name);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = notice_put(tx, NOTICE_DEAD, buf_span(&data), put, err);
out:
	buf_free(&data);
	return ret;
}

/* What was kept back. */
static int
put_sum(struct store_tx *tx, uint64_t destination_id,
    const struct record_dead *rec, bool *put, struct err *err)
{
	struct buf data = BUF_INIT(NOTICE_DATA_MAX);
	char name[ENDPOINT_NAME_MAX + 1];
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &data, err);
	json_write_object(&w, NULL);
	if (write_destination(tx, destination_id, &w, name, err) < 0)
		goto out;
	json_write_uint(&w, "count", rec->kept);
	json_write_uint(&w, "seq", rec->seq);
	json_write_bytes(&w, "reason", rec->reason);
	json_write_bytes(&w, "why", rec->words);
	write_status(&w, rec->status);
	json_write_time(&w, "since", rec->since_ms);
	notice_do(&w, "eyelet-event dead list --destination %s", name);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = notice_put(tx, NOTICE_DEAD, buf_span(&data), put, err);
out:
	buf_free(&data);
	return ret;
}

/* --- counting ------------------------------------------------------------- */

/* rec borrows from row. */
static int
load(struct store_tx *tx, uint64_t destination_id, struct buf *row,
    struct record_dead *rec, struct err *err)
{
	unsigned char key[KEY_LEN];
	bool found;

	memset(rec, 0, sizeof(*rec));
	if (bdb_get(tx->st->notices, tx->txn, dead_key(destination_id, key),
		row, &found, err) < 0)
		return -1;
	if (found)
		return record_get_dead(buf_span(row), rec, err);
	rec->age_ms = store_age_ms(tx->st);
	return 0;
}

static int
save(struct store_tx *tx, uint64_t destination_id,
    const struct record_dead *rec, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_LEN];
	int ret = record_put_dead(rec, &row, err);

	if (ret == 0)
		ret = bdb_put(tx->st->notices, tx->txn,
		    dead_key(destination_id, key), buf_span(&row), err);
	buf_free(&row);
	return ret;
}

/* The hour is over: what it kept back is said, and another one begins. */
static int
turn(struct store_tx *tx, uint64_t destination_id, struct record_dead *rec,
    struct err *err)
{
	bool put = true;

	if (rec->kept > 0 && put_sum(tx, destination_id, rec, &put, err) < 0)
		return -1;
	if (!put)
		return 0;
	memset(rec, 0, sizeof(*rec));
	rec->age_ms = store_age_ms(tx->st);
	return 0;
}

static void
keep_back(
    const struct store_delivery *d, int64_t now_ms, struct record_dead *rec)
{
	if (rec->kept++ == 0)
		rec->since_ms = now_ms;
	rec->seq = d->seq;
	rec->status = d->status;
	rec->reason = cut(d->reason);
	rec->words = cut(d->words);
}

int
notice_dead(
    struct store_tx *tx, const struct store_delivery *d, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct record_dead rec;
	bool put = false;
	int ret = -1;

	if (d->endpoint_id == STORE_SELF)
		return 0;
	if (load(tx, d->destination_id, &row, &rec, err) < 0)
		goto out;
	if (is_over(&rec, store_age_ms(tx->st)) &&
	    turn(tx, d->destination_id, &rec, err) < 0)
		goto out;
	if (rec.kept == 0 && rec.said < NOTICE_DEAD_HOURLY &&
	    put_one(tx, d, &put, err) < 0)
		goto out;
	if (put)
		rec.said++;
	else
		keep_back(d, tx->now_ms, &rec);
	ret = save(tx, d->destination_id, &rec, err);
out:
	buf_free(&row);
	return ret < 0 ? err_wrap(err, "dead letter") : 0;
}

/* --- when the hour is over ------------------------------------------------ */

/* The next destination behind *id whose hour is over; *id 0: there is none. */
static int
next_over(struct store *st, struct bdb_txn *txn, int64_t age_ms, uint64_t *id,
    struct buf *row, struct record_dead *rec, struct err *err)
{
	struct buf key = BUF_INIT(64);
	unsigned char at[KEY_LEN];
	bool found;
	int ret = -1;

	do {
		if (bdb_find(st->notices, txn, BDB_GT, dead_key(*id, at), &key,
			row, &found, err) < 0)
			goto out;
		*id = 0;
		if (!found || key.len != KEY_LEN || key.ptr[0] != KEY_DEAD)
			break;
		*id = be64_get(key.ptr + 1);
		if (record_get_dead(buf_span(row), rec, err) < 0)
			goto out;
	} while (!is_over(rec, age_ms));
	ret = 0;
out:
	buf_free(&key);
	return ret;
}

int
notice_sum_is_due(struct store *st, bool *due, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct record_dead rec;
	uint64_t id = 0;
	int ret = next_over(st, NULL, store_age_ms(st), &id, &row, &rec, err);

	*due = id != 0;
	buf_free(&row);
	return ret;
}

int
notice_sum_up(struct store_tx *tx, void *arg, struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	unsigned char key[KEY_LEN];
	struct record_dead rec;
	int64_t age_ms = store_age_ms(tx->st);
	uint64_t id = 0;
	bool put, found;
	int ret = -1;

	(void)arg;
	for (;;) {
		if (next_over(tx->st, tx->txn, age_ms, &id, &row, &rec, err) <
		    0)
			goto out;
		if (id == 0)
			break;
		put = true;
		if (rec.kept > 0 && put_sum(tx, id, &rec, &put, err) < 0)
			goto out;
		if (put && bdb_delete(tx->st->notices, tx->txn,
			       dead_key(id, key), &found, err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&row);
	return ret;
}
