/* secret_new.h: new secrets, judged before the store has them. */
#ifndef EYELET_LIB_OPS_SECRET_NEW_H
#define EYELET_LIB_OPS_SECRET_NEW_H

#include "lib/ops/call.h"

/* A new secret on its way into the store. */
struct op_secret {
	struct buf text; /* wiped by op_secret_free */
	bool generated; /* by us: shown once */
};

#define OP_SECRET_INIT                            \
	{                                         \
		BUF_INIT(SECRET_BYTES_MAX), false \
	}

/* Is a new secret made, where the call brings none? */
enum op_generate {
	OP_GENERATE_NEVER,
	OP_GENERATE_OURS, /* where operators make the scheme's secrets */
	OP_GENERATE_ALWAYS /* whoever signs with it, it is us */
};

/*
 * Takes the secret that the call brings ("secret_b64"), which must be a key of
 * the scheme; or makes one, if the scheme's keys can be made at all. Else text
 * stays empty. ERR_INPUT.
 */
int op_secret_take(const struct op_call *call, const struct scheme *scheme,
    enum op_generate generate, struct op_secret *out,
    struct op_warnings *warnings, struct err *err);
void op_secret_free(struct op_secret *secret);

/*
 * Refuses (ERR_EXISTS) a value that is or was one of this endpoint, or was
 * ever revoked anywhere. Warns of one that is live at another endpoint: some
 * providers have one secret for all of a customer's endpoints.
 */
int op_secret_check_reuse(const struct op_call *call, struct store_tx *tx,
    uint64_t endpoint_id, struct span text, struct op_warnings *warnings,
    struct err *err);

/* ERR_INPUT when a live secret of the owner is no key of the scheme. */
int op_secret_check_keys(const struct op_call *call, struct store_tx *tx,
    uint64_t owner_id, const struct scheme *scheme, struct err *err);

#endif
