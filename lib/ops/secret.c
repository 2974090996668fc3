/* secret.c: secrets as rows. */
#include "lib/ops/secret.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/ops/owner.h"
#include "lib/ops/secret_from.h"

/* --- rows ----------------------------------------------------------------- */

struct count {
	int64_t now_ms;
	size_t live;
};

static int
count_one(void *arg, const struct secret *s, struct err *err)
{
	struct count *count = arg;

	(void)err;
	if (secret_is_live(s, count->now_ms))
		count->live++;
	return 0;
}

int
op_secret_count(const struct op_call *call, struct store_tx *tx,
    uint64_t owner_id, int64_t now_ms, size_t *live, struct err *err)
{
	struct count count = { now_ms, 0 };

	if (store_secrets(
		call->ops->store, tx, owner_id, count_one, &count, err) < 0)
		return -1;
	*live = count.live;
	return 0;
}

void
op_secret_write(struct json_write *w, struct span text)
{
	json_write_bytes(w, "value", text);
}

/* The members of a secret's row, without the braces. */
static void
write_secret(struct json_write *w, const struct secret *s, int64_t now_ms)
{
	json_write_secret_id(w, "secret", s->id);
	json_write_str(
	    w, "state", secret_state_word(secret_state_at(s, now_ms)));
	json_write_time(w, "created_at", s->created_ms);
	json_write_time(w, "activated_at", s->activated_ms);
	/* A revoked one verifies nothing: the end it had says nothing now. */
	json_write_time(
	    w, "until", s->state == SECRET_REVOKED ? 0 : s->until_ms);
	json_write_time(w, "revoked_at", s->revoked_ms);
	json_write_time(w, "last_used_at", s->last_used_ms);
}

struct writing {
	const struct op_call *call;
	struct json_write *w;
	int64_t now_ms;
};

static int
write_element(void *arg, const struct secret *s, struct err *err)
{
	struct writing *wr = arg;

	json_write_object(wr->w, NULL);
	write_secret(wr->w, s, wr->now_ms);
	if (op_secret_write_from(wr->call, wr->w, s, err) < 0)
		return -1;
	json_write_close(wr->w);
	return wr->w->failed ? -1 : 0;
}

int
op_secret_write_all(const struct op_call *call, struct json_write *w,
    uint64_t owner_id, struct err *err)
{
	struct writing wr = { call, w, store_now_ms(call->ops->store) };

	json_write_array(w, "secrets");
	if (store_secrets(
		call->ops->store, NULL, owner_id, write_element, &wr, err) < 0)
		return -1;
	json_write_close(w);
	return 0;
}

struct showing {
	const struct op_call *call;
	const struct op_owner *owner;
	struct buf row;
};

/* What still signs with a secret that ends soon is refused soon. */
static void
warn_of_end(
    const struct secret *s, int64_t now_ms, struct op_warnings *warnings)
{
	char left[TEXT_TIME_MAX], ago[TEXT_TIME_MAX];

	if (secret_state_at(s, now_ms) != SECRET_PREVIOUS ||
	    s->until_ms - now_ms > OP_SECRET_RECENT_MS ||
	    now_ms - s->last_used_ms > OP_SECRET_RECENT_MS)
		return;
	text_duration(left, (s->until_ms - now_ms) / 1000);
	text_duration(ago, (now_ms - s->last_used_ms) / 1000);
	op_warn(warnings,
	    "sec_%llu ends in %s and verified an event %s ago: the provider "
	    "still signs with it, so extend it, or see that it uses the "
	    "current one",
	    (unsigned long long)s->id, left, ago);
}

static int
show_one(void *arg, const struct secret *s, struct err *err)
{
	struct showing *sh = arg;
	int64_t now_ms = store_now_ms(sh->call->ops->store);
	struct op_warnings warnings = { .n = 0 };
	struct json_write w;

	json_write_init(&w, &sh->row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, sh->owner->thing, sh->owner->name);
	write_secret(&w, s, now_ms);
	if (op_secret_write_from(sh->call, &w, s, err) < 0)
		return -1;
	json_write_uint(&w, "generation", sh->owner->generation);
	warn_of_end(s, now_ms, &warnings);
	op_write_warnings(&w, &warnings);
	json_write_close(&w);
	return op_emit(sh->call, &w, &sh->row, err);
}

int
op_secret_show(const struct op_call *call, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct op_owner owner;
	struct showing sh = { call, &owner, BUF_INIT(OPS_ROW_MAX) };
	int ret = -1;

	if (op_find_owner(call, NULL, &owner, &doc, err) == 0)
		ret = store_secrets(
		    call->ops->store, NULL, owner.id, show_one, &sh, err);
	buf_free(&sh.row);
	buf_wipe(&doc);
	return ret;
}

/* --- one that is named -----------------------------------------------------
 */

struct seeking {
	uint64_t id;
	bool found;
};

static int
seek_one(void *arg, const struct secret *s, struct err *err)
{
	struct seeking *sk = arg;

	(void)err;
	sk->found = s->id == sk->id;
	return sk->found ? 1 : 0;
}

