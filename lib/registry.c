/* registry.c: the endpoints in force. */
#include "lib/registry.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/kept.h"
#include "lib/rate.h"

struct entry {
	struct registry_endpoint pub; /* first: readers hold its address */
	atomic_uint refs;
	struct rate rate, repeats;
};

struct registry {
	struct store *st;
	const struct scheme_set *schemes;
	/* Changed in the committer alone; the lock is for the readers. */
	pthread_rwlock_t lock;
	struct entry **by_name; /* not the removed ones */
	size_t n, room;
	struct kept *kept;
	char (*gone)[ENDPOINT_NAME_MAX + 1]; /* names; a ring */
	uint64_t ngone; /* ever put there */
	bool opening; /* no entry was there before */
	struct unknown_paths *unknown;
};

static struct entry *
entry_of(const struct registry_endpoint *ep)
{
	return (struct entry *)(uintptr_t)ep;
}

static void
entry_put(struct entry *e)
{
	size_t i;

	if (e == NULL || atomic_fetch_sub(&e->refs, 1) != 1)
		return;
	for (i = 0; i < e->pub.nkeys; i++)
		scheme_key_free(e->pub.keys[i].key);
	pattern_free(e->pub.events);
	address_list_free(e->pub.allow_from);
	endpoint_free(&e->pub.settings);
	free(e);
}

/* --- loading one --------------------------------------------------------- */

struct loading {
	struct registry *rg;
	struct entry *e;
	size_t nprevious;
};

/* The previous secret that ended first, or ends next. */
static struct registry_key *
find_oldest_previous(struct registry_endpoint *ep)
{
	struct registry_key *oldest = NULL;
	size_t i;

	for (i = 0; i < ep->nkeys; i++)
		if (ep->keys[i].state == SECRET_PREVIOUS &&
		    (oldest == NULL || ep->keys[i].until_ms < oldest->until_ms))
			oldest = &ep->keys[i];
	return oldest;
}

/*
 * Where the key of a secret goes, or NULL: of the previous ones those stay
 * that end last. At most SECRET_LIVE_MAX live at any time, so they are among
 * them.
 */
static int
place_key(struct loading *ld, const struct secret *s, struct registry_key **out,
    struct err *err)
{
	struct registry_endpoint *ep = &ld->e->pub;

	*out = NULL;
	if (s->state == SECRET_PREVIOUS &&
	    ld->nprevious == REGISTRY_PREVIOUS_MAX) {
		*out = find_oldest_previous(ep);
		if ((*out)->until_ms >= s->until_ms)
			*out = NULL;
		return 0;
	}
	if (s->state != SECRET_PREVIOUS &&
	    ep->nkeys - ld->nprevious == SECRET_LIVE_MAX + 1)
		return err_set(err, ERR_CORRUPT, "more than %d live secrets",
		    SECRET_LIVE_MAX + 1);
	*out = &ep->keys[ep->nkeys];
	return 0;
}

static int
load_key(void *arg, const struct secret *s, struct err *err)
{
	struct loading *ld = arg;
	struct registry_endpoint *ep = &ld->e->pub;
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX + 64);
	struct registry_key *key;
	struct scheme_key *made;
	int ret = -1;

	if (s->state == SECRET_REVOKED)
		return 0;
	if (place_key(ld, s, &key, err) < 0)
		return -1;
	if (key == NULL)
		return 0;
	if (store_secret_plain(ld->rg->st, s, &plain, err) < 0 ||
	    scheme_key_make(ep->scheme, buf_span(&plain), &made, err) < 0)
		goto out;
	if (key == &ep->keys[ep->nkeys]) {
		ep->nkeys++;
		ld->nprevious += s->state == SECRET_PREVIOUS;
	} else {
		scheme_key_free(key->key);
	}
	key->key = made;
	key->secret_id = s->id;
	key->state = s->state;
	key->until_ms = s->until_ms;
	ret = 0;
out:
	buf_wipe(&plain);
	return ret;
}

