/* store_snapshot.c: how much log is kept. */
#include "lib/store_impl.h"

int
store_snapshot_keep(struct store *st, struct err *err)
{
	uint32_t newest, needed;

	if (bdb_log_bytes(st->db) <= st->opt.log_keep_max)
		return 0;
	if (bdb_log_range(st->db, &newest, &needed, err) < 0)
		return -1;
	return bdb_log_remove(st->db, needed, err);
}
