/*
 * fcgi.h: the door to libfcgi: makes an environment of a request's parameters,
 * and FastCGI records of its answer. libfcgi reads and writes memory alone: its
 * OS_Read and OS_Write are replaced by our own, so nothing here ever waits, and
 * what it reads was put together here from what intake.h checked.
 */
#ifndef EYELET_CGI_FCGI_H
#define EYELET_CGI_FCGI_H

#include "lib/base/bytes.h"

#define FCGI_AROUND_MAX 64 /* bytes that records add to an answer ... */
#define FCGI_TEXT_MAX 8000 /* ... of at most so many */

struct fcgi; /* the state of one connection; used by one thread at a time */

/*
 * Once per process, before anything else here. ERR_IO: libfcgi does not start,
 * or does not read and write as said above.
 */
int fcgi_init(struct err *err);

int fcgi_new(struct fcgi **out, struct err *err);
void fcgi_free(struct fcgi *f); /* NULL is allowed */

/*
 * Begins the request id. params are whole name-value pairs without a NUL byte,
 * copied: as "NAME=value" strings, NULL at the end, in *env. The strings may be
 * changed in place and live until the next fcgi_begin or fcgi_drop. ERR_NOMEM,
 * or ERR_IO: libfcgi reads something else in them.
 */
int fcgi_begin(struct fcgi *f, unsigned id, struct span params, char ***env,
    struct err *err);

/*
 * Writes the answer (CGI head and body) to the request that was begun, and its
 * end, to out, which has text.len + FCGI_AROUND_MAX; returns how many bytes. 0:
 * libfcgi could not.
 */
size_t fcgi_answer(struct fcgi *f, struct span text, unsigned char *out);

/*
 * Frees what the request holds. fcgi_begin does that, too, and in a thread
 * that reads: whoever answers has no time for it, and would free what another
 * thread's memory pool gave.
 */
void fcgi_drop(struct fcgi *f);

#endif
