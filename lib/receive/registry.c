/* registry.c: the endpoints in force. */
#include "lib/receive/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/receive/kept.h"
#include "lib/receive/registry_entry.h"

struct registry {
	struct store *st;
	/*
	 * Held by who changes what follows: the committer, or who brings other
	 * schemes. The lock is for the readers.
	 */
	pthread_mutex_t changing;
	pthread_rwlock_t lock;
	struct scheme_set *schemes; /* held */
	struct entries entries;
	struct kept *kept;
	char (*gone)[ENDPOINT_NAME_MAX + 1]; /* names; a ring */
	uint64_t ngone; /* ever put there */
	bool opening; /* no entry was there before */
	struct unknown_paths *unknown;
};

/* --- the table ----------------------------------------------------------- */

/* Remembers a name that leads nowhere any more; the lock is held. */
static void
remember_gone(struct registry *rg, const char *name)
{
	memcpy(rg->gone[rg->ngone++ % REGISTRY_GONE_MAX], name,
	    ENDPOINT_NAME_MAX + 1);
}

bool
registry_is_gone(struct registry *rg, struct span name)
{
	uint64_t i, n;
	bool found = false;

	pthread_rwlock_rdlock(&rg->lock);
	n = rg->ngone < REGISTRY_GONE_MAX ? rg->ngone : REGISTRY_GONE_MAX;
	for (i = 0; i < n && !found; i++)
		found = span_is(name, rg->gone[i]);
	pthread_rwlock_unlock(&rg->lock);
	return found;
}

struct unknown_paths *
registry_unknown_paths(struct registry *rg)
{
	return rg->unknown;
}

/* Puts e in the place of the entry of its id; e NULL takes that away. */
static int
replace(struct registry *rg, uint64_t id, struct entry *e, struct err *err)
{
	struct entries *es = &rg->entries;
	struct entry *old = NULL, **at;
	int ret = 0;

	pthread_rwlock_wrlock(&rg->lock);
	at = entries_find_id(es, id);
	if (at != NULL) {
		old = *at;
		if (e == NULL || strcmp(e->pub.name, old->pub.name) != 0)
			remember_gone(rg, old->pub.name);
		if (e != NULL)
			entry_keep_rates(e, old);
		*at = e != NULL ? e : es->at[--es->n];
	} else if (e != NULL) {
		ret = entries_add(es, e, err);
	}
	entries_sort(es);
	pthread_rwlock_unlock(&rg->lock);
	entry_put(old);
	return ret;
}

static int
take_row(void *arg, const struct store_endpoint *row, struct err *err)
{
	struct registry *rg = arg;
	struct entry *e = NULL;

	if (row->state != STORE_ENDPOINT_REMOVED &&
	    entry_make(rg->st, rg->schemes, row, &e, err) < 0)
		return -1;
	if (e == NULL && rg->opening)
		remember_gone(rg, row->name);
	if (replace(rg, row->id, e, err) < 0) {
		entry_put(e);
		return -1;
	}
	return 0;
}

/* What destinations want kept; when this fails it is as before. */
static int
load_kept(struct registry *rg, struct err *err)
{
	struct kept *kept, *old;

	if (kept_load(rg->st, &kept, err) < 0)
		return -1;
	pthread_rwlock_wrlock(&rg->lock);
	old = rg->kept;
	rg->kept = kept;
	pthread_rwlock_unlock(&rg->lock);
	kept_free(old);
	return 0;
}

int
registry_keep_headers(struct registry *rg, const struct scheme *sc,
    const struct request *rq, struct buf *out, struct err *err)
{
	int ret;

	pthread_rwlock_rdlock(&rg->lock);
	ret = kept_put(rg->kept, sc, rq, out, err);
	pthread_rwlock_unlock(&rg->lock);
	return ret;
}

/*
 * In the committer, after a change. When this fails the old entry stays, and
 * accepts nothing: the committer refuses its generation.
 */
static void
on_change(void *arg, uint64_t id)
{
	struct registry *rg = arg;
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX + 4096);
	struct store_endpoint row;
	struct err err = ERR_INIT;
	bool found = false;

	pthread_mutex_lock(&rg->changing);
	if (store_endpoint_by_id(rg->st, NULL, id, &row, &doc, &found, &err) ==
		0 &&
	    found)
		(void)take_row(rg, &row, &err);
	else
		(void)load_kept(rg, &err); /* it is a destination's */
	pthread_mutex_unlock(&rg->changing);
	buf_free(&doc);
}

int
registry_open(struct store *st, const struct scheme_set *schemes,
    struct registry **out, struct err *err)
{
	struct registry *rg = calloc(1, sizeof(*rg));

	if (rg == NULL)
		return err_set(err, ERR_NOMEM, "no memory for the registry");
	pthread_rwlock_init(&rg->lock, NULL);
	pthread_mutex_init(&rg->changing, NULL);
	rg->st = st;
	rg->schemes = scheme_set_hold(schemes);
	rg->opening = true;
	rg->gone = calloc(REGISTRY_GONE_MAX, sizeof(rg->gone[0]));
	if (rg->gone == NULL ||
	    unknown_paths_new(clock_wall_ms(), &rg->unknown, err) < 0 ||
	    store_endpoints(st, NULL, take_row, rg, err) < 0 ||
	    load_kept(rg, err) < 0) {
		if (rg->gone == NULL)
			err_set(err, ERR_NOMEM, "no memory for the registry");
		registry_close(rg);
		return err_wrap(err, "load the endpoints");
	}
	rg->opening = false;
	store_on_change(st, on_change, rg);
	*out = rg;
	return 0;
}

