/* table.c: hash tables with chained nodes. */
#include "lib/base/table.h"

#include <stdlib.h>
#include <string.h>

#define BITS_FIRST 6

static struct table_node **
slot(const struct table *t, uint64_t hash)
{
	/* The high bits: the best of a product. */
	return &t->slots[hash >> (64 - t->bits)];
}

static struct table_node **
chain(struct table *t, uint64_t hash)
{
	return t->slots == NULL ? &t->only : slot(t, hash);
}

static void
push(struct table *t, struct table_node *n)
{
	struct table_node **at = chain(t, n->hash);

	n->next = *at;
	*at = n;
}

static void
grow(struct table *t)
{
	struct table old = *t;
	struct table_node *n;
	size_t i, slots = old.slots == NULL ? 1 : (size_t)1 << old.bits;

	t->bits = old.slots == NULL ? BITS_FIRST : old.bits + 1;
	t->slots = calloc((size_t)1 << t->bits, sizeof(struct table_node *));
	if (t->slots == NULL) {
		*t = old;
		return;
	}
	t->only = NULL;
	for (i = 0; i < slots; i++) {
		struct table_node *next =
		    old.slots == NULL ? old.only : old.slots[i];

		while ((n = next) != NULL) {
			next = n->next;
			push(t, n);
		}
	}
	free(old.slots);
}

void
table_free(struct table *t)
{
	free(t->slots);
	*t = (struct table){ 0 };
}

void
table_put(struct table *t, struct table_node *n, uint64_t hash)
{
	n->hash = hash;
	push(t, n);
	t->n++;
	if (t->slots == NULL || t->n >> t->bits != 0)
		grow(t);
}

void
table_cut(struct table *t, struct table_node *n)
{
	struct table_node **at = chain(t, n->hash);

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	n->next = NULL;
	t->n--;
}

static struct table_node *
same_hash(struct table_node *n, uint64_t hash)
{
	while (n != NULL && n->hash != hash)
		n = n->next;
	return n;
}

struct table_node *
table_find(const struct table *t, uint64_t hash)
{
	return same_hash(t->slots == NULL ? t->only : *slot(t, hash), hash);
}

struct table_node *
table_next(const struct table_node *n)
{
	return same_hash(n->next, n->hash);
}

/* --- hashes --------------------------------------------------------------- */

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t
turn(uint64_t x, int by)
{
	return x << by | x >> (64 - by);
}

static void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = turn(s->v1, 13) ^ s->v0;
	s->v0 = turn(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = turn(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = turn(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = turn(s->v1, 17) ^ s->v2;
	s->v2 = turn(s->v2, 32);
}

static void
sip_word(struct sip *s, uint64_t word)
{
	s->v3 ^= word;
	sip_round(s);
	s->v0 ^= word;
}

uint64_t
table_hash(uint64_t seed, struct span bytes)
{
	uint64_t k0 = seed, k1 = table_hash_pair(seed, 1), word, last;
	struct sip s = { k0 ^ 0x736f6d6570736575, k1 ^ 0x646f72616e646f6d,
		k0 ^ 0x6c7967656e657261, k1 ^ 0x7465646279746573 };
	size_t left = bytes.len;
	const unsigned char *p = bytes.ptr;

	for (; left >= 8; left -= 8, p += 8) {
		memcpy(&word, p, 8);
		sip_word(&s, word);
	}
	last = 0;
	if (left > 0)
		memcpy(&last, p, left);
	sip_word(&s, last | (uint64_t)bytes.len << 56);
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t
table_hash_pair(uint64_t a, uint64_t b)
{
	uint64_t x = a * 0x9e3779b97f4a7c15 + b;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9; /* SplitMix64 */
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}
