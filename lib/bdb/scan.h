/*
 * scan.h: the log files as they lie on the disk, read without the library:
 * how far recovery would read, and what lies behind that place. The library
 * takes the first record that is damaged for the end, and wipes the rest.
 *
 * A record begins with 12 bytes: where the one before it in its file begins,
 * its own length, a sum over both and its bytes. The first of a file (28
 * bytes, a magic number in it) names the last of the file before. So records
 * make one chain over all files, and any break in it can be seen.
 *
 * Behind each flush the log gets a note (bdb_note) of what that flush made
 * durable. A whole note proves that all before the place that it names was on
 * the disk: a break before that place is damage. A break that no note lies
 * behind may be no more than the torn end of what was being written when power
 * failed; nothing was promised of that.
 */
#ifndef EYELET_LIB_BDB_SCAN_H
#define EYELET_LIB_BDB_SCAN_H

#include "lib/bdb/bdb.h"

struct bdb_scan {
	uint32_t oldest, newest; /* log files; 0: there are none */
	/*
	 * Behind the last record that recovery can use: all of the log when
	 * there is no break, or none that recovery needs to pass.
	 */
	struct bdb_lsn end;
	/* The first break, file 0 when there is none, and what it is. */
	struct bdb_lsn broken;
	const char *what;
	/* The end of the durable log, as notes and later files prove it. */
	struct bdb_lsn durable;
	uint64_t seq;
	/*
	 * A file whose head alone is damaged (0: none; the last one). What it
	 * was is known; it counts as whole, and bdb_mend_head writes it anew.
	 */
	uint32_t headless, head_names;
};

/*
 * Reads the log files of a folder from number "from" on (0: all). One that
 * should be there and is not is a break. ERR_IO, ERR_DENIED, ERR_NOMEM.
 */
int bdb_scan_logs(
    const char *log_dir, uint32_t from, struct bdb_scan *out, struct err *err);

/* <0, 0, >0: a lies before, at, behind b. */
int bdb_lsn_cmp(struct bdb_lsn a, struct bdb_lsn b);

int bdb_mend_head(
    const char *log_dir, const struct bdb_scan *scan, struct err *err);

/*
 * Makes an empty log file of that number, the only one in its folder: the log
 * goes on there, above every place that pages name. ERR_EXISTS, ERR_IO.
 */
int bdb_begin_log(const char *log_dir, uint32_t number, struct err *err);

/*
 * Does a page of a table's file bear the mark of a record that lies at or
 * behind end? Then it holds changes that the log does not.
 */
int bdb_pages_ahead(
    const char *home, struct bdb_lsn end, bool *ahead, struct err *err);

#endif
