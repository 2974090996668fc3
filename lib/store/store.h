/*
 * store.h: the durable state of eyelet: endpoints, secrets, the event log, the
 * memory of ids seen, and the audit trail. One process at a time has a store
 * open (owner.h); within it every function may be called by any thread.
 *
 * All writing goes through one committer thread, batch by batch; a flusher
 * thread makes batches durable. An event can be read, and its answer leaves,
 * only once its batch is on disk (P1). After a failed fsync nothing is
 * answered with success until the process has started anew (P5).
 * Nothing above this header knows Berkeley DB.
 */
#ifndef EYELET_LIB_STORE_STORE_H
#define EYELET_LIB_STORE_STORE_H

#include "lib/base/wall.h"
#include "lib/model/item.h"
#include "lib/model/rows.h"
#include "lib/model/secret.h"

struct quarantine;
struct store;
struct store_tx; /* a change under way, in the committer */

/* Which process delivers, as deliver.mode of eyelet.conf says. */
enum store_deliver_mode {
	STORE_DELIVER_UNSET, /* a store without a configuration */
	STORE_DELIVER_SERVICE, /* one that is started apart */
	STORE_DELIVER_CHILD, /* one that the owner of the store starts */
	STORE_DELIVER_OFF /* none */
};

struct store_options {
	const char *dir; /* the store folder */
	const char *key_file; /* seal.h; the deny list stands beside it */
	int64_t horizon_s; /* how long an id is remembered (P2) */
	uint64_t dedupe_max; /* bytes of remembered ids; shortens the horizon */
	int64_t retain_s; /* events older than this go, by whole segments */
	uint64_t retain_bytes; /* as do the oldest above this */
	int64_t hold_s; /* what a destination needs is held for so long */
	/* Events that wait for an operator's release; of an endpoint. */
	uint64_t held_max, held_bytes;
	uint64_t ignored_max; /* events not selected, remembered; the same */
	uint64_t segment_max; /* bytes after which a segment is closed */
	int64_t segment_age_s;
	uint64_t floor; /* free bytes below which nothing is accepted */
	uint64_t ballast; /* size of the file kept to be deleted in need */
	uint64_t cache; /* bytes of database cache */
	uint64_t log_keep_max; /* bytes of log after which a snapshot is made */
	bool deliver_copies; /* see store/copy.h: a copy delivers, too */
	enum store_deliver_mode deliver_mode; /* see store/deliverer.h */
	int64_t missing_s; /* without a deliverer: it is told; 0: never */
	/* Refused requests that are kept, see quarantine.h. */
	uint64_t quarantine_count, quarantine_bytes; /* of an endpoint */
	uint64_t quarantine_total; /* bytes of all */
	void (*log)(
	    void *arg, const char *line); /* for operators; any thread */
	void *log_arg;
};

/* Every member at the default that eyelet.conf(5) documents, dir NULL. */
void store_options_init(struct store_options *opt);

/*
 * Makes an empty store: the folder (0700; it may exist and be empty) and its
 * marker file. ERR_EXISTS when there is one already. The databases come with
 * the first store_open.
 */
int store_create(const char *dir, struct err *err);

/*
 * Opens, recovers, re-applies the deny list, starts the threads. The caller
 * holds the owner's lock. ERR_NOTFOUND (no store there: the message names
 * "eyelet-store init"), ERR_DENIED (owner, mode, a DB_CONFIG in it),
 * ERR_CORRUPT (recovery and rebuild failed), ERR_VERSION, ERR_IO. ERR_FULL:
 * recovery, or whatever else opening writes, found no room, and the ballast,
 * which was given up for it, was not enough; nothing is lost, and it can be
 * tried again once there is room. The message names the volume.
 */
int store_open(
    const struct store_options *opt, struct store **out, struct err *err);

/*
 * Opening, or what goes before (the lock, the socket), failed with err: for
 * ERR_FULL the ballast is given up. True when there was one: then another try
 * is worth it. Else the message is made to say what to do.
 */
bool store_make_room(const struct store_options *opt, struct err *err);

/*
 * Did a flush fail while a store was opened, or since, so that this process
 * can open none any more? Only a new one can, see store_is_fenced.
 */
bool store_process_is_spent(void);

/*
 * Takes other limits, from now on: of opt retain_s, retain_bytes, hold_s,
 * deliver_mode, missing_s, held_max, held_bytes, ignored_max, segment_max,
 * segment_age_s, floor, log_keep_max and those of the quarantine; the others
 * stay as they were. Any thread.
 */
void store_configure(struct store *st, const struct store_options *opt);

