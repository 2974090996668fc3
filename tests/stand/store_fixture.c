/* store_fixture.c: a store of its own for each unit test. */
#include "tests/stand/store_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/crypto/seal.h"

struct fixture fx;

const struct store_actor fx_actor = { .pid = 1, .program = "test" };

void
fx_open(void)
{
	fx.err.code = ERR_NONE;
	ck_assert_msg(
	    store_open(&fx.opt, &fx.st, &fx.err) == 0, "%s", fx.err.text);
}

void
fx_close(void)
{
	store_close(fx.st);
	fx.st = NULL;
}

static void
say(void *arg, const char *line)
{
	(void)arg;
	fprintf(stderr, "store: %s\n", line);
}

void
fx_setup(void)
{
	fx_setup_below("/tmp");
}

void
fx_setup_below(const char *folder)
{
	memset(&fx, 0, sizeof(fx));
	snprintf(
	    fx.folder, sizeof(fx.folder), "%s/eyelet-store-XXXXXX", folder);
	ck_assert_ptr_nonnull(mkdtemp(fx.folder));
	snprintf(fx.dir, sizeof(fx.dir), "%s/store", fx.folder);
	snprintf(fx.key_file, sizeof(fx.key_file), "%s/key", fx.folder);
	ck_assert_int_eq(seal_key_create(fx.key_file, &fx.err), 0);
	ck_assert_int_eq(store_create(fx.dir, &fx.err), 0);
	store_options_init(&fx.opt);
	fx.opt.dir = fx.dir;
	fx.opt.key_file = fx.key_file;
	fx.opt.cache = 8 << 20;
	fx.opt.floor = 0;
	fx.opt.ballast = 0;
	fx.opt.log = say;
	fx_open();
}

void
fx_teardown(void)
{
	fx_close();
	fx_shell("rm -rf ${1%/store}");
}

void
fx_shell(const char *script)
{
	char command[1024];

	snprintf(command, sizeof(command), "set -- %s; %s", fx.dir, script);
	ck_assert_msg(system(command) == 0, "%s", command);
}

int
fx_add_endpoint(
    struct store_tx *tx, void *arg, struct buf *result, struct err *e)
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

void
fx_change(const unsigned char *id,
    int (*fn)(struct store_tx *, void *, struct buf *, struct err *), void *arg,
    struct buf *result)
{
	unsigned char random[STORE_REQUEST_ID];
	struct buf none = BUF_INIT(1024);

	if (id == NULL) {
		ck_assert_int_eq(
		    digest_random(random, sizeof(random), &fx.err), 0);
		id = random;
	}
	ck_assert_msg(store_change(fx.st, &fx_actor, id, fn, arg,
			  result == NULL ? &none : result, &fx.err) == 0,
	    "%s", fx.err.text);
	buf_free(&none);
}

struct adding
fx_added(const char *name, const char *secret)
{
	struct adding ad = { name, secret, 0, 0, 0 };

	fx_change(NULL, fx_add_endpoint, &ad, NULL);
	fx.endpoint_id = ad.endpoint_id;
	fx.generation = ad.generation;
	return ad;
}

static void
on_done(struct store_item *item)
{
	struct waiting *w = item->arg;

	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

void
fx_begin(struct waiting *w, const char *id, const char *body)
{
	memset(w, 0, sizeof(*w));
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->cond, NULL);
	w->item.event.endpoint_id = fx.endpoint_id;
	w->item.event.secret_id = 1;
	w->item.event.id = span_str(id);
	w->item.event.type = span_str("order.created");
	w->item.event.content_type = span_str("application/json");
	w->item.event.body = span_str(body);
	w->item.generation = fx.generation;
	w->item.done = on_done;
	w->item.arg = w;
	ck_assert_int_eq(dedupe_identify_own(w->item.event.body, true,
			     &w->item.identity, &w->item.err),
	    0);
}

enum store_outcome
fx_end(struct waiting *w)
{
	pthread_mutex_lock(&w->mutex);
	while (!w->done)
		pthread_cond_wait(&w->cond, &w->mutex);
	pthread_mutex_unlock(&w->mutex);
	return w->item.outcome;
}

enum store_outcome
fx_accept(const char *id, const char *body)
{
	struct waiting w;

	fx_begin(&w, id, body);
	store_submit(fx.st, &w.item);
	return fx_end(&w);
}

uint64_t
fx_events(void)
{
	struct store_reader *rd;
	struct event ev;
	uint64_t n = 0, last = 0;
	bool found;

	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	for (;;) {
		ck_assert_msg(store_reader_next(rd, &ev, &found, &fx.err) == 0,
		    "%s", fx.err.text);
		if (!found)
			break;
		ck_assert_uint_gt(ev.seq, last);
		last = ev.seq;
		n++;
	}
	store_reader_close(rd);
	return n;
}

int
fx_plain_is(void *arg, const struct secret *s, struct err *e)
{
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX + 64);

	ck_assert_int_eq(store_secret_plain(fx.st, s, &plain, e), 0);
	ck_assert(span_is(buf_span(&plain), arg));
	buf_wipe(&plain);
	return 0;
}

static void
on_problem(void *arg, const char *words)
{
	(void)arg;
	fprintf(stderr, "problem: %s\n", words);
}

uint64_t
fx_problems(void)
{
	uint64_t n = 0;

	ck_assert_msg(store_check(fx.st, on_problem, NULL, &n, &fx.err) == 0,
	    "%s", fx.err.text);
	return n;
}
