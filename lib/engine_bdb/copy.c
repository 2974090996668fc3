/* copy.c: tells a copy of a store by the birth time of its store.id. */
#include "lib/store/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/engine_bdb/impl.h"

#define ID_FILE "store.id"
#define ID_WORD "eyelet-store.id"
#define ID_FORMAT 1
#define NO_BIRTH "unknown"
#define BIRTH_WIDTH 32 /* a line never changes its length */
#define TICK_TRIES 50
#define TICK_NS 1000000

/* A file's birth time and its number of names, as the kernel tells them. */
struct birth {
	bool known;
	int64_t s;
	uint32_t ns;
	uint32_t links;
};

struct store_copy_watch {
	pthread_mutex_t mutex;
	struct store_copy now;
	atomic_bool held; /* now.held, without the mutex */
};

static const struct {
	enum store_copy_state state;
	const char *word;
} words[] = {
	{ STORE_COPY_YES, "yes" },
	{ STORE_COPY_LINKED, "linked" },
	{ STORE_COPY_UNSURE, "unsure" },
	{ STORE_COPY_NO, "no" },
};

const char *
store_copy_word(enum store_copy_state state)
{
	size_t i = 0;

	while (words[i].state != state)
		i++;
	return words[i].word;
}

/* --- the file ------------------------------------------------------------- */

static int
get_birth(int fd, struct birth *out, struct err *err)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_BTIME | STATX_NLINK, &sx) < 0)
		return err_errno(err, errno, ID_FILE);
	memset(out, 0, sizeof(*out));
	out->links = sx.stx_nlink;
	/* Some file systems say that they know it, and give 1970. */
	out->known = (sx.stx_mask & STATX_BTIME) != 0 &&
		     (sx.stx_btime.tv_sec != 0 || sx.stx_btime.tv_nsec != 0);
	if (out->known) {
		out->s = sx.stx_btime.tv_sec;
		out->ns = sx.stx_btime.tv_nsec;
	}
	return 0;
}

static bool
same_birth(const struct birth *a, const struct birth *b)
{
	return a->known == b->known && a->s == b->s && a->ns == b->ns;
}

/* Writes the line in place; it always has the same length. */
static int
write_line(int fd, const char *id, const struct birth *b, struct err *err)
{
	char birth[BIRTH_WIDTH + 1] = NO_BIRTH, line[128];
	int len;

	if (b->known)
		snprintf(birth, sizeof(birth), "%" PRId64 ".%09" PRIu32, b->s,
		    b->ns);
	len = snprintf(line, sizeof(line), ID_WORD " %d %s %-*s\n", ID_FORMAT,
	    id, BIRTH_WIDTH, birth);
	errno = ENOSPC;
	if (pwrite(fd, line, (size_t)len, 0) != len || fsync(fd) < 0)
		return err_errno(err, errno, "write " ID_FILE);
	return 0;
}

/*
 * Two files that are made within one tick of the kernel's clock have the same
 * birth time. So no copy can be made before the next tick.
 */
static void
wait_for_tick(const struct birth *b)
{
	struct timespec now, pause = { 0, TICK_NS };
	int i;

	for (i = 0; b->known && i < TICK_TRIES; i++) {
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		if (now.tv_sec > b->s ||
		    (now.tv_sec == b->s && now.tv_nsec > b->ns))
			return;
		nanosleep(&pause, NULL);
	}
}

