/*
 * schedule_stand.h: a schedule of a test, with what it does as text: starts
 * as "1/7#2" (destination, seq, attempt), reports as "row 1/7 retrying 1;
 * done 1/8 #1; cursor 1=9".
 */
#ifndef EYELET_TESTS_SCHEDULE_STAND_H
#define EYELET_TESTS_SCHEDULE_STAND_H

#include "lib/deliver/schedule.h"

extern struct schedule *sc;
extern int64_t now_ms;

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START_MS INT64_C(1790000000000)

void stand_setup(void); /* a new schedule at START_MS */
void stand_teardown(void);

/* Destination id with concurrency 1, plan 1m 2m, no order; then a change. */
struct schedule_destination plain(uint64_t id);
void put(const struct schedule_destination *d, uint64_t cursor);
/* The same with no rows told. */
void put_known(const struct schedule_destination *d, uint64_t cursor);

/* Rows: begin, row..., end. */
void rows_begin(uint64_t id);
void row(uint64_t id, uint64_t seq, enum store_delivery_state state,
    uint64_t stamp, int64_t due_ms);
void rows_end(uint64_t id);

bool wants(uint64_t id); /* anything */
uint64_t wanted(uint64_t id); /* must want: from which seq on */
bool take_key(uint64_t id, uint64_t seq, const char *key); /* taken? */
void take(uint64_t id, uint64_t first, uint64_t last); /* must be taken */

/* All that starts now, in turn, divided by blanks; at most max. */
const char *starts_max(size_t max);
const char *starts(void);

void end(uint64_t id, uint64_t seq, enum schedule_verdict verdict);
void end_after(uint64_t id, uint64_t seq, int64_t retry_after_ms);

/* The next report; "-": none. It stays out until report_end. */
const char *report_begin(void);
void report_end(bool committed);
const char *report(void); /* committed at once */

#endif
