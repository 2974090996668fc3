/* durable.c: two slots that take turns. */
#include "lib/log/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/pack.h"
#include "lib/crypto/digest.h"

#define SLOT_APART 4096
#define SLOT_BYTES 48
#define SUMMED 40
#define MAGIC "eyeldur1"
#define ID_MAX 33

struct durable {
	int fd;
	char id[ID_MAX];
	pthread_mutex_t mutex; /* of what follows */
	uint64_t number; /* of the last write */
	unsigned slot; /* that is written to */
	bool dirty; /* since it was flushed */
};

static int
sum_slot(const struct durable *du, const unsigned char *slot,
    unsigned char out[32], struct err *err)
{
	struct span parts[] = { span_of(slot, SUMMED), span_str(du->id) };

	return digest_sha256(parts, 2, out, err);
}

static int
read_slot(const struct durable *du, unsigned n, struct durable_point *point,
    uint64_t *number, bool *whole, struct err *err)
{
	unsigned char slot[SLOT_BYTES], sum[32];
	struct pack_reader r;
	ssize_t got;

	*whole = false;
	got = pread(du->fd, slot, sizeof(slot), (off_t)n * SLOT_APART);
	if (got < 0)
		return err_errno(err, errno, "read how far the log is durable");
	if (got != SLOT_BYTES || memcmp(slot, MAGIC, 8) != 0)
		return 0;
	if (sum_slot(du, slot, sum, err) < 0)
		return -1;
	if (memcmp(sum, slot + SUMMED, SLOT_BYTES - SUMMED) != 0)
		return 0;
	r = pack_reader_of(span_of(slot + 8, SUMMED - 8));
	*number = pack_get64(&r);
	point->seq = pack_get64(&r);
	point->file = (uint32_t)pack_get32(&r);
	point->offset = (uint32_t)pack_get32(&r);
	point->needed = (uint32_t)pack_get32(&r);
	*whole = true;
	return 0;
}

static int
read_slots(struct durable *du, struct durable_point *point, bool *found,
    struct err *err)
{
	struct durable_point each;
	uint64_t number;
	bool whole;
	unsigned n;

	*found = false;
	for (n = 0; n < 2; n++) {
		if (read_slot(du, n, &each, &number, &whole, err) < 0)
			return -1;
		if (!whole || (*found && number < du->number))
			continue;
		*found = true;
		*point = each;
		du->number = number;
		du->slot = 1 - n; /* the newest stays until the other lasts */
	}
	return 0;
}

int
durable_open(const char *path, const char *store_id, struct durable **out,
    struct durable_point *point, bool *found, struct err *err)
{
	struct durable *du = calloc(1, sizeof(*du));
	int ret = -1;

	if (du == NULL)
		return err_set(err, ERR_NOMEM, "no memory for %s", path);
	pthread_mutex_init(&du->mutex, NULL);
	strncpy(du->id, store_id, sizeof(du->id) - 1);
	du->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (du->fd < 0) {
		err_errno(err, errno, "open %s", path);
		goto out;
	}
	if (read_slots(du, point, found, err) < 0)
		goto out;
	/* Room is taken now: none is needed while the disk is full. */
	if (!*found) {
		ret = posix_fallocate(du->fd, 0, 2 * SLOT_APART);
		if (ret != 0 || fsync(du->fd) < 0) {
			err_errno(err, ret != 0 ? ret : errno, "make %s", path);
			ret = -1;
			goto out;
		}
	}
	*out = du;
	du = NULL;
	ret = 0;
out:
	durable_close(du);
	return ret;
}

void
durable_close(struct durable *du)
{
	if (du == NULL)
		return;
	if (du->fd >= 0)
		close(du->fd);
	pthread_mutex_destroy(&du->mutex);
	free(du);
}

int
durable_put(
    struct durable *du, const struct durable_point *point, struct err *err)
{
	unsigned char sum[32];
	struct buf slot = BUF_INIT(SLOT_BYTES);
	int ret = -1;

	pthread_mutex_lock(&du->mutex);
	if (buf_put(&slot, MAGIC, 8, err) < 0 ||
	    pack_put64(&slot, du->number + 1, err) < 0 ||
	    pack_put64(&slot, point->seq, err) < 0 ||
	    pack_put32(&slot, point->file, err) < 0 ||
	    pack_put32(&slot, point->offset, err) < 0 ||
	    pack_put32(&slot, point->needed, err) < 0 ||
	    pack_put32(&slot, 0, err) < 0 ||
	    sum_slot(du, slot.ptr, sum, err) < 0 ||
	    buf_put(&slot, sum, SLOT_BYTES - SUMMED, err) < 0)
		goto out;
	errno = EIO;
	if (pwrite(du->fd, slot.ptr, slot.len, (off_t)du->slot * SLOT_APART) !=
	    SLOT_BYTES) {
		err_errno(err, errno, "write how far the log is durable");
		goto out;
	}
	du->number++;
	du->dirty = true;
	ret = 0;
out:
	pthread_mutex_unlock(&du->mutex);
	buf_free(&slot);
	return ret;
}

int
durable_sync(struct durable *du, struct err *err)
{
	unsigned slot;
	bool dirty;

	pthread_mutex_lock(&du->mutex);
	dirty = du->dirty;
	slot = du->slot;
	du->dirty = false;
	pthread_mutex_unlock(&du->mutex);
	if (!dirty)
		return 0;
	if (fdatasync(du->fd) < 0)
		return err_errno(
		    err, errno, "flush how far the log is durable");
	/*
	 * Every point in this slot up to the flush lasts, or a later one does
	 * that came meanwhile; the other one is free to be written to.
	 */
	pthread_mutex_lock(&du->mutex);
	if (du->slot == slot)
		du->slot = 1 - slot;
	pthread_mutex_unlock(&du->mutex);
	return 0;
}

int
durable_move(struct durable *to, struct durable *from, struct err *err)
{
	struct durable_point point;
	bool found;

	pthread_mutex_lock(&from->mutex);
	if (read_slots(from, &point, &found, err) < 0) {
		pthread_mutex_unlock(&from->mutex);
		return -1;
	}
	to->number = from->number;
	pthread_mutex_unlock(&from->mutex);
	if (!found)
		return 0;
	if (durable_put(to, &point, err) < 0)
		return -1;
	return durable_sync(to, err);
}
