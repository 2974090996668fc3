/*
 * segments_table.c: the names of a segment's tables, its totals on disk, its
 * groups.
 */
#include <stdio.h>

#include "lib/log/segments_impl.h"

void
segments_file(uint64_t first_seq, char out[BDB_FILE_MAX + 1])
{
	snprintf(out, BDB_FILE_MAX + 1, "events-%016llx",
	    (unsigned long long)first_seq);
}

static void
meta_key_of(uint64_t first_seq, char out[BDB_FILE_MAX + 1])
{
	snprintf(out, BDB_FILE_MAX + 1, SEGMENTS_FACTS "%016llx",
	    (unsigned long long)first_seq);
}

int
segments_save_facts(struct segments *sg, struct bdb_txn *txn,
    const struct record_segment *facts, struct err *err)
{
	struct buf value = BUF_INIT(128);
	char key[BDB_FILE_MAX + 1];
	int ret;

	meta_key_of(facts->first_seq, key);
	ret = record_put_segment(facts, &value, err);
	if (ret == 0)
		ret = bdb_put(
		    sg->meta, txn, span_str(key), buf_span(&value), err);
	buf_free(&value);
	return ret;
}

int
segments_find(struct segment *s, enum bdb_seek seek, uint64_t seq,
    struct buf *key, struct buf *group, bool *found, struct err *err)
{
	unsigned char k[8];

	be64_put(k, seq);
	if (bdb_find(s->table, NULL, seek, span_of(k, sizeof(k)), key, group,
		found, err) < 0)
		return -1;
	if (*found && key->len != sizeof(k))
		return err_set(
		    err, ERR_CORRUPT, "event key of %zu bytes", key->len);
	return 0;
}

void
segments_tries_file(uint64_t first_seq, char out[BDB_FILE_MAX + 1])
{
	snprintf(out, BDB_FILE_MAX + 1, "tries-%016llx",
	    (unsigned long long)first_seq);
}

int
segments_forget_facts(struct segments *sg, struct bdb_txn *txn,
    uint64_t first_seq, struct err *err)
{
	char key[BDB_FILE_MAX + 1];
	bool found;

	meta_key_of(first_seq, key);
	return bdb_delete(sg->meta, txn, span_str(key), &found, err);
}
