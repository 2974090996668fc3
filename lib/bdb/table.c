/* table.c: tables and records of Berkeley DB. */
#include "lib/bdb/impl.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/files.h"
#include "lib/bdb/salvage.h"

#define TRIES 64 /* a reader that lost a deadlock tries again */

/* --- tables -------------------------------------------------------------- */

int
bdb_table_open(struct bdb *db, struct bdb_txn *txn, const char *file,
    unsigned page_size, bool create, struct bdb_table **out, struct err *err)
{
	struct bdb_table *t;
	char doing[BDB_FILE_MAX + 16];
	u_int32_t flags = 0, has = 0;
	int ret;

	snprintf(doing, sizeof(doing), "table %s", file);
	t = calloc(1, sizeof(*t));
	if (t == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a table");
	t->db = db;
	snprintf(t->file, sizeof(t->file), "%s", file);
	ret = db_create(&t->handle, db->env, 0);
	if (ret != 0) {
		bdb_err(db, err, ret, doing);
		goto fail;
	}
	if ((ret = t->handle->set_flags(t->handle, DB_CHKSUM)) != 0 ||
	    (page_size != 0 &&
		(ret = t->handle->set_pagesize(t->handle, page_size)) != 0) ||
	    (ret = t->handle->open(t->handle, txn == NULL ? NULL : txn->handle,
		 file, NULL, DB_BTREE,
		 DB_THREAD | (txn == NULL ? DB_AUTO_COMMIT : 0) |
		     (create ? DB_CREATE | DB_EXCL : 0),
		 0600)) != 0) {
		bdb_err(db, err, ret, doing);
		goto fail;
	}
	t->handle->get_flags(t->handle, &flags);
	t->handle->get_pagesize(t->handle, &has);
	if ((flags & DB_CHKSUM) == 0 || (page_size != 0 && has != page_size)) {
		err_set(err, ERR_CORRUPT,
		    "table %s has %s checksums and pages of %u bytes, not "
		    "what it was made with",
		    file, (flags & DB_CHKSUM) == 0 ? "no" : "its",
		    (unsigned)has);
		goto fail;
	}
	if (create)
		bdb_names_changed();
	pthread_mutex_lock(&db->tables_mutex);
	t->next = db->tables;
	db->tables = t;
	pthread_mutex_unlock(&db->tables_mutex);
	*out = t;
	return 0;
fail:
	if (t->handle != NULL)
		t->handle->close(t->handle, DB_NOSYNC);
	free(t);
	return -1;
}

void
bdb_table_close(struct bdb_table *t)
{
	struct bdb_table **at;

	if (t == NULL)
		return;
	pthread_mutex_lock(&t->db->tables_mutex);
	for (at = &t->db->tables; *at != t; at = &(*at)->next)
		continue;
	*at = t->next;
	pthread_mutex_unlock(&t->db->tables_mutex);
	t->handle->close(t->handle, DB_NOSYNC);
	free(t);
}

int
bdb_table_remove(
    struct bdb *db, struct bdb_txn *txn, const char *file, struct err *err)
{
	int ret;

	ret = db->env->dbremove(db->env, txn->handle, file, NULL, 0);
	if (ret != 0) {
		bdb_err(db, err, ret, "remove a table");
		return err_wrap(err, "%s", file);
	}
	bdb_names_changed();
	return 0;
}

int
bdb_table_exists(struct bdb *db, const char *file, bool *there, struct err *err)
{
	return files_exist(db->home, file, there, err);
}

uint64_t
bdb_table_bytes(const struct bdb_table *t)
{
	struct stat sb;
	struct err err;
	char *path = bdb_path(t->db->home, t->file, &err);
	uint64_t n = 0;

	if (path != NULL && stat(path, &sb) == 0)
		n = (uint64_t)sb.st_size;
	free(path);
	return n;
}

static void
hush(const DB_ENV *env, const char *prefix, const char *msg)
{
	(void)env;
	(void)prefix;
	(void)msg; /* the code says enough; many pages may complain */
}

/* Reads every record, and so checks the sum of every page that holds one. */
static int
read_through(const char *path)
{
	DBT key, value;
	DBC *cursor = NULL;
	DB *handle;
	int ret;

	ret = db_create(&handle, NULL, 0);
	if (ret != 0)
		return ret;
	handle->set_errcall(handle, hush);
	ret = handle->open(handle, NULL, path, NULL, DB_UNKNOWN, DB_RDONLY, 0);
	if (ret == 0)
		ret = handle->cursor(handle, NULL, &cursor, 0);
	memset(&key, 0, sizeof(key));
	memset(&value, 0, sizeof(value));
	key.flags = value.flags = DB_DBT_REALLOC;
	while (ret == 0)
		ret = cursor->get(cursor, &key, &value, DB_NEXT);
	if (cursor != NULL)
		cursor->close(cursor);
	handle->close(handle, DB_NOSYNC);
	free(key.data);
	free(value.data);
	return ret == DB_NOTFOUND ? 0 : ret;
}

static int
verify_file(const char *path)
{
	DB *handle;
	int ret;

	ret = db_create(&handle, NULL, 0);
	if (ret != 0)
		return ret;
	handle->set_errcall(handle, hush);
	/* verify() ends the handle, whatever it finds. */
	return handle->verify(handle, path, NULL, NULL, 0);
}

/*
 * Outside the environment: a page whose sum is wrong makes an environment
 * panic, whoever reads it. And judged and read before it is verified: on a
 * damaged page, or one of zeros, the library's verify was seen to spin for
 * minutes.
 */
int
bdb_table_verify(struct bdb *db, const char *file, struct err *err)
{
	char *path = bdb_path(db->home, file, err);
	struct salvage_pages pages;
	int ret;

	if (path == NULL)
		return -1;
	ret = salvage_judge(path, SALVAGE_PAGE_SIZE(file), &pages, err);
	if (ret < 0) {
		free(path);
		return err_wrap(err, "verify table %s", file);
	}
	bdb_judge_apart(true);
	ret = salvage_is_whole(&pages) ? 0 : DB_VERIFY_BAD;
	if (ret == 0)
		ret = read_through(path);
	if (ret == 0)
		ret = verify_file(path);
	bdb_judge_apart(false);
	free(path);
	if (ret == ENOENT || bdb_lack_is(ret))
		return err_errno(err, ret, "verify table %s", file);
	if (ret != 0)
		return err_set(err, ERR_CORRUPT,
		    "table %s does not verify: a page is damaged", file);
	return 0;
}

/* --- records ------------------------------------------------------------- */

static DBT
dbt_from(struct span s)
{
	DBT d;

	memset(&d, 0, sizeof(d));
	d.data = (void *)(uintptr_t)s.ptr; /* the library only reads it */
	d.size = (u_int32_t)s.len;
	return d;
}

static DB_TXN *
txn_of(struct bdb_txn *txn)
{
	return txn == NULL ? NULL : txn->handle;
}

static int
fail_on(struct bdb_table *t, int ret, const char *doing, struct err *err)
{
	/* Pages that lead to none: each of them is whole, the table is not. */
	if (bdb_says_damaged(ret) && !t->db->beside)
		bdb_note_damaged(t->db, t->file);
	bdb_err(t->db, err, ret, doing);
	return err_wrap(err, "table %s", t->file);
}

int
bdb_put(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct span value, struct err *err)
{
	DBT k = dbt_from(key), v = dbt_from(value);
	int ret;

	if (value.len > BDB_RECORD_MAX)
		return err_set(err, ERR_LIMIT,
		    "record of %zu bytes is too long", value.len);
	ret = t->handle->put(t->handle, txn_of(txn), &k, &v, 0);
	return ret == 0 ? 0 : fail_on(t, ret, "put", err);
}

int
bdb_add(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct span value, bool *added, struct err *err)
{
	DBT k = dbt_from(key), v = dbt_from(value);
	int ret;

	ret = t->handle->put(t->handle, txn_of(txn), &k, &v, DB_NOOVERWRITE);
	if (ret != 0 && ret != DB_KEYEXIST)
		return fail_on(t, ret, "add", err);
	*added = ret == 0;
	return 0;
}

int
bdb_delete(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    bool *found, struct err *err)
{
	DBT k = dbt_from(key);
	int ret;

	ret = t->handle->del(t->handle, txn_of(txn), &k, 0);
	if (ret != 0 && ret != DB_NOTFOUND)
		return fail_on(t, ret, "delete", err);
	*found = ret == 0;
	return 0;
}

/* A buffer of ours for the library to fill; grows when it says so. */
static DBT
dbt_into(struct buf *b)
{
	DBT d;

	memset(&d, 0, sizeof(d));
	d.data = b->ptr;
	d.ulen = (u_int32_t)b->room;
	d.flags = DB_DBT_USERMEM;
	return d;
}

static int
grow_for(struct buf *b, const DBT *d, struct err *err)
{
	unsigned char *at;

	b->len = 0;
	return d->size <= b->room ? 0 : buf_reserve(b, d->size, &at, err);
}

static int
first_room(struct buf *b, struct err *err)
{
	unsigned char *at;

	b->len = 0;
	return buf_reserve(b, b->max < 64 ? b->max : 64, &at, err);
}

int
bdb_get(struct bdb_table *t, struct bdb_txn *txn, struct span key,
    struct buf *value, bool *found, struct err *err)
{
	DBT k = dbt_from(key), v;
	int ret, tries = 0;

	if (first_room(value, err) < 0)
		return -1;
	do {
		v = dbt_into(value);
		ret = t->handle->get(t->handle, txn_of(txn), &k, &v, 0);
		if (ret == DB_BUFFER_SMALL && grow_for(value, &v, err) < 0)
			return err_wrap(err, "table %s", t->file);
	} while (ret == DB_BUFFER_SMALL ||
		 (ret == DB_LOCK_DEADLOCK && txn == NULL && ++tries < TRIES));
	if (ret != 0 && ret != DB_NOTFOUND)
		return fail_on(t, ret, "get", err);
	*found = ret == 0;
	value->len = ret == 0 ? v.size : 0;
	return 0;
}

/* One try at a place; the key in k is what is sought, and then what it is. */
static int
seek_once(DBC *c, enum bdb_seek seek, struct span key, DBT *k, DBT *v)
{
	int ret;

	switch (seek) {
	case BDB_FIRST:
		return c->get(c, k, v, DB_FIRST);
	case BDB_LAST:
		return c->get(c, k, v, DB_LAST);
	case BDB_GE:
		return c->get(c, k, v, DB_SET_RANGE);
	case BDB_GT:
		ret = c->get(c, k, v, DB_SET_RANGE);
		if (ret == 0 && span_eq(span_of(k->data, k->size), key))
			ret = c->get(c, k, v, DB_NEXT);
		return ret;
	case BDB_LE:
		ret = c->get(c, k, v, DB_SET_RANGE);
		if (ret == 0 && span_eq(span_of(k->data, k->size), key))
			return 0;
		if (ret == 0)
			return c->get(c, k, v, DB_PREV);
		return ret == DB_NOTFOUND ? c->get(c, k, v, DB_LAST) : ret;
	case BDB_LT:
		ret = c->get(c, k, v, DB_SET_RANGE);
		if (ret == 0)
			return c->get(c, k, v, DB_PREV);
		return ret == DB_NOTFOUND ? c->get(c, k, v, DB_LAST) : ret;
	}
	return DB_NOTFOUND;
}

int
bdb_find(struct bdb_table *t, struct bdb_txn *txn, enum bdb_seek seek,
    struct span key, struct buf *found_key, struct buf *value, bool *found,
    struct err *err)
{
	DBC *c;
	DBT k, v;
	int ret, tries = 0;

	if (first_room(found_key, err) < 0 || first_room(value, err) < 0)
		return -1;
	for (;;) {
		ret = t->handle->cursor(t->handle, txn_of(txn), &c, 0);
		if (ret != 0)
			return fail_on(t, ret, "cursor", err);
		/* The cursor wants the key in the buffer that it fills. */
		found_key->len = 0;
		if (buf_put_span(found_key, key, err) < 0) {
			c->close(c);
			return -1;
		}
		k = dbt_into(found_key);
		k.size = (u_int32_t)key.len;
		v = dbt_into(value);
		ret = seek_once(c, seek, key, &k, &v);
		/* No lock may stay: the writer would wait for it. */
		c->close(c);
		if (ret == DB_BUFFER_SMALL) {
			if (grow_for(value, &v, err) < 0 ||
			    grow_for(found_key, &k, err) < 0)
				return err_wrap(err, "table %s", t->file);
			continue;
		}
		if (ret == DB_LOCK_DEADLOCK && txn == NULL && ++tries < TRIES)
			continue;
		break;
	}
	if (ret != 0 && ret != DB_NOTFOUND)
		return fail_on(t, ret, "find", err);
	*found = ret == 0;
	found_key->len = ret == 0 ? k.size : 0;
	value->len = ret == 0 ? v.size : 0;
	return 0;
}
