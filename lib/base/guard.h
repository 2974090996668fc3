/*
 * guard.h: is what eyelet trusts out of the reach of others? Every start asks
 * this of each file and folder before it is used, and refuses with the very
 * command that mends what is wrong.
 *
 * Trusted are root, this user, and whoever may change the program that runs:
 * they could make it do anything.
 */
#ifndef EYELET_LIB_BASE_GUARD_H
#define EYELET_LIB_BASE_GUARD_H

#include <sys/stat.h>

#include "lib/base/err.h"

enum guard_flags {
	GUARD_FOLDER = 1, /* else a plain file */
	GUARD_PRIVATE = 2, /* others may not even read it */
	GUARD_LINK = 4, /* may be a symbolic link: what it names is judged */
	GUARD_SPARE = 8 /* made anew when it is gone */
};

/*
 * Is path of the right kind, of somebody trusted, and not for others to write?
 * What is not there is fine: whoever needs it says so. ERR_DENIED, ERR_IO.
 */
int guard_path(const char *path, unsigned flags, struct err *err);

/*
 * The same of a file that is open, path being its name. Refused besides: what
 * has no name any more, and what is this process's standard input, which /dev/
 * stdin and /proc/self/fd/0 lead to: ERR_CONFIG.
 */
int guard_open_file(int fd, const char *path, struct err *err);

/*
 * The folders above path, by way of its links, too: others who may write in one
 * could put another thing in the place of path. A sticky one (/tmp) keeps them
 * from it.
 */
int guard_above(const char *path, struct err *err);

/* A folder and each of the plain files in it whose names end so. */
int guard_folder_of(const char *folder, const char *ending, struct err *err);

/*
 * ERR_DENIED "WHY: COMMAND" ("@" in both is path, in the command as a shell
 * takes it). A path that is too long to show leaves the command out.
 */
int guard_refuse(
    const char *path, const char *why, const char *command, struct err *err);

#endif
