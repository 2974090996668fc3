/* dedupe.c: records of events by their keys, in partitions of age. */
#include "lib/log/dedupe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/log/dedupe_impl.h"

#define PAGE 4096 /* larger pages tear; see bdb.h */
#define PREFIX "dedupe-"
#define META_CUT "dedupe cut" /* ids of the rows, 8 bytes each */

void
dedupe_file_of(const struct dedupe_part *part, char out[BDB_FILE_MAX + 1])
{
	int n = snprintf(out, BDB_FILE_MAX + 1, PREFIX "%010llx",
	    (unsigned long long)part->start_s);

	if (part->endpoint_id != DEDUPE_SHARED)
		snprintf(out + n, BDB_FILE_MAX + 1 - (size_t)n, "-%llx",
		    (unsigned long long)part->endpoint_id);
}

/* Is it the name of a partition? Fills start_s and endpoint_id. */
static bool
read_name(const char *file, struct dedupe_part *out)
{
	unsigned long long start_s = 0, endpoint_id = DEDUPE_SHARED;
	char again[BDB_FILE_MAX + 1];

	if (sscanf(file, PREFIX "%10llx-%llx", &start_s, &endpoint_id) < 1)
		return false;
	out->start_s = start_s;
	out->endpoint_id = endpoint_id;
	dedupe_file_of(out, again);
	return strcmp(file, again) == 0;
}

