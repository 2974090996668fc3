/*
 * impl.h: what the store's own files share. Nobody else includes it.
 *
 * store.c	open, close, threads, status
 * engine_bdb/core.c	its words, its time, where its log begins and ends
 * engine_bdb/fence.c	a write failed: nothing is acknowledged any more
 * engine_bdb/clock.c	its two clocks
 * engine_bdb/tables.c	the tables with small records
 * engine_bdb/marker.c	the marker file, the folder's owner and mode
 * engine_bdb/room.c	how much room is left, and whether writes find any
 * engine_bdb/full.c	opens a store whose volume has no room
 * engine_bdb/save.c	saves clocks, totals and counters
 * engine_bdb/copy.c	store.id, by which a copy of a store is told
 * engine_bdb/deliverer.c	does a process deliver?
 * engine_bdb/waiting.c	what destinations are still to get
 * engine_bdb/facts.c	numbers that live in memory: generations, counters
 * engine_bdb/counters.c	these loaded and saved
 * engine_bdb/tx.c	what a change touches, and the numbers that it gives
 * engine_bdb/accept.c	a batch of events, in the committer
 * engine_bdb/judge.c	one of them, by the rules of dedupe_rule.h
 * engine_bdb/held.c	events that are held
 * engine_bdb/ignored.c	records of messages that became no event
 * engine_bdb/batch.c	the events that a batch appends
 * engine_bdb/change.c	changes, in the committer
 * engine_bdb/requests.c	results of requests, so that each is done once
 * engine_bdb/rekey.c	another key for all that is sealed
 * engine_bdb/rows.c	endpoints and secrets as rows
 * engine_bdb/destination.c	destinations as rows, their cursors
 * engine_bdb/delivery.c	deliveries as rows
 * engine_bdb/pass.c	deliveries that nobody makes any more
 * engine_bdb/removal.c	deliveries of removed endpoints
 * engine_bdb/hold.c	what destinations need of the log
 * engine_bdb/retain.c	what is too old goes
 * engine_bdb/report.c	what the deliverer reports, in the committer
 * engine_bdb/pull.c	named places of readers that fetch
 * engine_bdb/told.c	telling the deliverer that there is something
 * engine_bdb/audit.c	the audit trail
 * engine_bdb/deny.c	the deny list, applied at open
 * engine_bdb/read.c	readers of the log, the memory of ids
 * engine_bdb/notice.c	the words of eyelet's own events
 * engine_bdb/notice_dead.c	notices of dead letters
 * engine_bdb/notice_rows.c	notices as rows, until they are in the log
 * engine_bdb/notices_due.c	moves them into the log
 * engine_bdb/keep.c	the keeper thread: checkpoints, retention
 * engine_bdb/check.c	verification
 * engine_bdb/snapshot.c	a copy from which a damaged store is rebuilt
 * engine_bdb/rebuild.c	snapshot and logs become a store again
 * engine_bdb/names.c	files that were taken away from a store that is open
 * engine_bdb/loss.c	did the log keep what was promised? And when it did not
 * engine_bdb/loss_logs.c	log files that lost something are kept, and cut
 * engine_bdb/loss_refuse.c	then changes are refused
 * engine_bdb/damage_note.c	damaged tables are noted on disk
 * engine_bdb/damage.c	damaged tables are mended or set aside
 * engine_bdb/incomplete.c	those that were set aside
 * engine_bdb/salvage.c	tables that were set aside, made anew
 * engine_bdb/lost.c	events that are lost become dead letters
 */
#ifndef EYELET_LIB_ENGINE_BDB_IMPL_H
#define EYELET_LIB_ENGINE_BDB_IMPL_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "lib/bdb/bdb.h"
#include "lib/crypto/seal.h"
#include "lib/engine_bdb/limits.h"
#include "lib/log/commit.h"
#include "lib/log/dedupe.h"
#include "lib/log/durable.h"
#include "lib/log/record.h"
#include "lib/log/segments.h"
#include "lib/model/deliver_lock.h"
#include "lib/store/deny.h"
#include "lib/store/held.h"
#include "lib/store/notice.h"
#include "lib/store/store.h"

#define STORE_DB_FOLDER "db"
#define STORE_MARKER "STORE"
#define STORE_BALLAST "ballast"
#define STORE_QUARANTINE "quarantine"
#define STORE_DURABLE "durable" /* durable.h */

