/* keep.c: the keeper thread: checkpoints, retention, room, counters. */
#include "lib/engine_bdb/impl.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/engine_bdb/damage.h"
#include "lib/engine_bdb/loss.h"

#define TICK_MS 250
#define CHECKPOINT_LOG (16 * 1024 * 1024) /* bytes: keeps restarts short */
#define CHECKPOINT_LOG_SHORT (2 * 1024 * 1024) /* the same near the floor */
#define CHECKPOINT_LOG_LEAST (64 * 1024) /* below it: what alone may lack */
#define CHECKPOINT_MS 60000
#define RETAIN_EVERY_MS 60000
#define RETAIN_SHORT_MS 1000 /* the same while room is short */
#define RETAIN_BUDGET_MS 200 /* of a tick */
#define PRUNE_BUDGET_MS 1000 /* of a step, when somebody waits */
#define FORGET_EVERY_MS 3600000

int
store_prune(struct store *st, uint64_t *dropped, struct err *err)
{
	uint64_t n;
	bool more = true;

	*dropped = 0;
	while (more) {
		if (store_retain(st, PRUNE_BUDGET_MS, &n, &more, err) < 0)
			return -1;
		*dropped += n;
	}
	return store_forget_dead(st, err);
}

/* --- the thread ---------------------------------------------------------- */

static void
complain(struct store *st, const char *doing, const struct err *err)
{
	store_say(st, "%s: %s", doing, err->text);
}

/* Where recovery would begin now, so that the next open looks at no more. */
static void
note_needed(struct store *st)
{
	uint32_t newest, needed;
	struct err err = ERR_INIT;

	if (bdb_log_range(st->db, &newest, &needed, &err) == 0)
		atomic_store(&st->log_needed, needed);
}

static void
checkpoint(struct store *st)
{
	struct err err = ERR_INIT;
	uint64_t put, on_disk;

	if (commit_run(st->commit, store_save, st, &err) < 0) {
		complain(st, "save counters", &err);
		return;
	}
	if (bdb_log_ends(st->db, &put, &on_disk, &err) < 0 ||
	    bdb_checkpoint(st->db, &err) < 0) {
		complain(st, "checkpoint", &err);
		return;
	}
	atomic_store(&st->log_paged, put);
	store_measure_room(st);
	atomic_store(&st->last_checkpoint_ms, store_wall_ms());
	note_needed(st);
	if (store_snapshot_keep(st, &err) < 0)
		complain(st, "snapshot", &err);
}

/*
 * Makes the ballast file, which store_open or the operator removes when the
 * disk is full. Only made where the floor stays free, so that accepting goes
 * on.
 */
static void
keep_ballast(struct store *st)
{
	char *path = NULL;
	int fd;

	if (st->opt.ballast == 0 ||
	    atomic_load(&st->bytes_left) <
		st->limits.floor + st->opt.ballast + CHECKPOINT_LOG ||
	    asprintf(&path, "%s/" STORE_BALLAST, st->opt.dir) < 0)
		return;
	fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0) {
		if (posix_fallocate(fd, 0, (off_t)st->opt.ballast) != 0)
			unlink(path);
		close(fd);
		store_measure_room(st);
	}
	free(path);
}

/* Sleeps a tick; true when the store closes. */
static bool
rest(struct store *st)
{
	struct timespec until;
	bool closing;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += TICK_MS * 1000000L;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&st->keeper_mutex);
	if (!st->closing)
		pthread_cond_timedwait(
		    &st->keeper_cond, &st->keeper_mutex, &until);
	closing = st->closing;
	pthread_mutex_unlock(&st->keeper_mutex);
	return closing;
}

/* Near the floor, what is owed to the tables may be what lacks. */
static uint64_t
log_between_checkpoints(struct store *st)
{
	if (atomic_load(&st->bytes_free) < st->limits.floor ||
	    atomic_load(&st->bytes_left) >= st->limits.floor + CHECKPOINT_LOG)
		return CHECKPOINT_LOG;
	return atomic_load(&st->below_floor) ? CHECKPOINT_LOG_LEAST
					     : CHECKPOINT_LOG_SHORT;
}

