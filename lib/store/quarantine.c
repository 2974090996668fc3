/* quarantine.c: the rings of refused requests, in memory and as files. */
#include "lib/store/quarantine.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rate.h"
#include "lib/store/quarantine_file.h"
#include "lib/store/quarantine_record.h"

/* One request. Its file's name says all of it that is known without reading. */
struct kept {
	struct kept *next; /* in its ring, then among the doomed */
	struct kept *next_waiting;
	struct quarantine_file file;
	size_t size; /* of the file */
	struct buf record; /* until it is written, else empty */
	bool waiting; /* in the list of those */
	bool on_disk;
	bool gone; /* out of its ring: its file goes too */
};

struct ring {
	uint64_t endpoint_id;
	struct kept *first, *last; /* the oldest, the newest */
	uint64_t count, bytes;
	struct rate rate;
};

/* quarantine_limits, which may change at any time. */
struct limits {
	_Atomic uint64_t count, bytes, total;
	_Atomic int64_t retain_s;
};

struct quarantine {
	char *dir;
	const struct seal_key *key;
	struct limits limits;

	pthread_mutex_t lock; /* never held while the disk works */
	struct ring **rings;
	size_t nrings;
	uint64_t count, bytes, unkept, last_no;
	int64_t age_ms; /* as it was told last */
	struct rate rate;
	struct kept *waiting, **waiting_end;
	size_t nwaiting, waiting_bytes;
	struct kept *doomed; /* files that are to go */
};

/* --- the rings, under the lock -------------------------------------------- */

static struct ring *
ring_of(struct quarantine *q, uint64_t endpoint_id, bool make)
{
	struct ring **grown, *r;
	size_t i;

	for (i = 0; i < q->nrings; i++)
		if (q->rings[i]->endpoint_id == endpoint_id)
			return q->rings[i];
	if (!make || (r = calloc(1, sizeof(*r))) == NULL)
		return NULL;
	grown = realloc(q->rings, (q->nrings + 1) * sizeof(*grown));
	if (grown == NULL) {
		free(r);
		return NULL;
	}
	q->rings = grown;
	q->rings[q->nrings++] = r;
	r->endpoint_id = endpoint_id;
	return r;
}

static void
release(struct kept *k)
{
	buf_free(&k->record);
	free(k);
}

/* Lets the oldest of a ring go. One that waits is freed by its writer. */
static void
drop_first(struct quarantine *q, struct ring *r)
{
	struct kept *k = r->first;

	r->first = k->next;
	if (r->first == NULL)
		r->last = NULL;
	r->count--;
	r->bytes -= k->size;
	q->count--;
	q->bytes -= k->size;
	k->gone = true;
	k->next = NULL;
	if (k->on_disk) {
		k->next = q->doomed;
		q->doomed = k;
	}
}

static void
drop_oldest(struct quarantine *q)
{
	struct ring *oldest = NULL;
	size_t i;

	for (i = 0; i < q->nrings; i++)
		if (q->rings[i]->first != NULL &&
		    (oldest == NULL ||
			q->rings[i]->first->file.no < oldest->first->file.no))
			oldest = q->rings[i];
	if (oldest != NULL)
		drop_first(q, oldest);
}

static void
add(struct quarantine *q, struct ring *r, struct kept *k)
{
	const struct limits *limits = &q->limits;

	while (r->count > 0 && (r->count + 1 > limits->count ||
				   r->bytes + k->size > limits->bytes))
		drop_first(q, r);
	while (q->count > 0 && q->bytes + k->size > limits->total)
		drop_oldest(q);
	if (r->last != NULL)
		r->last->next = k;
	else
		r->first = k;
	r->last = k;
	r->count++;
	r->bytes += k->size;
	q->count++;
	q->bytes += k->size;
}

/* --- keeping one ---------------------------------------------------------- */

static bool
is_off(const struct quarantine *q)
{
	return q->limits.count == 0 || q->limits.bytes == 0 ||
	       q->limits.total == 0;
}

