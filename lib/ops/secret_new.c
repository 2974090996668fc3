/* secret_new.c: new secrets, judged before the store has them. */
#include "lib/ops/secret_new.h"

#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/store/delivery.h"

#define SECRET_SHORT 24 /* bytes; shorter ones are taken with a warning */

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
