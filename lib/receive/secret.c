/*
 * secret.c: the secret that a provider sends to the endpoint itself,
 * while an operator waits for it. Anybody may send one: it is taken once, from
 * the addresses that may post, shown with where it came from, and what it
 * verifies is held until the operator activates it.
 * Our answer may be lost, and the provider sends the same secret again: as long
 * as that is live it gets the same answer, and nothing changes. Whoever knows
 * it can sign events, so the answer tells no more than one to these; any other
 * secret is answered as if there were none.
 */
#include "lib/receive/impl.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/text.h"
#include "lib/crypto/digest.h"
#include "lib/crypto/hmac.h"
#include "lib/scheme/handshake.h"
#include "lib/store/notice.h"

struct taking {
	struct receive_state *rs;
	struct span text;
	const char *from;
};

bool
receive_expects_secret(const struct receive_state *rs)
{
	struct store_clock clock;

	if (rs->ep->settings.expect_secret_until_ms == 0 ||
	    !scheme_has_secret_in(rs->ep->scheme))
		return false;
	store_clock(rs->rc->st, &clock);
	return clock.now_ms < rs->ep->settings.expect_secret_until_ms;
}

/* --- one that is there already ---------------------------------------------
 */

struct repeat {
	struct receive_state *rs;
	unsigned char fingerprint[SECRET_FINGERPRINT];
	int64_t now_ms;
	uint64_t found; /* 0: none */
};

static int
compare(void *arg, const struct secret *s, struct err *err)
{
	struct repeat *rp = arg;

	(void)err;
	if (hmac_same(s->fingerprint, rp->fingerprint, SECRET_FINGERPRINT) &&
	    s->from[0] != '\0' && secret_is_live(s, rp->now_ms))
		rp->found = s->id;
	return 0;
}

static int
find_repeat(void *arg, struct err *err)
{
	struct repeat *rp = arg;

	rp->found = 0;
	return store_secrets(
	    rp->rs->rc->st, NULL, rp->rs->ep->id, compare, rp, err);
}

/*
 * Has the endpoint taken this secret before? In the committer as well, since
 * the first one may not be durable yet; a stranger never gets that far.
 */
static int
look_for_repeat(struct receive_state *rs, struct span text, struct err *err)
{
	struct store *st = rs->rc->st;
	struct repeat rp = { .rs = rs };
	struct store_clock clock;

	store_clock(st, &clock);
	rp.now_ms = clock.now_ms;
	if (store_fingerprint(st, text, rp.fingerprint, err) < 0 ||
	    find_repeat(&rp, err) < 0 ||
	    (rp.found != 0 && store_look(st, find_repeat, &rp, err) < 0))
		return -1;
	rs->secret_id = rp.found;
	return 0;
}

/* --- the change ------------------------------------------------------------
 */

struct looking {
	unsigned char fingerprint[SECRET_FINGERPRINT];
	uint64_t endpoint_id;
	int64_t now_ms;
	size_t live;
	bool known;
};

static int
look_at(void *arg, const struct secret *s, struct err *err)
{
	struct looking *lk = arg;
	bool same =
	    memcmp(s->fingerprint, lk->fingerprint, SECRET_FINGERPRINT) == 0;

	(void)err;
	if (s->endpoint_id == lk->endpoint_id && secret_is_live(s, lk->now_ms))
		lk->live++;
	/* One that was revoked is never taken again, whosever it was. */
	if (same &&
	    (s->state == SECRET_REVOKED || s->endpoint_id == lk->endpoint_id))
		lk->known = true;
	return 0;
}

static int
fail_closed(struct err *err)
{
	return err_set(err, ERR_CONFLICT, "no secret is waited for any more");
}

static int
check_secret(const struct taking *tk, struct store_tx *tx, struct err *err)
{
	struct store *st = tk->rs->rc->st;
	struct looking lk = { .endpoint_id = tk->rs->ep->id,
		.now_ms = store_tx_now_ms(tx) };

	if (store_fingerprint(st, tk->text, lk.fingerprint, err) < 0 ||
	    store_secrets(st, tx, 0, look_at, &lk, err) < 0)
		return -1;
	if (lk.known)
		return err_set(err, ERR_EXISTS,
		    "the secret that was sent is known already");
	if (lk.live >= SECRET_LIVE_MAX)
		return err_set(err, ERR_EXISTS,
		    "the endpoint has %d live secrets already",
		    SECRET_LIVE_MAX);
	return 0;
}