/* What one request may be of, sealed, and the room it takes in memory. */
static size_t
record_max(const struct quarantine *q)
{
	uint64_t bytes = q->limits.bytes, total = q->limits.total;
	size_t max = QUARANTINE_RECORD_MAX;

	if (bytes < max)
		max = (size_t)bytes;
	if (total < max)
		max = (size_t)total;
	return max > SEAL_OVERHEAD ? max - SEAL_OVERHEAD : 0;
}

static bool
may_keep(struct quarantine *q, const struct quarantine_entry *en)
{
	int64_t now_ms = en->request.now_ms;
	struct ring *r;
	bool may = false;

	if (is_off(q))
		return false;
	pthread_mutex_lock(&q->lock);
	r = ring_of(q, en->endpoint_id, true);
	may = r != NULL && q->nwaiting < QUARANTINE_WAITING_MAX &&
	      q->waiting_bytes < QUARANTINE_WAITING_BYTES &&
	      rate_take(&r->rate, QUARANTINE_RATE, now_ms) &&
	      rate_take(&q->rate, QUARANTINE_RATE_ALL, now_ms);
	if (!may)
		q->unkept++;
	pthread_mutex_unlock(&q->lock);
	return may;
}

bool
quarantine_put(struct quarantine *q, const struct quarantine_entry *en,
    const struct scheme *sc)
{
	struct err ignored = ERR_INIT;
	struct ring *r;
	struct kept *k;

	/* Asked before anything is copied: a flood costs a lock each. */
	if (!may_keep(q, en) || (k = calloc(1, sizeof(*k))) == NULL)
		return false;
	k->record.max = QUARANTINE_RECORD_MAX;
	if (quarantine_record_put(en, sc, record_max(q), &k->record, &ignored) <
	    0) {
		release(k);
		return false;
	}
	k->file.endpoint_id = en->endpoint_id;
	k->size = k->record.len + SEAL_OVERHEAD;
	k->waiting = true;
	pthread_mutex_lock(&q->lock);
	r = ring_of(q, k->file.endpoint_id, false);
	k->file.no = ++q->last_no;
	add(q, r, k);
	*q->waiting_end = k;
	q->waiting_end = &k->next_waiting;
	q->nwaiting++;
	q->waiting_bytes += k->record.len;
	pthread_mutex_unlock(&q->lock);
	return true;
}

/* --- writing -------------------------------------------------------------- */

static void
remove_doomed(struct quarantine *q)
{
	struct kept *k, *next;

	pthread_mutex_lock(&q->lock);
	k = q->doomed;
	q->doomed = NULL;
	pthread_mutex_unlock(&q->lock);
	for (; k != NULL; k = next) {
		next = k->next;
		quarantine_file_remove(q->dir, &k->file);
		release(k);
	}
}

static struct kept *
take_waiting(struct quarantine *q)
{
	struct kept *k;

	pthread_mutex_lock(&q->lock);
	while ((k = q->waiting) != NULL) {
		q->waiting = k->next_waiting;
		if (q->waiting == NULL)
			q->waiting_end = &q->waiting;
		q->nwaiting--;
		q->waiting_bytes -= k->record.len;
		k->waiting = false;
		k->file.age_ms = q->age_ms;
		if (!k->gone)
			break;
		release(k);
	}
	pthread_mutex_unlock(&q->lock);
	return k;
}

/* Takes one that could not be written out of its ring. */
static void
forget(struct quarantine *q, struct kept *k)
{
	struct ring *r = ring_of(q, k->file.endpoint_id, false);
	struct kept **at = &r->first, *before = NULL;

	while (*at != k) {
		before = *at;
		at = &before->next;
	}
	*at = k->next;
	if (r->last == k)
		r->last = before;
	r->count--;
	r->bytes -= k->size;
	q->count--;
	q->bytes -= k->size;
	q->unkept++;
}

