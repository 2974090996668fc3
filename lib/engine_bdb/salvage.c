/*
 * salvage.c: tables that were set aside since nothing mends them are
 * made anew, at open, with what is whole of them. The file that was set aside
 * goes when that is done: as long as it is there, it is done again.
 */
#include "lib/engine_bdb/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/util.h"
#include "lib/bdb/salvage.h"

#define AT_ONCE 500 /* records of one transaction */
#define DEDUPE "dedupe-"
#define PAGE 4096

static void
name_aside(const char *file, char out[BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE)])
{
	snprintf(out, BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE),
	    SEGMENTS_ASIDE "%s", file);
}

int
store_is_aside(struct store *st, const char *file, bool *aside, struct err *err)
{
	char name[BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE)];

	name_aside(file, name);
	return files_exist(st->db_dir, name, aside, err);
}

static int
remove_aside(struct store *st, const char *file, struct err *err)
{
	char aside[BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE)], path[4200];

	name_aside(file, aside);
	snprintf(path, sizeof(path), "%s/%s", st->db_dir, aside);
	(void)unlink(path);
	return files_sync_folder(st->db_dir, err);
}

/* --- records -------------------------------------------------------------- */

static int
copy_some(struct store *st, const struct salvage *sv, size_t from, size_t to,
    struct bdb_table *table, struct err *err)
{
	struct buf value = BUF_INIT(BDB_RECORD_MAX);
	struct bdb_txn *txn = NULL;
	bool found, added;
	int ret = -1;

	if (bdb_begin(st->db, &txn, err) < 0)
		return -1;
	for (; from < to; from++) {
		if (salvage_get(sv, from, &value, &found, err) < 0)
			goto out;
		if (found && bdb_add(table, txn, salvage_key(sv, from),
				 buf_span(&value), &added, err) < 0)
			goto out;
	}
	ret = bdb_commit(txn, err);
	txn = NULL;
out:
	bdb_abort(txn);
	buf_free(&value);
	return ret;
}

static int
copy_whole(struct store *st, const char *file, struct bdb_table *table,
    struct err *err)
{
	char aside[BDB_FILE_MAX + sizeof(SEGMENTS_ASIDE)], path[4200];
	struct salvage *sv = NULL;
	size_t i, n;
	int ret = 0;

	name_aside(file, aside);
	snprintf(path, sizeof(path), "%s/%s", st->db_dir, aside);
	if (salvage_open(path, SALVAGE_PAGE_SIZE(file), &sv, err) < 0)
		return -1;
	n = salvage_count(sv);
	for (i = 0; i < n && ret == 0; i += AT_ONCE)
		ret = copy_some(
		    st, sv, i, n - i < AT_ONCE ? n : i + AT_ONCE, table, err);
	salvage_close(sv);
	if (ret < 0)
		return -1;
	store_say(st, "table %s is made anew with %zu records that are whole",
	    file, n);
	return bdb_flush(st->db, err);
}

int
store_salvage(struct store *st, const char *file, unsigned page_size,
    struct bdb_table **out, struct err *err)
{
	struct bdb_txn *txn = NULL;
	bool there, create;
	int ret;

	if (bdb_table_exists(st->db, file, &there, err) < 0)
		return -1;
	create = !there;
	if (create && bdb_begin(st->db, &txn, err) < 0)
		return -1;
	ret = bdb_table_open(st->db, txn, file, page_size, create, out, err);
	if (create && ret == 0)
		ret = bdb_commit(txn, err);
	else
		bdb_abort(txn);
	if (ret == 0)
		ret = copy_whole(st, file, *out, err);
	return ret < 0 ? err_wrap(err, "make table %s anew", file) : 0;
}

int
store_salvage_done(struct store *st, const char *file, struct err *err)
{
	return remove_aside(st, file, err);
}

/* --- remembered ids ------------------------------------------------------- */

struct dedupe_part {
	struct store *st;
	uint64_t start_s; /* of the oldest that was set aside; UINT64_MAX: none
			     was */
};

static int
salvage_part(void *arg, const char *file, struct err *err)
{
	struct dedupe_part *sp = arg;
	struct bdb_table *table = NULL;
	unsigned long long start_s;
	char name[BDB_FILE_MAX + 1];
	int ret;

	if (sscanf(file, SEGMENTS_ASIDE DEDUPE "%10llx", &start_s) != 1)
		return 0;
	snprintf(name, sizeof(name), "%s", file + sizeof(SEGMENTS_ASIDE) - 1);
	ret = store_salvage(sp->st, name, PAGE, &table, err);
	bdb_table_close(table);
	if (ret == 0 && start_s < sp->start_s)
		sp->start_s = start_s;
	return ret;
}

int
store_salvage_dedupe(struct store *st, uint64_t *start_s, struct err *err)
{
	struct dedupe_part sp = { st, UINT64_MAX };

	if (files_visit(st->db_dir, salvage_part, &sp, err) < 0)
		return -1;
	*start_s = sp.start_s;
	return 0;
}

/* The key that no other event may be accepted under. */
static int
key_of_event(struct store *st, const struct event *ev,
    unsigned char key[DEDUPE_KEY_SIZE], struct err *err)
{
	if (ev->contents.len < DEDUPE_KEY_SIZE)
		return store_key_of_id(st, ev->endpoint_id, ev->id, key, err);
	memcpy(key, ev->contents.ptr, DEDUPE_KEY_SIZE);
	return 0;
}

