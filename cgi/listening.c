/* listening.c: finds or opens the listening socket. */
#include "cgi/listening.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/text.h"

#define ACTIVATED_FD 3 /* the first that systemd hands over */
#define HOST_MAX 256
#define NEW ".new" /* behind the name of a socket that is to replace one */
#define NAME_SIZE (LISTENING_PATH_MAX + sizeof(NEW)) /* of that */
#define OWN_ENV "EYELET_LISTENS" /* to itself: what listening_keep hands on */

_Static_assert(
    sizeof(((struct sockaddr_un *)NULL)->sun_path) == LISTENING_PATH_MAX,
    "the kernel's limit");

static bool
is_listening(int fd)
{
	int yes = 0, type = 0;
	socklen_t len = sizeof(yes), type_len = sizeof(type);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &len) == 0 &&
	       yes != 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0 &&
	       type == SOCK_STREAM;
}

/* --- handed over by systemd ---------------------------------------------- */

static bool
env_is(const char *name, uint64_t want)
{
	const char *value = getenv(name);
	struct err ignored = ERR_INIT;
	uint64_t n;

	return value != NULL &&
	       text_to_u64(span_str(value), UINT32_MAX, &n, &ignored) == 0 &&
	       n == want;
}

/*
 * Was it opened by this process, before it executed itself anew? Then it is
 * ours still, with its file.
 */
static void
find_own(struct listening *ls)
{
	const char *own = getenv(OWN_ENV);
	unsigned long long dev, ino;
	int beside, at = 0;

	if (own != NULL &&
	    sscanf(own, "%llu:%llu:%d:%n", &dev, &ino, &beside, &at) == 3 &&
	    at > 0 && strlen(own + at) < sizeof(ls->path)) {
		ls->from = LISTENING_OPENED;
		strcpy(ls->path, own + at);
		ls->dev = (dev_t)dev;
		ls->ino = (ino_t)ino;
		ls->beside = beside != 0;
	}
	unsetenv(OWN_ENV);
}

static int
find_activated(struct listening *ls, struct err *err)
{
	if (!env_is("LISTEN_PID", (uint64_t)getpid()))
		return 0;
	if (!env_is("LISTEN_FDS", 1))
		return err_set(err, ERR_USAGE,
		    "LISTEN_FDS is \"%s\": the socket unit must hand over one "
		    "socket",
		    getenv("LISTEN_FDS") == NULL ? "" : getenv("LISTEN_FDS"));
	if (!is_listening(ACTIVATED_FD))
		return err_set(err, ERR_USAGE,
		    "descriptor %d is no listening stream socket, though "
		    "LISTEN_FDS says so",
		    ACTIVATED_FD);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	fcntl(ACTIVATED_FD, F_SETFD, FD_CLOEXEC);
	ls->from = LISTENING_ACTIVATED;
	ls->fd = ACTIVATED_FD;
	find_own(ls);
	return 0;
}

/* --- inherited as descriptor 0 ------------------------------------------- */

/* Moved away, so that nobody inherits it who takes 0 for his input. */
static int
find_parent(struct listening *ls, struct err *err)
{
	int fd, null;

	if (!is_listening(STDIN_FILENO))
		return 0;
	fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, ACTIVATED_FD);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0) {
		if (fd >= 0)
			close(fd);
		if (null >= 0)
			close(null);
		return err_errno(err, errno, "move the FastCGI socket");
	}
	close(null);
	ls->from = LISTENING_PARENT;
	ls->fd = fd;
	return 0;
}

/* --- opened -------------------------------------------------------------- */

/* Does a process accept connections there? */
static int
is_served(const struct sockaddr_un *sun, bool *served, struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int ret = 0;

	if (fd < 0)
		return err_errno(err, errno, "make a socket");
	/* EAGAIN: its backlog is full. */
	*served =
	    connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno == EAGAIN;
	if (!*served && errno != ECONNREFUSED && errno != ENOENT)
		ret = err_errno(err, errno, "connect to %s", sun->sun_path);
	close(fd);
	return ret;
}

