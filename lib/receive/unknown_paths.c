/* unknown_paths.c: the last paths that led to no endpoint. */
#include "lib/receive/unknown_paths.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MS (24 * 3600 * INT64_C(1000)) /* one that came several times */

struct unknown_paths {
	pthread_mutex_t lock;
	uint64_t count;
	int64_t since_ms;
	struct unknown_path paths[UNKNOWN_PATHS_MAX];
};

int
unknown_paths_new(int64_t now_ms, struct unknown_paths **out, struct err *err)
{
	struct unknown_paths *up = calloc(1, sizeof(*up));

	if (up == NULL)
		return err_set(err, ERR_NOMEM, "no memory for unknown paths");
	pthread_mutex_init(&up->lock, NULL);
	up->since_ms = now_ms;
	*out = up;
	return 0;
}

void
unknown_paths_free(struct unknown_paths *up)
{
	if (up == NULL)
		return;
	pthread_mutex_destroy(&up->lock);
	free(up);
}

static size_t
copy_cut(char *to, size_t size, struct span from)
{
	size_t len = from.len < size ? from.len : size;

	if (len > 0)
		memcpy(to, from.ptr, len);
	return len;
}

static bool
is_path(const struct unknown_path *p, struct span path)
{
	size_t len =
	    path.len < UNKNOWN_PATH_BYTES ? path.len : UNKNOWN_PATH_BYTES;

	return p->count > 0 && p->path_len == len &&
	       p->cut == (path.len > len) &&
	       (len == 0 || memcmp(p->path, path.ptr, len) == 0);
}

/* Which of two goes first: an empty place, one that came once, the older. */
static bool
goes_before(
    const struct unknown_path *a, const struct unknown_path *b, int64_t now_ms)
{
	bool a_kept = a->count > 1 && now_ms - a->last_ms < KEPT_MS;
	bool b_kept = b->count > 1 && now_ms - b->last_ms < KEPT_MS;

	if (a->count == 0 || b->count == 0)
		return a->count < b->count;
	if (a_kept != b_kept)
		return b_kept;
	return a->last_ms < b->last_ms;
}

/* The place of the path; one that is given up for it when it has none. */
static struct unknown_path *
find_place(struct unknown_paths *up, const struct unknown_request *rq)
{
	struct unknown_path *place = &up->paths[0];
	size_t i;

	for (i = 0; i < UNKNOWN_PATHS_MAX; i++)
		if (is_path(&up->paths[i], rq->path))
			return &up->paths[i];
	for (i = 1; i < UNKNOWN_PATHS_MAX; i++)
		if (goes_before(&up->paths[i], place, rq->now_ms))
			place = &up->paths[i];
	memset(place, 0, sizeof(*place));
	place->path_len = copy_cut(place->path, sizeof(place->path), rq->path);
	place->cut = rq->path.len > place->path_len;
	place->first_ms = rq->now_ms;
	return place;
}

void
unknown_paths_count(struct unknown_paths *up, const struct unknown_request *rq)
{
	struct unknown_path *p;

	pthread_mutex_lock(&up->lock);
	up->count++;
	p = find_place(up, rq);
	p->count++;
	p->last_ms = rq->now_ms;
	p->method_len = copy_cut(p->method, sizeof(p->method), rq->method);
	p->address_len = copy_cut(p->address, sizeof(p->address), rq->address);
	snprintf(p->why, sizeof(p->why), "%s", rq->why);
	pthread_mutex_unlock(&up->lock);
}

static int
compare_last(const void *a, const void *b)
{
	const struct unknown_path *x = a, *y = b;

	return x->last_ms > y->last_ms ? -1 : x->last_ms < y->last_ms;
}

void
unknown_paths_see(struct unknown_paths *up, struct unknown_paths_seen *out)
{
	size_t i;

	pthread_mutex_lock(&up->lock);
	out->count = up->count;
	out->since_ms = up->since_ms;
	out->n = 0;
	for (i = 0; i < UNKNOWN_PATHS_MAX; i++)
		if (up->paths[i].count > 0)
			out->paths[out->n++] = up->paths[i];
	pthread_mutex_unlock(&up->lock);
	qsort(out->paths, out->n, sizeof(out->paths[0]), compare_last);
}
