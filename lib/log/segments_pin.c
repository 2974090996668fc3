/* segments_pin.c: which segment is it, and what is in it? */
#include "lib/log/segments.h"

#include <assert.h>

#include "lib/log/segments_impl.h"

static struct segment *
pin(struct segment *s)
{
	if (s != NULL)
		s->pins++;
	return s;
}

struct segment *
segments_pin(struct segments *sg, uint64_t seq)
{
	struct segment *s;

	pthread_mutex_lock(&sg->mutex);
	for (s = sg->last; s != NULL && s->prev != NULL; s = s->prev)
		if (s->facts.first_seq <= seq)
			break;
	pin(s);
	pthread_mutex_unlock(&sg->mutex);
	return s;
}

struct segment *
segments_pin_next(struct segments *sg, const struct segment *s)
{
	struct segment *next;

	pthread_mutex_lock(&sg->mutex);
	next = pin(s->next);
	pthread_mutex_unlock(&sg->mutex);
	return next;
}

struct segment *
segments_pin_prev(struct segments *sg, const struct segment *s)
{
	struct segment *prev;

	pthread_mutex_lock(&sg->mutex);
	prev = pin(s->prev);
	pthread_mutex_unlock(&sg->mutex);
	return prev;
}

void
segment_unpin(struct segments *sg, struct segment *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&sg->mutex);
	assert(s->pins > 0);
	s->pins--;
	pthread_mutex_unlock(&sg->mutex);
}

struct segment *
segments_pin_since(struct segments *sg, int64_t ms)
{
	struct segment *s;

	pthread_mutex_lock(&sg->mutex);
	for (s = sg->first; s != NULL; s = s->next)
		if (s->facts.events > 0 && s->facts.highest_ms >= ms)
			break;
	pin(s);
	pthread_mutex_unlock(&sg->mutex);
	return s;
}

struct segment *
segments_pin_before(struct segments *sg, int64_t ms)
{
	struct segment *s;

	pthread_mutex_lock(&sg->mutex);
	for (s = sg->last; s != NULL; s = s->prev)
		if (s->facts.events > 0 && s->facts.lowest_ms < ms)
			break;
	pin(s);
	pthread_mutex_unlock(&sg->mutex);
	return s;
}

void
segment_facts(
    struct segments *sg, const struct segment *s, struct record_segment *out)
{
	pthread_mutex_lock(&sg->mutex);
	*out = s->facts;
	pthread_mutex_unlock(&sg->mutex);
}

uint64_t
segments_first_seq(struct segments *sg)
{
	uint64_t seq;

	pthread_mutex_lock(&sg->mutex);
	seq = sg->first == NULL ? 0 : sg->first->facts.first_seq;
	pthread_mutex_unlock(&sg->mutex);
	return seq;
}
