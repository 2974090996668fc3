/* delivery_stand.c: reports as a deliverer makes them. */
#include "tests/stand/delivery_stand.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/encode.h"

#define EXCERPT "<h1>\033[31mnot now</h1>"

static struct buf scratch = BUF_INIT(65536);
static struct store_delivery found_row;

void
delivery_publish(const char *id, const char *type, const char *data)
{
	struct buf b64 = BUF_INIT(65536);
	struct err err = ERR_INIT;
	char call[8192];

	ck_assert_int_eq(
	    encode_put(ENCODING_BASE64, span_str(data), &b64, &err), 0);
	snprintf(call, sizeof(call),
	    "{\"op\":\"event.publish\",\"endpoint\":\"shop\",\"id\":\"%s\","
	    "\"type\":\"%s\",\"data_b64\":\"%.*s\"}",
	    id, type, (int)b64.len, (const char *)b64.ptr);
	stand_do(call);
	buf_free(&b64);
}

uint64_t
delivery_destination(const char *name)
{
	struct store_destination d;
	struct err err = ERR_INIT;
	bool found;

	ck_assert_int_eq(store_destination_by_name(
			     stand_store(), NULL, name, &d, NULL, &found, &err),
	    0);
	ck_assert_msg(found, "no destination %s", name);
	return d.id;
}

static void
report(const struct store_report *r)
{
	struct err err = ERR_INIT;

	ck_assert_msg(
	    store_report(stand_store(), r, &err) == 0, "%s", err.text);
}

void
delivery_row(const struct store_delivery *d)
{
	struct store_report_item item = { .kind = STORE_REPORT_ROW,
		.delivery = *d };

	report(&(struct store_report){ .items = &item, .nitems = 1 });
}

/* With a stamp that no row has, so that it is recorded alone. */
void
delivery_attempt(const struct store_attempt *a)
{
	struct store_report_item item = { .kind = STORE_REPORT_DONE,
		.delivery = { .destination_id = a->destination_id,
		    .seq = a->seq,
		    .stamp = UINT64_MAX },
		.has_attempt = true,
		.attempt = *a };

	report(&(struct store_report){ .items = &item, .nitems = 1 });
}

void
delivery_done(uint64_t destination_id, uint64_t seq)
{
	struct store_report_item item = { .kind = STORE_REPORT_DONE,
		.delivery = { .destination_id = destination_id, .seq = seq } };
	struct err err = ERR_INIT;
	struct store_delivery row;
	bool found;

	ck_assert_int_eq(store_delivery(stand_store(), NULL, destination_id,
			     seq, &row, &scratch, &found, &err),
	    0);
	item.delivery.stamp = found ? row.stamp : 0;
	buf_free(&scratch);
	report(&(struct store_report){ .items = &item, .nitems = 1 });
}

void
delivery_cursor(uint64_t destination_id, uint64_t seq)
{
	struct store_report_cursor c = { destination_id, seq };

	report(&(struct store_report){ .cursors = &c, .ncursors = 1 });
}

int
delivery_state(
    const char *destination, uint64_t seq, const struct store_delivery **row)
{
	struct err err = ERR_INIT;
	bool found;

	ck_assert_msg(store_delivery(stand_store(), NULL,
			  delivery_destination(destination), seq, &found_row,
			  &scratch, &found, &err) == 0,
	    "%s", err.text);
	if (row != NULL)
		*row = &found_row;
	return found ? (int)found_row.state : 0;
}

/* --- the scene ------------------------------------------------------------ */

