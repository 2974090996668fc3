/* err.c: sets, wraps and names failures. */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/util.h"

static const struct {
	enum err_code code;
	const char *word;
} words[] = {
	{ ERR_NONE, "none" },
	{ ERR_USAGE, "usage" },
	{ ERR_INPUT, "input" },
	{ ERR_CONFIG, "config" },
	{ ERR_NOTFOUND, "not-found" },
	{ ERR_EXISTS, "exists" },
	{ ERR_CONFLICT, "conflict" },
	{ ERR_DENIED, "denied" },
	{ ERR_HELD, "held" },
	{ ERR_LIMIT, "limit" },
	{ ERR_IO, "io" },
	{ ERR_FULL, "full" },
	{ ERR_NOMEM, "no-memory" },
	{ ERR_CRYPTO, "crypto" },
	{ ERR_CORRUPT, "corrupt" },
	{ ERR_VERSION, "version" },
	{ ERR_AWAY, "away" },
	{ ERR_TIMEOUT, "timeout" },
	{ ERR_CLOCK, "clock" },
};

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list ap;

	err->code = code;
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_code
code_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return ERR_FULL;
	case ENOMEM:
	case EMFILE:
	case ENFILE:
		return ERR_NOMEM;
	case EACCES:
	case EPERM:
		return ERR_DENIED;
	case ENOENT:
		return ERR_NOTFOUND;
	default:
		return ERR_IO;
	}
}

int
err_errno(struct err *err, int errnum, const char *fmt, ...)
{
	char room[128];
	size_t used;
	va_list ap;

	err->code = code_of_errno(errnum);
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s",
	    strerror_r(errnum, room, sizeof(room)));
	return -1;
}

int
err_limit(struct err *err, int errnum, const char *fmt, ...)
{
	char what[256], room[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (errnum != EAGAIN && errnum != ENOMEM)
		return err_errno(err, errnum, "%s", what);
	return err_set(err, ERR_NOMEM,
	    "%s: %s: raise the limit of memory (\"ulimit -v\"; LimitAS= and "
	    "MemoryMax= in a unit of systemd) or of processes (\"ulimit -u\"; "
	    "TasksMax=)",
	    what, strerror_r(errnum, room, sizeof(room)));
}

int
err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[sizeof(err->text)];
	size_t used;
	va_list ap;

	memcpy(inner, err->text, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	used = strlen(err->text);
	snprintf(err->text + used, sizeof(err->text) - used, ": %s", inner);
	return -1;
}

const char *
err_word(enum err_code code)
{
	size_t i;

	for (i = 0; i < NITEMS(words); i++)
		if (words[i].code == code)
			return words[i].word;
	return "io";
}

enum err_code
err_from_word(const char *word)
{
	size_t i;

	for (i = 0; i < NITEMS(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].code;
	return ERR_IO;
}