int
store_is_remembered(
    struct store *st, const struct event *ev, bool *found, struct err *err)
{
	unsigned char key[DEDUPE_KEY_SIZE];
	struct record_dedupe rec;

	if (key_of_event(st, ev, key, err) < 0)
		return -1;
	return dedupe_get(
	    st->dedupe, NULL, ev->endpoint_id, key, &rec, found, err);
}

/* What the records of an event say, as far as the log still tells. */
static int
describe_event(struct store *st, const struct event *ev,
    struct dedupe_hashes *hashes, struct record_dedupe *rec, struct err *err)
{
	struct dedupe_identity who;

	if (dedupe_identify_own(ev->body, false, &who, err) < 0)
		return -1;
	who.has_id = (ev->flags & EVENT_NO_ID) == 0;
	who.has_type = ev->type.len > 0;
	if (dedupe_hash(st->dedupe_secret, ev->endpoint_id, &who, ev->id,
		ev->type, hashes, err) < 0)
		return -1;
	memset(rec, 0, sizeof(*rec));
	rec->first.state =
	    (ev->flags & EVENT_HELD) != 0 ? DEDUPE_HELD : DEDUPE_STORED;
	rec->first.seq = ev->seq;
	rec->first.age_ms = ev->age_ms;
	memcpy(rec->first.id, hashes->event.id, DEDUPE_HASH);
	memcpy(rec->first.payload, hashes->event.payload, DEDUPE_HASH);
	memcpy(rec->first.type, hashes->event.type, DEDUPE_HASH);
	rec->first_ms = rec->last_ms = ev->received_ms;
	return 0;
}

static int
remember_key(struct store *st, struct bdb_txn *txn, uint64_t endpoint_id,
    const unsigned char key[DEDUPE_KEY_SIZE], const struct record_dedupe *rec,
    bool *added, struct err *err)
{
	struct record_dedupe old;
	bool found;

	if (dedupe_get(st->dedupe, txn, endpoint_id, key, &old, &found, err) <
	    0)
		return -1;
	if (found)
		return 0;
	*added = true;
	return dedupe_put(st->dedupe, txn, endpoint_id, key, rec, err);
}

/* The keys of an event that nothing is remembered under any more. */
static int
remember_event(struct store *st, struct bdb_txn *txn, const struct event *ev,
    uint64_t *n, struct err *err)
{
	const unsigned char *contents = ev->contents.ptr;
	unsigned char key[DEDUPE_KEY_SIZE];
	struct dedupe_hashes hashes;
	struct record_dedupe rec;
	bool added = false;
	size_t at;

	if (ev->flags & EVENT_TEST)
		return 0;
	if (describe_event(st, ev, &hashes, &rec, err) < 0 ||
	    store_key_of_id(st, ev->endpoint_id, ev->id, key, err) < 0 ||
	    remember_key(st, txn, ev->endpoint_id, key, &rec, &added, err) < 0)
		return -1;
	for (at = 0; at < ev->contents.len; at += DEDUPE_KEY_SIZE)
		if (remember_key(st, txn, ev->endpoint_id, contents + at, &rec,
			&added, err) < 0)
			return -1;
	if ((ev->flags & EVENT_HELD) != 0 &&
	    remember_key(st, txn, ev->endpoint_id, hashes.keys[DEDUPE_WHOLE],
		&rec, &added, err) < 0)
		return -1;
	*n += added ? 1 : 0;
	return 0;
}

static int
remember_some(struct store *st, struct store_reader *rd, uint64_t *n,
    bool *more, struct err *err)
{
	struct bdb_txn *txn = NULL;
	struct event ev;
	unsigned i;
	int ret = -1;

	if (bdb_begin(st->db, &txn, err) < 0)
		return -1;
	*more = true;
	for (i = 0; i < AT_ONCE && *more; i++) {
		if (store_reader_next(rd, &ev, more, err) < 0 ||
		    (*more && remember_event(st, txn, &ev, n, err) < 0))
			goto out;
	}
	ret = bdb_commit(txn, err);
	txn = NULL;
out:
	bdb_abort(txn);
	return ret;
}

static int
forget_aside(void *arg, const char *file, struct err *err)
{
	return span_starts(span_str(file), SEGMENTS_ASIDE DEDUPE)
		   ? remove_aside(arg, file + sizeof(SEGMENTS_ASIDE) - 1, err)
		   : 0;
}

int
store_remember(struct store *st, uint64_t start_s, struct err *err)
{
	struct store_reader *rd = NULL;
	uint64_t n = 0;
	bool more = true;
	int ret = -1;

	if (start_s == UINT64_MAX)
		return 0;
	if (dedupe_prepare(st->dedupe, store_age_ms(st), err) < 0 ||
	    store_reader_open(st, &rd, err) < 0 ||
	    store_reader_seek_age(rd, (int64_t)start_s * 1000, err) < 0)
		goto out;
	store_reader_show_held(rd);
	while (more)
		if (remember_some(st, rd, &n, &more, err) < 0)
			goto out;
	if (bdb_flush(st->db, err) < 0 || bdb_checkpoint(st->db, err) < 0)
		goto out;
	store_say(st,
	    "remembered ids were damaged; %llu that were missing are "
	    "remembered again from the log; one whose event is in the log no "
	    "more may be accepted again",
	    (unsigned long long)n);
	ret = files_visit(st->db_dir, forget_aside, st, err);
out:
	store_reader_close(rd);
	return ret;
}
