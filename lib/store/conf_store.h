/* conf_store.h: the configuration of a store, as store_open takes it. */
#ifndef EYELET_LIB_STORE_CONF_STORE_H
#define EYELET_LIB_STORE_CONF_STORE_H

#include "lib/config/conf.h"
#include "lib/store/store.h"

/* The store's options as the configuration sets them; borrows from cf. */
void conf_store_options(const struct conf *cf, struct store_options *opt);

#endif
