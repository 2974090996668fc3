/* damage_note.c: files in the store's folder that note damaged tables. */
#include "lib/engine_bdb/damage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/util.h"

FILE *
store_note_make(struct store *st, const char *name)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", st->opt.dir, name);
	f = fopen(path, "we");
	if (f != NULL)
		(void)fchmod(fileno(f), 0600);
	return f;
}

int
store_note_open(struct store *st, const char *name, FILE **f, struct err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", st->opt.dir, name);
	*f = fopen(path, "re");
	if (*f == NULL && errno != ENOENT)
		return err_errno(err, errno, "read %s", path);
	return 0;
}

int
store_note_put(struct store *st, FILE *f, const char *name, struct err *err)
{
	char from[64];
	bool failed = f == NULL || fflush(f) != 0 || fsync(fileno(f)) < 0;

	if (f != NULL && fclose(f) != 0)
		failed = true;
	if (failed)
		return err_errno(err, errno, "write %s/%s", st->opt.dir, name);
	snprintf(from, sizeof(from), "%s" STORE_NOTE_NEW, name);
	return files_rename(st->opt.dir, from, name, err);
}

static bool
is_named(const struct store_mending *md, const char *file)
{
	size_t i;

	for (i = 0; i < md->n; i++)
		if (strcmp(md->files[i].name, file) == 0)
			return true;
	return false;
}

void
store_mending_add(struct store_mending *md, const char *file)
{
	if (md->n < NITEMS(md->files) && !is_named(md, file))
		snprintf(md->files[md->n++].name, BDB_FILE_MAX + 1, "%s", file);
}

int
store_mending_read(struct store_mending *md, struct err *err)
{
	char line[256];
	FILE *f;

	if (store_note_open(md->st, STORE_DAMAGED, &f, err) < 0)
		return -1;
	while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		if (line[0] != '\0' && strlen(line) <= BDB_FILE_MAX &&
		    strchr(line, '/') == NULL)
			store_mending_add(md, line);
	}
	if (f != NULL)
		fclose(f);
	return 0;
}

int
store_is_marked(struct store *st, bool *marked, struct err *err)
{
	return files_exist(st->opt.dir, STORE_DAMAGED, marked, err);
}

static int
write_note(const struct store_mending *md, struct err *err)
{
	FILE *f = store_note_make(md->st, STORE_DAMAGED STORE_NOTE_NEW);
	size_t i;

	for (i = 0; f != NULL && i < md->n; i++)
		fprintf(f, "%s\n", md->files[i].name);
	return store_note_put(md->st, f, STORE_DAMAGED, err);
}

int
store_mark_damaged(struct store *st, struct err *err)
{
	char files[BDB_DAMAGED_MAX][BDB_FILE_MAX + 1];
	struct store_mending *md = calloc(1, sizeof(*md));
	size_t i, n = bdb_damaged(files, BDB_DAMAGED_MAX);
	struct err why = ERR_INIT;
	int ret;

	if (md == NULL)
		return err_set(err, ERR_NOMEM, "no memory to note damage");
	md->st = st;
	/* A file that cannot be read is met again when it is used. */
	if (store_mending_read(md, &why) < 0)
		store_say(st, "%s", why.text);
	for (i = 0; i < n; i++)
		store_mending_add(md, files[i]);
	ret = write_note(md, err);
	for (i = 0; i < md->n; i++)
		store_say(st,
		    "table %s is damaged: it is mended when the "
		    "store is opened next",
		    md->files[i].name);
	free(md);
	return ret;
}
