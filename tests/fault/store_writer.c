/*
 * store_writer.c: fills a store until it is killed, having first held what is
 * there against a journal of what it promised before.
 *
 *	store_writer FOLDER init|ROUND
 *
 * FOLDER holds "store", "key" and "journal"; the journal's lines are
 * "event ID", "held ID", "released ID", "ignored ID", "change NAME GENERATION"
 * and "cursor NAME SEQ" (all below it is reported as delivered or due), each
 * written before the promise is built upon, and never lost: it lies outside the
 * disk that forgets. Prints "ready EVENTS" once everything promised was found,
 * exactly once; leaves with 1 and the reason when it was not, with 75 when the
 * store wants a new start.
 */
#include "config.h"

#include "lib/store/delivery.h"

#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "lib/crypto/digest.h"
#include "lib/crypto/seal.h"
#include "tests/fault/writer_held.h"

#define IN_FLIGHT 48
#define BODY_MAX 3000
#define CHANGE_EVERY 150 /* events to a change of the endpoint */
#define REPORT_EVERY 60 /* events to a report */
#define AGAIN_EVERY 20 /* events to one that is sent once more */
#define COPY_EVERY 31 /* events to one that is posted under another id */
#define RELEASE_EVERY 2 /* of those that are held */
#define IGNORE_EVERY 17 /* events to a message that is not selected */
#define IDS_MAX (1 << 20)
#define ENDPOINT "shop"
#define DESTINATION "sink"
#define REPORT_MAX 200 /* events in a report */
#define FAILS(seq) ((seq) % 7 == 0) /* those that are reported as failed */
#define LOOK_BACK 2000 /* events below the cursor that are looked at again */
#define REASONS_MAX 5 /* of one kind, printed */

struct writer;

struct slot {
	struct store_item item;
	struct writer *writer;
	struct slot *next;
	char id[64];
	char body[BODY_MAX];
	size_t body_len;
	bool again; /* was acknowledged before */
	bool copy; /* of an event, under another id */
	bool ignored; /* not selected */
};

struct writer {
	struct store *st;
	uint64_t endpoint_id, generation;
	uint64_t destination_id, cursor;
	int journal;
	unsigned round;
	uint64_t number;
	struct slot slots[IN_FLIGHT];
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct slot *done;
};

/* --- what must be there --------------------------------------------------- */

/* How often the store has an id. */
struct kept {
	unsigned times;
};

static void
put_kept(const struct event *ev)
{
	char *id = strndup(ev->id.ptr, ev->id.len);
	struct kept *kept = calloc(1, sizeof(*kept));
	ENTRY *entry;

	if (id == NULL || kept == NULL)
		errx(EX_OSERR, "no memory");
	entry = hsearch((ENTRY){ .key = id, .data = kept }, ENTER);
	if (entry == NULL)
		errx(EX_SOFTWARE, "more than %d events", IDS_MAX);
	kept = entry->data;
	if (kept->times++ > 0)
		errx(1, "%s is there twice", id);
}

static uint64_t
read_events(struct store *st)
{
	struct store_reader *rd;
	struct event ev;
	struct err e = ERR_INIT;
	uint64_t n = 0, last = 0;
	bool found;

	if (store_reader_open(st, &rd, &e) < 0)
		errx(1, "%s", e.text);
	for (;;) {
		if (store_reader_next(rd, &ev, &found, &e) < 0)
			errx(1, "%s", e.text);
		if (!found)
			break;
		if (ev.seq <= last)
			errx(1, "seq %llu after %llu",
			    (unsigned long long)ev.seq,
			    (unsigned long long)last);
		last = ev.seq;
		put_kept(&ev);
		n++;
	}
	store_reader_close(rd);
	return n;
}

/* Every line of the journal against what was read. */
static void
hold_promises(struct writer *w, const char *path)
{
	char kind[16], name[64], line[128];
	unsigned long long generation;
	FILE *f = fopen(path, "r");
	unsigned lost = 0;
	int n;

	if (f == NULL)
		return; /* the first round */
	while (fgets(line, sizeof(line), f) != NULL) {
		n = sscanf(line, "%15s %63s %llu", kind, name, &generation);
		if (strchr(line, '\n') == NULL || n < 2)
			break; /* killed while it wrote this line */
		if (strcmp(kind, "event") == 0 &&
		    hsearch((ENTRY){ .key = name }, FIND) == NULL &&
		    lost++ < REASONS_MAX)
			warnx("%s was acknowledged and is lost", name);
		if (!writer_is_kept(kind, name) && lost++ < REASONS_MAX)
			warnx("%s was %s, and is so no more", name, kind);
		if (strcmp(kind, "change") == 0 && n == 3 &&
		    w->generation < generation && lost++ < REASONS_MAX)
			warnx("change %llu returned, but %llu stands",
			    generation, (unsigned long long)w->generation);
		if (strcmp(kind, "cursor") == 0 && n == 3 &&
		    w->cursor < generation && lost++ < REASONS_MAX)
			warnx("all below %llu was reported, but %llu stands",
			    generation, (unsigned long long)w->cursor);
	}
	fclose(f);
	if (lost > 0)
		errx(1, "%u promises are broken", lost);
}

