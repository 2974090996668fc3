/*
 * loss.h: how an open store notices that its log did not keep what was
 * promised (store.h: store_is_lost), and what it does with the log files.
 */
#ifndef EYELET_LIB_ENGINE_BDB_LOSS_H
#define EYELET_LIB_ENGINE_BDB_LOSS_H

#include "lib/engine_bdb/impl.h"

/* Places in the log, for people. */
#define LSN "%lu/%lu"

/* A place as the arguments of LSN. */
#define LSN_OF(l) (unsigned long)(l).file, (unsigned long)(l).offset

/* engine_bdb/loss_refuse.c */
void store_loss_words(struct store *st, char *words, size_t size);

/* engine_bdb/loss.c */
/*
 * Before the databases are opened: does the log reach as far as was promised?
 * When it does not, its files are kept, "lost" is written, and damage is cut
 * off: st->lost is true then, and recovery finds an end.
 */
int store_loss_look(struct store *st, bool is_new, struct err *err);
/*
 * The rest of the log leads to no store: takes the tables as they are and
 * begins a new log, whose number is above all that pages may name.
 */
int store_loss_new_log(struct store *st, struct err *err);
/* The databases are open, and last_seq is the last event there is. */
void store_loss_opened(struct store *st, uint64_t last_seq);
/* The flusher's: all log is durable that is, and with it seq. */
int store_put_durable(struct store *st, uint64_t seq, struct err *err);
/* For store_check: is all of the log there, and whole? *words "" when it is. */
int
store_loss_check(struct store *st, char *words, size_t size, struct err *err);
/* The keeper's, every tick: the point that was put shall last. */
void store_keep_durable(struct store *st);

/* engine_bdb/loss_logs.c */
int
store_loss_make_folder(struct store *st, const char *log_dir, struct err *err);
/* All log files get a second name, in a folder; loss.kept is its name. */
int store_loss_keep(struct store *st, const char *log_dir, struct err *err);
/* Recovery shall find an end there, and no damage. */
int store_loss_trim(const char *log_dir, struct bdb_lsn end, struct err *err);

#endif
