/*
 * fcgi.c: the only file that knows <fcgiapp.h>. libfcgi 2.4.2 trusts whoever
 * writes to it: it adds name and value lengths up in an int, answers
 * FCGI_GET_VALUES into 64 bytes however many values are asked for, and waits
 * without an end for the rest of a record. So it sees neither sockets nor what
 * came from one. Of a request it gets BEGIN_REQUEST, the checked parameters and
 * nothing else; records of management and of the body never come this far.
 */
#include "cgi/fcgi.h"

#include <assert.h>
#include <errno.h>
#include <fcgiapp.h>
#include <fcgios.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"

/* FastCGI specification, section 8. */
#define FASTCGI_VERSION 1
#define TYPE_BEGIN 1
#define TYPE_PARAMS 4
#define ROLE_RESPONDER 1
#define RECORD_HEAD 8
#define CONTENT_MAX 65535

#define NO_LISTENING_SOCKET (-1)
/*
 * The descriptor that libfcgi is given as its connection. libfcgi closes it
 * after an error; no file ever has this number, so that this is harmless.
 */
#define NO_DESCRIPTOR INT_MAX

/* The buffers that libfcgi reads and writes now, and its place in a record. */
struct memory {
	struct span begin, params;
	size_t left; /* bytes of params in the record under way */
	bool ended; /* the empty PARAMS record was read */
	unsigned id;
	unsigned char *out;
	size_t out_len, out_max;
};

/* libfcgi hands on nothing but a number: set around each call of it. */
static _Thread_local struct memory *memory;

struct fcgi {
	FCGX_Request request;
};

/* --- what libfcgi calls -------------------------------------------------- */

static void
put_head(unsigned char *p, unsigned type, unsigned id, size_t len)
{
	memset(p, 0, RECORD_HEAD);
	p[0] = FASTCGI_VERSION;
	p[1] = (unsigned char)type;
	be16_put(p + 2, id);
	be16_put(p + 4, (unsigned)len);
}

static int
read_some(struct span *from, char *to, size_t len)
{
	if (len > from->len)
		len = from->len;
	memcpy(to, from->ptr, len);
	*from = span_skip(*from, len);
	return (int)len;
}

/* In place of libfcgi's own: in its shared library these go before them. */
int
OS_Read(int fd, char *to, size_t len)
{
	struct memory *m = memory;
	struct span piece;
	int n;

	(void)fd;
	if (m == NULL || len < RECORD_HEAD || len > INT_MAX) {
		errno = EIO;
		return -1;
	}
	if (m->begin.len > 0)
		return read_some(&m->begin, to, len);
	if (m->left > 0) {
		piece = span_of(m->params.ptr, m->left);
		n = read_some(&piece, to, len);
		m->left -= (size_t)n;
		m->params = span_skip(m->params, (size_t)n);
		return n;
	}
	if (m->ended)
		return 0;
	m->left = m->params.len < CONTENT_MAX ? m->params.len : CONTENT_MAX;
	m->ended = m->left == 0;
	put_head((unsigned char *)to, TYPE_PARAMS, m->id, m->left);
	return RECORD_HEAD;
}

int
OS_Write(int fd, char *from, size_t len)
{
	struct memory *m = memory;

	(void)fd;
	if (m == NULL || len > INT_MAX || len > m->out_max - m->out_len) {
		errno = EIO;
		return -1;
	}
	memcpy(m->out + m->out_len, from, len);
	m->out_len += len;
	return (int)len;
}

/* --- requests ------------------------------------------------------------ */

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
fcgi_drop(struct fcgi *f)
{
	FCGX_Free(&f->request, 0);
}

void
fcgi_free(struct fcgi *f)
{
	if (f == NULL)
		return;
	fcgi_drop(f);
	free(f);
}

int
fcgi_begin(struct fcgi *f, unsigned id, struct span params, char ***env,
    struct err *err)
{
	unsigned char begin[RECORD_HEAD + 8] = { 0 };
	struct memory m = { span_of(begin, sizeof(begin)), params, 0, false, id,
		NULL, 0, 0 };
	int failed;

	put_head(begin, TYPE_BEGIN, id, 8);
	begin[RECORD_HEAD + 1] = ROLE_RESPONDER;
	fcgi_drop(f);
	FCGX_InitRequest(
	    &f->request, NO_LISTENING_SOCKET, FCGI_FAIL_ACCEPT_ON_INTR);
	FCGX_Detach(&f->request);
	f->request.ipcFd = NO_DESCRIPTOR;
	f->request.keepConnection = 1;
	memory = &m;
	failed = FCGX_Accept_r(&f->request);
	memory = NULL;
	if (failed < 0 || FCGX_GetError(f->request.in) != 0 || !m.ended)
		return err_set(err, ERR_IO, "libfcgi does not take a request");
	*env = f->request.envp;
	return 0;
}

size_t
fcgi_answer(struct fcgi *f, struct span text, unsigned char *out)
{
	struct memory m = { .out = out, .out_max = text.len + FCGI_AROUND_MAX };
	bool written;

	assert(text.len <= FCGI_TEXT_MAX);
	memory = &m;
	/*
	 * The error stream first: it is empty and then writes nothing, and the
	 * last one to close puts END_REQUEST into the same write as the text.
	 */
	FCGX_FClose(f->request.err);
	written = FCGX_PutStr(text.ptr, (int)text.len, f->request.out) >= 0;
	written = FCGX_FClose(f->request.out) == 0 && written;
	memory = NULL;
	return written ? m.out_len : 0;
}

/* --- is it so? ----------------------------------------------------------- */

/* One request there and back. */
static bool
goes_round(struct fcgi *f)
{
	static const char param[] = "\1\1AB";
	unsigned char out[FCGI_AROUND_MAX + 2];
	struct err ignored;
	size_t len;
	char **env;

	if (fcgi_begin(f, 7, span_str(param), &env, &ignored) < 0)
		return false;
	while (*env != NULL && strcmp(*env, "A=B") != 0)
		env++;
	len = fcgi_answer(f, span_str("hi"), out);
	return *env != NULL && len > RECORD_HEAD + 2 &&
	       out[0] == FASTCGI_VERSION && be16_get(out + 2) == 7 &&
	       memcmp(out + RECORD_HEAD, "hi", 2) == 0;
}

int
fcgi_init(struct err *err)
{
	struct fcgi *f = NULL;
	bool good;

	if (FCGX_Init() != 0)
		return err_set(err, ERR_IO, "libfcgi does not start");
	if (fcgi_new(&f, err) < 0)
		return -1;
	good = goes_round(f);
	fcgi_free(f);
	if (!good)
		return err_set(err, ERR_IO,
		    "libfcgi does not read and write through this program: it "
		    "must be linked as a shared library");
	return 0;
}
