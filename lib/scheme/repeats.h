/*
 * repeats.h: what becomes of content that comes again: as the scheme says, or
 * as the endpoint says in its place; for dedupe_rule.h, and in words.
 */
#ifndef EYELET_LIB_SCHEME_REPEATS_H
#define EYELET_LIB_SCHEME_REPEATS_H

#include "lib/model/dedupe_rule.h"
#include "lib/model/endpoint.h"
#include "lib/scheme/scheme.h"

#define REPEATS_WORDS_MAX 4096 /* bytes that repeats_describe puts at most */

enum dedupe_repeats
repeats_of(const struct scheme *sc, const struct endpoint *ep);

/* repeat_within, in milliseconds. */
int64_t repeats_within_ms(const struct endpoint *ep);

/*
 * Is the same content under this same type another event ("repeat_types")?
 * Never where the endpoint itself says that nothing repeats.
 */
bool repeats_type(
    const struct scheme *sc, const struct endpoint *ep, struct span type);

/* ERR_INPUT: the scheme reads no type that "types" could go by. */
int repeats_check(
    const struct scheme *sc, const struct endpoint *ep, struct err *err);

/*
 * Appends a line for operators, without a line end: how an event is told from
 * one that came before, what becomes of a repeat, and, where nothing that is
 * signed tells a repeat from a captured request, that this is so (P2).
 */
int repeats_describe(const struct scheme *sc, const struct endpoint *ep,
    struct buf *out, struct err *err);

#endif
