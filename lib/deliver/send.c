/* send.c: what is under way, from its start to its end. */
#include "lib/deliver/send.h"

#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/deliver/settings.h"
#include "lib/deliver/transport.h"

#define IN_FLIGHT_MAX (256 * 1024 * 1024) /* bytes of bodies sent */

/* --- lists ---------------------------------------------------------------- */

static void
link_last(struct deliver_sends *list, struct deliver_send *se)
{
	se->prev = list->last;
	se->next = NULL;
	if (list->last != NULL)
		list->last->next = se;
	else
		list->first = se;
	list->last = se;
}

static void
unlink_from(struct deliver_sends *list, struct deliver_send *se)
{
	if (se->prev != NULL)
		se->prev->next = se->next;
	else
		list->first = se->next;
	if (se->next != NULL)
		se->next->prev = se->prev;
	else
		list->last = se->prev;
}

static void
free_send(struct deliver *dv, struct deliver_send *se, bool sent)
{
	if (se->event != NULL)
		deliver_cache_put(&dv->cache, se->event, sent);
	deliver_config_put(se->config);
	buf_wipe(&se->headers);
	free(se);
}

void
deliver_free_sends(struct deliver *dv)
{
	struct deliver_sends *lists[] = { &dv->sends, &dv->waiting };
	struct deliver_send *se;
	size_t i;

	for (i = 0; i < 2; i++)
		while ((se = lists[i]->first) != NULL) {
			unlink_from(lists[i], se);
			free_send(dv, se, false);
		}
}

/* --- ends ----------------------------------------------------------------- */

/* se stands in list no more. */
static int
end_send(struct deliver *dv, struct deliver_send *se, struct schedule_end *end,
    struct err *err)
{
	struct deliver_destination *de;
	int ret;

	end->destination_id = se->start.destination_id;
	end->seq = se->start.seq;
	end->at_ms = se->at_ms;
	ret = schedule_ended(dv->schedule, end, dv->now_ms, err);
	if (end->verdict == SCHEDULE_FAULT)
		deliver_log_why(dv, end->words,
		    "delivery=fault destination=%s seq=%llu", se->config->name,
		    (unsigned long long)se->start.seq);
	de = deliver_find(dv, se->start.destination_id);
	if (de != NULL && end->verdict == SCHEDULE_GONE)
		de->gone = true;
	dv->nsends--;
	/* Only a first attempt was wished for when the event was read. */
	free_send(dv, se, se->start.attempt == 1);
	return ret;
}

/* It was handed to a transport; end has all but the names and its time. */
static int
ended(struct deliver *dv, struct deliver_send *se, struct schedule_end *end,
    struct err *err)
{
	unlink_from(&dv->sends, se);
	dv->in_flight -= se->event->event.body.len;
	return end_send(dv, se, end, err);
}

/* Dead, for a reason that no sending changes; se stands in no list. */
static int
end_unsent(struct deliver *dv, struct deliver_send *se, const char *reason,
    const char *words, struct err *err)
{
	struct schedule_end end = { .verdict = SCHEDULE_REFUSED,
		.reason = reason,
		.retry_after_ms = -1,
		.words = span_str(words) };

	se->at_ms = dv->wall_ms;
	return end_send(dv, se, &end, err);
}

/* --- starts --------------------------------------------------------------- */

static bool
is_full(const struct deliver *dv)
{
	return dv->in_flight >= IN_FLIGHT_MAX;
}

/* It has its event. */
static int
begin(struct deliver *dv, struct deliver_send *se, struct err *err)
{
	struct schedule_end end = { .retry_after_ms = -1 };
	const struct deliver_endpoint *en =
	    deliver_find_endpoint(dv, se->event->event.endpoint_id);
	const char *endpoint = en == NULL ? NULL : en->name;
	bool begun;

	se->at_ms = dv->wall_ms;
	link_last(&dv->sends, se);
	dv->in_flight += se->event->event.body.len;
	if (se->config->settings.ncommand > 0)
		begun = deliver_command_start(
		    dv->commands, se, endpoint, dv->words, &end);
	else
		begun = deliver_http_start(
		    dv->outbound, se, endpoint, dv->words, &end);
	return begun ? 0 : ended(dv, se, &end, err);
}

