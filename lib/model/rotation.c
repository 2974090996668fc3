/* rotation.c: the state machine of secrets. */
#include "lib/model/rotation.h"

#include <assert.h>
#include <string.h>

#include "lib/base/text.h"

void
rotation_init(struct rotation *rt, int64_t now_ms)
{
	memset(rt, 0, sizeof(*rt));
	rt->now_ms = now_ms;
}

int
rotation_load(struct rotation *rt, const struct secret *s, struct err *err)
{
	/* One row stays free for the new secret. */
	if (rt->n == ROTATION_ROWS - 1)
		return err_set(err, ERR_CORRUPT,
		    "the endpoint has more than %d live secrets",
		    SECRET_LIVE_MAX);
	rt->rows[rt->n].secret = *s;
	rt->rows[rt->n].changed = false;
	rt->n++;
	return 0;
}

static enum secret_state
state_of(const struct rotation *rt, const struct rotation_row *row)
{
	return secret_state_at(&row->secret, rt->now_ms);
}

struct rotation_row *
rotation_find(struct rotation *rt, enum secret_state state)
{
	struct rotation_row *row;

	for (row = rt->rows; row < rt->rows + rt->n; row++)
		if (state_of(rt, row) == state)
			return row;
	return NULL;
}

struct rotation_row *
rotation_by_id(struct rotation *rt, uint64_t id)
{
	struct rotation_row *row;

	for (row = rt->rows; row < rt->rows + rt->n; row++)
		if (row->secret.id == id)
			return row;
	return NULL;
}

size_t
rotation_live(const struct rotation *rt)
{
	const struct rotation_row *row;
	size_t live = 0;

	for (row = rt->rows; row < rt->rows + rt->n; row++)
		if (secret_is_live(&row->secret, rt->now_ms))
			live++;
	return live;
}

static void
make_current(struct rotation *rt, struct rotation_row *row)
{
	row->secret.state = SECRET_CURRENT;
	row->secret.activated_ms = rt->now_ms;
	row->changed = true;
}

struct rotation_row *
rotation_stage(struct rotation *rt)
{
	bool keyless = rotation_live(rt) == 0;
	struct rotation_row *row;

	assert(rt->n < ROTATION_ROWS);
	row = &rt->rows[rt->n++];
	memset(row, 0, sizeof(*row));
	row->secret.state = SECRET_STAGED;
	row->secret.created_ms = rt->now_ms;
	row->changed = true;
	if (keyless)
		make_current(rt, row);
	return row;
}

static int
check_grace(int64_t grace_s, struct err *err)
{
	if (grace_s >= 0 && grace_s <= SECRET_GRACE_MAX_S)
		return 0;
	return err_set(err, ERR_INPUT,
	    "the grace may be 0 to %d days, not %lld seconds",
	    SECRET_GRACE_MAX_S / 86400, (long long)grace_s);
}

int
rotation_activate(struct rotation *rt, struct rotation_row *row,
    int64_t grace_s, struct err *err)
{
	enum secret_state state = state_of(rt, row);
	struct rotation_row *old;

	if (check_grace(grace_s, err) < 0)
		return -1;
	if (state == SECRET_CURRENT && row->secret.id == 0)
		return 0;
	if (state != SECRET_STAGED)
		return err_set(err, ERR_INPUT,
		    "sec_%llu is %s: only a staged secret can be activated",
		    (unsigned long long)row->secret.id,
		    secret_state_word(state));
	old = rotation_find(rt, SECRET_CURRENT);
	if (old != NULL) {
		old->secret.state = SECRET_PREVIOUS;
		old->secret.until_ms = rt->now_ms + grace_s * 1000;
		old->changed = true;
	}
	make_current(rt, row);
	return 0;
}

/* What ends by itself at an instant that can still be moved. */
static int
check_previous(
    const struct rotation *rt, const struct rotation_row *row, struct err *err)
{
	enum secret_state state = state_of(rt, row);

	if (state == SECRET_PREVIOUS)
		return 0;
	return err_set(err, ERR_INPUT,
	    "sec_%llu is %s: only a previous secret has an end that can be "
	    "moved",
	    (unsigned long long)row->secret.id, secret_state_word(state));
}

int
rotation_extend(struct rotation *rt, struct rotation_row *row, int64_t grace_s,
    struct err *err)
{
	int64_t until_ms;
	char was[TEXT_TIME_MAX];

	if (check_grace(grace_s, err) < 0 || check_previous(rt, row, err) < 0)
		return -1;
	until_ms = rt->now_ms + grace_s * 1000;
	if (until_ms <= row->secret.until_ms) {
		text_time(was, row->secret.until_ms);
		return err_set(err, ERR_INPUT,
		    "sec_%llu verifies until %s, which is later: to end it "
		    "sooner, let it expire",
		    (unsigned long long)row->secret.id, was);
	}
	row->secret.until_ms = until_ms;
	row->changed = true;
	return 0;
}

int
rotation_expire(struct rotation *rt, struct rotation_row *row, struct err *err)
{
	if (check_previous(rt, row, err) < 0)
		return -1;
	row->secret.until_ms = rt->now_ms;
	row->changed = true;
	return 0;
}

static void
revoke(struct rotation *rt, struct rotation_row *row)
{
	row->secret.state = SECRET_REVOKED;
	row->secret.revoked_ms = rt->now_ms;
	row->changed = true;
}

int
rotation_revoke(struct rotation *rt, struct rotation_row *row, struct err *err)
{
	if (row->secret.state == SECRET_REVOKED)
		return err_set(err, ERR_EXISTS, "sec_%llu is revoked already",
		    (unsigned long long)row->secret.id);
	revoke(rt, row);
	return 0;
}

/* What --drop-oldest ends: never the current one, never the new one. */
static struct rotation_row *
oldest(struct rotation *rt)
{
	struct rotation_row *row, *previous = NULL, *staged = NULL;

	for (row = rt->rows; row < rt->rows + rt->n; row++) {
		if (row->secret.id == 0)
			continue;
		if (state_of(rt, row) == SECRET_PREVIOUS &&
		    (previous == NULL ||
			row->secret.until_ms < previous->secret.until_ms))
			previous = row;
		if (state_of(rt, row) == SECRET_STAGED &&
		    (staged == NULL || row->secret.id < staged->secret.id))
			staged = row;
	}
	return previous != NULL ? previous : staged;
}

int
rotation_settle(
    struct rotation *rt, bool drop_oldest, uint64_t *dropped, struct err *err)
{
	struct rotation_row *victim = NULL;

	if (rotation_live(rt) > SECRET_LIVE_MAX) {
		victim = oldest(rt);
		assert(victim != NULL); /* of four, one is current, one new */
		if (!drop_oldest)
			return err_set(err, ERR_LIMIT,
			    "%d secrets are in force already, which is the "
			    "most: revoke one, or let --drop-oldest revoke "
			    "sec_%llu",
			    SECRET_LIVE_MAX,
			    (unsigned long long)victim->secret.id);
		revoke(rt, victim);
	}
	*dropped = victim == NULL ? 0 : victim->secret.id;
	return 0;
}
