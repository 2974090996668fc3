/*
 * record.h: how the store's records look on disk: the one description of the
 * format. All integers are big-endian; every record begins with its version
 * and every length is checked against what is there, so that a record read
 * is a record whole. A new version is a new decoder beside the old one; what
 * cannot be read is ERR_CORRUPT (too short, too long) or ERR_VERSION.
 *
 * Tables and keys
 *	meta		text name
 *	endpoints	8 endpoint id
 *	secrets		8 endpoint id, 8 secret id
 *	audit		8 number
 *	requests	16 request id
 *	counts		8 endpoint id
 *	notices		"d", 8 number; "m", word, 8 id; "x", 8 destination id
 *	dedupe-HEX10	16 keyed hash (dedupe_hash.h)
 *	ignored		see engine_bdb/ignored.c
 *	held		"e", 8 seq; "t", 8 endpoint id; "r", 16 keyed hash
 *	events-HEX16	8 seq of the group's first event
 *	tries-HEX16	8 seq, 8 destination id, 8 at_ms, 4 number; made with
 *			the first attempt of an event of that segment
 *	destinations	8 destination id
 *	cursors		8 destination id
 *	deliveries	8 destination id, 8 seq
 *
 * "tables" in meta (8 bytes) says which of them a store has: without it, all
 * down to the log; 2: and deliveries; 3: all.
 *
 * event group (value)
 *	1 version, 4 count, 8 age of the store in ms when they came, 8 highest
 *	received_ms of the segment up to them, then count entries:
 *	4 length of the rest of this entry
 *	4 seq minus the group's first seq
 *	8 received_ms, 8 endpoint id, 8 secret id, 1 flags
 *	2 length + id, 2 length + type, 2 length + types (event.h; each 2
 *	length + type), 2 length + content type, 4 length + headers,
 *	4 length + body, 2 length + keys of what was signed
 * dedupe (value; also in "ignored")
 *	1 version, 1 flags (1: has a request id), 1 state, 8 seq, 8 age in ms,
 *	8 id, 8 payload, 8 type (keyed hashes, cut), 8 first_ms, 8 last_ms,
 *	4 duplicates, [16 request id]
 * held event ("e" in held)
 *	1 version, 1 state, 8 endpoint id, 8 age in ms, 8 seq of the first
 *	copy, 8 seq under which it was released, 8 secret id (or 0), 1 rule,
 *	4 bytes of the event, 1 bits of its own keys (enum dedupe_key), 16
 *	each, 16 key of the row "r", 8 id, 8 payload, 8 type (as in dedupe),
 *	1 length + reason
 * held events of an endpoint ("t" in held)
 *	1 version, 8 how many, 8 bytes
 * held repeats of one content ("r" in held)
 *	1 version, 4 that are kept, 4 that were only counted, 8 last_ms
 * endpoint (value)
 *	1 version, 1 state, 8 generation, 8 created_ms, 8 changed_ms,
 *	1 length + name, 4 length + settings (a JSON object, endpoint.h),
 *	sealed with the endpoint id
 * secret (value)
 *	1 version, 1 state, 8 created_ms, 8 activated_ms, 8 until_ms,
 *	8 revoked_ms, 8 last_used_ms, 16 fingerprint, 4 length + sealed,
 *	[1 length + address that sent it to the endpoint]
 * audit (value)
 *	1 version, 8 at_ms, 4 uid, 4 pid, 1 length + program, 1 length + verb,
 *	2 length + target, 4 length + detail (a JSON object); with version 2
 *	also thrice 1 known, 4 uid, 1 length + name: the user, the login, and
 *	the claim of SUDO_UID
 * request (value)
 *	1 version, 8 age in ms, 4 length + result, sealed with the request id
 * notice that is due ("d" in notices)
 *	1 version, 8 at_ms, 1 length + id, 1 length + type, 4 length + data (a
 *	JSON object)
 * what was said already ("m"; see notice_mark)
 *	1 version, 8 at_ms, 8 n
 * dead letters of an hour ("x"; see notice_dead.c)
 *	1 version, 8 age in ms, 4 said, 8 kept back, 8 since_ms, 8 last seq,
 *	4 status, 1 length + reason, 2 length + words
 * segment ("segment HEX16" in meta, named by its first seq)
 *	1 version, 1 flags (1: closed; 2: attempts were made; 4: it is damaged,
 *	and its lost events are dead letters), 8 first seq, 8 last seq,
 *	8 events, 8 opened_ms, 8 last_ms, 8 age in ms when it was opened, 8 at
 *	the last event, 8 lowest received_ms, 8 highest, 8 seq of the last event
 *	that was received before the one before it (0: none was)
 * the clocks ("clock" in meta; see age.h and wall.h)
 *	1 version, 1 length + id of the boot, 8 its boot clock in ms, 8 wall
 *	clock, 8 age in ms, 1 doubt, 1 accepted, 8 floor, 8 offset, 8 since,
 *	8 doubt since, 8 last step
 * destination (value)
 *	as endpoint; its settings (destination.h) sealed with its id
 * cursor (value)
 *	1 version, 8 first seq that is not passed, 8 seq at which the log of a
 *	removed one ends (0: it is not removed), 8 for how long it has been
 *	failing, 8 time of the last failure (0: it is not)
 * pull queue ("pull NAME" in meta)
 *	1 version, 8 first seq that is not acknowledged, 8 created_ms,
 *	8 moved_ms, 1 length + endpoint, 2 length + types
 * delivery (value)
 *	1 version, 1 state, 8 endpoint id, 8 stamp, 4 attempts, 4 planned,
 *	8 since_ms, 8 due_ms, 8 last_ms, 8 age in ms when it was written,
 *	4 status, 1 length + reason, 2 length + words, 2 length + excerpt,
 *	2 length + id, 2 length + type, 2 length + key of order
 * attempt (value)
 *	1 version, 1 result, 8 took_us, 8 next_ms, 4 status, 2 length + words
 */
