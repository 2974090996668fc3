/*
 * call.h: an admin program asks the owner: reads the configuration, finds the
 * owner, sends a call, and gives its rows to people or to scripts.
 */
#ifndef EYELET_ADMIN_CALL_H
#define EYELET_ADMIN_CALL_H

#include "admin/command.h"
#include "lib/json/json.h"
#include "lib/json/write.h"
#include "lib/owner/client.h"
#include "lib/owner/frame.h"

#define CALL_MAX (FRAME_MAX - 1024) /* bytes of a call */

struct call {
	const struct command_line *line;
	struct conf conf;
	struct client *client;
	struct buf text; /* of the call; it may hold a secret */
	struct json_write w; /* its members go here */

	/* What to do with a row when people read it; NULL: nothing. */
	int (*people)(void *arg, const struct json *row, struct err *err);
	void *arg;
	bool scripts_too; /* people writes what scripts get, from row_text */
	struct span row_text;
	bool follows; /* what comes: no words on how far it looked */
	uint64_t next; /* the seq behind the last event that was looked at */
	bool fresh, cut; /* of a cursor, see event.read */
	bool drawn; /* a line on the terminal says how far a search came */
	bool screen; /* rows go to a terminal, too */
};

/* Reads the configuration and begins {"op": op. */
int call_begin(struct call *c, const struct command_line *line, const char *op,
    struct err *err);

/* The same session asks once more. */
void call_again(struct call *c, const char *op, struct err *err);

/*
 * Ends the object, sends it and waits for the end. With --json each row is a
 * line of stdout as it came; otherwise people gets it. Warnings in rows go to
 * stderr either way.
 */
int call_send(struct call *c, struct err *err);

/* In people, with scripts_too: prints the row as scripts get it. */
void call_print_row(const struct call *c);

/* Wipes. Empty ones are fine. */
void call_end(struct call *c);

/* --- members from the command line ---------------------------------------- */

/* Each writes nothing when the option was not given. ERR_USAGE. */
void call_put_text(struct call *c, const char *option, const char *member);
void call_put_flag(struct call *c, const char *option, const char *member);
int call_put_number(struct call *c, const char *option, const char *member,
    uint64_t max, struct err *err);
/* "24h", "7d" as seconds. */
int call_put_duration(struct call *c, const char *option, const char *member,
    int64_t max_s, struct err *err);
/* RFC 3339, or "2h" for two hours ago, as milliseconds. */
int call_put_time(
    struct call *c, const char *option, const char *member, struct err *err);
/* "now", "start", a time or "seq:N" as "from_seq" or "from_ms". */
int call_put_from(struct call *c, struct err *err);
/* --secret-file as "secret_b64". */
int call_put_secret(struct call *c, struct err *err);

#endif