/*
 * Numbers of one endpoint or destination that live in memory; the counters
 * are saved now and then.
 */
struct store_endpoint_facts {
	uint64_t generation; /* the committer's */
	_Atomic uint64_t rows_touched; /* 0: not since the store was opened */
	_Atomic uint64_t counts[STORE_COUNTS];
	int64_t told_ignored_ms; /* the committer's; on the age clock; 0: not */
};

/*
 * Deliveries that nobody will make any more become dead rows, bit by bit:
 * those of a destination that are below a seq, rows first, then what its
 * cursor has not passed.
 */
struct store_passing {
	uint64_t destination_id;
	uint64_t below;
	const char *reason;
	uint64_t row; /* where the next bit begins */
	uint64_t dead; /* so many became dead */
	bool more;
};

/*
 * What the store has lost, as the file "lost" in its folder says (text lines),
 * from the open that found it until the loss is accepted. The folder that it
 * names has every log file as it was found.
 */
struct store_loss {
	int64_t at_ms;
	uint64_t seq; /* the last one that was promised, as far as is known */
	uint64_t last_seq; /* the last one that is there */
	struct bdb_lsn durable, found; /* how far the log was; is */
	struct bdb_lsn broken; /* where it is damaged */
	char what[96]; /* how */
	char kept[48]; /* a folder in the store's */
	char why[400]; /* all that, for people */
};

/* Facts about the deliverer; see store/deliverer.h. */
struct store_deliverer_watch {
	_Atomic int64_t opened_ms, called_ms; /* clock_ms(); 0: not yet */
	_Atomic int64_t called_age_ms;
	pthread_mutex_t mutex; /* of what follows: the lock, as it was seen */
	struct deliver_lock_holder holder;
	bool known;
};

/* The steps of accepting that need room on the disk. */
enum store_write {
	STORE_WRITE_BATCH, /* the transaction of a batch of events */
	STORE_WRITE_FLUSH, /* the log, whose buffer it empties */
	STORE_WRITES
};

struct store {
	struct store_options opt; /* strings are owned */
	struct store_limits limits; /* in the place of what opt has of them */
	char id[33];
	char *db_dir;
	struct seal_key *key;
	pthread_mutex_t rekey_mutex; /* one change of it at a time */
	struct deny *deny;
	struct quarantine *quarantine;
	struct store_copy_watch *copy; /* engine_bdb/copy.c's own */
	struct store_deliverer_watch
	    deliverer; /* engine_bdb/deliverer.c's own */
	unsigned char dedupe_secret[DEDUPE_SECRET];

	pthread_mutex_t clock_mutex; /* the last to be taken */
	char boot[CLOCK_BOOT_MAX]; /* which boot this is */
	struct record_clock clock;
	int64_t clock_saved_ms; /* on the boot clock */
	/* What was said, and saved, of the wall clock. */
	enum wall_doubt clock_told;
	int64_t clock_told_offset_ms;
	int64_t clock_told_ms; /* on the boot clock; 0: not yet */

	struct bdb *db;
	struct bdb_table *meta, *endpoints, *secrets, *audit, *requests,
	    *counts, *destinations, *cursors, *deliveries, *notices, *held,
	    *ignored;
	struct segments *segments;
	struct dedupe *dedupe;
	struct commit *commit;

	struct durable *durable;
	uint64_t promised_seq; /* the flusher's, once the store is open */
	_Atomic uint32_t log_needed; /* the log file in which recovery begins */
	int64_t durable_synced_ms; /* the keeper's; clock_ms */
	struct store_loss loss; /* while lost */
	bool as_they_are; /* tables were taken so, at this open */
	bool pages_ahead; /* tables have changes that the log has not */
	atomic_bool lost, snapshot_due;

	struct stat folder; /* the store's, as it was opened */
	int64_t names_looked_ms; /* the keeper's; clock_ms */
	bool key_gone; /* and it was said */
	atomic_bool astray;
	pthread_mutex_t names_mutex; /* of the next */
	bool brought_back;

	/* The committer's. */
	uint64_t next_seq;
	struct buf group;
	void (*changed)(void *arg, uint64_t endpoint_id);
	void *changed_arg;