#ifndef EYELET_LIB_LOG_RECORD_H
#define EYELET_LIB_LOG_RECORD_H

#include "lib/base/wall.h"
#include "lib/http/request.h"
#include "lib/model/delivery.h"
#include "lib/model/event.h"
#include "lib/model/rows.h"
#include "lib/model/secret.h"

#define RECORD_VERSION 1
#define RECORD_STORE_FORMAT 4 /* of the whole store, in its marker file */
#define RECORD_GROUP_HEAD 21

struct pack_reader;

/* Begins to read a record; what names it. ERR_CORRUPT, ERR_VERSION. */
int record_begin(struct pack_reader *r, struct span value, const char *what,
    struct err *err);

/* --- event groups -------------------------------------------------------- */

/*
 * Empties b and begins a group of events that come together, at this age;
 * highest_ms is the highest received_ms of their segment, theirs included.
 */
int record_group_begin(
    struct buf *b, int64_t age_ms, int64_t highest_ms, struct err *err);

/* Appends ev (ev->seq >= first_seq) and counts it in the head. */
int record_group_add(
    struct buf *b, uint64_t first_seq, const struct event *ev, struct err *err);

/* Bytes that record_group_add would append. */
size_t record_event_size(const struct event *ev);

struct record_group {
	struct span rest; /* entries not read yet */
	uint64_t first_seq;
	int64_t age_ms, highest_ms;
	uint32_t left; /* how many */
};

/* Opens a group for reading. */
int record_group_open(struct span value, uint64_t first_seq,
    struct record_group *out, struct err *err);

/* The next entry, borrowed from the value; *found false behind the last. */
int record_group_next(
    struct record_group *g, struct event *ev, bool *found, struct err *err);

/* --- single records ------------------------------------------------------ */

struct record_dedupe {
	struct dedupe_record first; /* the copy that was first */
	int64_t first_ms, last_ms; /* wall clock: first copy, last repeat */
	uint32_t duplicates;
	bool has_request_id;
	unsigned char request_id[STORE_REQUEST_ID];
};

int record_put_dedupe(
    const struct record_dedupe *s, struct buf *b, struct err *err);
