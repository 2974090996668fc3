/*
 * ring.h: members of a struct that link it into a ring, so that adding and
 * taking out never fail. A ring has a head of its own; head and links that
 * are in no ring point to themselves.
 */
#ifndef EYELET_LIB_BASE_RING_H
#define EYELET_LIB_BASE_RING_H

#include <stdbool.h>

struct ring {
	struct ring *prev, *next;
};

static inline void
ring_init(struct ring *r)
{
	r->prev = r->next = r;
}

/* Of a head: has it none? Of a link: is it in none? */
static inline bool
ring_empty(const struct ring *r)
{
	return r->next == r;
}

/* Before the head, which is behind the last. */
static inline void
ring_put(struct ring *head, struct ring *link)
{
	link->prev = head->prev;
	link->next = head;
	head->prev->next = link;
	head->prev = link;
}

/* A link that is in no ring stays so. */
static inline void
ring_cut(struct ring *link)
{
	link->prev->next = link->next;
	link->next->prev = link->prev;
	ring_init(link);
}

#endif
