/*
 * delivery_fixture.h: what tests of delivery's rows ask of the store of
 * store_fixture.h. A failure in a verb fails the test.
 */
#ifndef EYELET_TESTS_DELIVERY_FIXTURE_H
#define EYELET_TESTS_DELIVERY_FIXTURE_H

#include "lib/store/delivery.h"
#include "tests/stand/store_fixture.h"

/* Adds one with these settings (a JSON object) and gives its id. */
uint64_t fx_destination(const char *name, const char *doc, uint64_t cursor);
void fx_set_state(uint64_t id, enum store_destination_state state);
uint64_t fx_cursor(uint64_t id);

/* A row as the deliverer would report it, all texts "". */
struct store_delivery
fx_row(uint64_t id, uint64_t seq, enum store_delivery_state state);

/* Reports one item, or a cursor; with success. */
void fx_report_row(const struct store_delivery *d);
void fx_report_done(uint64_t id, uint64_t seq, uint64_t stamp);
void fx_report_cursor(uint64_t id, uint64_t seq);

/* An operator's change; the row's stamp is written back. */
void fx_operate(struct store_delivery *d);

/* The state of a row, 0 when there is none; its reason is kept in fx_reason. */
int fx_state(uint64_t id, uint64_t seq);
extern char fx_reason[32];

#endif
