/*
 * delivery_report.c: what a deliverer reports, from a shell test's command
 * line, to whoever owns the store of $EYELET_CONFIG:
 *
 *	delivery_report cursor DESTINATION SEQ
 *	delivery_report row DESTINATION SEQ ENDPOINT ID TYPE STATE [ATTEMPTS
 *	    [STATUS [REASON [WORDS [EXCERPT]]]]]
 *	delivery_report attempt DESTINATION SEQ NO RESULT [STATUS [WORDS]]
 *	delivery_report done DESTINATION SEQ STAMP
 *
 * STATE and RESULT are words; a row that is retrying is due in an hour.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/util.h"
#include "lib/owner/client.h"
#include "lib/owner/feed.h"

#define CALL_MAX (64 * 1024)

struct ids {
	const char *destination, *endpoint;
	uint64_t destination_id, endpoint_id;
};

static int
take_destination(void *arg, const struct feed_destination *d, struct err *err)
{
	struct ids *ids = arg;

	(void)err;
	if (span_is(d->name, ids->destination))
		ids->destination_id = d->id;
	return 0;
}

static int
take_endpoint(void *arg, const struct feed_endpoint *e, struct err *err)
{
	struct ids *ids = arg;

	(void)err;
	if (ids->endpoint != NULL && span_is(e->name, ids->endpoint))
		ids->endpoint_id = e->id;
	return 0;
}

static int
ask(struct client *cl, const struct feed_call *call, struct span *answer,
    struct err *err)
{
	struct buf text = BUF_INIT(CALL_MAX);
	int ret;

	ret = feed_put_call(call, &text, err);
	if (ret == 0)
		ret = client_feed(cl, &text, answer, err);
	buf_free(&text);
	return ret;
}

static const char *const states[] = { [STORE_DELIVERY_PENDING] = "pending",
	[STORE_DELIVERY_RETRYING] = "retrying",
	[STORE_DELIVERY_PARKED] = "parked",
	[STORE_DELIVERY_DEAD] = "dead" };
static const char *const results[] = { [STORE_ATTEMPT_DELIVERED] = "delivered",
	[STORE_ATTEMPT_FAILED] = "failed",
	[STORE_ATTEMPT_DEAD] = "dead" };

static int
find_word(const char *const *words, size_t n, const char *word)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (strcmp(words[i], word) == 0)
			return (int)i;
	fprintf(stderr, "delivery_report: %s is no word here\n", word);
	exit(64);
}

/* The i-th argument, or what stands for none. */
static const char *
text_at(char **argv, int argc, int i)
{
	return i < argc ? argv[i] : "";
}

static int
number_at(char **argv, int argc, int i)
{
	return i < argc ? atoi(argv[i]) : 0;
}

static void
fill_row(struct store_report_item *item, char **argv, int argc)
{
	struct store_delivery *d = &item->delivery;
	int64_t now = clock_wall_ms();

	item->kind = STORE_REPORT_ROW;
	d->id = span_str(text_at(argv, argc, 5));
	d->type = span_str(text_at(argv, argc, 6));
	d->state = (enum store_delivery_state)find_word(
	    states, NITEMS(states), text_at(argv, argc, 7));
	d->attempts = d->planned = (unsigned)number_at(argv, argc, 8);
	d->status = number_at(argv, argc, 9);
	d->reason = span_str(text_at(argv, argc, 10));
	d->words = span_str(text_at(argv, argc, 11));
	d->excerpt = span_str(text_at(argv, argc, 12));
	d->since_ms = d->last_ms = now;
	if (d->state == STORE_DELIVERY_RETRYING)
		d->due_ms = now + 3600 * 1000;
}

/* With a stamp that no row has, so that it is recorded alone. */
static void
fill_attempt(struct store_report_item *item, char **argv, int argc)
{
	struct store_attempt *a = &item->attempt;

	item->kind = STORE_REPORT_DONE;
	item->delivery.stamp = UINT64_MAX;
	item->has_attempt = true;
	a->seq = item->delivery.seq;
	a->destination_id = item->delivery.destination_id;
	a->no = (unsigned)number_at(argv, argc, 4);
	a->result = (enum store_attempt_result)find_word(
	    results, NITEMS(results), text_at(argv, argc, 5));
	a->status = number_at(argv, argc, 6);
	a->words = span_str(text_at(argv, argc, 7));
	a->at_ms = clock_wall_ms();
	a->took_us = 12345;
	a->next_ms = a->result == STORE_ATTEMPT_FAILED ? a->at_ms + 1000 : 0;
}

static int
report(struct client *cl, char **argv, int argc, struct err *err)
{
	struct ids ids = { argv[2], argc > 4 ? argv[4] : NULL, 0, 0 };
	uint64_t seq = strtoull(argv[3], NULL, 10), touched;
	struct feed_call call = { .verb = FEED_SETTINGS };
	struct store_report_cursor cursor;
	struct store_report_item item;
	struct span answer;

	if (ask(cl, &call, &answer, err) < 0 ||
	    feed_get_settings(answer, &touched, take_destination, take_endpoint,
		&ids, err) < 0)
		return -1;
	if (ids.destination_id == 0)
		return err_set(err, ERR_NOTFOUND, "no destination %s", argv[2]);
	memset(&item, 0, sizeof(item));
	item.delivery.destination_id = ids.destination_id;
	item.delivery.endpoint_id = ids.endpoint_id;
	item.delivery.seq = seq;
	cursor = (struct store_report_cursor){ ids.destination_id, seq };
	call.verb = FEED_REPORT;
	call.report.items = &item;
	call.report.nitems = 1;
	if (strcmp(argv[1], "row") == 0)
		fill_row(&item, argv, argc);
	else if (strcmp(argv[1], "attempt") == 0)
		fill_attempt(&item, argv, argc);
	else if (strcmp(argv[1], "done") == 0) {
		item.kind = STORE_REPORT_DONE;
		item.delivery.stamp =
		    strtoull(text_at(argv, argc, 4), NULL, 10);
	} else {
		call.report =
		    (struct store_report){ .cursors = &cursor, .ncursors = 1 };
	}
	return ask(cl, &call, &answer, err);
}

int
main(int argc, char **argv)
{
	struct client *cl = NULL;
	struct err err = ERR_INIT;
	struct conf conf;
	int ret = -1;

	if (argc < 4)
		return 64;
	if (conf_read(NULL, &conf, &err) < 0)
		goto out;
	if (client_open(&conf, CLIENT_ADMIN, "delivery_report", &cl, &err) == 0)
		ret = report(cl, argv, argc, &err);
	client_close(cl);
	conf_free(&conf);
out:
	if (ret < 0)
		fprintf(stderr, "delivery_report: %s\n", err.text);
	return ret < 0;
}
