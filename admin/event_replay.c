/* event_replay.c: events are sent to their destinations again. */
#include "admin/event.h"

#include <stdio.h>
#include <string.h>

#include "admin/event_delivery.h"
#include "admin/output.h"
#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/crypto/digest.h"

#define TRIES 5 /* when owners end over it */

struct replaying {
	struct call call;
	struct table table;
	char request_id[2 * STORE_REQUEST_ID + 1];
	int64_t events;
	bool dry;
};

static const struct table_column columns[] = {
	{ "DESTINATION", false, "destination" },
	{ "REPLAYED", true, "replayed" },
	{ "WAITING", true, "waiting" },
	{ "PARKED", true, "parked" },
	{ "NOT REACHED", true, "not_reached" },
};

static int
take_row(void *arg, const struct json *row, struct err *err)
{
	struct replaying *rp = arg;

	if (json_get(row, "destination") == NULL &&
	    json_want_int(row, "events", &rp->events, err) < 0)
		return -1;
	if (rp->call.line->json)
		call_print_row(&rp->call);
	else if (json_get(row, "destination") != NULL)
		return table_put_row(&rp->table, row, err);
	return 0;
}

static int
choose_request_id(struct replaying *rp, struct err *err)
{
	const char *given = command_option(rp->call.line, "request-id", 0);
	struct buf hex = BUF_OVER(rp->request_id, sizeof(rp->request_id));
	unsigned char id[STORE_REQUEST_ID];

	if (given != NULL)
		return buf_puts(&hex, given, err);
	if (digest_random(id, sizeof(id), err) < 0)
		return -1;
	return encode_put(ENCODING_HEX, span_of(id, sizeof(id)), &hex, err);
}

static int
fill(struct replaying *rp, struct err *err)
{
	struct call *c = &rp->call;

	call_again(c, "delivery.replay", err);
	if (event_put_seqs(c, 0, err) < 0 || event_put_filter(c, err) < 0 ||
	    call_put_number(c, "from-seq", "from_seq", JSON_INT_MAX - 1, err) <
		0 ||
	    call_put_number(c, "to-seq", "to_seq", JSON_INT_MAX - 1, err) < 0)
		return -1;
	call_put_text(c, "destination", "destination");
	call_put_flag(c, "dry-run", "dry_run");
	json_write_str(&c->w, "request_id", rp->request_id);
	return 0;
}

/* The same request is done once, so an owner that ended is no reason to end. */
static int
send(struct replaying *rp, struct err *err)
{
	int tries, ret = -1;

	for (tries = 0; tries < TRIES && ret < 0; tries++) {
		table_free(&rp->table);
		table_init(&rp->table, columns, NITEMS(columns));
		if (fill(rp, err) < 0)
			return -1;
		ret = call_send(&rp->call, err);
		if (ret < 0 && err->code != ERR_AWAY)
			break;
	}
	if (ret < 0 && !rp->dry && err->code != ERR_USAGE &&
	    err->code != ERR_INPUT && err->code != ERR_NOTFOUND)
		note(rp->call.line->program->name,
		    "some may be done: the same call with --request-id %s "
		    "goes on and does none twice",
		    rp->request_id);
	return ret;
}

static void
tell(struct replaying *rp)
{
	const char *program = rp->call.line->program->name;

	table_print(&rp->table);
	if (rp->call.line->json)
		return;
	fflush(stdout);
	if (rp->events == 0)
		fputs("There are no such events.\n", stderr);
	else if (table_is_empty(&rp->table))
		fputs("No destination wants these events.\n", stderr);
	else if (rp->dry)
		note(program, "this was a dry run: nothing was changed");
	else
		note(program, "request %s: given again, it does nothing twice",
		    rp->request_id);
}

int
event_replay(struct command_line *line, struct err *err)
{
	struct replaying rp = { .dry = command_has(line, "dry-run") };
	struct call *c = &rp.call;
	int ret = -1;

	table_init(&rp.table, columns, NITEMS(columns));
	if (call_begin(c, line, "delivery.replay", err) < 0 ||
	    choose_request_id(&rp, err) < 0)
		goto out;
	c->people = take_row;
	c->arg = &rp;
	c->scripts_too = true;
	ret = send(&rp, err);
	if (ret == 0)
		tell(&rp);
out:
	table_free(&rp.table);
	call_end(c);
	return ret;
}
