/* test_store.c: what is accepted is there, once, after every way of closing. */
#include "lib/store.h"

#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/seal.h"

static char folder[64], dir[96], key_file[96];
static struct store_options opt;
static struct store *st;
static struct err err;
static uint64_t endpoint_id, generation;

static const struct store_actor actor = { 0, 1, "test" };

static void
open_store(void)
{
	err.code = ERR_NONE;
	ck_assert_msg(store_open(&opt, &st, &err) == 0, "%s", err.text);
}

static void
close_store(void)
{
	store_close(st);
	st = NULL;
}

static void
say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "store: %s\n", line);
}

static void
setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/eyelet-store-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/store", folder);
	snprintf(key_file, sizeof(key_file), "%s/key", folder);
	ck_assert_int_eq(seal_key_create(key_file, &err), 0);
	ck_assert_int_eq(store_create(dir, &err), 0);
	store_options_init(&opt);
	opt.dir = dir;
	opt.key_file = key_file;
	opt.cache = 8 << 20;
	opt.floor = 0;
	opt.ballast = 0;
	opt.log = say;
	open_store();
}

static void
teardown(void)
{
	char command[128];

	close_store();
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* --- changing ------------------------------------------------------------ */

struct adding {
	const char *name;
	const char *secret; /* NULL: none */
	uint64_t endpoint_id, secret_id, generation;
};

static int
add_endpoint(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct adding *ad = arg;
	struct store_endpoint ep = { .state = STORE_ENDPOINT_ENABLED };
	struct secret s = { .state = SECRET_CURRENT };

	snprintf(ep.name, sizeof(ep.name), "%s", ad->name);
	ep.doc = span_str("{\"scheme\":\"nimbus\"}");
	if (store_tx_endpoint(tx, &ep, e) < 0)
		return -1;
	s.endpoint_id = ep.id;
	if (ad->secret != NULL &&
	    store_tx_secret(tx, &s, span_str(ad->secret), e) < 0)
		return -1;
	ad->endpoint_id = ep.id;
	ad->secret_id = s.id;
	ad->generation = ep.generation;
	return buf_puts(result, ad->name, e) < 0
		   ? -1
		   : store_tx_audit(
			 tx, "endpoint.add", ad->name, SPAN_EMPTY, e);
}

static void
change(const unsigned char *id,
    int (*fn)(struct store_tx *, void *, struct buf *, struct err *), void *arg,
    struct buf *result)
{
	unsigned char random[STORE_REQUEST_ID];
	struct buf none = BUF_INIT(1024);

	if (id == NULL) {
		ck_assert_int_eq(
		    digest_random(random, sizeof(random), &err), 0);
		id = random;
	}
	ck_assert_msg(store_change(st, &actor, id, fn, arg,
			  result == NULL ? &none : result, &err) == 0,
	    "%s", err.text);
	buf_free(&none);
}

static struct adding
added(const char *name, const char *secret)
{
	struct adding ad = { name, secret, 0, 0, 0 };

	change(NULL, add_endpoint, &ad, NULL);
	endpoint_id = ad.endpoint_id;
	generation = ad.generation;
	return ad;
}

static int
revoke_secret(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct adding *ad = arg;
	struct secret s = { .id = ad->secret_id,
		.endpoint_id = ad->endpoint_id,
		.state = SECRET_REVOKED,
		.revoked_ms = store_tx_now_ms(tx) };

	(void)result;
	return store_tx_secret(tx, &s, SPAN_EMPTY, e) < 0
		   ? -1
		   : store_tx_audit(tx, "secret.revoke", "x", SPAN_EMPTY, e);
}

/* --- accepting ----------------------------------------------------------- */

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
begin(struct waiting *w, const char *id, const char *body)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->item.event.endpoint_id = endpoint_id;
	w->item.event.secret_id = 1;
	w->item.event.id = span_str(id);
	w->item.event.type = span_str("order.created");
	w->item.event.content_type = span_str("application/json");
	w->item.event.body = span_str(body);
	w->item.generation = generation;
	w->item.done = on_done;
	w->item.arg = w;
}

