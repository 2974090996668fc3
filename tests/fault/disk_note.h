/*
 * disk_note.h: what disk.so keeps: the system's calls below it, which files
 * are the store's, and the log that it notes changes in.
 */
#ifndef EYELET_TESTS_FAULT_DISK_NOTE_H
#define EYELET_TESTS_FAULT_DISK_NOTE_H

#include "tests/fault/disk.h"

#include <sys/stat.h>
#include <sys/uio.h>

#include <limits.h>
#include <pthread.h>

/* The calls below ours. */
struct below {
	int (*open)(const char *, int, ...);
	int (*openat)(int, const char *, int, ...);
	int (*mkdir)(const char *, mode_t);
	int (*unlink)(const char *);
	int (*rename)(const char *, const char *);
	ssize_t (*write)(int, const void *, size_t);
	ssize_t (*writev)(int, const struct iovec *, int);
	ssize_t (*pwrite)(int, const void *, size_t, off_t);
	int (*ftruncate)(int, off_t);
	int (*posix_fallocate)(int, off_t, off_t);
	int (*posix_fadvise)(int, off_t, off_t, int);
	int (*fsync)(int);
	int (*fdatasync)(int);
};

/* Found, and the environment read, at the first call. */
struct below *disk_below(void);

const char *disk_dir(void); /* of the log */

/* Mapped, or NULL when the environment names no store. */
struct disk_control *disk_control(void);

/*
 * Keeps a note and its change together. While disk_inside is set, this
 * thread's calls are the shim's own and are passed through.
 */
extern pthread_mutex_t disk_lock;
extern _Thread_local bool disk_inside;

/* Is fd a regular file of the store? Its path, and what fstat says. */
bool disk_our_file(int fd, char path[PATH_MAX], struct stat *st);
/* The same for files and folders. */
bool disk_our_fd(int fd, char path[PATH_MAX], struct stat *st);
/* Is name, which need not exist, one of the store? Its absolute path. */
bool disk_our_name(int dirfd, const char *name, char path[PATH_MAX]);

/* Where the log ends now. */
uint64_t disk_log_end(void);
/* A sync of ino, or what became of it, that began when the log ended at. */
void disk_note_sync(enum disk_kind kind, uint64_t ino, uint64_t at);
/* A change of [offset, offset + len), with what stands there now. */
void disk_note_data(enum disk_kind kind, const char *path,
    const struct stat *st, uint64_t offset, uint64_t len);
void disk_note_name(
    enum disk_kind kind, const char *path, const char *other, uint64_t grave);
/* Keeps a file that is about to lose its name; 0 when there is none. */
uint64_t disk_bury(const char *path);
/* Where we have promised the log and it cannot be had: no test is sound. */
void disk_die(const char *what) __attribute__((noreturn));

#endif
