/* event_stats.c: how many events of which type, by endpoint. */
#include "lib/ops/event.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ops/endpoint.h"
#include "lib/ops/event_find.h"

#define KINDS_MAX                                                   \
	10000 /* pairs of endpoint and type; further ones go to one \
	       */

/* Events of one type at one endpoint. */
struct kind {
	char endpoint[ENDPOINT_NAME_MAX + 1];
	char *type; /* owned */
	size_t type_len;
	bool rest; /* of all the types there was no room for */
	uint64_t events, tests, bytes;
	int64_t first_ms, last_ms;
};

/* A table by hash, with room for twice as many as it takes. */
#define SLOTS 32768

struct tally {
	struct kind *slots[SLOTS];
	size_t n;
};

static size_t
hash(const char *endpoint, struct span type)
{
	const unsigned char *p = type.ptr;
	size_t h = 14695981039346656037U, i;

	for (; *endpoint != '\0'; endpoint++)
		h = (h ^ (unsigned char)*endpoint) * 1099511628211U;
	h = (h ^ 0xff) * 1099511628211U;
	for (i = 0; i < type.len; i++)
		h = (h ^ p[i]) * 1099511628211U;
	return h;
}

static bool
is_kind(const struct kind *k, const char *endpoint, struct span type, bool rest)
{
	return k->rest == rest && strcmp(k->endpoint, endpoint) == 0 &&
	       span_eq(span_of(k->type, k->type_len), type);
}

static struct kind *
kind_make(const char *endpoint, struct span type, bool rest, struct err *err)
{
	struct kind *k = calloc(1, sizeof(*k));

	if (k == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a type");
		return NULL;
	}
	k->type = span_dup(type, err);
	if (k->type == NULL) {
		free(k);
		return NULL;
	}
	k->type_len = type.len;
	k->rest = rest;
	memcpy(k->endpoint, endpoint, strlen(endpoint) + 1);
	return k;
}

/* The kind's slot; it is empty when there is no such kind. */
static struct kind **
slot_of(struct tally *t, const char *endpoint, struct span type, bool rest)
{
	size_t at = hash(endpoint, type) % SLOTS;

	while (t->slots[at] != NULL &&
	       !is_kind(t->slots[at], endpoint, type, rest))
		at = (at + 1) % SLOTS;
	return &t->slots[at];
}

static int
count(void *arg, const struct event *ev, const char *endpoint, struct err *err)
{
	struct tally *t = arg;
	struct kind **slot = slot_of(t, endpoint, ev->type, false), *k;

	if (*slot == NULL && t->n >= KINDS_MAX)
		slot = slot_of(t, endpoint, SPAN_EMPTY, true);
	if (*slot == NULL) {
		*slot = t->n >= KINDS_MAX
			    ? kind_make(endpoint, SPAN_EMPTY, true, err)
			    : kind_make(endpoint, ev->type, false, err);
		if (*slot == NULL)
			return -1;
		t->n++;
	}
	k = *slot;
	if (k->events++ == 0)
		k->first_ms = ev->received_ms;
	k->last_ms = ev->received_ms;
	k->bytes += ev->body.len;
	if ((ev->flags & EVENT_TEST) != 0)
		k->tests++;
	return 0;
}

/* By endpoint, then the most frequent first. */
static int
compare(const void *a, const void *b)
{
	const struct kind *const *x = a, *const *y = b;
	int order = strcmp((*x)->endpoint, (*y)->endpoint);

	if (order != 0)
		return order;
	if ((*x)->events != (*y)->events)
		return (*x)->events > (*y)->events ? -1 : 1;
	return strcmp((*x)->type, (*y)->type);
}

static int
emit_kinds(const struct op_call *call, struct kind *const *kinds, size_t n,
    struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	const struct kind *k;
	struct json_write w;
	size_t i;
	int ret = 0;

	for (i = 0; i < n && ret == 0; i++) {
		k = kinds[i];
		json_write_init(&w, &row, err);
		json_write_object(&w, NULL);
		json_write_str(&w, "endpoint", k->endpoint);
		if (k->type_len > 0)
			json_write_bytes(
			    &w, "type", span_of(k->type, k->type_len));
		else
			json_write_null(&w, "type");
		json_write_bool(&w, "other_types", k->rest);
		json_write_uint(&w, "events", k->events);
		json_write_uint(&w, "tests", k->tests);
		json_write_uint(&w, "bytes", k->bytes);
		json_write_time(&w, "first_at", k->first_ms);
		json_write_time(&w, "last_at", k->last_ms);
		json_write_close(&w);
		ret = op_emit(call, &w, &row, err);
	}
	buf_free(&row);
	return ret;
}

/* A row of counters of each endpoint that is asked for. */
static int
emit_counts(void *arg, const struct store_endpoint *ep, struct err *err)
{
	const struct op_call *call = arg;
	const char *wanted = op_text(call, "endpoint");
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	int ret;

	if (wanted == NULL ? ep->state == STORE_ENDPOINT_REMOVED
			   : strcmp(ep->name, wanted) != 0)
		return 0;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "endpoint", ep->name);
	op_endpoint_write_counts(call, &w, ep->id);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
	buf_free(&row);
	return ret;
}

int
op_event_stats(const struct op_call *call, struct err *err)
{
	struct tally *t = calloc(1, sizeof(*t));
	struct op_call counting = *call; /* visitors take no const */
	size_t i, n = 0;
	int ret = -1;

	if (t == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a table");
	if (op_events_walk(call, OP_OLDEST_FIRST, count, t, err) == 0) {
		for (i = 0; i < SLOTS; i++)
			if (t->slots[i] != NULL)
				t->slots[n++] = t->slots[i];
		for (i = n; i < SLOTS; i++)
			t->slots[i] = NULL;
		qsort(t->slots, n, sizeof(t->slots[0]), compare);
		ret = emit_kinds(call, t->slots, n, err);
		if (ret == 0)
			ret = store_endpoints(call->ops->store, NULL,
			    emit_counts, &counting, err);
	}
	for (i = 0; i < SLOTS; i++)
		if (t->slots[i] != NULL) {
			free(t->slots[i]->type);
			free(t->slots[i]);
		}
	free(t);
	return ret;
}
