/* store_init.h: makes the folders, the key and an empty store. */
#ifndef EYELET_ADMIN_STORE_INIT_H
#define EYELET_ADMIN_STORE_INIT_H

#include "lib/config/conf.h"

struct store_made {
	char user[64]; /* whose it is */
	bool key_was_there; /* an old key file is used */
};

/*
 * Makes what cf names, for user (NULL: who runs this). root becomes that user
 * for good. ERR_EXISTS when there is a store, ERR_DENIED, ERR_NOTFOUND (no
 * such user), ERR_IO, ERR_FULL. What was made before a failure stays, and a
 * second run goes on from there.
 */
int store_init(const struct conf *cf, const char *user, struct store_made *made,
    struct err *err);

#endif
