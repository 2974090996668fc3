/* store.c: makes, opens and closes a store; its status. */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/files.h"
#include "lib/base/guard.h"
#include "lib/engine_bdb/damage.h"
#include "lib/engine_bdb/loss.h"

#define ROUNDS_MAX 8 /* of mending what is damaged, at one open */
#define GROUP_MAX (COMMIT_BATCH_BYTES + 2 * STORE_BODY_MAX)

void
store_options_init(struct store_options *opt)
{
	static const struct store_options defaults = {
		.horizon_s = 35 * 86400,
		.dedupe_max = 4ULL << 30,
		.retain_s = 30 * 86400,
		.retain_bytes = 10ULL << 30,
		.hold_s = 30 * 86400,
		.held_max = 10000,
		.held_bytes = 256ULL << 20,
		.ignored_max = 100000,
		.segment_max = 256ULL << 20,
		.segment_age_s = 86400,
		.floor = 64ULL << 20,
		.ballast = STORE_RECOVERY_ROOM,
		.cache = 64ULL << 20,
		.log_keep_max = 512ULL << 20,
		.quarantine_count = 100,
		.quarantine_bytes = 1ULL << 20,
		.quarantine_total = 64ULL << 20,
	};

	*opt = defaults;
}

static void
say_for_bdb(void *arg, const char *line)
{
	store_say(arg, "database: %s", line);
}

/* --- opening ------------------------------------------------------------- */

/* Recovery needs some room; that is what the ballast is for. */
static int
open_full(struct store *st, const struct bdb_options *opt, struct err *err)
{
	int ret = bdb_open(opt, &st->db, err);

	if (ret < 0 && err->code == ERR_FULL && store_give_up_ballast(&st->opt))
		ret = bdb_open(opt, &st->db, err);
	return ret;
}

/*
 * Pages that are ahead of the log that is left belong to a store that is gone:
 * it is rebuilt, or its tables are taken as they are.
 */
static int
open_ahead(struct store *st, struct err *err)
{
	if (!st->pages_ahead || store_rebuild(st, err) == 0)
		return 0;
	if (err->code == ERR_FULL) /* tried again with more room */
		return err_wrap(err, "store %s", st->opt.dir);
	store_say(st, "%s", err->text);
	return atomic_load(&st->lost) ? store_loss_new_log(st, err) : 0;
}

static int
open_db(struct store *st, bool is_new, struct err *err)
{
	struct bdb_options opt = { .home = st->db_dir,
		.cache = st->opt.cache,
		.log = say_for_bdb,
		.arg = st };
	bool there;
	int ret;

	/* A first open that ended before "ready" left a log without any data.
	 */
	if (is_new && files_remove_folder(st->db_dir, "log", err) < 0)
		return -1;
	if (store_rebuild_finish(st, err) < 0)
		return -1;
	if (files_exist(st->opt.dir, STORE_DB_FOLDER, &there, err) < 0)
		return err_wrap(err, "store %s", st->opt.dir);
	if (!is_new && !there)
		return err_set(err, ERR_CORRUPT,
		    "store %s has lost its databases: restore a backup",
		    st->opt.dir);
	if (is_new && mkdir(st->db_dir, 0700) < 0)
		return err_errno(err, errno, "make folder %s", st->db_dir);
	if (files_sync_folder(st->opt.dir, err) < 0 ||
	    store_loss_look(st, is_new, err) < 0 || open_ahead(st, err) < 0)
		return -1;
	ret = open_full(st, &opt, err);
	if (ret < 0)
		return err_wrap(err, "store %s", st->opt.dir);
	return is_new ? store_make_tables(st, err) : store_open_tables(st, err);
}

static int
open_state(struct store *st, struct err *err)
{
	struct segments_options opt = { st->db_dir, st->opt.segment_max,
		st->opt.segment_age_s };
	struct segments_totals totals;
	uint64_t start_s = UINT64_MAX;

	if (store_begin_clock(st, err) < 0 ||
	    segments_open(st->db, st->meta, &opt, &st->segments, err) < 0 ||
	    store_salvage_dedupe(st, &start_s, err) < 0 ||
	    dedupe_open(st->db, st->meta, st->opt.horizon_s, st->opt.dedupe_max,
		&st->dedupe, err) < 0)
		return -1;
	segments_totals(st->segments, &totals);
	st->next_seq = totals.last_seq + 1;
	store_loss_opened(st, totals.last_seq);
	atomic_store(&st->durable_seq, totals.last_seq);
	/* Some tables are older than others then: look at every event. */
	if (st->as_they_are)
		start_s = 1;
	/* A machine that lost its power may have saved its clock before. */
	store_clock_at_least(st, totals.last_age_ms);
	store_clock_at_least(st, dedupe_newest_ms(st->dedupe));
	if (store_remember(st, start_s, err) < 0)
		return -1;
	if (store_apply_deny(st, err) < 0 || store_begin_touched(st, err) < 0)
		return -1;
	return store_load_facts(st, err);
}

