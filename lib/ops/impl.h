/*
 * impl.h: what the files of ops share. Nobody else includes it.
 *
 * ops.c	the table, the judging of calls, what every noun needs
 * ops/endpoint.c	endpoints as rows
 * ops/endpoint_edit.c	changes of endpoints
 * ops/endpoint_test.c	test events, signed
 * ops/destination.c	destinations as rows
 * ops/destination_edit.c	changes of destinations
 * ops/destination_test.c	test events for destinations
 * ops/destination_judge.c	which can be, and with what warnings
 * ops/secret.c	secrets as rows, new ones judged
 * ops/secret_edit.c	changes of secrets
 * ops/explain.c	a request judged again in words
 * ops/quarantine.c	refused requests as rows
 * ops/admit.c	a refused request becomes an event
 * ops/publish.c	so does what the site itself has to tell
 * ops/submit.c	either goes into the log
 * ops/event.c	events as rows
 * ops/filter.c	which events a call is about
 * ops/event_find.c	walking the log for them
 * ops/event_stats.c	counting them
 * ops/held.c	those that are held, as rows
 * ops/release.c	these become events after all, or are dropped
 * ops/feed.c	the deliverer's calls, which are not JSON
 * ops/delivery.c	what became of an event at its destinations
 * ops/delivery_list.c	deliveries as rows
 * ops/delivery_act.c	retrying, dropping, skipping, parking them
 * ops/delivery_part.c	doing so in parts, where they are many
 * ops/replay.c	sending events again
 * ops/pull.c	readers that fetch events by a named cursor
 * ops/store.c	the store itself
 * ops/deliverer.c	does a process deliver, and what waits for it
 * ops/clock.c	its clocks
 * ops/conf.c	its settings, taken anew and shown
 */
#ifndef EYELET_LIB_OPS_IMPL_H
#define EYELET_LIB_OPS_IMPL_H

#include <stdatomic.h>

#include "lib/json/json.h"
#include "lib/json/write.h"
#include "lib/ops/ops.h"
#include "lib/owner/frame.h"
#include "lib/store/delivery.h"

#define OPS_ROW_MAX (FRAME_MAX - 1024) /* bytes: it passes through a frame */
#define OPS_RESULT_MAX (512 * 1024) /* bytes of a change's row */
#define OPS_WARNINGS_MAX 8
#define OPS_FOLLOWERS_MAX 16 /* calls that wait for events; others do not */
#define OPS_FOLLOW_MS 60000 /* the longest that one waits */

struct ops {
	struct conf_live *settings;
	int (*reload)(void *arg, struct err *err); /* or NULL */
	void *reload_arg;
	struct store *store;
	struct registry *registry;
	atomic_uint followers;
	atomic_uint feeders; /* WAITs of the feed under way */
	atomic_bool asked_to_deliver; /* see ops_asked_to_deliver */
};

/* One call under way; in has the members that the table allows. */
struct op_call {
	struct ops *ops;
	const char *name; /* "secret.rotate" */
	const struct ops_peer *peer;
	const unsigned char *request_id;
	const struct json *in;
	/* In force as it began, held. */
	const struct conf *conf;
	struct scheme_set *schemes;
	ops_row *row;
	void *arg;
};

typedef int op_run(const struct op_call *call, struct err *err);

op_run op_endpoint_add, op_endpoint_list, op_endpoint_show, op_endpoint_edit,
    op_endpoint_enable, op_endpoint_disable, op_endpoint_remove,
    op_endpoint_rename, op_endpoint_match, op_endpoint_test;
op_run op_destination_add, op_destination_list, op_destination_show,
    op_destination_edit, op_destination_pause, op_destination_resume,
    op_destination_disable, op_destination_remove, op_destination_test;
op_run op_secret_show, op_secret_reveal, op_secret_stage, op_secret_activate,
    op_secret_rotate, op_secret_revoke, op_secret_extend, op_secret_expire,
    op_secret_suspects;
op_run op_event_list, op_event_show, op_event_export, op_event_follow,
    op_event_stats, op_event_publish, op_event_release, op_event_drop;
op_run op_delivery_act, op_delivery_replay;
op_run op_event_read, op_cursor_list, op_cursor_ack, op_cursor_remove;
op_run op_endpoint_explain, op_quarantine_list, op_quarantine_show,
    op_quarantine_explain, op_quarantine_admit;