void
registry_close(struct registry *rg)
{
	if (rg == NULL)
		return;
	store_on_change(rg->st, NULL, NULL);
	entries_free(&rg->entries);
	scheme_set_free(rg->schemes);
	free(rg->gone);
	unknown_paths_free(rg->unknown);
	kept_free(rg->kept);
	pthread_mutex_destroy(&rg->changing);
	pthread_rwlock_destroy(&rg->lock);
	free(rg);
}

/* --- other schemes -------------------------------------------------------- */

struct retaking {
	struct registry *rg;
	const struct scheme_set *schemes;
	struct entries made;
};

static int
make_again(void *arg, const struct store_endpoint *row, struct err *err)
{
	struct retaking *rt = arg;
	struct entry *e, **old = entries_find_id(&rt->rg->entries, row->id);

	if (row->state == STORE_ENDPOINT_REMOVED)
		return 0;
	if (entry_make(rt->rg->st, rt->schemes, row, &e, err) < 0)
		return -1;
	if (e->pub.scheme == NULL && old != NULL && (*old)->pub.scheme != NULL)
		err_set(err, ERR_CONFIG, "endpoint %s would work no more: %s",
		    e->pub.name, e->pub.broken);
	else if (entries_add(&rt->made, e, err) == 0)
		return 0;
	entry_put(e);
	return -1;
}

/* Under the lock, so that none of what requests use up meanwhile is lost. */
static void
put_in_force(struct registry *rg, struct retaking *rt)
{
	struct entries old;
	struct entry **was;
	size_t i;

	pthread_rwlock_wrlock(&rg->lock);
	for (i = 0; i < rt->made.n; i++) {
		was = entries_find_name(&rg->entries, rt->made.at[i]);
		if (was != NULL)
			entry_keep_rates(rt->made.at[i], *was);
	}
	old = rg->entries;
	rg->entries = rt->made;
	rt->made = old; /* to be freed */
	scheme_set_free(rg->schemes);
	rg->schemes = scheme_set_hold(rt->schemes);
	pthread_rwlock_unlock(&rg->lock);
}

int
registry_take_schemes(struct registry *rg, const struct scheme_set *old,
    const struct scheme_set *schemes, struct err *err)
{
	struct retaking rt = { .rg = rg, .schemes = schemes };
	int ret = -1;

	pthread_mutex_lock(&rg->changing);
	if (old != NULL && old != rg->schemes)
		err_set(err, ERR_CONFLICT, "other schemes came meanwhile");
	else
		ret = store_endpoints(rg->st, NULL, make_again, &rt, err);
	if (ret == 0) {
		entries_sort(&rt.made);
		put_in_force(rg, &rt);
	}
	pthread_mutex_unlock(&rg->changing);
	entries_free(&rt.made);
	return ret;
}

struct scheme_set *
registry_hold_schemes(struct registry *rg)
{
	struct scheme_set *held;

	pthread_rwlock_rdlock(&rg->lock);
	held = scheme_set_hold(rg->schemes);
	pthread_rwlock_unlock(&rg->lock);
	return held;
}

/* --- looking up ---------------------------------------------------------- */

static int
compare_key(struct span name, const char *with)
{
	size_t len = strlen(with), least = name.len < len ? name.len : len;
	int order = least == 0 ? 0 : memcmp(name.ptr, with, least);

	if (order != 0)
		return order;
	return name.len < len ? -1 : name.len > len;
}

const struct registry_endpoint *
registry_get(struct registry *rg, struct span name)
{
	const struct registry_endpoint *found = NULL;
	size_t low = 0, high, middle;
	int order;

	pthread_rwlock_rdlock(&rg->lock);
	high = rg->entries.n;
	while (low < high && found == NULL) {
		middle = low + (high - low) / 2;
		order = compare_key(name, rg->entries.at[middle]->pub.name);
		if (order == 0)
			found = &rg->entries.at[middle]->pub;
		else if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	if (found != NULL)
		atomic_fetch_add(&entry_of(found)->refs, 1);
	pthread_rwlock_unlock(&rg->lock);
	return found;
}

void
registry_put(const struct registry_endpoint *ep)
{
	if (ep != NULL)
		entry_put(entry_of(ep));
}

static void
add_key(const struct registry_key *key, bool ended, struct registry_live *out)
{
	out->keys[out->n] = key->key;
	out->ids[out->n] = key->secret_id;
	out->pending[out->n] = key->pending;
	out->ended[out->n++] = ended;
}

void
registry_live_keys(const struct registry_endpoint *ep,
    const struct store_clock *clock, struct registry_live *out)
{
	const struct registry_key *key;
	size_t i;

	out->n = 0;
	for (i = 0; i < ep->nkeys; i++)
		if (ep->keys[i].until_ms == 0 ||
		    clock->now_ms < ep->keys[i].until_ms)
			add_key(&ep->keys[i], false, out);
	if (clock->doubt == WALL_SURE)
		return;
	for (i = 0; i < ep->nkeys; i++) {
		key = &ep->keys[i];
		if (key->until_ms != 0 && clock->now_ms >= key->until_ms &&
		    clock->floor_ms < key->until_ms)
			add_key(key, true, out);
	}
}

bool
registry_take_rate(const struct registry_endpoint *ep, int64_t now_ms)
{
	if (ep->settings.rate <= 0)
		return true;
	return rate_take(&entry_of(ep)->rate, ep->settings.rate, now_ms);
}

bool
registry_take_repeat(const struct registry_endpoint *ep, int64_t now_ms)
{
	if (ep->settings.rate <= 0)
		return true;
	return rate_take(&entry_of(ep)->repeats, ep->settings.rate, now_ms);
}
