/* error.c: errors of the library in our words; paths for messages and files. */
#include "lib/bdb/impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

bool
bdb_says_damaged(int code)
{
	return code == BDB_PAGE_BAD || code == DB_PAGE_NOTFOUND ||
	       code == DB_VERIFY_BAD || code == DB_SECONDARY_BAD;
}

int
bdb_err(struct bdb *db, struct err *err, int code, const char *doing)
{
	char words[sizeof(db->complaint)];

	pthread_mutex_lock(&db->complaint_mutex);
	memcpy(words, db->complaint, sizeof(words));
	db->complaint[0] = '\0';
	pthread_mutex_unlock(&db->complaint_mutex);
	if (code == DB_RUNRECOVERY)
		atomic_store(&db->panicked, true);
	if (code == DB_RUNRECOVERY && bdb_lack_errno() != 0)
		code = bdb_lack_errno(); /* that is why */
	if (code == BDB_PAGE_BAD) {
		err_set(err, ERR_CORRUPT, "%s: a page is damaged", doing);
	} else if (code > 0) {
		err_errno(err, code, "%s", doing);
	} else {
		err_set(err,
		    code == DB_RUNRECOVERY || bdb_says_damaged(code)
			? ERR_CORRUPT
			: ERR_IO,
		    "%s: %s", doing, db_strerror(code));
	}
	if (words[0] != '\0') {
		size_t used = strlen(err->text);

		snprintf(
		    err->text + used, sizeof(err->text) - used, " (%s)", words);
	}
	return -1;
}

char *
bdb_path(const char *dir, const char *name, struct err *err)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		err_set(err, ERR_NOMEM, "no memory for a path");
		return NULL;
	}
	return path;
}
