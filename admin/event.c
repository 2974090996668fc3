/* event.c: eyelet-event: the events there are. */
#include "admin/event.h"

#include "admin/event_delivery.h"
#include "admin/event_held.h"
#include "admin/quarantine.h"
#include "lib/base/util.h"

#define ENDPOINT                                              \
	{                                                     \
		"endpoint", "NAME", "of this endpoint", false \
	}
#define TYPE                                                                   \
	{                                                                      \
		"type", "PATTERNS", "of these types, such as 'order.*'", false \
	}
#define STATUS                                                               \
	{                                                                    \
		"status", "STATUS", "either \"accepted\" or \"test\"", false \
	}
#define SINCE                                                                  \
	{                                                                      \
		"since", "TIME", "received from then on: RFC 3339, or 2h ago", \
		    false                                                      \
	}
#define UNTIL                                                  \
	{                                                      \
		"until", "TIME", "received before then", false \
	}
#define ID                                              \
	{                                               \
		"id", "ID", "with this event id", false \
	}

#define DESTINATION(help)                            \
	{                                            \
		"destination", "NAME", (help), false \
	}

static const struct option_row list_options[] = {
	ENDPOINT,
	TYPE,
	ID,
	{ "status", "STATUS",
	    "\"accepted\" or \"test\"; of held events \"held\", "
	    "\"dropped\" or \"released\"; of deliveries \"pending\", "
	    "\"retrying\", \"parked\", \"dead\" or \"delivered\"",
	    false },
	DESTINATION("deliveries to this destination"),
	SINCE,
	UNTIL,
	{ "limit", "NUMBER", "at most so many, else 50; 0: all", false },
};

static const struct option_row tail_options[] = {
	ENDPOINT,
	TYPE,
	ID,
	STATUS,
	SINCE,
	{ "limit", "NUMBER", "the newest so many, else 10", false },
	{ "follow", NULL, "then wait for more, until interrupted", false },
};

static const struct option_row show_options[] = {
	{ "endpoint", "NAME", "of this endpoint, with --id", false },
	ID,
	{ "raw", NULL, "the payload alone, byte for byte", false },
};

static const struct option_row export_options[] = {
	ENDPOINT,
	TYPE,
	ID,
	{ "status", "STATUS",
	    "\"accepted\" or \"test\"; of held events \"held\", "
	    "\"dropped\" or \"released\"",
	    false },
	SINCE,
	UNTIL,
	{ "limit", "NUMBER", "at most so many, else all", false },
	{ "raw", NULL, "of the one event SEQ: its payload, byte for byte",
	    false },
};

static const struct option_row stats_options[] = {
	ENDPOINT,
	TYPE,
	STATUS,
	SINCE,
	UNTIL,
};

static const struct option_row release_options[] = {
	{ "all", NULL, "all that one endpoint holds", false },
	{ "endpoint", "NAME", "this one, with --all", false },
};

static const struct option_row drop_options[] = {
	{ "all", NULL, "all that one endpoint holds", false },
	{ "endpoint", "NAME", "this one, with --all", false },
	{ "yes", NULL, "do not ask", false },
};

static const struct option_row publish_options[] = {
	{ "endpoint", "NAME", "as an event of this endpoint", false },
	{ "type", "TYPE", "of this type; --raw needs none", false },
	{ "id", "ID", "with this id, else a random one", false },
	{ "data", "@FILE", "the data, or with --raw the body; else stdin",
	    false },
	{ "raw", NULL, "the body as it is, without an envelope", false },
	{ "content-type", "TYPE", "of a --raw body", false },
};

static const struct option_row read_options[] = {
	{ "cursor", "NAME", "by this cursor, which is made where it is not",
	    false },
	{ "limit", "NUMBER", "at most so many, else 100; 0: all", false },
	{ "ack", NULL, "acknowledge them once they are written", false },
	{ "acked", "SEQ", "acknowledge all up to this one before", false },
	{ "wait", "DURATION", "wait so long for the first: at most 1m", false },
	{ "from", "now|start|TIME|seq:N", "where a new cursor begins", false },
	{ "endpoint", "NAME", "a new cursor reads this endpoint alone", false },
	{ "type", "PATTERNS", "a new cursor reads these types alone", false },
};

