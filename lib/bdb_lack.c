/*
 * bdb_lack.c: remembers what the system refused the library: room, a
 * descriptor, memory, the right to a file. What the library reports in the end
 * is another thing: recovery that cannot write a page, or open a table, says
 * that the log, or the environment, is damaged. Its first words on the way are
 * those of the system call. (Its hook for writes would tell, too, and make two
 * calls of each pwrite.)
 */
#include "lib/bdb_impl.h"

#include <errno.h>
#include <string.h>

#include "lib/util.h"

static const int lacks[] = { ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE, ENOMEM,
	EACCES, EPERM, EROFS };

/* As sync_state in bdb.c: the library's hooks take no argument. */
static atomic_int first_lack; /* an errno; 0: there was none */

bool
bdb_lack_is(int error)
{
	size_t i;

	for (i = 0; i < NITEMS(lacks); i++)
		if (error == lacks[i])
			return true;
	return false;
}

void
bdb_lack_begin(void)
{
	atomic_store(&first_lack, 0);
}

void
bdb_lack_note(int error)
{
	int none = 0;

	if (bdb_lack_is(error))
		atomic_compare_exchange_strong(&first_lack, &none, error);
}

/* Is it what the words end with? One phrase may be the beginning of another. */
static bool
says(const char *words, int error)
{
	char room[128];
	const char *phrase = strerror_r(error, room, sizeof(room)), *at;

	at = strstr(words, phrase);
	return at != NULL &&
	       strncmp(at + strlen(phrase), " in system", 10) != 0;
}

void
bdb_lack_note_words(const char *words)
{
	size_t i;

	for (i = 0; i < NITEMS(lacks); i++)
		if (says(words, lacks[i]))
			bdb_lack_note(lacks[i]);
}

int
bdb_lack_errno(void)
{
	return atomic_load(&first_lack);
}