static int
start(struct deliver *dv, const struct schedule_start *ss, struct err *err)
{
	struct deliver_destination *de = deliver_find(dv, ss->destination_id);
	const struct deliver_endpoint *en =
	    deliver_find_endpoint(dv, ss->endpoint_id);
	struct deliver_send *se = calloc(1, sizeof(*se));

	if (se == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a delivery");
	se->headers.max = DELIVER_HEADERS_MAX;
	se->start = *ss;
	se->config = de->config;
	se->config->refs++;
	dv->nsends++;
	/*
	 * The owner ended what was pending; this was under way by then. What an
	 * operator asked for since has a stamp.
	 */
	if (en != NULL && en->removed && ss->stamp == 0)
		return end_unsent(
		    dv, se, DELIVERY_REMOVED, "its endpoint was removed", err);
	se->event = deliver_cache_get(&dv->cache, ss->seq);
	if (se->event != NULL)
		return begin(dv, se, err);
	link_last(&dv->waiting, se);
	dv->more = true; /* it is to be asked for */
	return 0;
}

static int
start_due(struct deliver *dv, struct err *err)
{
	struct schedule_start ss;

	while (!dv->off && dv->nsends < dv->live.connections &&
	       !dv->fetched_first && !is_full(dv) &&
	       schedule_next(dv->schedule, dv->now_ms, &ss))
		if (start(dv, &ss, err) < 0)
			return -1;
	return 0;
}

/* --- events that are fetched ---------------------------------------------- */

static int
compare_seqs(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

size_t
deliver_wanted_events(struct deliver *dv, uint64_t seqs[FEED_SEQS_MAX])
{
	struct deliver_send *se;
	size_t i, n = 0, kept = 0;

	/* What has no room is not fetched, and then begins before others. */
	if (is_full(dv)) {
		dv->fetched_first = dv->waiting.first != NULL;
		return 0;
	}
	for (se = dv->waiting.first; se != NULL; se = se->next) {
		se->asked = n < FEED_SEQS_MAX;
		if (se->asked)
			seqs[n++] = se->start.seq;
	}
	qsort(seqs, n, sizeof(seqs[0]), compare_seqs);
	for (i = 0; i < n; i++)
		if (kept == 0 || seqs[i] != seqs[kept - 1])
			seqs[kept++] = seqs[i];
	return kept;
}

int
deliver_fetched(struct deliver *dv, uint64_t next, struct err *err)
{
	struct deliver_send *se, *after;
	int ret;

	dv->fetched_first = false;
	for (se = dv->waiting.first; se != NULL; se = after) {
		after = se->next;
		/* Others began meanwhile: it is asked for again. */
		if (is_full(dv)) {
			dv->fetched_first = true;
			break;
		}
		se->event = deliver_cache_get(&dv->cache, se->start.seq);
		/* Of what began to wait since, an answer says nothing. */
		if (se->event == NULL && (!se->asked || se->start.seq >= next))
			continue;
		unlink_from(&dv->waiting, se);
		ret = se->event != NULL
			  ? begin(dv, se, err)
			  : end_unsent(dv, se, DELIVERY_EXPIRED,
				"the event is in the log no more", err);
		if (ret < 0)
			return -1;
	}
	return 0;
}

/* --- a turn --------------------------------------------------------------- */

/* What was to be sent, but waits for its event, need not be sent now. */
static int
give_up_waiting(struct deliver *dv, struct err *err)
{
	struct schedule_end end = { .verdict = SCHEDULE_FAULT,
		.retry_after_ms = -1,
		.words = span_str(dv->stopping   ? "the deliverer stops"
				  : dv->live.off ? "deliver.mode is off"
						 : "deliveries are held") };
	struct deliver_send *se;

	while ((se = dv->waiting.first) != NULL) {
		unlink_from(&dv->waiting, se);
		if (end_send(dv, se, &end, err) < 0)
			return -1;
	}
	dv->fetched_first = false;
	return 0;
}

static int
take_answers(struct deliver *dv, struct err *err)
{
	char words[DELIVERY_WORDS_MAX];
	struct outbound_result res;
	struct schedule_end end;

	while (outbound_next(dv->outbound, &res)) {
		deliver_http_judge(&res, words, &end);
		if (ended(dv, res.arg, &end, err) < 0)
			return -1;
	}
	return 0;
}

static int
take_exits(struct deliver *dv, struct err *err)
{
	struct command_result res;
	struct schedule_end end;

	command_serve(dv->commands, clock_ms());
	while (command_next(dv->commands, &res)) {
		deliver_command_judge(&res, &end);
		if (ended(dv, res.arg, &end, err) < 0)
			return -1;
	}
	return 0;
}

int
deliver_send(struct deliver *dv, struct err *err)
{
	if (take_answers(dv, err) < 0 || take_exits(dv, err) < 0)
		return -1;
	if (dv->stopping || dv->off)
		return give_up_waiting(dv, err);
	return start_due(dv, err);
}