	_Atomic uint64_t touched; /* see store_touched */
	_Atomic uint64_t rows_touched_all; /* rows of all destinations were */
	_Atomic uint64_t durable_seq;
	_Atomic int64_t looking_since_ms; /* the keeper's looks; clock_ms */
	_Atomic int64_t last_flush_ms, last_checkpoint_ms, snapshot_ms;
	/* At the last look; how, see store_measure_room. */
	_Atomic uint64_t bytes_free, bytes_left;
	_Atomic uint64_t left_put; /* how far the log was then */
	_Atomic uint64_t log_paged; /* up to here it is in the tables, too */
	_Atomic int64_t fell_ms, fell_age_ms; /* see store_room */
	atomic_bool below_floor, fenced;
	atomic_bool no_room[STORE_WRITES]; /* the last such write found none */
	atomic_bool fencing; /* somebody sees to it that it is fenced */
	int64_t opened_ms, recovery_ms;

	pthread_mutex_t
	    wait_mutex; /* for those who wait for a seq or a fence */
	pthread_cond_t wait_cond;

	/* By id; what a slot points to stays until the store is closed. */
	pthread_mutex_t facts_mutex;
	struct store_endpoint_facts **facts;
	size_t nfacts;
	int64_t *used_ms; /* by secret id: when it last verified */
	size_t nused;
	bool facts_changed; /* since they were saved */

	atomic_bool notices_due; /* perhaps */
	int64_t notices_summed_ms; /* the keeper's; clock_ms */
	_Atomic int64_t
	    notices_retry_ms; /* nothing is moved before; clock_ms */

	/*
	 * A removed destination or endpoint may have something that is not
	 * settled; the keeper is at this destination.
	 */
	atomic_bool settle_due;
	struct store_passing settling;
	int64_t settle_retry_ms;

	int64_t room_retry_ms; /* the keeper's; clock_ms */

	pthread_t keeper;
	bool keeper_runs;
	uint64_t snapshot_retry_bytes; /* the keeper's */
	pthread_mutex_t keeper_mutex;
	pthread_cond_t keeper_cond;
	bool closing;
	/* A table that store_check found damaged: to be mended from then on. */
	char damage[BDB_FILE_MAX + 1];
	int64_t damage_ms; /* clock_ms; 0: none */
};

struct store_tx {
	struct store *st;
	struct bdb_txn *txn;
	const struct store_actor *actor;
	int64_t now_ms;
	unsigned audits;
	bool rekeyed; /* it seals with another key than key_was */
	uint32_t key_was;
#define STORE_TX_TOUCH_MAX 256
	uint64_t touched[STORE_TX_TOUCH_MAX]; /* endpoints, destinations */
	size_t ntouched;
	/* Destinations whose rows are; more than fit: all are. */
	uint64_t rows_touched[STORE_TX_TOUCH_MAX];
	size_t nrows_touched;
	bool all_rows_touched;
	bool leaves_rest; /* for store_settle */
	bool accepts_clock;
	struct clock_reading accepted; /* what it showed then */
	uint64_t stamp; /* of the rows that it changes; 0: none yet */
	/* Events that it appends: from next_seq of the store on. */
	uint64_t nevents;
	size_t event_bytes; /* of the log */
	struct store_clock appended; /* when */
	uint64_t revoked[STORE_TX_TOUCH_MAX]; /* secrets */
	size_t nrevoked;
};

/* Reads outside a change have none. */
static inline struct bdb_txn *
store_txn(const struct store_tx *tx)
{
	return tx == NULL ? NULL : tx->txn;
}

