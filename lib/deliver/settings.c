/* settings.c: which destinations and endpoints there are. */
#include "lib/deliver/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/deliver/config.h"

/* --- finding: both lists stand by id -------------------------------------- */

static int
by_id(const void *key, const void *member)
{
	uint64_t want = *(const uint64_t *)key, is = *(const uint64_t *)member;

	return want < is ? -1 : want > is;
}

/* Both structs begin with their id. */
static void *
find(const void *list, size_t n, size_t size, uint64_t id)
{
	return n == 0 ? NULL : bsearch(&id, list, n, size, by_id);
}

struct deliver_destination *
deliver_find(struct deliver *dv, uint64_t id)
{
	return find(
	    dv->destinations, dv->ndestinations, sizeof(*dv->destinations), id);
}

const struct deliver_endpoint *
deliver_find_endpoint(const struct deliver *dv, uint64_t id)
{
	static const struct deliver_endpoint self = { STORE_SELF, false,
		STORE_SELF_NAME };

	if (id == STORE_SELF)
		return &self;
	return find(dv->endpoints, dv->nendpoints, sizeof(*dv->endpoints), id);
}

/*
 * A new place at its id in a list of n members. They come by id, so that it
 * mostly is the last.
 */
static void *
insert(void **list, size_t *n, size_t size, uint64_t id, struct err *err)
{
	char *grown = realloc(*list, (*n + 1) * size);
	size_t at = *n;

	if (grown == NULL) {
		err_set(err, ERR_NOMEM, "no memory for settings");
		return NULL;
	}
	*list = grown;
	while (at > 0 && by_id(&id, grown + (at - 1) * size) < 0)
		at--;
	memmove(grown + (at + 1) * size, grown + at * size, (*n - at) * size);
	memset(grown + at * size, 0, size);
	memcpy(grown + at * size, &id, sizeof(id));
	++*n;
	return grown + at * size;
}

/* --- destinations --------------------------------------------------------- */

static int
put_in_schedule(struct deliver *dv, const struct deliver_destination *de,
    const struct feed_destination *told, struct err *err)
{
	const struct deliver_config *cf = de->config;
	struct schedule_destination d = { .id = de->id,
		.generation = cf->generation,
		.runs = cf->enabled && cf->works,
		.failing = told->failing,
		.concurrency = 1 };

	if (cf->works) {
		d.plan = cf->plan;
		d.concurrency = cf->settings.concurrency;
		d.rate = cf->settings.rate;
		d.order = cf->settings.order;
		d.park_max = cf->settings.park_max;
		d.disable_after_ms = cf->settings.disable_after_s * 1000;
	}
	return schedule_put(dv->schedule, &d, told->cursor, err);
}

static int
make(struct deliver *dv, const struct feed_destination *d,
    struct deliver_config **out, struct err *err)
{
	if (deliver_config_new(dv->live.schemes, dv->pools + 1, d, out, err) <
	    0)
		return -1;
	(*out)->schemes_no = dv->schemes_no;
	return 0;
}

static int
change(struct deliver *dv, struct deliver_destination *de,
    const struct feed_destination *d, struct err *err)
{
	struct deliver_config *cf;

	if (make(dv, d, &cf, err) < 0)
		return -1;
	if (deliver_config_lacks_scheme(cf) && dv->opt.learn != NULL &&
	    dv->opt.learn(dv->opt.arg, cf->settings.sign, &dv->live)) {
		deliver_config_put(cf);
		if (make(dv, d, &cf, err) < 0)
			return -1;
	}
	dv->pools++;
	deliver_config_put(de->config);
	de->config = cf;
	if (put_in_schedule(dv, de, d, err) < 0)
		return -1;
	if (!cf->works)
		deliver_log_why(dv, span_str(cf->why_not),
		    "delivery=waits destination=%s", cf->name);
	else if (dv->opt.verbose)
		deliver_log(dv, "destination=%s is %s", cf->name,
		    cf->enabled ? "on" : "off");
	return 0;
}

static int
take_destination(void *arg, const struct feed_destination *d, struct err *err)
{
	struct deliver *dv = arg;
	struct deliver_destination *de = deliver_find(dv, d->id);
	void *list = dv->destinations;
	bool known = de != NULL;

	if (!known) {
		de = insert(&list, &dv->ndestinations, sizeof(*de), d->id, err);
		dv->destinations = list;
		if (de == NULL)
			return -1;
	}
	de->seen = true;
	if ((de->config == NULL || de->config->generation != d->generation ||
		de->config->schemes_no != dv->schemes_no) &&
	    change(dv, de, d, err) < 0)
		return -1;
	if (!known || de->rows_touched != d->rows_touched)
		de->rows_wanted = true;
	de->rows_touched = d->rows_touched;
	return 0;
}

