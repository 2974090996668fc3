/*
 * store_place.h: makes a folder for a user, with root's rights only where
 * nobody but root could put another folder, or a link, in the way.
 *
 * A path is walked from "/" by descriptors. root goes on while each folder is
 * root's and closed to others (or sticky, as /tmp), and follows no link but
 * root's own. Where that ends, in a folder of somebody else's, root stops, and
 * the rest is made by the user the folder is for, with that user's rights: what
 * is planted there can then lead nowhere that the user could not go alone.
 */
#ifndef EYELET_ADMIN_STORE_PLACE_H
#define EYELET_ADMIN_STORE_PLACE_H

#include <limits.h>
#include <pwd.h>
#include <stdbool.h>

#include "lib/base/err.h"

struct place {
	const char *path; /* borrowed, for messages; absolute */
	const struct passwd *user; /* borrowed */
	char rest[PATH_MAX]; /* of the path, below the folder that is open */
	char whole[PATH_MAX]; /* the name of that folder */
	int fd; /* -1: none */
	bool done; /* it is there, it is the user's, and closed to others */
};

#define PLACE_INIT       \
	{                \
		.fd = -1 \
	}

/*
 * Walks as far as whoever runs this may; done when that is to the end. The
 * last folder is made with mode 0700 for user; those above it, 0755. ERR_DENIED
 * for one that is another user's or open to others, with what mends it; ERR_IO.
 */
int place_begin(struct place *pl, const char *path, const struct passwd *user,
    struct err *err);

/* The rest, after root has become the user. The same errors. */
int place_finish(struct place *pl, struct err *err);

void place_end(struct place *pl); /* also of an empty one */

#endif
