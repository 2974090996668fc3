/* test_commit.c: group commit over a disk that hangs where a test says. */
#include "config.h"

#include "lib/log/commit.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"

#define SOON_MS 100 /* until an item of a test has its answer */
#define LATE_MS 20000 /* what must come does so by then */

/* The store below the committer, with a lock that a test can hold. */
struct disk {
	pthread_mutex_t batch, flush; /* held: it hangs */
	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t done;
	unsigned batches, flushes, answers;
	uint64_t seq, durable;
	char seen[64]; /* the bodies that batches were made from */
	struct commit *cm;
};

struct sender {
	struct store_item item;
	struct disk *disk;
	char *body; /* its own, freed as soon as it has an answer */
	enum store_outcome outcome;
	enum err_code code;
	bool answered;
};

static int
batch(void *arg, struct store_item *const *items, size_t n, uint64_t *last_seq,
    struct err *err)
{
	struct disk *d = arg;
	size_t i, len;

	(void)err;
	pthread_mutex_lock(&d->batch);
	for (i = 0; i < n; i++) {
		/* What it borrowed is there, whatever became of the sender. */
		len = strlen(d->seen);
		memcpy(d->seen + len, items[i]->event.body.ptr,
		    items[i]->event.body.len);
		items[i]->outcome = STORE_ACCEPTED;
		items[i]->seq = ++d->seq;
		*last_seq = d->seq;
	}
	d->batches++;
	pthread_mutex_unlock(&d->batch);
	return 0;
}

static int
flush(void *arg, uint64_t seq, struct err *err)
{
	struct disk *d = arg;

	(void)seq;
	(void)err;
	pthread_mutex_lock(&d->flush);
	d->flushes++;
	pthread_mutex_unlock(&d->flush);
	return 0;
}

static void
durable(void *arg, uint64_t seq)
{
	struct disk *d = arg;

	pthread_mutex_lock(&d->lock);
	d->durable = seq;
	pthread_cond_broadcast(&d->done);
	pthread_mutex_unlock(&d->lock);
}

static void
disk_open(struct disk *d)
{
	struct commit_hooks hooks = { batch, flush, durable, NULL, d };
	pthread_condattr_t attr;
	struct err err;

	memset(d, 0, sizeof(*d));
	pthread_mutex_init(&d->batch, NULL);
	pthread_mutex_init(&d->flush, NULL);
	pthread_mutex_init(&d->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->done, &attr);
	pthread_condattr_destroy(&attr);
	ck_assert_int_eq(commit_start(&hooks, &d->cm, &err), 0);
}

static void
on_done(struct store_item *item)
{
	struct sender *s = item->arg;
	struct disk *d = s->disk;

	pthread_mutex_lock(&d->lock);
	s->outcome = item->outcome;
	s->code = item->err.code;
	s->answered = true;
	d->answers++;
	free(s->body);
	/* The item is its owner's again: nobody may look at it any more. */
	memset(&s->item, 0xa5, sizeof(s->item));
	pthread_cond_broadcast(&d->done);
	pthread_mutex_unlock(&d->lock);
}

static void
send(struct sender *s, struct disk *d, const char *body, int64_t wait_ms)
{
	memset(s, 0, sizeof(*s));
	s->disk = d;
	s->body = strdup(body);
	s->item.event.body = span_str(s->body);
	s->item.until_ms = clock_ms() + wait_ms;
	s->item.done = on_done;
	s->item.arg = s;
	ck_assert(commit_submit(d->cm, &s->item));
}

static void
wait_answer(struct disk *d, const struct sender *s)
{
	struct timespec until = clock_in_ms(LATE_MS);
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	while (!s->answered && ret == 0)
		ret = pthread_cond_timedwait(&d->done, &d->lock, &until);
	pthread_mutex_unlock(&d->lock);
	ck_assert_msg(ret == 0, "no answer");
}

static void
wait_durable(struct disk *d, uint64_t seq)
{
	struct timespec until = clock_in_ms(LATE_MS);
	int ret = 0;

	pthread_mutex_lock(&d->lock);
	while (d->durable < seq && ret == 0)
		ret = pthread_cond_timedwait(&d->done, &d->lock, &until);
	pthread_mutex_unlock(&d->lock);
	ck_assert_msg(
	    ret == 0, "seq %llu is not durable", (unsigned long long)seq);
}

