/*
 * unknown_paths.h: requests to paths that lead to no endpoint that serves:
 * counted, and the last paths kept in memory. This serves an administrator
 * whose mount, or whose provider's URL, has a mistake in it: the provider posts
 * again and again, and nothing but a 404 shows.
 *
 * Anybody can send such requests, so room is fixed. A path that came several
 * times keeps its place for a day, and one that came once goes first: so a
 * scanner, which tries many paths once, does not push the provider's out.
 */
#ifndef EYELET_LIB_RECEIVE_UNKNOWN_PATHS_H
#define EYELET_LIB_RECEIVE_UNKNOWN_PATHS_H

#include <stdint.h>

#include "lib/base/bytes.h"
#include "lib/base/err.h"

#define UNKNOWN_PATHS_MAX 20
#define UNKNOWN_PATH_BYTES 128 /* of a path; a longer one is cut */
#define UNKNOWN_METHOD_BYTES 16
#define UNKNOWN_ADDRESS_BYTES 64
#define UNKNOWN_WHY_MAX 160 /* with the NUL */

/* One path. All but why is foreign: bytes as they came, not inert. */
struct unknown_path {
	uint64_t count; /* 0: this place is empty */
	int64_t first_ms, last_ms; /* wall clock */
	size_t path_len, method_len, address_len;
	bool cut; /* path is only the beginning */
	char path[UNKNOWN_PATH_BYTES];
	char method[UNKNOWN_METHOD_BYTES]; /* of the last request */
	char address[UNKNOWN_ADDRESS_BYTES]; /* whence that came */
	char why[UNKNOWN_WHY_MAX]; /* it leads nowhere; ours */
};

struct unknown_paths;

/* now_ms: since when it counts. ERR_NOMEM. */
int
unknown_paths_new(int64_t now_ms, struct unknown_paths **out, struct err *err);
void unknown_paths_free(struct unknown_paths *up); /* NULL is allowed */

struct unknown_request {
	struct span path, method, address;
	const char *why; /* inert */
	int64_t now_ms; /* wall clock */
};

/* Counts one request; any thread. */
void
unknown_paths_count(struct unknown_paths *up, const struct unknown_request *rq);

struct unknown_paths_seen {
	uint64_t count; /* all such requests ... */
	int64_t since_ms; /* ... since then */
	size_t n;
	struct unknown_path paths[UNKNOWN_PATHS_MAX]; /* the last first */
};

void
unknown_paths_see(struct unknown_paths *up, struct unknown_paths_seen *out);

#endif
