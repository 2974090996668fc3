/* store.c: makes, opens and closes a store; its status. */
#include "lib/store_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/util.h"

#define PAGE 4096 /* of the tables with small records */
#define META_SEEN "seen secret"
#define GROUP_MAX (COMMIT_BATCH_BYTES + 2 * STORE_BODY_MAX)

static const struct {
	const char *file;
	size_t at;
} tables[] = {
	{ "meta", offsetof(struct store, meta) },
	{ "endpoints", offsetof(struct store, endpoints) },
	{ "secrets", offsetof(struct store, secrets) },
	{ "audit", offsetof(struct store, audit) },
	{ "requests", offsetof(struct store, requests) },
	{ "counts", offsetof(struct store, counts) },
};

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

void
store_options_init(struct store_options *opt)
{
	static const struct store_options defaults = {
		.horizon_s = 35 * 86400,
		.dedupe_max = 4ULL << 30,
		.retain_s = 30 * 86400,
		.retain_bytes = 10ULL << 30,
		.segment_max = 256ULL << 20,
		.segment_age_s = 86400,
		.floor = 64ULL << 20,
		.ballast = 16ULL << 20,
		.cache = 64ULL << 20,
		.log_keep_max = 512ULL << 20,
	};

	*opt = defaults;
}

int64_t
store_wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
store_now_ms(struct store *st)
{
	int64_t wall = store_wall_ms(), last = atomic_load(&st->last_ms);

	return wall > last ? wall : last;
}

void
store_say(struct store *st, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	if (st->opt.log == NULL)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	st->opt.log(st->opt.log_arg, line);
}

static void
say_for_bdb(void *arg, const char *line)
{
	store_say(arg, "database: %s", line);
}

/* Fenced is what the library says, remembered here and told to waiters. */
void
store_wake(struct store *st)
{
	pthread_mutex_lock(&st->wait_mutex);
	if (bdb_is_fenced(st->db) && !atomic_exchange(&st->fenced, true))
		store_say(st,
		    "a write to the store failed; nothing is acknowledged "
		    "until a new start has recovered it");
	pthread_cond_broadcast(&st->wait_cond);
	pthread_mutex_unlock(&st->wait_mutex);
}

bool
store_is_fenced(struct store *st)
{
	return atomic_load(&st->fenced);
}

/* --- facts in memory ----------------------------------------------------- */

#define FACTS_MAX (1 << 20) /* endpoints ever made */

struct store_endpoint_facts *
store_facts(struct store *st, uint64_t id)
{
	struct store_endpoint_facts **grown, *facts = NULL;
	size_t room;

	if (id >= FACTS_MAX)
		return NULL;
	pthread_mutex_lock(&st->facts_mutex);
	if (id >= st->nfacts) {
		room = (size_t)id + 64;
		grown = realloc(st->facts, room * sizeof(*grown));
		if (grown == NULL)
			goto out;
		memset(grown + st->nfacts, 0,
		    (room - st->nfacts) * sizeof(*grown));
		st->facts = grown;
		st->nfacts = room;
	}
	if (st->facts[id] == NULL)
		st->facts[id] = calloc(1, sizeof(*st->facts[id]));
	facts = st->facts[id];
out:
	pthread_mutex_unlock(&st->facts_mutex);
	return facts;
}

void
store_used(struct store *st, uint64_t secret_id, int64_t ms)
{
	int64_t *grown;
	size_t room;

	if (secret_id >= FACTS_MAX)
		return;
	pthread_mutex_lock(&st->facts_mutex);
	if (secret_id >= st->nused) {
		room = (size_t)secret_id + 64;
		grown = realloc(st->used_ms, room * sizeof(*grown));
		if (grown == NULL) /* it is a hint for operators, no more */
			goto out;
		memset(
		    grown + st->nused, 0, (room - st->nused) * sizeof(*grown));
		st->used_ms = grown;
		st->nused = room;
	}
	st->used_ms[secret_id] = ms;
	st->facts_changed = true;
out:
	pthread_mutex_unlock(&st->facts_mutex);
}

int64_t
store_used_ms(struct store *st, uint64_t secret_id)
{
	int64_t ms = 0;

	pthread_mutex_lock(&st->facts_mutex);
	if (secret_id < st->nused)
		ms = st->used_ms[secret_id];
	pthread_mutex_unlock(&st->facts_mutex);
	return ms;
}