/* *served: it is, and is to be replaced. */
static int
make_way(
    const struct sockaddr_un *sun, bool replace, bool *served, struct err *err)
{
	struct stat st;

	if (lstat(sun->sun_path, &st) < 0)
		return errno == ENOENT
			   ? 0
			   : err_errno(err, errno, "%s", sun->sun_path);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_EXISTS,
		    "%s is there and is no socket: name another path or "
		    "remove it",
		    sun->sun_path);
	if (is_served(sun, served, err) < 0)
		return -1;
	if (*served && !replace)
		return err_set(err, ERR_EXISTS,
		    "%s is served by another process: stop that one, name "
		    "another path, or take its place with --replace",
		    sun->sun_path);
	if (*served)
		return 0;
	if (unlink(sun->sun_path) < 0)
		return err_errno(
		    err, errno, "remove the old socket %s", sun->sun_path);
	return 0;
}

/*
 * To replace a socket that is served, the next one is made beside it, and
 * renamed when its process answers: there is always one.
 */
static int
open_path(const char *path, bool replace, struct listening *ls, struct err *err)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct stat st;
	bool served = false;
	size_t max = sizeof(sun.sun_path) - (replace ? sizeof(NEW) : 1);
	int fd = -1;

	if (strlen(path) > max)
		return err_set(err, ERR_USAGE,
		    "socket path %s is too long: at most %zu bytes", path, max);
	strcpy(sun.sun_path, path);
	if (make_way(&sun, replace, &served, err) < 0)
		return -1;
	if (served)
		strcat(sun.sun_path, NEW);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || (served && unlink(sun.sun_path) < 0 && errno != ENOENT) ||
	    bind(fd, (const struct sockaddr *)&sun, sizeof(sun)) < 0) {
		err_errno(err, errno, "make the socket %s", path);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (chmod(sun.sun_path, 0660) < 0 || stat(sun.sun_path, &st) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		err_errno(err, errno, "listen at %s", path);
		unlink(sun.sun_path);
		close(fd);
		return -1;
	}
	ls->from = LISTENING_OPENED;
	ls->fd = fd;
	strcpy(ls->path, path);
	ls->dev = st.st_dev;
	ls->ino = st.st_ino;
	ls->beside = served;
	return 0;
}

static int
open_address(const struct addrinfo *ai, const char *where, struct listening *ls,
    struct err *err)
{
	int on = 1, fd;

	fd = socket(
	    ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
	    bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		err_errno(err, errno, "listen at %s", where);
		if (fd >= 0)
			close(fd);
		return -1;
	}
	ls->from = LISTENING_OPENED;
	ls->fd = fd;
	return 0;
}

/* "127.0.0.1:9000", "[::1]:9000", "localhost:9000" to host and port. */
static int
split_host(
    const char *where, char host[HOST_MAX], const char **port, struct err *err)
{
	const char *colon = strrchr(where, ':');
	struct err ignored = ERR_INIT;
	struct span name;
	uint64_t n;

	name = span_of(where, colon == NULL ? 0 : (size_t)(colon - where));
	if (span_starts(name, "[") && where[name.len - 1] == ']')
		name = span_of(where + 1, name.len - 2);
	if (name.len == 0 || name.len >= HOST_MAX ||
	    text_to_u64(span_str(colon + 1), UINT16_MAX, &n, &ignored) < 0 ||
	    n == 0)
		return err_set(err, ERR_USAGE,
		    "socket \"%s\" is neither a path (with a slash, as in "
		    "./eyelet.sock) nor HOST:PORT (as in 127.0.0.1:9000)",
		    where);
	memcpy(host, name.ptr, name.len);
	host[name.len] = '\0';
	*port = colon + 1;
	return 0;
}

static int
open_host(const char *where, struct listening *ls, struct err *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found;
	char host[HOST_MAX];
	const char *port = NULL;
	int failed, ret;

	if (split_host(where, host, &port, err) < 0)
		return -1;
	failed = getaddrinfo(host, port, &hints, &found);
	if (failed != 0)
		return err_set(err, ERR_USAGE, "socket %s: %s", where,
		    gai_strerror(failed));
	ret = open_address(found, where, ls, err);
	freeaddrinfo(found);
	return ret;
}

