/* files.h: whole files and flat folders: copied, linked, removed, flushed. */
#ifndef EYELET_LIB_BASE_FILES_H
#define EYELET_LIB_BASE_FILES_H

#include "lib/base/bytes.h"

/* Visits the names of the plain files in a folder. */
int files_visit(const char *folder,
    int (*visit)(void *arg, const char *file, struct err *err), void *arg,
    struct err *err);

/* Copies from/name to to/name (which must not be there) and flushes it. */
int
files_copy(const char *from, const char *to, const char *name, struct err *err);

/* Gives from/name a second name, to/name. */
int
files_link(const char *from, const char *to, const char *name, struct err *err);

/*
 * Makes a folder (0700) with the folder "sub" in it (NULL: none); what was
 * there under that name is removed first.
 */
int files_fresh_folder(const char *path, const char *sub, struct err *err);

/* Removes a folder with its files and the folder "sub" in it; or nothing. */
int files_remove_folder(const char *path, const char *sub, struct err *err);

/* Flushes a folder, so that the names in it last. */
int files_sync_folder(const char *path, struct err *err);

/* Renames, and flushes the folder that holds both. */
int files_rename(
    const char *folder, const char *from, const char *to, struct err *err);

/*
 * Is there anything of that name? -1 where that cannot be told, which is no
 * word for "no": memory, rights, an error of the disk. It needs no descriptor.
 */
int
files_exist(const char *folder, const char *name, bool *there, struct err *err);

#endif
