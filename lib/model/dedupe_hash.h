/*
 * dedupe_hash.h: the keys of dedupe_rule.h, hashed with the secret of the
 * store, so that a copy of the store shows nobody which ids it has.
 *
 *	key = first 16 bytes of SHA-256(secret, endpoint, kind, parts)
 *	kind	parts
 *	ID	the id, as it was read
 *	CONTENT	the digest of the signed content
 *	OLDER	the same of the older version, under the kind of CONTENT: what
 *		was verified by it before or is later has that as its CONTENT
 *	PAYLOAD	the digest of the payload
 *	WHOLE	the id's key, the digest of the payload, the type
 *	CONTENT_TYPE	the digest of the content (of the older version's where
 *		there is one, of the payload when there is no id), the type
 *	ELEMENT	the digest of the signed content of one element of a batch
 *	TEST	the digest of the signed content of a test event
 *	TESTS	nothing: what an endpoint keeps of tests that repeat
 */
#ifndef EYELET_LIB_MODEL_DEDUPE_HASH_H
#define EYELET_LIB_MODEL_DEDUPE_HASH_H

#include "lib/base/bytes.h"
#include "lib/crypto/digest.h"
#include "lib/model/dedupe_rule.h"

#define DEDUPE_KEY_SIZE 16
#define DEDUPE_SECRET 32 /* bytes; one secret per store */

/* What a message is known by, before it is hashed. */
struct dedupe_identity {
	struct dedupe_class class;
	bool has_id, id_complete, has_type;
	bool type_unreadable; /* it has none since the body cannot be read */
	bool admitted; /* by an operator, out of the quarantine */
	bool has_content;
	unsigned char content[DIGEST_SHA256]; /* of what was signed */
	unsigned char older[DIGEST_SHA256]; /* class.has_older */
	unsigned char payload[DIGEST_SHA256];
};

/*
 * The identity of an event of our own, which nobody signs: its id alone.
 * body_varies: it may come again with another body, and is one event then.
 */
int dedupe_identify_own(struct span body, bool body_varies,
    struct dedupe_identity *out, struct err *err);

struct dedupe_hashes {
	/* Those that dedupe_keys() names are filled. */
	unsigned char keys[DEDUPE_KEYS][DEDUPE_KEY_SIZE];
	struct dedupe_event event; /* all but age_ms */
};

/* Hashes the identity of a message with this id and type. ERR_CRYPTO. */
int dedupe_hash(const unsigned char secret[DEDUPE_SECRET], uint64_t endpoint_id,
    const struct dedupe_identity *who, struct span id, struct span type,
    struct dedupe_hashes *out, struct err *err);

/* One key of a single part: ID by the id, PAYLOAD and CONTENT by the digest. */
int dedupe_hash_one(const unsigned char secret[DEDUPE_SECRET],
    uint64_t endpoint_id, enum dedupe_key kind, struct span part,
    unsigned char out[DEDUPE_KEY_SIZE], struct err *err);

/* The key of one signed element of a batch, by the digest of its content. */
int dedupe_hash_element(const unsigned char secret[DEDUPE_SECRET],
    uint64_t endpoint_id, const unsigned char content[DIGEST_SHA256],
    unsigned char out[DEDUPE_KEY_SIZE], struct err *err);

/*
 * The keys of a test event: TEST in place of CONTENT, TESTS in place of WHOLE.
 * They are no other event's, so that a test stands in the way of none.
 */
int dedupe_hash_test(const unsigned char secret[DEDUPE_SECRET],
    uint64_t endpoint_id, const unsigned char content[DIGEST_SHA256],
    struct dedupe_hashes *out, struct err *err);

#endif
