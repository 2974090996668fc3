/* owner.c: whose store it is, and the lock that says who owns it now. */
#include "lib/owner/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/base/harden.h"
#include "lib/base/owner_dir.h"
#include "lib/base/process.h"
#include "lib/base/util.h"
#include "lib/base/version.h"
#include "lib/owner/frame.h"

#define LOCK_FILE "lock"
#define LOCK_TRIES 3 /* how often the file may be removed under us */
#define RECORD_SIZE 256 /* of the lock file; never another one */

static const struct {
	enum owner_role role;
	const char *word;
} roles[] = {
	{ OWNER_FASTCGI, "fastcgi" },
	{ OWNER_STORE, "store" },
	{ OWNER_OFFLINE, "offline" },
};

const char *
owner_role_word(enum owner_role role)
{
	size_t i;

	for (i = 0; i < NITEMS(roles); i++)
		if (roles[i].role == role)
			return roles[i].word;
	return "unknown";
}

static int
parse_role(const char *word, enum owner_role *role, struct err *err)
{
	size_t i;

	for (i = 0; i < NITEMS(roles); i++)
		if (strcmp(roles[i].word, word) == 0) {
			*role = roles[i].role;
			return 0;
		}
	return err_set(err, ERR_INPUT, "\"%s\" is no role of an owner", word);
}

bool
owner_same(const struct owner_info *a, const struct owner_info *b)
{
	return a->pid != 0 && a->pid == b->pid && a->started == b->started;
}

int
owner_info_from(const struct frame_greeting *greeting, struct owner_info *out,
    struct err *err)
{
	struct owner_info info = { 0 };

	if (parse_role(greeting->role, &info.role, err) < 0)
		return -1;
	info.pid = greeting->pid;
	info.started = greeting->started;
	memcpy(info.version, greeting->version, sizeof(info.version));
	memcpy(info.build, greeting->build, sizeof(info.build));
	*out = info;
	return 0;
}

int
owner_info_self(
    enum owner_role role, struct frame_greeting *out, struct err *err)
{
	struct frame_greeting self = { 0 };

	self.pid = getpid();
	if (process_started(self.pid, &self.started, err) < 0)
		return -1;
	snprintf(self.version, sizeof(self.version), "%s", version_release());
	snprintf(self.build, sizeof(self.build), "%s", version_build());
	snprintf(self.role, sizeof(self.role), "%s", owner_role_word(role));
	*out = self;
	return 0;
}

/* --- whose store ---------------------------------------------------------- */

#define NAME_SIZE 64

/* The name of a user as a shell and sudo take it. */
static void
user_name(uid_t uid, char name[NAME_SIZE])
{
	char room[4096];
	struct passwd pw, *found = NULL;

	if (getpwuid_r(uid, &pw, room, sizeof(room), &found) == 0 &&
	    found != NULL)
		snprintf(name, NAME_SIZE, "%s", pw.pw_name);
	else
		snprintf(name, NAME_SIZE, "'#%lu'", (unsigned long)uid);
}

static int
refuse_user(const char *dir, uid_t owner, struct err *err)
{
	char is[NAME_SIZE], should[NAME_SIZE];

	user_name(geteuid(), is);
	user_name(owner, should);
	/* A web server has started it, and starts it the same way again. */
	if (strcmp(program_invocation_short_name, "eyelet.fcgi") == 0)
		return err_set(err, ERR_DENIED,
		    "the store %s belongs to %s, and this runs as %s: give the "
		    "store to %s, as eyelet-store(8) shows under \"Another "
		    "user\", or have eyelet.fcgi started as %s",
		    dir, should, is, is, should);
	return err_set(err, ERR_DENIED,
	    "the store %s belongs to %s, and this runs as %s: use \"sudo -u "
	    "%s %s ...\"",
	    dir, should, is, should, program_invocation_short_name);
}

int
owner_check_user(const char *dir, struct err *err)
{
	struct stat st;
	int fd = owner_dir_find(dir, &st, err);

	if (fd < 0)
		return -1;
	close(fd);
	if (geteuid() != 0 && geteuid() != st.st_uid)
		return refuse_user(dir, st.st_uid, err);
	return 0;
}

