/* tables.c: the tables with small records, of this release and before. */
#include "lib/engine_bdb/impl.h"

#include <string.h>

#include "lib/base/util.h"
#include "lib/crypto/digest.h"

#define PAGE 4096
#define META_DEDUPE "dedupe secret"

/*
 * A table that came later has a higher level. A store records up to which one
 * it has them, so that one that is lost is not taken for one that never was.
 */
static const struct {
	const char *file;
	size_t at;
	unsigned level;
} tables[] = {
	{ "meta", offsetof(struct store, meta), 1 },
	{ "endpoints", offsetof(struct store, endpoints), 1 },
	{ "secrets", offsetof(struct store, secrets), 1 },
	{ "audit", offsetof(struct store, audit), 1 },
	{ "requests", offsetof(struct store, requests), 1 },
	{ "counts", offsetof(struct store, counts), 1 },
	{ "destinations", offsetof(struct store, destinations), 2 },
	{ "cursors", offsetof(struct store, cursors), 2 },
	{ "deliveries", offsetof(struct store, deliveries), 2 },
	{ "notices", offsetof(struct store, notices), 2 },
	{ "held", offsetof(struct store, held), 3 },
	{ "ignored", offsetof(struct store, ignored), 3 },
};

#define TABLES_LEVEL 3
#define META_TABLES "tables"

static struct bdb_table **
table_at(struct store *st, size_t i)
{
	return (struct bdb_table **)(void *)((char *)st + tables[i].at);
}

const char *
store_table_name(size_t i)
{
	return i < NITEMS(tables) ? tables[i].file : NULL;
}

/* Makes the tables above a level, and records that they are there. */
static int
make_above(
    struct store *st, struct bdb_txn *txn, unsigned level, struct err *err)
{
	unsigned char value[8];
	size_t i;

	for (i = 0; i < NITEMS(tables); i++)
		if (tables[i].level > level &&
		    bdb_table_open(st->db, txn, tables[i].file, PAGE, true,
			table_at(st, i), err) < 0)
			return -1;
	be64_put(value, TABLES_LEVEL);
	return bdb_put(st->meta, txn, span_str(META_TABLES),
	    span_of(value, sizeof(value)), err);
}

int
store_make_tables(struct store *st, struct err *err)
{
	struct bdb_txn *txn;

	if (digest_random(st->dedupe_secret, sizeof(st->dedupe_secret), err) <
		0 ||
	    bdb_begin(st->db, &txn, err) < 0)
		return -1;
	if (make_above(st, txn, 0, err) < 0 ||
	    bdb_put(st->meta, txn, span_str(META_DEDUPE),
		span_of(st->dedupe_secret, sizeof(st->dedupe_secret)),
		err) < 0) {
		bdb_abort(txn);
		return -1;
	}
	if (bdb_commit(txn, err) < 0)
		return -1;
	if (bdb_flush(st->db, err) < 0 || bdb_checkpoint(st->db, err) < 0)
		return -1;
	return store_write_marker(st->opt.dir, st->id, "ready", false, err);
}

/* What the store was promised to have; meta comes first. */
static int
open_table(struct store *st, size_t i, struct err *err)
{
	const char *file = tables[i].file;
	bool aside;

	if (store_is_aside(st, file, &aside, err) < 0)
		return -1;
	if (aside) {
		if (store_salvage(st, file, PAGE, table_at(st, i), err) < 0)
			return -1;
		return store_salvage_done(st, file, err);
	}
	if (bdb_table_open(
		st->db, NULL, file, PAGE, false, table_at(st, i), err) == 0)
		return 0;
	if (err->code == ERR_NOTFOUND || err->code == ERR_IO ||
	    err->code == ERR_CORRUPT) {
		bdb_note_damaged(st->db, file);
		err->code = ERR_CORRUPT;
	}
	return -1;
}

/* A store of an older release gets what it lacks, all of it or nothing. */
static int
make_newer(struct store *st, unsigned level, struct err *err)
{
	struct bdb_txn *txn;

	if (level >= TABLES_LEVEL)
		return 0;
	if (bdb_begin(st->db, &txn, err) < 0)
		return -1;
	if (make_above(st, txn, level, err) < 0) {
		bdb_abort(txn);
		return err_wrap(err, "bring the store up to this release");
	}
	return bdb_commit(txn, err) < 0 ? -1 : bdb_flush(st->db, err);
}

int
store_open_tables(struct store *st, struct err *err)
{
	struct buf value = BUF_INIT(256);
	unsigned level = 1;
	bool found;
	size_t i;
	int ret = -1;

	if (open_table(st, 0, err) < 0 ||
	    bdb_get(
		st->meta, NULL, span_str(META_TABLES), &value, &found, err) < 0)
		goto out;
	if (found && value.len == 8)
		level = (unsigned)be64_get(value.ptr);
	for (i = 1; i < NITEMS(tables); i++)
		if (tables[i].level <= level && open_table(st, i, err) < 0)
			goto out;
	if (make_newer(st, level, err) < 0 ||
	    bdb_get(
		st->meta, NULL, span_str(META_DEDUPE), &value, &found, err) < 0)
		goto out;
	if (!found || value.len != sizeof(st->dedupe_secret)) {
		err_set(err, ERR_CORRUPT,
		    "the key that remembered ids are hashed with is gone");
		goto out;
	}
	memcpy(st->dedupe_secret, value.ptr, value.len);
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

void
store_close_tables(struct store *st)
{
	size_t i;

	for (i = 0; i < NITEMS(tables); i++) {
		bdb_table_close(*table_at(st, i));
		*table_at(st, i) = NULL;
	}
}

uint64_t
store_tables_bytes(struct store *st)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < NITEMS(tables); i++)
		n += bdb_table_bytes(*table_at(st, i));
	return n;
}