int record_get_dedupe(
    struct span value, struct record_dedupe *out, struct err *err);

/* id is the key's business. out->doc borrows. */
int record_put_endpoint(
    const struct store_endpoint *ep, struct buf *b, struct err *err);
int record_get_endpoint(
    struct span value, struct store_endpoint *out, struct err *err);

/* ids are the key's business. out->sealed borrows. */
int record_put_secret(const struct secret *s, struct buf *b, struct err *err);
int record_get_secret(struct span value, struct secret *out, struct err *err);

int
record_put_audit(const struct store_audit *a, struct buf *b, struct err *err);
int
record_get_audit(struct span value, struct store_audit *out, struct err *err);

struct record_request {
	int64_t age_ms;
	struct span result; /* sealed */
};

int record_put_request(
    const struct record_request *r, struct buf *b, struct err *err);
int record_get_request(
    struct span value, struct record_request *out, struct err *err);

struct record_notice {
	int64_t at_ms;
	struct span id, type, data;
};

int record_put_notice(
    const struct record_notice *n, struct buf *b, struct err *err);
int record_get_notice(
    struct span value, struct record_notice *out, struct err *err);

int
record_put_mark(const struct notice_mark *m, struct buf *b, struct err *err);
int
record_get_mark(struct span value, struct notice_mark *out, struct err *err);

struct record_dead {
	int64_t age_ms; /* when the hour began */
	uint32_t said;
	uint64_t kept; /* back; what follows is of these */
	int64_t since_ms; /* the first of them */
	uint64_t seq; /* the last one */
	int status;
	struct span reason, words;
};

int
record_put_dead(const struct record_dead *d, struct buf *b, struct err *err);
int
record_get_dead(struct span value, struct record_dead *out, struct err *err);

struct record_segment {
	bool closed, tries, damaged;
	bool accepted; /* that it is: an operator knows what it lacks */
	uint64_t first_seq, last_seq, events;
	int64_t opened_ms, last_ms; /* wall clock, for people ... */
	int64_t opened_age_ms, last_age_ms; /* ... and what it goes by */
	/*
	 * Where the wall clock was set back, times go down: of received_ms,
	 * and the seq of the last event that came earlier than the one before
	 * it; 0: none did.
	 */
	int64_t lowest_ms, highest_ms;
	uint64_t back_seq;
};

int record_put_segment(
    const struct record_segment *s, struct buf *b, struct err *err);
int record_get_segment(
    struct span value, struct record_segment *out, struct err *err);

/* What a store knows of its two clocks, as it looked last. */
struct record_clock {
	struct clock_reading last;
	int64_t age_ms;
	struct wall wall;
};

/* (record_clock.c) */
int
record_put_clock(const struct record_clock *c, struct buf *b, struct err *err);
int
record_get_clock(struct span value, struct record_clock *out, struct err *err);

/* id is the key's business. out->doc borrows. */
int record_put_destination(
    const struct store_destination *d, struct buf *b, struct err *err);
int record_get_destination(
    struct span value, struct store_destination *out, struct err *err);

struct record_cursor {
	uint64_t seq, end_seq;
	struct store_failing failing;
};

int record_put_cursor(
    const struct record_cursor *c, struct buf *b, struct err *err);
int record_get_cursor(
    struct span value, struct record_cursor *out, struct err *err);

/* name is the key's business. out borrows. (record_pull.c) */
int record_put_pull(const struct store_pull *p, struct buf *b, struct err *err);
int record_get_pull(struct span value, struct store_pull *out, struct err *err);

/*
 * destination_id and seq are the key's business. Texts that are longer than
 * store/delivery.h allows are cut. out borrows.
 */
int record_put_delivery(
    const struct store_delivery *d, struct buf *b, struct err *err);
int record_get_delivery(
    struct span value, struct store_delivery *out, struct err *err);

/* seq, destination_id, at_ms and no are the key's business. out borrows. */
int record_put_attempt(
    const struct store_attempt *a, struct buf *b, struct err *err);
int record_get_attempt(
    struct span value, struct store_attempt *out, struct err *err);

#endif