void
store_count(struct store *st, uint64_t endpoint_id, enum store_count c)
{
	struct store_endpoint_facts *facts = store_facts(st, endpoint_id);

	if (facts != NULL)
		atomic_fetch_add(&facts->counts[c], 1);
	pthread_mutex_lock(&st->facts_mutex);
	st->facts_changed = true;
	pthread_mutex_unlock(&st->facts_mutex);
}

void
store_counts(struct store *st, uint64_t endpoint_id, uint64_t out[STORE_COUNTS])
{
	struct store_endpoint_facts *facts = store_facts(st, endpoint_id);
	size_t i;

	for (i = 0; i < STORE_COUNTS; i++)
		out[i] = facts == NULL ? 0 : atomic_load(&facts->counts[i]);
}

/* --- the marker ---------------------------------------------------------- */

#define MARKER_WORD "eyelet-store"

/*
 * The marker says that a folder is a store and which one, so that an empty
 * folder (a disk that is not mounted) is never taken for a new store.
 */
static int
write_marker(const char *dir, const char *id, const char *state, bool exclusive,
    struct err *err)
{
	char *path = NULL, *temp = NULL, line[128];
	int fd = -1, len, ret = -1;

	if (asprintf(&path, "%s/" STORE_MARKER, dir) < 0 ||
	    asprintf(&temp, "%s/" STORE_MARKER ".new", dir) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	if (exclusive && access(path, F_OK) == 0) {
		err_set(err, ERR_EXISTS, "%s is a store already", dir);
		goto out;
	}
	len = snprintf(line, sizeof(line), MARKER_WORD " %d %s %s\n",
	    RECORD_STORE_FORMAT, id, state);
	fd = open(
	    temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	errno = fd < 0 ? errno : ENOSPC;
	if (fd < 0 || write(fd, line, (size_t)len) != len || fsync(fd) < 0 ||
	    rename(temp, path) < 0) {
		err_errno(err, errno, "write %s", path);
		goto out;
	}
	ret = bdb_sync_folder(dir, err);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	free(temp);
	return ret;
}

static int
read_marker(struct store *st, bool *is_new, struct err *err)
{
	char *path = NULL, line[128] = "", state[16] = "";
	unsigned format = 0;
	ssize_t n;
	int fd, ret = -1;

	if (asprintf(&path, "%s/" STORE_MARKER, st->opt.dir) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0) {
		if (errno == ENOENT)
			err_set(err, ERR_NOTFOUND,
			    "%s is no store: make one with \"eyelet-store "
			    "init\", or mount the disk that holds it",
			    st->opt.dir);
		else
			err_errno(err, errno, "open %s", path);
		goto out;
	}
	n = read(fd, line, sizeof(line) - 1);
	if (n < 0) {
		err_errno(err, errno, "read %s", path);
		goto out;
	}
	if (sscanf(line, MARKER_WORD " %u %32[0-9a-f] %15[a-z]", &format,
		st->id, state) != 3) {
		err_set(err, ERR_CORRUPT, "%s is not what it should be", path);
		goto out;
	}
	if (format > RECORD_STORE_FORMAT) {
		err_set(err, ERR_VERSION,
		    "store %s has format %u, this release reads up to %d",
		    st->opt.dir, format, RECORD_STORE_FORMAT);
		goto out;
	}
	*is_new = strcmp(state, "new") == 0;
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}

static int
check_folder(const char *dir, struct err *err)
{
	static const char *const obeyed[] = { "DB_CONFIG",
		STORE_DB_FOLDER "/DB_CONFIG" };
	struct stat sb;
	char *path;
	size_t i;
	int there;

	if (lstat(dir, &sb) < 0) {
		if (errno == ENOENT)
			return err_set(err, ERR_NOTFOUND,
			    "store folder %s is not there: make it with "
			    "\"eyelet-store init\"",
			    dir);
		return err_errno(err, errno, "store folder %s", dir);
	}
	if (!S_ISDIR(sb.st_mode))
		return err_set(err, ERR_DENIED, "%s is not a folder", dir);
	if (sb.st_uid != geteuid())
		return err_set(err, ERR_DENIED,
		    "store folder %s belongs to uid %u, not to uid %u: "
		    "chown -R %u %s",
		    dir, (unsigned)sb.st_uid, (unsigned)geteuid(),
		    (unsigned)geteuid(), dir);
	if ((sb.st_mode & 027) != 0)
		return err_set(err, ERR_DENIED,
		    "store folder %s is open to others (mode %03o): chmod "
		    "g-w,o-rwx %s",
		    dir, (unsigned)sb.st_mode & 0777, dir);
	for (i = 0; i < NITEMS(obeyed); i++) {
		if (asprintf(&path, "%s/%s", dir, obeyed[i]) < 0)
			return err_set(err, ERR_NOMEM, "no memory for a path");
		there = lstat(path, &sb) == 0;
		free(path);
		if (there)
			return err_set(err, ERR_DENIED,
			    "%s/%s must not be there: it could turn "
			    "durability off; remove it",
			    dir, obeyed[i]);
	}
	return 0;
}

int
store_create(const char *dir, struct err *err)
{
	unsigned char random[16];
	char id[33];
	size_t i;

	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make store folder %s", dir);
	if (check_folder(dir, err) < 0 ||
	    digest_random(random, sizeof(random), err) < 0)
		return -1;
	for (i = 0; i < sizeof(random); i++)
		snprintf(id + 2 * i, 3, "%02x", random[i]);
	return write_marker(dir, id, "new", true, err);
}

/* --- opening ------------------------------------------------------------- */

static int
unlink_entry(void *arg, const char *file, struct err *err)
{
	const int *dir = arg;

	if (unlinkat(*dir, file, 0) < 0)
		return err_errno(err, errno, "remove %s", file);
	return 0;
}

/* What a first open left behind before it said "ready" holds nothing yet. */
static int
clear_folder(struct store *st, const char *sub, struct err *err)
{
	char *path = NULL;
	int fd, ret = 0;

	if (asprintf(&path, "%s%s", st->db_dir, sub) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		ret = bdb_folder_files(path, unlink_entry, &fd, err);
		close(fd);
	}
	free(path);
	return ret;
}

static int
make_tables(struct store *st, struct err *err)
{
	struct bdb_txn *txn;
	size_t i;

	if (digest_random(st->seen_secret, sizeof(st->seen_secret), err) < 0 ||
	    bdb_begin(st->db, &txn, err) < 0)
		return -1;
	for (i = 0; i < NITEMS(tables); i++)
		if (bdb_table_open(st->db, txn, tables[i].file, PAGE, true,
			table_at(st, i), err) < 0)
			goto fail;
	if (bdb_put(st->meta, txn, span_str(META_SEEN),
		span_of(st->seen_secret, sizeof(st->seen_secret)), err) < 0)
		goto fail;
	if (bdb_commit(txn, err) < 0)
		return -1;
	if (bdb_flush(st->db, err) < 0 || bdb_checkpoint(st->db, err) < 0)
		return -1;
	return write_marker(st->opt.dir, st->id, "ready", false, err);
fail:
	bdb_abort(txn);
	return -1;
}

static int
open_tables(struct store *st, struct err *err)
{
	struct buf value = BUF_INIT(256);
	bool found;
	size_t i;
	int ret = -1;

	for (i = 0; i < NITEMS(tables); i++)
		if (bdb_table_open(st->db, NULL, tables[i].file, PAGE, false,
			table_at(st, i), err) < 0) {
			/* The marker promised it. */
			if (err->code == ERR_NOTFOUND)
				err->code = ERR_CORRUPT;
			goto out;
		}
	if (bdb_get(st->meta, NULL, span_str(META_SEEN), &value, &found, err) <
	    0)
		goto out;
	if (!found || value.len != sizeof(st->seen_secret)) {
		err_set(err, ERR_CORRUPT,
		    "the key that remembered ids are hashed with is gone");
		goto out;
	}
	memcpy(st->seen_secret, value.ptr, value.len);
	ret = 0;
out:
	buf_free(&value);
	return ret;
}

static int
open_db(struct store *st, bool is_new, struct err *err)
{
	struct bdb_options opt = { .home = st->db_dir,
		.cache = st->opt.cache,
		.log = say_for_bdb,
		.arg = st };
	char *ballast = NULL;
	int ret;

	if (is_new && (clear_folder(st, "/log", err) < 0 ||
			  clear_folder(st, "", err) < 0))
		return -1;
	if (mkdir(st->db_dir, 0700) < 0 && errno != EEXIST)
		return err_errno(err, errno, "make folder %s", st->db_dir);
	if (bdb_sync_folder(st->opt.dir, err) < 0)
		return -1;
	ret = bdb_open(&opt, &st->db, err);
	if (ret < 0 && err->code == ERR_FULL &&
	    asprintf(&ballast, "%s/" STORE_BALLAST, st->opt.dir) >= 0) {
		/* Recovery needs some room; that is what the ballast is for. */
		if (unlink(ballast) == 0) {
			store_say(
			    st, "no space left: the ballast file makes way");
			ret = bdb_open(&opt, &st->db, err);
		}
		free(ballast);
	}
	if (ret < 0)
		return err_wrap(err, "store %s", st->opt.dir);
	return is_new ? make_tables(st, err) : open_tables(st, err);
}

static int
open_state(struct store *st, struct err *err)
{
	struct segments_options opt = { st->opt.segment_max,
		st->opt.segment_age_s };
	struct segments_totals totals;

	if (segments_open(st->db, st->meta, &opt, &st->segments, err) < 0 ||
	    seen_open(st->db, st->opt.horizon_s, st->opt.dedupe_max, &st->seen,
		err) < 0)
		return -1;
	segments_totals(st->segments, &totals);
	st->next_seq = totals.last_seq + 1;
	atomic_store(&st->durable_seq, totals.last_seq);
	atomic_store(&st->last_ms, totals.last_ms);
	return store_apply_deny(st, err) < 0 ? -1 : store_load_facts(st, err);
}

static int
copy_options(struct store *st, const struct store_options *opt, struct err *err)
{
	st->opt = *opt;
	st->opt.dir = strdup(opt->dir);
	st->opt.key_file = strdup(opt->key_file);
	if (st->opt.dir == NULL || st->opt.key_file == NULL ||
	    asprintf(&st->db_dir, "%s/" STORE_DB_FOLDER, opt->dir) < 0) {
		st->db_dir = NULL;
		return err_set(err, ERR_NOMEM, "no memory for a store");
	}
	return 0;
}

static int
open_outside(struct store *st, struct err *err)
{
	char *path = NULL;
	int ret;

	if (seal_key_read(st->opt.key_file, &st->key, err) < 0)
		return -1;
	if (asprintf(&path, "%s.revoked", st->opt.key_file) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	ret = deny_open(path, st->id, &st->deny, err);
	free(path);
	return ret;
}

static int
start_threads(struct store *st, struct err *err)
{
	struct commit_hooks hooks = { store_batch, store_flush, store_durable,
		st };

	if (commit_start(&hooks, &st->commit, err) < 0)
		return -1;
	return store_keeper_start(st, err);
}

static void
init_locks(struct store *st)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&st->wait_mutex, NULL);
	pthread_cond_init(&st->wait_cond, &attr);
	pthread_mutex_init(&st->facts_mutex, NULL);
	pthread_mutex_init(&st->keeper_mutex, NULL);
	pthread_cond_init(&st->keeper_cond, &attr);
	pthread_condattr_destroy(&attr);
}

int
store_open(const struct store_options *opt, struct store **out, struct err *err)
{
	struct store *st = calloc(1, sizeof(*st));
	int64_t began = store_wall_ms();
	bool is_new = false;
	int ret = -1;

	if (st == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	init_locks(st);
	st->group.max = GROUP_MAX;
	if (copy_options(st, opt, err) < 0 ||
	    check_folder(st->opt.dir, err) < 0 ||
	    read_marker(st, &is_new, err) < 0 || open_outside(st, err) < 0 ||
	    open_db(st, is_new, err) < 0 || open_state(st, err) < 0)
		goto out;
	st->opened_ms = store_wall_ms();
	st->recovery_ms = st->opened_ms - began;
	atomic_store(&st->last_checkpoint_ms, st->opened_ms);
	atomic_store(&st->last_flush_ms, st->opened_ms);
	store_measure_room(st);
	if (start_threads(st, err) < 0)
		goto out;
	*out = st;
	st = NULL;
	ret = 0;
out:
	store_close(st);
	return ret;
}

void
store_close(struct store *st)
{
	size_t i;

	if (st == NULL)
		return;
	store_keeper_stop(st);
	commit_stop(st->commit);
	segments_close(st->segments);
	seen_close(st->seen);
	for (i = 0; i < NITEMS(tables); i++)
		bdb_table_close(*table_at(st, i));
	bdb_close(st->db);
	deny_close(st->deny);
	seal_key_free(st->key);
	for (i = 0; i < st->nfacts; i++)
		free(st->facts[i]);
	free(st->facts);
	free(st->used_ms);
	buf_free(&st->group);
	bytes_wipe(st->seen_secret, sizeof(st->seen_secret));
	pthread_mutex_destroy(&st->wait_mutex);
	pthread_cond_destroy(&st->wait_cond);
	pthread_mutex_destroy(&st->facts_mutex);
	pthread_mutex_destroy(&st->keeper_mutex);
	pthread_cond_destroy(&st->keeper_cond);
	free((char *)(uintptr_t)st->opt.dir);
	free((char *)(uintptr_t)st->opt.key_file);
	free(st->db_dir);
	free(st);
}

void
store_on_change(struct store *st,
    void (*changed)(void *arg, uint64_t endpoint_id), void *arg)
{
	st->changed = changed;
	st->changed_arg = arg;
}

/* --- status -------------------------------------------------------------- */

bool
store_healthy(struct store *st, const char **why_not)
{
	if (atomic_load(&st->fenced))
		*why_not = "a write to the store failed";
	else if (atomic_load(&st->below_floor))
		*why_not = "too little space is free";
	else
		return true;
	return false;
}

static int
count_endpoint(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct store_status *out = arg;

	(void)err;
	if (ep->state != STORE_ENDPOINT_REMOVED)
		out->endpoints++;
	return 0;
}

struct counting {
	struct store_status *out;
	int64_t now_ms;
};

static int
count_secret(void *arg, const struct secret *s, struct err *err)
{
	struct counting *ct = arg;

	(void)err;
	if (secret_is_live(s, ct->now_ms))
		ct->out->secrets++;
	return 0;
}

int
store_status(struct store *st, struct store_status *out, struct err *err)
{
	struct segments_totals totals;
	struct counting ct = { out, store_now_ms(st) };
	size_t i;

	memset(out, 0, sizeof(*out));
	snprintf(out->id, sizeof(out->id), "%s", st->id);
	out->format = RECORD_STORE_FORMAT;
	segments_totals(st->segments, &totals);
	out->events = totals.events;
	out->segments = totals.count;
	out->bytes_events = totals.bytes;
	out->oldest_seq = totals.first_seq;
	out->oldest_ms = totals.first_ms;
	out->newest_ms = totals.last_ms;
	out->durable_seq = atomic_load(&st->durable_seq);
	out->bytes_dedupe = seen_bytes(st->seen);
	out->bytes_log = bdb_log_bytes(st->db);
	for (i = 0; i < NITEMS(tables); i++)
		out->bytes_other += bdb_table_bytes(*table_at(st, i));
	store_measure_room(st);
	out->bytes_free = atomic_load(&st->bytes_free);
	out->floor = st->opt.floor;
	out->horizon_s = st->opt.horizon_s;
	/* Partitions that dedupe_max took away shorten it, and it shows. */
	out->horizon_now_s = seen_horizon_s(st->seen, ct.now_ms);
	out->opened_ms = st->opened_ms;
	out->last_checkpoint_ms = atomic_load(&st->last_checkpoint_ms);
	out->last_flush_ms = atomic_load(&st->last_flush_ms);
	out->recovery_ms = st->recovery_ms;
	out->snapshot_ms = atomic_load(&st->snapshot_ms);
	out->fenced = atomic_load(&st->fenced);
	out->below_floor = atomic_load(&st->below_floor);
	if (seen_keys(st->seen, &out->dedupe_keys, err) < 0 ||
	    store_endpoints(st, NULL, count_endpoint, out, err) < 0)
		return -1;
	return store_secrets(st, NULL, 0, count_secret, &ct, err);
}