static int
count_attempt(void *arg, const struct store_attempt *a, struct err *e)
{
	(void)a;
	(void)e;
	++*(unsigned *)arg;
	return 0;
}

/* Of a report that was cut off there is all or nothing. */
static void
check_reported(struct writer *w, uint64_t seq)
{
	static struct buf scratch = BUF_INIT(1 << 20);
	struct store_delivery d;
	struct err e = ERR_INIT;
	unsigned attempts = 0;
	bool found;

	if (store_delivery(w->st, NULL, w->destination_id, seq, &d, &scratch,
		&found, &e) < 0 ||
	    store_attempts(w->st, seq, w->destination_id, count_attempt,
		&attempts, &e) < 0)
		errx(1, "%s", e.text);
	if (found != (seq < w->cursor && FAILS(seq)))
		errx(1, "event %llu has %s row, and the cursor is at %llu",
		    (unsigned long long)seq, found ? "a" : "no",
		    (unsigned long long)w->cursor);
	if (attempts != (seq < w->cursor))
		errx(1, "event %llu has %u attempts, and the cursor is at %llu",
		    (unsigned long long)seq, attempts,
		    (unsigned long long)w->cursor);
}

static void
check_reports(struct writer *w)
{
	struct store_reader *rd;
	struct err e = ERR_INIT;
	struct event ev;
	bool found = true;

	if (w->destination_id == 0)
		return;
	if (store_reader_open(w->st, &rd, &e) < 0)
		errx(1, "%s", e.text);
	store_reader_seek(
	    rd, w->cursor > LOOK_BACK ? w->cursor - LOOK_BACK : 1);
	while (found) {
		if (store_reader_next(rd, &ev, &found, &e) < 0)
			errx(1, "%s", e.text);
		if (found)
			check_reported(w, ev.seq);
	}
	store_reader_close(rd);
}

static void
problem(void *arg, const char *words)
{
	(void)arg;
	warnx("check: %s", words);
}

static void
say(void *arg, const char *line)
{
	(void)arg;
	warnx("%s", line);
}

/* Without exit handlers: threads of the store are in the libraries still. */
static void
leave(int status, void *arg)
{
	(void)arg;
	fflush(stdout);
	_exit(status);
}

/* --- writing -------------------------------------------------------------- */

static void
promise(struct writer *w, const char *kind, const char *name,
    unsigned long long generation)
{
	char line[128];
	int len = snprintf(
	    line, sizeof(line), "%s %s %llu\n", kind, name, generation);

	if (write(w->journal, line, (size_t)len) != len)
		err(EX_IOERR, "journal");
}

static int
add_destination(struct store_tx *tx, struct err *e)
{
	struct store_destination d = { .name = DESTINATION,
		.state = STORE_DESTINATION_ENABLED,
		.doc = span_str("{\"url\":\"https://sink.example/\"}") };

	return store_tx_destination(tx, &d, 1, e);
}

static int
touch_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct writer *w = arg;
	struct store_endpoint ep;
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX);
	bool found;
	int ret = -1;

	if (store_endpoint_by_name(w->st, tx, ENDPOINT, &ep, &doc, &found, e) <
	    0)
		goto out;
	if (!found) {
		memset(&ep, 0, sizeof(ep));
		snprintf(ep.name, sizeof(ep.name), "%s", ENDPOINT);
		ep.state = STORE_ENDPOINT_ENABLED;
		ep.doc = span_str("{\"scheme\":\"nomos\"}");
		if (add_destination(tx, e) < 0)
			goto out;
	}
	if (store_tx_endpoint(tx, &ep, e) < 0 ||
	    buf_printf(result, e, "%llu", (unsigned long long)ep.generation) <
		0 ||
	    store_tx_audit(tx, "endpoint.edit", ENDPOINT, SPAN_EMPTY, e) < 0)
		goto out;
	ret = 0;
out:
	buf_free(&doc);
	return ret;
}

/* Leaves when the store wants a new start; otherwise this is a failure. */
static void
give_up(struct writer *w, const struct err *e)
{
	if (store_is_fenced(w->st))
		errx(EX_TEMPFAIL, "fenced: %s", e->text);
	errx(1, "%s", e->text);
}

