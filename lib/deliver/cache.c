/* cache.c: events in memory, until everybody has sent them. */
#include "lib/deliver/cache.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define CACHE_MAX (64 * 1024 * 1024) /* bytes: deliver_cache_want */
#define BUCKETS 16384
#define AGE_MS 60000 /* what nobody used for so long goes */
#define SWEEP_MS 10000 /* between two looks for what nobody uses */

int
deliver_cache_open(struct deliver_cache *ca, struct err *err)
{
	memset(ca, 0, sizeof(*ca));
	ca->buckets = calloc(BUCKETS, sizeof(*ca->buckets));
	if (ca->buckets == NULL)
		return err_set(err, ERR_NOMEM, "no memory for events");
	return 0;
}

static struct deliver_event **
place_of(struct deliver_cache *ca, uint64_t seq)
{
	struct deliver_event **at = &ca->buckets[seq % BUCKETS];

	while (*at != NULL && (*at)->event.seq != seq)
		at = &(*at)->next;
	return at;
}

static void
take_out(struct deliver_cache *ca, struct deliver_event **at)
{
	struct deliver_event *de = *at;

	*at = de->next;
	ca->bytes -= de->bytes;
	ca->n--;
	free(de);
}

void
deliver_cache_close(struct deliver_cache *ca)
{
	size_t i;

	for (i = 0; ca->buckets != NULL && i < BUCKETS; i++)
		while (ca->buckets[i] != NULL)
			take_out(ca, &ca->buckets[i]);
	free(ca->buckets);
	ca->buckets = NULL;
}

static struct span
copy(unsigned char **at, struct span s)
{
	struct span there = { *at, s.len };

	if (s.len > 0)
		memcpy(*at, s.ptr, s.len);
	*at += s.len;
	return there;
}

static size_t
size_of(const struct event *ev)
{
	return sizeof(struct deliver_event) + ev->id.len + ev->type.len +
	       ev->types.len + ev->content_type.len + ev->headers.len +
	       ev->body.len;
}

static struct deliver_event *
add(struct deliver_cache *ca, const struct event *ev)
{
	struct deliver_event **at = place_of(ca, ev->seq), *de = *at;
	unsigned char *room;

	if (de != NULL)
		return de;
	de = malloc(size_of(ev));
	if (de == NULL)
		return NULL;
	memset(de, 0, sizeof(*de));
	de->event = *ev;
	room = (unsigned char *)(de + 1);
	de->event.id = copy(&room, ev->id);
	de->event.type = copy(&room, ev->type);
	de->event.types = copy(&room, ev->types);
	de->event.content_type = copy(&room, ev->content_type);
	de->event.headers = copy(&room, ev->headers);
	de->event.body = copy(&room, ev->body);
	de->bytes = size_of(ev);
	de->used_ms = clock_ms();
	*at = de;
	ca->bytes += de->bytes;
	ca->n++;
	return de;
}

void
deliver_cache_want(struct deliver_cache *ca, const struct event *ev)
{
	struct deliver_event *de = *place_of(ca, ev->seq);

	if (de == NULL && ca->bytes < CACHE_MAX)
		de = add(ca, ev);
	if (de != NULL)
		de->wanted++;
}

int
deliver_cache_add(
    struct deliver_cache *ca, const struct event *ev, struct err *err)
{
	if (add(ca, ev) != NULL)
		return 0;
	return err_set(err, ERR_NOMEM, "no memory for an event of %zu bytes",
	    ev->body.len);
}

struct deliver_event *
deliver_cache_get(struct deliver_cache *ca, uint64_t seq)
{
	struct deliver_event *de = *place_of(ca, seq);

	if (de != NULL)
		de->refs++;
	return de;
}

void
deliver_cache_put(struct deliver_cache *ca, struct deliver_event *de, bool sent)
{
	de->refs--;
	de->used_ms = clock_ms();
	if (sent && de->wanted > 0)
		de->wanted--;
	if (de->refs == 0 && de->wanted == 0)
		take_out(ca, place_of(ca, de->event.seq));
}

/* What was taken but is sent no more (a row dropped by an operator). */
void
deliver_cache_sweep(struct deliver_cache *ca)
{
	struct deliver_event **at;
	int64_t now_ms = clock_ms();
	size_t i;

	if (now_ms - ca->swept_ms < SWEEP_MS)
		return;
	ca->swept_ms = now_ms;
	for (i = 0; i < BUCKETS && ca->n > 0; i++)
		for (at = &ca->buckets[i]; *at != NULL;)
			if ((*at)->refs == 0 &&
			    now_ms - (*at)->used_ms > AGE_MS)
				take_out(ca, at);
			else
				at = &(*at)->next;
}
