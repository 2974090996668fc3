/* schedule_stand.c: see schedule_stand.h. */
#include "tests/stand/schedule_stand.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX (256 * 1024)

struct schedule *sc;
int64_t now_ms;
static char text[TEXT_MAX];
static size_t text_len;

void
stand_setup(void)
{
	struct err err = ERR_INIT;

	now_ms = START_MS;
	ck_assert_int_eq(schedule_new(42, &sc, &err), 0);
}

void
stand_teardown(void)
{
	schedule_free(sc);
	sc = NULL;
}

static void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void
say(const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text + text_len, TEXT_MAX - text_len, fmt, ap);
	va_end(ap);
	ck_assert(n >= 0 && (size_t)n < TEXT_MAX - text_len);
	text_len += (size_t)n;
}

static void
say_nothing(void)
{
	text_len = 0;
	text[0] = '\0';
}

struct schedule_destination
plain(uint64_t id)
{
	return (struct schedule_destination){ .id = id,
		.generation = 1,
		.runs = true,
		.plan = { 2, { MINUTE, 2 * MINUTE } },
		.concurrency = 1,
		.park_max = 100 };
}

void
put(const struct schedule_destination *d, uint64_t cursor)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(schedule_put(sc, d, cursor, &err), 0);
}

void
put_known(const struct schedule_destination *d, uint64_t cursor)
{
	put(d, cursor);
	rows_begin(d->id);
	rows_end(d->id);
}

void
rows_begin(uint64_t id)
{
	struct err err = ERR_INIT;

	ck_assert_int_eq(schedule_rows_begin(sc, id, now_ms, &err), 0);
}

void
row(uint64_t id, uint64_t seq, enum store_delivery_state state, uint64_t stamp,
    int64_t due_ms)
{
	struct err err = ERR_INIT;
	struct store_delivery d = { .destination_id = id,
		.seq = seq,
		.stamp = stamp,
		.state = state,
		.due_ms = due_ms,
		.since_ms = START_MS - DAY };

	ck_assert_int_eq(schedule_row(sc, &d, &err), 0);
}

void
rows_end(uint64_t id)
{
	schedule_rows_end(sc, id, true);
}

bool
wants(uint64_t id)
{
	uint64_t seq;

	return schedule_wants(sc, id, now_ms, &seq);
}

uint64_t
wanted(uint64_t id)
{
	uint64_t seq = 0;

	ck_assert(schedule_wants(sc, id, now_ms, &seq));
	return seq;
}

bool
take_key(uint64_t id, uint64_t seq, const char *key)
{
	struct schedule_event ev = { .seq = seq,
		.endpoint_id = 9,
		.id = span_str("evt"),
		.type = span_str("a.b"),
		.key = span_str(key) };
	struct err err = ERR_INIT;
	bool taken = false;

	ck_assert_int_eq(schedule_take(sc, id, &ev, now_ms, &taken, &err), 0);
	return taken;
}

void
take(uint64_t id, uint64_t first, uint64_t last)
{
	for (; first <= last; first++)
		ck_assert(take_key(id, first, ""));
}

const char *
starts_max(size_t max)
{
	struct schedule_start s;

	say_nothing();
	for (; max > 0 && schedule_next(sc, now_ms, &s); max--)
		say("%s%d/%d#%u", text_len > 0 ? " " : "",
		    (int)s.destination_id, (int)s.seq, s.attempt);
	return text;
}

const char *
starts(void)
{
	return starts_max(SIZE_MAX);
}

static void
end_with(struct schedule_end *e)
{
	struct err err = ERR_INIT;

	e->at_ms = now_ms - 10;
	e->took_us = 10000;
	ck_assert_int_eq(schedule_ended(sc, e, now_ms, &err), 0);
}

void
end(uint64_t id, uint64_t seq, enum schedule_verdict verdict)
{
	struct schedule_end e = { .destination_id = id,
		.seq = seq,
		.verdict = verdict,
		.reason = DELIVERY_REJECTED,
		.retry_after_ms = -1 };

	if (verdict == SCHEDULE_DELIVERED) {
		e.status = 200;
	} else {
		e.status = verdict == SCHEDULE_GONE ? 410 : 500;
		e.words = span_str("no");
		e.excerpt = span_str("body");
	}
	end_with(&e);
}

void
end_after(uint64_t id, uint64_t seq, int64_t retry_after_ms)
{
	struct schedule_end e = { .destination_id = id,
		.seq = seq,
		.verdict = SCHEDULE_FAILED,
		.status = 503,
		.retry_after_ms = retry_after_ms };

	end_with(&e);
}

static const char *
state_word(const struct store_delivery *d)
{
	switch (d->state) {
	case STORE_DELIVERY_PENDING:
		return "pending";
	case STORE_DELIVERY_RETRYING:
		return "retrying";
	case STORE_DELIVERY_PARKED:
		return "parked";
	case STORE_DELIVERY_DEAD:
		return "dead";
	}
	return "?";
}

static void
say_item(const struct store_report_item *item)
{
	const struct store_delivery *d = &item->delivery;

	ck_assert_uint_eq(item->attempt.seq, d->seq);
	ck_assert_uint_eq(item->attempt.destination_id, d->destination_id);
	say("%s%s %d/%d", text_len > 0 ? "; " : "",
	    item->kind == STORE_REPORT_ROW ? "row" : "done",
	    (int)d->destination_id, (int)d->seq);
	if (d->stamp != 0)
		say("@%d", (int)d->stamp);
	if (item->kind == STORE_REPORT_ROW)
		say(" %s", state_word(d));
	if (d->reason.len > 0)
		say(" %.*s", (int)d->reason.len, (const char *)d->reason.ptr);
	if (item->has_attempt)
		say(" #%u", item->attempt.no);
}

const char *
report_begin(void)
{
	struct store_report report = { 0 };
	size_t i;

	say_nothing();
	if (!schedule_report_begin(sc, now_ms, false, &report))
		return "-";
	ck_assert_uint_le(report.nitems, STORE_REPORT_ITEMS_MAX);
	for (i = 0; i < report.nitems; i++)
		say_item(&report.items[i]);
	for (i = 0; i < report.ncursors; i++)
		say("%scursor %d=%d", text_len > 0 ? "; " : "",
		    (int)report.cursors[i].destination_id,
		    (int)report.cursors[i].seq);
	return text;
}

void
report_end(bool committed)
{
	schedule_report_end(sc, committed);
}

const char *
report(void)
{
	const char *was = report_begin();

	report_end(true);
	return was;
}
