/* check.c: is everything in the store that should be, and whole? */
#include "lib/engine_bdb/impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/engine_bdb/damage.h"
#include "lib/engine_bdb/loss.h"

struct check {
	struct store *st;
	void (*problem)(void *arg, const char *words);
	void *arg;
	uint64_t problems;
	char damaged[BDB_FILE_MAX + 1]; /* a table; "": none */
	/* The events that were read: one bit for each seq from first to last.
	 */
	uint64_t first, last;
	unsigned char *there;
	int64_t age_ms; /* ids of events from then on must be remembered */
};

static void report(struct check *ck, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
report(struct check *ck, const char *fmt, ...)
{
	char words[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	ck->problems++;
	ck->problem(ck->arg, words);
}

/* --- every table, structure and order ------------------------------------ */

struct verifying {
	struct check *ck;
	const char *file;
};

/* In the committer: all is on disk, and nobody writes meanwhile. */
static int
verify_still(void *arg, struct err *err)
{
	struct verifying *vf = arg;
	struct err why = ERR_INIT;

	if (bdb_checkpoint(vf->ck->st->db, err) < 0)
		return -1;
	if (bdb_table_verify(vf->ck->st->db, vf->file, &why) == 0)
		return 0;
	report(vf->ck, "%s", why.text);
	if (why.code == ERR_CORRUPT)
		snprintf(
		    vf->ck->damaged, sizeof(vf->ck->damaged), "%s", vf->file);
	return 0;
}

static int
check_table(void *arg, const char *file, bool closed, struct err *err)
{
	struct verifying vf = { arg, file };

	/* Of a segment closed just now some pages may not be on disk yet. */
	if (closed && bdb_table_verify(vf.ck->st->db, file, err) == 0)
		return 0;
	return commit_run(vf.ck->st->commit, verify_still, &vf, err);
}

/* --- the log ---------------------------------------------------------------
 */

static int
check_log(struct check *ck, struct err *err)
{
	char words[256];
	struct err lost = ERR_INIT;

	if (store_loss_refuse(ck->st, &lost) < 0)
		report(ck, "%s", lost.text);
	if (store_loss_check(ck->st, words, sizeof(words), err) < 0)
		return -1;
	if (words[0] != '\0')
		report(ck, "%s", words);
	return 0;
}

/* --- what is lost --------------------------------------------------------- */

static int
report_lost(void *arg, const struct segments_lost *lost, struct err *err)
{
	(void)err;
	report(arg,
	    "events %llu to %llu are lost: their place in the log is damaged; "
	    "what was to be delivered of them is a dead letter",
	    (unsigned long long)lost->first, (unsigned long long)lost->last);
	return 0;
}

static int
report_incomplete(void *arg, const struct store_incomplete *t, struct err *err)
{
	(void)err;
	report(arg, "table %s was damaged and is incomplete: %s", t->table,
	    t->without);
	return 0;
}

/* Marks lost events as there: they are reported already. */
static int
skip_lost(void *arg, const struct segments_lost *lost, struct err *err)
{
	struct check *ck = arg;
	uint64_t seq;

	(void)err;
	for (seq = lost->first; seq <= lost->last; seq++)
		if (seq >= ck->first && seq <= ck->last)
			ck->there[(seq - ck->first) / 8] |=
			    (unsigned char)(1 << (seq - ck->first) % 8);
	return 0;
}

/* --- every event, and its id --------------------------------------------- */

/* Why it is held, and whether it was released, stands in its row. */
static int
check_held(struct check *ck, const struct event *ev, struct err *err)
{
	struct buf scratch = BUF_INIT(STORE_ROW_MAX);
	struct store_held h;
	bool found;
	int ret;

	ret = store_held_get(ck->st, NULL, ev->seq, &h, &scratch, &found, err);
	if (ret == 0 && !found)
		report(ck,
		    "event %llu is held, and the row that says why is missing; "
		    "it can be released all the same",
		    (unsigned long long)ev->seq);
	buf_free(&scratch);
	return ret;
}

/* A row whose event is not in the log any more, though its place is. */
static int
check_held_row(void *arg, const struct store_held *h, struct err *err)
{
	struct check *ck = arg;
	uint64_t bit = h->seq - ck->first;

	(void)err;
	if (h->seq >= ck->first && h->seq <= ck->last &&
	    (ck->there[bit / 8] & 1 << bit % 8) == 0)
		report(ck, "held event %llu is not in the log",
		    (unsigned long long)h->seq);
	return 0;
}

static int
check_event(struct check *ck, const struct event *ev, struct err *err)
{
	struct store *st = ck->st;
	bool found;

	if (ev->seq < ck->first || ev->seq > ck->last) {
		report(ck, "event %llu lies outside its place in the log",
		    (unsigned long long)ev->seq);
		return 0;
	}
	ck->there[(ev->seq - ck->first) / 8] |=
	    (unsigned char)(1 << (ev->seq - ck->first) % 8);
	if (ev->flags & EVENT_HELD && check_held(ck, ev, err) < 0)
		return -1;
	if (ev->flags & EVENT_TEST || ev->age_ms < ck->age_ms)
		return 0;
	if (store_is_remembered(st, ev, &found, err) < 0)
		return -1;
	if (!found)
		report(ck,
		    "event %llu is not remembered: it would be taken "
		    "for new if it came again",
		    (unsigned long long)ev->seq);
	return 0;
}

static int
check_events(struct check *ck, struct store_reader *rd, struct err *err)
{
	struct event ev;
	uint64_t before = 0;
	bool found;

	for (;;) {
		if (store_reader_next(rd, &ev, &found, err) < 0) {
			if (err->code != ERR_CORRUPT)
				return -1;
			report(ck, "behind event %llu: %s",
			    (unsigned long long)before, err->text);
			return 0;
		}
		if (!found || ev.seq > ck->last)
			return 0;
		if (ev.seq <= before)
			report(ck, "event %llu comes after event %llu",
			    (unsigned long long)ev.seq,
			    (unsigned long long)before);
		before = ev.seq;
		if (check_event(ck, &ev, err) < 0)
			return -1;
	}
}

static int
check_record(void *arg, const unsigned char key[DEDUPE_KEY_SIZE],
    const struct record_dedupe *rec, struct err *err)
{
	struct check *ck = arg;
	uint64_t bit = rec->first.seq - ck->first;

	(void)key;
	(void)err;
	/* Older ones name events that retention dropped; later ones are new. */
	if (rec->first.seq >= ck->first && rec->first.seq <= ck->last &&
	    (ck->there[bit / 8] & 1 << bit % 8) == 0)
		report(ck,
		    "a message is remembered as event %llu, which is not "
		    "in the log",
		    (unsigned long long)rec->first.seq);
	return 0;
}

/* --- every destination and delivery --------------------------------------- */

static int
check_destination(void *arg, const struct store_destination *d, struct err *err)
{
	struct check *ck = arg;
	struct record_cursor c;
	bool found;

	if (d->state == STORE_DESTINATION_REMOVED)
		return 0;
	if (store_get_cursor(ck->st, NULL, d->id, &c, &found, err) < 0)
		return -1;
	if (!found)
		report(ck, "destination %s has no place in the log", d->name);
	return 0;
}

/* Is the event of a row in the log? What came after the look counts as such. */
static bool
is_there(const struct check *ck, uint64_t seq)
{
	uint64_t bit = seq - ck->first;

	if (seq > ck->last)
		return true;
	return ck->there != NULL && seq >= ck->first &&
	       (ck->there[bit / 8] & 1 << bit % 8) != 0;
}

static int
check_delivery(void *arg, const struct store_delivery *d, struct err *err)
{
	struct check *ck = arg;
	struct store_destination to;
	bool found;

	if (store_destination_by_id(
		ck->st, NULL, d->destination_id, &to, NULL, &found, err) < 0)
		return -1;
	if (!found)
		report(ck,
		    "event %llu is to be delivered to destination %llu, which "
		    "there never was",
		    (unsigned long long)d->seq,
		    (unsigned long long)d->destination_id);
	else if (to.state != STORE_DESTINATION_REMOVED &&
		 d->state != STORE_DELIVERY_DEAD && !is_there(ck, d->seq))
		report(ck,
		    "event %llu is to be delivered to %s, and is not in the "
		    "log",
		    (unsigned long long)d->seq, to.name);
	return 0;
}

static int
check_deliveries(struct check *ck, struct err *err)
{
	if (store_destinations(ck->st, NULL, check_destination, ck, err) < 0)
		return -1;
	return store_deliveries(ck->st, NULL, 0, 0, check_delivery, ck, err);
}

int
store_check(struct store *st, void (*problem)(void *arg, const char *words),
    void *arg, uint64_t *problems, struct err *err)
{
	struct check ck = { .st = st, .problem = problem, .arg = arg };
	struct store_reader *rd = NULL;
	struct event ev;
	int64_t age_ms;
	size_t i;
	bool found;
	int ret = -1;

	for (i = 0; store_table_name(i) != NULL; i++)
		if (check_table(&ck, store_table_name(i), false, err) < 0)
			goto out;
	if (segments_files(st->segments, check_table, &ck, err) < 0 ||
	    dedupe_files(st->dedupe, check_table, &ck, err) < 0)
		goto out;
	/* Reading a table that is not whole would stop the service. */
	if (ck.damaged[0] != '\0')
		store_damage_found(st, ck.damaged);
	if (ck.problems > 0)
		goto done;
	if (segments_each_lost(st->segments, SEGMENTS_LOST_UNACCEPTED,
		report_lost, &ck, err) < 0)
		goto out;
	if (store_each_incomplete(st, report_incomplete, &ck, err) < 0)
		goto out;
	if (store_reader_open(st, &rd, err) < 0)
		goto out;
	store_reader_show_held(rd);
	/* The reader keeps what it stands on, and all behind it. */
	if (store_reader_next(rd, &ev, &found, err) < 0) {
		if (err->code != ERR_CORRUPT)
			goto out;
		report(&ck, "the first events: %s", err->text);
		found = false;
	}
	ck.last = atomic_load(&st->durable_seq);
	if (found) {
		ck.first = ev.seq;
		age_ms = store_age_ms(st);
		ck.age_ms =
		    age_ms -
		    dedupe_horizon_s(st->dedupe, DEDUPE_ANY, age_ms) * 1000;
		ck.there = calloc((ck.last - ck.first) / 8 + 1, 1);
		if (ck.there == NULL) {
			err_set(err, ERR_NOMEM, "no memory for the check");
			goto out;
		}
		store_reader_seek(rd, ck.first);
		if (segments_each_lost(st->segments, SEGMENTS_LOST_ALL,
			skip_lost, &ck, err) < 0)
			goto out;
		if (check_events(&ck, rd, err) < 0 ||
		    dedupe_visit(st->dedupe, check_record, &ck, err) < 0 ||
		    store_held_visit(st, NULL, 0, 0, check_held_row, &ck, err) <
			0)
			goto out;
	}
	if (check_deliveries(&ck, err) < 0)
		goto out;
done:
	if (check_log(&ck, err) < 0)
		goto out;
	*problems = ck.problems;
	ret = 0;
out:
	store_reader_close(rd);
	free(ck.there);
	return ret;
}
