/* notices_due.c: what eyelet has to say, from its table into the log. */
#include "lib/engine_bdb/notice_rows.h"

#include <stdlib.h>

#define BODY_MAX (NOTICE_DATA_MAX + 1024)
#define MOVE_MAX 16 /* at a time */
#define SUM_EVERY_MS 1000
#define RETRY_MS 1000

/* --- into the log --------------------------------------------------------- */

/* One on its way. */
struct moving {
	struct store_item item;
	struct move *move;
	uint64_t no; /* in the table */
	struct buf row, body; /* what the item borrows */
};

struct move {
	struct store *st;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	size_t left; /* on their way */
	size_t n;
	struct moving all[MOVE_MAX];
};

static struct move *
move_new(struct store *st)
{
	struct move *mv = calloc(1, sizeof(*mv));
	size_t i;

	if (mv == NULL)
		return NULL;
	mv->st = st;
	pthread_mutex_init(&mv->mutex, NULL);
	pthread_cond_init(&mv->cond, NULL);
	for (i = 0; i < MOVE_MAX; i++) {
		mv->all[i].move = mv;
		mv->all[i].row.max = NOTICE_ROW_MAX;
		mv->all[i].body.max = BODY_MAX;
	}
	return mv;
}

static void
move_free(struct move *mv)
{
	size_t i;

	for (i = 0; i < MOVE_MAX; i++) {
		buf_free(&mv->all[i].row);
		buf_free(&mv->all[i].body);
	}
	pthread_mutex_destroy(&mv->mutex);
	pthread_cond_destroy(&mv->cond);
	free(mv);
}

static void
on_done(struct store_item *item)
{
	struct move *mv = ((struct moving *)item->arg)->move;

	pthread_mutex_lock(&mv->mutex);
	if (--mv->left == 0)
		pthread_cond_signal(&mv->cond);
	pthread_mutex_unlock(&mv->mutex);
}

/* Makes the event of a row. Its id is the row's: twice is once in the log. */
static int
make_event(struct moving *one, struct err *err)
{
	struct record_notice n;
	struct event *ev = &one->item.event;

	if (record_get_notice(buf_span(&one->row), &n, err) < 0 ||
	    notice_envelope(n.type, n.at_ms, n.data, &one->body, err) < 0)
		return -1;
	ev->endpoint_id = STORE_SELF;
	ev->id = n.id;
	ev->type = n.type;
	ev->content_type = span_str("application/json");
	ev->body = buf_span(&one->body);
	one->item.done = on_done;
	one->item.arg = one;
	return dedupe_identify_own(ev->body, true, &one->item.identity, err);
}

static int
load_due(struct move *mv, struct err *err)
{
	struct buf key = BUF_INIT(NOTICE_KEY_MAX);
	struct moving *one;
	uint64_t at = 0;
	int ret = 0;

	while (ret == 0 && mv->n < MOVE_MAX) {
		one = &mv->all[mv->n];
		ret = notice_find_due(
		    mv->st, NULL, BDB_GT, at, &key, &one->row, &one->no, err);
		if (ret < 0 || one->no == 0)
			break;
		at = one->no;
		ret = make_event(one, err);
		mv->n++;
	}
	buf_free(&key);
	return ret;
}

static bool
is_in_the_log(const struct moving *one)
{
	return one->item.outcome == STORE_ACCEPTED ||
	       one->item.outcome == STORE_DUPLICATE;
}

/* Those that are in the log leave the table. */
static int
remove_moved(struct store_tx *tx, void *arg, struct err *err)
{
	const struct move *mv = arg;
	unsigned char key[NOTICE_KEY_MAX];
	bool found;
	size_t i;

	for (i = 0; i < mv->n; i++)
		if (is_in_the_log(&mv->all[i]) &&
		    bdb_delete(tx->st->notices, tx->txn,
			notice_due_key(mv->all[i].no, key), &found, err) < 0)
			return -1;
	return 0;
}

/* *all: they are in the log, and more may be due. */
static int
move_some(struct move *mv, bool *all, struct err *err)
{
	size_t i, moved = 0;

	if (load_due(mv, err) < 0)
		return -1;
	mv->left = mv->n;
	for (i = 0; i < mv->n; i++)
		store_submit(mv->st, &mv->all[i].item);
	pthread_mutex_lock(&mv->mutex);
	while (mv->left > 0)
		pthread_cond_wait(&mv->cond, &mv->mutex);
	pthread_mutex_unlock(&mv->mutex);
	for (i = 0; i < mv->n; i++)
		moved += is_in_the_log(&mv->all[i]);
	*all = moved == mv->n;
	return moved == 0 ? 0
			  : store_say_notices(mv->st, remove_moved, mv, err);
}

static void
complain(struct store *st, const struct err *err)
{
	if (err->code != ERR_AWAY)
		store_say(st, "notices: %s", err->text);
}

static void
sum_up(struct store *st)
{
	struct err err = ERR_INIT;
	int64_t now = clock_ms();
	bool due = false;

	if (now - st->notices_summed_ms < SUM_EVERY_MS)
		return;
	st->notices_summed_ms = now;
	if (notice_sum_is_due(st, &due, &err) < 0 ||
	    (due && store_say_notices(st, notice_sum_up, NULL, &err) < 0))
		complain(st, &err);
}

void
store_move_notices(struct store *st)
{
	struct err err = ERR_INIT;
	struct move *mv;
	bool all = true, more = true;

	sum_up(st);
	if (clock_ms() < atomic_load(&st->notices_retry_ms) ||
	    !atomic_exchange(&st->notices_due, false))
		return;
	while (all && more) {
		mv = move_new(st);
		if (mv == NULL)
			break;
		if (move_some(mv, &all, &err) < 0) {
			complain(st, &err);
			all = false;
		}
		more = mv->n == MOVE_MAX;
		move_free(mv);
	}
	/* Below the floor they wait, but for the first half of it. */
	if (!all)
		atomic_store(&st->notices_retry_ms, clock_ms() + RETRY_MS);
	if (!all || more)
		atomic_store(&st->notices_due, true);
}
