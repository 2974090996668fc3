/*
 * bdb_full.c: remembers that a write found no room. What the library reports
 * in the end is another thing: recovery that cannot write a page says that the
 * log, or the environment, is damaged. Its first words on the way are those of
 * the system call. (Its hook for writes would tell, too, and make two calls
 * of each pwrite.)
 */
#include "lib/bdb_impl.h"

#include <errno.h>
#include <string.h>

#include "lib/util.h"

static const int fulls[] = { ENOSPC, EDQUOT, EFBIG };

/* As sync_state in bdb.c: the library's hooks take no argument. */
static atomic_int first_full; /* an errno; 0: there was room */

void
bdb_full_begin(void)
{
	atomic_store(&first_full, 0);
}

void
bdb_full_note(int error)
{
	int none = 0;
	size_t i;

	for (i = 0; i < NITEMS(fulls); i++)
		if (error == fulls[i])
			atomic_compare_exchange_strong(
			    &first_full, &none, error);
}

void
bdb_full_note_words(const char *words)
{
	char room[128];
	size_t i;

	for (i = 0; i < NITEMS(fulls); i++)
		if (strstr(words, strerror_r(fulls[i], room, sizeof(room))) !=
		    NULL)
			bdb_full_note(fulls[i]);
}

int
bdb_full_errno(void)
{
	return atomic_load(&first_full);
}
