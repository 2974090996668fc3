/* near.h: which known word was meant by one that is unknown? */
#ifndef EYELET_LIB_BASE_NEAR_H
#define EYELET_LIB_BASE_NEAR_H

#include "lib/base/bytes.h"

#define NEAR_WORD_MAX 64 /* longer words are near to nothing */

/* The nearest word so far; NULL while none is near enough to be meant. */
struct near {
	const char *word;
	size_t distance;
	char copy[NEAR_WORD_MAX + 1]; /* of near_try_copy */
};

#define NEAR_INIT           \
	{                   \
		NULL, 0, "" \
	}

/*
 * Holds known (kept as a pointer) against wrong: changed, added, left out
 * and swapped letters count one each; a third of the letters may be wrong.
 */
void near_try(struct near *near, struct span wrong, const char *known);

/* The same for a word that is gone after the call: near keeps a copy. */
void near_try_copy(struct near *near, struct span wrong, const char *known);

#endif
