/* secret_from.c: of secrets that were sent to the endpoint itself. */
#include "lib/ops/secret_from.h"

#include "lib/base/encode.h"
#include "lib/crypto/digest.h"

#define OP_FINGERPRINT 8 /* bytes of a digest that are shown */

int
op_secret_write_from(const struct op_call *call, struct json_write *w,
    const struct secret *s, struct err *err)
{
	static const char name[] = "sha256:";
	struct buf plain = BUF_INIT(SECRET_BYTES_MAX);
	struct buf text = BUF_INIT(sizeof(name) + 2 * OP_FINGERPRINT);
	unsigned char sum[DIGEST_SHA256];
	struct span whole;
	int ret = -1;

	json_write_str(w, "from", s->from[0] == '\0' ? NULL : s->from);
	json_write_bool(w, "pending", secret_is_pending(s));
	if (s->from[0] == '\0' || s->sealed.len == 0) {
		json_write_null(w, "fingerprint");
		return 0;
	}
	if (store_secret_plain(call->ops->store, s, &plain, err) < 0)
		goto out;
	whole = buf_span(&plain);
	if (digest_sha256(&whole, 1, sum, err) < 0 ||
	    buf_puts(&text, name, err) < 0 ||
	    encode_put(ENCODING_HEX, span_of(sum, OP_FINGERPRINT), &text, err) <
		0)
		goto out;
	json_write_bytes(w, "fingerprint", buf_span(&text));
	ret = 0;
out:
	buf_wipe(&plain);
	buf_free(&text);
	return ret;
}

static int
find_pending(void *arg, const struct secret *s, struct err *err)
{
	uint64_t *id = arg;

	(void)err;
	if (!secret_is_pending(s))
		return 0;
	*id = s->id;
	return 1;
}

int
op_secret_check_none_pending(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, const char *name, struct err *err)
{
	uint64_t id = 0;

	if (store_secrets(
		call->ops->store, tx, endpoint_id, find_pending, &id, err) < 0)
		return -1;
	if (id == 0)
		return 0;
	return err_set(err, ERR_EXISTS,
	    "sec_%llu was sent to the endpoint itself, and is not activated: "
	    "one such secret waits at a time. See with eyelet-secret show %s "
	    "whether it came from the provider, then eyelet-secret activate "
	    "%s, or eyelet-secret revoke %s sec_%llu",
	    (unsigned long long)id, name, name, name, (unsigned long long)id);
}
