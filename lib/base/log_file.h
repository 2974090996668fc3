/*
 * log_file.h: follows a log file that is rotated. Where descriptor 2 leads to
 * a file, log rotation renames or removes that file and has another one put in
 * its place; its writer learns of neither. Here the path is read once, at the
 * start, and looked at from time to time: where another file stands there, or
 * none, the path is opened anew and takes the place of the descriptor.
 *
 * Followed is a regular file alone that was opened for appending and still had
 * its name at the start. The path is walked without symbolic links. A file is
 * taken that has this one name and belongs to this user or to the owner of the
 * file before it; one that is missing is made, with that file's owner and
 * mode. For root, whose lines could be aimed at a file of the system, each
 * folder on the way must besides be root's and for nobody else to write in.
 */
#ifndef EYELET_LIB_BASE_LOG_FILE_H
#define EYELET_LIB_BASE_LOG_FILE_H

#include <stdbool.h>

#include "lib/base/err.h"

#define LOG_FILE_LOOK_MS 5000 /* between two looks */

struct log_file;

/*
 * The file that fd leads to; *out is NULL where it is none to be followed.
 * ERR_NOMEM.
 */
int log_file_new(int fd, struct log_file **out, struct err *err);
void log_file_free(struct log_file *lf); /* NULL is allowed; fd stays open */

/*
 * Looks when LOG_FILE_LOOK_MS have passed since the last time, or when `now`
 * asks for it. -1 where the path could not be opened: the old file stays, and
 * the same reason is given once until it worked again. Standard output that
 * led to the same file moves along. One thread at a time; others may write to
 * the descriptor meanwhile. NULL is allowed.
 */
int log_file_look(struct log_file *lf, bool now, struct err *err);

#endif
