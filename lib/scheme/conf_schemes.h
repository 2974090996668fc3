/*
 * conf_schemes.h: the schemes of the folders that a configuration names, once
 * these were found safe (guard.h): who can write in one decides which requests
 * are authentic, and what goes out signed.
 */
#ifndef EYELET_LIB_SCHEME_CONF_SCHEMES_H
#define EYELET_LIB_SCHEME_CONF_SCHEMES_H

#include "lib/config/conf.h"
#include "lib/scheme/scheme.h"

/*
 * As scheme_set_load. Without on_error a file that does not load fails, with
 * its words: ERR_CONFIG. Also ERR_DENIED.
 */
int conf_schemes_load(const struct conf *cf,
    void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err);

/*
 * As scheme_set_learn, on behalf of a scheme of this name: where its file does
 * not load, ERR_CONFIG says why. Others that do not are left out. ERR_DENIED.
 */
int conf_schemes_learn(const struct conf *cf, const struct scheme_set *old,
    const char *name, struct scheme_set **out, struct err *err);

#endif