/* Finishes what was submitted, checkpoints, closes. NULL is allowed. */
void store_close(struct store *st);

/*
 * Was a write or flush lost, so that only a new start helps? The owner polls
 * this and executes itself anew.
 */
bool store_is_fenced(struct store *st);

/* --- accepting ----------------------------------------------------------- */

/*
 * Test events (EVENT_TEST) are judged by no rule: each is acknowledged. One
 * that was signed anew is kept in the log; of those whose signed content came
 * before within the horizon an endpoint keeps STORE_TEST_REPEATS in a day of
 * the age clock, and the others are DUPLICATE. So a captured test, posted over
 * and over, neither fills the log nor pushes events out of it. What nobody
 * signs (identity.has_content is false), and what an operator admits, is kept.
 */
#define STORE_TEST_REPEATS 20
#define STORE_TEST_DAY_MS (24 * 3600 * 1000LL)

/*
 * Queues an item. Never blocks on the disk. When the queue is full, the store
 * is fenced, stalled or closing, or space is below the floor, done is called
 * with STORE_FAILED (perhaps before this returns).
 */
void store_submit(struct store *st, struct store_item *item);

/*
 * Would the item be a duplicate, by what is committed? A guess, from the
 * caller's thread and without the disk's flush: what store_submit finds counts.
 */
int store_is_repeat(struct store *st, const struct store_item *item,
    bool *repeat, struct err *err);

/* --- changing ------------------------------------------------------------ */

/*
 * The caller of a change, for the audit trail. Several people become root. The
 * kernel keeps the user who logged in (audit's login uid): set at login,
 * inherited, and changed by root alone once it is set; a daemon that has none
 * may choose one for its children. What sudo says stands in the environment, so
 * it is a claim of who could write that.
 */
struct store_actor {
	unsigned uid, pid;
	const char *program; /* "eyelet-secret" */
	struct store_person user; /* of uid */
	struct store_person login;
	struct store_person claimed; /* SUDO_UID, see server/person.c */
};

/*
 * Runs change(tx, arg, result, err) in the committer, in a transaction of its
 * own; returns once it is durable and in force for every later request. When
 * change returns -1, or the commit fails, nothing is changed and err is its.
 * change may run more than once (on an aborted try), so it only reads arg and
 * fills result. A repeat with a request id that was done within the hour
 * changes nothing and gives the first result (kept sealed).
 * Waits 5 s for its turn: then ERR_TIMEOUT, and nothing is changed. Once begun
 * it lasts as long as the disk does, since arg and result are in use: whoever
 * asked is told by another thread meanwhile (server.h does, by
 * store_stalled_ms).
 */
int store_change(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID],
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err);

/* The time of the transaction: store_now_ms when it began. */
int64_t store_tx_now_ms(struct store_tx *tx);

/* Adds (ep->id 0: given here, written back) or replaces; bumps generation. */
int store_tx_endpoint(
    struct store_tx *tx, struct store_endpoint *ep, struct err *err);

/*
 * Adds (s->id 0: given here, written back) or replaces a secret; bumps its
 * endpoint's generation. plain is sealed under the row's identity; when it is
 * empty the sealed bytes of the row stay as they are. A REVOKED secret goes
 * to the deny list before the change is durable.
 */
int store_tx_secret(
    struct store_tx *tx, struct secret *s, struct span plain, struct err *err);

/*
 * Records who did what to what; detail is a JSON object (or empty) that holds
 * no secret. Every change makes exactly one of these.
 */
int store_tx_audit(struct store_tx *tx, const char *verb, const char *target,
    struct span detail, struct err *err);

/*
 * Calls changed(arg, id) in the committer after every change that touched an
 * endpoint (or a destination: ids are of one row of numbers) or its secrets,
 * before any later item is looked at and before store_change returns. Set once,
 * before the first change.
 */
void store_on_change(struct store *st,
    void (*changed)(void *arg, uint64_t endpoint_id), void *arg);

/* --- the two clocks ------------------------------------------------------ */

void store_clock(struct store *st, struct store_clock *out);

/* Two of these alone. */
int64_t store_age_ms(struct store *st);
int64_t store_now_ms(struct store *st);

/* "is right", or what is wrong with it and since when; out has this room. */
#define STORE_CLOCK_WORDS_MAX 320
void store_clock_words(const struct store_clock *c, char *out);

/*
 * In a change: an operator says that the wall clock is right (wall_accept).
 * *was is what the clocks were before, *now what they are from then on.
 */
int store_tx_accept_clock(struct store_tx *tx, struct store_clock *was,
    struct store_clock *now, struct err *err);

/* --- reading ------------------------------------------------------------- */

