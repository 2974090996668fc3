/* dedupe.c: records of events by their keys, in partitions of age. */
#include "lib/dedupe.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096 /* larger pages tear; see bdb.h */
#define PARTS_MAX 64
#define PARTS_A_HORIZON 5 /* a look-up asks each, so they are few */
#define VALUE_MAX 128
#define PREFIX "dedupe-"
#define PREFIX_FILE (sizeof(PREFIX) - 1 + 10) /* bytes of a table's name */

/*
 * Named by the age of the store, in seconds, at which it was begun; its time
 * ends where the next one begins, so that another horizon tomorrow changes
 * nothing that is there.
 */
struct part {
	uint64_t start_s;
	struct bdb_table *table;
	_Atomic uint64_t keys; /* about; the committer counts */
};

struct dedupe {
	struct bdb *db;
	struct bdb_table *meta; /* file name: number of keys */
	int64_t horizon_s, width_s;
	uint64_t max;
	/* Written by the committer alone, so it reads without the lock. */
	pthread_rwlock_t lock;
	struct part parts[PARTS_MAX]; /* oldest first */
	size_t nparts;
	bool cut; /* max made a partition go before its time */
	unsigned walkers; /* who need the partitions to stay */
};

static void
file_of(uint64_t start_s, char out[BDB_FILE_MAX + 1])
{
	snprintf(out, BDB_FILE_MAX + 1, "dedupe-%010llx",
	    (unsigned long long)start_s);
}

static int
by_start(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->start_s < y->start_s ? -1 : x->start_s > y->start_s;
}

static int
load_keys(struct dedupe *dd, const char *file, _Atomic uint64_t *keys,
    struct err *err)
{
	struct buf value = BUF_INIT(64);
	bool found;
	int ret;

	ret = bdb_get(dd->meta, NULL, span_str(file), &value, &found, err);
	if (ret == 0 && found && value.len == 8)
		*keys = be64_get(value.ptr);
	buf_free(&value);
	return ret;
}

