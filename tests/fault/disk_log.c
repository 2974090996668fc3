/* disk_log.c: reads the log of writes and takes back what no sync covered. */
#include "config.h"

#include "tests/fault/disk.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TORN_PIECE 512
#define PIECE 4096

enum fate {
	PENDING, /* zero: no sync since */
	LOST, /* a sync failed since */
	DURABLE,
	DROPPED /* taken back already */
};

struct entry {
	const struct disk_record *rec;
	const char *path, *other; /* not terminated */
	const unsigned char *old;
	uint64_t at; /* place in the log */
	enum fate fate;
};

struct log {
	const char *dir;
	unsigned char *map;
	size_t size; /* of the file */
	size_t len; /* of what counts */
	struct entry *entries;
	size_t n;
};

static bool
is_name(const struct disk_record *rec)
{
	return rec->kind == DISK_CREATE || rec->kind == DISK_UNLINK ||
	       rec->kind == DISK_RENAME;
}

static bool
is_data(const struct disk_record *rec)
{
	return rec->kind == DISK_WRITE || rec->kind == DISK_TRUNCATE;
}

static bool
parse(struct log *log)
{
	size_t at = 0, room = 0;

	while (log->len - at >= sizeof(struct disk_record)) {
		const struct disk_record *rec = (const void *)(log->map + at);
		uint64_t size = sizeof(*rec) + rec->path_len + rec->other_len +
				rec->old_len;
		struct entry *e;

		if (rec->magic != DISK_MAGIC || rec->path_len > PATH_MAX ||
		    rec->other_len > PATH_MAX) {
			fprintf(stderr, "disk: no record at %zu\n", at);
			return false;
		}
		size = (size + 7) & ~(uint64_t)7;
		if (size > log->len - at) {
			fprintf(stderr, "disk: half a record at %zu\n", at);
			return false;
		}
		if (log->n == room) {
			room = room * 2 + 1024;
			e = realloc(log->entries, room * sizeof(*e));
			if (e == NULL)
				return false;
			log->entries = e;
		}
		e = &log->entries[log->n++];
		memset(e, 0, sizeof(*e));
		e->rec = rec;
		e->path = (const char *)(rec + 1);
		e->other = e->path + rec->path_len;
		e->old = (const unsigned char *)e->other + rec->other_len;
		e->at = at;
		at += size;
	}
	return true;
}

/* Walks back from each sync: what was settled before needs no second look. */
static void
settle(struct log *log, size_t sync)
{
	const struct disk_record *s = log->entries[sync].rec;
	size_t i;

	for (i = sync; i-- > 0;) {
		struct entry *e = &log->entries[i];

		if (e->rec->ino != s->ino)
			continue;
		if (e->rec->kind == DISK_SYNC && s->kind == DISK_SYNC &&
		    e->fate == DURABLE)
			break; /* an earlier sync with nothing lost before it */
		if (!(is_data(e->rec) || is_name(e->rec)) || e->at >= s->offset)
			continue;
		if (s->kind == DISK_SYNC && e->fate == PENDING)
			e->fate = DURABLE;
		else if (s->kind == DISK_LOST && e->fate == PENDING &&
			 is_data(e->rec)) /* names stay dirty */
			e->fate = LOST;
		else if (s->kind == DISK_DROPPED && e->fate == LOST)
			e->fate = DROPPED;
	}
}

static void
settle_all(struct log *log)
{
	size_t i;

	for (i = 0; i < log->n; i++) {
		unsigned kind = log->entries[i].rec->kind;

		if (kind == DISK_SYNC || kind == DISK_LOST ||
		    kind == DISK_DROPPED)
			settle(log, i);
		/*
		 * A sync that began after every earlier record of its file
		 * ends the walk of later ones.
		 */
		if (kind == DISK_SYNC &&
		    log->entries[i].rec->offset == log->entries[i].at)
			log->entries[i].fate = DURABLE;
	}
}

static uint64_t
mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	return x ^ x >> 33;
}

