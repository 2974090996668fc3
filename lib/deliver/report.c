/* report.c: what came of deliveries, written down and said. */
#include "lib/deliver/report.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/deliver/config.h"
#include "lib/deliver/settings.h"
#include "lib/json/write.h"

#define CALL_MAX 4096
#define REPORT_MS 10 /* between reports, where there are many */

/* --- saying it ------------------------------------------------------------ */

static const struct {
	enum store_attempt_result result;
	const char *word;
} words[] = {
	{ STORE_ATTEMPT_DELIVERED, "delivered" },
	{ STORE_ATTEMPT_FAILED, "failed" },
	{ STORE_ATTEMPT_DEAD, "dead" },
};

static const char *
word_of(enum store_attempt_result result)
{
	size_t i = 0;

	while (words[i].result != result)
		i++;
	return words[i].word;
}

static void
count(struct deliver *dv, enum store_attempt_result result)
{
	switch (result) {
	case STORE_ATTEMPT_DELIVERED:
		dv->totals.delivered++;
		break;
	case STORE_ATTEMPT_FAILED:
		dv->totals.failed++;
		break;
	case STORE_ATTEMPT_DEAD:
		dv->totals.dead++;
		break;
	}
}

/* One line for an attempt, all of it inert. */
static void
say_attempt(struct deliver *dv, const struct store_report_item *item)
{
	const struct store_attempt *at = &item->attempt;
	struct deliver_destination *de = deliver_find(dv, at->destination_id);
	char next[TEXT_TIME_MAX + 8] = "", status[24] = "";

	count(dv, at->result);
	if (at->result == STORE_ATTEMPT_DELIVERED && !dv->opt.verbose)
		return;
	if (at->status != 0)
		snprintf(status, sizeof(status), " status=%d", at->status);
	/* One that waits for its destination has no time. */
	if (at->result == STORE_ATTEMPT_FAILED && at->next_ms != 0) {
		memcpy(next, " next=", 6);
		text_time(next + 6, at->next_ms);
	}
	deliver_log_why(dv, at->words,
	    "delivery=%s destination=%s seq=%llu attempt=%u%s ms=%lld%s",
	    word_of(at->result), de == NULL ? "-" : de->config->name,
	    (unsigned long long)at->seq, at->no, status,
	    (long long)at->took_us / 1000, next);
}

/* One that was never tried, as nobody can say whether it is wanted. */
static void
say_unknown(struct deliver *dv, const struct store_delivery *d)
{
	struct deliver_destination *de = deliver_find(dv, d->destination_id);

	count(dv, STORE_ATTEMPT_DEAD);
	deliver_log_why(dv, d->words, "delivery=dead destination=%s seq=%llu",
	    de == NULL ? "-" : de->config->name, (unsigned long long)d->seq);
}

static void
say_report(struct deliver *dv)
{
	const struct store_report_item *item;
	size_t i;

	for (i = 0; i < dv->report.nitems; i++) {
		item = &dv->report.items[i];
		if (item->has_attempt)
			say_attempt(dv, item);
		else if (span_is(item->delivery.reason, DELIVERY_TYPE_UNKNOWN))
			say_unknown(dv, &item->delivery);
	}
}

/* --- destinations that are to be disabled --------------------------------- */

static void
note_disabled(struct deliver *dv)
{
	struct deliver_destination *de;
	char why[DELIVERY_WORDS_MAX];
	uint64_t id;

	while (schedule_next_disabled(dv->schedule, &id, why)) {
		de = deliver_find(dv, id);
		if (de == NULL)
			continue;
		de->disable = true;
		memcpy(de->why, why, sizeof(why));
		de->found_in = de->config->generation;
		deliver_log_why(dv, span_str(why),
		    "delivery=disabled destination=%s", de->config->name);
	}
}

