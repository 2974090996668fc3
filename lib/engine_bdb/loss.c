/* loss.c: did the log keep what was promised? And when it did not. */
#include "lib/engine_bdb/loss.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/bdb/scan.h"
#include "lib/engine_bdb/damage.h"

#define LOST "lost" /* what it says is in force while it is there */
#define SEQ_APART 1000000 /* more than can be promised between two syncs */
#define SYNC_MS 1000
#define FORGET_MAX (64 << 20) /* bytes of keys: four million */

/* --- paths ---------------------------------------------------------------- */

static char *
path_of(const struct store *st, const char *name, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", st->opt.dir, name) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}

static char *
log_dir_of(const struct store *st, struct err *err)
{
	return path_of(st, STORE_DB_FOLDER "/" STORE_LOG_FOLDER, err);
}

/* --- the file that says so ------------------------------------------------ */

static int
write_lost(struct store *st, struct err *err)
{
	const struct store_loss *lo = &st->loss;
	char *path = path_of(st, LOST ".new", err), text[1024];
	int fd = -1, len, ret = -1;

	if (path == NULL)
		return -1;
	len = snprintf(text, sizeof(text),
	    "eyelet-lost 1\nat-ms %lld\nseq %llu\ndurable " LSN "\nfound " LSN
	    "\nat " LSN "\nkept %s\nwhat %s\n",
	    (long long)lo->at_ms, (unsigned long long)lo->seq,
	    LSN_OF(lo->durable), LSN_OF(lo->found), LSN_OF(lo->broken),
	    lo->kept, lo->what);
	fd = open(
	    path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	errno = fd < 0 ? errno : ENOSPC;
	if (fd < 0 || write(fd, text, (size_t)len) != len || fsync(fd) < 0)
		err_errno(err, errno, "write %s", path);
	else
		ret = files_rename(st->opt.dir, LOST ".new", LOST, err);
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}

static int
read_lost(struct store *st, struct err *err)
{
	struct store_loss *lo = &st->loss;
	char *path = path_of(st, LOST, err), text[1024] = "";
	unsigned long at[6];
	unsigned long long seq;
	long long ms;
	ssize_t n;
	int fd, ret = -1;

	if (path == NULL)
		return -1;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT) {
		ret = 0;
		goto out;
	}
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0) {
		err_errno(err, errno, "read %s", path);
		goto out;
	}
	if (sscanf(text,
		"eyelet-lost 1\nat-ms %lld\nseq %llu\ndurable " LSN
		"\nfound " LSN "\nat " LSN "\nkept %47[^\n]\nwhat %95[^\n]",
		&ms, &seq, &at[0], &at[1], &at[2], &at[3], &at[4], &at[5],
		lo->kept, lo->what) != 10) {
		err_set(err, ERR_CORRUPT, "%s is not what it should be", path);
		goto out;
	}
	lo->at_ms = ms;
	lo->seq = seq;
	lo->durable.file = (uint32_t)at[0];
	lo->durable.offset = (uint32_t)at[1];
	lo->found.file = (uint32_t)at[2];
	lo->found.offset = (uint32_t)at[3];
	lo->broken.file = (uint32_t)at[4];
	lo->broken.offset = (uint32_t)at[5];
	atomic_store(&st->lost, true);
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}

/* --- at open -------------------------------------------------------------- */

static int
take_loss(struct store *st, const char *log_dir, const struct bdb_scan *scan,
    const struct durable_point *point, struct bdb_lsn durable, struct err *err)
{
	struct store_loss *lo = &st->loss;
	struct bdb_lsn broken =
	    scan->broken.file != 0 ? scan->broken : scan->end;
	bool again = atomic_load(&st->lost) &&
		     bdb_lsn_cmp(lo->found, scan->end) == 0 &&
		     bdb_lsn_cmp(lo->broken, broken) == 0;

	if (!again) {
		lo->at_ms = store_wall_ms();
		lo->durable = durable;
		lo->found = scan->end;
		lo->broken = broken;
		if (point->seq > lo->seq)
			lo->seq = point->seq;
		if (scan->seq > lo->seq)
			lo->seq = scan->seq;
		snprintf(lo->what, sizeof(lo->what), "%s",
		    scan->newest == 0        ? "all log files are missing"
		    : scan->broken.file != 0 ? scan->what
					     : "the log ends too early");
		if (store_loss_keep(st, log_dir, err) < 0 ||
		    write_lost(st, err) < 0)
			return -1;
		atomic_store(&st->lost, true);
	}
	if (scan->broken.file != 0 &&
	    store_loss_trim(log_dir, scan->end, err) < 0)
		return -1;
	return bdb_pages_ahead(st->db_dir, scan->end, &st->pages_ahead, err);
}

