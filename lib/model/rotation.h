/*
 * rotation.h: what staging, activating, rotating and revoking do to the
 * secrets of one endpoint. Pure rules over rows: reads no clock, knows no
 * store. A caller loads the live rows, calls the steps of one change in turn,
 * then rotation_settle, and stores what changed.
 */
#ifndef EYELET_LIB_MODEL_ROTATION_H
#define EYELET_LIB_MODEL_ROTATION_H

#include "lib/model/secret.h"

/* The live ones, one that is not live, and a new one. */
#define ROTATION_ROWS (SECRET_LIVE_MAX + 2)

struct rotation_row {
	struct secret secret; /* id 0: new */
	bool changed; /* to be stored */
};

struct rotation {
	int64_t now_ms; /* of the change: its commit time */
	size_t n;
	struct rotation_row rows[ROTATION_ROWS];
};

/* A rotation of no rows at now_ms. */
void rotation_init(struct rotation *rt, int64_t now_ms);

/* A row as it is stored. ERR_CORRUPT when the endpoint has too many. */
int rotation_load(struct rotation *rt, const struct secret *s, struct err *err);

/* The row of this state now (the first of several), or NULL. */
struct rotation_row *
rotation_find(struct rotation *rt, enum secret_state state);
struct rotation_row *rotation_by_id(struct rotation *rt, uint64_t id);

size_t rotation_live(const struct rotation *rt);

/*
 * Adds a new secret: staged, or current at once when the endpoint has no live
 * one (the first secret of a keyless endpoint). Only one is added in a change.
 */
struct rotation_row *rotation_stage(struct rotation *rt);

/*
 * Makes row the current one. The one that was current before turns previous
 * until now + grace_s, an instant that no later rotation moves. ERR_INPUT when
 * row is not staged (and not new and current already), or grace_s is not 0 to
 * SECRET_GRACE_MAX_S.
 */
int rotation_activate(struct rotation *rt, struct rotation_row *row,
    int64_t grace_s, struct err *err);

/*
 * Moves the instant at which row, a previous one that has not expired, ends:
 * to now + grace_s, which must be later than it was (ERR_INPUT).
 */
int rotation_extend(struct rotation *rt, struct rotation_row *row,
    int64_t grace_s, struct err *err);

/* Ends row, a previous one that has not expired (ERR_INPUT), now. */
int
rotation_expire(struct rotation *rt, struct rotation_row *row, struct err *err);

/* Ends row for ever. ERR_EXISTS when that was done before. */
int
rotation_revoke(struct rotation *rt, struct rotation_row *row, struct err *err);

/*
 * Holds the outcome to SECRET_LIVE_MAX. When there are more: ERR_LIMIT, or,
 * with drop_oldest, the previous one that ends first (else the staged one
 * that was made first) is revoked. *dropped is its id, or 0.
 */
int rotation_settle(
    struct rotation *rt, bool drop_oldest, uint64_t *dropped, struct err *err);

#endif