static int
open_part(struct dedupe *dd, uint64_t start_s, struct bdb_txn *txn, bool create,
    struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	struct part part = { start_s, NULL, 0 };

	if (dd->nparts == PARTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d partitions of remembered ids", PARTS_MAX);
	file_of(start_s, file);
	if (bdb_table_open(dd->db, txn, file, PAGE, create, &part.table, err) <
	    0) {
		if (!create &&
		    (err->code == ERR_IO || err->code == ERR_CORRUPT)) {
			bdb_note_damaged(dd->db, file);
			err->code = ERR_CORRUPT;
		}
		return -1;
	}
	if (!create && load_keys(dd, file, &part.keys, err) < 0) {
		bdb_table_close(part.table);
		return -1;
	}
	pthread_rwlock_wrlock(&dd->lock);
	dd->parts[dd->nparts++] = part;
	qsort(dd->parts, dd->nparts, sizeof(part), by_start);
	pthread_rwlock_unlock(&dd->lock);
	return 0;
}

static int
open_one(void *arg, const char *file, struct err *err)
{
	struct dedupe *dd = arg;
	unsigned long long start_s;
	char rest;

	if (sscanf(file, "dedupe-%10llx%c", &start_s, &rest) != 1)
		return 0;
	return open_part(dd, start_s, NULL, false, err);
}

/* A partition that meta counts must be there. */
static int
find_missing(struct dedupe *dd, struct err *err)
{
	struct buf key = BUF_INIT(256), at = BUF_INIT(256),
		   value = BUF_INIT(4096);
	char file[BDB_FILE_MAX + 1];
	bool found;
	int ret = -1;

	if (buf_puts(&at, PREFIX, err) < 0)
		goto out;
	for (;;) {
		if (bdb_find(dd->meta, NULL, BDB_GT, buf_span(&at), &key,
			&value, &found, err) < 0)
			goto out;
		if (!found || !span_starts(buf_span(&key), PREFIX))
			break;
		snprintf(file, sizeof(file), "%.*s", (int)key.len, key.ptr);
		if (key.len == PREFIX_FILE && !bdb_table_exists(dd->db, file)) {
			bdb_note_damaged(dd->db, file);
			err_set(err, ERR_CORRUPT, "table %s is missing", file);
			goto out;
		}
		buf_clear(&at);
		if (buf_put_span(&at, buf_span(&key), err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&at);
	buf_free(&value);
	return ret;
}

int
dedupe_open(struct bdb *db, struct bdb_table *meta, int64_t horizon_s,
    uint64_t max, struct dedupe **out, struct err *err)
{
	struct dedupe *dd = calloc(1, sizeof(*dd));

	if (dd == NULL)
		return err_set(err, ERR_NOMEM, "no memory for deduping");
	pthread_rwlock_init(&dd->lock, NULL);
	dd->db = db;
	dd->meta = meta;
	dd->horizon_s = horizon_s;
	dd->width_s = horizon_s / PARTS_A_HORIZON;
	if (dd->width_s < 1)
		dd->width_s = 1;
	dd->max = max;
	if (find_missing(dd, err) < 0 || bdb_files(db, open_one, dd, err) < 0) {
		dedupe_close(dd);
		return -1;
	}
	*out = dd;
	return 0;
}

void
dedupe_close(struct dedupe *dd)
{
	size_t i;

	if (dd == NULL)
		return;
	for (i = 0; i < dd->nparts; i++)
		bdb_table_close(dd->parts[i].table);
	pthread_rwlock_destroy(&dd->lock);
	free(dd);
}

/*
 * A partition ends with its time, or when it has its share of max: so there
 * is an old one to drop, and the newest alone cannot fill the disk.
 */
static bool
is_full(const struct dedupe *dd, uint64_t age_s)
{
	const struct part *newest;

	if (dd->nparts == 0)
		return true;
	newest = &dd->parts[dd->nparts - 1];
	if (age_s <= newest->start_s)
		return false;
	return age_s >= newest->start_s + (uint64_t)dd->width_s ||
	       (dd->nparts < PARTS_MAX &&
		   bdb_table_bytes(newest->table) > dd->max / PARTS_A_HORIZON);
}

int
dedupe_prepare(struct dedupe *dd, int64_t age_ms, struct err *err)
{
	static const unsigned char none[8]; /* keys */
	uint64_t age_s = (uint64_t)age_ms / 1000;
	char file[BDB_FILE_MAX + 1];
	struct bdb_txn *txn;
	int ret;

	if (!is_full(dd, age_s))
		return 0;
	if (bdb_begin(dd->db, &txn, err) < 0)
		return -1;
	if (open_part(dd, age_s, txn, true, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	/* From now on it is missed when it is not there. */
	file_of(age_s, file);
	ret = bdb_put(
	    dd->meta, txn, span_str(file), span_of(none, sizeof(none)), err);
	if (ret == 0)
		ret = bdb_commit(txn, err);
	else
		bdb_abort(txn);
	if (ret < 0) {
		/* The handle belongs to a table that was not made. */
		pthread_rwlock_wrlock(&dd->lock);
		bdb_table_close(dd->parts[--dd->nparts].table);
		pthread_rwlock_unlock(&dd->lock);
		return -1;
	}
	return 0;
}

static int
get_part(struct part *part, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    bool *found, struct err *err)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	int ret;

	ret = bdb_get(part->table, txn, span_of(key, DEDUPE_KEY_SIZE), &value,
	    found, err);
	if (ret == 0 && *found)
		ret = record_get_dedupe(buf_span(&value), out, err);
	buf_free(&value);
	return ret;
}

/* Newest first: most repeats come soon. */
static int
find_in(struct dedupe *dd, struct bdb_txn *txn, size_t nparts,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    size_t *at, bool *found, struct err *err)
{
	size_t i;

	*found = false;
	for (i = nparts; i-- > 0 && !*found;) {
		if (get_part(&dd->parts[i], txn, key, out, found, err) < 0)
			return -1;
		*at = i;
	}
	return 0;
}

int
dedupe_put(struct dedupe *dd, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    struct err *err)
{
	struct part *newest = &dd->parts[dd->nparts - 1];
	struct buf value = BUF_INIT(VALUE_MAX);
	bool added;
	int ret = -1;

	if (record_put_dedupe(rec, &value, err) < 0 ||
	    bdb_add(newest->table, txn, span_of(key, DEDUPE_KEY_SIZE),
		buf_span(&value), &added, err) < 0)
		goto out;
	if (added)
		atomic_fetch_add(&newest->keys, 1);
	else if (bdb_put(newest->table, txn, span_of(key, DEDUPE_KEY_SIZE),
		     buf_span(&value), err) < 0)
		goto out;
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

int
dedupe_update(struct dedupe *dd, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    struct err *err)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	struct record_dedupe old;
	bool found;
	size_t at = 0;
	int ret = -1;

	if (find_in(dd, txn, dd->nparts, key, &old, &at, &found, err) < 0)
		goto out;
	if (!found) {
		err_set(err, ERR_NOTFOUND, "id is not remembered");
		goto out;
	}
	if (record_put_dedupe(rec, &value, err) < 0)
		goto out;
	ret = bdb_put(dd->parts[at].table, txn, span_of(key, DEDUPE_KEY_SIZE),
	    buf_span(&value), err);
out:
	buf_free(&value);
	return ret;
}

int
dedupe_forget(struct dedupe *dd, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], struct err *err)
{
	struct record_dedupe old;
	bool found;
	size_t at = 0;

	if (find_in(dd, txn, dd->nparts, key, &old, &at, &found, err) < 0)
		return -1;
	return found ? bdb_delete(dd->parts[at].table, txn,
			   span_of(key, DEDUPE_KEY_SIZE), &found, err)
		     : 0;
}

int
dedupe_get(struct dedupe *dd, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    bool *found, struct err *err)
{
	size_t at;
	int ret;

	pthread_rwlock_rdlock(&dd->lock);
	ret = find_in(dd, txn, dd->nparts, key, out, &at, found, err);
	pthread_rwlock_unlock(&dd->lock);
	return ret;
}

/* Takes the oldest partition off the row; false while somebody walks it. */
static bool
take_oldest(struct dedupe *dd, struct part *out)
{
	bool taken;

	pthread_rwlock_wrlock(&dd->lock);
	taken = dd->walkers == 0;
	if (taken) {
		*out = dd->parts[0];
		memmove(&dd->parts[0], &dd->parts[1],
		    --dd->nparts * sizeof(dd->parts[0]));
	}
	pthread_rwlock_unlock(&dd->lock);
	return taken;
}

static int
drop(struct dedupe *dd, const struct part *part, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	struct bdb_txn *txn;
	bool found;

	file_of(part->start_s, file);
	bdb_table_close(part->table);
	if (bdb_begin(dd->db, &txn, err) < 0)
		return -1;
	if (bdb_delete(dd->meta, txn, span_str(file), &found, err) < 0 ||
	    bdb_table_remove(dd->db, txn, file, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	return bdb_commit(txn, err);
}

int
dedupe_expire(
    struct dedupe *dd, int64_t age_ms, unsigned *dropped, struct err *err)
{
	struct part part;
	bool old;

	*dropped = 0;
	while (dd->nparts > 1) {
		old = (int64_t)dd->parts[1].start_s <=
		      age_ms / 1000 - dd->horizon_s;
		if ((!old && dedupe_bytes(dd) <= dd->max) ||
		    !take_oldest(dd, &part))
			break;
		if (!old)
			dd->cut = true;
		if (drop(dd, &part, err) < 0)
			return -1;
		(*dropped)++;
	}
	return 0;
}

int64_t
dedupe_horizon_s(struct dedupe *dd, int64_t age_ms)
{
	int64_t kept = dd->horizon_s;

	pthread_rwlock_rdlock(&dd->lock);
	if (dd->cut && dd->nparts > 0 &&
	    age_ms / 1000 - (int64_t)dd->parts[0].start_s < kept)
		kept = age_ms / 1000 - (int64_t)dd->parts[0].start_s;
	pthread_rwlock_unlock(&dd->lock);
	return kept;
}

int64_t
dedupe_newest_ms(struct dedupe *dd)
{
	int64_t ms = 0;

	pthread_rwlock_rdlock(&dd->lock);
	if (dd->nparts > 0)
		ms = (int64_t)dd->parts[dd->nparts - 1].start_s * 1000;
	pthread_rwlock_unlock(&dd->lock);
	return ms;
}

uint64_t
dedupe_bytes(struct dedupe *dd)
{
	uint64_t n = 0;
	size_t i;

	pthread_rwlock_rdlock(&dd->lock);
	for (i = 0; i < dd->nparts; i++)
		n += bdb_table_bytes(dd->parts[i].table);
	pthread_rwlock_unlock(&dd->lock);
	return n;
}

uint64_t
dedupe_count(struct dedupe *dd)
{
	uint64_t n = 0;
	size_t i;

	pthread_rwlock_rdlock(&dd->lock);
	for (i = 0; i < dd->nparts; i++)
		n += dd->parts[i].keys;
	pthread_rwlock_unlock(&dd->lock);
	return n;
}

int
dedupe_save(struct dedupe *dd, struct bdb_txn *txn, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	unsigned char value[8];
	size_t i;

	for (i = 0; i < dd->nparts; i++) {
		file_of(dd->parts[i].start_s, file);
		be64_put(value, dd->parts[i].keys);
		if (bdb_put(dd->meta, txn, span_str(file),
			span_of(value, sizeof(value)), err) < 0)
			return -1;
	}
	return 0;
}

int
dedupe_files(struct dedupe *dd,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	uint64_t starts[PARTS_MAX];
	size_t i, n;

	pthread_rwlock_rdlock(&dd->lock);
	n = dd->nparts;
	for (i = 0; i < n; i++)
		starts[i] = dd->parts[i].start_s;
	pthread_rwlock_unlock(&dd->lock);
	/* Repeats are counted in any partition, so none is ever closed. */
	for (i = 0; i < n; i++) {
		file_of(starts[i], file);
		if (visit(arg, file, false, err) < 0)
			return -1;
	}
	return 0;
}

static int
visit_part(struct part *part,
    int (*visit)(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
	const struct record_dedupe *rec, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), value = BUF_INIT(VALUE_MAX);
	unsigned char at[DEDUPE_KEY_SIZE];
	struct record_dedupe rec;
	bool found;
	int ret = -1;

	if (bdb_find(part->table, NULL, BDB_FIRST, SPAN_EMPTY, &key, &value,
		&found, err) < 0)
		goto out;
	while (found) {
		if (key.len != DEDUPE_KEY_SIZE) {
			err_set(err, ERR_CORRUPT, "remembered key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(at, key.ptr, sizeof(at));
		if (record_get_dedupe(buf_span(&value), &rec, err) < 0 ||
		    visit(arg, at, &rec, err) < 0 ||
		    bdb_find(part->table, NULL, BDB_GT, span_of(at, sizeof(at)),
			&key, &value, &found, err) < 0)
			goto out;
	}
	ret = 0;
out:
	buf_free(&key);
	buf_free(&value);
	return ret;
}

int
dedupe_visit(struct dedupe *dd,
    int (*visit)(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
	const struct record_dedupe *rec, struct err *err),
    void *arg, struct err *err)
{
	struct part parts[PARTS_MAX];
	size_t i, n;
	int ret = 0;

	/* A walk takes its time; the committer must not wait for it. */
	pthread_rwlock_wrlock(&dd->lock);
	dd->walkers++;
	n = dd->nparts;
	memcpy(parts, dd->parts, n * sizeof(parts[0]));
	pthread_rwlock_unlock(&dd->lock);
	for (i = 0; i < n && ret == 0; i++)
		ret = visit_part(&parts[i], visit, arg, err);
	pthread_rwlock_wrlock(&dd->lock);
	dd->walkers--;
	pthread_rwlock_unlock(&dd->lock);
	return ret;
}