static const struct {
	uint64_t seq;
	const char *id, *type;
	enum store_delivery_state state; /* 0: no row */
	const char *reason, *words, *excerpt;
	int status;
	struct store_attempt attempts[3];
} scene[] = {
	{ 1, "e1", "order.paid", (enum store_delivery_state)0, "", "", "", 0,
	    { { .no = 1,
		.result = STORE_ATTEMPT_DELIVERED,
		.at_ms = 1700000000000,
		.took_us = 12345,
		.status = 200 } } },
	{ 2, "e2", "order.sent", STORE_DELIVERY_RETRYING, "",
	    "no answer within 10s", "", 0,
	    { { .no = 1,
		  .result = STORE_ATTEMPT_FAILED,
		  .at_ms = 1700000001000,
		  .took_us = 4000,
		  .next_ms = 1700000002000,
		  .status = 503,
		  .words = { "HTTP 503", 8 } },
		{ .no = 2,
		    .result = STORE_ATTEMPT_FAILED,
		    .at_ms = 1700000002000,
		    .took_us = 10000000,
		    .next_ms = 1900000000000,
		    .words = { "no answer within 10s", 20 } } } },
	{ 3, "e3", "user.new", STORE_DELIVERY_DEAD, DELIVERY_EXHAUSTED,
	    "HTTP 500", EXCERPT, 500,
	    { { .no = 1,
		.result = STORE_ATTEMPT_DEAD,
		.at_ms = 1700000003000,
		.took_us = 3000,
		.status = 500,
		.words = { "HTTP 500", 8 } } } },
	{ 4, "e4", "order.paid", STORE_DELIVERY_PARKED, "", "", "", 0,
	    { { 0 } } },
	{ 5, "e5", "order.paid", STORE_DELIVERY_PENDING, "", "", "", 0,
	    { { 0 } } },
	{ 6, "e6", "user.new", (enum store_delivery_state)0, "", "", "", 0,
	    { { 0 } } },
};

#define ADD(name, settings)                                   \
	"{\"op\":\"destination.add\",\"destination\":\"" name \
	"\",\"settings\":{\"url\":\"https://sink.example/\"" settings "}"

static void
set_scene(uint64_t crm, uint64_t shop, size_t i)
{
	struct store_delivery d = { .destination_id = crm,
		.seq = scene[i].seq,
		.endpoint_id = shop,
		.state = scene[i].state,
		.since_ms = 1700000000000,
		.last_ms = 1700000003000,
		.status = scene[i].status,
		.reason = span_str(scene[i].reason),
		.words = span_str(scene[i].words),
		.excerpt = span_str(scene[i].excerpt),
		.id = span_str(scene[i].id),
		.type = span_str(scene[i].type) };
	struct store_attempt a;
	size_t n;

	for (n = 0; n < 3 && scene[i].attempts[n].no != 0; n++) {
		a = scene[i].attempts[n];
		a.seq = scene[i].seq;
		a.destination_id = crm;
		delivery_attempt(&a);
	}
	d.attempts = d.planned = (unsigned)n;
	if (d.state == STORE_DELIVERY_RETRYING)
		d.due_ms = 1900000000000;
	if ((int)d.state != 0)
		delivery_row(&d);
}

void
delivery_fill(void)
{
	struct store_endpoint ep;
	struct err err = ERR_INIT;
	uint64_t crm;
	bool found;
	size_t i;

	stand_do("{\"op\":\"endpoint.add\",\"endpoint\":\"shop\","
		 "\"settings\":{\"scheme\":\"nomos\"}}");
	for (i = 0; i < sizeof(scene) / sizeof(scene[0]); i++)
		delivery_publish(scene[i].id, scene[i].type, "{\"k\":\"v\"}");
	stand_do(ADD("crm", ",\"sign\":\"none\"") ",\"from_seq\":1}");
	stand_do(ADD("audit",
	    ",\"sign\":\"none\",\"events\":\"order.*\"") ",\"from_seq\":1}");
	stand_do(ADD("late", ",\"sign\":\"none\"") "}");
	ck_assert_int_eq(store_endpoint_by_name(stand_store(), NULL, "shop",
			     &ep, NULL, &found, &err),
	    0);
	crm = delivery_destination("crm");
	for (i = 0; i < sizeof(scene) / sizeof(scene[0]); i++)
		set_scene(crm, ep.id, i);
	delivery_cursor(crm, 6);
}