op_run op_store_status, op_store_check, op_store_audit, op_store_prune,
    op_store_rekey, op_store_accept_loss, op_store_adopt, op_store_clock,
    op_store_reload, op_store_config;

/* --- members of a call, already judged by the table ----------------------- */

const char *op_text(const struct op_call *call, const char *name); /* or NULL */
bool op_flag(const struct op_call *call, const char *name);
/* none when it is absent; ERR_USAGE outside min to max. */
int op_int(const struct op_call *call, const char *name, int64_t none,
    int64_t min, int64_t max, int64_t *out, struct err *err);
/*
 * The bytes of a base64 member, behind out (none when absent). ERR_USAGE, and
 * ERR_INPUT when out has no room for them.
 */
int op_bytes(const struct op_call *call, const char *name, struct buf *out,
    struct err *err);

/*
 * ERR_CLOCK: why, what the wall clock is, and the way out. What writes a time
 * to come, or judges by one, is refused with it while the clock is in doubt.
 */
int op_fail_clock(
    const struct store_clock *clock, struct err *err, const char *why);

/*
 * Where the settings of a call name a scheme that is not known, files that came
 * since are read, and it is. ERR_CONFIG: its file does not load.
 */
int op_learn_schemes(struct op_call *call, struct err *err);

/* --- rows ----------------------------------------------------------------- */

/* Hands out what was written to row, and empties it. */
int op_emit(const struct op_call *call, struct json_write *w, struct buf *row,
    struct err *err);

/* A row {NAME: TEXT} that is no part of the answer: why nothing goes out. */
int op_put_note(const struct op_call *call, const char *name, const char *text,
    struct err *err);

/* What an operator should know about a change that is done all the same. */
struct op_warnings {
	size_t n;
	char text[OPS_WARNINGS_MAX][256];
};

