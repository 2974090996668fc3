/* registry_entry.c: endpoints made ready for requests. */
#include "lib/receive/registry_entry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry *
entry_of(const struct registry_endpoint *ep)
{
	return (struct entry *)(uintptr_t)ep;
}

void
entry_put(struct entry *e)
{
	size_t i;

	if (e == NULL || atomic_fetch_sub(&e->refs, 1) != 1)
		return;
	for (i = 0; i < e->pub.nkeys; i++)
		scheme_key_free(e->pub.keys[i].key);
	scheme_free(e->scheme);
	pattern_free(e->pub.events);
	address_list_free(e->pub.allow_from);
	endpoint_free(&e->pub.settings);
	free(e);
}

/* --- loading one --------------------------------------------------------- */

struct loading {
	struct store *st;
	const struct scheme_set *schemes;
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
	if (store_secret_plain(ld->st, s, &plain, err) < 0 ||
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
	key->pending = secret_is_pending(s);
	ret = 0;
out:
	buf_wipe(&plain);
	return ret;
}

/* Settings that are text, parsed. */
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
	ep->scheme = scheme_set_find(ld->schemes, set->scheme);
	if (ep->scheme != NULL)
		ld->e->scheme = scheme_hold(ep->scheme);
	else
		return err_set(err, ERR_CONFIG,
		    "scheme %s has no file that loads", set->scheme);
	return store_secrets(ld->st, NULL, ep->id, load_key, ld, err);
}

int
entry_make(struct store *st, const struct scheme_set *schemes,
    const struct store_endpoint *row, struct entry **out, struct err *err)
{
	struct loading ld = { .st = st, .schemes = schemes };
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

/* --- lists of them -------------------------------------------------------- */

static int
compare_names(const void *a, const void *b)
{
	const struct entry *const *x = a, *const *y = b;

	return strcmp((*x)->pub.name, (*y)->pub.name);
}

int
entries_add(struct entries *es, struct entry *e, struct err *err)
{
	struct entry **grown;

	if (es->n == es->room) {
		grown = realloc(es->at, (es->room * 2 + 64) * sizeof(*grown));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for the registry");
		es->at = grown;
		es->room = es->room * 2 + 64;
	}
	es->at[es->n++] = e;
	return 0;
}

void
entries_sort(struct entries *es)
{
	if (es->n > 0)
		qsort(es->at, es->n, sizeof(*es->at), compare_names);
}

void
entries_free(struct entries *es)
{
	while (es->n > 0)
		entry_put(es->at[--es->n]);
	free(es->at);
}

void
entry_keep_rates(struct entry *e, struct entry *old)
{
	atomic_store(&e->rate.due_us, atomic_load(&old->rate.due_us));
	atomic_store(&e->repeats.due_us, atomic_load(&old->repeats.due_us));
}

struct entry **
entries_find_id(struct entries *es, uint64_t id)
{
	size_t i;

	for (i = 0; i < es->n; i++)
		if (es->at[i]->pub.id == id)
			return &es->at[i];
	return NULL;
}

struct entry **
entries_find_name(struct entries *es, struct entry *named)
{
	return es->n == 0 ? NULL
			  : bsearch(&named, es->at, es->n, sizeof(*es->at),
				compare_names);
}
