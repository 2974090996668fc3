/* scan.c: the chain of records in the log files, read byte by byte. */
#include "lib/bdb/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/bdb/impl.h"

#define READ_MAX (32 * 1024 * 1024) /* bytes; larger files are mapped */
#define HEAD 12 /* bytes before a record's own */
#define FILE_HEAD 28 /* bytes of a file's first record */
#define FILE_MAGIC 0x040988
#define RECORD_CHECKPOINT 11 /* the library's numbers of kinds */
#define RECORD_NOTE 47
#define CHECKPOINT_FROM 16 /* behind HEAD: where recovery begins */
#define NOTE_TEXT 50 /* bytes of a note's record before its text */
#define NOTE_WORDS "eyelet durable "
#define NOTE_MAX 96
#define PAGE_SIZE_AT 20 /* in the first page of a table */

/* A log file, mapped. */
struct log_file {
	uint32_t number;
	const unsigned char *p;
	size_t len;
};

/* Records that follow each other without a break, over files. */
struct chain {
	bool begun;
	struct bdb_lsn start, end;
	uint32_t last; /* where the last record of its last file begins */
	bool clean; /* nothing but zeros follows in that file */
	bool has_checkpoint;
	struct bdb_lsn recovery; /* where the last one has recovery begin */
};

struct scanning {
	struct bdb_scan *out;
	struct chain chain;
	struct chain before_break; /* the chain that the first break ends */
};

/* --- bytes ---------------------------------------------------------------- */

/* The library writes numbers as this machine has them. */
static uint32_t
number_at(const unsigned char *p)
{
	uint32_t n;

	memcpy(&n, p, sizeof(n));
	return n;
}

static uint32_t
sum_of(const unsigned char *p, size_t n)
{
	uint32_t h = 0;

	while (n-- > 0)
		h = h * 33 + *p++;
	return h;
}

/* Length of the record at at, when all of it is there and whole; or 0. */
static uint32_t
record_at(const struct log_file *f, size_t at)
{
	const unsigned char *p = f->p + at;
	uint32_t len;

	if (at > f->len || f->len - at < HEAD)
		return 0;
	len = number_at(p + 4);
	if (len <= HEAD + 4 || len > f->len - at)
		return 0;
	if ((sum_of(p + HEAD, len - HEAD) ^ number_at(p) ^ len) !=
	    number_at(p + 8))
		return 0;
	return len;
}

