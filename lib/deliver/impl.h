/*
 * impl.h: what the files of the deliverer share. Nobody else includes
 * it. All of it is one thread's, but for the lines (deliver/line.h).
 *
 * deliver.c	one turn after another, until told to stop
 * deliver/config.c	the settings of a destination, made ready
 * deliver/settings.c	which destinations and endpoints there are; their rows
 * deliver/read.c	the log, read for those that want more of it
 * deliver/cache.c	events in memory
 * deliver/send.c	what is under way: from its start to its end
 * deliver/http.c	as a request
 * deliver/command.c	as a command
 * deliver/report.c	what came of it, written down and said
 */
#ifndef EYELET_LIB_DELIVER_IMPL_H
#define EYELET_LIB_DELIVER_IMPL_H

#include "lib/command/run.h"
#include "lib/deliver/deliver.h"
#include "lib/deliver/line.h"
#include "lib/deliver/schedule.h"
#include "lib/model/destination.h"
#include "lib/model/event.h"
#include "lib/scheme/sign.h"

#define DELIVER_PAUSE_MS 1000 /* before a call that failed is made again */
#define DELIVER_REPORT_MS 10 /* between reports, where there are many */
#define DELIVER_BLOCKED_MS 20 /* between tries of what is due, and can not */
#define DELIVER_FDS_MS 50 /* between looks at them while requests come back */
#define DELIVER_WAIT_MS 1000 /* of a WAIT: a stop waits for it */
#define DELIVER_IN_FLIGHT_MAX (256 * 1024 * 1024) /* bytes of bodies sent */
#define DELIVER_HEADERS_MAX (256 * 1024) /* bytes that one request carries */

/* --- deliver/config.c ----------------------------------------------------- */

/* Never changes once it was made; what is under way holds it. */
struct deliver_config {
	unsigned refs;
	uint64_t generation;
	unsigned schemes_no; /* of the schemes that it was made with */
	uint64_t pool; /* of connections: no two configs share any */
	char name[ENDPOINT_NAME_MAX + 1];
	struct destination settings;
	struct destination_match *match;
	struct address_list *allow;
	struct retry_plan plan;
	struct scheme *scheme; /* held; NULL: unsigned */
	int64_t timeout_ms; /* of one attempt */
	size_t nkeys; /* current first */
	struct sign_key keys[FEED_SECRETS_MAX];
	bool enabled; /* by its operator */
	bool works;
	char why_not[DELIVERY_WORDS_MAX]; /* inert: why it does not work */
};

/* One that does not work is made all the same. ERR_NOMEM. */
int deliver_config_new(const struct scheme_set *schemes, uint64_t pool,
    const struct feed_destination *d, struct deliver_config **out,
    struct err *err);
void deliver_config_put(struct deliver_config *cf); /* drops a hold; or NULL */
/* Would it work with a scheme that there is not? */
bool deliver_config_lacks_scheme(const struct deliver_config *cf);

/* --- deliver/cache.c ------------------------------------------------------ */

#define DELIVER_CACHE_MAX                                  \
	(64 * 1024 * 1024) /* bytes; see deliver_cache_add \
			    */
#define DELIVER_CACHE_BUCKETS 16384
#define DELIVER_CACHE_AGE_MS 60000 /* what nobody used for so long goes */

struct deliver_event {
	struct deliver_event *next; /* of its bucket */
	struct event event; /* borrows from what stands behind this */
	unsigned refs; /* being sent */
	unsigned wanted; /* destinations that took it and did not send it yet */
	size_t bytes;
	int64_t used_ms; /* clock_ms() */
};

struct deliver_cache {
	struct deliver_event **buckets;
	size_t bytes, n;
	int64_t swept_ms;
};

int deliver_cache_open(struct deliver_cache *ca, struct err *err);
void deliver_cache_close(struct deliver_cache *ca);

