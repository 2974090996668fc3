/*
 * heap.c: pairing heaps (Fredman, Sedgewick, Sleator, Tarjan: The Pairing
 * Heap, 1986).
 */
#include "lib/base/heap.h"

/* Of two trees, one. Neither has siblings. */
static struct heap_node *
meld(const struct heap *h, struct heap_node *a, struct heap_node *b)
{
	struct heap_node *top, *sub;

	if (a == NULL || b == NULL)
		return a == NULL ? b : a;
	top = h->before(b, a) ? b : a;
	sub = top == a ? b : a;
	sub->next = top->child;
	sub->prev = top;
	if (top->child != NULL)
		top->child->prev = sub;
	top->child = sub;
	return top;
}

/* Takes the first of a list of siblings away from it. */
static struct heap_node *
split(struct heap_node **list)
{
	struct heap_node *n = *list;

	if (n != NULL) {
		*list = n->next;
		n->next = n->prev = NULL;
	}
	return n;
}

/* Of siblings, one tree: in pairs from the left, then all from the right. */
static struct heap_node *
pair(const struct heap *h, struct heap_node *list)
{
	struct heap_node *pairs = NULL, *top = NULL, *n;

	while ((n = split(&list)) != NULL) {
		n = meld(h, n, split(&list));
		n->next = pairs;
		pairs = n;
	}
	while ((n = split(&pairs)) != NULL)
		top = meld(h, top, n);
	return top;
}

void
heap_put(struct heap *h, struct heap_node *n)
{
	n->child = n->next = n->prev = NULL;
	h->first = meld(h, h->first, n);
}

void
heap_cut(struct heap *h, struct heap_node *n)
{
	struct heap_node *below = pair(h, n->child);

	if (h->first == n) {
		h->first = below;
		return;
	}
	if (n->prev->child == n)
		n->prev->child = n->next;
	else
		n->prev->next = n->next;
	if (n->next != NULL)
		n->next->prev = n->prev;
	h->first = meld(h, h->first, below);
}
