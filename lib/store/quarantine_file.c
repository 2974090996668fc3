/* quarantine_file.c: sealed records as files. */
#include "lib/store/quarantine_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"

#define NAME_ROOM 64
#define SEALED_MAX (QUARANTINE_RECORD_MAX + SEAL_OVERHEAD)

static void
put_name(const struct quarantine_file *file, char name[NAME_ROOM])
{
	snprintf(name, NAME_ROOM, "%016llx-%llx-%llx",
	    (unsigned long long)file->no, (unsigned long long)file->endpoint_id,
	    (unsigned long long)file->age_ms);
}

/* Only what put_name writes is such a name. */
static bool
read_name(const char *name, struct quarantine_file *out)
{
	unsigned long long no, endpoint, age_ms;
	char again[NAME_ROOM];

	if (strlen(name) >= sizeof(again) ||
	    sscanf(name, "%16llx-%16llx-%16llx", &no, &endpoint, &age_ms) != 3)
		return false;
	out->no = no;
	out->endpoint_id = endpoint;
	out->age_ms = (int64_t)age_ms;
	put_name(out, again);
	return strcmp(name, again) == 0;
}

static char *
path_of(const char *dir, const char *name, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}

struct visiting {
	const char *dir;
	int (*visit)(
	    void *arg, const struct quarantine_file *file, struct err *err);
	void *arg;
};

static int
visit_one(void *arg, const char *name, struct err *err)
{
	struct visiting *v = arg;
	struct quarantine_file file = { 0 };
	char *path = path_of(v->dir, name, err);
	struct stat sb;
	int ret = 0;

	if (path == NULL)
		return -1;
	if (!read_name(name, &file)) {
		(void)unlink(path);
	} else if (stat(path, &sb) == 0) {
		file.size = (size_t)sb.st_size;
		ret = v->visit(v->arg, &file, err);
	}
	free(path);
	return ret;
}

int
quarantine_files(const char *dir,
    int (*visit)(
	void *arg, const struct quarantine_file *file, struct err *err),
    void *arg, struct err *err)
{
	struct visiting v = { dir, visit, arg };

	if (access(dir, F_OK) < 0)
		return errno == ENOENT ? 0 : err_errno(err, errno, "%s", dir);
	return files_visit(dir, visit_one, &v, err);
}

static int
create(const char *dir, const char *path)
{
	const int how = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(path, how, 0600);

	if (fd < 0 && errno == ENOENT && mkdir(dir, 0700) == 0)
		fd = open(path, how, 0600);
	return fd;
}

int
quarantine_file_write(const char *dir, const struct seal_key *key,
    const struct quarantine_file *file, struct span record, struct err *err)
{
	struct buf sealed = BUF_INIT(SEALED_MAX);
	char name[NAME_ROOM], *path;
	int fd = -1, ret = -1;
	ssize_t put;

	put_name(file, name);
	path = path_of(dir, name, err);
	if (path == NULL || seal(key, span_str(name), record, &sealed, err) < 0)
		goto out;
	fd = create(dir, path);
	put = fd < 0 ? -1 : write(fd, sealed.ptr, sealed.len);
	if (put < 0 || (size_t)put < sealed.len) {
		err_errno(err, put < 0 ? errno : ENOSPC,
		    "keep a refused request in %s", path);
		if (fd >= 0)
			(void)unlink(path);
		goto out;
	}
	ret = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	buf_free(&sealed);
	return ret;
}

int
quarantine_file_read(const char *dir, const struct seal_key *key,
    const struct quarantine_file *file, struct buf *out, bool *found,
    struct err *err)
{
	struct buf sealed = BUF_INIT(SEALED_MAX + 1);
	struct err why = ERR_INIT;
	char name[NAME_ROOM], *path;
	unsigned char *at;
	ssize_t got = -1;
	int fd = -1, ret = -1;

	put_name(file, name);
	path = path_of(dir, name, err);
	if (path == NULL || buf_reserve(&sealed, sealed.max, &at, err) < 0)
		goto out;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		got = read(fd, at, sealed.max);
	if (got < 0 && errno != ENOENT) {
		err_errno(err, errno, "read %s", path);
		goto out;
	}
	*found = got >= 0 && unseal(key, span_str(name),
				 span_of(at, (size_t)got), out, &why) == 0;
	if (why.code == ERR_NOMEM || why.code == ERR_CRYPTO)
		err_set(err, why.code, "%s", why.text);
	else
		ret = 0;
out:
	if (fd >= 0)
		close(fd);
	free(path);
	buf_free(&sealed);
	return ret;
}

void
quarantine_file_remove(const char *dir, const struct quarantine_file *file)
{
	struct err ignored = ERR_INIT;
	char name[NAME_ROOM], *path;

	put_name(file, name);
	path = path_of(dir, name, &ignored);
	if (path != NULL)
		(void)unlink(path);
	free(path);
}