int
owner_become_user(const char *dir, struct err *err)
{
	struct stat st;
	int fd = owner_dir_find(dir, &st, err);

	if (fd < 0)
		return -1;
	close(fd);
	if (geteuid() == st.st_uid)
		return 0;
	if (geteuid() != 0)
		return refuse_user(dir, st.st_uid, err);
	if (harden_become(NULL, st.st_uid, st.st_gid, err) < 0)
		return err_wrap(err, "become the owner of %s", dir);
	return 0;
}

/* --- the lock ------------------------------------------------------------- */

struct owner_lock {
	int dir_fd, file_fd;
};

/*
 * The file holds a greeting and line ends up to RECORD_SIZE, in place of what
 * stood there: no write ever needs room on the disk but the very first.
 */
static void
write_record(int fd, struct span text)
{
	char record[RECORD_SIZE];

	memset(record, '\n', sizeof(record));
	if (text.len > 0)
		memcpy(record, text.ptr, text.len);
	/*
	 * Who cannot write here owns the store all the same; others then see
	 * an owner whose pid is not known.
	 */
	if (pwrite(fd, record, sizeof(record), 0) < 0)
		return;
}

static int
name_holder(int fd, enum owner_role role, struct err *err)
{
	struct buf text = BUF_INIT(RECORD_SIZE);
	struct frame_greeting self;
	int ret = -1;

	if (owner_info_self(role, &self, err) < 0 ||
	    frame_put_greeting(&self, &text, err) < 0)
		goto out;
	write_record(fd, buf_span(&text));
	ret = 0;
out:
	buf_free(&text);
	return ret;
}

/*
 * Who the file says holds the lock. Between taking the lock and writing
 * there, an owner leaves the words of the one before: so a process that is
 * gone is not named. pid 0 then.
 */
static void
read_record(int fd, struct owner_info *holder)
{
	struct frame_greeting greeting;
	unsigned long long started;
	char record[RECORD_SIZE];
	struct err ignored;
	ssize_t n = pread(fd, record, sizeof(record), 0);

	memset(holder, 0, sizeof(*holder));
	if (n <= 0 ||
	    frame_get_greeting(
		span_of(record, (size_t)n), &greeting, &ignored) < 0 ||
	    process_started(greeting.pid, &started, &ignored) < 0 ||
	    started != greeting.started)
		return;
	if (owner_info_from(&greeting, holder, &ignored) < 0)
		memset(holder, 0, sizeof(*holder));
}

/* Whoever may write in it may hold the lock, and so keep the store shut. */
static int
guard_lock_file(const char *dir, struct err *err)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/" LOCK_FILE, dir) >=
	    (int)sizeof(path))
		return 0;
	return guard_path(path, GUARD_SPARE, err);
}

/* 1: got it, 0: somebody else has it, -1. */
static int
lock_whole_file(int fd, struct err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES)
		return 0;
	return err_errno(err, errno, "lock \"" LOCK_FILE "\"");
}

static int
lock_folder(int fd, struct err *err)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 1;
	if (errno == EWOULDBLOCK)
		return 0;
	return err_errno(err, errno, "lock the folder");
}

static int
open_lock_file(int dir_fd, uid_t owner, struct err *err)
{
	struct stat st;
	int fd = openat(dir_fd, LOCK_FILE,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, errno, "open \"" LOCK_FILE "\"");
	if (fstat(fd, &st) < 0) {
		err_errno(err, errno, "stat \"" LOCK_FILE "\"");
	} else if (!S_ISREG(st.st_mode) || st.st_uid != owner) {
		err_set(err, ERR_DENIED,
		    "\"" LOCK_FILE "\" is not a file of the folder's owner: "
		    "remove it");
	} else {
		return fd;
	}
	close(fd);
	return -1;
}

/* 1: got it, 0: somebody else has it, 2: the file was removed meanwhile. */
static int
lock_once(int dir_fd, uid_t owner, enum owner_role role, int *file_fd,
    struct owner_info *holder, struct err *err)
{
	int fd = open_lock_file(dir_fd, owner, err);
	struct stat st;
	int got = -1;