/* Its file is there, or is not. Whoever let it go meanwhile left it to us. */
static void
settle(struct quarantine *q, struct kept *k, bool written)
{
	pthread_mutex_lock(&q->lock);
	k->on_disk = written;
	buf_free(&k->record);
	if (!written && !k->gone) {
		forget(q, k);
		release(k);
	} else if (k->gone) {
		k->next = q->doomed;
		q->doomed = k;
	}
	pthread_mutex_unlock(&q->lock);
}

int
quarantine_write(struct quarantine *q, int64_t age_ms, struct err *err)
{
	int64_t before_ms = age_ms - q->limits.retain_s * 1000;
	struct err first = ERR_INIT, why = ERR_INIT;
	struct kept *k;
	size_t i;
	bool written;

	pthread_mutex_lock(&q->lock);
	for (i = 0; i < q->nrings; i++)
		while (q->rings[i]->first != NULL &&
		       !q->rings[i]->first->waiting &&
		       q->rings[i]->first->file.age_ms < before_ms)
			drop_first(q, q->rings[i]);
	q->age_ms = age_ms;
	pthread_mutex_unlock(&q->lock);
	remove_doomed(q);
	while ((k = take_waiting(q)) != NULL) {
		written = quarantine_file_write(q->dir, q->key, &k->file,
			      buf_span(&k->record), &why) == 0;
		if (!written && first.code == ERR_NONE)
			first = why;
		settle(q, k, written);
	}
	remove_doomed(q);
	if (first.code == ERR_NONE)
		return 0;
	*err = first;
	return -1;
}

/* --- reading -------------------------------------------------------------- */

static struct kept *
find(const struct quarantine *q, uint64_t no)
{
	struct kept *k;
	size_t i;

	for (i = 0; i < q->nrings; i++)
		for (k = q->rings[i]->first; k != NULL; k = k->next)
			if (k->file.no == no)
				return k;
	return NULL;
}

int
quarantine_get(struct quarantine *q, uint64_t no, struct buf *memory,
    struct header *headers, struct quarantine_entry *out, bool *found,
    struct err *err)
{
	struct quarantine_file file = { 0 };
	struct kept *k;
	bool here = false;
	int ret = 0;

	*found = false;
	buf_clear(memory);
	memory->max = QUARANTINE_RECORD_MAX;
	pthread_mutex_lock(&q->lock);
	k = find(q, no);
	if (k != NULL) {
		file = k->file;
		here = k->record.len > 0;
		if (here)
			ret = buf_put_span(memory, buf_span(&k->record), err);
	}
	pthread_mutex_unlock(&q->lock);
	if (k == NULL || ret < 0)
		return ret;
	if (!here &&
	    quarantine_file_read(q->dir, q->key, &file, memory, &here, err) < 0)
		return -1;
	if (!here)
		return 0;
	if (quarantine_record_get(buf_span(memory), headers, out, err) < 0)
		return -1;
	out->no = no;
	out->endpoint_id = file.endpoint_id;
	*found = true;
	return 0;
}

static int
compare_newest_first(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? 1 : *x > *y ? -1 : 0;
}

