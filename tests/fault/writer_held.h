/*
 * writer_held.h: what store_writer does with events that are held, and with
 * messages that are ignored: it promises them, and looks for them after a kill.
 */
#ifndef EYELET_TESTS_FAULT_WRITER_HELD_H
#define EYELET_TESTS_FAULT_WRITER_HELD_H

#include "lib/store/held.h"

/* As GitHub sends: the body is signed, id and type are not. */
void writer_sign(struct store_item *item);

/*
 * Reads the held events, once the others stand in the table of hsearch by
 * their ids: enters "held:ID", and "released:ID" of those whose copy is there.
 * Leaves with 1 where a row is missing, or does not say what the log has.
 */
void writer_read_held(struct store *st);

/* A line "held ID", "released ID" or "ignored ID" of the journal; else true. */
bool writer_is_kept(const char *kind, const char *id);

/* Messages that were ignored last are no news under another id. */
void writer_check_ignored(
    struct store *st, uint64_t endpoint_id, uint64_t generation);

/* Releases the held event seq. */
int writer_release(struct store *st, uint64_t seq, struct err *e);

#endif
