/* salvage.c: whole records of damaged tables, page by page. */
#include "lib/bdb/salvage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/bdb/page.h"

#define AT_ONCE (1024 * 1024) /* bytes read by one call */
#define VALUE_MAX (64 * 1024 * 1024) /* a longer one is no record of ours */

struct place {
	uint32_t page;
	uint16_t no; /* of the record in it */
	uint16_t keylen;
	unsigned char key[SALVAGE_KEY_MAX];
};

struct salvage {
	int fd; /* -1: there is no file */
	size_t page_size;
	uint64_t pages;
	struct place *places; /* by key */
	size_t n, room;
};

/* --- pages ---------------------------------------------------------------- */

/* Reads len bytes, or what there is of them; the rest is zeros. */
static int
read_at(int fd, unsigned char *to, size_t len, uint64_t at, struct err *err)
{
	size_t used = 0;
	ssize_t n;

	memset(to, 0, len);
	while (used < len) {
		n = pread(fd, to + used, len - used, (off_t)(at + used));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EIO)
			return 0; /* the disk gives it back no more */
		if (n < 0)
			return err_errno(err, errno, "read a damaged table");
		if (n == 0)
			break;
		used += (size_t)n;
	}
	return 0;
}

/* A page that is whole, in page; *whole is false for any other. */
static int
read_page(const struct salvage *sv, uint32_t no, unsigned char *page,
    bool *whole, struct err *err)
{
	*whole = false;
	if (no >= sv->pages)
		return 0;
	if (read_at(sv->fd, page, sv->page_size, (uint64_t)no * sv->page_size,
		err) < 0)
		return -1;
	*whole = page_judge(page, sv->page_size, no) == PAGE_WHOLE;
	return 0;
}

static bool
is_page_size(size_t n)
{
	return n >= PAGE_SIZE_MIN && n <= PAGE_SIZE_MAX && (n & (n - 1)) == 0;
}

/* Visits each page; runs of them are read with one call. */
static int
each_page(int fd, size_t page_size, uint64_t pages,
    int (*visit)(
	void *arg, const unsigned char *page, uint32_t no, struct err *err),
    void *arg, struct err *err)
{
	unsigned char *run = malloc(AT_ONCE);
	size_t a_run = AT_ONCE / page_size, i;
	uint64_t no;
	int ret = 0;

	if (run == NULL)
		return err_set(err, ERR_NOMEM, "no memory for pages");
	for (no = 0; no < pages && ret == 0; no += a_run) {
		ret = read_at(fd, run, AT_ONCE, no * page_size, err);
		for (i = 0; i < a_run && no + i < pages && ret == 0; i++)
			ret = visit(
			    arg, run + i * page_size, (uint32_t)(no + i), err);
	}
	free(run);
	return ret;
}

/* --- opening -------------------------------------------------------------- */

static int
append_chain(const struct salvage *sv, const struct page_item *item,
    struct buf *value, bool *whole, struct err *err)
{
	unsigned char *page = malloc(sv->page_size);
	uint32_t no = item->chain, left = item->len;
	struct span bytes;
	int ret = 0;

	if (page == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a page");
	*whole = item->len <= VALUE_MAX;
	/* Each page takes some of what is left, so that a ring ends. */
	while (*whole && left > 0) {
		ret = read_page(sv, no, page, whole, err);
		if (ret < 0 || !*whole)
			break;
		*whole = page_chained(page, sv->page_size, &bytes, &no) &&
			 bytes.len > 0 && bytes.len <= left;
		if (!*whole)
			break;
		left -= (uint32_t)bytes.len;
		if (value != NULL)
			ret = buf_put_span(value, bytes, err);
		if (ret < 0)
			break;
	}
	free(page);
	return ret;
}

static int
add_place(struct salvage *sv, uint32_t page, unsigned no, struct span key,
    struct err *err)
{
	size_t room = sv->room == 0 ? 1024 : sv->room * 2;
	struct place *grown, *pl;

	if (sv->n == sv->room) {
		grown = realloc(sv->places, room * sizeof(*grown));
		if (grown == NULL)
			return err_set(err, ERR_NOMEM,
			    "no memory for the records of a damaged table");
		sv->places = grown;
		sv->room = room;
	}
	pl = &sv->places[sv->n++];
	memset(pl, 0, sizeof(*pl));
	pl->page = page;
	pl->no = (uint16_t)no;
	pl->keylen = (uint16_t)key.len;
	memcpy(pl->key, key.ptr, key.len);
	return 0;
}

static int
note_page(void *arg, const unsigned char *page, uint32_t no, struct err *err)
{
	struct salvage *sv = arg;
	struct page_item key, value;
	unsigned i, n;
	bool whole;

	if (page_judge(page, sv->page_size, no) != PAGE_WHOLE ||
	    !page_is_leaf(page))
		return 0;
	n = page_records(page);
	for (i = 0; i < n; i++) {
		if (!page_record(page, sv->page_size, i, &key, &value) ||
		    key.chain != 0 || key.bytes.len > SALVAGE_KEY_MAX)
			continue;
		whole = true;
		if (value.chain != 0 &&
		    append_chain(sv, &value, NULL, &whole, err) < 0)
			return -1;
		if (whole && add_place(sv, no, i, key.bytes, err) < 0)
			return -1;
	}
	return 0;
}

static int
compare_keys(struct span a, struct span b)
{
	int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);

