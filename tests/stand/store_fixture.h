/*
 * store_fixture.h: a store of its own for each unit test, and the few verbs
 * that tests of the store speak in. A failure in a verb fails the test.
 */
#ifndef EYELET_TESTS_STORE_FIXTURE_H
#define EYELET_TESTS_STORE_FIXTURE_H

#include <pthread.h>

#include "lib/store/store.h"

struct fixture {
	char folder[64], dir[96], key_file[96];
	struct store_options opt;
	struct store *st;
	struct err err;
	uint64_t endpoint_id, generation; /* of the endpoint added last */
};

extern struct fixture fx;
extern const struct store_actor fx_actor;

void fx_setup(void); /* makes a store and opens it */
void fx_setup_below(const char *folder); /* elsewhere than below /tmp */
void fx_teardown(void);
void fx_open(void);
void fx_close(void);

/* Runs a shell script with the store folder as $1; it must succeed. */
void fx_shell(const char *script);

struct adding {
	const char *name;
	const char *secret; /* NULL: none */
	uint64_t endpoint_id, secret_id, generation;
};

typedef int fx_change_fn(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err);

/* id NULL: a new request; result may be NULL. */
void fx_change(
    const unsigned char *id, fx_change_fn *fn, void *arg, struct buf *result);
fx_change_fn fx_add_endpoint; /* arg: struct adding */
struct adding fx_added(const char *name, const char *secret);

/* An item on its way, and its end. */
struct waiting {
	struct store_item item;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

void fx_begin(struct waiting *w, const char *id, const char *body);
enum store_outcome fx_end(struct waiting *w);
enum store_outcome fx_accept(const char *id, const char *body);

/* Events that a reader finds, each behind the one before. */
uint64_t fx_events(void);

/* What store_check finds. */
uint64_t fx_problems(void);

/* A visitor of secrets: the plain value must be arg. */
int fx_plain_is(void *arg, const struct secret *s, struct err *err);

#endif
