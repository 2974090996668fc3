/* writer_held.c: see writer_held.h. */
#include "config.h"

#include "tests/fault/writer_held.h"

#include <err.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "lib/crypto/digest.h"

#define KEY_MAX 96
#define IGNORED_LOOKED_AT 8

static char ignored[IGNORED_LOOKED_AT][64]; /* those promised last */
static unsigned nignored;

void
writer_sign(struct store_item *item)
{
	struct dedupe_identity *who = &item->identity;
	struct err e = ERR_INIT;

	if (dedupe_identify_own(item->event.body, false, who, &e) < 0)
		errx(1, "digest: %s", e.text);
	who->class = (struct dedupe_class){
		.signs = true, .covers_body = true, .within_ms = 1000
	};
	who->has_type = who->has_content = true;
	memcpy(who->content, who->payload, sizeof(who->content));
}

static void
enter(const char *kind, const struct event *ev)
{
	char name[KEY_MAX];
	ENTRY entry = { .data = ignored };

	snprintf(name, sizeof(name), "%s:%.*s", kind, (int)ev->id.len,
	    (const char *)ev->id.ptr);
	entry.key = strdup(name);
	if (entry.key == NULL || hsearch(entry, ENTER) == NULL)
		errx(EX_SOFTWARE, "no room for %s", name);
}

static void
read_one(struct store *st, const struct event *ev)
{
	static struct buf scratch = BUF_INIT(4096);
	char id[KEY_MAX];
	struct store_held h;
	struct err e = ERR_INIT;
	bool found, copied;

	snprintf(
	    id, sizeof(id), "%.*s", (int)ev->id.len, (const char *)ev->id.ptr);
	if (store_held_get(st, NULL, ev->seq, &h, &scratch, &found, &e) < 0)
		errx(1, "%s", e.text);
	if (!found)
		errx(1, "held event %s has no row", id);
	copied = hsearch((ENTRY){ .key = id }, FIND) != NULL;
	if (copied != (h.state == STORE_HELD_RELEASED))
		errx(1, "held event %s is %sreleased, and its copy is %s", id,
		    h.state == STORE_HELD_RELEASED ? "" : "not ",
		    copied ? "there" : "lost");
	enter("held", ev);
	if (copied)
		enter("released", ev);
}

void
writer_read_held(struct store *st)
{
	struct store_reader *rd;
	struct err e = ERR_INIT;
	struct event ev;
	bool found = true;

	if (store_reader_open(st, &rd, &e) < 0)
		errx(1, "%s", e.text);
	store_reader_show_held(rd);
	while (found) {
		if (store_reader_next(rd, &ev, &found, &e) < 0)
			errx(1, "%s", e.text);
		if (found && (ev.flags & EVENT_HELD) != 0)
			read_one(st, &ev);
	}
	store_reader_close(rd);
}

bool
writer_is_kept(const char *kind, const char *id)
{
	char name[KEY_MAX];

	if (strcmp(kind, "ignored") == 0)
		snprintf(ignored[nignored++ % IGNORED_LOOKED_AT],
		    sizeof(ignored[0]), "%s", id);
	if (strcmp(kind, "held") != 0 && strcmp(kind, "released") != 0)
		return true;
	snprintf(name, sizeof(name), "%s:%s", kind, id);
	return hsearch((ENTRY){ .key = name }, FIND) != NULL;
}

/* --- ignored ---------------------------------------------------------------
 */

struct waiting {
	struct store_item item;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void
on_done(struct store_item *item)
{
	struct waiting *w = item->arg;

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static void
check_one(struct store *st, uint64_t endpoint_id, uint64_t generation,
    const char *body)
{
	struct waiting w = { .mutex = PTHREAD_MUTEX_INITIALIZER,
		.cond = PTHREAD_COND_INITIALIZER };
	char id[80];

	snprintf(id, sizeof(id), "%s_again", body);
	w.item.event.endpoint_id = endpoint_id;
	w.item.event.id = span_str(id);
	w.item.event.type = span_str("order.paid");
	w.item.event.body = span_str(body);
	w.item.generation = generation;
	w.item.done = on_done;
	w.item.arg = &w;
	w.item.on_held = STORE_ON_HELD_REFUSE;
	writer_sign(&w.item);
	store_submit(st, &w.item);
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	if (w.item.outcome != STORE_FORGED)
		errx(1, "%s was ignored, and is taken for new: outcome %d %s",
		    body, (int)w.item.outcome, w.item.err.text);
}

void
writer_check_ignored(
    struct store *st, uint64_t endpoint_id, uint64_t generation)
{
	unsigned i;

	for (i = 0; i < nignored && i < IGNORED_LOOKED_AT; i++)
		check_one(st, endpoint_id, generation, ignored[i]);
}

/* --- release ---------------------------------------------------------------
 */

static int
change_release(
    struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	const struct event *ev = arg;
	uint64_t seq;

	(void)result;
	if (store_tx_release(tx, ev, &seq, e) < 0)
		return -1;
	return store_tx_audit(tx, "event.release", "shop", SPAN_EMPTY, e);
}

int
writer_release(struct store *st, uint64_t seq, struct err *e)
{
	static const struct store_actor actor = { .pid = 1,
		.program = "store_writer" };
	unsigned char request_id[STORE_REQUEST_ID];
	struct buf result = BUF_INIT(1024);
	struct store_reader *rd;
	struct event ev;
	bool found;
	int ret = -1;

	/* Where answers come too early, what is lost is to be found missing. */
	(void)store_wait(st, seq - 1, 5000);
	if (store_reader_open(st, &rd, e) < 0)
		return -1;
	store_reader_show_held(rd);
	store_reader_seek(rd, seq);
	if (store_reader_next(rd, &ev, &found, e) < 0)
		goto out;
	if (!found || ev.seq != seq)
		errx(1, "held event %llu is not in the log",
		    (unsigned long long)seq);
	if (digest_random(request_id, sizeof(request_id), e) == 0)
		ret = store_change(
		    st, &actor, request_id, change_release, &ev, &result, e);
out:
	store_reader_close(rd);
	buf_free(&result);
	return ret;
}
