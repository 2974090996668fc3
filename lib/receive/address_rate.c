/* address_rate.c: a table of clients and their rates. */
#include "lib/receive/address_rate.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/rate.h"
#include "lib/base/util.h"
#include "lib/crypto/digest.h"
#include "lib/http/address.h"

struct place {
	unsigned char client[ADDRESS_CLIENT];
	struct rate rate; /* zero: the place is free */
};

struct bucket {
	struct place places[ADDRESS_RATE_PLACES];
};

struct address_rate {
	int64_t per_s;
	unsigned char key[16];
	pthread_mutex_t lock; /* over the buckets */
	size_t nbuckets;
	struct bucket buckets[];
};

int
address_rate_make(
    int64_t per_s, size_t nbuckets, struct address_rate **out, struct err *err)
{
	struct address_rate *t =
	    calloc(1, sizeof(*t) + nbuckets * sizeof(t->buckets[0]));

	if (t == NULL)
		return err_set(
		    err, ERR_NOMEM, "no memory for the rates of addresses");
	if (digest_random(t->key, sizeof(t->key), err) < 0) {
		free(t);
		return -1;
	}
	t->per_s = per_s;
	t->nbuckets = nbuckets;
	pthread_mutex_init(&t->lock, NULL);
	*out = t;
	return 0;
}

void
address_rate_free(struct address_rate *t)
{
	if (t == NULL)
		return;
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static int
find_bucket(struct address_rate *t, const unsigned char client[ADDRESS_CLIENT],
    struct bucket **out, struct err *err)
{
	struct span parts[] = { span_of(t->key, sizeof(t->key)),
		span_of(client, ADDRESS_CLIENT) };
	unsigned char sum[DIGEST_SHA256];
	uint64_t hash;

	if (digest_sha256(parts, NITEMS(parts), sum, err) < 0)
		return -1;
	memcpy(&hash, sum, sizeof(hash));
	*out = &t->buckets[hash % t->nbuckets];
	return 0;
}

static bool
is_free(const struct place *p)
{
	return atomic_load(&p->rate.due_us) == 0;
}

/* The client's own place, else the one that it may have; NULL: none. */
static struct place *
find_place(const struct address_rate *t, struct bucket *b,
    const unsigned char client[ADDRESS_CLIENT], int64_t now_ms)
{
	struct place *p, *least = &b->places[0];
	size_t i;

	for (i = 0; i < ADDRESS_RATE_PLACES; i++) {
		p = &b->places[i];
		if (!is_free(p) &&
		    memcmp(p->client, client, ADDRESS_CLIENT) == 0)
			return p;
		if (atomic_load(&p->rate.due_us) <
		    atomic_load(&least->rate.due_us))
			least = p;
	}
	if (!is_free(least) && rate_wait_ms(&least->rate, t->per_s, now_ms) > 0)
		return NULL;
	memcpy(least->client, client, ADDRESS_CLIENT);
	atomic_store(&least->rate.due_us, 0);
	return least;
}

int
address_rate_take(struct address_rate *t, struct span address, int64_t now_ms,
    bool *taken, struct err *err)
{
	unsigned char client[ADDRESS_CLIENT];
	struct bucket *b;
	struct place *p;

	address_client(address, client);
	if (find_bucket(t, client, &b, err) < 0)
		return -1;
	pthread_mutex_lock(&t->lock);
	p = find_place(t, b, client, now_ms);
	*taken = p == NULL || rate_take(&p->rate, t->per_s, now_ms);
	pthread_mutex_unlock(&t->lock);
	return 0;
}