static int
by_start(const void *a, const void *b)
{
	const struct dedupe_part *x = a, *y = b;

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

/* part says which; its table and keys are filled. */
static int
open_part(struct dedupe *dd, struct dedupe_part *part, struct bdb_txn *txn,
    bool create, struct err *err)
{
	char file[BDB_FILE_MAX + 1];

	if (dd->nparts == DEDUPE_PARTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d partitions of remembered ids",
		    DEDUPE_PARTS_MAX);
	dedupe_file_of(part, file);
	if (bdb_table_open(dd->db, txn, file, PAGE, create, &part->table, err) <
	    0) {
		if (!create &&
		    (err->code == ERR_IO || err->code == ERR_CORRUPT)) {
			bdb_note_damaged(dd->db, file);
			err->code = ERR_CORRUPT;
		}
		return -1;
	}
	if (!create && load_keys(dd, file, &part->keys, err) < 0) {
		bdb_table_close(part->table);
		return -1;
	}
	pthread_rwlock_wrlock(&dd->lock);
	dd->parts[dd->nparts++] = *part;
	qsort(dd->parts, dd->nparts, sizeof(*part), by_start);
	pthread_rwlock_unlock(&dd->lock);
	return 0;
}

static int
open_one(void *arg, const char *file, struct err *err)
{
	struct dedupe_part part = { 0 };

	return read_name(file, &part) ? open_part(arg, &part, NULL, false, err)
				      : 0;
}

/* A partition that meta counts must be there. */
static int
find_missing(struct dedupe *dd, struct err *err)
{
	struct buf key = BUF_INIT(256), at = BUF_INIT(256),
		   value = BUF_INIT(4096);
	char file[BDB_FILE_MAX + 1];
	struct dedupe_part part;
	bool found, there;
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
		if (!read_name(file, &part))
			there = true;
		else if (bdb_table_exists(dd->db, file, &there, err) < 0)
			goto out;
		if (!there) {
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

static int
load_cut(struct dedupe *dd, struct err *err)
{
	struct buf value = BUF_INIT(256);
	bool found;
	int ret;

	ret = bdb_get(dd->meta, NULL, span_str(META_CUT), &value, &found, err);
	for (; ret == 0 && found && dd->ncut < NITEMS(dd->cut) &&
	       (dd->ncut + 1) * 8 <= value.len;
	     dd->ncut++)
		dd->cut[dd->ncut] = be64_get(value.ptr + dd->ncut * 8);
	buf_free(&value);
	return ret;
}

static int
save_cut(struct dedupe *dd, struct bdb_txn *txn, struct err *err)
{
	unsigned char value[NITEMS(dd->cut) * 8];
	size_t i;

	for (i = 0; i < dd->ncut; i++)
		be64_put(value + i * 8, dd->cut[i]);
	return bdb_put(dd->meta, txn, span_str(META_CUT),
	    span_of(value, dd->ncut * 8), err);
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
	dd->width_s = horizon_s / DEDUPE_PARTS_A_HORIZON;
	if (dd->width_s < 1)
		dd->width_s = 1;
	dd->max = max;
	if (find_missing(dd, err) < 0 || bdb_files(db, open_one, dd, err) < 0) {
		dedupe_close(dd);
		return -1;
	}
	if (load_cut(dd, err) < 0) {
		dedupe_close(dd);
		return -1;
	}
	dd->several = dd->nparts > 0; /* as it may be */
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
 * is an old one to drop, and the newest alone cannot fill the disk. One that
 * nothing was written to goes on.
 */
static bool
is_full(
    const struct dedupe *dd, const struct dedupe_part *newest, uint64_t age_s)
{
	if (age_s <= newest->start_s || newest->keys == 0)
		return false;
	return age_s >= newest->start_s + (uint64_t)dd->width_s ||
	       (dd->nparts < DEDUPE_PARTS_MAX / 2 &&
		   bdb_table_bytes(newest->table) >
		       dd->max / DEDUPE_PARTS_A_HORIZON / dedupe_rows(dd));
}

/* Takes a partition off; false while somebody walks them. */
static bool
take(struct dedupe *dd, size_t at, struct dedupe_part *out)
{
	bool taken;

	pthread_rwlock_wrlock(&dd->lock);
	taken = dd->walkers == 0;
	if (taken) {
		*out = dd->parts[at];
		memmove(&dd->parts[at], &dd->parts[at + 1],
		    (--dd->nparts - at) * sizeof(dd->parts[0]));
	}
	pthread_rwlock_unlock(&dd->lock);
	return taken;
}

/* The handle belongs to a table that was not made. */
static void
take_back(struct dedupe *dd, const struct dedupe_part *part)
{
	size_t i;

	pthread_rwlock_wrlock(&dd->lock);
	for (i = 0; i < dd->nparts && dd->parts[i].table != part->table; i++)
		;
	memmove(&dd->parts[i], &dd->parts[i + 1],
	    (--dd->nparts - i) * sizeof(dd->parts[0]));
	pthread_rwlock_unlock(&dd->lock);
	bdb_table_close(part->table);
}

static int
make_part(
    struct dedupe *dd, uint64_t endpoint_id, uint64_t age_s, struct err *err)
{
	static const unsigned char none[8]; /* keys */
	struct dedupe_part part = { .start_s = age_s,
		.endpoint_id = endpoint_id };
	char file[BDB_FILE_MAX + 1];
	struct bdb_txn *txn;
	int ret;

	if (bdb_begin(dd->db, &txn, err) < 0)
		return -1;
	if (open_part(dd, &part, txn, true, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	/* From now on it is missed when it is not there. */
	dedupe_file_of(&part, file);
	ret = bdb_put(
	    dd->meta, txn, span_str(file), span_of(none, sizeof(none)), err);
	if (ret == 0)
		ret = bdb_commit(txn, err);
	else
		bdb_abort(txn);
	if (ret < 0)
		take_back(dd, &part);
	else if (endpoint_id == DEDUPE_SHARED)
		dedupe_forget_loads(dd);
	return ret;
}

int
dedupe_prepare(struct dedupe *dd, int64_t age_ms, struct err *err)
{
	uint64_t age_s = (uint64_t)age_ms / 1000, heavy;
	size_t i;

	if (dedupe_newest(dd, DEDUPE_SHARED) == NULL &&
	    make_part(dd, DEDUPE_SHARED, age_s, err) < 0)
		return -1;
	/* Before the shared one ends, and with it what was counted of it. */
	heavy = dedupe_heaviest(dd);
	if (heavy != DEDUPE_SHARED)
		return make_part(dd, heavy, age_s, err);
	for (i = dd->nparts; i-- > 0;)
		if (dedupe_newest(dd, dd->parts[i].endpoint_id) ==
			&dd->parts[i] &&
		    is_full(dd, &dd->parts[i], age_s))
			return make_part(
			    dd, dd->parts[i].endpoint_id, age_s, err);
	return 0;
}

static int
get_part(struct dedupe_part *part, struct bdb_txn *txn,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    bool *found, struct err *err)
{
	struct buf value = BUF_INIT(DEDUPE_VALUE_MAX);
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
find_in(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    size_t *at, bool *found, struct err *err)
{
	uint64_t own;
	size_t i;

	*found = false;
	for (i = dd->nparts; i-- > 0 && !*found;) {
		own = dd->parts[i].endpoint_id;
		if (own != DEDUPE_SHARED && own != endpoint_id &&
		    endpoint_id != DEDUPE_ANY)
			continue;
		if (get_part(&dd->parts[i], txn, key, out, found, err) < 0)
			return -1;
		*at = i;
	}
	return 0;
}

int
dedupe_put(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    struct err *err)
{
	struct dedupe_part *newest = dedupe_newest(dd, endpoint_id);
	struct buf value = BUF_INIT(DEDUPE_VALUE_MAX);
	bool added;
	int ret = -1;

	if (newest == NULL)
		newest = dedupe_newest(dd, DEDUPE_SHARED);
	if (record_put_dedupe(rec, &value, err) < 0 ||
	    bdb_add(newest->table, txn, span_of(key, DEDUPE_KEY_SIZE),
		buf_span(&value), &added, err) < 0)
		goto out;
	if (added) {
		atomic_fetch_add(&newest->keys, 1);
		if (newest->endpoint_id == DEDUPE_SHARED)
			dedupe_count_load(dd, endpoint_id);
	} else if (bdb_put(newest->table, txn, span_of(key, DEDUPE_KEY_SIZE),
		       buf_span(&value), err) < 0) {
		goto out;
	}
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

int
dedupe_update(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    struct err *err)
{
	struct buf value = BUF_INIT(DEDUPE_VALUE_MAX);
	struct record_dedupe old;
	bool found;
	size_t at = 0;
	int ret = -1;

	if (find_in(dd, txn, endpoint_id, key, &old, &at, &found, err) < 0)
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

	if (find_in(dd, txn, DEDUPE_ANY, key, &old, &at, &found, err) < 0)
		return -1;
	return found ? bdb_delete(dd->parts[at].table, txn,
			   span_of(key, DEDUPE_KEY_SIZE), &found, err)
		     : 0;
}

int
dedupe_get(struct dedupe *dd, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], struct record_dedupe *out,
    bool *found, struct err *err)
{
	size_t at;
	int ret;

	pthread_rwlock_rdlock(&dd->lock);
	ret = find_in(dd, txn, endpoint_id, key, out, &at, found, err);
	pthread_rwlock_unlock(&dd->lock);
	return ret;
}

static int
drop(struct dedupe *dd, const struct dedupe_part *part, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	struct bdb_txn *txn;
	bool found;

	dedupe_file_of(part, file);
	bdb_table_close(part->table);
	if (bdb_begin(dd->db, &txn, err) < 0)
		return -1;
	if (bdb_delete(dd->meta, txn, span_str(file), &found, err) < 0 ||
	    save_cut(dd, txn, err) < 0 ||
	    bdb_table_remove(dd->db, txn, file, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	return bdb_commit(txn, err);
}

/* Its time is past: that of the next one of its row began a horizon ago. */
static bool
is_old(const struct dedupe *dd, size_t at, int64_t age_s)
{
	const struct dedupe_part *part = &dd->parts[at];
	size_t i;

	for (i = at + 1; i < dd->nparts; i++)
		if (dd->parts[i].endpoint_id == part->endpoint_id)
			return (int64_t)dd->parts[i].start_s <=
			       age_s - dd->horizon_s;
	/* The newest of an endpoint's own takes what comes for a while. */
	return part->endpoint_id != DEDUPE_SHARED &&
	       (int64_t)part->start_s <=
		   age_s - dd->horizon_s - 2 * dd->width_s;
}

/* The partition that goes next; false: none does. */
static bool
choose(struct dedupe *dd, int64_t age_s, size_t *at, bool *old)
{
	uint64_t row;

	for (*at = 0; *at < dd->nparts; ++*at) {
		*old = is_old(dd, *at, age_s);
		if (*old)
			return true;
	}
	if (dedupe_bytes(dd) <= dd->max || !dedupe_choose_row(dd, &row))
		return false;
	for (*at = 0; dd->parts[*at].endpoint_id != row; ++*at)
		;
	return true;
}

static bool
is_cut(const struct dedupe *dd, uint64_t endpoint_id)
{
	size_t i;

	for (i = 0; i < dd->ncut; i++)
		if (dd->cut[i] == endpoint_id)
			return true;
	return false;
}

static void
note_cut(struct dedupe *dd, uint64_t endpoint_id)
{
	size_t i;

	if (is_cut(dd, endpoint_id))
		return;
	pthread_rwlock_wrlock(&dd->lock);
	/* In the place of a row that is gone: there are no more rows. */
	for (i = 0; i < dd->ncut; i++)
		if (dedupe_row_parts(dd, dd->cut[i]) == 0)
			break;
	if (i == dd->ncut && dd->ncut < NITEMS(dd->cut))
		dd->ncut++;
	if (i < dd->ncut)
		dd->cut[i] = endpoint_id;
	pthread_rwlock_unlock(&dd->lock);
}

int
dedupe_expire(
    struct dedupe *dd, int64_t age_ms, unsigned *dropped, struct err *err)
{
	struct dedupe_part part;
	bool old = false;
	size_t at;

	*dropped = 0;
	while (choose(dd, age_ms / 1000, &at, &old)) {
		if (!take(dd, at, &part))
			break;
		if (!old)
			note_cut(dd, part.endpoint_id);
		if (drop(dd, &part, err) < 0)
			return -1;
		(*dropped)++;
	}
	return 0;
}

/* For how long the oldest partition of a row, if it was cut, goes back. */
static int64_t
row_horizon_s(const struct dedupe *dd, uint64_t endpoint_id, int64_t age_s)
{
	int64_t kept = dd->horizon_s;
	size_t i;

	if (!is_cut(dd, endpoint_id))
		return kept;
	for (i = 0; i < dd->nparts; i++)
		if (dd->parts[i].endpoint_id == endpoint_id)
			break;
	if (i < dd->nparts && age_s - (int64_t)dd->parts[i].start_s < kept)
		kept = age_s - (int64_t)dd->parts[i].start_s;
	return kept;
}

int64_t
dedupe_horizon_s(struct dedupe *dd, uint64_t endpoint_id, int64_t age_ms)
{
	int64_t kept, own, age_s = age_ms / 1000;
	size_t i;

	pthread_rwlock_rdlock(&dd->lock);
	kept = row_horizon_s(dd, DEDUPE_SHARED, age_s);
	for (i = 0; i < dd->ncut; i++) {
		if (dd->cut[i] != endpoint_id && endpoint_id != DEDUPE_ANY)
			continue;
		own = row_horizon_s(dd, dd->cut[i], age_s);
		kept = own < kept ? own : kept;
	}
	pthread_rwlock_unlock(&dd->lock);
	return kept;
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