static bool
is_zero(const unsigned char *p, size_t n)
{
	return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

int
bdb_lsn_cmp(struct bdb_lsn a, struct bdb_lsn b)
{
	if (a.file != b.file)
		return a.file < b.file ? -1 : 1;
	return a.offset < b.offset ? -1 : a.offset > b.offset;
}

static struct bdb_lsn
lsn_at(uint32_t file, size_t offset)
{
	struct bdb_lsn lsn = { file, (uint32_t)offset };

	return lsn;
}

/* --- notes ---------------------------------------------------------------- */

int
bdb_durable(struct bdb *db, struct bdb_lsn *out, struct err *err)
{
	DB_LOG_STAT *stat = NULL;
	int ret;

	ret = db->env->log_stat(db->env, &stat, 0);
	if (ret != 0)
		return bdb_err(db, err, ret, "ask how far the log is durable");
	*out = lsn_at(stat->st_disk_file, stat->st_disk_offset);
	free(stat);
	return 0;
}

void
bdb_note(struct bdb *db, uint64_t seq, struct bdb_lsn durable)
{
	/* A note that is not written proves nothing, and harms nothing. */
	(void)db->env->log_printf(db->env, NULL, NOTE_WORDS "%lu/%lu %llu",
	    (unsigned long)durable.file, (unsigned long)durable.offset,
	    (unsigned long long)seq);
}

static void
prove(struct bdb_scan *out, struct bdb_lsn durable, uint64_t seq)
{
	if (bdb_lsn_cmp(durable, out->durable) > 0)
		out->durable = durable;
	if (seq > out->seq)
		out->seq = seq;
}

/* The record at at is whole, and of the kind that notes are. */
static void
read_note(struct bdb_scan *out, const struct log_file *f, size_t at, size_t len)
{
	char text[NOTE_MAX];
	unsigned long file, offset;
	unsigned long long seq;
	size_t n;

	if (len <= NOTE_TEXT)
		return;
	n = len - NOTE_TEXT < sizeof(text) ? len - NOTE_TEXT : sizeof(text);
	memcpy(text, f->p + at + NOTE_TEXT, n);
	text[n - 1] = '\0';
	if (sscanf(text, NOTE_WORDS "%lu/%lu %llu", &file, &offset, &seq) == 3)
		prove(out, lsn_at((uint32_t)file, offset), seq);
}

/* Behind a break: whole notes anywhere. */
static void
search_notes(struct bdb_scan *out, const struct log_file *f, size_t at)
{
	const unsigned char *p;
	uint32_t len;

	while ((p = memmem(f->p + at, f->len - at, NOTE_WORDS,
		    strlen(NOTE_WORDS))) != NULL) {
		at = (size_t)(p - f->p);
		len = at < NOTE_TEXT ? 0 : record_at(f, at - NOTE_TEXT);
		if (len > 0)
			read_note(out, f, at - NOTE_TEXT, len);
		at++;
	}
}

/* --- the chain ------------------------------------------------------------ */

static void
take_break(struct scanning *sc, struct bdb_lsn at, const char *what)
{
	if (sc->out->broken.file == 0) {
		sc->out->broken = at;
		sc->out->what = what;
		sc->before_break = sc->chain;
	}
	sc->chain.begun = false;
}

static void
take_record(
    struct scanning *sc, const struct log_file *f, size_t at, uint32_t len)
{
	const unsigned char *p = f->p + at + HEAD;
	uint32_t kind = number_at(p);

	sc->chain.last = (uint32_t)at;
	sc->chain.end = lsn_at(f->number, at + len);
	if (kind == RECORD_NOTE)
		read_note(sc->out, f, at, len);
	if (kind == RECORD_CHECKPOINT && len >= HEAD + CHECKPOINT_FROM + 8) {
		sc->chain.has_checkpoint = true;
		sc->chain.recovery = lsn_at(number_at(p + CHECKPOINT_FROM),
		    number_at(p + CHECKPOINT_FROM + 4));
	}
}

/* Is the file's first record whole, and what it should be? */
static bool
has_head(const struct log_file *f)
{
	return record_at(f, 0) == FILE_HEAD &&
	       number_at(f->p + HEAD) == FILE_MAGIC;
}

/*
 * The head is damaged, and what follows it is whole: what the head was is
 * known to the last bit, where the file before it is.
 */
static bool
has_next(const struct scanning *sc, const struct log_file *f)
{
	const struct chain *ch = &sc->chain;

	if (has_head(f) || record_at(f, FILE_HEAD) == 0 ||
	    number_at(f->p + FILE_HEAD) != 0)
		return false;
	return f->number == 1 ||
	       (ch->begun && ch->clean && ch->end.file == f->number - 1);
}

/* The file goes on with the chain, or begins another. */
static void
join(struct scanning *sc, const struct log_file *f)
{
	struct chain *ch = &sc->chain;
	uint32_t names =
	    sc->out->headless == f->number ? ch->last : number_at(f->p);

	/* It was begun once all of the one before had been flushed. */
	prove(sc->out, lsn_at(f->number, 0), 0);
	if (ch->begun && (!ch->clean || ch->last != names))
		take_break(sc, ch->end,
		    ch->clean ? "records are missing from the end of the file"
			      : "a record is damaged");
	if (!ch->begun) {
		memset(ch, 0, sizeof(*ch));
		ch->begun = true;
		ch->start = lsn_at(f->number, 0);
	}
}

static void
scan_file(struct scanning *sc, const struct log_file *f)
{
	struct chain *ch = &sc->chain;
	size_t at = 0;
	uint32_t len;

	if (has_next(sc, f)) {
		sc->out->headless = f->number;
		sc->out->head_names = ch->last;
	} else if (!has_head(f)) {
		/* A file may be made and its first bytes not be written. */
		if (f->number == sc->out->newest && is_zero(f->p, f->len))
			return;
		take_break(sc, lsn_at(f->number, 0),
		    "the head of the file is damaged");
		search_notes(sc->out, f, 0);
		return;
	}
	join(sc, f);
	ch->last = 0;
	ch->end = lsn_at(f->number, FILE_HEAD);
	for (at = FILE_HEAD; (len = record_at(f, at)) > 0; at += len) {
		if (number_at(f->p + at) != ch->last)
			break;
		take_record(sc, f, at, len);
	}
	ch->clean = is_zero(f->p + at, f->len - at);
	if (!ch->clean)
		search_notes(sc->out, f, at);
}

/* Can recovery do with what follows the last break alone? */
static bool
is_enough(const struct chain *ch)
{
	return ch->begun && ch->has_checkpoint &&
	       bdb_lsn_cmp(ch->recovery, ch->start) >= 0;
}

static void
conclude(struct scanning *sc)
{
	struct bdb_scan *out = sc->out;
	bool broke = out->broken.file != 0;

	if (!broke || is_enough(&sc->chain)) {
		out->end = sc->chain.end;
		if (!broke && sc->chain.begun && !sc->chain.clean) {
			out->broken = out->end;
			out->what = "a record is damaged";
		}
		return;
	}
	out->end = sc->before_break.end;
}

/* --- files ---------------------------------------------------------------- */

struct range {
	uint32_t oldest, newest;
};

static int
widen(void *arg, const char *file, struct err *err)
{
	struct range *r = arg;
	uint32_t number = bdb_log_number(file);

	(void)err;
	if (number == 0)
		return 0;
	if (r->oldest == 0 || number < r->oldest)
		r->oldest = number;
	if (number > r->newest)
		r->newest = number;
	return 0;
}

/*
 * A log file has holes where nothing was written yet. A mapped hole of a tmpfs
 * takes room as soon as it is read, and ends the process where there is none:
 * so what is no larger than a log file is read.
 */
static void *
map(int fd, size_t len)
{
	unsigned char *p;
	size_t done = 0;
	ssize_t n = 1;

	if (len > READ_MAX)
		return mmap(
		    NULL, len, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
	    -1, 0);
	while (p != MAP_FAILED && done < len && n > 0) {
		n = pread(fd, p + done, len - done, (off_t)done);
		done += n > 0 ? (size_t)n : 0;
	}
	if (p == MAP_FAILED || n >= 0)
		return p; /* one that was cut meanwhile ends in zeros */
	munmap(p, len);
	return MAP_FAILED;
}

/* *there is false when there is no such file. */
static int
map_file(const char *path, struct log_file *f, bool *there, struct err *err)
{
	struct stat sb;
	void *p = NULL;
	int fd, ret = -1;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	*there = fd >= 0;
	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &sb) < 0)
		goto failed;
	f->len = (size_t)sb.st_size;
	if (f->len > 0) {
		p = map(fd, f->len);
		if (p == MAP_FAILED)
			goto failed;
	}
	f->p = p;
	ret = 0;