/* The settings no longer name it: it was removed. */
static void
forget(struct deliver *dv, struct deliver_destination *de)
{
	schedule_remove(dv->schedule, de->id);
	deliver_config_put(de->config);
	de->config = NULL;
}

static void
forget_unseen(struct deliver *dv)
{
	struct deliver_destination *de;
	size_t i, n = 0;

	for (i = 0; i < dv->ndestinations; i++) {
		de = &dv->destinations[i];
		if (de->seen)
			dv->destinations[n++] = *de;
		else
			forget(dv, de);
	}
	dv->ndestinations = n;
}

/* --- endpoints ------------------------------------------------------------ */

static int
take_endpoint(void *arg, const struct feed_endpoint *e, struct err *err)
{
	struct deliver *dv = arg;
	struct deliver_endpoint *en;
	void *list = dv->endpoints;

	en = find(dv->endpoints, dv->nendpoints, sizeof(*en), e->id);
	if (en == NULL) {
		en = insert(&list, &dv->nendpoints, sizeof(*en), e->id, err);
		dv->endpoints = list;
		if (en == NULL)
			return -1;
	}
	en->removed = e->removed;
	snprintf(en->name, sizeof(en->name), "%.*s", (int)e->name.len,
	    e->name.len == 0 ? "" : (const char *)e->name.ptr);
	return 0;
}

/* --- answers -------------------------------------------------------------- */

static void
unsee_all(struct deliver *dv)
{
	size_t i;

	for (i = 0; i < dv->ndestinations; i++)
		dv->destinations[i].seen = false;
}

void
deliver_forget_settings(struct deliver *dv)
{
	unsee_all(dv);
	forget_unseen(dv);
	dv->has_settings = false;
}

int
deliver_take_live(struct deliver *dv, struct err *err)
{
	size_t nfds = 1 + COMMAND_FDS_MAX * dv->live.connections;
	struct pollfd *grown;

	if (nfds > dv->nfds) {
		grown = realloc(dv->fds, nfds * sizeof(*grown));
		if (grown == NULL)
			return err_set(
			    err, ERR_NOMEM, "no memory for descriptors");
		dv->fds = grown;
		dv->nfds = nfds;
	}
	outbound_keep(dv->outbound, dv->live.connections);
	dv->schemes_no++;
	dv->settings_touched = UINT64_MAX; /* they are asked for again */
	if (dv->live.off && !dv->off)
		deliver_log(dv, "delivery=off");
	dv->off = dv->off || dv->live.off;
	return 0;
}

int
deliver_take_settings(struct deliver *dv, struct span in, struct err *err)
{
	uint64_t touched;

	unsee_all(dv);
	if (feed_get_settings(
		in, &touched, take_destination, take_endpoint, dv, err) < 0)
		return -1;
	forget_unseen(dv);
	dv->settings_touched = dv->touched = touched;
	dv->has_settings = true;
	dv->off = dv->live.off;
	if (dv->held)
		deliver_log(dv, "delivery=released");
	dv->held = false;
	return 0;
}

static int
take_row(void *arg, const struct store_delivery *d, struct err *err)
{
	struct deliver *dv = arg;

	return schedule_row(dv->schedule, d, err);
}

int
deliver_take_rows(
    struct deliver *dv, struct span in, uint64_t *next, struct err *err)
{
	if (feed_get_rows(in, next, take_row, dv, err) < 0)
		return -1;
	if (*next == 0)
		schedule_rows_end(dv->schedule, dv->asked_id, true);
	return 0;
}

void
deliver_rows_failed(struct deliver *dv)
{
	struct deliver_destination *de = deliver_find(dv, dv->asked_id);

	schedule_rows_end(dv->schedule, dv->asked_id, false);
	if (de != NULL)
		de->rows_wanted = true;
}

void
deliver_free_settings(struct deliver *dv)
{
	size_t i;

	for (i = 0; i < dv->ndestinations; i++)
		deliver_config_put(dv->destinations[i].config);
	free(dv->destinations);
	free(dv->endpoints);
}
