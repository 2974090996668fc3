/*
 * nfkd.h: Unicode's compatibility decomposition (UAX #15) of Latin text, for
 * the one provider that brings its secrets to that form.
 */
#ifndef EYELET_LIB_BASE_NFKD_H
#define EYELET_LIB_BASE_NFKD_H

#include "lib/base/bytes.h"

/*
 * Puts text in form NFKD. Known are ASCII, the Latin letters and signs of
 * U+00A0 to U+024F and U+1E00 to U+1EFF, and the marks of U+0300 to U+036F.
 * ERR_INPUT for any other letter and for what is not UTF-8; never says which,
 * because the text is a secret. ERR_NOMEM, ERR_LIMIT.
 */
int nfkd_put(struct span text, struct buf *out, struct err *err);

#endif
