/* notice_fixture.c: eyelet's own events, as the log has them. */
#include "tests/stand/notice_fixture.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/engine_bdb/impl.h"
#include "tests/stand/store_fixture.h"

struct nt_heard nt_heard;

void
nt_forget(void)
{
	while (nt_heard.n > 0)
		json_free(nt_heard.body[--nt_heard.n]);
}

/* How many are due. */
unsigned
nt_due(void)
{
	struct buf key = BUF_INIT(64), after = BUF_INIT(64),
		   row = BUF_INIT(16384);
	unsigned n = 0;
	bool found = true;

	ck_assert_int_eq(buf_puts(&after, "d", &fx.err), 0);
	for (;;) {
		ck_assert_int_eq(
		    bdb_find(fx.st->notices, NULL, BDB_GT, buf_span(&after),
			&key, &row, &found, &fx.err),
		    0);
		if (!found || key.ptr[0] != 'd')
			break;
		n++;
		buf_clear(&after);
		ck_assert_int_eq(
		    buf_put_span(&after, buf_span(&key), &fx.err), 0);
	}
	buf_free(&key);
	buf_free(&after);
	buf_free(&row);
	return n;
}

static void
hear(const struct event *ev)
{
	char type[64];

	ck_assert_uint_lt(nt_heard.n, NT_HEARD_MAX);
	ck_assert(span_starts(ev->id, NOTICE_ID_PREFIX));
	ck_assert(span_is(ev->content_type, "application/json"));
	ck_assert_uint_eq(ev->secret_id, 0);
	snprintf(nt_heard.id[nt_heard.n], NOTICE_ID_MAX, "%.*s",
	    (int)ev->id.len, (const char *)ev->id.ptr);
	ck_assert_msg(
	    json_parse(ev->body, &nt_heard.body[nt_heard.n], &fx.err) == 0,
	    "%s", fx.err.text);
	snprintf(type, sizeof(type), "%.*s", (int)ev->type.len,
	    (const char *)ev->type.ptr);
	ck_assert_str_eq(
	    json_text(json_get(nt_heard.body[nt_heard.n], "type")), type);
	ck_assert_ptr_nonnull(
	    json_text(json_get(nt_heard.body[nt_heard.n], "timestamp")));
	nt_heard.n++;
}

/* Once nothing is due any more, how many there are. */
size_t
nt_listen(void)
{
	struct store_reader *rd;
	struct event ev;
	bool found;
	int i;

	for (i = 0; nt_due() > 0; i++) {
		ck_assert_int_lt(i, NT_TRIES);
		usleep(25000);
	}
	nt_forget();
	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	for (;;) {
		ck_assert_int_eq(
		    store_reader_next(rd, &ev, &found, &fx.err), 0);
		if (!found)
			break;
		if (ev.endpoint_id == STORE_SELF)
			hear(&ev);
	}
	store_reader_close(rd);
	return nt_heard.n;
}

static const struct json *
nt_member(size_t i, const char *name)
{
	const struct json *m =
	    json_get(json_get(nt_heard.body[i], "data"), name);

	ck_assert_msg(json_kind(m) != JSON_ABSENT, "no %s", name);
	return m;
}

const char *
nt_text(size_t i, const char *name)
{
	return json_text(nt_member(i, name));
}

int64_t
nt_number(size_t i, const char *name)
{
	int64_t v = -1;

	ck_assert_int_eq(json_int(nt_member(i, name), &v, &fx.err), 0);
	return v;
}

/* The store's clock goes on by so much. */
static int
put_many(struct store_tx *tx, void *arg, struct err *err)
{
	size_t i;
	bool put;

	(void)arg;
	for (i = 0; i <= NOTICE_DUE_MAX; i++) {
		if (notice_put(tx, NOTICE_HELD, span_str("{\"why\":\"\"}"),
			&put, err) < 0)
			return -1;
		ck_assert_int_eq(put, i < NOTICE_DUE_MAX);
	}
	return 0;
}

void
nt_fill(void)
{
	atomic_store(&fx.st->notices_retry_ms, INT64_MAX);
	usleep(500000); /* what it began it ends */
	ck_assert_uint_eq(nt_due(), 0);
	ck_assert_int_eq(store_say_notices(fx.st, put_many, NULL, &fx.err), 0);
}

void
nt_release(void)
{
	atomic_store(&fx.st->notices_retry_ms, 0);
}

void
nt_pass(int64_t ms)
{
	int64_t now = store_now_ms(fx.st);

	pthread_mutex_lock(&fx.st->clock_mutex);
	fx.st->clock.wall.floor_ms = now + ms;
	fx.st->clock.age_ms += ms;
	pthread_mutex_unlock(&fx.st->clock_mutex);
}

const char *
nt_type(size_t i)
{
	return json_text(json_get(nt_heard.body[i], "type"));
}