/* The detail of the audit record and of the notice: no secret. */
static int
write_words(const struct taking *tk, const struct secret *s, bool notice,
    struct buf *out, struct err *err)
{
	const char *name = tk->rs->ep->name;
	struct json_write w;

	json_write_init(&w, out, err);
	json_write_object(&w, NULL);
	if (notice)
		json_write_str(&w, "endpoint", name);
	json_write_secret_id(&w, "secret", s->id);
	json_write_str(&w, "from", s->from);
	if (notice) {
		json_write_str(&w, "why",
		    "a secret was sent to the endpoint, which waited for one; "
		    "what it verifies is held until it is activated");
		notice_do(&w,
		    "see with eyelet-secret show %s that it came from the "
		    "provider, then eyelet-secret activate %s, or "
		    "eyelet-secret revoke %s sec_%llu",
		    name, name, name, (unsigned long long)s->id);
	}
	json_write_close(&w);
	return json_write_done(&w);
}

static int
record(const struct taking *tk, const struct secret *s, struct store_tx *tx,
    struct err *err)
{
	struct buf detail = BUF_INIT(1024), data = BUF_INIT(NOTICE_DATA_MAX);
	bool put;
	int ret = -1;

	if (write_words(tk, s, false, &detail, err) == 0 &&
	    write_words(tk, s, true, &data, err) == 0 &&
	    store_tx_audit(tx, "secret.receive", tk->rs->ep->name,
		buf_span(&detail), err) == 0)
		ret = notice_put(
		    tx, NOTICE_SECRET_RECEIVED, buf_span(&data), &put, err);
	buf_free(&detail);
	buf_free(&data);
	return ret;
}

/* Waited for still, by what the transaction sees? Then no more after this. */
static int
close_window(const struct taking *tk, struct store_tx *tx, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX),
		   made = BUF_INIT(ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	struct endpoint settings;
	bool found;
	int ret = -1;

	endpoint_init(&settings);
	if (store_endpoint_by_id(tk->rs->rc->st, tx, tk->rs->ep->id, &ep, &doc,
		&found, err) < 0 ||
	    (found && endpoint_decode(ep.doc, &settings, err) < 0))
		goto out;
	if (!found || ep.state != STORE_ENDPOINT_ENABLED ||
	    store_tx_now_ms(tx) >= settings.expect_secret_until_ms) {
		fail_closed(err);
		goto out;
	}
	settings.expect_secret_until_ms = 0;
	if (endpoint_encode(&settings, &made, err) < 0)
		goto out;
	ep.doc = buf_span(&made);
	ret = store_tx_endpoint(tx, &ep, err);
out:
	endpoint_free(&settings);
	buf_wipe(&doc);
	buf_wipe(&made);
	return ret;
}

static int
take(struct store_tx *tx, void *arg, struct buf *result, struct err *err)
{
	const struct taking *tk = arg;
	struct secret s = { .state = SECRET_STAGED,
		.endpoint_id = tk->rs->ep->id };

	snprintf(s.from, sizeof(s.from), "%s", tk->from);
	if (close_window(tk, tx, err) < 0 || check_secret(tk, tx, err) < 0 ||
	    store_tx_secret(tx, &s, tk->text, err) < 0 ||
	    record(tk, &s, tx, err) < 0)
		return -1;
	return buf_printf(result, err, "%llu", (unsigned long long)s.id);
}

/* --- the answer ------------------------------------------------------------
 */

static int
answer_secret(struct receive_state *rs, struct span text, const char *echo)
{
	struct receive_call *call = rs->call;
	struct buf headers =
	    BUF_OVER(call->reply.headers, sizeof(call->reply.headers));
	struct err ignored = ERR_INIT;

	receive_finish(call, REPLY_SECRET, 0, NULL);
	if (echo != NULL && buf_printf(&headers, &ignored, "%s: ", echo) == 0 &&
	    buf_put_span(&headers, text, &ignored) == 0 &&
	    buf_puts(&headers, "\r\n", &ignored) == 0)
		call->reply.headers_len = headers.len;
	return 1;
}