/*
 * tx is the change under way, or NULL for what is committed. A visitor
 * returns 0 to go on, 1 to stop early, -1 with err to fail.
 */
int store_endpoint_by_name(struct store *st, struct store_tx *tx,
    const char *name, struct store_endpoint *out, struct buf *doc, bool *found,
    struct err *err); /* not the removed ones */
int store_endpoint_by_id(struct store *st, struct store_tx *tx, uint64_t id,
    struct store_endpoint *out, struct buf *doc, bool *found,
    struct err *err); /* the removed ones too; STORE_SELF as if a row */
int store_endpoints(struct store *st, struct store_tx *tx,
    int (*visit)(void *arg, const struct store_endpoint *ep, struct err *err),
    void *arg, struct err *err); /* by id; removed ones too */
int store_secrets(struct store *st, struct store_tx *tx, uint64_t endpoint_id,
    int (*visit)(void *arg, const struct secret *s, struct err *err), void *arg,
    struct err *err); /* by id; 0: of all endpoints */
/*
 * Runs look in the committer; what it reads, and saw true, is durable once this
 * returns. Not in a thread of the store. What look returns; ERR_TIMEOUT,
 * ERR_AWAY.
 */
int store_look(struct store *st, int (*look)(void *arg, struct err *err),
    void *arg, struct err *err);
int store_secret_plain(struct store *st, const struct secret *s,
    struct buf *plain, struct err *err); /* caller wipes */
int store_fingerprint(struct store *st, struct span plain,
    unsigned char out[SECRET_FINGERPRINT], struct err *err);

int store_audits(struct store *st, int64_t since_ms,
    int (*visit)(void *arg, const struct store_audit *a, struct err *err),
    void *arg, struct err *err); /* oldest first */

/*
 * A place in the log. A reader keeps the segment under it from being dropped
 * and belongs to one thread at a time. It sees durable events only.
 */
struct store_reader;

int
store_reader_open(struct store *st, struct store_reader **out, struct err *err);
void store_reader_close(struct store_reader *rd);

/* The next call of _next gives the first event with seq >= this ... */
void store_reader_seek(struct store_reader *rd, uint64_t seq);

/*
 * The next event upwards, or (_prev) downwards; *found is false at the end,
 * where a later call may find more. ev borrows from rd until its next call.
 * A fresh reader stands before the oldest for _next, behind the newest for
 * _prev. ERR_CORRUPT, ERR_IO.
 */
int store_reader_next(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err);
int store_reader_prev(
    struct store_reader *rd, struct event *ev, bool *found, struct err *err);

/* From now on gives held events as well; without it they are passed over. */
void store_reader_show_held(struct store_reader *rd);

/* What stands in for the id of an event that has none: "sha256:HEX". */
#define STORE_DIGEST_ID "sha256:" /* of its payload (verify_payload) */

/* What is remembered of the id of an event. */
struct store_seen {
	uint64_t seq; /* of the copy that was accepted */
	int64_t first_ms, last_ms;
	uint64_t duplicates; /* how often it came again */
};

/* By endpoint and id. *found is false when it was never seen (or is past). */
int store_seen(struct store *st, uint64_t endpoint_id, struct span id,
    struct store_seen *out, bool *found, struct err *err);

/* -1 with ERR_NOTFOUND, and why no reader finds an event of this seq. */
int store_refuse_absent(struct store *st, uint64_t seq, struct err *err);

/* Sleeps until an event above seq is durable, or timeout_ms; true if so. */
bool store_wait(struct store *st, uint64_t seq, int timeout_ms);

uint64_t store_durable_seq(const struct store *st);

/* --- counting, keeping --------------------------------------------------- */

/* What happened to requests that left no event; written now and then. */
enum store_count {
	STORE_COUNT_ACCEPTED,
	STORE_COUNT_DUPLICATE,
	STORE_COUNT_HELD,
	STORE_COUNT_IGNORED,
	STORE_COUNT_TEST,
	STORE_COUNT_REFUSED,
	STORE_COUNT_FAILED,
	STORE_COUNT_MISSIGNED, /* of the refused: for their signature */
	/* Authentic, but outside their time window. */
	STORE_COUNT_STALE, /* signed too long ago */
	STORE_COUNT_EARLY, /* signed in the future */
	STORE_COUNT_TOO_LARGE, /* of the refused: for their size */
	STORE_COUNTS
};

void store_count(struct store *st, uint64_t endpoint_id, enum store_count c);
void store_counts(
    struct store *st, uint64_t endpoint_id, uint64_t out[STORE_COUNTS]);

