/*
 * disk.h: a disk that forgets and fails, for the fault tests. disk.so is
 * preloaded into the programs under test and notes in a log what every write
 * below the store folder replaced, and which syncs succeeded; after a kill
 * disk_cut takes back what no sync covered, as a power cut would. A control
 * file makes syncs fail, slow, or the disk full.
 *
 * Environment: EYELET_DISK_STORE, the store folder, and EYELET_DISK_LOG, a
 * folder on the same file system for "log", "control" and "grave/".
 */
#ifndef EYELET_TESTS_FAULT_DISK_H
#define EYELET_TESTS_FAULT_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DISK_MAGIC 0x4b534944U /* "DISK" */

enum disk_kind {
	DISK_WRITE = 1, /* [offset, offset + len) was overwritten */
	DISK_TRUNCATE, /* the file was cut or extended to offset */
	DISK_CREATE, /* path came into being */
	DISK_UNLINK, /* path went; its file lies in grave/ino */
	DISK_RENAME, /* path became other; what other was lies in grave/len */
	DISK_SYNC, /* of ino: its records before offset are on disk */
	DISK_LOST, /* a failed sync: they will never be */
	DISK_DROPPED /* what was lost can be seen no more in the cache */
};

/* The log: one after another this, path, other, and the replaced bytes. */
struct disk_record {
	uint32_t magic, kind;
	uint64_t ino; /* of the file; of the folder for the three names' */
	uint64_t offset, len;
	uint64_t old_size; /* of the file */
	uint64_t old_len; /* replaced bytes that follow */
	uint32_t path_len, other_len;
};

/* Mapped by everybody. Read by the tests as 8-byte integers in this order. */
struct disk_control {
	int64_t fail_syncs; /* so many more syncs fail with EIO; -1: all */
	int64_t
	    full; /* an errno that each write that grows a file has; 0: none */
	int64_t sync_delay_us; /* each sync takes so much longer */
	int64_t failed_syncs, failed_writes; /* how many did fail */
	int64_t syncs, writes, bytes; /* how many went through */
	int64_t log_end; /* what stands behind it in the log is no note */
};

enum disk_model {
	DISK_NONE, /* nothing that was not synced is left */
	DISK_PREFIX, /* all up to some point in time */
	DISK_SUBSET, /* some 4096-byte pieces, whatever their order */
	DISK_TORN /* some 512-byte pieces */
};

struct disk_undo {
	enum disk_model model;
	uint64_t seed;
	uint64_t only_lost; /* an inode: undo no more than what it lost */
	/* Filled in: pieces not synced, those taken back, names taken back. */
	uint64_t pending, undone, names;
};

/*
 * Reads the log in dir and takes back what was not synced. False, with the
 * reason on stderr, when the log makes no sense.
 */
bool disk_log_undo(const char *dir, struct disk_undo *undo);

#endif