/* Damage that costs nothing now, but would cost a rebuild. */
static int
take_harmless(struct store *st, const char *log_dir,
    const struct bdb_scan *scan, struct err *err)
{
	if (scan->broken.file == 0)
		return 0;
	if (bdb_lsn_cmp(scan->broken, scan->end) < 0) {
		store_say(st,
		    "log.%010lu is damaged at byte %lu (%s); recovery does "
		    "not need it: nothing is lost, a new snapshot is made",
		    LSN_OF(scan->broken), scan->what);
		atomic_store(&st->snapshot_due, true);
	} else if (scan->broken.offset == 0 &&
		   scan->broken.file == scan->newest) {
		/* Torn before anything in it counted; recovery would stop. */
		return store_loss_trim(log_dir, scan->end, err);
	}
	return 0;
}

static int
look_at_logs(struct store *st, const char *log_dir,
    const struct durable_point *point, bool has_point, struct err *err)
{
	struct bdb_scan scan;
	struct bdb_lsn durable = { 0, 0 };

	if (bdb_scan_logs(log_dir,
		has_point && !atomic_load(&st->lost) ? point->needed : 0, &scan,
		err) < 0) {
		/* Without its folder, no log is there. */
		if (err->code != ERR_NOTFOUND ||
		    store_loss_make_folder(st, log_dir, err) < 0)
			return -1;
		memset(&scan, 0, sizeof(scan));
	}
	if (scan.headless != 0) {
		if (bdb_mend_head(log_dir, &scan, err) < 0)
			return -1;
		store_say(st,
		    "the first bytes of log.%010lu were damaged; what they "
		    "were is known, and written anew: nothing is lost",
		    (unsigned long)scan.headless);
	}
	durable = scan.durable;
	/* A loss that is known already explains why the log ends before. */
	if (has_point && !atomic_load(&st->lost)) {
		struct bdb_lsn promised = { point->file, point->offset };

		if (bdb_lsn_cmp(promised, durable) > 0)
			durable = promised;
	}
	if (bdb_lsn_cmp(durable, scan.end) <= 0)
		return take_harmless(st, log_dir, &scan, err);
	return take_loss(st, log_dir, &scan, point, durable, err);
}

int
store_loss_look(struct store *st, bool is_new, struct err *err)
{
	char *path = path_of(st, STORE_DURABLE, err), *log_dir = NULL;
	struct durable_point point = { 0, 0, 0, 0 };
	bool found = false;
	int ret = -1;

	log_dir = log_dir_of(st, err);
	if (path == NULL || log_dir == NULL ||
	    durable_open(path, st->id, &st->durable, &point, &found, err) < 0 ||
	    read_lost(st, err) < 0)
		goto out;
	if (is_new)
		found = false; /* of a first open that did not end */
	st->promised_seq = found ? point.seq : 0;
	if (!is_new && look_at_logs(st, log_dir, &point, found, err) < 0)
		goto out;
	ret = 0;
out:
	free(path);
	free(log_dir);
	return ret < 0 ? err_wrap(err, "compare the log with what was promised")
		       : 0;
}

int
store_loss_new_log(struct store *st, struct err *err)
{
	char *log_dir = log_dir_of(st, err), *to = NULL;
	struct bdb_lsn none = { 0, 0 };
	uint32_t number = st->loss.durable.file;
	bool there;
	int ret = -1;

	if (log_dir == NULL)
		return -1;
	if (st->loss.found.file > number)
		number = st->loss.found.file;
	/* With logs that do not follow upon it, a snapshot is worth nothing. */
	if (files_exist(st->opt.dir, STORE_SNAPSHOT, &there, err) < 0)
		goto out;
	if (there) {
		if (asprintf(&to, "%s/" STORE_SNAPSHOT, st->loss.kept) < 0) {
			to = NULL;
			err_set(err, ERR_NOMEM, "no memory for a path");
			goto out;
		}
		if (files_rename(st->opt.dir, STORE_SNAPSHOT, to, err) < 0)
			goto out;
	}
	if (store_loss_trim(log_dir, none, err) < 0 ||
	    bdb_begin_log(log_dir, number + 1, err) < 0)
		goto out;
	atomic_store(&st->snapshot_due, true);
	st->as_they_are = true;
	store_say(
	    st, "the tables are taken as they are, and a new log is begun");
	ret = 0;
out:
	free(log_dir);
	free(to);
	return ret;
}

