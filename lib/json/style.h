/*
 * style.h: the same JSON as other programs write it: what a sender signed
 * before something on the way read the body and wrote it anew.
 */
#ifndef EYELET_LIB_JSON_STYLE_H
#define EYELET_LIB_JSON_STYLE_H

#include "lib/base/bytes.h"

struct json_style;

/* The i-th style, NULL behind the last; and the words for one. */
const struct json_style *json_style_at(size_t i);
const char *json_style_words(const struct json_style *style);

/*
 * Puts text, which json_scan accepted, in that style. Numbers stay as they
 * stand. ERR_LIMIT, ERR_NOMEM.
 */
int json_style_put(const struct json_style *style, struct span text,
    struct buf *out, struct err *err);

#endif
