/* secret.c: secrets as rows; new ones judged. */
#include "lib/ops/impl.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"

#define SECRET_SHORT 24 /* bytes; shorter ones are taken with a warning */

/* --- whose ----------------------------------------------------------------
 */

/*
 * Tells which of the two members there is; the other members of out stay
 * empty. ERR_USAGE when there is none, or both.
 */
static int
owner_named(const struct op_call *call, struct op_owner *out, struct err *err)
{
	const char *endpoint = op_text(call, "endpoint"),
		   *destination = op_text(call, "destination");

	memset(out, 0, sizeof(*out));
	if ((endpoint == NULL) == (destination == NULL))
		return err_set(err, ERR_USAGE,
		    "%s needs \"endpoint\" or \"destination\"%s", call->name,
		    endpoint == NULL ? "" : ", not both");
	out->is_destination = destination != NULL;
	out->thing = out->is_destination ? "destination" : "endpoint";
	return 0;
}

int
op_find_owner(const struct op_call *call, struct store_tx *tx,
    struct op_owner *out, struct buf *doc, struct err *err)
{
	struct store_destination d;
	struct store_endpoint ep;

	if (owner_named(call, out, err) < 0)
		return -1;
	if (out->is_destination) {
		if (op_find_destination(
			call, tx, op_text(call, out->thing), &d, doc, err) < 0)
			return -1;
		out->id = d.id;
		out->generation = d.generation;
		memcpy(out->name, d.name, sizeof(out->name));
		out->doc = d.doc;
	} else {
		if (op_find_endpoint(
			call, tx, op_text(call, out->thing), &ep, doc, err) < 0)
			return -1;
		out->id = ep.id;
		out->generation = ep.generation;
		memcpy(out->name, ep.name, sizeof(out->name));
		out->doc = ep.doc;
	}
	return 0;
}

/* --- a new one ------------------------------------------------------------ */

void
op_secret_free(struct op_secret *secret)
{
	buf_wipe(&secret->text);
	secret->generated = false;
}

static int
generate(const struct scheme *scheme, enum op_generate how,
    struct op_secret *out, struct err *err)
{
	struct err why = ERR_INIT;

	if (how == OP_GENERATE_NEVER ||
	    (how == OP_GENERATE_OURS && scheme_secret_from_provider(scheme)))
		return 0;
	if (scheme_secret_generate(scheme, &out->text, &why) == 0) {
		out->generated = true;
		return 0;
	}
	if (why.code == ERR_USAGE) /* the provider's public key, say */
		return 0;
	*err = why;
	return -1;
}

int
op_secret_take(const struct op_call *call, const struct scheme *scheme,
    enum op_generate how, struct op_secret *out, struct op_warnings *warnings,
    struct err *err)
{
	struct scheme_key *key = NULL;
	int ret = -1;

	if (op_bytes(call, "secret_b64", &out->text, err) < 0)
		goto out;
	if (json_get(call->in, "secret_b64") == NULL) {
		ret = generate(scheme, how, out, err);
		goto out;
	}
	if (scheme_key_make(scheme, buf_span(&out->text), &key, err) < 0) {
		err_wrap(err, "secret for scheme \"%s\"", scheme_name(scheme));
		goto out;
	}
	if (out->text.len < SECRET_SHORT)
		op_warn(warnings,
		    "the secret has only %zu bytes: where the provider allows "
		    "it, use one of %d or more",
		    out->text.len, SECRET_SHORT);
	ret = 0;
out:
	scheme_key_free(key);
	return ret;
}

struct key_check {
	const struct op_call *call;
	const struct scheme *scheme;
	int64_t now_ms;
};