/* --- while it is so ------------------------------------------------------- */

bool
store_is_lost(struct store *st)
{
	return atomic_load(&st->lost);
}

void
store_loss_opened(struct store *st, uint64_t last_seq)
{
	char words[400];

	/* A seq that was given once is never given to another event. */
	if (st->promised_seq >= st->next_seq)
		st->next_seq = st->promised_seq + 1;
	if (!atomic_load(&st->lost))
		return;
	st->loss.last_seq = last_seq;
	store_loss_words(st, words, sizeof(words));
	snprintf(st->loss.why, sizeof(st->loss.why), "%s", words);
	store_say(st, "%s", words);
}

/* Snapshots remove old log files meanwhile, so what is seen is seen twice. */
int
store_loss_check(struct store *st, char *words, size_t size, struct err *err)
{
	char *log_dir = log_dir_of(st, err);
	struct bdb_scan scan[2];
	struct bdb_lsn durable;
	int i, ret = -1;

	words[0] = '\0';
	if (log_dir == NULL || bdb_durable(st->db, &durable, err) < 0)
		goto out;
	for (i = 0; i < 2; i++)
		if (bdb_scan_logs(log_dir, 0, &scan[i], err) < 0)
			goto out;
	if (scan[1].broken.file != 0 &&
	    bdb_lsn_cmp(scan[0].broken, scan[1].broken) == 0 &&
	    bdb_lsn_cmp(scan[1].broken, durable) < 0)
		snprintf(words, size, "log.%010lu is damaged at byte %lu: %s",
		    LSN_OF(scan[1].broken), scan[1].what);
	ret = 0;
out:
	free(log_dir);
	return ret;
}

/* --- the end of it -------------------------------------------------------- */

/* What store_accept_loss accepts beside the end of the log. */
struct accepting {
	uint64_t events; /* that damaged segments lack */
	size_t tables; /* that are incomplete */
	struct json_write w;
};

static int
count_lost(void *arg, const struct segments_lost *lost, struct err *err)
{
	struct accepting *ac = arg;

	(void)err;
	ac->events += lost->last - lost->first + 1;
	return 0;
}

static int
put_table(void *arg, const struct store_incomplete *t, struct err *err)
{
	struct accepting *ac = arg;

	(void)err;
	ac->tables++;
	json_write_str(&ac->w, NULL, t->table);
	return 0;
}

static void
put_log_loss(struct json_write *w, const struct store_loss *lo)
{
	char words[64];

	json_write_uint(w, "first_seq", lo->last_seq + 1);
	json_write_uint(w, "last_seq", lo->seq);
	json_write_uint(
	    w, "events", lo->seq > lo->last_seq ? lo->seq - lo->last_seq : 0);
	json_write_str(w, "what", lo->what);
	snprintf(
	    words, sizeof(words), "log.%010lu", (unsigned long)lo->broken.file);
	json_write_str(w, "file", words);
	json_write_uint(w, "offset", lo->broken.offset);
	snprintf(words, sizeof(words), LSN, LSN_OF(lo->durable));
	json_write_str(w, "durable", words);
	snprintf(words, sizeof(words), LSN, LSN_OF(lo->found));
	json_write_str(w, "found", words);
	json_write_str(w, "kept", lo->kept);
}

static int
put_facts(
    struct store *st, struct accepting *ac, struct buf *result, struct err *err)
{
	if (segments_each_lost(st->segments, SEGMENTS_LOST_UNACCEPTED,
		count_lost, ac, err) < 0)
		return -1;
	json_write_init(&ac->w, result, err);
	json_write_object(&ac->w, NULL);
	if (atomic_load(&st->lost))
		put_log_loss(&ac->w, &st->loss);
	json_write_uint(&ac->w, "damaged_events", ac->events);
	json_write_array(&ac->w, "incomplete");
	if (store_each_incomplete(st, put_table, ac, err) < 0)
		return -1;
	json_write_close(&ac->w);
	json_write_close(&ac->w);
	return json_write_done(&ac->w);
}