/*
 * One more destination wants the event. A full cache does not take it, and
 * nor does one without memory: it is read again when its turn has come. So
 * those stay whose turn comes first.
 */
void deliver_cache_want(struct deliver_cache *ca, const struct event *ev);
/* Holds an event; NULL: it is not there. */
struct deliver_event *deliver_cache_get(struct deliver_cache *ca, uint64_t seq);
/* Puts one that is to be held, full or not. ERR_NOMEM. */
int deliver_cache_add(
    struct deliver_cache *ca, const struct event *ev, struct err *err);
/* Drops the hold; sent: and the wish, for who took it. */
void deliver_cache_put(
    struct deliver_cache *ca, struct deliver_event *de, bool sent);
void deliver_cache_sweep(struct deliver_cache *ca);

/* --- what is under way (deliver/send.c) ----------------------------------- */

struct deliver_send {
	struct deliver_send *prev, *next; /* of all under way, or waiting */
	struct deliver_config *config; /* held */
	struct deliver_event *event; /* held; NULL: it is being fetched */
	struct schedule_start start;
	bool asked; /* for its event, by the call that is out */
	int64_t at_ms; /* wall clock */
	struct buf headers; /* of a request; wiped */
};

struct deliver_sends {
	struct deliver_send *first, *last;
};

/* --- deliver.c ------------------------------------------------------------ */

struct deliver_destination {
	uint64_t id;
	struct deliver_config *config; /* held */
	uint64_t rows_touched; /* of the rows that are known, or being told */
	bool rows_wanted; /* they are to be told (again) */
	bool seen; /* in the settings that are being read */
	bool gone; /* its receiver said so (410) */
	bool disable; /* to be, once the owner can be told; why: */
	char why[DELIVERY_WORDS_MAX];
	uint64_t found_in; /* the generation of which that is true */
};

struct deliver_endpoint {
	uint64_t id;
	bool removed;
	char name[ENDPOINT_NAME_MAX + 1];
};

struct deliver {
	struct deliver_options opt;
	struct deliver_live live;
	unsigned schemes_no; /* another one for each change of live.schemes */
	struct deliver_totals totals;
	struct schedule *schedule;
	struct outbound *outbound;
	struct command_runs *commands;
	struct pollfd *fds;
	size_t nfds;
	int64_t fds_ms; /* when they were looked at last (clock_ms) */
	bool stopping;
	int64_t stop_ms; /* clock_ms(): until when what is under way may end */
	int64_t now_ms; /* of this turn: clock_boot_ms(), and ... */
	int64_t wall_ms; /* ... the wall clock */
	bool more; /* another turn at once: this one's end made work */

	/* Lines to the owner, and when they may be asked again (clock_ms). */
	struct deliver_line waiter, reader, reporter;
	int64_t waiter_ms, reader_ms, reporter_ms;
	bool away; /* the owner was, when last asked */
	bool held; /* deliveries were: store/copy.h */
	struct err why_held;
	bool off; /* live.off or held, or was; no settings were told since */
	bool told; /* durable_seq and touched are the owner's */

	/* deliver/settings.c */
	struct deliver_destination *destinations; /* by id */
	size_t ndestinations;
	struct deliver_endpoint *endpoints; /* by id */
	size_t nendpoints;
	uint64_t touched; /* that the owner has, as it said last */
	uint64_t settings_touched; /* of the settings that are known */
	bool has_settings;
	uint64_t pools; /* given so far */

	/* deliver/read.c: what the reader was asked */
	enum feed_verb asked;
	uint64_t asked_id; /* ROWS */
	uint64_t asked_seq; /* READ */
	uint64_t durable_seq; /* as the owner said last */
	uint64_t unknown_endpoint; /* of an event that waits for settings */
	bool fetched_last; /* EVENTS, not READ: they take turns */