static enum store_outcome
end(struct waiting *w)
{
	pthread_mutex_lock(&w->mutex);
	while (!w->done)
		pthread_cond_wait(&w->cond, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	return w->item.outcome;
}

static enum store_outcome
accept_one(const char *id, const char *body)
{
	struct waiting w;

	begin(&w, id, body);
	store_submit(st, &w.item);
	return end(&w);
}

static uint64_t
count_events(void)
{
	struct store_reader *rd;
	struct event ev;
	uint64_t n = 0, last = 0;
	bool found;

	ck_assert_int_eq(store_reader_open(st, &rd, &err), 0);
	for (;;) {
		ck_assert_msg(store_reader_next(rd, &ev, &found, &err) == 0,
		    "%s", err.text);
		if (!found)
			break;
		ck_assert_uint_gt(ev.seq, last);
		last = ev.seq;
		n++;
	}
	store_reader_close(rd);
	return n;
}

START_TEST(an_event_is_accepted_once)
{
	struct store_seen seen;
	struct store_reader *rd;
	struct event ev;
	bool found;

	added("orders", "s3cret-s3cret-s3cret");
	ck_assert_int_eq(accept_one("evt_1", "{\"a\":1}"), STORE_ACCEPTED);
	ck_assert_int_eq(accept_one("evt_1", "{\"a\":1}"), STORE_DUPLICATE);
	ck_assert_int_eq(accept_one("evt_1", "{\"a\":2}"), STORE_CONFLICT);
	ck_assert_int_eq(accept_one("evt_2", "{\"a\":1}"), STORE_ACCEPTED);
	ck_assert_uint_eq(count_events(), 2);
	close_store();
	open_store();
	ck_assert_int_eq(accept_one("evt_2", "{\"a\":1}"), STORE_DUPLICATE);
	ck_assert_uint_eq(count_events(), 2);
	ck_assert_int_eq(
	    store_seen(st, endpoint_id, span_str("evt_1"), &seen, &found, &err),
	    0);
	ck_assert(found);
	ck_assert_uint_eq(seen.duplicates, 2);
	ck_assert_int_eq(store_reader_open(st, &rd, &err), 0);
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &err), 0);
	ck_assert(found && span_is(ev.id, "evt_2"));
	ck_assert(span_is(ev.type, "order.created"));
	ck_assert(span_is(ev.body, "{\"a\":1}"));
	ck_assert(span_is(ev.content_type, "application/json"));
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &err), 0);
	ck_assert(found && span_is(ev.id, "evt_1"));
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &err), 0);
	ck_assert(!found);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
	ck_assert(found && span_is(ev.id, "evt_2"));
	store_reader_close(rd);
}
END_TEST

START_TEST(ids_belong_to_their_endpoint)
{
	added("one", NULL);
	ck_assert_int_eq(accept_one("evt_1", "x"), STORE_ACCEPTED);
	added("two", NULL);
	ck_assert_int_eq(accept_one("evt_1", "x"), STORE_ACCEPTED);
	ck_assert_uint_eq(count_events(), 2);
}
END_TEST

START_TEST(an_unsigned_id_does_not_bring_a_body_back)
{
	struct waiting w;

	added("hub", NULL);
	begin(&w, "delivery-1", "captured");
	w.item.dedupe_body = true;
	store_submit(st, &w.item);
	ck_assert_int_eq(end(&w), STORE_ACCEPTED);
	begin(&w, "delivery-2", "captured");
	w.item.dedupe_body = true;
	store_submit(st, &w.item);
	ck_assert_int_eq(end(&w), STORE_DUPLICATE);
	begin(&w, "delivery-3", "another");
	w.item.dedupe_body = true;
	store_submit(st, &w.item);
	ck_assert_int_eq(end(&w), STORE_ACCEPTED);
	ck_assert_uint_eq(count_events(), 2);
}
END_TEST

