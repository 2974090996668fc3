/*
 * notice_rows.h: rows of notices that are due. Private to the store's files.
 */
#ifndef EYELET_LIB_ENGINE_BDB_NOTICE_ROWS_H
#define EYELET_LIB_ENGINE_BDB_NOTICE_ROWS_H

#include "lib/engine_bdb/impl.h"

#define NOTICE_ROW_MAX (NOTICE_DATA_MAX + 1024)
#define NOTICE_KEY_MAX 32

struct span notice_due_key(uint64_t no, unsigned char key[NOTICE_KEY_MAX]);
/* The number of the first (or last) one that is due; 0: none is. */
int notice_find_due(struct store *st, struct bdb_txn *txn, enum bdb_seek seek,
    uint64_t from, struct buf *key, struct buf *row, uint64_t *no,
    struct err *err);

#endif
