/* secret_from.c: whence a secret came that was sent to its endpoint. */
#include "lib/ops/impl.h"

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