/* What the settings say in text, made ready. */
static int
make_ready(struct loading *ld, struct err *err)
{
	struct registry_endpoint *ep = &ld->e->pub;
	struct endpoint *set = &ep->settings;
	size_t i;

	for (i = 0; i < set->nparams; i++) {
		ep->params[i].name = set->params[i].name;
		ep->params[i].value = set->params[i].value;
	}
	if (set->events != NULL &&
	    pattern_parse(span_str(set->events), &ep->events, err) < 0)
		return -1;
	if (set->allow_from != NULL &&
	    address_list_parse(
		span_str(set->allow_from), &ep->allow_from, err) < 0)
		return -1;
	ep->scheme = scheme_set_find(ld->rg->schemes, set->scheme);
	if (ep->scheme == NULL)
		return err_set(err, ERR_CONFIG,
		    "scheme %s has no file that loads", set->scheme);
	return store_secrets(ld->rg->st, NULL, ep->id, load_key, ld, err);
}

/*
 * An entry for a row. What is wrong with one endpoint is that endpoint's
 * trouble: it answers 503 and says why, the others serve.
 */
static int
entry_make(struct registry *rg, const struct store_endpoint *row,
    struct entry **out, struct err *err)
{
	struct loading ld = { .rg = rg };
	struct err trouble = ERR_INIT;

	ld.e = calloc(1, sizeof(*ld.e));
	if (ld.e == NULL)
		return err_set(err, ERR_NOMEM, "no memory for an endpoint");
	atomic_init(&ld.e->refs, 1);
	ld.e->pub.id = row->id;
	ld.e->pub.generation = row->generation;
	ld.e->pub.state = row->state;
	memcpy(ld.e->pub.name, row->name, sizeof(row->name));
	endpoint_init(&ld.e->pub.settings);
	if (endpoint_decode(row->doc, &ld.e->pub.settings, &trouble) < 0 ||
	    make_ready(&ld, &trouble) < 0) {
		if (trouble.code == ERR_NOMEM) {
			*err = trouble;
			entry_put(ld.e);
			return -1;
		}
		ld.e->pub.scheme = NULL;
		snprintf(ld.e->pub.broken, sizeof(ld.e->pub.broken), "%.255s",
		    trouble.text);
	}
	*out = ld.e;
	return 0;
}

/* --- the table ----------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->pub.name, (*y)->pub.name);
}

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
	struct entry *old = NULL, **grown;
	size_t i;
	int ret = 0;

	pthread_rwlock_wrlock(&rg->lock);
	for (i = 0; i < rg->n && rg->by_name[i]->pub.id != id; i++)
		;
	if (i < rg->n) {
		old = rg->by_name[i];
		if (e == NULL || strcmp(e->pub.name, old->pub.name) != 0)
			remember_gone(rg, old->pub.name);
		if (e != NULL)
			atomic_store(
			    &e->rate.due_us, atomic_load(&old->rate.due_us));
		rg->by_name[i] = e != NULL ? e : rg->by_name[--rg->n];
	} else if (e != NULL) {
		if (rg->n == rg->room) {
			grown = realloc(
			    rg->by_name, (rg->room * 2 + 64) * sizeof(*grown));
			if (grown == NULL) {
				ret = err_set(err, ERR_NOMEM,
				    "no memory for the registry");
				goto out;
			}
			rg->by_name = grown;
			rg->room = rg->room * 2 + 64;
		}
		rg->by_name[rg->n++] = e;
	}
	qsort(rg->by_name, rg->n, sizeof(struct entry *), compare_names);
out:
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
	    entry_make(rg, row, &e, err) < 0)
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

	if (store_endpoint_by_id(rg->st, NULL, id, &row, &doc, &found, &err) ==
		0 &&
	    found)
		(void)take_row(rg, &row, &err);
	else
		(void)load_kept(rg, &err); /* it is a destination's */
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
	rg->st = st;
	rg->schemes = schemes;
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
	size_t i;

	if (rg == NULL)
		return;
	store_on_change(rg->st, NULL, NULL);
	for (i = 0; i < rg->n; i++)
		entry_put(rg->by_name[i]);
	free(rg->by_name);
	free(rg->gone);
	unknown_paths_free(rg->unknown);
	kept_free(rg->kept);
	pthread_rwlock_destroy(&rg->lock);
	free(rg);
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
	high = rg->n;
	while (low < high && found == NULL) {
		middle = low + (high - low) / 2;
		order = compare_key(name, rg->by_name[middle]->pub.name);
		if (order == 0)
			found = &rg->by_name[middle]->pub;
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

const struct scheme_set *
registry_schemes(const struct registry *rg)
{
	return rg->schemes;
}

static void
add_key(const struct registry_key *key, bool ended, struct registry_live *out)
{
	out->keys[out->n] = key->key;
	out->ids[out->n] = key->secret_id;
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
