/* feed_get.c: reads what the store's owner answers to the deliverer. */
#include "lib/owner/feed_impl.h"

#include <string.h>

int
feed_get_told(struct span in, struct feed_told *out, struct err *err)
{
	struct pack_reader rd = pack_reader_of(in);
	struct feed_told told;

	told.durable_seq = pack_get64(&rd);
	told.touched = pack_get64(&rd);
	if (feed_end(&rd, "answer", err) < 0)
		return -1;
	*out = told;
	return 0;
}

/* --- lists ----------------------------------------------------------------
 *
 * A list is walked twice: first with nobody to see it, so that a visitor sees
 * nothing of an answer that is malformed further on.
 */

typedef int walk_fn(
    struct pack_reader *rd, const void *visitors, bool show, struct err *err);

/* Walks what stands behind a number of 8 bytes. */
static int
walk_twice(struct span in, uint64_t *number, walk_fn *walk,
    const void *visitors, struct err *err)
{
	struct pack_reader rd = pack_reader_of(in), again;
	uint64_t n = pack_get64(&rd);

	again = rd;
	if (walk(&rd, visitors, false, err) < 0 ||
	    feed_end(&rd, "answer", err) < 0)
		return -1;
	*number = n;
	return walk(&again, visitors, true, err) < 0 ? -1 : 0;
}

/* --- settings ------------------------------------------------------------- */

static void
get_secret(struct pack_reader *rd, struct feed_secret *s)
{
	unsigned state;

	s->id = pack_get64(rd);
	state = pack_get8(rd);
	if (state != SECRET_CURRENT && state != SECRET_PREVIOUS)
		rd->bad = true;
	s->state = (enum secret_state)state;
	s->until_ms = pack_get_ms(rd);
	s->text = pack_get_bytes(rd, 4);
}

static void
get_destination(struct pack_reader *rd, struct feed_destination *d)
{
	unsigned state;
	size_t i, n;

	memset(d, 0, sizeof(*d));
	d->id = pack_get64(rd);
	d->generation = pack_get64(rd);
	d->cursor = pack_get64(rd);
	d->rows_touched = pack_get64(rd);
	feed_get_failing(rd, &d->failing);
	state = pack_get8(rd);
	if (state < STORE_DESTINATION_ENABLED ||
	    state > STORE_DESTINATION_DISABLED)
		rd->bad = true;
	d->state = (enum store_destination_state)state;
	d->name = pack_get_bytes(rd, 1);
	if (d->name.len > ENDPOINT_NAME_MAX)
		rd->bad = true;
	d->doc = pack_get_bytes(rd, 4);
	n = pack_get8(rd);
	if (n > FEED_SECRETS_MAX)
		rd->bad = true;
	for (i = 0; i < n && !rd->bad; i++)
		get_secret(rd, &d->secrets[i]);
	d->nsecrets = rd->bad ? 0 : n;
}

static void
get_endpoint(struct pack_reader *rd, struct feed_endpoint *e)
{
	unsigned removed;

	memset(e, 0, sizeof(*e));
	e->id = pack_get64(rd);
	removed = pack_get8(rd);
	e->name = pack_get_bytes(rd, 1);
	if (removed > 1 || e->name.len > ENDPOINT_NAME_MAX)
		rd->bad = true;
	e->removed = removed == 1;
}

struct settings_visitors {
	int (*destination)(
	    void *arg, const struct feed_destination *d, struct err *err);
	int (*endpoint)(
	    void *arg, const struct feed_endpoint *e, struct err *err);
	void *arg;
};

static int
walk_settings(
    struct pack_reader *rd, const void *visitors, bool show, struct err *err)
{
	const struct settings_visitors *v = visitors;
	struct feed_destination d;
	struct feed_endpoint e;
	unsigned long i, n;

	n = pack_get32(rd);
	for (i = 0; i < n && !rd->bad; i++) {
		get_destination(rd, &d);
		if (show && v->destination(v->arg, &d, err) < 0)
			return -1;
	}
	n = pack_get32(rd);
	for (i = 0; i < n && !rd->bad; i++) {
		get_endpoint(rd, &e);
		if (show && v->endpoint(v->arg, &e, err) < 0)
			return -1;
	}
	return 0;
}

int
feed_get_settings(struct span in, uint64_t *touched,
    int (*destination)(
	void *arg, const struct feed_destination *d, struct err *err),
    int (*endpoint)(void *arg, const struct feed_endpoint *e, struct err *err),
    void *arg, struct err *err)
{
	struct settings_visitors v = { destination, endpoint, arg };

	return walk_twice(in, touched, walk_settings, &v, err);
}

/* --- rows ----------------------------------------------------------------- */

struct row_visitor {
	int (*visit)(
	    void *arg, const struct store_delivery *d, struct err *err);
	void *arg;
};

static int
walk_rows(
    struct pack_reader *rd, const void *visitors, bool show, struct err *err)
{
	const struct row_visitor *v = visitors;
	unsigned long i, n = pack_get32(rd);
	struct store_delivery d;

	for (i = 0; i < n && !rd->bad; i++) {
		feed_get_delivery(rd, &d);
		if (show && v->visit(v->arg, &d, err) < 0)
			return -1;
	}
	return 0;
}

int
feed_get_rows(struct span in, uint64_t *next,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err)
{
	struct row_visitor v = { visit, arg };

	return walk_twice(in, next, walk_rows, &v, err);
}

/* --- events --------------------------------------------------------------- */

struct event_visitor {
	int (*visit)(void *arg, const struct event *ev, struct err *err);
	void *arg;
};

static int
walk_events(
    struct pack_reader *rd, const void *visitors, bool show, struct err *err)
{
	const struct event_visitor *v = visitors;
	unsigned long i, n = pack_get32(rd);
	uint64_t last = 0;
	struct event ev;

	for (i = 0; i < n && !rd->bad; i++) {
		feed_get_event(rd, &ev);
		if (ev.seq <= last)
			rd->bad = true;
		last = ev.seq;
		if (show && v->visit(v->arg, &ev, err) < 0)
			return -1;
	}
	return 0;
}

int
feed_get_events(struct span in, uint64_t *next,
    int (*visit)(void *arg, const struct event *ev, struct err *err), void *arg,
    struct err *err)
{
	struct event_visitor v = { visit, arg };

	return walk_twice(in, next, walk_events, &v, err);
}

int
feed_get_next(struct span in, uint64_t *next, struct err *err)
{
	struct pack_reader rd = pack_reader_of(in);
	uint64_t n = pack_get64(&rd);

	if (rd.bad)
		return feed_end(&rd, "answer", err);
	*next = n;
	return 0;
}