/* Did this piece reach the disk although nothing synced it? */
static bool
survives(const struct log *log, const struct disk_undo *undo,
    const struct entry *e, uint64_t piece)
{
	if (e->fate == DURABLE || e->fate == DROPPED)
		return true;
	if (undo->only_lost != 0)
		return !(e->fate == LOST && e->rec->ino == undo->only_lost);
	if (e->fate == LOST || undo->model == DISK_NONE)
		return false;
	/* Journalling file systems keep names in order: a prefix always. */
	if (undo->model == DISK_PREFIX || is_name(e->rec))
		return e->at < mix(undo->seed) % (log->len + 1);
	return (mix(undo->seed ^ mix(e->at + piece)) & 1) != 0;
}

static uint64_t
piece_of(const struct disk_undo *undo)
{
	return undo->model == DISK_TORN ? TORN_PIECE : PIECE;
}

/*
 * Does a later write that is left cover the byte at offset? The answer holds
 * up to *until, at most end.
 */
static bool
covered(const struct log *log, const struct disk_undo *undo, size_t after,
    uint64_t offset, uint64_t end, uint64_t *until)
{
	const struct entry *e = &log->entries[after];
	size_t i;

	*until = end;
	for (i = after + 1; i < log->n; i++) {
		const struct entry *l = &log->entries[i];
		uint64_t from = l->rec->offset, to = from + l->rec->len;

		if (l->rec->kind != DISK_WRITE || l->rec->ino != e->rec->ino ||
		    to <= offset || from >= end ||
		    !survives(log, undo, l, offset / piece_of(undo)))
			continue;
		if (from <= offset) {
			*until = to < end ? to : end;
			return true;
		}
		if (from < *until)
			*until = from;
	}
	return false;
}

