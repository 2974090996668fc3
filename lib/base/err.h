/*
 * err.h: one way to fail: a code to act on and a message to read, in the
 * caller's frame, so that reporting a failure allocates nothing.
 *
 * A function that can fail returns 0 or -1 and takes struct err * last. On -1
 * the err is set; on 0 it is untouched. err is never NULL.
 */
#ifndef EYELET_LIB_BASE_ERR_H
#define EYELET_LIB_BASE_ERR_H

enum err_code {
	ERR_NONE, /* zero: nothing was reported */
	ERR_USAGE, /* the caller asked for something that has no meaning */
	ERR_INPUT, /* bytes from outside are not what they must be */
	ERR_CONFIG, /* a configuration or scheme file is wrong */
	ERR_NOTFOUND,
	ERR_EXISTS,
	ERR_CONFLICT, /* somebody changed it since (--if-gen) */
	ERR_DENIED, /* this user may not do this */
	ERR_HELD, /* the store is a copy, which delivers nothing */
	ERR_LIMIT, /* a limit with a name was reached */
	ERR_IO,
	ERR_FULL, /* no space left, or below the floor */
	ERR_NOMEM, /* no memory, or no descriptor, is left for this */
	ERR_CRYPTO,
	ERR_CORRUPT, /* stored bytes fail their check */
	ERR_VERSION, /* made by a release that this one cannot read */
	ERR_AWAY, /* the store's owner cannot be reached, or is leaving */
	ERR_TIMEOUT,
	ERR_CLOCK /* the wall clock is in doubt, and a time would be written */
};

struct err {
	enum err_code code;
	char text[512]; /* one line, no final stop; never holds a secret */
};

#define ERR_INIT             \
	{                    \
		ERR_NONE, "" \
	}

/* Sets code and message. Returns -1, so that "return err_set(...)" reads. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a failed system call: ": " and the words for errnum are put
 * behind the message. ENOSPC, EDQUOT and EFBIG give ERR_FULL, ENOMEM, EMFILE
 * and ENFILE ERR_NOMEM, EACCES and EPERM ERR_DENIED, ENOENT ERR_NOTFOUND, else
 * ERR_IO.
 */
int err_errno(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * The same for a thread, a process or mapped memory, which limits of the
 * process can refuse: EAGAIN and ENOMEM give ERR_NOMEM and what to raise.
 */
int err_limit(struct err *err, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts what the caller was doing, and ": ", before the message. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* A stable word for a code ("not-found"), for JSON and for the wire. */
const char *err_word(enum err_code code);

/* The code for a word; ERR_IO when the word is unknown. */
enum err_code err_from_word(const char *word);

#endif
