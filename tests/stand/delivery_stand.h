/*
 * delivery_stand.h: on the store of ops_stand.h, what a deliverer would have
 * reported, so that tests of what operators see and do need none.
 */
#ifndef EYELET_TESTS_DELIVERY_STAND_H
#define EYELET_TESTS_DELIVERY_STAND_H

#include "lib/store/delivery.h"
#include "tests/stand/ops_stand.h"

/*
 * One endpoint "shop" with six events, and three destinations: "crm" wants
 * all and has come to the last one, "audit" wants order.* and has not begun,
 * "late" began behind them.
 *
 *	1 order.paid	crm: delivered
 *	2 order.sent	crm: retrying, after 503 and a timeout
 *	3 user.new	crm: dead, exhausted, after 500
 *	4 order.paid	crm: parked
 *	5 order.paid	crm: pending, in a row
 *	6 user.new	crm: not reached
 */
void delivery_fill(void);

/* Publishes an event to shop; its seq is what comes next. */
void delivery_publish(const char *id, const char *type, const char *data);

uint64_t delivery_destination(const char *name);

/* What the deliverer reports of a row, an attempt, an end, a cursor. */
void delivery_row(const struct store_delivery *d);
void delivery_attempt(const struct store_attempt *a);
void delivery_done(uint64_t destination_id, uint64_t seq);
void delivery_cursor(uint64_t destination_id, uint64_t seq);

/* The row's state, 0 for none; *row is static, NULL is allowed. */
int delivery_state(
    const char *destination, uint64_t seq, const struct store_delivery **row);

#endif
