/*
 * room.c: measures room on the volume, checks it before a write, and notes the
 * writes that found none.
 */
#include "lib/engine_bdb/impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MIB (1024 * 1024)

#define EVENT_ROOM 1024 /* of the log, for an event's remembered ids */

/*
 * Reads how much is free, and how much of it will be left after a checkpoint,
 * with the log up to put.
 */
static int
read_room(struct store *st, uint64_t *room, uint64_t *left, uint64_t *put,
    struct err *err)
{
	/* Read first: what is written meanwhile then counts twice. */
	uint64_t paged = atomic_load(&st->log_paged), on_disk, owed;
	struct statvfs vfs;

	if (bdb_log_ends(st->db, put, &on_disk, err) < 0)
		return -1;
	if (statvfs(st->opt.dir, &vfs) < 0)
		return err_errno(err, errno, "statvfs %s", st->opt.dir);
	*room = (uint64_t)vfs.f_bavail * vfs.f_frsize;
	owed = (*put - on_disk) + (*put - paged);
	*left = *room > owed ? *room - owed : 0;
	return 0;
}

void
store_measure_room(struct store *st)
{
	uint64_t room = 0, left = 0, put = 0, floor = st->limits.floor;
	struct err ignored = ERR_INIT;
	bool below;

	if (read_room(st, &room, &left, &put, &ignored) < 0)
		return;
	atomic_store(&st->bytes_free, room);
	atomic_store(&st->bytes_left, left);
	atomic_store(&st->left_put, put);
	below = left < floor || left == 0;
	if (below && !atomic_load(&st->below_floor)) {
		atomic_store(&st->fell_ms, store_now_ms(st));
		atomic_store(&st->fell_age_ms, store_age_ms(st));
	}
	if (below != atomic_exchange(&st->below_floor, below))
		store_say(st,
		    below ? "%llu bytes are free, beyond what is still to be "
			    "written, below the floor of %llu: nothing is "
			    "accepted until there is room"
			  : "%llu bytes are free, beyond what is still to be "
			    "written, above the floor of %llu: accepting again",
		    (unsigned long long)left, (unsigned long long)floor);
}

int
store_refuse_full(struct store *st, struct err *err)
{
	return err_set(err, ERR_FULL,
	    "less space is free than the floor of %llu bytes",
	    (unsigned long long)st->limits.floor);
}

/* By the last look: what the log grew since counts, too. */
static bool
has_room(struct store *st, uint64_t put, uint64_t bytes, uint64_t floor)
{
	/* In this order: of an older look more has come since. */
	uint64_t was = atomic_load(&st->left_put);
	uint64_t left = atomic_load(&st->bytes_left);

	bytes += put > was ? put - was : 0;
	/* Once in the log, and once in the tables. */
	return left >= floor && (left - floor) / 2 >= bytes;
}

int
store_check_room(
    struct store *st, uint64_t bytes, size_t n, bool own, struct err *err)
{
	uint64_t floor = own ? st->limits.floor / 2 : st->limits.floor;
	uint64_t was = atomic_load(&st->left_put), put, on_disk;

	bytes += n * EVENT_ROOM;
	if (bdb_log_ends(st->db, &put, &on_disk, err) < 0)
		return -1;
	/* A look may hang while writes do not: a little more needs none. */
	if (put < was || put - was + bytes > st->limits.floor / 4 ||
	    !has_room(st, put, bytes, floor))
		store_measure_room(st);
	return has_room(st, put, bytes, floor) ? 0 : store_refuse_full(st, err);
}

bool
store_is_short_of_room(struct store *st)
{
	return atomic_load(&st->bytes_free) <
	       2 * st->limits.floor + st->opt.ballast;
}

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

void
store_explain_full(const char *dir, const char *then, struct err *err)
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
	store_explain_full(
	    st->opt.dir, "the store accepts again by itself then", &why);
	store_say(st, "%s", why.text);
}

void
store_room(struct store *st, struct store_room *out)
{
	out->free = atomic_load(&st->bytes_left);
	out->floor = st->limits.floor;
	out->below = atomic_load(&st->below_floor);
	out->fell_ms = atomic_load(&st->fell_ms);
	out->fell_age_ms = atomic_load(&st->fell_age_ms);
}