static int
refuse_unknown(const struct op_owner *owner, uint64_t id, struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "%s \"%s\" has no secret sec_%llu",
	    owner->thing, owner->name, (unsigned long long)id);
}

int
op_secret_check_named(const struct op_call *call, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct seeking sk = { 0, false };
	struct op_owner owner;
	int ret = -1;

	if (secret_id_parse(span_str(op_text(call, "secret")), &sk.id, err) <
		0 ||
	    op_find_owner(call, NULL, &owner, &doc, err) < 0)
		goto out;
	if (owner.is_destination) {
		err_set(err, ERR_USAGE,
		    "a destination's secret signs what goes out: it lets "
		    "nothing in");
		goto out;
	}
	if (store_secrets(
		call->ops->store, NULL, owner.id, seek_one, &sk, err) < 0)
		goto out;
	ret = sk.found ? 0 : refuse_unknown(&owner, sk.id, err);
out:
	buf_wipe(&doc);
	return ret;
}

/* --- the value ------------------------------------------------------------ */

struct revealing {
	const struct op_call *call;
	uint64_t id; /* asked for; 0: the current one, else the staged one */
	int64_t now_ms;
	struct op_owner owner;
	struct secret found; /* id 0: none; sealed borrows from below */
	struct buf sealed;
};

static int
choose(void *arg, const struct secret *s, struct err *err)
{
	struct revealing *rv = arg;
	enum secret_state state = secret_state_at(s, rv->now_ms);

	if (rv->id != 0 ? s->id != rv->id
			: (state != SECRET_STAGED && state != SECRET_CURRENT))
		return 0;
	if (rv->id == 0 && rv->found.id != 0 && state == SECRET_STAGED)
		return 0;
	buf_clear(&rv->sealed);
	if (buf_put_span(&rv->sealed, s->sealed, err) < 0)
		return -1;
	rv->found = *s;
	rv->found.sealed = buf_span(&rv->sealed);
	return 0;
}

/* The secret that is asked for, if it is live. tx may be NULL. */
static int
find_live(struct revealing *rv, struct store_tx *tx, struct err *err)
{
	struct ops *ops = rv->call->ops;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	int ret = -1;

	memset(&rv->found, 0, sizeof(rv->found));
	if (op_find_owner(rv->call, tx, &rv->owner, &doc, err) < 0 ||
	    store_secrets(ops->store, tx, rv->owner.id, choose, rv, err) < 0)
		goto out;
	if (rv->found.id == 0 && rv->id == 0)
		err_set(err, ERR_NOTFOUND,
		    "%s \"%s\" has neither a current nor a staged secret",
		    rv->owner.thing, rv->owner.name);
	else if (rv->found.id == 0)
		refuse_unknown(&rv->owner, rv->id, err);
	else if (!secret_is_live(&rv->found, rv->now_ms))
		err_set(err, ERR_INPUT,
		    "sec_%llu is %s: only a live secret is shown",
		    (unsigned long long)rv->found.id,
		    secret_state_word(secret_state_at(&rv->found, rv->now_ms)));
	else
		ret = 0;
out:
	buf_wipe(&doc);
	return ret;
}

/* Nothing changes, but the audit trail says who looked. */
static int
change_reveal(
    struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	struct revealing *rv = arg;
	struct buf detail = BUF_INIT(1024);
	struct json_write w;
	int ret = -1;

	(void)result; /* the value is kept nowhere, not even sealed */
	rv->now_ms = store_tx_now_ms(tx);
	if (find_live(rv, tx, err) < 0)
		goto out;
	json_write_init(&w, &detail, err);
	json_write_object(&w, NULL);
	json_write_secret_id(&w, "secret", rv->found.id);
	json_write_close(&w);
	if (json_write_done(&w) == 0)
		ret = store_tx_audit(
		    tx, rv->call->name, rv->owner.name, buf_span(&detail), err);
out:
	buf_free(&detail);
	return ret;
}

int
op_secret_reveal(const struct op_call *call, struct err *err)
{
	struct revealing rv = { .call = call,
		.sealed = BUF_INIT(2 * SECRET_BYTES_MAX) };
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX),
		   row = BUF_INIT(OPS_ROW_MAX), none = BUF_INIT(16);
	const char *id = op_text(call, "secret");
	struct json_write w;
	int ret = -1;

	if (id != NULL && secret_id_parse(span_str(id), &rv.id, err) < 0)
		goto out;
	if (store_change(call->ops->store, &call->peer->actor, call->request_id,
		change_reveal, &rv, &none, err) < 0)
		goto out;
	if (rv.found.id == 0) { /* a repeat: it is recorded already */
		rv.now_ms = store_now_ms(call->ops->store);
		if (find_live(&rv, NULL, err) < 0)
			goto out;
	}
	if (store_secret_plain(call->ops->store, &rv.found, &plain, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	json_write_str(&w, rv.owner.thing, rv.owner.name);
	write_secret(&w, &rv.found, rv.now_ms);
	op_secret_write(&w, buf_span(&plain));
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	buf_free(&rv.sealed);
	buf_wipe(&plain);
	buf_wipe(&row);
	buf_free(&none);
	return ret;
}