static unsigned
answers(struct disk *d)
{
	unsigned n;

	pthread_mutex_lock(&d->lock);
	n = d->answers;
	pthread_mutex_unlock(&d->lock);
	return n;
}

static void
disk_close(struct disk *d)
{
	commit_stop(d->cm);
	pthread_mutex_destroy(&d->batch);
	pthread_mutex_destroy(&d->flush);
	pthread_mutex_destroy(&d->lock);
	pthread_cond_destroy(&d->done);
}

static void
expect_late(struct disk *d, const struct sender *s)
{
	wait_answer(d, s);
	ck_assert_int_eq(s->outcome, STORE_FAILED);
	ck_assert_int_eq(s->code, ERR_TIMEOUT);
}

/* Waits until a call has been under way for a while; which one it is. */
static enum commit_step
wait_stalled(struct disk *d)
{
	enum commit_step step = COMMIT_STEPS;
	int64_t until_ms = clock_ms() + LATE_MS;
	struct timespec nap = { 0, 1000000 };

	while (commit_stalled_ms(d->cm, &step) < 2 && clock_ms() < until_ms)
		nanosleep(&nap, NULL);
	return step;
}

/*
 * One item is in the write, another behind it: both have their answers while
 * it hangs, their memory goes, and what was written becomes durable later.
 */
START_TEST(a_write_that_hangs)
{
	struct sender first, second;
	enum commit_step step;
	struct disk d;

	disk_open(&d);
	pthread_mutex_lock(&d.batch);
	send(&first, &d, "first", SOON_MS);
	ck_assert_int_eq(wait_stalled(&d), COMMIT_WRITING);
	send(&second, &d, "second", SOON_MS);
	expect_late(&d, &first);
	expect_late(&d, &second);
	ck_assert_uint_eq(d.batches, 0);
	pthread_mutex_unlock(&d.batch);
	/* The first was in the batch, the second never came to one. */
	wait_durable(&d, 1);
	ck_assert_str_eq(d.seen, "first");
	send(&second, &d, "+third", LATE_MS);
	wait_answer(&d, &second);
	ck_assert_int_eq(second.outcome, STORE_ACCEPTED);
	ck_assert_int_eq(commit_stalled_ms(d.cm, &step), 0);
	disk_close(&d);
	ck_assert_str_eq(d.seen, "first+third");
	ck_assert_uint_eq(d.answers, 3);
}
END_TEST

/* Items in the flush, and committed behind it; a new one accepted later. */
START_TEST(a_flush_that_hangs)
{
	struct sender first, second, third;
	struct disk d;

	disk_open(&d);
	pthread_mutex_lock(&d.flush);
	send(&first, &d, "1", SOON_MS);
	ck_assert_int_eq(wait_stalled(&d), COMMIT_FLUSHING);
	send(&second, &d, "2", SOON_MS);
	send(&third, &d, "3", LATE_MS);
	expect_late(&d, &first);
	expect_late(&d, &second);
	ck_assert_uint_eq(answers(&d), 2);
	pthread_mutex_unlock(&d.flush);
	wait_answer(&d, &third);
	ck_assert_int_eq(third.outcome, STORE_ACCEPTED);
	ck_assert_uint_eq(d.durable, 3);
	disk_close(&d);
	ck_assert_uint_eq(d.answers, 3);
}
END_TEST

/* A store that starts anew lets nobody wait for a flush that hangs. */
START_TEST(all_are_given_up)
{
	struct sender first, second;
	struct err anew = ERR_INIT;
	struct disk d;

	disk_open(&d);
	pthread_mutex_lock(&d.flush);
	send(&first, &d, "1", LATE_MS);
	ck_assert_int_eq(wait_stalled(&d), COMMIT_FLUSHING);
	send(&second, &d, "2", LATE_MS);
	err_set(&anew, ERR_AWAY, "the store starts anew");
	/* The second may be between a queue and its batch's copy. */
	do
		commit_give_up(d.cm, &anew);
	while (answers(&d) < 2);
	ck_assert_int_eq(first.outcome, STORE_FAILED);
	ck_assert_int_eq(first.code, ERR_AWAY);
	ck_assert_int_eq(second.code, ERR_AWAY);
	pthread_mutex_unlock(&d.flush);
	disk_close(&d);
	ck_assert_uint_eq(d.answers, 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("commit");
	TCase *tc = tcase_create("a disk that hangs");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_write_that_hangs);
	tcase_add_test(tc, a_flush_that_hangs);
	tcase_add_test(tc, all_are_given_up);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}