static bool
same_name(const char *a, uint32_t a_len, const char *b, uint32_t b_len)
{
	return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Opens the file of a record, under the name that later renames left it. */
static int
open_file(const struct log *log, const struct disk_undo *undo, size_t i)
{
	const struct entry *e = &log->entries[i];
	const char *name = e->path;
	uint32_t len = e->rec->path_len;
	char path[PATH_MAX + 1];
	struct stat st;
	size_t k;
	int fd;

	for (k = i + 1; k < log->n; k++) {
		const struct entry *l = &log->entries[k];

		if (l->rec->kind == DISK_RENAME &&
		    same_name(l->path, l->rec->path_len, name, len) &&
		    survives(log, undo, l, 0)) {
			name = l->other;
			len = l->rec->other_len;
		}
	}
	memcpy(path, name, len);
	path[len] = '\0';
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_ino != e->rec->ino)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void
put(int fd, const unsigned char *bytes, uint64_t len, uint64_t at)
{
	if (pwrite(fd, bytes, len, (off_t)at) != (ssize_t)len)
		perror("disk: cannot write back");
}

/* Writes back, piece by piece, what the record at i replaced. */
static void
undo_data(const struct log *log, struct disk_undo *undo, size_t i, int fd)
{
	static const unsigned char zeros[PIECE];
	const struct entry *e = &log->entries[i];
	uint64_t step = piece_of(undo), at = e->rec->offset;
	uint64_t end = at + (e->rec->kind == DISK_TRUNCATE ? e->rec->old_len
							   : e->rec->len);
	struct stat st;

	while (at < end) {
		uint64_t piece = at / step, to = (piece + 1) * step, until;
		uint64_t had = e->rec->offset + e->rec->old_len;

		if (to > end)
			to = end;
		if (e->rec->kind == DISK_TRUNCATE)
			piece = 0; /* all of it or nothing */
		undo->pending++;
		if (survives(log, undo, e, piece)) {
			at = to;
			continue;
		}
		undo->undone++;
		for (; at < to; at = until) {
			if (covered(log, undo, i, at, to, &until))
				continue;
			if (at < had && until > had)
				until = had;
			if (at < had)
				put(fd, e->old + (at - e->rec->offset),
				    until - at, at);
			else if (fstat(fd, &st) == 0 &&
				 at < (uint64_t)st.st_size)
				put(fd, zeros, until - at, at);
		}
	}
}

/* The size that the writes which are left give a file. */
static void
restore_size(
    const struct log *log, const struct disk_undo *undo, size_t first, int fd)
{
	const struct entry *e = &log->entries[first];
	uint64_t size = e->rec->old_size, step = piece_of(undo), to, p;
	size_t i;

	for (i = first; i < log->n; i++) {
		const struct entry *l = &log->entries[i];

		if (l->rec->ino != e->rec->ino)
			continue;
		if (l->rec->kind == DISK_TRUNCATE && survives(log, undo, l, 0))
			size = l->rec->offset;
		if (l->rec->kind != DISK_WRITE || l->rec->len == 0)
			continue;
		to = l->rec->offset + l->rec->len;
		for (p = l->rec->offset / step; p * step < to; p++)
			if (survives(log, undo, l, p) && size < to)
				size =
				    (p + 1) * step < to ? (p + 1) * step : to;
	}
	if (ftruncate(fd, (off_t)size) < 0)
		perror("disk: cannot restore a size");
}

static bool
is_first_of_file(const struct log *log, size_t i)
{
	size_t k;

	for (k = 0; k < i; k++)
		if (is_data(log->entries[k].rec) &&
		    log->entries[k].rec->ino == log->entries[i].rec->ino &&
		    log->entries[k].fate != DURABLE)
			return false;
	return true;
}

static void
undo_name(const struct log *log, struct disk_undo *undo, const struct entry *e)
{
	char path[PATH_MAX + 1], other[PATH_MAX + 1], grave[PATH_MAX + 64];

	memcpy(path, e->path, e->rec->path_len);
	path[e->rec->path_len] = '\0';
	memcpy(other, e->other, e->rec->other_len);
	other[e->rec->other_len] = '\0';
	snprintf(grave, sizeof(grave), "%s/grave/%llu", log->dir,
	    (unsigned long long)e->rec->len);
	undo->names++;
	if (e->rec->kind == DISK_CREATE) {
		if (unlink(path) < 0)
			rmdir(path);
		return;
	}
	if (e->rec->kind == DISK_RENAME && rename(other, path) < 0)
		perror(other);
	if (e->rec->len != 0 &&
	    link(grave, e->rec->kind == DISK_RENAME ? other : path) < 0)
		perror(grave);
}

/* Maps a file of the log's folder; NULL when it is empty or cannot be had. */
static void *
map_file(const char *dir, const char *name, size_t *len)
{
	char path[PATH_MAX + 64];
	void *map = NULL;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		perror(path);
	else if ((*len = (size_t)st.st_size) > 0)
		map = mmap(NULL, *len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED) {
		perror(path);
		map = NULL;
	}
	if (fd >= 0)
		close(fd);
	return map;
}

static bool
load(struct log *log)
{
	struct disk_control *control;
	size_t len = 0;

	control = map_file(log->dir, "control", &len);
	if (control == NULL)
		return false;
	log->map = map_file(log->dir, "log", &log->size);
	log->len = (size_t)control->log_end;
	munmap(control, len);
	if (log->len > log->size) {
		fprintf(stderr, "disk: the log is shorter than its end\n");
		return false;
	}
	return log->len == 0 || parse(log);
}

bool
disk_log_undo(const char *dir, struct disk_undo *undo)
{
	struct log log = { .dir = dir };
	bool ok = load(&log);
	size_t i;

	if (ok)
		settle_all(&log);
	for (i = log.n; ok && i-- > 0;) {
		struct entry *e = &log.entries[i];
		int fd;

		if (e->fate == DURABLE || e->fate == DROPPED)
			continue;
		if (is_name(e->rec) && !survives(&log, undo, e, 0))
			undo_name(&log, undo, e);
		if (!is_data(e->rec) || (fd = open_file(&log, undo, i)) < 0)
			continue;
		undo_data(&log, undo, i, fd);
		if (undo->only_lost == 0 && is_first_of_file(&log, i))
			restore_size(&log, undo, i, fd);
		close(fd);
	}
	free(log.entries);
	if (log.map != NULL)
		munmap(log.map, log.size);
	return ok;
}