static void
find_endpoint(struct writer *w)
{
	struct store_endpoint ep;
	struct store_destination d;
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX);
	struct err e = ERR_INIT;
	bool found;

	if (store_destination_by_name(
		w->st, NULL, DESTINATION, &d, &doc, &found, &e) < 0)
		give_up(w, &e);
	if (found) {
		w->destination_id = d.id;
		if (store_cursor(w->st, d.id, &w->cursor, &found, &e) < 0)
			give_up(w, &e);
	}
	if (store_endpoint_by_name(
		w->st, NULL, ENDPOINT, &ep, &doc, &found, &e) < 0)
		give_up(w, &e);
	if (found) {
		w->endpoint_id = ep.id;
		w->generation = ep.generation;
	}
	buf_free(&doc);
}

static void
change(struct writer *w)
{
	static const struct store_actor actor = { .pid = 1,
		.program = "store_writer" };
	unsigned char request_id[STORE_REQUEST_ID];
	struct buf result = BUF_INIT(1024);
	struct err e = ERR_INIT;

	if (digest_random(request_id, sizeof(request_id), &e) < 0 ||
	    store_change(
		w->st, &actor, request_id, touch_endpoint, w, &result, &e) < 0)
		give_up(w, &e);
	buf_free(&result);
	find_endpoint(w);
	promise(w, "change", ENDPOINT, w->generation);
}

/* Fills a report with the next events; the first seq behind them. */
static uint64_t
next_events(struct writer *w, struct store_report_item *items, size_t *n)
{
	struct store_reader *rd;
	struct err e = ERR_INIT;
	uint64_t seq = w->cursor;
	struct event ev;
	bool found = true;

	if (store_reader_open(w->st, &rd, &e) < 0)
		give_up(w, &e);
	store_reader_seek(rd, w->cursor);
	for (*n = 0; *n < REPORT_MAX && found; ++*n) {
		if (store_reader_next(rd, &ev, &found, &e) < 0)
			give_up(w, &e);
		if (!found)
			break;
		seq = ev.seq + 1;
		items[*n] = (struct store_report_item){
			.kind = FAILS(ev.seq) ? STORE_REPORT_ROW
					      : STORE_REPORT_DONE,
			.delivery = { .destination_id = w->destination_id,
			    .seq = ev.seq,
			    .endpoint_id = w->endpoint_id,
			    .state = STORE_DELIVERY_RETRYING },
			.has_attempt = true,
			.attempt = { .no = 1,
			    .result = FAILS(ev.seq) ? STORE_ATTEMPT_FAILED
						    : STORE_ATTEMPT_DELIVERED,
			    .at_ms = 1000 },
		};
	}
	store_reader_close(rd);
	return seq;
}

static void
report(struct writer *w)
{
	static struct store_report_item items[REPORT_MAX];
	struct store_report_cursor cursor = { w->destination_id, 0 };
	struct store_report r = {
		.items = items, .cursors = &cursor, .ncursors = 1
	};
	struct err e = ERR_INIT;

	cursor.seq = next_events(w, items, &r.nitems);
	if (store_report(w->st, &r, &e) < 0)
		give_up(w, &e);
	w->cursor = cursor.seq;
	promise(w, "cursor", DESTINATION, w->cursor);
}

