/* harden.c: switches cores and tracing off, and gives root up. */
#include "lib/base/harden.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* open() takes the lowest number that is free, so each opens its own. */
static int
fill_descriptors(struct err *err)
{
	static const int how[] = { O_RDONLY, O_RDONLY, O_WRONLY };
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF &&
		    open("/dev/null", how[fd]) < 0)
			return err_errno(err, errno, "open /dev/null");
	return 0;
}

static int
hide(struct err *err)
{
	if (prctl(PR_SET_DUMPABLE, 0) < 0)
		return err_errno(err, errno, "switch core dumps off");
	return 0;
}

int
harden_process(struct err *err)
{
	struct rlimit none = { 0, 0 };

	if (hide(err) < 0)
		return -1;
	if (setrlimit(RLIMIT_CORE, &none) < 0)
		return err_errno(err, errno, "switch core files off");
	umask(077);
	return fill_descriptors(err);
}

int
harden_become(const char *user, uid_t uid, gid_t gid, struct err *err)
{
	/* Groups first: without root they could not be given up any more. */
	if ((user == NULL ? setgroups(0, NULL) : initgroups(user, gid)) < 0 ||
	    setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		return err_errno(
		    err, errno, "turn into uid %lu", (unsigned long)uid);
	if (uid != 0 && setuid(0) == 0)
		abort(); /* root was not given up: no error could mend that */
	return hide(err);
}