	if (fd < 0)
		return -1;
	got = lock_whole_file(fd, err);
	if (got == 1 && fstat(fd, &st) == 0 && st.st_nlink == 0)
		got = 2;
	if (got == 1)
		got = lock_folder(dir_fd, err);
	if (got == 1 && name_holder(fd, role, err) < 0)
		got = -1;
	if (got == 0 && holder != NULL)
		read_record(fd, holder);
	if (got == 1)
		*file_fd = fd;
	else
		close(fd);
	return got;
}

int
owner_lock_try(const char *dir, enum owner_role role, struct owner_lock **out,
    struct owner_info *holder, struct err *err)
{
	struct owner_lock *lock = NULL;
	int dir_fd = -1, file_fd = -1, got = 2, tries, ret = -1;
	struct stat st;

	dir_fd = owner_dir_open(dir, &st, err);
	if (dir_fd < 0)
		goto out;
	if (guard_lock_file(dir, err) < 0)
		goto out;
	for (tries = 0; tries < LOCK_TRIES && got == 2; tries++)
		got = lock_once(dir_fd, st.st_uid, role, &file_fd, holder, err);
	if (got < 0)
		goto out;
	if (got == 2) {
		err_set(
		    err, ERR_IO, "somebody keeps removing \"" LOCK_FILE "\"");
		goto out;
	}
	if (got == 1) {
		lock = malloc(sizeof(*lock));
		if (lock == NULL) {
			err_set(err, ERR_NOMEM, "no memory for the lock");
			goto out;
		}
		lock->dir_fd = dir_fd;
		lock->file_fd = file_fd;
		dir_fd = file_fd = -1;
	}
	*out = lock;
	ret = 0;
out:
	if (ret < 0)
		err_wrap(err, "own the store %s", dir);
	if (file_fd >= 0)
		close(file_fd);
	if (dir_fd >= 0)
		close(dir_fd);
	return ret;
}

void
owner_lock_drop(struct owner_lock *lock)
{
	if (lock == NULL)
		return;
	write_record(lock->file_fd, SPAN_EMPTY);
	close(lock->file_fd);
	close(lock->dir_fd);
	free(lock);
}

bool
owner_lock_look(struct owner_lock *lock, enum owner_role role)
{
	struct stat named, ours, dir;
	struct err ignored = ERR_INIT;
	int fd;

	if (fstat(lock->file_fd, &ours) < 0 || fstat(lock->dir_fd, &dir) < 0)
		return false;
	if (fstatat(lock->dir_fd, LOCK_FILE, &named, AT_SYMLINK_NOFOLLOW) ==
		0 &&
	    named.st_dev == ours.st_dev && named.st_ino == ours.st_ino)
		return false;
	fd = open_lock_file(lock->dir_fd, dir.st_uid, &ignored);
	if (fd < 0)
		return false;
	/* Another one may be trying at it: then the next look gets it. */
	if (lock_whole_file(fd, &ignored) != 1 ||
	    name_holder(fd, role, &ignored) < 0) {
		close(fd);
		return false;
	}
	close(lock->file_fd);
	lock->file_fd = fd;
	return true;
}

int
owner_holder(
    const char *dir, struct owner_info *holder, bool *held, struct err *err)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int dir_fd, fd = -1, ret = -1;
	struct stat st;

	dir_fd = owner_dir_find(dir, &st, err);
	if (dir_fd < 0)
		return -1;
	fd = openat(
	    dir_fd, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		*held = false;
		ret = 0;
		goto out;
	}
	if (fd < 0 && errno == ELOOP) {
		guard_lock_file(dir, err);
		goto out;
	}
	if (fd < 0 || fcntl(fd, F_OFD_GETLK, &whole) < 0) {
		err_errno(err, errno, "ask for the lock of %s", dir);
		goto out;
	}
	*held = whole.l_type != F_UNLCK;
	if (*held)
		read_record(fd, holder);
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	close(dir_fd);
	return ret;
}
