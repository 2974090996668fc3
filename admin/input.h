/* input.h: all bytes of standard input or of a file that is named. */
#ifndef EYELET_ADMIN_INPUT_H
#define EYELET_ADMIN_INPUT_H

#include "lib/base/bytes.h"

/*
 * Puts all that path holds behind out; "-" is standard input. what names it
 * in messages. ERR_LIMIT above out's limit, ERR_IO, ERR_NOTFOUND, ERR_NOMEM.
 */
int input_read(
    const char *path, const char *what, struct buf *out, struct err *err);

#endif