static const struct option_row retry_options[] = {
	DESTINATION("of this destination"),
	{ "status", "STATUS",
	    "those that are \"retrying\", \"dead\" or \"parked\"", false },
};

static const struct option_row one_options[] = {
	DESTINATION("at this destination"),
};

static const struct option_row dead_options[] = {
	DESTINATION("of this destination"),
	{ "reason", "REASON", "dead for this reason", false },
	{ "limit", "NUMBER", "with list: at most so many, else 50; 0: all",
	    false },
	{ "yes", NULL, "with drop: do not ask", false },
};

static const struct option_row replay_options[] = {
	DESTINATION("to this destination, else to all that want them"),
	{ "from-seq", "SEQ", "from this event on", false },
	{ "to-seq", "SEQ", "up to this event", false },
	SINCE,
	UNTIL,
	ENDPOINT,
	TYPE,
	ID,
	STATUS,
	{ "dry-run", NULL, "only say what would be sent", false },
	{ "request-id", "HEX", "the same request as before: none goes twice",
	    false },
};

static const struct option_row quarantine_options[] = {
	{ "endpoint", "NAME", "with list: of this endpoint", false },
	{ "limit", "NUMBER", "with list: at most so many, else 50; 0: all",
	    false },
};

#define OPTIONS(rows) rows, NITEMS(rows)

static const struct command commands[] = {
	{ "list", "", 0, 0, "Lists events, the newest first.",
	    OPTIONS(list_options), event_list },
	{ "tail", "", 0, 0, "Lists the newest events, the newest last.",
	    OPTIONS(tail_options), event_tail },
	{ "show", "[SEQ]", 0, 1,
	    "Shows one event with its headers and its payload.",
	    OPTIONS(show_options), event_show },
	{ "export", "[SEQ]", 0, 1,
	    "Writes events with their payloads as JSON lines, oldest first.",
	    OPTIONS(export_options), event_export },
	{ "stats", "", 0, 0, "Counts events by endpoint and type.",
	    OPTIONS(stats_options), event_stats },
	{ "release", "[SEQ...]", 0, -1,
	    "Makes events of held ones, so that they are delivered.",
	    OPTIONS(release_options), event_release },
	{ "drop", "[SEQ...]", 0, -1,
	    "Gives held events up: they are never delivered.",
	    OPTIONS(drop_options), event_drop },
	{ "publish", "", 0, 0, "Puts an event of the site's own into the log.",
	    OPTIONS(publish_options), event_publish },
	{ "read", "", 0, 0,
	    "Gives events that were not acknowledged yet, as JSON lines.",
	    OPTIONS(read_options), event_read },
	{ "cursor", CURSOR_OPERANDS, 1, 3,
	    "Lists cursors, acknowledges events, removes a cursor.", NULL, 0,
	    event_cursor },
	{ "retry", "[SEQ...]", 0, -1,
	    "Sends now what waits for another attempt, or is dead.",
	    OPTIONS(retry_options), event_retry },
	{ "replay", "[SEQ...]", 0, -1,
	    "Sends events again to where they went before.",
	    OPTIONS(replay_options), event_replay },
	{ "skip", "SEQ...", 1, -1,
	    "Gives a delivery up, so that others do not wait for it.",
	    OPTIONS(one_options), event_skip },
	{ "park", "SEQ...", 1, -1,
	    "Sets a delivery aside, so that others do not wait for it.",
	    OPTIONS(one_options), event_park },
	{ "dead", DEAD_OPERANDS, 1, -1, "Lists, retries or drops dead letters.",
	    OPTIONS(dead_options), event_dead },
	{ "prune", "", 0, 0, "Drops what retention lets go, now.", NULL, 0,
	    event_prune },
	{ "quarantine", QUARANTINE_OPERANDS, 1, 2,
	    "Says why requests were refused, and takes those that are right.",
	    OPTIONS(quarantine_options), quarantine_run },
};

int
main(int argc, char **argv)
{
	static const struct program program = { "eyelet-event",
		"Looks at the events that were accepted.", commands,
		NITEMS(commands) };

	return command_main(&program, argc, argv);
}