	if (order != 0 || a.len == b.len)
		return order;
	return a.len < b.len ? -1 : 1;
}

static int
by_key(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return compare_keys(
	    span_of(x->key, x->keylen), span_of(y->key, y->keylen));
}

static void
sort(struct salvage *sv)
{
	size_t i, kept = 0;

	if (sv->n == 0)
		return;
	qsort(sv->places, sv->n, sizeof(sv->places[0]), by_key);
	for (i = 1; i < sv->n; i++)
		if (by_key(&sv->places[kept], &sv->places[i]) != 0)
			sv->places[++kept] = sv->places[i];
	sv->n = kept + 1;
}

static int
open_file(
    const char *path, size_t page_size, struct salvage *sv, struct err *err)
{
	unsigned char meta[PAGE_SIZE_MIN];
	struct stat sb;
	uint32_t told;

	sv->page_size = page_size;
	sv->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (sv->fd < 0 || fstat(sv->fd, &sb) < 0)
		return err_errno(err, errno, "open %s", path);
	if (read_at(sv->fd, meta, sizeof(meta), 0, err) < 0)
		return -1;
	if (page_judge(meta, sizeof(meta), 0) == PAGE_WHOLE) {
		memcpy(&told, meta + PAGE_AT_SIZE, sizeof(told));
		if (is_page_size(told))
			sv->page_size = told;
	}
	sv->pages = ((uint64_t)sb.st_size + sv->page_size - 1) / sv->page_size;
	return 0;
}

int
salvage_open(
    const char *path, size_t page_size, struct salvage **out, struct err *err)
{
	struct salvage *sv = calloc(1, sizeof(*sv));

	if (sv == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a table");
	sv->fd = -1;
	if (open_file(path, page_size, sv, err) < 0) {
		if (err->code != ERR_NOTFOUND)
			goto fail;
	} else if (each_page(sv->fd, sv->page_size, sv->pages, note_page, sv,
		       err) < 0) {
		goto fail;
	}
	sort(sv);
	*out = sv;
	return 0;
fail:
	salvage_close(sv);
	return -1;
}

void
salvage_close(struct salvage *sv)
{
	if (sv == NULL)
		return;
	if (sv->fd >= 0)
		close(sv->fd);
	free(sv->places);
	free(sv);
}

/* --- reading -------------------------------------------------------------- */

size_t
salvage_count(const struct salvage *sv)
{
	return sv->n;
}

struct span
salvage_key(const struct salvage *sv, size_t i)
{
	return span_of(sv->places[i].key, sv->places[i].keylen);
}

size_t
salvage_seek(const struct salvage *sv, struct span key)
{
	size_t low = 0, high = sv->n, middle;

	while (low < high) {
		middle = low + (high - low) / 2;
		if (compare_keys(salvage_key(sv, middle), key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int
salvage_get(const struct salvage *sv, size_t i, struct buf *value, bool *found,
    struct err *err)
{
	const struct place *pl = &sv->places[i];
	unsigned char *page = malloc(sv->page_size);
	struct page_item key, item;
	int ret = -1;

	buf_clear(value);
	if (page == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a page");
	if (read_page(sv, pl->page, page, found, err) < 0)
		goto out;
	*found = *found &&
		 page_record(page, sv->page_size, pl->no, &key, &item) &&
		 key.chain == 0 && span_eq(key.bytes, salvage_key(sv, i));
	if (*found && item.chain == 0 &&
	    buf_put_span(value, item.bytes, err) < 0)
		goto out;
	if (*found && item.chain != 0 &&
	    append_chain(sv, &item, value, found, err) < 0)
		goto out;
	ret = 0;
out:
	free(page);
	return ret;
}

/* --- judging files -------------------------------------------------------- */

struct judging {
	struct salvage_pages *out;
	size_t page_size;
	uint32_t last_no;
};

static int
judge_page(void *arg, const unsigned char *page, uint32_t no, struct err *err)
{
	struct judging *jd = arg;

	(void)err;
	/* Pages behind the last one belong to transactions that never
	 * committed. */
	if (no > 0 && jd->out->whole > 0 && no > jd->last_no)
		return 0;
	switch (page_judge(page, jd->page_size, no)) {
	case PAGE_DAMAGED:
		jd->out->damaged++;
		break;
	case PAGE_ZERO:
		/* Page 0 is written first of all. */
		if (no == 0)
			jd->out->damaged++;
		else
			jd->out->zero++;
		break;
	case PAGE_WHOLE:
		jd->out->whole++;
		if (no == 0)
			jd->last_no = page_last_no(page);
		break;
	}
	return 0;
}

int
salvage_judge(const char *path, size_t page_size, struct salvage_pages *out,
    struct err *err)
{
	struct salvage sv = { .fd = -1 };
	struct judging jd = { .out = out };
	int ret = -1;

	memset(out, 0, sizeof(*out));
	if (open_file(path, page_size, &sv, err) < 0)
		goto out;
	jd.page_size = sv.page_size;
	if (each_page(sv.fd, sv.page_size, sv.pages, judge_page, &jd, err) < 0)
		goto out;
	out->cut = sv.pages <= jd.last_no;
	ret = 0;
out:
	if (sv.fd >= 0)
		close(sv.fd);
	return ret;
}

bool
salvage_is_whole(const struct salvage_pages *pages)
{
	return pages->whole > 0 && pages->zero == 0 && pages->damaged == 0 &&
	       !pages->cut;
}
