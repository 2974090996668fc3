/* conf_live.c: the configuration in force, counted and replaced. */
#include "lib/config/conf_live.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/owner_dir.h"

#define SECOND_NS 1000000000L

struct counted {
	struct conf conf; /* first: users hold its address */
	atomic_uint refs;
};

struct conf_live {
	pthread_mutex_t lock;
	struct counted *now;
};

static int
count(struct conf *cf, struct counted **out, struct err *err)
{
	struct counted *c = calloc(1, sizeof(*c));

	if (c == NULL) {
		conf_free(cf);
		return err_set(err, ERR_NOMEM, "no memory for settings");
	}
	c->conf = *cf;
	memset(cf, 0, sizeof(*cf));
	atomic_init(&c->refs, 1);
	*out = c;
	return 0;
}

int
conf_live_new(struct conf *cf, struct conf_live **out, struct err *err)
{
	struct conf_live *cl = calloc(1, sizeof(*cl));

	if (cl == NULL) {
		conf_free(cf);
		return err_set(err, ERR_NOMEM, "no memory for settings");
	}
	if (count(cf, &cl->now, err) < 0) {
		free(cl);
		return -1;
	}
	pthread_mutex_init(&cl->lock, NULL);
	*out = cl;
	return 0;
}

void
conf_live_free(struct conf_live *cl)
{
	if (cl == NULL)
		return;
	conf_live_put(&cl->now->conf);
	pthread_mutex_destroy(&cl->lock);
	free(cl);
}

const struct conf *
conf_live_get(struct conf_live *cl)
{
	struct counted *c;

	pthread_mutex_lock(&cl->lock);
	c = cl->now;
	atomic_fetch_add(&c->refs, 1);
	pthread_mutex_unlock(&cl->lock);
	return &c->conf;
}

void
conf_live_put(const struct conf *cf)
{
	struct counted *c = (struct counted *)(uintptr_t)cf;

	if (c == NULL || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	conf_free(&c->conf);
	free(c);
}

int
conf_live_read(
    struct conf_live *cl, const char *path, struct conf *out, struct err *err)
{
	const struct conf *old = conf_live_get(cl);
	int ret = -1;

	if (conf_read(path, out, err) < 0)
		goto out;
	if (old->file != NULL && out->file == NULL)
		err_set(err, ERR_NOTFOUND,
		    "%s is gone: the old settings stay in force; put it back, "
		    "then reload",
		    old->file);
	else
		ret = conf_keep(out, old, err);
	if (ret < 0)
		conf_free(out);
out:
	conf_live_put(old);
	return ret;
}

int
conf_live_make(struct conf *cf, const struct conf **next, struct err *err)
{
	struct counted *c;

	if (count(cf, &c, err) < 0)
		return -1;
	*next = &c->conf;
	return 0;
}

void
conf_live_swap(struct conf_live *cl, const struct conf *next)
{
	struct counted *old;

	pthread_mutex_lock(&cl->lock);
	old = cl->now;
	cl->now = (struct counted *)(uintptr_t)next;
	pthread_mutex_unlock(&cl->lock);
	conf_live_put(&old->conf);
}

int
conf_live_set(struct conf_live *cl, struct conf *cf, struct err *err)
{
	const struct conf *next;

	if (conf_live_make(cf, &next, err) < 0)
		return -1;
	conf_live_swap(cl, next);
	return 0;
}

/* --- the mark --------------------------------------------------------------
 */

static bool
read_mark(const char *dir, struct timespec *at)
{
	struct stat st;
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool found;

	if (fd < 0)
		return false;
	found = fstatat(fd, CONF_LIVE_MARK, &st, AT_SYMLINK_NOFOLLOW) == 0;
	close(fd);
	if (found)
		*at = st.st_mtim;
	return found;
}

void
conf_mark_init(
    struct conf_mark *mark, const char *dir, const struct timespec *began)
{
	struct timespec at;

	memset(mark, 0, sizeof(*mark));
	if (read_mark(dir, &at) &&
	    (at.tv_sec < began->tv_sec ||
		(at.tv_sec == began->tv_sec && at.tv_nsec < began->tv_nsec)))
		mark->at = at;
}

static bool
is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
conf_mark_look(struct conf_mark *mark, const char *dir)
{
	struct timespec at;

	if (!read_mark(dir, &at) || is_same_time(&at, &mark->at))
		return false;
	mark->at = at;
	return true;
}

/* Another time than before, even where the clock did not go on. */
static struct timespec
later_than(struct timespec before)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec > before.tv_sec ||
	    (now.tv_sec == before.tv_sec && now.tv_nsec > before.tv_nsec))
		return now;
	now = before;
	if (++now.tv_nsec == SECOND_NS) {
		now.tv_sec++;
		now.tv_nsec = 0;
	}
	return now;
}

int
conf_mark_touch(struct conf_mark *mark, const char *dir, struct err *err)
{
	struct stat st;
	struct timespec times[2], before;
	int dir_fd, fd = -1, ret = -1;

	dir_fd = owner_dir_find(dir, &st, err);
	if (dir_fd < 0)
		return -1;
	fd = openat(dir_fd, CONF_LIVE_MARK,
	    O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd < 0 || fstat(fd, &st) < 0) {
		err_errno(err, errno, "open %s/" CONF_LIVE_MARK, dir);
		goto out;
	}
	before = st.st_mtim;
	times[0] = times[1] = later_than(before);
	do {
		if (futimens(fd, times) < 0 || fstat(fd, &st) < 0) {
			err_errno(err, errno, "touch %s/" CONF_LIVE_MARK, dir);
			goto out;
		}
		times[0].tv_sec = ++times[1].tv_sec;
		/* Some file systems keep whole seconds alone. */
	} while (is_same_time(&st.st_mtim, &before));
	mark->at = st.st_mtim;
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	close(dir_fd);
	return ret;
}