/* engine_bdb/core.c */
int64_t store_wall_ms(void);
void store_say(struct store *st, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* For a wait on a condition of init_locks. */
void store_deadline_in(struct timespec *until, int timeout_ms);
/* The first seq that is in the log, or would be. The committer's. */
uint64_t store_oldest_seq(struct store *st);

/* engine_bdb/fence.c */
/*
 * Wakes those that wait for a seq or a fence. Brings back files whose names
 * were taken away, and fences the store when a write to it failed.
 */
void store_wake(struct store *st);

/* store.c */
int store_open_once(
    const struct store_options *opt, struct store **out, struct err *err);

/* engine_bdb/room.c */
/*
 * What recovery may write, and so the default size of the ballast: a log file
 * in full, 10 MiB; what the tables lack, which is as much as the log has since
 * the last checkpoint: 16 MiB until the next one begins, and as much again
 * while it is under way; 6 MiB for whatever else opening writes.
 */
#define STORE_RECOVERY_ROOM (48 * 1024 * 1024)
/*
 * Notes how a write ended: err is NULL, or what it failed with; only ERR_FULL
 * counts. Logs the change from one to the other. Any thread's.
 */
void store_note_write(
    struct store *st, enum store_write what, const struct err *err);
/* Events are refused, as their writes found no room. */
bool store_has_no_room(struct store *st);
/* True when there was one. */
bool store_give_up_ballast(const struct store_options *opt);
/* Adds to a message about a full volume how much is free and what to do. */
void store_explain_full(const char *dir, const char *then, struct err *err);
/*
 * Looks how much is free, and how much of that is left once all that was
 * committed is in the log, and all of the log in the tables: they grow with a
 * checkpoint, by about what the log grew since the one before. An event that
 * has a page of its own takes more of them, hence checkpoints come early near
 * the floor.
 */
void store_measure_room(struct store *st);
/*
 * In the committer, before each batch of n events and bytes: is there room? It
 * looks anew once half of the floor may be used up since the last look, which
 * is at most a tick of the keeper old; other programs fill the disk, too. own:
 * may use half of the floor. ERR_FULL.
 */
int store_check_room(
    struct store *st, uint64_t bytes, size_t n, bool own, struct err *err);
int store_refuse_full(struct store *st, struct err *err);
/* So near the floor that nothing is held: accepting must never fail for it. */
bool store_is_short_of_room(struct store *st);

/* engine_bdb/save.c */
/* A job: saves the clocks, totals and counters of store. */
int store_save(void *store, struct err *err);
/* While a write found no room: tries again to write a little. The keeper's. */
void store_try_room(struct store *st);

/* engine_bdb/clock.c */
/* At open: goes on from what was saved, or begins. */
int store_begin_clock(struct store *st, struct err *err);
/* The store is as old as this, at least: what it holds says so. */
void store_clock_at_least(struct store *st, int64_t age_ms);
int store_save_clock(struct store *st, struct bdb_txn *txn, struct err *err);
/* Says that the wall clock came into doubt, or is sure again; is it time to
 * save what the clocks are? The keeper's. */
bool store_clock_is_due(struct store *st);
/* In the committer: what tx accepted is in force. */
void store_clock_accepted(struct store *st, const struct store_tx *tx);

/* engine_bdb/tables.c */
/* Those of a new store, which then is ready ... */
int store_make_tables(struct store *st, struct err *err);
/* ... or of one that was; what a newer release added is made. */
int store_open_tables(struct store *st, struct err *err);
void store_close_tables(struct store *st);
uint64_t store_tables_bytes(struct store *st);
/* Their names: i from 0 until NULL. */
const char *store_table_name(size_t i);

/* engine_bdb/marker.c */
int store_check_folder(const char *dir, struct err *err);
int store_write_marker(const char *dir, const char *id, const char *state,
    bool exclusive, struct err *err);
/* Fills st->id. */
int store_read_marker(struct store *st, bool *is_new, struct err *err);

/* engine_bdb/copy.c */
/* Makes store.id, or another one in its place. ERR_IO, ERR_FULL. */
int store_write_id(const char *dir, const char *id, struct err *err);
/* Looks whether the store, whose id is known, is a copy. ERR_NOMEM. */
int store_copy_open(struct store *st, struct err *err);
void store_copy_close(struct store *st);

/* engine_bdb/facts.c */
/* The facts of an endpoint, made when there are none; NULL without memory. */
struct store_endpoint_facts *store_facts(struct store *st, uint64_t id);
void store_used(struct store *st, uint64_t secret_id, int64_t ms);
int64_t store_used_ms(struct store *st, uint64_t secret_id);

/* engine_bdb/counters.c */
/* Fills the facts with the generations and counters on disk. */
int store_load_facts(struct store *st, struct err *err);
/* Saves counters and last uses that changed. */
int store_save_facts(struct store *st, struct bdb_txn *txn, struct err *err);

/* engine_bdb/deny.c */
/* Revokes, at open, what the deny list names and the rows do not. */
int store_apply_deny(struct store *st, struct err *err);

/* engine_bdb/accept.c: the committer's hooks */
int store_batch(void *arg, struct store_item *const *items, size_t n,
    uint64_t *last_seq, struct err *err);
int store_flush(void *arg, uint64_t seq, struct err *err);
void store_durable(void *arg, uint64_t seq);
uint64_t store_last_seq(void *arg); /* 0: there was no event yet */

/*
 * In a change: ev gets a seq, goes to the log, and is there once the change is
 * durable. Room is checked. ERR_FULL.
 */
int store_tx_append(struct store_tx *tx, struct event *ev,
    const struct store_clock *now, struct err *err);

/* engine_bdb/change.c */
/* As store_change, also while the store has lost something. */
int store_change_lost(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID],
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err);