void op_warn(struct op_warnings *ws, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void op_write_warnings(struct json_write *w, const struct op_warnings *ws);

/* --- changes -------------------------------------------------------------- */

/* store_change for this call; what change puts into result is its one row. */
int op_change(const struct op_call *call,
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct err *err);

/*
 * The endpoint that the call names, not a removed one. ERR_NOTFOUND with the
 * nearest name. ep->doc borrows from doc.
 */
int op_find_endpoint(const struct op_call *call, struct store_tx *tx,
    const char *name, struct store_endpoint *ep, struct buf *doc,
    struct err *err);

/*
 * The same as requests see it, broken ones too; registry_put. ERR_NOTFOUND.
 */
int op_find_ready(const struct op_call *call, const char *name,
    const struct registry_endpoint **out, struct err *err);

/*
 * ERR_CONFLICT when the call has an if_gen that is not the generation of the
 * thing ("endpoint") of that name.
 */
int op_check_generation(const struct op_call *call, const char *thing,
    const char *name, uint64_t generation, struct err *err);

/* --- events (ops/event_find.c) -------------------------------------------- */

enum op_order {
	OP_OLDEST_FIRST,
	OP_NEWEST_FIRST
};

/*
 * Returns 0 to go on, 1 the same for an event that does not count, 2 to end
 * with this one, or -1.
 */
typedef int op_event_visit(
    void *arg, const struct event *ev, const char *endpoint, struct err *err);

/*
 * Visits the events that the call's members (endpoint, type, status, since_ms,
 * until_ms, id, secret, limit) let through; those of removed endpoints too,
 * under the names they had. At times, and at the end, a row {"progress":
 * {looked, matched, at, percent, next, done}} says how far it looked; next is
 * the seq behind the last event looked at, for oldest first.
 */
int op_events_walk(const struct op_call *call, enum op_order order,
    op_event_visit *visit, void *arg, struct err *err);

/*
 * The same from one seq on and before another. The status may be a delivery's,
 * which is for visit to decide.
 */
int op_events_walk_in(const struct op_call *call, enum op_order order,
    uint64_t from_seq, uint64_t to_seq, op_event_visit *visit, void *arg,
    struct err *err);

/*
 * The same for what comes, oldest first: from the event "after" on; without
 * that from since_ms on; without both the newest "last" ones first. Then it
 * waits for more until wait_ms are over, or it is in vain, or too many wait.
 */
int op_events_follow(const struct op_call *call, op_event_visit *visit,
    void *arg, struct err *err);

/*
 * Calls that wait for events: each does so in one of the threads that all
 * calls share. False: too many wait, so this one must not; ends either way.
 */
bool op_follower_begins(const struct op_call *call);
void op_follower_ends(const struct op_call *call);

/*
 * Waits a moment for an event above seq; false when that would be in vain, or
 * the deadline (clock_ms) is over.
 */
bool op_wait(const struct op_call *call, uint64_t seq, int64_t deadline_ms);

/* An event with its payload, as event.export has it (ops/event.c). */
int op_event_emit(const struct op_call *call, const struct event *ev,
    const char *endpoint, struct buf *row, struct err *err);

/* --- into the log (ops/submit.c) ------------------------------------------ */

/*
 * Hands item in under the call's request id and waits until it is durable;
 * its done and arg are set here. ERR_CONFLICT when its endpoint was changed
 * meanwhile, and whatever the store says.
 */
int
op_submit(const struct op_call *call, struct store_item *item, struct err *err);

const char *op_outcome_word(enum store_outcome outcome); /* "accepted" */

/* --- endpoints (ops/endpoint.c) ------------------------------------------- */

/* The scheme of this name; ERR_INPUT with the nearest one. */
int op_find_scheme(const struct op_call *call, const char *name,
    const struct scheme **out, struct err *err);

/*
 * Warns of what it means that an endpoint with live secrets had the scheme
 * before and has now: whose requests are refused, and what of its keys, ids
 * and types is another.
 */
int op_endpoint_warn_scheme(const struct op_call *call, const char *before,
    const struct scheme *now, size_t live, struct op_warnings *warnings,
    struct err *err);

/* The members of an endpoint's row, without the braces. */
void op_endpoint_write(const struct op_call *call, struct json_write *w,
    const struct store_endpoint *ep, const struct endpoint *settings,
    size_t live);

/*
 * What becomes of content that comes again, in words ("what_repeats"); nothing
 * without a scheme.
 */
int op_endpoint_write_repeats(struct json_write *w, const struct scheme *sc,
    const struct endpoint *settings);
/*
 * The objects "counts", how its requests ended since it was made, and "held",
 * what waits for an operator.
 */
void op_endpoint_write_counts(
    const struct op_call *call, struct json_write *w, uint64_t id);

/* --- test events (ops/endpoint_test.c) ------------------------------------ */

#define OP_TEST_ID_MAX 64
#define OP_TEST_TYPE "test.event" /* where a scheme names none */
#define OP_TEST_BODY_MAX (64 * 1024) /* bytes: of an envelope */
#define OP_TEST_HEADERS_MAX (64 * 1024) /* bytes: of all together */

/* An id for the call's event; a repeat of the call gives the same. */
void op_test_id(const struct op_call *call, char out[OP_TEST_ID_MAX]);
/* In the envelope of the scheme; a plain one where that has none, or NULL. */
int op_test_body(const struct scheme *scheme, struct span id, struct span type,
    int64_t now_ms, struct buf *out, struct err *err);
/* An array "headers" of "Name: value\n" lines. */
void op_test_write_headers(struct json_write *w, struct span lines);

/* --- destinations (ops/destination.c) ------------------------------------- */

/* As op_find_endpoint. */
int op_find_destination(const struct op_call *call, struct store_tx *tx,
    const char *name, struct store_destination *d, struct buf *doc,
    struct err *err);

/* The members of a destination's row, without the braces; no secret. */
void op_destination_write(const struct op_call *call, struct json_write *w,
    const struct store_destination *d, const struct destination *settings);

/*
 * Are the settings right by themselves and for their scheme (*scheme; NULL:
 * nothing is signed)? Puts them into their normal form; begins warnings anew.
 */
int op_destination_judge(const struct op_call *call,
    struct destination *settings, const struct scheme **scheme,
    struct op_warnings *warnings, struct err *err);

/* What is fine, but may not be meant: no signature, a file not there yet. */
int op_destination_warn(const struct op_call *call, struct store_tx *tx,
    const struct destination *settings, struct op_warnings *warnings,
    struct err *err);

/* "oldest_waiting": {"seq","since","for_s","sure"} or null. */
struct store_waiting;
void op_waiting_write(struct json_write *w, const struct store_waiting *wa);

/* --- the deliverer (ops/deliverer.c) -------------------------------------- */

/* A row {"deliver_note": WORDS}, where destinations wait for a deliverer. */
int op_tell_deliverer(const struct op_call *call, struct err *err);
/* "deliverer": a word: runs, none, silent, unknown, off; null: no mode. */
void op_deliverer_write_word(const struct op_call *call, struct json_write *w);
/*
 * The members of a status: "deliverer", "oldest_waiting", "undelivered" (for
 * longer than deliver.missing_after) and "undelivered_why".
 */
int op_deliverer_write_status(
    const struct op_call *call, struct json_write *w, struct err *err);

/* --- secrets (ops/secret.c), for endpoints and destinations
 * -------------------------------- */

/*
 * Whose secrets a call is about: it has a member "endpoint" or "destination",
 * and the thing is called by that word.
 */
struct op_owner {
	const char *thing;
	bool is_destination;
	uint64_t id, generation;
	char name[ENDPOINT_NAME_MAX + 1];
	struct span doc; /* of its settings; borrows from the caller's buf */
};

/* As op_find_endpoint and op_find_destination. */
int op_find_owner(const struct op_call *call, struct store_tx *tx,
    struct op_owner *out, struct buf *doc, struct err *err);

/* A secret that verified an event since then is one that is still in use. */
#define OP_SECRET_RECENT_MS (3600 * 1000LL)

/* A new secret on its way into the store. */
struct op_secret {
	struct buf text; /* wiped by op_secret_free */
	bool generated; /* by us: shown once */
};

#define OP_SECRET_INIT                            \
	{                                         \
		BUF_INIT(SECRET_BYTES_MAX), false \
	}

/* Is a new secret made, where the call brings none? */
enum op_generate {
	OP_GENERATE_NEVER,
	OP_GENERATE_OURS, /* where operators make the scheme's secrets */
	OP_GENERATE_ALWAYS /* whoever signs with it, it is us */
};

/*
 * Takes the secret that the call brings ("secret_b64"), which must be a key of
 * the scheme; or makes one, if the scheme's keys can be made at all. Else text
 * stays empty. ERR_INPUT.
 */
int op_secret_take(const struct op_call *call, const struct scheme *scheme,
    enum op_generate generate, struct op_secret *out,
    struct op_warnings *warnings, struct err *err);
void op_secret_free(struct op_secret *secret);

/*
 * Refuses (ERR_EXISTS) a value that is or was one of this endpoint, or was
 * ever revoked anywhere. Warns of one that is live at another endpoint: some
 * providers have one secret for all of a customer's endpoints.
 */
int op_secret_check_reuse(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, struct span text, struct op_warnings *warnings,
    struct err *err);

/* Is the secret that the call names one of its endpoint's? ERR_NOTFOUND. */
int op_secret_check_named(const struct op_call *call, struct err *err);

/*
 * ERR_EXISTS: one that was sent to the endpoint itself is not activated, and
 * while it is not, no other one is waited for. So what one event is known by is
 * of one secret at a time, and an activation releases it once.
 */
int
op_secret_check_none_pending(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, const char *name, struct err *err);

/* How many secrets of an endpoint are live now. */
int op_secret_count(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, int64_t now_ms, size_t *live, struct err *err);

/* Writes "value" (or "value_b64") of a secret. */
void op_secret_write(struct json_write *w, struct span text);

/*
 * Members from, pending and fingerprint: of a secret that was sent to the
 * endpoint the address, and the first bytes of its SHA-256, by which it is told
 * from the one that the provider made; else null.
 */
int op_secret_write_from(const struct op_call *call, struct json_write *w,
    const struct secret *s, struct err *err);

/* An array "secrets" of all that its owner has or had. */
int op_secret_write_all(const struct op_call *call, struct json_write *w,
    uint64_t owner_id, struct err *err);

/* ERR_INPUT when a live secret of the owner is no key of the scheme. */
int op_secret_check_keys(const struct op_call *call, struct store_tx *tx,
    uint64_t owner_id, const struct scheme *scheme, struct err *err);

#endif