static struct deliver_destination *
first_to_disable(struct deliver *dv)
{
	size_t i;

	for (i = 0; i < dv->ndestinations; i++)
		if (dv->destinations[i].disable)
			return &dv->destinations[i];
	return NULL;
}

static int
ask_to_disable(
    struct deliver *dv, struct deliver_destination *de, struct err *err)
{
	struct buf call = BUF_INIT(CALL_MAX);
	struct json_write w;
	int ret = -1;

	json_write_init(&w, &call, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "op", "destination.disable");
	json_write_str(&w, "destination", de->config->name);
	json_write_str(&w, "by", de->gone ? "gone" : "failing");
	json_write_str(&w, "why", de->why);
	/* Who changed it since may have mended it. */
	json_write_uint(&w, "if_gen", de->found_in);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret =
		    deliver_line_ask_json(&dv->reporter, buf_span(&call), err);
	if (ret == 0)
		dv->disabling = de->id;
	buf_free(&call);
	return ret;
}

/* An error of the op itself will not go away by asking again. */
static bool
is_final(enum err_code code)
{
	return code == ERR_USAGE || code == ERR_INPUT || code == ERR_NOTFOUND ||
	       code == ERR_CONFLICT || code == ERR_EXISTS;
}

static int
finish_disabling(struct deliver *dv, struct err *err)
{
	struct deliver_destination *de = deliver_find(dv, dv->disabling);

	dv->disabling = 0;
	if (dv->reporter.ret < 0 && !is_final(dv->reporter.err.code)) {
		*err = dv->reporter.err;
		return deliver_owner_failed(dv, &dv->reporter_ms, err);
	}
	if (dv->reporter.ret < 0)
		deliver_log_why(dv, span_str(dv->reporter.err.text),
		    "note=\"a destination could not be disabled\"");
	if (de != NULL)
		de->disable = de->gone = false;
	return 0;
}

/* --- reports -------------------------------------------------------------- */

static int
ask_report(struct deliver *dv, struct err *err)
{
	struct feed_call call = { .verb = FEED_REPORT };
	/* Before an end it writes down how far it has read, too. */
	bool all = dv->stopping || dv->opt.once;

	if (!schedule_report_begin(dv->schedule, dv->now_ms, all, &dv->report))
		return 0;
	call.report = dv->report;
	/* What comes meanwhile goes out together. */
	dv->reporter_ms = clock_ms() + REPORT_MS;
	if (deliver_line_ask(&dv->reporter, &call, err) == 0)
		return 0;
	schedule_report_end(dv->schedule, false);
	return -1;
}

static int
finish_report(struct deliver *dv, struct err *err)
{
	bool done = dv->reporter.ret == 0;

	if (done)
		say_report(dv);
	schedule_report_end(dv->schedule, done);
	/* Nobody is waited for where a next start has only to read again. */
	dv->given_up = dv->stopping && !done && dv->report.nitems == 0;
	memset(&dv->report, 0, sizeof(dv->report));
	if (done) {
		deliver_owner_answered(dv);
		return 0;
	}
	*err = dv->reporter.err;
	return deliver_owner_failed(dv, &dv->reporter_ms, err);
}

int
deliver_report(struct deliver *dv, struct err *err)
{
	struct deliver_destination *de;
	int ret = 0;

	dv->report_due = false;
	note_disabled(dv);
	if (deliver_line_state(&dv->reporter) == DELIVER_LINE_ANSWERED) {
		ret = dv->disabling != 0 ? finish_disabling(dv, err)
					 : finish_report(dv, err);
		deliver_line_done(&dv->reporter);
		dv->more = true; /* there may be room again */
	}
	if (ret < 0)
		return -1;
	if (deliver_line_state(&dv->reporter) != DELIVER_LINE_IDLE ||
	    clock_ms() < dv->reporter_ms)
		return 0;
	dv->report_due = true;
	de = first_to_disable(dv);
	return de != NULL ? ask_to_disable(dv, de, err) : ask_report(dv, err);
}