failed:
	if (ret < 0)
		err_errno(err, errno, "read %s", path);
	if (fd >= 0)
		close(fd);
	return ret;
}

static int
scan_one(
    struct scanning *sc, const char *log_dir, uint32_t number, struct err *err)
{
	struct log_file f = { .number = number };
	char *path = NULL;
	bool there;
	int ret;

	if (asprintf(&path, "%s/log.%010lu", log_dir, (unsigned long)number) <
	    0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	ret = map_file(path, &f, &there, err);
	free(path);
	if (ret < 0)
		return -1;
	if (there)
		scan_file(sc, &f);
	else
		take_break(sc, lsn_at(number, 0), "the file is missing");
	if (f.len > 0)
		munmap((void *)(uintptr_t)f.p, f.len);
	return 0;
}

int
bdb_scan_logs(
    const char *log_dir, uint32_t from, struct bdb_scan *out, struct err *err)
{
	struct scanning sc = { .out = out };
	struct range r = { 0, 0 };
	uint32_t number;

	memset(out, 0, sizeof(*out));
	if (files_visit(log_dir, widen, &r, err) < 0)
		return -1;
	out->oldest = r.oldest;
	out->newest = r.newest;
	if (r.newest == 0)
		return 0;
	for (number = from < r.oldest ? r.oldest : from; number <= r.newest;
	     number++)
		if (scan_one(&sc, log_dir, number, err) < 0)
			return -1;
	conclude(&sc);
	/* Older files go with a snapshot; the last checkpoint tells. */
	if (from != 0 && from < r.oldest && out->broken.file == 0 &&
	    !is_enough(&sc.chain)) {
		out->broken = lsn_at(from, 0);
		out->what = "the file is missing";
		out->end = lsn_at(0, 0);
	}
	return 0;
}

static int
write_head(const char *log_dir, uint32_t number, uint32_t names, int flags,
    struct err *err)
{
	uint32_t head[FILE_HEAD / 4] = { names, FILE_HEAD, 0, FILE_MAGIC,
		DB_LOGVERSION, BDB_LOG_FILE_MAX, 0 };
	char *path = NULL;
	int fd, ret = -1;

