/* judge.c: each page that the library reads is judged first. */
#include "lib/bdb/impl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bdb/page.h"

/*
 * The library's hooks take no argument; see bdb.c. Which pages were found bad
 * stays known after the environment is closed, until another is made.
 */
static struct {
	_Atomic int judging; /* enum bdb_judging */
	pthread_mutex_t mutex; /* of what follows */
	dev_t dev; /* of the home */
	ino_t ino;
	char files[BDB_DAMAGED_MAX][BDB_FILE_MAX + 1];
	_Atomic size_t n;
} judge_state = { BDB_JUDGE_NOTHING, PTHREAD_MUTEX_INITIALIZER, 0, 0, { { 0 } },
	0 };

#define LOOKS 6 /* at a page that may be being written; 63 ms in all */

static _Thread_local bool judges_apart, copies;
static _Thread_local int failed_fd = -1; /* its pread failed just now */

void
bdb_judge_apart(bool apart)
{
	judges_apart = apart;
}

void
bdb_judge_copies(bool begins)
{
	copies = begins;
}

/* --- what is damaged ------------------------------------------------------ */

size_t
bdb_damaged(char files[][BDB_FILE_MAX + 1], size_t max)
{
	size_t n;

	if (files == NULL)
		return atomic_load(&judge_state.n);
	pthread_mutex_lock(&judge_state.mutex);
	n = judge_state.n < max ? judge_state.n : max;
	memcpy(files, judge_state.files, n * sizeof(judge_state.files[0]));
	pthread_mutex_unlock(&judge_state.mutex);
	return n;
}

static void
note(const char *file)
{
	size_t i;

	pthread_mutex_lock(&judge_state.mutex);
	for (i = 0; i < judge_state.n; i++)
		if (strcmp(judge_state.files[i], file) == 0)
			break;
	if (i == judge_state.n && i < BDB_DAMAGED_MAX) {
		snprintf(judge_state.files[i], sizeof(judge_state.files[i]),
		    "%s", file);
		judge_state.n++;
	}
	pthread_mutex_unlock(&judge_state.mutex);
}

void
bdb_note_damaged(struct bdb *db, const char *file)
{
	atomic_store(&db->damaged, true);
	note(file);
}

/* The name of a file that is open, if it lies in the home itself. */
static bool
name_of(int fd, char out[BDB_FILE_MAX + 1])
{
	char link[64], path[4096], *slash;
	struct stat sb;
	ssize_t n;
	bool is_home;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return false;
	path[n] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL || slash == path || strlen(slash + 1) > BDB_FILE_MAX)
		return false;
	snprintf(out, BDB_FILE_MAX + 1, "%s", slash + 1);
	*slash = '\0';
	if (stat(path, &sb) < 0)
		return false;
	pthread_mutex_lock(&judge_state.mutex);
	is_home = sb.st_dev == judge_state.dev && sb.st_ino == judge_state.ino;
	pthread_mutex_unlock(&judge_state.mutex);
	return is_home;
}

/* --- reading -------------------------------------------------------------- */

/* Does a read of so much from there get a page of a table? */
static bool
is_a_page(size_t len, off_t at)
{
	return (len == 4096 || len == 8192) && at >= 0 &&
	       at % (off_t)len == 0 &&
	       atomic_load(&judge_state.judging) != BDB_JUDGE_NOTHING &&
	       !judges_apart;
}

/*
 * False: the read must fail. Before recovery is at its end, a page of zeros,
 * or one that is not there, is one that recovery makes; so it is in a copy,
 * which is taken from the file while the page itself may only be in memory.
 */
static bool
judge(int fd, const unsigned char *page, size_t len, ssize_t got, off_t at)
{
	bool serves = atomic_load(&judge_state.judging) == BDB_JUDGE_SERVICE;
	enum page_state state = PAGE_ZERO;
	char file[BDB_FILE_MAX + 1];
	int was = errno;

	if (got < 0)
		state = errno == EIO ? PAGE_DAMAGED : PAGE_WHOLE;
	else if (got == (ssize_t)len)
		state = page_judge(page, len, (uint32_t)(at / (off_t)len));
	if (state == PAGE_WHOLE ||
	    (state == PAGE_ZERO && (!serves || copies)) || !name_of(fd, file)) {
		errno = was;
		return true;
	}
	note(file);
	errno = was;
	return !serves;
}

/*
 * A page that another thread writes meanwhile may be half the old and half the
 * new one: one that is damaged stays so.
 */
static ssize_t
look_again(int fd, void *to, size_t len, ssize_t got, off_t at)
{
	int i;

	for (i = 0; i < LOOKS && got == (ssize_t)len; i++) {
		if (page_judge(to, len, (uint32_t)(at / (off_t)len)) !=
		    PAGE_DAMAGED)
			break;
		poll(NULL, 0, 1 << i);
		got = pread(fd, to, len, at);
	}
	return got;
}

static ssize_t
pread_judged(int fd, void *to, size_t len, off_t at)
{
	ssize_t got = pread(fd, to, len, at);

	if (is_a_page(len, at))
		got = look_again(fd, to, len, got, at);
	if (!is_a_page(len, at) || judge(fd, to, len, got, at))
		return got;
	failed_fd = fd;
	errno = BDB_PAGE_BAD;
	return -1;
}

/*
 * After a pread that failed, the library seeks and reads; a hook for that read
 * would have to take the end of a file for a failure, so it is the seek that
 * fails.
 */
static int
seek_judged(int fd, off_t at, int whence)
{
	bool failed = failed_fd == fd;

	failed_fd = -1;
	if (failed)
		return BDB_PAGE_BAD;
	return lseek(fd, at, whence) < 0 ? errno : 0;
}

void
bdb_judge(enum bdb_judging what, const char *home)
{
	struct stat sb;

	pthread_mutex_lock(&judge_state.mutex);
	if (what == BDB_JUDGE_RECOVERY) {
		judge_state.n = 0;
		judge_state.dev = 0;
		judge_state.ino = 0;
	}
	if (home != NULL && stat(home, &sb) == 0) {
		judge_state.dev = sb.st_dev;
		judge_state.ino = sb.st_ino;
	}
	pthread_mutex_unlock(&judge_state.mutex);
	atomic_store(&judge_state.judging, what);
	db_env_set_func_pread(pread_judged);
	db_env_set_func_seek(seek_judged);
}
