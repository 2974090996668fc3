/* dedupe_visit.c: all partitions: counted, saved, copied, visited. */
#include "lib/log/dedupe_impl.h"

#include <string.h>

int64_t
dedupe_newest_ms(struct dedupe *dd)
{
	int64_t ms = 0;

	pthread_rwlock_rdlock(&dd->lock);
	if (dd->nparts > 0)
		ms = (int64_t)dd->parts[dd->nparts - 1].start_s * 1000;
	pthread_rwlock_unlock(&dd->lock);
	return ms;
}

uint64_t
dedupe_count(struct dedupe *dd)
{
	uint64_t n = 0;
	size_t i;

	pthread_rwlock_rdlock(&dd->lock);
	for (i = 0; i < dd->nparts; i++)
		n += dd->parts[i].keys;
	pthread_rwlock_unlock(&dd->lock);
	return n;
}

int
dedupe_save(struct dedupe *dd, struct bdb_txn *txn, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	unsigned char value[8];
	size_t i;

	for (i = 0; i < dd->nparts; i++) {
		dedupe_file_of(&dd->parts[i], file);
		be64_put(value, dd->parts[i].keys);
		if (bdb_put(dd->meta, txn, span_str(file),
			span_of(value, sizeof(value)), err) < 0)
			return -1;
	}
	return 0;
}

int
dedupe_files(struct dedupe *dd,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err)
{
	char file[BDB_FILE_MAX + 1];
	struct dedupe_part parts[DEDUPE_PARTS_MAX];
	size_t i, n;

	pthread_rwlock_rdlock(&dd->lock);
	n = dd->nparts;
	memcpy(parts, dd->parts, n * sizeof(parts[0]));
	pthread_rwlock_unlock(&dd->lock);
	/* Repeats are counted in any partition, so none is ever closed. */
	for (i = 0; i < n; i++) {
		dedupe_file_of(&parts[i], file);
		if (visit(arg, file, false, err) < 0)
			return -1;
	}
	return 0;
}

static int
visit_part(struct dedupe_part *part,
    int (*visit)(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
	const struct record_dedupe *rec, struct err *err),
    void *arg, struct err *err)
{
	struct buf key = BUF_INIT(64), value = BUF_INIT(DEDUPE_VALUE_MAX);
	unsigned char at[DEDUPE_KEY_SIZE];
	struct record_dedupe rec;
	bool found;
	int ret = -1;

	if (bdb_find(part->table, NULL, BDB_FIRST, SPAN_EMPTY, &key, &value,
		&found, err) < 0)
		goto out;
	while (found) {
		if (key.len != DEDUPE_KEY_SIZE) {
			err_set(err, ERR_CORRUPT, "remembered key of %zu bytes",
			    key.len);
			goto out;
		}
		memcpy(at, key.ptr, sizeof(at));
		if (record_get_dedupe(buf_span(&value), &rec, err) < 0 ||
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
dedupe_visit(struct dedupe *dd,
    int (*visit)(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
	const struct record_dedupe *rec, struct err *err),
    void *arg, struct err *err)
{
	struct dedupe_part parts[DEDUPE_PARTS_MAX];
	size_t i, n;
	int ret = 0;

	/* A walk takes its time; the committer must not wait for it. */
	pthread_rwlock_wrlock(&dd->lock);
	dd->walkers++;
	n = dd->nparts;
	memcpy(parts, dd->parts, n * sizeof(parts[0]));
	pthread_rwlock_unlock(&dd->lock);
	for (i = 0; i < n && ret == 0; i++)
		ret = visit_part(&parts[i], visit, arg, err);
	pthread_rwlock_wrlock(&dd->lock);
	dd->walkers--;
	pthread_rwlock_unlock(&dd->lock);
	return ret;
}