int
quarantine_list(struct quarantine *q, uint64_t endpoint_id, uint64_t **nos,
    size_t *n, struct err *err)
{
	const struct kept *k;
	uint64_t *list;
	size_t i, found = 0;

	pthread_mutex_lock(&q->lock);
	list = malloc(((size_t)q->count + 1) * sizeof(*list));
	for (i = 0; list != NULL && i < q->nrings; i++) {
		if (endpoint_id != 0 && q->rings[i]->endpoint_id != endpoint_id)
			continue;
		for (k = q->rings[i]->first; k != NULL; k = k->next)
			list[found++] = k->file.no;
	}
	pthread_mutex_unlock(&q->lock);
	if (list == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a list");
	qsort(list, found, sizeof(*list), compare_newest_first);
	*nos = list;
	*n = found;
	return 0;
}

void
quarantine_totals(struct quarantine *q, struct quarantine_totals *out)
{
	pthread_mutex_lock(&q->lock);
	out->count = q->count;
	out->bytes = q->bytes;
	out->unkept = q->unkept;
	pthread_mutex_unlock(&q->lock);
}

/* --- opening, closing ----------------------------------------------------- */

struct found {
	struct quarantine_file *files;
	size_t n, room;
};

static int
note_file(void *arg, const struct quarantine_file *file, struct err *err)
{
	struct found *found = arg;
	struct quarantine_file *grown;

	if (found->n == found->room) {
		grown = realloc(found->files,
		    (found->room * 2 + 64) * sizeof(*found->files));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for the kept requests");
		found->files = grown;
		found->room = found->room * 2 + 64;
	}
	found->files[found->n++] = *file;
	return 0;
}

static int
compare_oldest_first(const void *a, const void *b)
{
	const struct quarantine_file *x = a, *y = b;

	return x->no < y->no ? -1 : x->no > y->no ? 1 : 0;
}

/* The rings as they were; what smaller limits leave no room for is doomed. */
static int
fill(struct quarantine *q, struct found *found, struct err *err)
{
	struct ring *r;
	struct kept *k;
	size_t i;

	if (found->n > 0)
		qsort(found->files, found->n, sizeof(*found->files),
		    compare_oldest_first);
	for (i = 0; i < found->n; i++) {
		r = ring_of(q, found->files[i].endpoint_id, true);
		k = r == NULL ? NULL : calloc(1, sizeof(*k));
		if (k == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for the kept requests");
		k->file = found->files[i];
		k->size = k->file.size;
		k->on_disk = true;
		q->last_no = k->file.no;
		q->age_ms = k->file.age_ms;
		add(q, r, k);
	}
	return 0;
}

static void
take_limits(struct quarantine *q, const struct quarantine_limits *limits)
{
	q->limits.count = limits->count;
	q->limits.bytes = limits->bytes;
	q->limits.total = limits->total;
	q->limits.retain_s = limits->retain_s;
}

void
quarantine_configure(
    struct quarantine *q, const struct quarantine_limits *limits)
{
	struct ring *r;
	size_t i;

	pthread_mutex_lock(&q->lock);
	take_limits(q, limits);
	for (i = 0; i < q->nrings; i++) {
		r = q->rings[i];
		while (r->count > limits->count || r->bytes > limits->bytes)
			drop_first(q, r);
	}
	while (q->bytes > limits->total)
		drop_oldest(q);
	pthread_mutex_unlock(&q->lock);
}

int
quarantine_open(const char *dir, const struct seal_key *key,
    const struct quarantine_limits *limits, struct quarantine **out,
    struct err *err)
{
	struct quarantine *q = calloc(1, sizeof(*q));
	struct found found = { NULL, 0, 0 };
	int ret = -1;

	if (q == NULL || (q->dir = strdup(dir)) == NULL) {
		free(q);
		return err_set(err, ERR_NOMEM, "no memory for a quarantine");
	}
	pthread_mutex_init(&q->lock, NULL);
	q->key = key;
	take_limits(q, limits);
	q->waiting_end = &q->waiting;
	if (quarantine_files(dir, note_file, &found, err) < 0 ||
	    fill(q, &found, err) < 0)
		goto out;
	*out = q;
	q = NULL;
	ret = 0;
out:
	free(found.files);
	quarantine_close(q, false);
	return ret;
}

void
quarantine_close(struct quarantine *q, bool write)
{
	struct err ignored = ERR_INIT;
	struct kept *k;
	size_t i;

	if (q == NULL)
		return;
	if (write)
		(void)quarantine_write(q, q->age_ms, &ignored);
	while ((k = take_waiting(q)) != NULL)
		settle(q, k, false);
	while ((k = q->doomed) != NULL) {
		q->doomed = k->next;
		release(k);
	}
	for (i = 0; i < q->nrings; i++) {
		while ((k = q->rings[i]->first) != NULL) {
			q->rings[i]->first = k->next;
			release(k);
		}
		free(q->rings[i]);
	}
	free(q->rings);
	pthread_mutex_destroy(&q->lock);
	free(q->dir);
	free(q);
}
