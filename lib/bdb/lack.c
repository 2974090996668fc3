/*
 * lack.c: remembers what the system refused the library: room, a
 * descriptor, memory, the right to a file. What the library reports in the end
 * is another thing: recovery that cannot write a page, or open a table, says
 * that the log, or the environment, is damaged. Its first words on the way are
 * those of the system call. (Its hook for writes would tell, too, and make two
 * calls of each pwrite.)
 */
#include "lib/bdb/impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/util.h"

#define MEMORY_GONE 71 /* EX_OSERR: the exit status when malloc fails */

static const int lacks[] = { ENOSPC, EDQUOT, EFBIG, EMFILE, ENFILE, ENOMEM,
	EACCES, EPERM, EROFS };

/* As the folders in folders.c: the library's hooks take no argument. */
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

/*
 * A malloc that fails inside the library's recovery was once swallowed, and
 * made a store that nothing could open again. Leaving is safe at any instant.
 */
static void
leave_without_memory(void)
{
	static const char words[] =
	    "eyelet: no memory is left for the store, so this process ends; "
	    "nothing that was answered is lost. Raise its limit (\"ulimit "
	    "-v\", MemoryMax= in a unit of systemd), or lower store.cache in "
	    "eyelet.conf\n";

	/* Neither stdio nor the log: both may want memory. */
	if (write(STDERR_FILENO, words, sizeof(words) - 1) < 0)
		_exit(MEMORY_GONE);
	_exit(MEMORY_GONE);
}

void *
bdb_malloc_or_leave(size_t size)
{
	void *p = malloc(size);

	if (p == NULL && size > 0)
		leave_without_memory();
	return p;
}

void *
bdb_realloc_or_leave(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (p == NULL && size > 0)
		leave_without_memory();
	return p;
}
