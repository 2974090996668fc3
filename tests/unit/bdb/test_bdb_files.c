/*
 * test_bdb_files.c: files cannot be opened while a store is opened, recovered
 * and mended: no descriptor is left, or the right to one is missing. What
 * cannot be looked at is not taken for absent or damaged: the store says why it
 * does not open, nothing in it changes, and the next process finds all of it.
 */
#include <check.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/util.h"
#include "tests/stand/store_fixture.h"

#define CHILD_S 120
#define EVENTS 3

/* In memory that children share. */
static struct {
	long calls; /* of what opens a file */
	long fails_at; /* 0: none fails */
	bool and_later;
	int with; /* errno */
	enum err_code code; /* of the open that failed */
	char text[512];
} * shared;

static bool
fails(void)
{
	long call = shared == NULL ? 0 : ++shared->calls;
	bool yes = shared != NULL && shared->fails_at != 0 &&
		   (call == shared->fails_at ||
		       (shared->and_later && call > shared->fails_at));

	if (yes)
		errno = shared->with;
	return yes;
}

/* In place of the C library's, for the database library as well. */
#define REAL(name) dlsym(RTLD_NEXT, name)

static int
open_really(const char *which, const char *path, int flags, va_list ap)
{
	int (*real)(const char *, int, ...);
	unsigned mode = (flags & O_CREAT) != 0 ? va_arg(ap, unsigned) : 0;

	*(void **)&real = REAL(which);
	return fails() ? -1 : real(path, flags, mode);
}

static int
openat_really(
    const char *which, int dir, const char *path, int flags, va_list ap)
{
	int (*real)(int, const char *, int, ...);
	unsigned mode = (flags & O_CREAT) != 0 ? va_arg(ap, unsigned) : 0;

	*(void **)&real = REAL(which);
	return fails() ? -1 : real(dir, path, flags, mode);
}