static void
close_databases(struct store *st)
{
	segments_close(st->segments);
	st->segments = NULL;
	dedupe_close(st->dedupe);
	st->dedupe = NULL;
	store_close_tables(st);
	bdb_close(st->db);
	st->db = NULL;
	durable_close(st->durable);
	st->durable = NULL;
}

/*
 * Opens the databases. A damaged table is rebuilt or set aside. Each round
 * mends all damage known by then; damage in a second file may be found only
 * once the first one is mended.
 */
static int
open_databases(struct store *st, bool is_new, struct err *err)
{
	struct err ignored = ERR_INIT;
	bool marked, there;
	unsigned round;
	int ret;

	for (round = 0;; round++) {
		if (store_is_marked(st, &marked, err) < 0 ||
		    (!is_new && marked && store_mend(st, err) < 0))
			return err_wrap(err, "store %s", st->opt.dir);
		if (open_db(st, is_new, err) == 0 &&
		    store_settle_key(st, err) == 0 && open_state(st, err) == 0)
			return 0;
		if (err->code != ERR_CORRUPT || is_new || round == ROUNDS_MAX ||
		    files_exist(
			st->opt.dir, STORE_DB_FOLDER, &there, &ignored) < 0 ||
		    !there)
			return -1;
		store_say(st, "%s", err->text);
		ret = store_mark_damaged(st, err);
		close_databases(st);
		if (ret < 0) /* for want of room: tried again with more */
			return err_wrap(err, "store %s", st->opt.dir);
	}
}

static int
copy_options(struct store *st, const struct store_options *opt, struct err *err)
{
	st->opt = *opt;
	store_limits_take(&st->limits, opt);
	st->opt.dir = strdup(opt->dir);
	st->opt.key_file = strdup(opt->key_file);
	if (st->opt.dir == NULL || st->opt.key_file == NULL ||
	    asprintf(&st->db_dir, "%s/" STORE_DB_FOLDER, opt->dir) < 0) {
		st->db_dir = NULL;
		return err_set(err, ERR_NOMEM, "no memory for a store");
	}
	return 0;
}

