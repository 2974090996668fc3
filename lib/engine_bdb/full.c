/* full.c: a store whose volume has no room, at open and later. */
#include "lib/engine_bdb/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lib/base/clock.h"

#define MIB (1024 * 1024)
#define RETRY_MS 1000 /* between two tries to write */

bool
store_give_up_ballast(const struct store_options *opt)
{
	static const char words[] =
	    "no space is left: the ballast file makes way";
	char *path = NULL;
	bool gone;

	if (asprintf(&path, "%s/" STORE_BALLAST, opt->dir) < 0)
		return false;
	gone = unlink(path) == 0;
	free(path);
	if (gone && opt->log != NULL)
		opt->log(opt->log_arg, words);
	return gone;
}

/* Puts what to do behind what happened. */
static void
explain(const char *dir, const char *then, struct err *err)
{
	char words[256];
	struct statvfs vfs;
	unsigned long long room;
	size_t used;

	if (statvfs(dir, &vfs) < 0)
		return;
	room = (unsigned long long)vfs.f_bavail * vfs.f_frsize;
	if (vfs.f_files > 0 && vfs.f_favail == 0)
		snprintf(words, sizeof(words),
		    "no inode is free on the volume of %.120s: remove files "
		    "there",
		    dir);
	else if (room < STORE_RECOVERY_ROOM)
		snprintf(words, sizeof(words),
		    "%llu KiB are free on the volume of %.120s, and recovery "
		    "may need %d MiB: make room there",
		    room / 1024, dir, STORE_RECOVERY_ROOM / MIB);
	else
		snprintf(words, sizeof(words),
		    "%llu MiB are free on the volume of %.120s: make more "
		    "room there, or raise the quota, or the limit on file "
		    "sizes (ulimit -f)",
		    room / MIB, dir);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s; %s", words,
	    then);
}

bool
store_make_room(const struct store_options *opt, struct err *err)
{
	if (err->code != ERR_FULL)
		return false;
	if (store_give_up_ballast(opt))
		return true;
	explain(opt->dir, "the store opens by itself then", err);
	return false;
}

int
store_open(const struct store_options *opt, struct store **out, struct err *err)
{
	int ret;

	do
		ret = store_open_once(opt, out, err);
	while (ret < 0 && store_make_room(opt, err));
	return ret;
}

/* --- a store that is open ------------------------------------------------- */

bool
store_has_no_room(struct store *st)
{
	return atomic_load(&st->no_room[STORE_WRITE_BATCH]) ||
	       atomic_load(&st->no_room[STORE_WRITE_FLUSH]);
}

void
store_note_write(struct store *st, enum store_write what, const struct err *err)
{
	bool full = err != NULL && err->code == ERR_FULL;
	bool was = store_has_no_room(st);
	struct err why;

	if (atomic_load(&st->no_room[what]) == full || (err != NULL && !full))
		return;
	atomic_store(&st->no_room[what], full);
	if (store_has_no_room(st) == was)
		return;
	if (!full) {
		store_say(st, "writes find room again: accepting again");
		return;
	}
	why = *err;
	err_wrap(&why, "events are refused");
	explain(st->opt.dir, "the store accepts again by itself then", &why);
	store_say(st, "%s", why.text);
}

/*
 * Does all that a batch of events needs: makes a new table where one is due,
 * commits a transaction, and flushes all that is in the log's buffer.
 */
static int
write_little(void *arg, struct err *err)
{
	struct store *st = arg;
	struct store_clock now;
	int ret;

	store_clock(st, &now);
	ret =
	    dedupe_prepare(st->dedupe, now.age_ms, err) < 0 ||
		    segments_prepare(st->segments, st->next_seq, &now, err) < 0
		? -1
		: store_save(st, err);
	store_note_write(st, STORE_WRITE_BATCH, ret < 0 ? err : NULL);
	return ret;
}

void
store_try_room(struct store *st)
{
	struct err ignored = ERR_INIT; /* it was told when it began */

	if (store_has_no_room(st) && clock_ms() >= st->room_retry_ms) {
		(void)commit_run(st->commit, write_little, st, &ignored);
		st->room_retry_ms = clock_ms() + RETRY_MS;
	}
}
