/*
 * fcgi.c: the only file that knows <fcgiapp.h>. Measured with libfcgi 2.4.2,
 * what it does with a connection that it did not accept itself:
 *
 * - FCGX_Accept_r finishes the request before; without keepConnection that
 *   closes ipcFd, also the one that was only just put there.
 * - A connection that breaks before BEGIN_REQUEST is closed, and FCGX_Accept_r
 *   tries to accept another. The listening socket given is -1: accept fails
 *   at once (EBADF) and the caller gets an error instead of a stranger.
 * - One that breaks after it (end of file, ABORT_REQUEST, a record out of
 *   order) comes back as a good request that lacks parameters; only the error
 *   of the input stream tells.
 * - Closing waits up to 2 s for the peer, in whatever thread, unless the
 *   request is "detached".
 */
#include "cgi/fcgi.h"

#include <assert.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NO_LISTENING_SOCKET (-1)
#define ROLE_RESPONDER 1 /* FastCGI specification, section 6.1 */

struct fcgi {
	FCGX_Request request;
	bool ended; /* the body was read to its end */
	bool answered; /* on this connection before */
};

int
fcgi_init(struct err *err)
{
	if (FCGX_Init() != 0)
		return err_set(err, ERR_IO, "libfcgi does not start");
	return 0;
}

int
fcgi_new(struct fcgi **out, struct err *err)
{
	struct fcgi *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a connection");
	f->request.ipcFd = -1;
	*out = f;
	return 0;
}

void
fcgi_free(struct fcgi *f)
{
	if (f == NULL)
		return;
	fcgi_detach(f);
	FCGX_Free(&f->request, 0);
	free(f);
}

int
fcgi_attach(struct fcgi *f, int fd, struct err *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	assert(f->request.ipcFd < 0);
	if (own < 0)
		return err_errno(err, errno, "duplicate a connection");
	FCGX_Free(&f->request, 0);
	f->answered = false;
	FCGX_InitRequest(
	    &f->request, NO_LISTENING_SOCKET, FCGI_FAIL_ACCEPT_ON_INTR);
	FCGX_Detach(&f->request);
	f->request.ipcFd = own;
	f->request.keepConnection = 1;
	return 0;
}

void
fcgi_detach(struct fcgi *f)
{
	if (f->request.ipcFd >= 0)
		close(f->request.ipcFd);
	f->request.ipcFd = -1;
}

enum fcgi_head
fcgi_read_head(struct fcgi *f, char ***env)
{
	f->ended = false;
	if (FCGX_Accept_r(&f->request) < 0)
		return FCGI_HEAD_GONE;
	if (FCGX_GetError(f->request.in) != 0 ||
	    f->request.role != ROLE_RESPONDER)
		return FCGI_HEAD_GONE;
	*env = f->request.envp;
	return FCGI_HEAD_READY;
}

size_t
fcgi_read_body(struct fcgi *f, void *to, size_t n)
{
	int got;

	assert(n <= INT_MAX);
	got = FCGX_GetStr(to, (int)n, f->request.in);
	return got < 0 ? 0 : (size_t)got;
}

bool
fcgi_body_ends(struct fcgi *f)
{
	if (!f->ended)
		f->ended = FCGX_GetChar(f->request.in) == EOF &&
			   FCGX_GetError(f->request.in) == 0;
	return f->ended;
}

bool
fcgi_body_was_read(const struct fcgi *f)
{
	return f->ended;
}

bool
fcgi_writable(const struct fcgi *f)
{
	struct pollfd p = { f->request.ipcFd, POLLOUT, 0 };

	/* The kernel's buffer holds a first answer, whoever reads it. */
	return !f->answered || poll(&p, 1, 0) == 1;
}

bool
fcgi_answer(struct fcgi *f, struct span text)
{
	bool written;

	assert(text.len <= INT_MAX);
	/*
	 * The error stream first: it is empty and then writes nothing, and the
	 * last one to close puts END_REQUEST into the same write as the text.
	 */
	FCGX_FClose(f->request.err);
	written = FCGX_PutStr(text.ptr, (int)text.len, f->request.out) >= 0;
	written = FCGX_FClose(f->request.out) == 0 && written;
	f->answered = true;
	return written && f->ended && f->request.keepConnection != 0;
}