/* Who can write there can put another key or deny list in place of ours. */
static int
guard_key_folder(const char *key_file, struct err *err)
{
	char *folder = strdup(key_file), *slash;
	int ret = 0;

	if (folder == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	slash = strrchr(folder, '/');
	if (slash != NULL && slash != folder) {
		*slash = '\0';
		ret = guard_path(folder, GUARD_FOLDER | GUARD_LINK, err);
	}
	free(folder);
	return ret < 0 ? -1 : guard_above(key_file, err);
}

static int
open_outside(struct store *st, struct err *err)
{
	char *path = NULL;
	int ret;

	if (guard_key_folder(st->opt.key_file, err) < 0)
		return -1;
	if (seal_key_read(st->opt.key_file, &st->key, err) < 0)
		return -1;
	if (asprintf(&path, "%s.revoked", st->opt.key_file) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	ret = deny_open(path, st->id, &st->deny, err);
	free(path);
	return ret;
}

static int
open_quarantine(struct store *st, struct err *err)
{
	struct quarantine_limits limits;
	char *dir = NULL;
	int ret;

	store_limits_of_quarantine(&st->opt, &limits);
	if (asprintf(&dir, "%s/" STORE_QUARANTINE, st->opt.dir) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	ret = quarantine_open(dir, st->key, &limits, &st->quarantine, err);
	free(dir);
	return ret;
}

struct quarantine *
store_quarantine(struct store *st)
{
	return st->quarantine;
}

static int
start_threads(struct store *st, struct err *err)
{
	struct commit_hooks hooks = { store_batch, store_flush, store_durable,
		store_last_seq, st };

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
	pthread_mutex_init(&st->clock_mutex, NULL);
	pthread_mutex_init(&st->deliverer.mutex, NULL);
	pthread_mutex_init(&st->wait_mutex, NULL);
	pthread_cond_init(&st->wait_cond, &attr);
	pthread_mutex_init(&st->facts_mutex, NULL);
	pthread_mutex_init(&st->rekey_mutex, NULL);
	pthread_mutex_init(&st->names_mutex, NULL);
	pthread_mutex_init(&st->keeper_mutex, NULL);
	pthread_cond_init(&st->keeper_cond, &attr);
	pthread_condattr_destroy(&attr);
}

bool
store_process_is_spent(void)
{
	return bdb_process_is_spent();
}

int
store_open_once(
    const struct store_options *opt, struct store **out, struct err *err)
{
	struct store *st = calloc(1, sizeof(*st));
	int64_t began = store_wall_ms(), made_ms = 0;
	bool is_new = false;
	int ret = -1;

	if (st == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	init_locks(st);
	st->group.max = GROUP_MAX;
	if (copy_options(st, opt, err) < 0 ||
	    store_check_folder(st->opt.dir, err) < 0 ||
	    store_names_begin(st, err) < 0 ||
	    store_read_marker(st, &is_new, err) < 0 ||
	    store_copy_open(st, err) < 0 || open_outside(st, err) < 0 ||
	    open_databases(st, is_new, err) < 0 ||
	    open_quarantine(st, err) < 0 ||
	    store_snapshot_time(st->opt.dir, &made_ms, err) < 0)
		goto out;
	atomic_store(&st->settle_due, true); /* perhaps */
	st->opened_ms = store_wall_ms();
	atomic_store(&st->deliverer.opened_ms, clock_ms());
	st->recovery_ms = st->opened_ms - began;
	atomic_store(&st->last_checkpoint_ms, st->opened_ms);
	atomic_store(&st->snapshot_ms, made_ms);
	atomic_store(&st->last_flush_ms, st->opened_ms);
	atomic_store(&st->notices_due, true);
	if (start_threads(st, err) < 0)
		goto out;
	/* A store that lost the end of its log takes no change until the loss
	 * is accepted; the next open after that settles this. */
	if (!atomic_load(&st->lost) && store_settle_lost(st, err) < 0)
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
	close_databases(st);
	deny_close(st->deny);
	/* Where a write failed, or room lacks, these are the last to write. */
	quarantine_close(st->quarantine,
	    !atomic_load(&st->fenced) && !atomic_load(&st->below_floor));
	seal_key_free(st->key);
	for (i = 0; i < st->nfacts; i++)
		free(st->facts[i]);
	free(st->facts);
	free(st->used_ms);
	store_copy_close(st);
	buf_free(&st->group);
	bytes_wipe(st->dedupe_secret, sizeof(st->dedupe_secret));
	pthread_mutex_destroy(&st->clock_mutex);
	pthread_mutex_destroy(&st->deliverer.mutex);
	pthread_mutex_destroy(&st->wait_mutex);
	pthread_cond_destroy(&st->wait_cond);
	pthread_mutex_destroy(&st->facts_mutex);
	pthread_mutex_destroy(&st->rekey_mutex);
	pthread_mutex_destroy(&st->names_mutex);
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

void
store_horizon(struct store *st, uint64_t endpoint_id, struct store_horizon *out)
{
	out->set_s = st->opt.horizon_s;
	out->now_s =
	    dedupe_horizon_s(st->dedupe, endpoint_id, store_age_ms(st));
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

	memset(out, 0, sizeof(*out));
	snprintf(out->id, sizeof(out->id), "%s", st->id);
	out->format = RECORD_STORE_FORMAT;
	segments_totals(st->segments, &totals);
	out->events = totals.events;
	out->segments = totals.count;
	out->damaged = totals.damaged;
	out->lost = totals.lost;
	out->bytes_events = totals.bytes;
	out->oldest_seq = totals.first_seq;
	out->oldest_ms = totals.first_ms;
	out->newest_ms = totals.last_ms;
	out->durable_seq = atomic_load(&st->durable_seq);
	out->bytes_dedupe = dedupe_bytes(st->dedupe);
	out->bytes_log = bdb_log_bytes(st->db);
	out->bytes_other = store_tables_bytes(st);
	out->bytes_free = atomic_load(&st->bytes_free);
	out->floor = st->limits.floor;
	out->horizon_s = st->opt.horizon_s;
	/* Partitions that dedupe_max took away shorten it, and it shows. */
	out->horizon_now_s =
	    dedupe_horizon_s(st->dedupe, DEDUPE_ANY, store_age_ms(st));
	out->opened_ms = st->opened_ms;
	out->last_checkpoint_ms = atomic_load(&st->last_checkpoint_ms);
	out->last_flush_ms = atomic_load(&st->last_flush_ms);
	out->recovery_ms = st->recovery_ms;
	out->snapshot_ms = atomic_load(&st->snapshot_ms);
	out->fenced = atomic_load(&st->fenced);
	out->below_floor = atomic_load(&st->below_floor);
	out->dedupe_keys = dedupe_count(st->dedupe);
	if (store_endpoints(st, NULL, count_endpoint, out, err) < 0)
		return -1;
	return store_secrets(st, NULL, 0, count_secret, &ct, err);
}
