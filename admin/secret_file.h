/*
 * secret_file.h: secret values come from files or from stdin, never from the
 * command line, where everybody on the machine can read them.
 */
#ifndef EYELET_ADMIN_SECRET_FILE_H
#define EYELET_ADMIN_SECRET_FILE_H

#include "lib/base/bytes.h"

/*
 * Reads path ("-": stdin) behind out, up to the room that out has, and cuts
 * one final LF or CRLF, nothing else. A terminal shows nothing of what is
 * pasted into it. what names the thing in messages.
 * ERR_INPUT when nothing is left or it is too long; ERR_NOTFOUND, ERR_DENIED,
 * ERR_IO.
 */
int secret_file_read(
    const char *path, const char *what, struct buf *out, struct err *err);

#endif
