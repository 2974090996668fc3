/* dedupe_hash.c: the keys by which an event is known again, hashed. */
#include "lib/model/dedupe_hash.h"

#include <string.h>

#define PARTS 3
/* In stores; the keys of dedupe_rule.h, but OLDER, stand for themselves. */
#define KIND_ELEMENT 5
#define KIND_TYPE 6
#define KIND_TEST 7
#define KIND_TESTS 8

/* What all keys of one endpoint begin with; its length never varies. */
struct head {
	unsigned char bytes[DEDUPE_SECRET + 8 + 1];
};

static void
begin(struct head *h, const unsigned char secret[DEDUPE_SECRET],
    uint64_t endpoint_id)
{
	memcpy(h->bytes, secret, DEDUPE_SECRET);
	be64_put(h->bytes + DEDUPE_SECRET, endpoint_id);
}

/* Of several parts all but the last have a fixed length. */
static int
hash(struct head *h, unsigned kind, const struct span *parts, size_t n,
    unsigned char out[DEDUPE_KEY_SIZE], struct err *err)
{
	unsigned char sum[DIGEST_SHA256];
	struct span all[1 + PARTS];

	h->bytes[DEDUPE_SECRET + 8] = (unsigned char)kind;
	all[0] = span_of(h->bytes, sizeof(h->bytes));
	memcpy(all + 1, parts, n * sizeof(*parts));
	if (digest_sha256(all, 1 + n, sum, err) < 0)
		return -1;
	memcpy(out, sum, DEDUPE_KEY_SIZE);
	return 0;
}

int
dedupe_identify_own(struct span body, bool body_varies,
    struct dedupe_identity *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->class.covers_body = out->class.id_signed = true;
	out->class.type_signed = true;
	out->class.body_varies = body_varies;
	out->has_id = out->id_complete = true;
	return digest_sha256(&body, 1, out->payload, err);
}

int
dedupe_hash(const unsigned char secret[DEDUPE_SECRET], uint64_t endpoint_id,
    const struct dedupe_identity *who, struct span id, struct span type,
    struct dedupe_hashes *out, struct err *err)
{
	struct span content = span_of(who->content, sizeof(who->content));
	struct span older = span_of(who->older, sizeof(who->older));
	struct span payload = span_of(who->payload, sizeof(who->payload));
	struct dedupe_event *ev = &out->event;
	unsigned char typed[DEDUPE_KEY_SIZE];
	struct span parts[PARTS];
	struct head h;
	int ret = -1;

	memset(out, 0, sizeof(*out));
	begin(&h, secret, endpoint_id);
	ev->has_id = who->has_id;
	ev->has_type = who->has_type;
	ev->id_complete = who->id_complete;
	ev->admitted = who->admitted;
	ev->type_unreadable = who->type_unreadable;
	if (who->has_id &&
	    hash(&h, DEDUPE_ID, &id, 1, out->keys[DEDUPE_ID], err) < 0)
		goto out;
	if (who->has_content && hash(&h, DEDUPE_CONTENT, &content, 1,
				    out->keys[DEDUPE_CONTENT], err) < 0)
		goto out;
	if (who->class.has_older && hash(&h, DEDUPE_CONTENT, &older, 1,
					out->keys[DEDUPE_OLDER], err) < 0)
		goto out;
	if (hash(&h, DEDUPE_PAYLOAD, &payload, 1, out->keys[DEDUPE_PAYLOAD],
		err) < 0)
		goto out;
	parts[0] = span_of(out->keys[DEDUPE_ID], DEDUPE_KEY_SIZE);
	parts[1] = payload;
	parts[2] = who->has_type ? type : SPAN_EMPTY;
	if (hash(&h, DEDUPE_WHOLE, parts, 3, out->keys[DEDUPE_WHOLE], err) < 0)
		goto out;
	/* One for both versions: a type counts once, whichever verified. */
	parts[0] = !who->has_id || !who->id_complete || !who->has_content
		       ? payload
		   : who->class.has_older ? older
					  : content;
	parts[1] = parts[2];
	if ((dedupe_keys(&who->class, ev) & DEDUPE_BIT(DEDUPE_CONTENT_TYPE)) !=
		0 &&
	    hash(&h, DEDUPE_CONTENT_TYPE, parts, 2,
		out->keys[DEDUPE_CONTENT_TYPE], err) < 0)
		goto out;
	if (who->has_type && hash(&h, KIND_TYPE, &type, 1, typed, err) < 0)
		goto out;
	if (who->has_id)
		memcpy(ev->id, out->keys[DEDUPE_ID], DEDUPE_HASH);
	memcpy(ev->payload, out->keys[DEDUPE_PAYLOAD], DEDUPE_HASH);
	if (who->has_type)
		memcpy(ev->type, typed, DEDUPE_HASH);
	ret = 0;
out:
	bytes_wipe(&h, sizeof(h));
	return ret;
}

static int
hash_one(const unsigned char secret[DEDUPE_SECRET], uint64_t endpoint_id,
    unsigned kind, struct span part, unsigned char out[DEDUPE_KEY_SIZE],
    struct err *err)
{
	struct head h;
	int ret;

	begin(&h, secret, endpoint_id);
	ret = hash(&h, kind, &part, 1, out, err);
	bytes_wipe(&h, sizeof(h));
	return ret;
}

int
dedupe_hash_one(const unsigned char secret[DEDUPE_SECRET], uint64_t endpoint_id,
    enum dedupe_key kind, struct span part, unsigned char out[DEDUPE_KEY_SIZE],
    struct err *err)
{
	return hash_one(secret, endpoint_id, kind, part, out, err);
}

int
dedupe_hash_element(const unsigned char secret[DEDUPE_SECRET],
    uint64_t endpoint_id, const unsigned char content[DIGEST_SHA256],
    unsigned char out[DEDUPE_KEY_SIZE], struct err *err)
{
	return hash_one(secret, endpoint_id, KIND_ELEMENT,
	    span_of(content, DIGEST_SHA256), out, err);
}

int
dedupe_hash_test(const unsigned char secret[DEDUPE_SECRET],
    uint64_t endpoint_id, const unsigned char content[DIGEST_SHA256],
    struct dedupe_hashes *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (hash_one(secret, endpoint_id, KIND_TEST,
		span_of(content, DIGEST_SHA256), out->keys[DEDUPE_CONTENT],
		err) < 0)
		return -1;
	return hash_one(secret, endpoint_id, KIND_TESTS, SPAN_EMPTY,
	    out->keys[DEDUPE_WHOLE], err);
}