START_TEST(test_events_are_kept_each_time)
{
	struct waiting w;
	int i;

	added("orders", NULL);
	for (i = 0; i < 3; i++) {
		begin(&w, "evt_test", "{}");
		w.item.event.flags = EVENT_TEST;
		store_submit(st, &w.item);
		ck_assert_int_eq(end(&w), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(count_events(), 3);
}
END_TEST

START_TEST(a_lost_answer_is_given_again)
{
	struct waiting w;
	int i;

	added("orders", NULL);
	for (i = 0; i < 2; i++) {
		begin(&w, "evt_1", "{}");
		w.item.has_request_id = true;
		memcpy(w.item.request_id, "0123456789abcdef", 16);
		store_submit(st, &w.item);
		ck_assert_int_eq(end(&w), STORE_ACCEPTED);
	}
	begin(&w, "evt_1", "{}");
	w.item.has_request_id = true;
	memcpy(w.item.request_id, "0123456789abcdeX", 16);
	store_submit(st, &w.item);
	ck_assert_int_eq(end(&w), STORE_DUPLICATE);
	ck_assert_uint_eq(count_events(), 1);
}
END_TEST

START_TEST(a_change_makes_what_was_verified_before_it_stale)
{
	struct adding ad = added("orders", "s3cret-s3cret-s3cret");

	change(NULL, revoke_secret, &ad, NULL);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_MOVED);
	generation++;
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_ACCEPTED);
}
END_TEST

static int
refuse(struct store_tx *tx, void *arg, struct buf *result, struct err *e)
{
	struct adding ad = { "never", NULL, 0, 0, 0 };

	(void)arg;
	if (add_endpoint(tx, &ad, result, e) < 0)
		return -1;
	return err_set(e, ERR_CONFLICT, "changed my mind");
}

START_TEST(a_change_happens_whole_once_or_not_at_all)
{
	static const unsigned char id[STORE_REQUEST_ID] = "0123456789abcde";
	struct adding ad = { "orders", NULL, 0, 0, 0 };
	struct buf result = BUF_INIT(64);
	struct store_endpoint ep;
	struct buf doc = BUF_INIT(ENDPOINT_DOC_MAX + 4096);
	struct store_status status;
	bool found;

	change(id, add_endpoint, &ad, &result);
	ck_assert(span_is(buf_span(&result), "orders"));
	buf_clear(&result);
	close_store();
	open_store();
	/* The same request again changes nothing and says the same. */
	change(id, add_endpoint, &ad, &result);
	ck_assert(span_is(buf_span(&result), "orders"));
	ck_assert_int_eq(
	    store_change(st, &actor, (const unsigned char *)"another-request!",
		refuse, NULL, &result, &err),
	    -1);
	ck_assert_int_eq(err.code, ERR_CONFLICT);
	ck_assert_int_eq(
	    store_endpoint_by_name(st, NULL, "never", &ep, &doc, &found, &err),
	    0);
	ck_assert(!found);
	ck_assert_int_eq(
	    store_endpoint_by_name(st, NULL, "orders", &ep, &doc, &found, &err),
	    0);
	ck_assert(found);
	ck_assert_int_eq(store_status(st, &status, &err), 0);
	ck_assert_uint_eq(status.endpoints, 1);
	buf_free(&doc);
	buf_free(&result);
}
END_TEST

/* --- secrets ------------------------------------------------------------- */

static int
plain_is(void *arg, const struct secret *s, struct err *e)
{
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX + 64);

	ck_assert_int_eq(store_secret_plain(st, s, &plain, e), 0);
	ck_assert(span_is(buf_span(&plain), arg));
	buf_wipe(&plain);
	return 0;
}

static int
count_revoked(void *arg, const struct secret *s, struct err *e)
{
	(void)e;
	if (s->state == SECRET_REVOKED)
		++*(int *)arg;
	return 0;
}

