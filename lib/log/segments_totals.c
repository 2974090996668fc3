/* segments_totals.c: what the segments come to, and which files they are. */
#include "lib/log/segments.h"

#include <string.h>

#include "lib/log/segments_impl.h"

uint64_t
segments_due_bytes(struct segments *sg, int64_t before_age_ms,
    uint64_t bytes_max, uint64_t seq)
{
	uint64_t left = 0, due = 0, bytes;
	struct segment *s;

	pthread_mutex_lock(&sg->mutex);
	for (s = sg->first; s != NULL; s = s->next)
		left += s->bytes + s->tries_bytes;
	for (s = sg->first; s != NULL && s->facts.closed; s = s->next) {
		if (s->facts.last_age_ms >= before_age_ms && left <= bytes_max)
			break;
		bytes = s->bytes + s->tries_bytes;
		left -= bytes;
		if (s->facts.last_seq >= seq)
			due += bytes;
	}
	pthread_mutex_unlock(&sg->mutex);
	return due;
}

void
segments_totals(struct segments *sg, struct segments_totals *out)
{
	struct segment *s;

	memset(out, 0, sizeof(*out));
	pthread_mutex_lock(&sg->mutex);
	for (s = sg->first; s != NULL; s = s->next) {
		out->count++;
		out->events += s->facts.events - s->events_lost;
		out->damaged += s->salvage != NULL;
		out->lost += s->events_lost;
		out->bytes += s->bytes + s->tries_bytes;
		if (s->facts.events == 0)
			continue;
		if (out->first_seq == 0) {
			out->first_seq = s->facts.first_seq;
			out->first_ms = s->facts.opened_ms;
		}
		out->last_ms = s->facts.last_ms;
		out->last_age_ms = s->facts.last_age_ms;
	}
	if (sg->last != NULL)
		out->last_seq = sg->last->facts.last_seq;
	pthread_mutex_unlock(&sg->mutex);
}

static int
visit_files(struct segments *sg, const struct segment *s,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err)
{
	struct record_segment facts;
	char file[BDB_FILE_MAX + 1];
	bool has_tries;

	segment_facts(sg, s, &facts);
	segments_file(facts.first_seq, file);
	if (s->table != NULL && visit(arg, file, facts.closed, err) < 0)
		return -1;
	pthread_mutex_lock(&sg->mutex);
	has_tries = s->tries != NULL;
	pthread_mutex_unlock(&sg->mutex);
	if (!has_tries)
		return 0;
	/* Attempts come as long as the events are there. */
	segments_tries_file(facts.first_seq, file);
	return visit(arg, file, false, err);
}

int
segments_files(struct segments *sg,
    int (*visit)(void *arg, const char *file, bool closed, struct err *err),
    void *arg, struct err *err)
{
	struct segment *s = segments_pin(sg, 0), *next;
	int ret = 0;

	while (s != NULL && ret == 0) {
		ret = visit_files(sg, s, visit, arg, err);
		next = segments_pin_next(sg, s);
		segment_unpin(sg, s);
		s = next;
	}
	if (ret < 0)
		segment_unpin(sg, s);
	return ret;
}