	/* deliver/send.c */
	struct deliver_cache cache;
	struct deliver_sends sends; /* handed to outbound or commands */
	struct deliver_sends waiting; /* for their events */
	size_t nsends; /* both */
	size_t in_flight; /* bytes of bodies of sends */
	bool fetched_first; /* waiting had no room: none is started before */
	char words[DELIVERY_WORDS_MAX]; /* why the last one did not begin */

	/* deliver/report.c */
	struct store_report report; /* that is out */
	bool report_due; /* in this turn it could be made, if need be */
	bool given_up; /* on writing how far it came: it stops, and can not */
	uint64_t disabling; /* which the reporter tells of; 0: of the report */
};

/* fmt and what follows are inert; the second one puts why=VALUE behind. */
void deliver_log(struct deliver *dv, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void deliver_log_why(struct deliver *dv, struct span why, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A call to the owner failed with err: it is made again from *again_ms on,
 * and the operator is told once. -1 where that is no use: ERR_VERSION, and
 * any error for who is there but once.
 */
int
deliver_owner_failed(struct deliver *dv, int64_t *again_ms, struct err *err);
void deliver_owner_answered(struct deliver *dv);

/* --- deliver/settings.c --------------------------------------------------- */

struct deliver_destination *deliver_find(struct deliver *dv, uint64_t id);
/* NULL: not known (yet). */
const struct deliver_endpoint *
deliver_find_endpoint(const struct deliver *dv, uint64_t id);

int deliver_take_settings(struct deliver *dv, struct span in, struct err *err);
/* Rows of dv->asked_id. *next: where they go on; 0: that was all. */
int deliver_take_rows(
    struct deliver *dv, struct span in, uint64_t *next, struct err *err);
void deliver_rows_failed(struct deliver *dv);
/* dv->live is another one: each destination is made anew. ERR_NOMEM. */
int deliver_take_live(struct deliver *dv, struct err *err);
/* As if there were no destinations, until settings come. */
void deliver_forget_settings(struct deliver *dv);
void deliver_free_settings(struct deliver *dv);

/* --- deliver/read.c ------------------------------------------------------- */

/* Takes the reader's answers, and asks for what is needed most, unless off. */
int deliver_read(struct deliver *dv, struct err *err);
/* Has all that is durable been looked at, for those that want it? */
bool deliver_read_all(struct deliver *dv);

/* --- deliver/send.c ------------------------------------------------------- */

/* Takes what has ended; then starts what is due. */
int deliver_send(struct deliver *dv, struct err *err);
/*
 * The events that are waited for and now asked for, up from *seqs; how many:
 * none while there is no room for more.
 */
size_t deliver_wanted_events(struct deliver *dv, uint64_t seqs[FEED_SEQS_MAX]);
/*
 * Those that were asked for and stand below next were looked for, and those
 * found are in the cache.
 */
int deliver_fetched(struct deliver *dv, uint64_t next, struct err *err);
void deliver_free_sends(struct deliver *dv);

/* end has all but the names, and the time when it began. */
int deliver_ended(struct deliver *dv, struct deliver_send *se,
    struct schedule_end *end, struct err *err);

/* "WORD: TEXT" (word may be NULL), inert and cut, in out. */
struct span
deliver_words(char out[DELIVERY_WORDS_MAX], const char *word, const char *text);

/* The id that goes out with an event: its own, or "evt_SEQ"; room 32. */
struct span deliver_event_id(const struct event *ev, char room[32]);

/* --- deliver/http.c, deliver/command.c ------------------------------------ */

/* Starts it. False: it did not begin, and *end says why. */
bool deliver_http_start(
    struct deliver *dv, struct deliver_send *se, struct schedule_end *end);
bool deliver_command_start(
    struct deliver *dv, struct deliver_send *se, struct schedule_end *end);
/* What has ended since. */
int deliver_http_take(struct deliver *dv, struct err *err);
int deliver_command_take(struct deliver *dv, struct err *err);

/* --- deliver/report.c ----------------------------------------------------- */

int deliver_report(struct deliver *dv, struct err *err);

#endif