START_TEST(secrets_lie_sealed_and_come_back)
{
	char command[512];

	added("orders", "CANARY-7d1f0c-CANARY");
	ck_assert_int_eq(store_secrets(st, NULL, endpoint_id, plain_is,
			     (void *)(uintptr_t) "CANARY-7d1f0c-CANARY", &err),
	    0);
	close_store();
	snprintf(command, sizeof(command), "! grep -raq CANARY %s", folder);
	ck_assert_int_eq(system(command), 0);
	open_store();
	ck_assert_int_eq(store_secrets(st, NULL, 0, plain_is,
			     (void *)(uintptr_t) "CANARY-7d1f0c-CANARY", &err),
	    0);
}
END_TEST

START_TEST(a_restored_store_revives_no_secret)
{
	struct adding ad = added("orders", "s3cret-s3cret-s3cret");
	char command[512];
	int n = 0;

	close_store();
	snprintf(command, sizeof(command), "cp -a %s %s/backup", dir, folder);
	ck_assert_int_eq(system(command), 0);
	open_store();
	change(NULL, revoke_secret, &ad, NULL);
	close_store();
	snprintf(command, sizeof(command), "rm -r %s && mv %s/backup %s", dir,
	    folder, dir);
	ck_assert_int_eq(system(command), 0);
	open_store();
	ck_assert_int_eq(
	    store_secrets(st, NULL, 0, count_revoked, &n, &err), 0);
	ck_assert_int_eq(n, 1);
}
END_TEST

static void
on_problem(void *arg, const char *words)
{
	(void)arg;
	fprintf(stderr, "problem: %s\n", words);
}

static uint64_t
problems(void)
{
	uint64_t n = 0;

	ck_assert_msg(
	    store_check(st, on_problem, NULL, &n, &err) == 0, "%s", err.text);
	return n;
}

/* --- keeping ------------------------------------------------------------- */