/*
 * Runs run(tx, arg, err) in the committer, in a transaction of its own that is
 * durable when this returns 0: a change that nobody asked for, so it has
 * neither actor nor audit record.
 */
int store_run(struct store *st,
    int (*run)(struct store_tx *tx, void *arg, struct err *err), void *arg,
    struct err *err);

/* engine_bdb/requests.c */
#define STORE_RESULT_MAX (1024 * 1024) /* bytes of a change's result */
/* Removes the results of requests that are older than an hour. */
int store_forget_requests(
    struct store *st, struct bdb_txn *txn, int64_t age_ms, struct err *err);

/* Seals what is kept of requests with the key that is in use now. */
int store_reseal_requests(struct store_tx *tx, struct err *err);

/* engine_bdb/rekey.c */
/* At open: ends, or throws away, a change of the key that was cut off. */
int store_settle_key(struct store *st, struct err *err);

/* engine_bdb/tx.c */
/* Notes that tx touches an endpoint or destination; true the first time. */
int
store_tx_touch(struct store_tx *tx, uint64_t id, bool *first, struct err *err);
int store_next_id(struct store *st, struct bdb_txn *txn, const char *name,
    uint64_t *out, struct err *err);
/* Endpoints and destinations have their ids from one row of numbers. */
#define STORE_NEXT_OWNER "next endpoint"

/* engine_bdb/rows.c */
/* Seals every row with the key that is in use now, and counts them. */
int store_reseal_rows(struct store_tx *tx, uint64_t *endpoints,
    uint64_t *secrets, struct err *err);
#define STORE_ROW_MAX (ENDPOINT_DOC_MAX + 8192) /* bytes of any row */
/* A secret's row as it is; no generation is bumped. */
int store_put_secret(struct store *st, struct bdb_txn *txn,
    const struct secret *s, struct err *err);

/* engine_bdb/destination.c */
/* As store_destinations, without their settings. */
int store_each_destination(struct store *st,
    int (*visit)(void *arg, const struct store_destination *d, struct err *err),
    void *arg, struct err *err);
/* Bumps its generation. *found is false when there is none of that id. */
int store_bump_destination(
    struct store_tx *tx, uint64_t id, bool *found, struct err *err);
int store_reseal_destinations(
    struct store_tx *tx, uint64_t *destinations, struct err *err);
int store_get_cursor(struct store *st, struct bdb_txn *txn, uint64_t id,
    struct record_cursor *out, bool *found, struct err *err);
int store_delete_cursor(
    struct store *st, struct bdb_txn *txn, uint64_t id, struct err *err);
int store_put_cursor(struct store *st, struct bdb_txn *txn, uint64_t id,
    const struct record_cursor *c, struct err *err);

/* engine_bdb/delivery.c */
int store_get_delivery(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq, struct store_delivery *out,
    struct buf *scratch, bool *found, struct err *err);
/* The row as it is, but for its age: no stamp is given, nobody is told. */
int store_put_delivery(struct store *st, struct bdb_txn *txn,
    const struct store_delivery *d, struct err *err);
int store_walk_deliveries(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err);
/* All rows from a place on, also those of destinations behind. */
int store_walk_deliveries_on(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq,
    int (*visit)(void *arg, const struct store_delivery *d, struct err *err),
    void *arg, struct err *err);
int store_delete_delivery(struct store *st, struct bdb_txn *txn,
    uint64_t destination_id, uint64_t seq, struct err *err);

/*
 * A row becomes dead now, by us: it gets a stamp, the deliverer is told.
 * Borrows from d; one that an endpoint's or a destination's removal ends makes
 * no notice.
 */
int store_tx_dead(struct store_tx *tx, const struct store_delivery *d,
    const char *reason, struct err *err);

/* engine_bdb/pass.c */
/* The next bit of a struct store_passing. */
int store_pass(struct store_tx *tx, void *passing, struct err *err);

/* engine_bdb/removal.c */
/* The next bit of what store_tx_endpoint_removed left; *more, a bool, is false
 * when it left nothing. */
int store_tx_removal_rest(struct store_tx *tx, void *more, struct err *err);

