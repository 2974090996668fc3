/*
 * quarantine_file.h: the files of the quarantine: one sealed record each, under
 * a name that says what an index of them needs, and that is sealed in, so that
 * no file passes for another. Nothing is flushed.
 * Private to the quarantine's files.
 */
#ifndef EYELET_LIB_STORE_QUARANTINE_FILE_H
#define EYELET_LIB_STORE_QUARANTINE_FILE_H

#include "lib/store/quarantine.h"

/* The parts of its name, "NO-ENDPOINT-AGE", in hex. */
struct quarantine_file {
	uint64_t no, endpoint_id;
	int64_t age_ms; /* of the store, when it was written */
	size_t size; /* where it was found on disk, else 0 */
};

/* Visits those in dir, in any order; files of other names are removed. */
int quarantine_files(const char *dir,
    int (*visit)(
	void *arg, const struct quarantine_file *file, struct err *err),
    void *arg, struct err *err);

/* Makes dir where it is missing. ERR_FULL, ERR_IO: then there is no file. */
int quarantine_file_write(const char *dir, const struct seal_key *key,
    const struct quarantine_file *file, struct span record, struct err *err);

/*
 * The record behind out. *found is false when the file is gone, is not whole,
 * or was sealed with another key.
 */
int quarantine_file_read(const char *dir, const struct seal_key *key,
    const struct quarantine_file *file, struct buf *out, bool *found,
    struct err *err);

void
quarantine_file_remove(const char *dir, const struct quarantine_file *file);

#endif