/* --- all ----------------------------------------------------------------- */

int
listening_inherit(struct listening *out, struct err *err)
{
	struct listening ls = LISTENING_INIT;

	if (find_activated(&ls, err) < 0 ||
	    (ls.from == LISTENING_NONE && find_parent(&ls, err) < 0))
		return -1;
	*out = ls;
	return 0;
}

int
listening_open(
    const char *where, bool replace, struct listening *out, struct err *err)
{
	struct listening ls = LISTENING_INIT;
	bool is_path = strchr(where, '/') != NULL;

	if (replace && !is_path)
		return err_set(err, ERR_USAGE,
		    "--replace takes over a path, not a port: socket \"%s\"",
		    where);
	if ((is_path ? open_path(where, replace, &ls, err)
		     : open_host(where, &ls, err)) < 0)
		return -1;
	*out = ls;
	return 0;
}

/* The name that its file has now; "" when it has none. */
static void
name_file(const struct listening *ls, char name[NAME_SIZE])
{
	snprintf(name, NAME_SIZE, "%s%s", ls->path, ls->beside ? NEW : "");
}

static bool
is_own_file(const struct listening *ls, const struct stat *st)
{
	return st->st_dev == ls->dev && st->st_ino == ls->ino;
}

int
listening_take_place(struct listening *ls, struct err *err)
{
	char name[NAME_SIZE];
	struct stat st;

	if (!ls->beside)
		return 0;
	name_file(ls, name);
	if (lstat(name, &st) < 0 || !is_own_file(ls, &st))
		return err_set(err, ERR_EXISTS,
		    "another process is about to take over %s as well, and has "
		    "removed %s: let that one serve",
		    ls->path, name);
	if (rename(name, ls->path) < 0)
		return err_errno(err, errno, "listen at %s", ls->path);
	ls->beside = false;
	return 0;
}

void
listening_hide(struct listening *ls)
{
	char name[NAME_SIZE];
	struct stat st;

	name_file(ls, name);
	if (name[0] != '\0' && lstat(name, &st) == 0 && is_own_file(ls, &st))
		unlink(name);
	ls->path[0] = '\0';
	ls->beside = false;
}

bool
listening_is_replaced(const struct listening *ls)
{
	struct stat st;

	return ls->path[0] != '\0' && !ls->beside &&
	       lstat(ls->path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	       !is_own_file(ls, &st);
}

void
listening_close(struct listening *ls)
{
	if (ls->fd >= 0)
		close(ls->fd);
	listening_hide(ls);
	*ls = (struct listening)LISTENING_INIT;
}

int
listening_keep(struct listening *ls, struct err *err)
{
	bool parent = ls->from == LISTENING_PARENT;
	int to = parent ? STDIN_FILENO : ACTIVATED_FD;
	char pid[24], own[LISTENING_PATH_MAX + 48];

	if (ls->from == LISTENING_NONE)
		return 0;
	if (ls->fd != to && dup2(ls->fd, to) < 0)
		return err_errno(err, errno, "hand the socket over");
	if (fcntl(to, F_SETFD, 0) < 0)
		return err_errno(err, errno, "hand the socket over");
	if (parent)
		return 0;
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (setenv("LISTEN_PID", pid, 1) < 0 ||
	    setenv("LISTEN_FDS", "1", 1) < 0)
		return err_errno(err, errno, "hand the socket over");
	if (ls->from != LISTENING_OPENED)
		return 0;
	snprintf(own, sizeof(own), "%llu:%llu:%d:%s",
	    (unsigned long long)ls->dev, (unsigned long long)ls->ino,
	    ls->beside ? 1 : 0, ls->path);
	if (setenv(OWN_ENV, own, 1) < 0)
		return err_errno(err, errno, "hand the socket over");
	return 0;
}