/* engine_bdb/hold.c */
/*
 * Has a destination still to get an event that is not above last? *seq (may be
 * NULL) is the first one. In the committer, or for a hint.
 */
int store_needs(struct store *st, uint64_t destination_id, uint64_t last,
    uint64_t *seq, bool *needed, struct err *err);

/* engine_bdb/retain.c */
/* Retention, for about so long; *more says that it is not at its end. */
int store_retain(struct store *st, int64_t budget_ms, uint64_t *dropped,
    bool *more, struct err *err);
/* Removes dead rows that are too old, or too many. */
int store_forget_dead(struct store *st, struct err *err);
/* Marks undelivered events of removed destinations and endpoints as dead.
 * Called by the keeper. */
void store_settle(struct store *st);

/* engine_bdb/read.c */
/* Moves a reader to the first event that came at this age or later. */
int
store_reader_seek_age(struct store_reader *rd, int64_t age_ms, struct err *err);

/* engine_bdb/told.c */
/* At open: begins the numbers of store_touched. */
int store_begin_touched(struct store *st, struct err *err);
/* In the committer: what tx touched is in force. */
void store_tell_deliverer(struct store *st, const struct store_tx *tx);

/* engine_bdb/notices_due.c */
/* Moves what is due into the log; the keeper's, every tick. */
void store_move_notices(struct store *st);

/* engine_bdb/keep.c */
int store_keeper_start(struct store *st, struct err *err);
void store_keeper_stop(struct store *st);

/* engine_bdb/snapshot.c */
/*
 * When more log than log_keep_max is kept: makes a snapshot, proves that it
 * recovers, puts it in the place of the old one, lets older logs go.
 */
int store_snapshot_keep(struct store *st, struct err *err);
/* When the snapshot was made; 0: there is none. */
int store_snapshot_time(const char *dir, int64_t *ms, struct err *err);

/* engine_bdb/rebuild.c */
/*
 * Makes the databases anew from the snapshot, where there is one, and all
 * logs since; verifies them; puts them in the place of the damaged ones, which
 * are kept as "db.damaged". What was set aside stays so. Nothing is open.
 * ERR_CORRUPT when that is not possible: the message says what is.
 */
int store_rebuild(struct store *st, struct err *err);
/* Ends a rebuild that a crash cut off between its last two steps. */
int store_rebuild_finish(struct store *st, struct err *err);
/* Do the logs reach back to the beginning? */
int store_log_is_complete(struct store *st, bool *complete, struct err *err);

/* engine_bdb/read.c */
/* The key of an id that was read, or of the digest that stands in for one. */
int store_key_of_id(struct store *st, uint64_t endpoint_id, struct span id,
    unsigned char key[DEDUPE_KEY_SIZE], struct err *err);

/* engine_bdb/salvage.c */
/* Would the event be taken for a duplicate if it came again? */
int store_is_remembered(
    struct store *st, const struct event *ev, bool *found, struct err *err);
int store_is_aside(struct store *st, const char *f, bool *yes, struct err *err);
/* Opens a table that was set aside, made anew with what is whole of it. */
int store_salvage(struct store *st, const char *file, unsigned page_size,
    struct bdb_table **out, struct err *err);
/* Removes the file that was set aside, once its records are in the new one. */
int store_salvage_done(struct store *st, const char *file, struct err *err);
/*
 * At open. Before dedupe_open: the partitions; *start_s is when the oldest of
 * them began (0: there are none). Behind it: what they lack, from the log. An
 * id is lost for good when its event is, too; holding up every request for
 * that would lose more of them.
 */
int store_salvage_dedupe(struct store *st, uint64_t *start_s, struct err *err);
int store_remember(struct store *st, uint64_t start_s, struct err *err);

/* engine_bdb/lost.c */
/* At open, before anybody reads: what segments lack becomes dead letters. */
int store_settle_lost(struct store *st, struct err *err);

/* engine_bdb/names.c */
/* At open: which folder it is. */
int store_names_begin(struct store *st, struct err *err);
/*
 * The keeper's, every tick: do the names of files still lead to them? false:
 * one does not, and st->astray is true from now on (store_wake).
 */
bool store_look_at_names(struct store *st);
/* Files whose names were taken away are written anew under them, once. */
void store_bring_back(struct store *st);

#define STORE_LOG_FOLDER "log"
#define STORE_SNAPSHOT "snapshot"

#endif