START_TEST(old_segments_are_dropped_whole)
{
	struct store_status status;
	struct store_reader *rd;
	struct event ev;
	uint64_t dropped;
	char id[32];
	bool found;
	int i;

	close_store();
	opt.segment_max = 16 << 10;
	opt.retain_bytes = 128 << 10;
	open_store();
	added("orders", NULL);
	for (i = 0; i < 400; i++) {
		char body[1024];

		memset(body, 'x', sizeof(body) - 1);
		body[sizeof(body) - 1] = '\0';
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(accept_one(id, body), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(count_events(), 400);
	/* A reader on the oldest keeps it, and all behind it. */
	ck_assert_int_eq(store_reader_open(st, &rd, &err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
	ck_assert(found);
	ck_assert_int_eq(store_prune(st, &dropped, &err), 0);
	ck_assert_uint_eq(dropped, 0);
	store_reader_close(rd);
	ck_assert_int_eq(store_prune(st, &dropped, &err), 0);
	ck_assert_uint_gt(dropped, 10);
	ck_assert_int_eq(store_status(st, &status, &err), 0);
	ck_assert_uint_le(status.bytes_events, 160 << 10);
	ck_assert_uint_eq(count_events(), status.events);
	ck_assert_uint_gt(status.events, 50);
	/* What was dropped is remembered all the same. */
	ck_assert_int_eq(accept_one("evt_0", "y"), STORE_CONFLICT);
	close_store();
	open_store();
	ck_assert_uint_eq(count_events(), status.events);
	ck_assert_int_eq(accept_one("evt_0", "y"), STORE_CONFLICT);
}
END_TEST

START_TEST(ids_are_remembered_for_the_horizon_and_no_longer)
{
	struct store_status status;
	uint64_t dropped;

	close_store();
	opt.horizon_s = 3;
	open_store();
	added("orders", NULL);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_ACCEPTED);
	usleep(1500000);
	ck_assert_int_eq(accept_one("evt_2", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(st, &dropped, &err), 0);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_DUPLICATE);
	usleep(1400000);
	ck_assert_int_eq(store_prune(st, &dropped, &err), 0);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(accept_one("evt_2", "{}"), STORE_DUPLICATE);
	usleep(2500000);
	ck_assert_int_eq(store_prune(st, &dropped, &err), 0);
	ck_assert_int_eq(store_status(st, &status, &err), 0);
	ck_assert_int_eq(status.horizon_now_s, 3);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_ACCEPTED);
	ck_assert_uint_eq(count_events(), 3);
	ck_assert_uint_eq(problems(), 0);
}
END_TEST

START_TEST(dedupe_max_shortens_the_horizon_visibly)
{
	struct store_status status;
	uint64_t dropped;

	close_store();
	opt.horizon_s = 1000;
	opt.dedupe_max = 1;
	open_store();
	added("orders", NULL);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_ACCEPTED);
	usleep(1100000);
	ck_assert_int_eq(accept_one("evt_2", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_prune(st, &dropped, &err), 0);
	ck_assert_int_eq(store_status(st, &status, &err), 0);
	ck_assert_int_lt(status.horizon_now_s, 100);
	ck_assert_int_eq(accept_one("evt_2", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_ACCEPTED);
}
END_TEST

START_TEST(readers_find_a_time_and_a_place)
{
	struct store_reader *rd;
	struct event ev;
	int64_t middle = 0;
	uint64_t middle_seq = 0;
	char id[32];
	bool found;
	int i;

	close_store();
	opt.segment_max = 8 << 10;
	open_store();
	added("orders", NULL);
	for (i = 0; i < 60; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(accept_one(id, "{}"), STORE_ACCEPTED);
		if (i == 30) {
			usleep(5000);
			middle = store_now_ms(st);
			middle_seq = store_durable_seq(st) + 1;
			usleep(5000);
		}
	}
	ck_assert_int_eq(store_reader_open(st, &rd, &err), 0);
	ck_assert_int_eq(store_reader_seek_time(rd, middle, &err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
	ck_assert(found && span_is(ev.id, "evt_31"));
	store_reader_seek(rd, middle_seq);
	ck_assert_int_eq(store_reader_prev(rd, &ev, &found, &err), 0);
	ck_assert(found && span_is(ev.id, "evt_30"));
	ck_assert_int_eq(store_reader_seek_time(rd, INT64_MAX, &err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
	ck_assert(!found);
	ck_assert_int_eq(store_reader_seek_time(rd, 0, &err), 0);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &err), 0);
	ck_assert(found && span_is(ev.id, "evt_0"));
	store_reader_close(rd);
}
END_TEST

/* --- many at once -------------------------------------------------------- */

#define THREADS 8
#define EACH 250

static void *
accept_many(void *arg)
{
	int *accepted = arg;
	char id[32];
	int i;

	for (i = 0; i < EACH; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		if (accept_one(id, "{}") == STORE_ACCEPTED)
			++*accepted;
	}
	return NULL;
}

START_TEST(racing_copies_are_accepted_once)
{
	pthread_t threads[THREADS];
	int accepted[THREADS] = { 0 }, total = 0, i;

	added("orders", NULL);
	for (i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, accept_many,
				     &accepted[i]),
		    0);
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		total += accepted[i];
	}
	ck_assert_int_eq(total, EACH);
	ck_assert_uint_eq(count_events(), EACH);
}
END_TEST

/* Accepts evt_FROM to evt_TO - 1 in a process of its own, and kills it. */
static void
accept_and_die(int from, int to)
{
	int status;
	char id[32];
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		open_store();
		for (; from < to; from++) {
			snprintf(id, sizeof(id), "evt_%d", from);
			if (accept_one(id, "{}") != STORE_ACCEPTED)
				_exit(1);
		}
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

START_TEST(a_killed_owner_loses_nothing_it_answered)
{
	added("orders", NULL);
	close_store();
	accept_and_die(0, 300);
	open_store();
	ck_assert_uint_eq(count_events(), 300);
	ck_assert_int_eq(accept_one("evt_299", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(accept_one("evt_300", "{}"), STORE_ACCEPTED);
}
END_TEST

/* Overwrites the second half of a page in files of the store. */
static void
tear(const char *files)
{
	char command[512];

	snprintf(command, sizeof(command),
	    "cd %s && for f in %s; do printf %%0512d 7 | dd of=$f bs=1 "
	    "seek=$(($(stat -c %%s $f) - 600)) conv=notrunc status=none; done",
	    dir, files);
	ck_assert_int_eq(system(command), 0);
}

static const struct {
	const char *when;
	uint64_t log_keep_max; /* 1: a snapshot at every checkpoint */
	const char *files; /* torn; relative to the store folder */
} torn[] = {
	{ "log, no snapshot", 1 << 30, "db/events-* db/seen-*" },
	{ "log, no snapshot, all", 1 << 30,
	    "db/meta db/secrets db/events-* db/seen-* db/audit db/counts" },
	{ "snapshot", 1, "db/events-* db/seen-*" },
	{ "snapshot, all", 1,
	    "db/meta db/secrets db/events-* db/seen-* db/audit db/counts" },
};

START_TEST(a_torn_page_leads_to_a_rebuild)
{
	struct store_status status;
	char id[32], manifest[160];
	int i;

	close_store();
	opt.log_keep_max = torn[_i].log_keep_max;
	open_store();
	added("orders", "s3cret-s3cret-s3cret");
	for (i = 0; i < 100; i++) {
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(accept_one(id, "{}"), STORE_ACCEPTED);
	}
	close_store();
	snprintf(manifest, sizeof(manifest), "%s/snapshot/MANIFEST", dir);
	ck_assert_int_eq(
	    access(manifest, F_OK) == 0, torn[_i].log_keep_max == 1);
	accept_and_die(100, 300);
	tear(torn[_i].files);
	open_store();
	ck_assert_msg(count_events() == 300, "%s", torn[_i].when);
	ck_assert_uint_eq(problems(), 0);
	ck_assert_int_eq(accept_one("evt_50", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(accept_one("evt_299", "{}"), STORE_DUPLICATE);
	ck_assert_int_eq(accept_one("evt_300", "{}"), STORE_ACCEPTED);
	ck_assert_int_eq(store_secrets(st, NULL, 0, plain_is,
			     (void *)(uintptr_t) "s3cret-s3cret-s3cret", &err),
	    0);
	close_store();
	open_store();
	ck_assert_uint_eq(count_events(), 301);
	ck_assert_int_eq(store_status(st, &status, &err), 0);
	ck_assert_uint_eq(status.events, 301);
}
END_TEST

START_TEST(a_check_finds_what_is_not_there)
{
	char command[512], id[32];
	int i;

	close_store();
	opt.segment_max = 16 << 10;
	open_store();
	added("orders", "s3cret-s3cret-s3cret");
	for (i = 0; i < 60; i++) {
		char body[1024] = "";

		memset(body, 'a' + i % 26, sizeof(body) - 1);
		snprintf(id, sizeof(id), "evt_%d", i);
		ck_assert_int_eq(accept_one(id, body), STORE_ACCEPTED);
	}
	ck_assert_uint_eq(problems(), 0);
	close_store();
	/* One page of an event segment that is closed, overwritten. */
	snprintf(command, sizeof(command),
	    "set -- %s/db/events-*; printf XXXXXXXX | dd of=$1 bs=1 "
	    "seek=20000 conv=notrunc status=none",
	    dir);
	ck_assert_int_eq(system(command), 0);
	open_store();
	ck_assert_uint_gt(problems(), 0);
}
END_TEST

/* --- guards -------------------------------------------------------------- */

static const struct {
	const char *when, *command; /* run with the folder as $1 */
	enum err_code want;
	const char *says;
} guards[] = {
	{ "no folder", "rm -r $1", ERR_NOTFOUND, "eyelet-store init" },
	{ "no marker", "rm $1/STORE", ERR_NOTFOUND, "eyelet-store init" },
	{ "marker of a later release", "echo eyelet-store 9 00 ready >$1/STORE",
	    ERR_VERSION, "format 9" },
	{ "DB_CONFIG", "touch $1/DB_CONFIG", ERR_DENIED, "remove it" },
	{ "DB_CONFIG inside", "touch $1/db/DB_CONFIG", ERR_DENIED,
	    "remove it" },
	{ "open to others", "chmod 755 $1", ERR_DENIED, "chmod" },
	{ "open to the group", "chmod 770 $1", ERR_DENIED, "chmod" },
	{ "databases gone", "rm -r $1/db", ERR_CORRUPT, "" },
	{ "a table gone", "rm $1/db/secrets", ERR_CORRUPT, "" },
	{ "key gone", "rm $1/../key", ERR_NOTFOUND, "key" },
	{ "key open to all", "chmod 644 $1/../key", ERR_DENIED, "chmod 600" },
};

START_TEST(what_is_wrong_is_refused_with_a_way_out)
{
	char command[512];

	added("orders", "s3cret-s3cret-s3cret");
	close_store();
	snprintf(
	    command, sizeof(command), "set -- %s; %s", dir, guards[_i].command);
	ck_assert_int_eq(system(command), 0);
	ck_assert_msg(store_open(&opt, &st, &err) == -1, "%s", guards[_i].when);
	ck_assert_msg(err.code == guards[_i].want, "%s: %s: %s",
	    guards[_i].when, err_word(err.code), err.text);
	ck_assert_msg(strstr(err.text, guards[_i].says) != NULL, "%s: %s",
	    guards[_i].when, err.text);
}
END_TEST

START_TEST(below_the_floor_nothing_is_accepted)
{
	const char *why;

	added("orders", NULL);
	close_store();
	opt.floor = UINT64_MAX / 2;
	open_store();
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_FAILED);
	ck_assert(!store_healthy(st, &why));
	close_store();
	opt.floor = 0;
	open_store();
	ck_assert(store_healthy(st, &why));
	ck_assert_int_eq(accept_one("evt_1", "{}"), STORE_ACCEPTED);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("store");
	TCase *tc = tcase_create("store");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, an_event_is_accepted_once);
	tcase_add_test(tc, ids_belong_to_their_endpoint);
	tcase_add_test(tc, an_unsigned_id_does_not_bring_a_body_back);
	tcase_add_test(tc, test_events_are_kept_each_time);
	tcase_add_test(tc, a_lost_answer_is_given_again);
	tcase_add_test(tc, a_change_makes_what_was_verified_before_it_stale);
	tcase_add_test(tc, a_change_happens_whole_once_or_not_at_all);
	tcase_add_test(tc, secrets_lie_sealed_and_come_back);
	tcase_add_test(tc, a_restored_store_revives_no_secret);
	tcase_add_test(tc, old_segments_are_dropped_whole);
	tcase_add_test(tc, ids_are_remembered_for_the_horizon_and_no_longer);
	tcase_add_test(tc, dedupe_max_shortens_the_horizon_visibly);
	tcase_add_test(tc, readers_find_a_time_and_a_place);
	tcase_add_test(tc, racing_copies_are_accepted_once);
	tcase_add_test(tc, a_check_finds_what_is_not_there);
	tcase_add_test(tc, a_killed_owner_loses_nothing_it_answered);
	tcase_add_loop_test(tc, a_torn_page_leads_to_a_rebuild, 0,
	    (int)(sizeof(torn) / sizeof(torn[0])));
	tcase_add_loop_test(tc, what_is_wrong_is_refused_with_a_way_out, 0,
	    (int)(sizeof(guards) / sizeof(guards[0])));
	tcase_add_test(tc, below_the_floor_nothing_is_accepted);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
