/*
 * core.h: the state of the deliverer, which is one thread's but for the lines
 * (line.h), and its words for the operator. Files call those that stand above
 * them here:
 *
 * core.c		log lines, and an owner that is away
 * config.c	the settings of a destination, made ready
 * cache.c		events in memory
 * settings.c	which destinations and endpoints there are; their rows
 * http.c		a delivery as a request
 * command.c	a delivery as a command
 * send.c		what is under way: from its start to its end
 * read.c		the log, read for those that want more of it
 * report.c	what came of deliveries, written down and said
 * deliver.c	one turn after another, until told to stop
 */
#ifndef EYELET_LIB_DELIVER_CORE_H
#define EYELET_LIB_DELIVER_CORE_H

#include "lib/command/run.h"
#include "lib/deliver/cache.h"
#include "lib/deliver/deliver.h"
#include "lib/deliver/line.h"
#include "lib/deliver/schedule.h"

struct deliver_config;
struct deliver_send;

struct deliver_sends {
	struct deliver_send *first, *last;
};

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

#endif
