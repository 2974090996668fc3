/*
 * call.h: one call under way: its members, its rows, its change. Everything
 * else in lib/ops/ stands on this.
 */
#ifndef EYELET_LIB_OPS_CALL_H
#define EYELET_LIB_OPS_CALL_H

#include <stdatomic.h>

#include "lib/json/json.h"
#include "lib/json/write.h"
#include "lib/ops/ops.h"

#define OPS_CALL_MAX (FRAME_MAX - 1024) /* bytes: it came in a frame */
#define OPS_ROW_MAX (FRAME_MAX - 1024) /* bytes: it passes through a frame */
#define OPS_RESULT_MAX (512 * 1024) /* bytes of a change's row */
#define OPS_WARNINGS_MAX 8

struct ops {
	struct conf_live *settings;
	int (*reload)(void *arg, struct err *err); /* or NULL */
	void *reload_arg;
	struct store *store;
	struct registry *registry;
	atomic_uint followers;
	atomic_uint feeders; /* WAITs of the feed under way */
	atomic_bool asked_to_deliver; /* see ops_asked_to_deliver */
};

/* One call under way; in has the members that the table allows. */
struct op_call {
	struct ops *ops;
	const char *name; /* "secret.rotate" */
	const struct ops_peer *peer;
	const unsigned char *request_id;
	const struct json *in;
	/* In force as it began, held. */
	const struct conf *conf;
	struct scheme_set *schemes;
	ops_row *row;
	void *arg;
};

typedef int op_run(const struct op_call *call, struct err *err);

/* --- members of a call, already judged by the table ----------------------- */

const char *op_text(const struct op_call *call, const char *name); /* or NULL */
bool op_flag(const struct op_call *call, const char *name);
/* none when it is absent; ERR_USAGE outside min to max. */
int op_int(const struct op_call *call, const char *name, int64_t none,
    int64_t min, int64_t max, int64_t *out, struct err *err);
/*
 * The bytes of a base64 member, behind out (none when absent). ERR_USAGE, and
 * ERR_INPUT when out has no room for them.
 */
int op_bytes(const struct op_call *call, const char *name, struct buf *out,
    struct err *err);

/*
 * ERR_CONFLICT when the call has an if_gen that is not the generation of the
 * thing ("endpoint") of that name.
 */
int op_check_generation(const struct op_call *call, const char *thing,
    const char *name, uint64_t generation, struct err *err);

/* --- rows ----------------------------------------------------------------- */

/* Hands out what was written to row, and empties it. */
int op_emit(const struct op_call *call, struct json_write *w, struct buf *row,
    struct err *err);

/* A row {NAME: TEXT} that is no part of the answer: why nothing goes out. */
int op_put_note(const struct op_call *call, const char *name, const char *text,
    struct err *err);

/* Warns the operator about a change that is made all the same. */
struct op_warnings {
	size_t n;
	char text[OPS_WARNINGS_MAX][256];
};

void op_warn(struct op_warnings *ws, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
void op_write_warnings(struct json_write *w, const struct op_warnings *ws);

/* --- changes -------------------------------------------------------------- */

/* store_change for this call; what change puts into result is its one row. */
int op_change(const struct op_call *call,
    int (*change)(
	struct store_tx *tx, void *arg, struct buf *result, struct err *err),
    void *arg, struct err *err);

#endif