static int
check_key(void *arg, const struct secret *s, struct err *err)
{
	const struct key_check *kc = arg;
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX);
	struct scheme_key *key = NULL;
	int ret = -1;

	if (!secret_is_live(s, kc->now_ms))
		return 0;
	if (store_secret_plain(kc->call->ops->store, s, &plain, err) < 0)
		goto out;
	if (scheme_key_make(kc->scheme, buf_span(&plain), &key, err) < 0) {
		err_wrap(err, "sec_%llu is no secret for scheme \"%s\"",
		    (unsigned long long)s->id, scheme_name(kc->scheme));
		goto out;
	}
	ret = 0;
out:
	scheme_key_free(key);
	buf_wipe(&plain);
	return ret;
}

int
op_secret_check_keys(const struct op_call *call, struct store_tx *tx,
    uint64_t owner_id, const struct scheme *scheme, struct err *err)
{
	struct key_check kc = { call, scheme, store_tx_now_ms(tx) };

	return store_secrets(
	    call->ops->store, tx, owner_id, check_key, &kc, err);
}

struct reuse {
	const struct op_call *call;
	struct store_tx *tx;
	uint64_t owner_id;
	unsigned char fingerprint[SECRET_FINGERPRINT];
	struct op_warnings *warnings;
};

/* Whose it is, in words; empty where that was removed. */
static int
name_owner(const struct reuse *re, uint64_t id, char *words, size_t size,
    struct err *err)
{
	struct store *st = re->call->ops->store;
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_destination d;
	struct store_endpoint ep;
	bool found;
	int ret;

	words[0] = '\0';
	ret = store_endpoint_by_id(st, re->tx, id, &ep, &doc, &found, err);
	if (ret == 0 && found) {
		if (ep.state != STORE_ENDPOINT_REMOVED)
			snprintf(words, size, "endpoint \"%s\"", ep.name);
		goto out;
	}
	buf_clear(&doc);
	if (ret == 0)
		ret = store_destination_by_id(
		    st, re->tx, id, &d, &doc, &found, err);
	if (ret == 0 && found && d.state != STORE_DESTINATION_REMOVED)
		snprintf(words, size, "destination \"%s\"", d.name);
out:
	buf_wipe(&doc);
	return ret;
}

/* Another one that has the same secret in force. */
static int
warn_of_other(const struct reuse *re, const struct secret *s, struct err *err)
{
	char owner[ENDPOINT_NAME_MAX + 32];

	if (name_owner(re, s->endpoint_id, owner, sizeof(owner), err) < 0)
		return -1;
	if (owner[0] != '\0')
		op_warn(re->warnings,
		    "%s has the same secret (sec_%llu): who knows one can sign "
		    "for both",
		    owner, (unsigned long long)s->id);
	return 0;
}

static int
check_reuse(void *arg, const struct secret *s, struct err *err)
{
	const struct reuse *re = arg;
	int64_t now_ms = store_tx_now_ms(re->tx);
	char at[TEXT_TIME_MAX];

	if (memcmp(s->fingerprint, re->fingerprint, SECRET_FINGERPRINT) != 0)
		return 0;
	if (s->state == SECRET_REVOKED) {
		text_time(at, s->revoked_ms);
		return err_set(err, ERR_EXISTS,
		    "this value was revoked as sec_%llu at %s and is never "
		    "taken again",
		    (unsigned long long)s->id, at);
	}
	if (s->endpoint_id == re->owner_id)
		return err_set(err, ERR_EXISTS,
		    "this value is sec_%llu already, which is %s",
		    (unsigned long long)s->id,
		    secret_state_word(secret_state_at(s, now_ms)));
	return secret_is_live(s, now_ms) ? warn_of_other(re, s, err) : 0;
}

int
op_secret_check_reuse(const struct op_call *call, struct store_tx *tx,
    uint64_t owner_id, struct span text, struct op_warnings *warnings,
    struct err *err)
{
	struct reuse re = { .call = call,
		.tx = tx,
		.owner_id = owner_id,
		.warnings = warnings };

	if (store_fingerprint(call->ops->store, text, re.fingerprint, err) < 0)
		return -1;
	return store_secrets(call->ops->store, tx, 0, check_reuse, &re, err);
}

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
