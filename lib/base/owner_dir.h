/* owner_dir.h: finds the store folder for the files of owner and stall. */
#ifndef EYELET_LIB_BASE_OWNER_DIR_H
#define EYELET_LIB_BASE_OWNER_DIR_H

#include <sys/stat.h>

#include "lib/base/err.h"

/*
 * A descriptor (O_PATH) for reaching what is in the folder, with who owns it;
 * needs no right but to pass through. -1: ERR_NOTFOUND, ERR_DENIED (also: a
 * symbolic link), ERR_IO.
 */
int owner_dir_find(const char *dir, struct stat *st, struct err *err);

/*
 * The same for its owner, readable, once it was found safe: nobody else can
 * write in it, or put another one in its place.
 */
int owner_dir_open(const char *dir, struct stat *st, struct err *err);

/* What connect() and bind() take for the socket in the folder. */
#define OWNER_SOCKET "socket"

#endif