int
store_write_id(const char *dir, const char *id, struct err *err)
{
	char *path = NULL, *temp = NULL;
	struct birth b = { .known = false };
	int fd = -1, ret = -1;

	if (asprintf(&path, "%s/" ID_FILE, dir) < 0 ||
	    asprintf(&temp, "%s/" ID_FILE ".new", dir) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	/* A new file, not the one that an interrupted run may have left. */
	(void)unlink(temp);
	fd = open(
	    temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_errno(err, errno, "make %s", temp);
		goto out;
	}
	if (get_birth(fd, &b, err) < 0 || write_line(fd, id, &b, err) < 0)
		goto out;
	if (rename(temp, path) < 0) {
		err_errno(err, errno, "rename %s", temp);
		goto out;
	}
	wait_for_tick(&b);
	ret = files_sync_folder(dir, err);
out:
	if (fd >= 0)
		close(fd);
	free(path);
	free(temp);
	return ret;
}

/*
 * Opens it for writing where that is allowed: an overlay then copies a file of
 * its lower layer up, so that a store that came with an image is seen to be a
 * copy. Nothing is written.
 */
static int
open_id(const char *dir, struct err *err)
{
	char *path;
	int fd;

	if (asprintf(&path, "%s/" ID_FILE, dir) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 && (errno == EACCES || errno == EROFS || errno == EPERM))
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		err_errno(err, errno, "open " ID_FILE);
	free(path);
	return fd;
}

static int
read_line(int fd, const char *id, struct birth *out, struct err *err)
{
	char line[128] = "", is[33] = "", birth[BIRTH_WIDTH + 1] = "", end = 0;
	unsigned format = 0;

	memset(out, 0, sizeof(*out));
	if (pread(fd, line, sizeof(line) - 1, 0) < 0)
		return err_errno(err, errno, "read " ID_FILE);
	if (sscanf(line, ID_WORD " %u %32[0-9a-f] %32s %c", &format, is, birth,
		&end) != 3 ||
	    format != ID_FORMAT)
		return err_set(err, ERR_CORRUPT, ID_FILE " is damaged");
	if (strcmp(is, id) != 0)
		return err_set(
		    err, ERR_CORRUPT, ID_FILE " is of another store");
	if (strcmp(birth, NO_BIRTH) == 0)
		return 0;
	if (sscanf(birth, "%" SCNd64 ".%9" SCNu32 "%c", &out->s, &out->ns,
		&end) != 2)
		return err_set(err, ERR_CORRUPT, ID_FILE " is damaged");
	out->known = true;
	return 0;
}

/* --- judging -------------------------------------------------------------- */

static void
is_not_alone(const struct birth *is, struct store_copy *out)
{
	out->state = STORE_COPY_LINKED;
	snprintf(out->why, sizeof(out->why),
	    ID_FILE " has %u names: another folder shares the files of this "
		    "store by hard links",
	    (unsigned)is->links);
}

static void
is_copied(
    const struct birth *was, const struct birth *is, struct store_copy *out)
{
	char then[TEXT_TIME_MAX], now[TEXT_TIME_MAX];

	out->state = STORE_COPY_YES;
	text_time(then, was->s * 1000 + was->ns / 1000000);
	text_time(now, is->s * 1000 + is->ns / 1000000);
	snprintf(out->why, sizeof(out->why),
	    "this " ID_FILE " was made at %s, the store's own one at %s", now,
	    then);
}

static int
judge(int fd, const char *id, struct store_copy *out, struct err *err)
{
	struct birth was, is;

	if (get_birth(fd, &is, err) < 0)
		return -1;
	if (is.known)
		out->mark = (uint64_t)is.s * 1000000000U + is.ns;
	if (read_line(fd, id, &was, err) < 0)
		return -1;
	if (is.links > 1) {
		is_not_alone(&is, out);
	} else if (!is.known) {
		out->state = STORE_COPY_UNSURE;
		snprintf(out->why, sizeof(out->why),
		    "the file system tells no birth times: a copy of the "
		    "store would not be noticed");
	} else if (was.known && !same_birth(&was, &is)) {
		is_copied(&was, &is, out);
	} else if (!was.known && write_line(fd, id, &is, err) < 0) {
		out->state = STORE_COPY_UNSURE;
		snprintf(out->why, sizeof(out->why), "%.*s",
		    STORE_COPY_WHY_MAX - 1, err->text);
	} else {
		out->state = STORE_COPY_NO;
	}
	return 0;
}

/* Takes an unreadable store.id for a copy. The store accepts all the same. */
static void
look(struct store *st, struct store_copy *out)
{
	struct err err = ERR_INIT;
	int fd;

	memset(out, 0, sizeof(*out));
	out->mark = 1;
	fd = open_id(st->opt.dir, &err);
	if (fd < 0 || judge(fd, st->id, out, &err) < 0) {
		out->state = STORE_COPY_YES;
		snprintf(out->why, sizeof(out->why), "%.*s",
		    STORE_COPY_WHY_MAX - 1,
		    err.code == ERR_NOTFOUND ? ID_FILE " is missing"
					     : err.text);
	}
	if (fd >= 0)
		close(fd);
	out->held =
	    (out->state == STORE_COPY_YES || out->state == STORE_COPY_LINKED) &&
	    !st->opt.deliver_copies;
}

/* --- the store's --------------------------------------------------------- */

int
store_copy_open(struct store *st, struct err *err)
{
	struct store_copy_watch *cw = calloc(1, sizeof(*cw));

	if (cw == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a store");
	pthread_mutex_init(&cw->mutex, NULL);
	st->copy = cw;
	look(st, &cw->now);
	atomic_store(&cw->held, cw->now.held);
	if (cw->now.state == STORE_COPY_UNSURE)
		store_say(st, "%s", cw->now.why);
	else if (cw->now.state != STORE_COPY_NO && !cw->now.held)
		store_say(st,
		    "this store is a copy (%s); it delivers, as "
		    "deliver.copied says",
		    cw->now.why);
	return 0;
}

void
store_copy_close(struct store *st)
{
	if (st->copy == NULL)
		return;
	pthread_mutex_destroy(&st->copy->mutex);
	free(st->copy);
	st->copy = NULL;
}

void
store_copy(struct store *st, struct store_copy *out)
{
	pthread_mutex_lock(&st->copy->mutex);
	*out = st->copy->now;
	pthread_mutex_unlock(&st->copy->mutex);
}

bool
store_holds_deliveries(struct store *st)
{
	return atomic_load(&st->copy->held);
}

int
store_refuse_held(struct store *st, struct err *err)
{
	struct store_copy now;

	store_copy(st, &now);
	return err_set(err, ERR_HELD,
	    "deliveries are held, as the store is a copy (%s): look at it "
	    "with eyelet-store status; eyelet-store adopt lets them go",
	    now.why);
}

/* The mutex is held. */
static void
look_again(struct store *st)
{
	struct store_copy_watch *cw = st->copy;
	struct store_copy now;

	look(st, &now);
	now.held = now.held && cw->now.held;
	cw->now = now;
	atomic_store(&cw->held, now.held);
}

void
store_copy_look(struct store *st)
{
	pthread_mutex_lock(&st->copy->mutex);
	look_again(st);
	pthread_mutex_unlock(&st->copy->mutex);
}

int
store_adopt(struct store *st, struct err *err)
{
	struct store_copy_watch *cw = st->copy;
	int ret = -1;

	pthread_mutex_lock(&cw->mutex);
	look_again(st);
	if (cw->now.state == STORE_COPY_LINKED)
		err_set(err, ERR_CONFLICT,
		    "%s; remove the other folder, or make a real copy of this "
		    "one (cp -a) while no process has it open",
		    cw->now.why);
	else if (cw->now.state != STORE_COPY_YES)
		ret = 0;
	else if (store_write_id(st->opt.dir, st->id, err) == 0) {
		look_again(st);
		ret = 0;
	}
	pthread_mutex_unlock(&cw->mutex);
	return ret;
}
