/* event.c: eyelet-event: the events there are. */
#include "admin/event.h"

#include "admin/quarantine.h"
#include "lib/util.h"

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

static const struct option_row list_options[] = {
	ENDPOINT,
	TYPE,
	ID,
	STATUS,
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
	STATUS,
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

static const struct option_row publish_options[] = {
	{ "endpoint", "NAME", "as an event of this endpoint", false },
	{ "type", "TYPE", "of this type; --raw needs none", false },
	{ "id", "ID", "with this id, else a random one", false },
	{ "data", "@FILE", "the data, or with --raw the body; else stdin",
	    false },
	{ "raw", NULL, "the body as it is, without an envelope", false },
	{ "content-type", "TYPE", "of a --raw body", false },
};

static const struct option_row quarantine_options[] = {
	{ "endpoint", "NAME", "with list: of this endpoint", false },
	{ "limit", "NUMBER", "with list: at most so many, else 50; 0: all",
	    false },
};

int
event_put_filter(struct call *c, struct err *err)
{
	static const char *const texts[] = { "endpoint", "type", "id",
		"status" };
	size_t i;

	for (i = 0; i < NITEMS(texts); i++)
		call_put_text(c, texts[i], texts[i]);
	if (call_put_time(c, "since", "since_ms", err) < 0 ||
	    call_put_time(c, "until", "until_ms", err) < 0)
		return -1;
	return 0;
}

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
	{ "publish", "", 0, 0, "Puts an event of the site's own into the log.",
	    OPTIONS(publish_options), event_publish },
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
