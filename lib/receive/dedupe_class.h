/*
 * dedupe_class.h: what a verified request is known by, and which rules of
 * dedupe_rule.h apply to it, from what its scheme and its endpoint say.
 */
#ifndef EYELET_LIB_RECEIVE_DEDUPE_CLASS_H
#define EYELET_LIB_RECEIVE_DEDUPE_CLASS_H

#include "lib/model/dedupe_hash.h"
#include "lib/model/endpoint.h"
#include "lib/scheme/verify.h"

/*
 * Fills out for a request that verify_request found VALID, with
 * digests_content set, and whose identity is read. Of one whose identity could
 * not be read who may say IDENTIFY_NOT_JSON and the like: it has neither id
 * nor type then. scratch is used for the payload; its limit must be that of a
 * body. ERR_CRYPTO, ERR_NOMEM, ERR_LIMIT.
 */
int dedupe_identify(const struct scheme *sc, const struct endpoint *ep,
    const struct verify_input *in, const struct verify_result *result,
    const struct identity *who, struct buf *scratch,
    struct dedupe_identity *out, struct err *err);

#endif