struct store_status {
	char id[33]; /* of the store, hex */
	unsigned format;
	uint64_t events, segments, endpoints, secrets; /* live */
	uint64_t oldest_seq, durable_seq;
	int64_t oldest_ms, newest_ms;
	uint64_t bytes_events, bytes_dedupe, bytes_log, bytes_other;
	uint64_t bytes_free, floor;
	uint64_t dedupe_keys;
	int64_t horizon_s, horizon_now_s; /* as set; as dedupe_max allows */
	int64_t opened_ms, last_checkpoint_ms, last_flush_ms;
	int64_t recovery_ms; /* how long the last open's recovery took */
	int64_t snapshot_ms; /* when the last verified snapshot was made; 0 */
	bool fenced, below_floor;
	/* Segments that are damaged and could not be mended; events lost. */
	uint64_t damaged, lost;
};

int store_status(struct store *st, struct store_status *out, struct err *err);

/* The room there is, as the keeper measured it; memory only. */
struct store_room {
	uint64_t free, floor; /* free: beyond what is still to be written */
	bool below; /* the floor */
	/* When it fell below last, and at which age; 0: not since the open. */
	int64_t fell_ms, fell_age_ms;
};

void store_room(struct store *st, struct store_room *out);

/*
 * How long events of an endpoint are remembered: as set, and as dedupe_max
 * allows now. STORE_ANY_ENDPOINT: of the one with the least.
 */
#define STORE_ANY_ENDPOINT UINT64_MAX
struct store_horizon {
	int64_t set_s, now_s;
};

void store_horizon(
    struct store *st, uint64_t endpoint_id, struct store_horizon *out);

/*
 * For how many ms the disk has owed the store an answer: to a batch, a change
 * or a flush, or to a look at the room that there is; 0 as long as none of
 * them lasts longer than STORE_STALLED_MS. *what (may be NULL) names it.
 * Memory only.
 */
int64_t store_stalled_ms(struct store *st, const char **what);

/*
 * For /healthz: memory only. Last flush good, none hangs, above the floor, the
 * last write found room, not fenced.
 */
bool store_healthy(struct store *st, const char **why_not);

/*
 * Verifies every database, then that each event's id is remembered and that
 * each remembered id within retention names an event, then that what is to be
 * delivered is there. Each problem is one call of problem (inert words);
 * *problems counts them. Accepting goes on but may pause for a second or two.
 */
int store_check(struct store *st, void (*problem)(void *arg, const char *words),
    void *arg, uint64_t *problems, struct err *err);

/* The refused requests; lives as long as the store. */
struct quarantine *store_quarantine(struct store *st);

/*
 * A new key in the place of the key file (made as KEYFILE.new before, and
 * renamed after): everything sealed is sealed anew in one change, or nothing
 * is. result gets an object of key, key_was, endpoints, destinations and
 * secrets. Dies the process meanwhile, the next store_open ends it or takes it
 * back. ERR_DENIED, ERR_IO: the folder of the key file must be ours to write
 * to.
 */
int store_rekey(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *result,
    struct err *err);

/*
 * The log did not keep all that was promised: what is there can be read, and
 * nothing is accepted, changed or delivered, until store_accept_loss.
 */
bool store_is_lost(struct store *st);
/* 0, or ERR_CORRUPT and words that say what is lost, while it is so. */
int store_loss_refuse(struct store *st, struct err *err);

/*
 * A table that was damaged and could not be mended: it was made anew from its
 * whole pages. It counts as incomplete until store_accept_loss.
 */
struct store_incomplete {
	char table[64];
	int64_t at_ms; /* when it was set aside */
	const char *without; /* the consequence, in words */
};

int store_each_incomplete(struct store *st,
    int (*visit)(void *arg, const struct store_incomplete *t, struct err *err),
    void *arg, struct err *err);

/*
 * Accepts every loss: that of the log, of damaged segments, of incomplete
 * tables. Goes on without what is lost, and store_check reports it no longer.
 * result gets an object: damaged_events (lost with segments), incomplete (an
 * array of tables); where the log lost something: first_seq, last_seq, events
 * (how many seqs at most), what, file, offset, durable, found, kept. The log
 * files stay where they are kept. ERR_NOTFOUND: nothing is lost.
 */
int store_accept_loss(struct store *st, const struct store_actor *actor,
    const unsigned char request_id[STORE_REQUEST_ID], struct buf *result,
    struct err *err);

/*
 * Applies retention now, to events and to dead deliveries. What a destination
 * needs is held, see store/delivery.h. *dropped counts segments.
 */
int store_prune(struct store *st, uint64_t *dropped, struct err *err);

#endif