static bool
checkpoint_is_due(struct store *st, int64_t now)
{
	int64_t last = atomic_load(&st->last_checkpoint_ms);

	if (store_clock_is_due(st))
		return true;
	if (bdb_log_since_checkpoint(st->db) >= log_between_checkpoints(st))
		return true;
	return now - last >= CHECKPOINT_MS &&
	       atomic_load(&st->last_flush_ms) > last;
}

/* Writes refused requests down, except below the floor. */
static void
write_quarantine(struct store *st)
{
	struct err err = ERR_INIT;

	if (!atomic_load(&st->below_floor) &&
	    quarantine_write(st->quarantine, store_age_ms(st), &err) < 0)
		complain(st, "quarantine", &err);
}

/* Does the short accesses to the disk; store_stalled_ms tells if one hangs. */
static void
look_at_disk(struct store *st)
{
	atomic_store(&st->looking_since_ms, clock_ms());
	store_measure_room(st);
	if (!atomic_load(&st->fenced)) {
		keep_ballast(st);
		write_quarantine(st);
	}
	atomic_store(&st->looking_since_ms, 0);
}

/* When what was done last; clock_ms. */
struct keeping {
	int64_t retained_ms, forgot_ms;
	bool more; /* retention is not at its end */
};

static void
apply_retention(struct store *st, struct keeping *kp)
{
	int64_t now = clock_ms();
	uint64_t dropped;
	struct err err = ERR_INIT;

	if (!kp->more && now - kp->retained_ms < (store_is_short_of_room(st)
							 ? RETAIN_SHORT_MS
							 : RETAIN_EVERY_MS))
		return;
	kp->retained_ms = now;
	if (store_retain(st, RETAIN_BUDGET_MS, &dropped, &kp->more, &err) < 0) {
		complain(st, "retention", &err);
		kp->more = false;
	}
	if (now - kp->forgot_ms < FORGET_EVERY_MS)
		return;
	kp->forgot_ms = now;
	if (store_forget_dead(st, &err) < 0)
		complain(st, "retention", &err);
}

static void *
keeper_main(void *arg)
{
	struct store *st = arg;
	int64_t now = clock_ms();
	struct keeping kp = { now, now - FORGET_EVERY_MS, false };

	while (!rest(st)) {
		now = store_wall_ms();
		look_at_disk(st);
		store_damage_act(st);
		/* A reader may have met what is damaged. */
		if (bdb_is_fenced(st->db))
			store_wake(st);
		if (atomic_load(&st->fenced) || atomic_load(&st->lost))
			continue;
		if (!store_look_at_names(st))
			store_wake(st);
		store_keep_durable(st);
		store_try_room(st);
		store_move_notices(st);
		if (!store_has_no_room(st) &&
		    (checkpoint_is_due(st, now) ||
			atomic_load(&st->snapshot_due)))
			checkpoint(st);
		store_settle(st);
		apply_retention(st, &kp);
	}
	return NULL;
}

int
store_keeper_start(struct store *st, struct err *err)
{
	uint64_t put, on_disk;
	int ret;

	note_needed(st);
	if (bdb_log_ends(st->db, &put, &on_disk, err) < 0)
		return -1;
	atomic_store(&st->log_paged, put - bdb_log_since_checkpoint(st->db));
	store_measure_room(st);
	ret = pthread_create(&st->keeper, NULL, keeper_main, st);
	if (ret != 0)
		return err_limit(err, ret, "start the keeper");
	pthread_setname_np(st->keeper, "store-keep");
	st->keeper_runs = true;
	return 0;
}

void
store_keeper_stop(struct store *st)
{
	if (!st->keeper_runs)
		return;
	pthread_mutex_lock(&st->keeper_mutex);
	st->closing = true;
	pthread_cond_signal(&st->keeper_cond);
	pthread_mutex_unlock(&st->keeper_mutex);
	pthread_join(st->keeper, NULL);
	st->keeper_runs = false;
	if (!atomic_load(&st->fenced) && !atomic_load(&st->lost)) {
		checkpoint(st);
		st->durable_synced_ms = 0;
		store_keep_durable(st);
	}
}
