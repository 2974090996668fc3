/* held_fixture.c: see held_fixture.h. */
#include "tests/stand/held_fixture.h"

#include <check.h>
#include <string.h>

#include "lib/crypto/digest.h"
#include "lib/engine_bdb/impl.h"
#include "tests/stand/store_fixture.h"

uint64_t held_seq;
const char *held_reason;
uint64_t held_pending;

static void
wait_for_activation(struct store_item *item)
{
	item->event.secret_id = held_pending;
	item->hold = held_pending != 0 ? "not activated" : NULL;
}

/* As GitHub sends: the body is signed, id and type are not. */
enum store_outcome
held_hand_in(const char *id, const char *type, const char *body,
    enum store_wish wish, enum store_on_held on_held)
{
	struct waiting w;
	struct dedupe_identity *who = &w.item.identity;
	enum store_outcome outcome;

	fx_begin(&w, id, body);
	who->class = (struct dedupe_class){
		.signs = true, .covers_body = true, .within_ms = 1000
	};
	who->has_content = who->has_type = true;
	memcpy(who->content, who->payload, sizeof(who->content));
	w.item.event.type = span_str(type);
	w.item.wish = wish;
	w.item.on_held = on_held;
	wait_for_activation(&w.item);
	store_submit(fx.st, &w.item);
	outcome = fx_end(&w);
	held_seq = w.item.seq;
	held_reason = w.item.reason;
	fx.err = w.item.err;
	return outcome;
}

enum store_outcome
held_send(const char *id, const char *body)
{
	return held_hand_in(
	    id, "push", body, STORE_WISH_ACCEPT, STORE_ON_HELD_HOLD);
}

bool
held_is_shown(uint64_t wanted, bool held)
{
	struct store_reader *rd;
	struct event ev;
	bool found;

	ck_assert_int_eq(store_reader_open(fx.st, &rd, &fx.err), 0);
	if (held)
		store_reader_show_held(rd);
	store_reader_seek(rd, wanted);
	ck_assert_int_eq(store_reader_next(rd, &ev, &found, &fx.err), 0);
	found = found && ev.seq == wanted;
	store_reader_close(rd);
	return found;
}

int
held_release(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	uint64_t *no = arg;
	struct store_reader *rd = NULL;
	struct event ev;
	bool found;
	int ret = -1;

	(void)result;
	if (store_reader_open(fx.st, &rd, err) < 0)
		return -1;
	store_reader_show_held(rd);
	store_reader_seek(rd, *no);
	if (store_reader_next(rd, &ev, &found, err) == 0) {
		ck_assert(found && ev.seq == *no);
		ret = store_tx_release(tx, &ev, no, err);
	}
	store_reader_close(rd);
	return ret < 0 ? -1
		       : store_tx_audit(
			     tx, "event.release", "hub", SPAN_EMPTY, err);
}

int
held_drop(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	uint64_t *no = arg;

	(void)result;
	if (store_tx_drop_held(tx, *no, err) < 0)
		return -1;
	return store_tx_audit(tx, "event.drop", "hub", SPAN_EMPTY, err);
}

void
held_check_store(void)
{
	uint64_t problems;

	ck_assert_int_eq(store_check(fx.st, NULL, NULL, &problems, &fx.err), 0);
	ck_assert_uint_eq(problems, 0);
}

struct store_held
held_row(uint64_t no)
{
	struct buf scratch = BUF_INIT(1024);
	struct store_held h;
	bool found;

	ck_assert_int_eq(
	    store_held_get(fx.st, NULL, no, &h, &scratch, &found, &fx.err), 0);
	ck_assert(found);
	buf_free(&scratch);
	return h;
}

/* As Adyen sends: each element is signed by itself, and the whole is not. */
enum store_outcome
held_send_batch(const char *elements)
{
	struct buf contents = BUF_INIT(1024), digests = BUF_INIT(1024);
	unsigned char digest[DIGEST_SHA256] = { 0 };
	struct waiting w;
	struct dedupe_identity *who = &w.item.identity;
	enum store_outcome outcome;
	size_t i;

	fx_begin(&w, elements, elements);
	who->class = (struct dedupe_class){ .signs = true };
	who->has_content = true;
	for (i = 0; elements[i] != '\0'; i++) {
		digest[0] = (unsigned char)elements[i];
		ck_assert_int_eq(
		    buf_put(&digests, digest, sizeof(digest), &fx.err), 0);
		who->content[i] = digest[0];
	}
	w.item.elements = buf_span(&digests);
	w.item.contents = &contents;
	wait_for_activation(&w.item);
	store_submit(fx.st, &w.item);
	outcome = fx_end(&w);
	held_seq = w.item.seq;
	buf_free(&contents);
	buf_free(&digests);
	return outcome;
}
