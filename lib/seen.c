/* seen.c: remembered event ids in partitions of age. */
#include "lib/seen.h"

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/digest.h"

#define PAGE 4096 /* larger pages tear; see bdb.h */
#define PARTS_MAX 64
#define PARTS_A_HORIZON 5 /* a look-up asks each, so they are few */
#define VALUE_MAX 128
#define PREFIX "seen-"
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

struct seen {
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

int
seen_key(const unsigned char secret[SEEN_SECRET], uint64_t endpoint_id,
    enum seen_kind kind, struct span id, unsigned char out[SEEN_KEY],
    struct err *err)
{
	unsigned char head[SEEN_SECRET + 8 + 1], sum[DIGEST_SHA256];
	struct span parts[2];

	/* The head has one length, so no two identities share their bytes. */
	memcpy(head, secret, SEEN_SECRET);
	be64_put(head + SEEN_SECRET, endpoint_id);
	head[SEEN_SECRET + 8] = (unsigned char)kind;
	parts[0] = span_of(head, sizeof(head));
	parts[1] = id;
	if (digest_sha256(parts, 2, sum, err) < 0)
		return -1;
	memcpy(out, sum, SEEN_KEY);
	return 0;
}

static void
file_of(uint64_t start_s, char out[BDB_FILE_MAX + 1])
{
	snprintf(
	    out, BDB_FILE_MAX + 1, "seen-%010llx", (unsigned long long)start_s);
}

static int
by_start(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return x->start_s < y->start_s ? -1 : x->start_s > y->start_s;
}

static int
load_keys(
    struct seen *sn, const char *file, _Atomic uint64_t *keys, struct err *err)
{
	struct buf value = BUF_INIT(64);
	bool found;
	int ret;