/* The change was refused or failed; 0: the request is one of any other kind. */
static int
answer_error(struct receive_state *rs, const struct err *err)
{
	if (err->code == ERR_CONFLICT)
		return 0;
	if (err->code == ERR_EXISTS || err->code == ERR_INPUT ||
	    err->code == ERR_LIMIT)
		return receive_finish(
		    rs->call, REPLY_NO_HANDSHAKE, 0, err->text);
	return receive_finish(rs->call, REPLY_FAULT, 0, err->text);
}

/* Is it one that the scheme can verify with? err has no part of it. */
static int
check_form(const struct scheme *sc, struct span text, const char *echo,
    struct err *err)
{
	struct scheme_key *key = NULL;
	struct err why = ERR_INIT;
	int ret = scheme_key_make(sc, text, &key, &why);

	scheme_key_free(key);
	if (ret < 0 && why.code == ERR_NOMEM)
		return err_set(err, ERR_NOMEM, "no memory for a secret");
	if (ret < 0)
		return err_set(
		    err, ERR_INPUT, "the value sent is no key of the scheme");
	if (echo != NULL && strlen(echo) + text.len + 4 > RECEIVE_HEADERS_MAX)
		return err_set(err, ERR_INPUT,
		    "the secret that was sent is too long for the answer");
	return 0;
}

/* Sets the id of the secret: taken now, or by an earlier try of the sender's.
 */
static int
take_or_find(struct taking *tk, struct err *err)
{
	struct store_actor actor = { .uid = geteuid(),
		.pid = (unsigned)getpid(),
		.program = "eyelet.fcgi" };
	struct receive_state *rs = tk->rs;
	struct receive_call *call = rs->call;
	struct buf result = BUF_INIT(64);
	struct err why = ERR_INIT;
	int ret = -1;

	if (look_for_repeat(rs, tk->text, err) < 0)
		goto out;
	if (rs->secret_id != 0) {
		ret = 0;
		goto out;
	}
	if (!call->has_request_id &&
	    digest_random(call->request_id, STORE_REQUEST_ID, err) < 0)
		goto out;
	ret = store_change(
	    rs->rc->st, &actor, call->request_id, take, tk, &result, err);
	if (ret == 0)
		ret = text_to_u64(
		    buf_span(&result), UINT64_MAX, &rs->secret_id, err);
	/* A try beside this one was faster, perhaps. */
	else if (err->code == ERR_CONFLICT &&
		 look_for_repeat(rs, tk->text, &why) == 0 && rs->secret_id != 0)
		ret = 0;
out:
	buf_free(&result);
	return ret;
}

int
receive_take_secret(struct receive_state *rs, const struct verify_input *in)
{
	struct buf text = BUF_INIT(SECRET_BYTES_MAX);
	char from[SECRET_FROM_MAX + 1];
	struct taking tk = { .rs = rs, .from = from };
	struct err err = ERR_INIT;
	const char *echo = NULL;
	int ret = 0;

	if (!receive_expects_secret(rs))
		return 0;
	snprintf(from, sizeof(from), "%.*s", (int)rs->client.len,
	    rs->client.len == 0 ? "?" : (const char *)rs->client.ptr);
	ret = handshake_secret(rs->ep->scheme, in, &text, &echo, &err);
	if (ret == 0)
		goto out;
	tk.text = buf_span(&text);
	if (ret < 0 || check_form(rs->ep->scheme, tk.text, echo, &err) < 0 ||
	    take_or_find(&tk, &err) < 0)
		ret = answer_error(rs, &err);
	else
		ret = answer_secret(rs, tk.text, echo);
out:
	buf_wipe(&text);
	return ret;
}

int
receive_repeat_secret(struct receive_state *rs, const struct verify_input *in)
{
	struct buf text = BUF_INIT(SECRET_BYTES_MAX);
	struct err err = ERR_INIT;
	const char *echo = NULL;
	int ret = 0;

	/* A text that is too long, or cannot stand in a header, was never
	 * taken. */
	if (rs->tries > 0 ||
	    handshake_secret(rs->ep->scheme, in, &text, &echo, &err) <= 0)
		goto out;
	if (look_for_repeat(rs, buf_span(&text), &err) < 0)
		ret = receive_finish(rs->call, REPLY_FAULT, 0, err.text);
	else if (rs->secret_id != 0)
		ret = answer_secret(rs, buf_span(&text), echo);
out:
	buf_wipe(&text);
	return ret;
}