#define OPEN(name)                                        \
	int name(const char *path, int flags, ...);       \
	int name(const char *path, int flags, ...)        \
	{                                                 \
		va_list ap;                               \
		int fd;                                   \
                                                          \
		va_start(ap, flags);                      \
		fd = open_really(#name, path, flags, ap); \
		va_end(ap);                               \
		return fd;                                \
	}
#define OPENAT(name)                                             \
	int name(int dir, const char *path, int flags, ...);     \
	int name(int dir, const char *path, int flags, ...)      \
	{                                                        \
		va_list ap;                                      \
		int fd;                                          \
                                                                 \
		va_start(ap, flags);                             \
		fd = openat_really(#name, dir, path, flags, ap); \
		va_end(ap);                                      \
		return fd;                                       \
	}
#undef open
#undef openat
#undef fopen
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

FILE *
fopen(const char *path, const char *how)
{
	FILE *(*real)(const char *, const char *);

	*(void **)&real = REAL("fopen");
	return fails() ? NULL : real(path, how);
}

FILE *fopen64(const char *path, const char *how);
FILE *
fopen64(const char *path, const char *how)
{
	return fopen(path, how);
}

DIR *
opendir(const char *path)
{
	DIR *(*real)(const char *);

	*(void **)&real = REAL("opendir");
	return fails() ? NULL : real(path);
}

/* The library waits some seconds for a descriptor; in vain here. */
int
select(int n, fd_set *in, fd_set *out, fd_set *bad, struct timeval *for_)
{
	int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *);

	*(void **)&real = REAL("select");
	if (n == 0 && shared != NULL && shared->fails_at != 0)
		return 0;
	return real(n, in, out, bad, for_);
}

/* --- children ------------------------------------------------------------ */

static bool
in_child(bool (*act)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		alarm(CHILD_S);
		_exit(act() ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(
	    WIFEXITED(status), "killed by signal %d", WTERMSIG(status));
	return WEXITSTATUS(status) == EXIT_SUCCESS;
}

/* Leaves work to a recovery: events, and no end. */
static bool
fill(void)
{
	char id[32];
	int i;

	if (store_open(&fx.opt, &fx.st, &fx.err) < 0)
		return false;
	for (i = 0; i < EVENTS; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		if (fx_accept(id, "{}") != STORE_ACCEPTED)
			return false;
	}
	return true;
}

static bool
open_once(void)
{
	bool good;

	shared->calls = 0;
	good = store_open(&fx.opt, &fx.st, &fx.err) == 0;
	shared->code = good ? ERR_NONE : fx.err.code;
	snprintf(shared->text, sizeof(shared->text), "%s", fx.err.text);
	return good;
}

/* As good as new: neither marked nor trimmed nor set aside. */
#define UNTOUCHED                                                 \
	"for f in damaged mended incomplete lost db.damaged; do " \
	"test ! -e \"$1/$f\" || exit 1; done; "                   \
	"test -z \"$(find \"$1\" -name 'aside*')\""

static const struct {
	const char *when;
	int with;
	bool and_later;
	enum err_code want;
} lacks[] = {
	{ "one too many", EMFILE, false, ERR_NOMEM },
	{ "no descriptor is left", EMFILE, true, ERR_NOMEM },
	{ "the system has none", ENFILE, true, ERR_NOMEM },
	{ "no memory in the kernel", ENOMEM, false, ERR_NOMEM },
	{ "one may not be opened", EACCES, false, ERR_DENIED },
	{ "none may be opened", EACCES, true, ERR_DENIED },
};

static long
stride(void)
{
	const char *effort = getenv("EYELET_EFFORT");

	if (effort != NULL && strcmp(effort, "short") == 0)
		return 37;
	return effort != NULL && strcmp(effort, "long") == 0 ? 1 : 17;
}

/* Each open() of a store that script has prepared fails, in turn. */
static void
run(size_t row, const char *script, const char *after)
{
	long at, total;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(shared, MAP_FAILED);
	fx_added("shop", NULL);
	fx_close();
	ck_assert(in_child(fill));
	fx_shell(script);
	fx_shell("cp -a \"$1\" \"$1.as-it-was\"");
	ck_assert_msg(in_child(open_once), "%s", shared->text);
	total = shared->calls;
	ck_assert_int_gt(total, 10);
	shared->with = lacks[row].with;
	shared->and_later = lacks[row].and_later;
	for (at = 1 + (long)row % stride(); at <= total; at += stride()) {
		fx_shell("rm -rf \"$1\" && cp -a \"$1.as-it-was\" \"$1\"");
		shared->fails_at = at;
		if (!in_child(open_once))
			ck_assert_msg(shared->code == lacks[row].want,
			    "%s, open %ld of %ld: %s", lacks[row].when, at,
			    total, shared->text);
		shared->fails_at = 0;
		ck_assert_msg(in_child(open_once), "%s, open %ld of %ld: %s",
		    lacks[row].when, at, total, shared->text);
		fx_shell(after);
	}
	fx_open();
	ck_assert_uint_eq(fx_events(), EVENTS);
	ck_assert_uint_eq(fx_problems(), 0);
}

START_TEST(what_cannot_be_opened_is_not_absent)
{
	run((size_t)_i, ":", UNTOUCHED);
}
END_TEST

/* A damaged page, and the note of it: mending takes what is there. */
START_TEST(what_cannot_be_opened_does_not_make_mending_give_up)
{
	run((size_t)_i,
	    "dd if=/dev/urandom of=\"$1/db/audit\" bs=4096 seek=1 count=1 "
	    "conv=notrunc status=none && echo audit >\"$1/damaged\"",
	    "test ! -e \"$1/incomplete\" && "
	    "test -z \"$(find \"$1/db\" -name 'aside*')\"");
}
END_TEST

/* In memory, where it can be: all of it is opened hundreds of times. */
static void
setup(void)
{
	fx_setup_below(access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

int
main(void)
{
	Suite *s = suite_create("bdb_files");
	TCase *tc = tcase_create("bdb_files");
	SRunner *sr = srunner_create(s);
	int failed, rows = (int)NITEMS(lacks);

	tcase_set_timeout(tc, 300);
	tcase_add_checked_fixture(tc, setup, fx_teardown);
	tcase_add_loop_test(tc, what_cannot_be_opened_is_not_absent, 0, rows);
	tcase_add_loop_test(
	    tc, what_cannot_be_opened_does_not_make_mending_give_up, 1, 4);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
