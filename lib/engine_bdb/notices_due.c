/* notices_due.c: what eyelet has to say, from its table into the log. */
#include "lib/engine_bdb/impl.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/crypto/digest.h"
#include "lib/store/notice.h"

#define ROW_MAX (NOTICE_DATA_MAX + 1024)
#define BODY_MAX (NOTICE_DATA_MAX + 1024)
#define ID_RANDOM 12 /* bytes */
#define MOVE_MAX 16 /* at a time */
#define SUM_EVERY_MS 1000
#define RETRY_MS 1000

#define KEY_DUE 'd'
#define KEY_MARK 'm'
#define KEY_MAX 32
#define MARK_WORD_MAX (KEY_MAX - 1 - 8)

static struct span
due_key(uint64_t no, unsigned char key[KEY_MAX])
{
	key[0] = KEY_DUE;
	be64_put(key + 1, no);
	return span_of(key, 9);
}

/* --- putting -------------------------------------------------------------- */

/* The number of the first (or last) one that is due; 0: none is. */
static int
find_due(struct store *st, struct bdb_txn *txn, enum bdb_seek seek,
    uint64_t from, struct buf *key, struct buf *row, uint64_t *no,
    struct err *err)
{
	unsigned char at[KEY_MAX];
	bool found;

	if (bdb_find(st->notices, txn, seek, due_key(from, at), key, row,
		&found, err) < 0)
		return -1;
	*no = 0;
	if (found && key->len == 9 && key->ptr[0] == KEY_DUE)
		*no = be64_get(key->ptr + 1);
	return 0;
}

/* The number behind the last one; 0: too many wait. */
static int
next_due(struct store_tx *tx, uint64_t *no, struct err *err)
{
	struct buf key = BUF_INIT(KEY_MAX), row = BUF_INIT(ROW_MAX);
	uint64_t first, last;
	int ret = -1;

	if (find_due(tx->st, tx->txn, BDB_GE, 0, &key, &row, &first, err) < 0 ||
	    find_due(tx->st, tx->txn, BDB_LE, UINT64_MAX, &key, &row, &last,
		err) < 0)
		goto out;
	*no = first != 0 && last - first + 1 >= NOTICE_DUE_MAX ? 0 : last + 1;
	ret = 0;
out:
	buf_free(&key);
	buf_free(&row);
	return ret;
}

/* Never one that was given before, not even before a backup was restored. */
static int
make_id(char id[NOTICE_ID_MAX], struct err *err)
{
	unsigned char random[ID_RANDOM];
	size_t i, len = sizeof(NOTICE_ID_PREFIX) - 1;

	if (digest_random(random, sizeof(random), err) < 0)
		return -1;
	memcpy(id, NOTICE_ID_PREFIX, len);
	for (i = 0; i < sizeof(random); i++)
		snprintf(id + len + 2 * i, 3, "%02x", random[i]);
	return 0;
}

int
notice_put(struct store_tx *tx, const char *type, struct span data, bool *put,
    struct err *err)
{
	struct buf row = BUF_INIT(ROW_MAX);
	struct record_notice n = {
		.at_ms = tx->now_ms, .type = span_str(type), .data = data
	};
	unsigned char key[KEY_MAX];
	char id[NOTICE_ID_MAX];
	uint64_t no;
	int ret = -1;

	if (next_due(tx, &no, err) < 0)
		goto out;
	*put = no != 0;
	if (no == 0) {
		ret = 0;
		goto out;
	}
	if (make_id(id, err) < 0)
		goto out;
	n.id = span_str(id);
	if (record_put_notice(&n, &row, err) < 0 ||
	    bdb_put(tx->st->notices, tx->txn, due_key(no, key), buf_span(&row),
		err) < 0)
		goto out;
	atomic_store(&tx->st->notices_due, true);
	ret = 0;
out:
	buf_free(&row);
	return ret < 0 ? err_wrap(err, "notice %s", type) : 0;
}

/* --- what was said already ------------------------------------------------ */

static struct span
mark_key(const char *kind, uint64_t id, unsigned char key[KEY_MAX])
{
	size_t len = strlen(kind);

	assert(len <= MARK_WORD_MAX);
	key[0] = KEY_MARK;
	memcpy(key + 1, kind, len);
	be64_put(key + 1 + len, id);
	return span_of(key, 1 + len + 8);
}

int
notice_mark(struct store *st, struct store_tx *tx, const char *kind,
    uint64_t id, struct notice_mark *out, bool *found, struct err *err)
{
	struct buf row = BUF_INIT(64);
	unsigned char key[KEY_MAX];
	int ret;

	memset(out, 0, sizeof(*out));
	ret = bdb_get(st->notices, store_txn(tx), mark_key(kind, id, key), &row,
	    found, err);
	if (ret == 0 && *found)
		ret = record_get_mark(buf_span(&row), out, err);
	buf_free(&row);
	return ret;
}

int
notice_set_mark(struct store_tx *tx, const char *kind, uint64_t id,
    const struct notice_mark *mark, struct err *err)
{
	struct buf row = BUF_INIT(64);
	unsigned char key[KEY_MAX];
	bool found;
	int ret = -1;

	if (mark == NULL)
		return bdb_delete(tx->st->notices, tx->txn,
		    mark_key(kind, id, key), &found, err);
	if (record_put_mark(mark, &row, err) == 0)
		ret = bdb_put(tx->st->notices, tx->txn, mark_key(kind, id, key),
		    buf_span(&row), err);
	buf_free(&row);
	return ret;
}

/* --- a change that nobody asked for --------------------------------------- */

int
store_say_notices(struct store *st,
    int (*say)(struct store_tx *tx, void *arg, struct err *err), void *arg,
    struct err *err)
{
	return store_run(st, say, arg, err);
}

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
		mv->all[i].row.max = ROW_MAX;
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
	struct buf key = BUF_INIT(KEY_MAX);
	struct moving *one;
	uint64_t at = 0;
	int ret = 0;

	while (ret == 0 && mv->n < MOVE_MAX) {
		one = &mv->all[mv->n];
		ret = find_due(
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
	unsigned char key[KEY_MAX];
	bool found;
	size_t i;

	for (i = 0; i < mv->n; i++)
		if (is_in_the_log(&mv->all[i]) &&
		    bdb_delete(tx->st->notices, tx->txn,
			due_key(mv->all[i].no, key), &found, err) < 0)
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
