/*
 * held_fixture.h: events that are held, over the store of store_fixture.h: how
 * they are handed in, and what an operator makes of them.
 */
#ifndef EYELET_TESTS_HELD_FIXTURE_H
#define EYELET_TESTS_HELD_FIXTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/store/held.h"

extern uint64_t held_seq; /* of what was handed in last */
extern const char *held_reason;
/* Not activated, and verified what is handed in next; 0: an activated one did
 */
extern uint64_t held_pending;

/* As GitHub sends: the body is signed, id and type are not. */
enum store_outcome held_hand_in(const char *id, const char *type,
    const char *body, enum store_wish wish, enum store_on_held on_held);
/* A push that is selected, at an endpoint that holds. */
enum store_outcome held_send(const char *id, const char *body);
bool held_is_shown(uint64_t wanted, bool held);
/* Changes of one event: *arg is its seq, and then that of the copy. */
int held_release(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err);
int
held_drop(struct store_tx *tx, void *arg, struct buf *result, struct err *err);
void held_check_store(void);
struct store_held held_row(uint64_t no);
/* As Adyen sends: each element is signed by itself, and the whole is not. */
enum store_outcome held_send_batch(const char *elements);

#endif
