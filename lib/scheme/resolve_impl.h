/*
 * resolve_impl.h: what the files of resolve.h share. resolver.c keeps what a
 * request's values stand in, resolve_body.c reads values out of the body and
 * the query, and resolve.c has the other sources and fills templates.
 */
#ifndef EYELET_LIB_SCHEME_RESOLVE_IMPL_H
#define EYELET_LIB_SCHEME_RESOLVE_IMPL_H

#include "lib/scheme/resolve.h"

/* An empty buf of at most max bytes that lives as long as the resolver. */
struct buf *resolver_make(struct resolver *rs, size_t max, struct err *err);

/*
 * The value of a piece of one kind. *how begins as RESOLVE_ABSENT and *value
 * as empty.
 */
typedef int resolve_kind(struct resolver *rs, const struct piece *p,
    enum resolve_outcome *how, struct span *value, struct err *err);

resolve_kind resolve_json, resolve_query, resolve_form, resolve_form_all;

#endif