	ret = bdb_get(sn->meta, NULL, span_str(file), &value, &found, err);
	if (ret == 0 && found && value.len == 8)
		*keys = be64_get(value.ptr);
	buf_free(&value);
	return ret;
}

static int
open_part(struct seen *sn, uint64_t start_s, struct bdb_txn *txn, bool create,
    struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	struct part part = { start_s, NULL, 0 };

	if (sn->nparts == PARTS_MAX)
		return err_set(err, ERR_LIMIT,
		    "more than %d partitions of remembered ids", PARTS_MAX);
	file_of(start_s, file);
	if (bdb_table_open(sn->db, txn, file, PAGE, create, &part.table, err) <
	    0) {
		if (!create &&
		    (err->code == ERR_IO || err->code == ERR_CORRUPT)) {
			bdb_note_damaged(sn->db, file);
			err->code = ERR_CORRUPT;
		}
		return -1;
	}
	if (!create && load_keys(sn, file, &part.keys, err) < 0) {
		bdb_table_close(part.table);
		return -1;
	}
	pthread_rwlock_wrlock(&sn->lock);
	sn->parts[sn->nparts++] = part;
	qsort(sn->parts, sn->nparts, sizeof(part), by_start);
	pthread_rwlock_unlock(&sn->lock);
	return 0;
}

static int
open_one(void *arg, const char *file, struct err *err)
{
	struct seen *sn = arg;
	unsigned long long start_s;
	char rest;

	if (sscanf(file, "seen-%10llx%c", &start_s, &rest) != 1)
		return 0;
	return open_part(sn, start_s, NULL, false, err);
}

/* A partition that meta counts must be there. */
static int
find_missing(struct seen *sn, struct err *err)
{
	struct buf key = BUF_INIT(256), at = BUF_INIT(256),
		   value = BUF_INIT(4096);
	char file[BDB_FILE_MAX + 1];
	bool found;
	int ret = -1;

	if (buf_puts(&at, PREFIX, err) < 0)
		goto out;
	for (;;) {
		if (bdb_find(sn->meta, NULL, BDB_GT, buf_span(&at), &key,
			&value, &found, err) < 0)
			goto out;
		if (!found || !span_starts(buf_span(&key), PREFIX))
			break;
		snprintf(file, sizeof(file), "%.*s", (int)key.len, key.ptr);
		if (key.len == PREFIX_FILE && !bdb_table_exists(sn->db, file)) {
			bdb_note_damaged(sn->db, file);
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
seen_open(struct bdb *db, struct bdb_table *meta, int64_t horizon_s,
    uint64_t max, struct seen **out, struct err *err)
{
	struct seen *sn = calloc(1, sizeof(*sn));

	if (sn == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the ids seen");
	pthread_rwlock_init(&sn->lock, NULL);
	sn->db = db;
	sn->meta = meta;
	sn->horizon_s = horizon_s;
	sn->width_s = horizon_s / PARTS_A_HORIZON;
	if (sn->width_s < 1)
		sn->width_s = 1;
	sn->max = max;
	if (find_missing(sn, err) < 0 || bdb_files(db, open_one, sn, err) < 0) {
		seen_close(sn);
		return -1;
	}
	*out = sn;
	return 0;
}

void
seen_close(struct seen *sn)
{
	size_t i;

	if (sn == NULL)
		return;
	for (i = 0; i < sn->nparts; i++)
		bdb_table_close(sn->parts[i].table);
	pthread_rwlock_destroy(&sn->lock);
	free(sn);
}

/*
 * A partition ends with its time, or when it has its share of max: so there
 * is an old one to drop, and the newest alone cannot fill the disk.
 */
static bool
is_full(const struct seen *sn, uint64_t age_s)
{
	const struct part *newest;

	if (sn->nparts == 0)
		return true;
	newest = &sn->parts[sn->nparts - 1];
	if (age_s <= newest->start_s)
		return false;
	return age_s >= newest->start_s + (uint64_t)sn->width_s ||
	       (sn->nparts < PARTS_MAX &&
		   bdb_table_bytes(newest->table) > sn->max / PARTS_A_HORIZON);
}

int
seen_prepare(struct seen *sn, int64_t age_ms, struct err *err)
{
	static const unsigned char none[8]; /* keys */
	uint64_t age_s = (uint64_t)age_ms / 1000;
	char file[BDB_FILE_MAX + 1];
	struct bdb_txn *txn;
	int ret;

	if (!is_full(sn, age_s))
		return 0;
	if (bdb_begin(sn->db, &txn, err) < 0)
		return -1;
	if (open_part(sn, age_s, txn, true, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	/* From now on it is missed when it is not there. */
	file_of(age_s, file);
	ret = bdb_put(
	    sn->meta, txn, span_str(file), span_of(none, sizeof(none)), err);
	if (ret == 0)
		ret = bdb_commit(txn, err);
	else
		bdb_abort(txn);
	if (ret < 0) {
		/* The handle belongs to a table that was not made. */
		pthread_rwlock_wrlock(&sn->lock);
		bdb_table_close(sn->parts[--sn->nparts].table);
		pthread_rwlock_unlock(&sn->lock);
		return -1;
	}
	return 0;
}

static int
get_part(struct part *part, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct record_seen *out, bool *found,
    struct err *err)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	int ret;

	ret = bdb_get(
	    part->table, txn, span_of(key, SEEN_KEY), &value, found, err);
	if (ret == 0 && *found)
		ret = record_get_seen(buf_span(&value), out, err);
	buf_free(&value);
	return ret;
}

/* Newest first: most repeats come soon. */
static int
find_in(struct seen *sn, struct bdb_txn *txn, size_t nparts,
    const unsigned char key[SEEN_KEY], struct record_seen *out, size_t *at,
    bool *found, struct err *err)
{
	size_t i;

	*found = false;
	for (i = nparts; i-- > 0 && !*found;) {
		if (get_part(&sn->parts[i], txn, key, out, found, err) < 0)
			return -1;
		*at = i;
	}
	return 0;
}

int
seen_add(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct record_seen *rec, bool *known,
    struct err *err)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	struct part *newest = &sn->parts[sn->nparts - 1];
	struct record_seen old;
	size_t at;
	bool added = false;
	int ret = -1;

	if (find_in(sn, txn, sn->nparts - 1, key, &old, &at, known, err) < 0)
		goto out;
	if (!*known) {
		if (record_put_seen(rec, &value, err) < 0 ||
		    bdb_add(newest->table, txn, span_of(key, SEEN_KEY),
			buf_span(&value), &added, err) < 0)
			goto out;
		*known = !added;
		if (!added && get_part(newest, txn, key, &old, known, err) < 0)
			goto out;
	}
	if (*known)
		*rec = old;
	else
		atomic_fetch_add(&newest->keys, 1);
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

int
seen_update(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], const struct record_seen *rec,
    struct err *err)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	struct record_seen old;
	bool found;
	size_t at = 0;
	int ret = -1;

	if (find_in(sn, txn, sn->nparts, key, &old, &at, &found, err) < 0)
		goto out;
	if (!found) {
		err_set(err, ERR_NOTFOUND, "id is not remembered");
		goto out;
	}
	if (record_put_seen(rec, &value, err) < 0)
		goto out;
	ret = bdb_put(sn->parts[at].table, txn, span_of(key, SEEN_KEY),
	    buf_span(&value), err);
out:
	buf_free(&value);
	return ret;
}

int
seen_forget(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct err *err)
{
	struct record_seen old;
	bool found;
	size_t at = 0;

	if (find_in(sn, txn, sn->nparts, key, &old, &at, &found, err) < 0)
		return -1;
	return found ? bdb_delete(sn->parts[at].table, txn,
			   span_of(key, SEEN_KEY), &found, err)
		     : 0;
}

int
seen_find(struct seen *sn, struct bdb_txn *txn,
    const unsigned char key[SEEN_KEY], struct record_seen *out, bool *found,
    struct err *err)
{
	size_t at;
	int ret;

	pthread_rwlock_rdlock(&sn->lock);
	ret = find_in(sn, txn, sn->nparts, key, out, &at, found, err);
	pthread_rwlock_unlock(&sn->lock);
	return ret;
}

/* Takes the oldest partition off the row; false while somebody walks it. */
static bool
take_oldest(struct seen *sn, struct part *out)
{
	bool taken;

	pthread_rwlock_wrlock(&sn->lock);
	taken = sn->walkers == 0;
	if (taken) {
		*out = sn->parts[0];
		memmove(&sn->parts[0], &sn->parts[1],
		    --sn->nparts * sizeof(sn->parts[0]));
	}
	pthread_rwlock_unlock(&sn->lock);
	return taken;
}

static int
drop(struct seen *sn, const struct part *part, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	struct bdb_txn *txn;
	bool found;

	file_of(part->start_s, file);
	bdb_table_close(part->table);
	if (bdb_begin(sn->db, &txn, err) < 0)
		return -1;
	if (bdb_delete(sn->meta, txn, span_str(file), &found, err) < 0 ||
	    bdb_table_remove(sn->db, txn, file, err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	return bdb_commit(txn, err);
}

int
seen_expire(struct seen *sn, int64_t age_ms, unsigned *dropped, struct err *err)
{
	struct part part;
	bool old;

	*dropped = 0;
	while (sn->nparts > 1) {
		old = (int64_t)sn->parts[1].start_s <=
		      age_ms / 1000 - sn->horizon_s;
		if ((!old && seen_bytes(sn) <= sn->max) ||
		    !take_oldest(sn, &part))
			break;
		if (!old)
			sn->cut = true;
		if (drop(sn, &part, err) < 0)
			return -1;
		(*dropped)++;
	}
	return 0;
}

int64_t
seen_horizon_s(struct seen *sn, int64_t age_ms)
{
	int64_t kept = sn->horizon_s;

	pthread_rwlock_rdlock(&sn->lock);
	if (sn->cut && sn->nparts > 0 &&
	    age_ms / 1000 - (int64_t)sn->parts[0].start_s < kept)
		kept = age_ms / 1000 - (int64_t)sn->parts[0].start_s;
	pthread_rwlock_unlock(&sn->lock);
	return kept;
}

int64_t
seen_newest_ms(struct seen *sn)
{
	int64_t ms = 0;

	pthread_rwlock_rdlock(&sn->lock);
	if (sn->nparts > 0)
		ms = (int64_t)sn->parts[sn->nparts - 1].start_s * 1000;
	pthread_rwlock_unlock(&sn->lock);
	return ms;
}

uint64_t
seen_bytes(struct seen *sn)
{
	uint64_t n = 0;
	size_t i;

	pthread_rwlock_rdlock(&sn->lock);
	for (i = 0; i < sn->nparts; i++)
		n += bdb_table_bytes(sn->parts[i].table);
	pthread_rwlock_unlock(&sn->lock);
	return n;
}

uint64_t
seen_keys(struct seen *sn)
{
	uint64_t n = 0;
	size_t i;

	pthread_rwlock_rdlock(&sn->lock);
	for (i = 0; i < sn->nparts; i++)
		n += sn->parts[i].keys;
	pthread_rwlock_unlock(&sn->lock);
	return n;
}

int
seen_save(struct seen *sn, struct bdb_txn *txn, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	unsigned char value[8];
	size_t i;

	for (i = 0; i < sn->nparts; i++) {
		file_of(sn->parts[i].start_s, file);
		be64_put(value, sn->parts[i].keys);
		if (bdb_put(sn->meta, txn, span_str(file),
			span_of(value, sizeof(value)), err) < 0)
			return -1;
	}
	return 0;
}

int
seen_files(struct seen *sn,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	uint64_t starts[PARTS_MAX];
	size_t i, n;

	pthread_rwlock_rdlock(&sn->lock);
	n = sn->nparts;
	for (i = 0; i < n; i++)
		starts[i] = sn->parts[i].start_s;
	pthread_rwlock_unlock(&sn->lock);
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
    int (*visit)(void *arg, const unsigned char key[SEEN_KEY],
	const struct record_seen *rec, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), value = BUF_INIT(VALUE_MAX);
	unsigned char at[SEEN_KEY];
	struct record_seen rec;
	bool found;
	int ret = -1;

	if (bdb_find(part->table, NULL, BDB_FIRST, SPAN_EMPTY, &key, &value,
		&found, err) < 0)
		goto out;
	while (found) {
		if (key.len != SEEN_KEY) {
			err_set(err, ERR_CORRUPT, "remembered key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(at, key.ptr, sizeof(at));
		if (record_get_seen(buf_span(&value), &rec, err) < 0 ||
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
seen_visit(struct seen *sn,
    int (*visit)(void *arg, const unsigned char key[SEEN_KEY],
	const struct record_seen *rec, struct err *err),
    void *arg, struct err *err)
{
	struct part parts[PARTS_MAX];
	size_t i, n;
	int ret = 0;

	/* A walk takes its time; the committer must not wait for it. */
	pthread_rwlock_wrlock(&sn->lock);
	sn->walkers++;
	n = sn->nparts;
	memcpy(parts, sn->parts, n * sizeof(parts[0]));
	pthread_rwlock_unlock(&sn->lock);
	for (i = 0; i < n && ret == 0; i++)
		ret = visit_part(&parts[i], visit, arg, err);
	pthread_rwlock_wrlock(&sn->lock);
	sn->walkers--;
	pthread_rwlock_unlock(&sn->lock);
	return ret;
}
