/*
 * socket.c: the socket in the store folder. An address holds 107 bytes
 * of path, a folder's path may have thousands: so both sides name the socket
 * through the folder's descriptor, which also keeps a folder that is moved or
 * replaced meanwhile from being mixed up with the one that was judged.
 */
#include "lib/owner/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/guard.h"
#include "lib/base/owner_dir.h"

#define SOCKET_MODE 0660

static struct sockaddr_un
address_in(int dir_fd)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	snprintf(sa.sun_path, sizeof(sa.sun_path),
	    "/proc/self/fd/%d/" OWNER_SOCKET, dir_fd);
	return sa;
}

static int
new_socket(struct err *err)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return err_errno(err, errno, "make a socket");
	return fd;
}

/*
 * Nobody can connect before listen(), so the mode is in force in time,
 * whatever the umask. A folder's group that this process is not in keeps its
 * web server from connecting, and nothing else: no failure.
 */
static int
set_rights(int dir_fd, const struct stat *folder, struct err *err)
{
	if (fchownat(dir_fd, OWNER_SOCKET, (uid_t)-1, folder->st_gid,
		AT_SYMLINK_NOFOLLOW) < 0 &&
	    errno != EPERM)
		return err_errno(err, errno, "set the socket's group");
	if (fchmodat(dir_fd, OWNER_SOCKET, SOCKET_MODE, 0) < 0)
		return err_errno(err, errno, "set the socket's mode");
	return 0;
}

/* A socket, file or link of that name is an old one of ours; a folder not. */
static int
remove_old(int dir_fd, const char *dir, struct err *err)
{
	char path[PATH_MAX];

	if (unlinkat(dir_fd, OWNER_SOCKET, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_errno(err, errno, "remove the old socket");
	snprintf(path, sizeof(path), "%s/" OWNER_SOCKET, dir);
	return guard_refuse(
	    path, "@ is in the way of the socket", "mv @ @.moved", err);
}

int
owner_listen(const char *dir, struct err *err)
{
	int dir_fd, fd = -1, ret = -1;
	struct sockaddr_un sa;
	struct stat st;

	dir_fd = owner_dir_open(dir, &st, err);
	if (dir_fd < 0)
		goto out;
	fd = new_socket(err);
	if (fd < 0)
		goto out;
	if (remove_old(dir_fd, dir, err) < 0)
		goto out;
	sa = address_in(dir_fd);
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		err_errno(err, errno, "bind (is /proc there?)");
		goto out;
	}
	if (set_rights(dir_fd, &st, err) < 0)
		goto out;
	if (listen(fd, SOMAXCONN) < 0) {
		err_errno(err, errno, "listen");
		goto out;
	}
	ret = fd;
	fd = -1;
out:
	if (ret < 0)
		err_wrap(err, "serve the store %s", dir);
	if (fd >= 0)
		close(fd);
	if (dir_fd >= 0)
		close(dir_fd);
	return ret;
}

/* The words for a connect() that failed. */
static int
connect_failed(int errnum, const char *dir, struct err *err)
{
	switch (errnum) {
	case ENOENT:
	case ECONNREFUSED:
		return err_set(
		    err, ERR_AWAY, "nobody serves the store %s", dir);
	case EAGAIN:
		return err_set(err, ERR_TIMEOUT,
		    "the owner of the store %s takes no connections", dir);
	case EACCES:
		return err_set(err, ERR_DENIED,
		    "uid %lu may not connect to the owner of the store %s: "
		    "start this program as the store's user, or give the store "
		    "to that uid, as eyelet-store(8) shows under \"Another "
		    "user\"",
		    (unsigned long)geteuid(), dir);
	default:
		return err_errno(
		    err, errnum, "connect to the owner of the store %s", dir);
	}
}

int
owner_connect(const char *dir, struct err *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int dir_fd, fd = -1, ret = -1;
	struct sockaddr_un sa;
	struct stat st;

	dir_fd = owner_dir_find(dir, &st, err);
	if (dir_fd < 0)
		goto out;
	fd = new_socket(err);
	if (fd < 0)
		goto out;
	sa = address_in(dir_fd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		connect_failed(errno, dir, err);
		goto out;
	}
	/* Whoever listens gets secrets from us: it has to be the owner. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0) {
		err_errno(err, errno, "ask who serves the store %s", dir);
		goto out;
	}
	if (peer.uid != st.st_uid) {
		err_set(err, ERR_DENIED,
		    "the socket in %s is served by uid %lu, which is not the "
		    "folder's owner",
		    dir, (unsigned long)peer.uid);
		goto out;
	}
	ret = fd;
	fd = -1;
out:
	if (fd >= 0)
		close(fd);
	if (dir_fd >= 0)
		close(dir_fd);
	return ret;
}
