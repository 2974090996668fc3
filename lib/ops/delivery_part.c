/* delivery_part.c: calls that change many rows do so part by part. */
#include "lib/ops/delivery_part.h"

#include <string.h>

#include "lib/base/clock.h"
#include "lib/crypto/digest.h"

#define TRIES 12 /* of 5 s each, while the store is busy */
#define SEQS_MAX 4096 /* named in one call */
#define PROGRESS_MS 250 /* between two progress rows */

int
op_change_part(const struct op_call *call,
    const unsigned char request_id[STORE_REQUEST_ID], uint64_t destination_id,
    uint64_t part,
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct buf *result, struct err *err)
{
	unsigned char name[STORE_REQUEST_ID + 16], id[DIGEST_SHA256];
	struct span named;
	int tries, ret = -1;

	memcpy(name, request_id, STORE_REQUEST_ID);
	be64_put(name + STORE_REQUEST_ID, destination_id);
	be64_put(name + STORE_REQUEST_ID + 8, part);
	named = span_of(name, sizeof(name));
	if (digest_sha256(&named, 1, id, err) < 0)
		return -1;
	for (tries = 0; tries < TRIES && ret < 0; tries++) {
		buf_clear(result);
		ret = store_change(call->ops->store, &call->peer->actor, id,
		    change, arg, result, err);
		if (ret < 0 && err->code != ERR_TIMEOUT)
			break;
	}
	return ret;
}

int
op_put_delivery(
    struct store_tx *tx, struct store_delivery *row, bool *put, struct err *err)
{
	struct err why = ERR_INIT;

	*put = store_tx_delivery(tx, row, &why) == 0;
	if (*put || why.code == ERR_NOTFOUND)
		return 0;
	*err = why;
	return -1;
}

int
op_say_done(const struct op_call *call, uint64_t done, uint64_t all,
    int64_t *said_ms, struct err *err)
{
	struct buf row = BUF_INIT(1024);
	int64_t now_ms = clock_ms();
	struct json_write w;
	int ret;

	if (*said_ms == 0)
		*said_ms = now_ms;
	if (now_ms - *said_ms < PROGRESS_MS)
		return 0;
	*said_ms = now_ms;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_object(&w, "progress");
	json_write_uint(&w, "looked", done);
	json_write_uint(&w, "matched", done);
	json_write_uint(&w, "percent", all == 0 ? 0 : done * 100 / all);
	json_write_bool(&w, "done", false);
	json_write_close(&w);
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
	buf_free(&row);
	return ret;
}

/* Did this one come before, in the same array? */
static bool
is_repeat(const struct op_call *call, const struct json *at)
{
	const struct json *j = json_first(json_get(call->in, "seqs"));

	while (j != at && json_number(j) != json_number(at))
		j = json_next(j);
	return j != at;
}

int
op_next_seq(const struct op_call *call, const struct json **at, uint64_t *seq,
    struct err *err)
{
	const struct json *seqs = json_get(call->in, "seqs");
	int64_t n = 0;

	if (*at == NULL && json_count(seqs) > SEQS_MAX)
		return err_set(err, ERR_USAGE, "%s: at most %d seqs",
		    call->name, SEQS_MAX);
	do {
		*at = *at == NULL ? json_first(seqs) : json_next(*at);
		if (*at != NULL && (json_int(*at, &n, err) < 0 || n < 1))
			return err_set(err, ERR_USAGE,
			    "%s: \"seqs\" must be numbers of events",
			    call->name);
	} while (*at != NULL && is_repeat(call, *at));
	*seq = *at == NULL ? 0 : (uint64_t)n;
	return 0;
}
