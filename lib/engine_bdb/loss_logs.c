/* loss_logs.c: log files that lost something are kept, and cut. */
#include "lib/engine_bdb/loss.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/bdb/scan.h"

#define KEPT "lost-" /* and a time: the folder of the logs */
#define TRIMMED "trimmed" /* the whole part of a damaged log, on its way */

int
store_loss_make_folder(struct store *st, const char *log_dir, struct err *err)
{
	if (mkdir(log_dir, 0700) < 0)
		return err_errno(err, errno, "make folder %s", log_dir);
	return files_sync_folder(st->db_dir, err);
}

/* --- keeping -------------------------------------------------------------- */

struct keeping_logs {
	const char *from, *to;
};

/* A second name takes no room; where there is none, a copy. */
static int
keep_log(void *arg, const char *file, struct err *err)
{
	const struct keeping_logs *kl = arg;

	if (bdb_log_number(file) == 0)
		return 0;
	if (files_link(kl->from, kl->to, file, err) == 0)
		return 0;
	return files_copy(kl->from, kl->to, file, err);
}

int
store_loss_keep(struct store *st, const char *log_dir, struct err *err)
{
	struct keeping_logs kl = { .from = log_dir };
	struct tm tm;
	time_t now = time(NULL);
	char *kept = NULL;
	int ret = -1;

	gmtime_r(&now, &tm);
	strftime(
	    st->loss.kept, sizeof(st->loss.kept), KEPT "%Y%m%dT%H%M%SZ", &tm);
	if (asprintf(&kept, "%s/%s", st->opt.dir, st->loss.kept) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	kl.to = kept;
	/* One of the same second is of a try that did not get further. */
	if (files_fresh_folder(kept, NULL, err) < 0 ||
	    files_visit(log_dir, keep_log, &kl, err) < 0 ||
	    files_sync_folder(kept, err) < 0 ||
	    files_sync_folder(st->opt.dir, err) < 0)
		goto out;
	ret = 0;
out:
	if (ret < 0)
		err_wrap(err, "keep the logs in %s", kept);
	free(kept);
	return ret;
}

/* --- trimming ------------------------------------------------------------- */

struct trimming {
	const char *log_dir;
	struct bdb_lsn end;
};

/* A file of its own: the damaged one has another name, and keeps its bytes. */
static int
cut_log(const char *log_dir, const char *file, uint32_t bytes, struct err *err)
{
	char *from = NULL, *to = NULL, piece[65536];
	int in = -1, out = -1, ret = -1;
	size_t n;

	if (asprintf(&from, "%s/%s", log_dir, file) < 0 ||
	    asprintf(&to, "%s/" TRIMMED, log_dir) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		goto out;
	}
	in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (in >= 0)
		out = open(to,
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (in < 0 || out < 0)
		goto failed;
	while (bytes > 0) {
		n = bytes < sizeof(piece) ? bytes : sizeof(piece);
		errno = EIO;
		if (read(in, piece, n) != (ssize_t)n)
			goto failed;
		errno = ENOSPC;
		if (write(out, piece, n) != (ssize_t)n)
			goto failed;
		bytes -= (uint32_t)n;
	}
	if (fsync(out) < 0)
		goto failed;
	ret = files_rename(log_dir, TRIMMED, file, err);
	goto out;
failed:
	err_errno(err, errno, "cut %s where its whole part ends", from);
out:
	if (in >= 0)
		close(in);
	if (out >= 0)
		close(out);
	free(from);
	free(to);
	return ret;
}

static int
trim_log(void *arg, const char *file, struct err *err)
{
	const struct trimming *tr = arg;
	uint32_t number = bdb_log_number(file);
	char *path = NULL;
	int ret = 0;

	if (number == 0 || number < tr->end.file)
		return 0;
	if (number == tr->end.file && tr->end.offset > 0)
		return cut_log(tr->log_dir, file, tr->end.offset, err);
	if (asprintf(&path, "%s/%s", tr->log_dir, file) < 0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	if (unlink(path) < 0)
		ret = err_errno(err, errno, "remove %s", path);
	free(path);
	return ret;
}

/* Recovery shall find an end, and no damage. */
int
store_loss_trim(const char *log_dir, struct bdb_lsn end, struct err *err)
{
	struct trimming tr = { log_dir, end };

	if (files_visit(log_dir, trim_log, &tr, err) < 0)
		return -1;
	return files_sync_folder(log_dir, err);
}
