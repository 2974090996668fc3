/*
 * rekey.c: another key for all that is sealed. The new key stands beside
 * the key file, as KEYFILE.new, from before the one transaction that seals
 * everything anew until after it is durable; the transaction records which key
 * that is. Whoever opens the store in between finds both files, looks at what
 * is recorded, and either ends the change or throws the new key away.
 */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/files.h"

#define META_KEY "key" /* 4 bytes: the id of the key that seals */

static char *
new_path(const struct store *st, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s.new", st->opt.key_file) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}

/* The id that the last change recorded; *found is false before the first. */
static int
recorded(struct store *st, uint32_t *id, bool *found, struct err *err)
{
	struct buf value = BUF_INIT(64);
	int ret;

	ret = bdb_get(st->meta, NULL, span_str(META_KEY), &value, found, err);
	if (ret == 0 && *found) {
		if (value.len == 4)
			*id = (uint32_t)be32_get(value.ptr);
		else
			ret = err_set(
			    err, ERR_CORRUPT, "%s is no key id", META_KEY);
	}
	buf_free(&value);
	return ret;
}

/* KEYFILE.new becomes KEYFILE, and the old key is gone. */
static int
put_in_place(const struct store *st, const char *from, struct err *err)
{
	const char *to = st->opt.key_file;
	char *folder = NULL;
	int ret = -1;

	if (rename(from, to) < 0)
		return err_errno(err, errno, "mv %s %s", from, to);
	folder = strdup(to);
	if (folder == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	*strrchr(folder, '/') = '\0'; /* conf lets absolute paths in only */
	ret = files_sync_folder(folder[0] == '\0' ? "/" : folder, err);
	free(folder);
	return ret;
}

int
store_settle_key(struct store *st, struct err *err)
{
	struct seal_key *fresh = NULL;
	struct err unread = ERR_INIT;
	char *path = new_path(st, err);
	uint32_t id = seal_key_id(st->key);
	bool found = false;
	int ret = -1;

	if (path == NULL || recorded(st, &id, &found, err) < 0)
		goto out;
	if (id == seal_key_id(st->key)) {
		/* Of a change that was cut off before it was one. */
		if (unlink(path) == 0)
			store_say(
			    st, "%s was never used, and is removed", path);
		ret = 0;
		goto out;
	}
	if (seal_key_read(path, &fresh, &unread) < 0 ||
	    seal_key_id(fresh) != id) {
		err_set(err, ERR_CONFIG,
		    "the store is sealed with key %08lx and key file %s holds "
		    "key %08lx: put the right one there, from its backup",
		    (unsigned long)id, st->opt.key_file,
		    (unsigned long)seal_key_id(st->key));
		goto out;
	}
	if (seal_key_add(st->key, fresh, err) < 0)
		goto out;
	seal_key_use(st->key, id);
	if (put_in_place(st, path, &unread) < 0)
		store_say(st, "%s", unread.text); /* the next start tries */
	else
		store_say(st, "the change to key %08lx is completed",
		    (unsigned long)id);
	ret = 0;
out:
	seal_key_free(fresh);
	free(path);
	return ret;
}

/* --- the change ----------------------------------------------------------- */

struct rekeying {
	struct store *st;
	uint32_t from, to;
};

static int
change_key(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct rekeying *rk = arg;
	uint64_t endpoints = 0, destinations = 0, secrets = 0;
	unsigned char id[4];

	be32_put(id, rk->to);
	/* From here on all is sealed with it; run_change takes that back. */
	tx->rekeyed = true;
	tx->key_was = rk->from;
	seal_key_use(tx->st->key, rk->to);
	if (store_reseal_rows(tx, &endpoints, &secrets, err) < 0 ||
	    store_reseal_destinations(tx, &destinations, err) < 0 ||
	    store_reseal_requests(tx, err) < 0 ||
	    bdb_put(tx->st->meta, tx->txn, span_str(META_KEY),
		span_of(id, sizeof(id)), err) < 0 ||
	    buf_printf(result, err,
		"{\"key\":\"%08lx\",\"key_was\":\"%08lx\",\"endpoints\":%llu,"
		"\"destinations\":%llu,\"secrets\":%llu}",
		(unsigned long)rk->to, (unsigned long)rk->from,
		(unsigned long long)endpoints, (unsigned long long)destinations,
		(unsigned long long)secrets) < 0)
		return -1;
	return store_tx_audit(
	    tx, "store.rekey", "store", buf_span(result), err);
}

/* The key of a change that did not happen is as good as a new one. */
static int
make_key(const char *path, struct seal_key **out, struct err *err)
{
	if (seal_key_create(path, err) < 0 && err->code != ERR_EXISTS)
		return -1;
	return seal_key_read(path, out, err);
}

int
store_rekey(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *result,
    struct err *err)
{
	struct rekeying rk = { .st = st, .from = seal_key_id(st->key) };
	struct seal_key *fresh = NULL;
	char *path = NULL;
	uint32_t id = 0;
	bool found;
	int ret = -1;

	pthread_mutex_lock(&st->rekey_mutex);
	path = new_path(st, err);
	if (path == NULL || make_key(path, &fresh, err) < 0 ||
	    seal_key_add(st->key, fresh, err) < 0)
		goto out;
	rk.to = seal_key_id(fresh);
	if (store_change(st, actor, request_id, change_key, &rk, result, err) <
	    0)
		goto out;
	if (recorded(st, &id, &found, err) < 0)
		goto out;
	/* A repeat of a call that was done has made a key for nothing. */
	if (found && id != rk.to)
		ret = unlink(path) == 0
			  ? 0
			  : err_errno(err, errno, "remove %s", path);
	else
		ret = put_in_place(st, path, err);
	if (ret < 0)
		err_wrap(err, "the change of the key is done and durable, but");
out:
	pthread_mutex_unlock(&st->rekey_mutex);
	seal_key_free(fresh);
	free(path);
	return ret;
}