struct forgetting {
	uint64_t last_seq;
	struct buf keys;
};

static int
note_lost_key(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
    const struct record_dedupe *rec, struct err *err)
{
	struct forgetting *fg = arg;

	return rec->first.seq <= fg->last_seq
		   ? 0
		   : buf_put(&fg->keys, key, DEDUPE_KEY_SIZE, err);
}

/*
 * Pages may be ahead of the log: then ids of lost events are remembered, and
 * one that is sent again would be called a duplicate of an event that is gone.
 */
static int
forget_lost(struct store_tx *tx, struct err *err)
{
	struct store *st = tx->st;
	struct forgetting fg = { st->loss.last_seq, BUF_INIT(FORGET_MAX) };
	size_t at;
	int ret = -1;

	if (dedupe_visit(st->dedupe, note_lost_key, &fg, err) < 0)
		goto out;
	for (at = 0; at < fg.keys.len; at += DEDUPE_KEY_SIZE)
		if (dedupe_forget(st->dedupe, tx->txn, fg.keys.ptr + at, err) <
		    0)
			goto out;
	ret = 0;
out:
	buf_free(&fg.keys);
	return ret;
}

static int
change_accept(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct store *st = tx->st;
	struct accepting ac = { 0 };
	uint64_t above = st->loss.seq + SEQ_APART;

	(void)arg;
	if (put_facts(st, &ac, result, err) < 0)
		return -1;
	if (atomic_load(&st->lost)) {
		if (st->next_seq <= above)
			st->next_seq = above + 1;
		if (forget_lost(tx, err) < 0)
			return -1;
	} else if (ac.events == 0 && ac.tables == 0) {
		return err_set(err, ERR_NOTFOUND, "the store has lost nothing");
	}
	if (segments_accept(st->segments, tx->txn, err) < 0)
		return -1;
	return store_tx_audit(
	    tx, "store.accept-loss", "store", buf_span(result), err);
}

/* The change is durable: the store accepts events from here on. */
static int
end_log_loss(struct store *st, struct err *err)
{
	char *kept = NULL;
	int ret = -1;

	if (store_put_durable(st, st->loss.seq + SEQ_APART, err) < 0 ||
	    durable_sync(st->durable, err) < 0)
		return -1;
	if (asprintf(&kept, "%s/" LOST, st->loss.kept) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	ret = files_rename(st->opt.dir, LOST, kept, err);
	free(kept);
	if (ret < 0)
		return -1;
	atomic_store(&st->lost, false);
	store_say(st, "the loss is accepted: accepting events again");
	return 0;
}

int
store_accept_loss(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *result,
    struct err *err)
{
	if (store_change_lost(
		st, actor, request_id, change_accept, NULL, result, err) < 0)
		return -1;
	/* A call that is repeated does the rest again, which harms nothing. */
	if (store_forget_incomplete(st, err) < 0 ||
	    (atomic_load(&st->lost) && end_log_loss(st, err) < 0))
		return err_wrap(err, "the loss is accepted, but");
	return 0;
}

/* --- the point ------------------------------------------------------------ */

int
store_put_durable(struct store *st, uint64_t seq, struct err *err)
{
	struct durable_point point;
	struct bdb_lsn lsn;

	if (bdb_durable(st->db, &lsn, err) < 0)
		return -1;
	if (lsn.offset == 0)
		return 0; /* between two files */
	if (seq < st->promised_seq)
		seq = st->promised_seq;
	st->promised_seq = seq;
	point.seq = seq;
	point.file = lsn.file;
	point.offset = lsn.offset;
	point.needed = atomic_load(&st->log_needed);
	bdb_note(st->db, seq, lsn);
	return durable_put(st->durable, &point, err);
}

void
store_keep_durable(struct store *st)
{
	int64_t now = clock_ms();
	struct err err = ERR_INIT;

	if (atomic_load(&st->lost) || now - st->durable_synced_ms < SYNC_MS)
		return;
	st->durable_synced_ms = now;
	/*
	 * The older point is a lower bound still; but the disk has failed a
	 * flush, and no other one is to be believed before recovery has run.
	 */
	if (durable_sync(st->durable, &err) < 0) {
		store_say(st, "%s", err.text);
		bdb_spend_process();
		store_wake(st);
	}
}
