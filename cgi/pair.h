/*
 * pair.h: the name-value pairs of FastCGI (specification, section 3.4): two
 * lengths, of one byte or of four each, and then the bytes.
 */
#ifndef EYELET_CGI_PAIR_H
#define EYELET_CGI_PAIR_H

#include "lib/base/bytes.h"

struct pair {
	struct span name,
	    both; /* both: the name, and right behind it the value */
};

enum pair_read {
	PAIR_READ,
	PAIR_CUT, /* its end is not here */
	PAIR_HUGE /* nor may it ever be: it says that it is longer than max */
};

/* Takes the first pair off rest, which else stays as it is. Any bytes. */
enum pair_read pair_take(struct span *rest, size_t max, struct pair *out);

#endif