static void
on_done(struct store_item *item)
{
	struct slot *slot = item->arg;
	struct writer *w = slot->writer;

	pthread_mutex_lock(&w->mutex);
	slot->next = w->done;
	w->done = slot;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static void
submit(struct writer *w, struct slot *slot)
{
	struct store_item *item = &slot->item;

	memset(item, 0, sizeof(*item));
	item->event.endpoint_id = w->endpoint_id;
	item->event.id = span_str(slot->id);
	item->event.type = span_str(slot->ignored ? "ping" : "order.paid");
	item->event.content_type = span_str("application/json");
	item->event.body = slot->ignored ? span_str(slot->id)
					 : span_of(slot->body, slot->body_len);
	item->generation = w->generation;
	item->wish = slot->ignored ? STORE_WISH_IGNORE : STORE_WISH_ACCEPT;
	item->done = on_done;
	item->arg = slot;
	writer_sign(item);
	store_submit(w->st, item);
}

/* No two bodies are the same: one that is would be held. */
static void
submit_new(struct writer *w, struct slot *slot)
{
	slot->again = slot->copy = false;
	slot->ignored = ++w->number % IGNORE_EVERY == 0;
	snprintf(slot->id, sizeof(slot->id), "%s_%u_%llu",
	    slot->ignored ? "ign" : "evt", w->round,
	    (unsigned long long)w->number);
	memcpy(slot->body, slot->id, strlen(slot->id));
	slot->body_len = 64 + w->number * 37 % 2900;
	submit(w, slot);
}

static void
submit_copy(struct writer *w, struct slot *slot)
{
	slot->copy = true;
	strcat(slot->id, "_copy");
	submit(w, slot);
}

static void
held(struct writer *w, struct slot *slot)
{
	struct err e = ERR_INIT;

	if (!slot->copy)
		errx(1, "%s is new and held", slot->id);
	promise(w, "held", slot->id, 0);
	if (slot->item.seq % RELEASE_EVERY != 0)
		return;
	if (writer_release(w->st, slot->item.seq, &e) < 0)
		give_up(w, &e);
	promise(w, "released", slot->id, 0);
}

static void
answered(struct writer *w, struct slot *slot)
{
	switch (slot->item.outcome) {
	case STORE_ACCEPTED:
		if (slot->again || slot->copy)
			errx(1, "%s was accepted twice", slot->id);
		promise(w, "event", slot->id, 0);
		if (w->number % AGAIN_EVERY == 0) {
			slot->again = true;
			submit(w, slot);
			return;
		}
		if (w->number % COPY_EVERY == 0) {
			submit_copy(w, slot);
			return;
		}
		break;
	case STORE_HELD:
		held(w, slot);
		break;
	case STORE_RECORDED:
		promise(w, "ignored", slot->id, 0);
		break;
	case STORE_FORGED:
		errx(1, "%s is new and called a forgery", slot->id);
	case STORE_DUPLICATE:
		if (!slot->again)
			errx(1, "%s is new and called a duplicate", slot->id);
		break;
	case STORE_MOVED:
		submit(w, slot);
		return;
	case STORE_FAILED:
		give_up(w, &slot->item.err);
	}
	submit_new(w, slot);
}

static void
write_for_ever(struct writer *w)
{
	struct slot *slot;
	size_t i;

	for (i = 0; i < IN_FLIGHT; i++) {
		memset(w->slots[i].body, 'x', BODY_MAX);
		w->slots[i].writer = w;
		submit_new(w, &w->slots[i]);
	}
	for (;;) {
		pthread_mutex_lock(&w->mutex);
		while (w->done == NULL)
			pthread_cond_wait(&w->cond, &w->mutex);
		slot = w->done;
		w->done = slot->next;
		pthread_mutex_unlock(&w->mutex);
		answered(w, slot);
		if (w->number % CHANGE_EVERY == 0)
			change(w);
		if (w->number % REPORT_EVERY == 0)
			report(w);
	}
}

int
main(int argc, char **argv)
{
	static struct writer w = { .mutex = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER };
	char dir[PATH_MAX], key[PATH_MAX], journal[PATH_MAX];
	struct store_options opt;
	struct err e = ERR_INIT;
	uint64_t events, problems = 0;

	if (argc != 3)
		errx(EX_USAGE, "usage: store_writer FOLDER init|ROUND");
	snprintf(dir, sizeof(dir), "%s/store", argv[1]);
	snprintf(key, sizeof(key), "%s/key", argv[1]);
	snprintf(journal, sizeof(journal), "%s/journal", argv[1]);
	if (strcmp(argv[2], "init") == 0) {
		if (seal_key_create(key, &e) < 0 || store_create(dir, &e) < 0)
			errx(1, "%s", e.text);
		return 0;
	}
	w.round = (unsigned)atoi(argv[2]);
	store_options_init(&opt);
	opt.dir = dir;
	opt.key_file = key;
	opt.cache = 4 << 20;
	opt.segment_max = 1 << 20; /* so that a round sees several */
	opt.floor = opt.ballast = 0;
	opt.log = say;
	if (!hcreate(IDS_MAX))
		err(EX_OSERR, "hcreate");
	if (store_open(&opt, &w.st, &e) < 0)
		errx(1, "open: %s", e.text);
	if (on_exit(leave, NULL) != 0)
		errx(EX_OSERR, "on_exit");
	find_endpoint(&w);
	events = read_events(w.st);
	writer_read_held(w.st);
	hold_promises(&w, journal);
	writer_check_ignored(w.st, w.endpoint_id, w.generation);
	check_reports(&w);
	if (store_check(w.st, problem, NULL, &problems, &e) < 0)
		errx(1, "check: %s", e.text);
	if (problems > 0)
		errx(1, "check found %llu problems",
		    (unsigned long long)problems);
	w.journal =
	    open(journal, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	if (w.journal < 0)
		err(EX_CANTCREAT, "%s", journal);
	printf("ready %llu\n", (unsigned long long)events);
	fflush(stdout);
	change(&w);
	write_for_ever(&w);
}
