/* trial.c: makes requests up; MACs by lib/crypto/hmac.c, which the RFCs vouch
 * for. */
#include "tests/stand/trial.h"

#include <check.h>
#include <string.h>

#include "lib/crypto/hmac.h"

void
trial_mac(char *out, size_t room, enum encoding enc, const char *one,
    const char *two, const char *three)
{
	struct span parts[3] = { span_str(one), span_str(two),
		span_str(three) };
	struct buf text = BUF_INIT(256);
	unsigned char sum[HASH_SIZE_MAX];
	struct hmac_key *key;
	struct err err = ERR_INIT;

	ck_assert_int_eq(
	    hmac_key_make(HASH_SHA256, span_str(SECRET), &key, &err), 0);
	ck_assert_int_eq(hmac_parts(key, parts, 3, sum, &err), 0);
	ck_assert_int_eq(encode_put(enc, span_of(sum, 32), &text, &err), 0);
	ck_assert_uint_lt(text.len, room);
	memcpy(out, text.ptr, text.len);
	out[text.len] = '\0';
	hmac_key_free(key);
	buf_free(&text);
}

void
trial_begin(struct trial *t, struct scheme *sc, const char *body)
{
	struct err err = ERR_INIT;

	memset(t, 0, sizeof(*t));
	t->sc = sc;
	ck_assert_msg(scheme_key_make(sc, span_str(SECRET), &t->key, &err) == 0,
	    "%s", err.text);
	t->request.method = span_str("POST");
	t->request.body = span_str(body);
	t->request.headers = t->headers;
	t->request.now_ms = NOW_MS;
	t->in.request = &t->request;
	t->in.tolerance_s = t->in.horizon_s = -1;
}

void
trial_add(struct trial *t, const char *name, struct span value)
{
	t->headers[t->request.nheaders].name = span_str(name);
	t->headers[t->request.nheaders++].value = value;
}

enum verify_verdict
trial_judge(struct trial *t)
{
	struct err err = ERR_INIT;

	ck_assert_msg(
	    verify_request(t->sc, &t->key, 1, &t->in, &t->result, &err) == 0,
	    "%s", err.text);
	return t->result.verdict;
}

void
trial_end(struct trial *t)
{
	scheme_key_free(t->key);
	scheme_free(t->sc);
}

void
trial_ck(const char *when, const struct trial *t, enum verify_verdict want)
{
	ck_assert_msg(t->result.verdict == want, "%s: %s (%s), not %s", when,
	    verify_word(t->result.verdict), t->result.reason,
	    verify_word(want));
	ck_assert_int_eq(t->result.key,
	    want == VERIFY_VALID || want == VERIFY_EXPIRED ? 0 : -1);
}
