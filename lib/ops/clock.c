/* clock.c: the clocks of the store: shown, and said to be right. */
#include "lib/ops/clock.h"

#include "lib/ops/store.h"

int
op_fail_clock(const struct store_clock *clock, struct err *err, const char *why)
{
	char words[STORE_CLOCK_WORDS_MAX];

	store_clock_words(clock, words);
	return err_set(err, ERR_CLOCK,
	    "%s, and the wall clock %s; nothing was changed; when it is right, "
	    "say so with \"eyelet-store clock --accept\", or wait",
	    why, words);
}

static void
write_clock(struct json_write *w, const struct store_clock *c)
{
	char words[STORE_CLOCK_WORDS_MAX];

	store_clock_words(c, words);
	json_write_bool(w, "sure", c->doubt == WALL_SURE);
	json_write_str(w, "wall_clock", words);
	json_write_time(w, "wall_at", c->wall_ms);
	json_write_time(w, "floor_at", c->floor_ms);
	json_write_time(w, "judged_at", c->now_ms);
	json_write_int(w, "doubted_s", c->doubted_ms / 1000);
	json_write_int(w, "left_s", (c->left_ms + 999) / 1000);
	json_write_int(w, "age_s", c->age_ms / 1000);
}

struct accepting {
	const struct op_call *call;
};

/* Records the former clock in the audit trail and answers with the new one. */
static int
accept(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct op_call *call = ((const struct accepting *)arg)->call;
	struct buf detail = BUF_INIT(2048);
	struct store_clock was, now;
	struct json_write w;
	int ret = -1;

	if (store_tx_accept_clock(tx, &was, &now, err) < 0)
		goto out;
	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	write_clock(&w, &was);
	json_write_close(&w);
	if (json_write_done(&w) < 0 ||
	    store_tx_audit(tx, call->name, "clock", buf_span(&detail), err) < 0)
		goto out;
	json_write_init(&w, result, err);
	json_write_object(&w, NULL);
	write_clock(&w, &now);
	json_write_bool(&w, "accepted", true);
	json_write_close(&w);
	ret = json_write_done(&w);
out:
	buf_free(&detail);
	return ret;
}

int
op_store_clock(const struct op_call *call, struct err *err)
{
	struct accepting ac = { call };
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct store_clock now;
	struct json_write w;
	int ret;

	if (op_flag(call, "accept"))
		return op_change(call, accept, &ac, err);
	store_clock(call->ops->store, &now);
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	write_clock(&w, &now);
	json_write_bool(&w, "accepted", false);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
	buf_free(&row);
	return ret;
}
