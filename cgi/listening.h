/*
 * listening.h: the socket that FastCGI requests come in through: inherited
 * from a web server (descriptor 0), from systemd (LISTEN_FDS), or opened.
 */
#ifndef EYELET_CGI_LISTENING_H
#define EYELET_CGI_LISTENING_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/err.h"

enum listening_from {
	LISTENING_NONE, /* there is none: perhaps this is a CGI run */
	LISTENING_PARENT, /* descriptor 0, as FastCGI says: lives as long as it
			   */
	LISTENING_ACTIVATED, /* LISTEN_FDS and LISTEN_PID, sd_listen_fds(3) */
	LISTENING_OPENED /* by ourselves */
};

#define LISTENING_PATH_MAX 108 /* of a Unix socket; the kernel's limit */

struct listening {
	enum listening_from from;
	int fd; /* close-on-exec; -1 for NONE */
	char path[LISTENING_PATH_MAX]; /* of OPENED, or "" */
	dev_t dev; /* of the file at path */
	ino_t ino;
	bool beside; /* the file is at PATH.new, see listening_take_place */
};

#define LISTENING_INIT                               \
	{                                            \
		LISTENING_NONE, -1, "", 0, 0, false, \
	}

/*
 * The socket that was handed over: by systemd, by this program before it
 * executed itself anew (then it is what it was before: OPENED, with its file),
 * or by a web server as descriptor 0 (which is /dev/null afterwards). *out is
 * NONE when there is none. ERR_USAGE: LISTEN_FDS is not
 * 1, or no listening socket.
 */
int listening_inherit(struct listening *out, struct err *err);

/*
 * Opens where: a path with a slash in it, or HOST:PORT. A path gets mode 0660
 * and, in a folder with the set-group-id bit, that folder's group; a socket
 * file that nobody listens on any more is replaced; with replace one that
 * somebody serves stays until listening_take_place. ERR_USAGE: where means
 * nothing, or a port cannot be replaced. ERR_EXISTS: somebody listens there.
 * ERR_IO, ERR_DENIED, ...
 */
int listening_open(
    const char *where, bool replace, struct listening *out, struct err *err);

/*
 * Once requests can be answered: where another process serves the path, takes
 * its place, in one step: no connection is refused meanwhile. ERR_EXISTS: a
 * third process is about to do that. ERR_IO, ...
 */
int listening_take_place(struct listening *ls, struct err *err);

/* Closes, and removes its own socket file if it is still the same. */
void listening_close(struct listening *ls);

/*
 * Removes its own socket file, if it has one: nothing connects from here on,
 * and what has connected can be accepted still.
 */
void listening_hide(struct listening *ls);

/* Did another process put a socket of its own in the place of ours? */
bool listening_is_replaced(const struct listening *ls);

/*
 * Makes the program that is executed next find the socket, if there is one,
 * backlog and all. Only right before execve: changes the environment and low
 * descriptors.
 */
int listening_keep(struct listening *ls, struct err *err);

#endif