	head[2] = sum_of((const unsigned char *)head + HEAD, FILE_HEAD - HEAD) ^
		  head[0] ^ head[1];
	if (asprintf(&path, "%s/log.%010lu", log_dir, (unsigned long)number) <
	    0)
		return err_set(err, ERR_NOMEM, "no memory for a path");
	fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	errno = fd < 0 ? errno : ENOSPC;
	if (fd < 0 || pwrite(fd, head, sizeof(head), 0) != sizeof(head) ||
	    fsync(fd) < 0)
		err_errno(err, errno, "write the head of %s", path);
	else
		ret = files_sync_folder(log_dir, err);
	if (fd >= 0)
		close(fd);
	free(path);
	return ret;
}

int
bdb_begin_log(const char *log_dir, uint32_t number, struct err *err)
{
	return write_head(log_dir, number, 0, O_CREAT | O_EXCL, err);
}

int
bdb_mend_head(const char *log_dir, const struct bdb_scan *scan, struct err *err)
{
	return write_head(log_dir, scan->headless, scan->head_names, 0, err);
}

/* --- tables --------------------------------------------------------------- */

struct looking {
	const char *home;
	struct bdb_lsn end;
	bool ahead;
};

static int
look_at_table(void *arg, const char *file, struct err *err)
{
	struct looking *lk = arg;
	struct log_file f = { 0 };
	struct bdb_lsn page;
	char *path = bdb_path(lk->home, file, err);
	uint32_t size;
	size_t at;
	bool there;
	int ret;

	if (path == NULL)
		return -1;
	ret = map_file(path, &f, &there, err);
	free(path);
	if (ret < 0 || !there || f.len < PAGE_SIZE_AT + 4)
		goto out;
	size = number_at(f.p + PAGE_SIZE_AT);
	if (size < 512 || size > 65536)
		goto out; /* damaged, or no table: not for us to tell */
	for (at = 0; !lk->ahead && f.len - at >= size; at += size) {
		page = lsn_at(number_at(f.p + at), number_at(f.p + at + 4));
		lk->ahead = bdb_lsn_cmp(page, lk->end) >= 0;
	}
out:
	if (f.len > 0)
		munmap((void *)(uintptr_t)f.p, f.len);
	return ret;
}

int
bdb_pages_ahead(
    const char *home, struct bdb_lsn end, bool *ahead, struct err *err)
{
	struct looking lk = { home, end, false };

	if (files_visit(home, look_at_table, &lk, err) < 0)
		return -1;
	*ahead = lk.ahead;
	return 0;
}
