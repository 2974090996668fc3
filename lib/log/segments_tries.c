/*
 * segments_tries.c: the attempts at delivering a segment's events, in a table
 * beside it that comes with the first one and goes with the segment.
 */

#include <string.h>

#include "lib/log/segments_impl.h"

#define PAGE 4096
#define KEY 28
#define ROW_MAX 1024
#define OVERHEAD 16 /* bytes that a record takes beside its own, about */

int
segments_tries_open(struct segments *sg, struct segment *s, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	bool there, aside;

	segments_tries_file(s->facts.first_seq, file);
	if (bdb_table_exists(sg->db, file, &there, err) < 0 ||
	    segments_is_aside(sg, file, &aside, err) < 0)
		return -1;
	if (!there) {
		/* Attempts that were set aside are lost; that is no new damage.
		 */
		if (!s->facts.tries || aside)
			return 0;
		bdb_note_damaged(sg->db, file);
		return err_set(err, ERR_CORRUPT, "table %s is missing", file);
	}
	if (bdb_table_open(sg->db, NULL, file, PAGE, false, &s->tries, err) <
	    0) {
		if (err->code == ERR_IO || err->code == ERR_CORRUPT) {
			bdb_note_damaged(sg->db, file);
			err->code = ERR_CORRUPT;
		}
		return -1;
	}
	s->tries_bytes = bdb_table_bytes(s->tries);
	return 0;
}

/* --- the committer's ------------------------------------------------------ */

/* The one that holds seq, or NULL. Most attempts are at what came last. */
static struct segment *
find(struct segments *sg, uint64_t seq)
{
	struct segment *s;

	for (s = sg->last; s != NULL; s = s->prev)
		if (s->facts.first_seq <= seq)
			return seq <= s->facts.last_seq ? s : NULL;
	return NULL;
}

static int
table_for(struct segments *sg, struct bdb_txn *txn, struct segment *s,
    struct bdb_table **out, struct err *err)
{
	struct record_segment facts = s->facts;
	char file[BDB_FILE_MAX + 1];

	*out = s->tries != NULL ? s->tries : s->fresh;
	if (*out != NULL)
		return 0;
	segments_tries_file(s->facts.first_seq, file);
	facts.tries = true;
	if (segments_save_facts(sg, txn, &facts, err) < 0 ||
	    bdb_table_open(sg->db, txn, file, PAGE, true, &s->fresh, err) < 0)
		return -1;
	*out = s->fresh;
	return 0;
}

int
segments_put_attempt(struct segments *sg, struct bdb_txn *txn,
    const struct store_attempt *a, struct err *err)
{
	struct segment *s = find(sg, a->seq);
	struct buf row = BUF_INIT(ROW_MAX);
	struct bdb_table *table;
	unsigned char key[KEY];
	int ret = -1;

	if (s == NULL)
		return 0;
	be64_put(key, a->seq);
	be64_put(key + 8, a->destination_id);
	be64_put(key + 16, (uint64_t)a->at_ms);
	be32_put(key + 24, a->no);
	if (table_for(sg, txn, s, &table, err) < 0 ||
	    record_put_attempt(a, &row, err) < 0 ||
	    bdb_put(table, txn, span_of(key, KEY), buf_span(&row), err) < 0)
		goto out;
	pthread_mutex_lock(&sg->mutex);
	s->tries_bytes += KEY + row.len + OVERHEAD;
	pthread_mutex_unlock(&sg->mutex);
	ret = 0;
out:
	buf_free(&row);
	return ret;
}

void
segments_attempts_end(struct segments *sg, bool committed)
{
	struct segment *s;

	for (s = sg->last; s != NULL; s = s->prev) {
		if (s->fresh == NULL)
			continue;
		if (committed) {
			pthread_mutex_lock(&sg->mutex);
			s->tries = s->fresh;
			s->facts.tries = true;
			pthread_mutex_unlock(&sg->mutex);
		} else {
			bdb_table_close(s->fresh);
		}
		s->fresh = NULL;
	}
}

/* --- any thread's --------------------------------------------------------- */

int
segment_attempts(struct segments *sg, struct segment *s, uint64_t seq,
    uint64_t destination_id,
    int (*visit)(void *arg, const struct store_attempt *a, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), row = BUF_INIT(ROW_MAX);
	enum bdb_seek seek = BDB_GE;
	unsigned char at[KEY] = { 0 };
	struct bdb_table *table;
	struct store_attempt a;
	bool found;
	int ret = 0;

	pthread_mutex_lock(&sg->mutex);
	table = s->tries;
	pthread_mutex_unlock(&sg->mutex);
	be64_put(at, seq);
	be64_put(at + 8, destination_id);
	while (table != NULL && ret == 0) {
		ret = bdb_find(table, NULL, seek, span_of(at, KEY), &key, &row,
		    &found, err);
		if (ret < 0 || !found)
			break;
		if (key.len != KEY) {
			ret = err_set(err, ERR_CORRUPT,
			    "attempt key of %zu bytes", key.len);
			break;
		}
		memcpy(at, key.ptr, KEY);
		seek = BDB_GT;
		a.seq = be64_get(at);
		a.destination_id = be64_get(at + 8);
		a.at_ms = (int64_t)be64_get(at + 16);
		a.no = (unsigned)be32_get(at + 24);
		if (a.seq != seq ||
		    (destination_id != 0 && a.destination_id != destination_id))
			break;
		ret = record_get_attempt(buf_span(&row), &a, err);
		if (ret == 0)
			ret = visit(arg, &a, err);
	}
	buf_free(&key);
	buf_free(&row);
	return ret < 0 ? -1 : 0;
}
