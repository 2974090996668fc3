/*
 * incomplete.c: tables that were set aside. STORE_INCOMPLETE names them, file
 * and time, until the operator accepts that.
 */
#include "lib/engine_bdb/damage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/files.h"

#define STORE_INCOMPLETE "incomplete"
#define EVENTS "events-"

/*
 * Which tables may be made anew when they cannot be rebuilt. Without endpoints,
 * secrets, destinations and cursors the store cannot go on.
 */
static const struct {
	const char *prefix;
	bool may_go; /* what is whole in it goes on, or it begins empty */
	const char *without; /* what that means, for the log */
} kinds[] = {
	{ EVENTS, true, "events that it lacks become dead letters" },
	{ "tries-", true, "what was tried to deliver its events is unknown" },
	{ "dedupe-", true, "what it lacks is looked up in the log" },
	{ "audit", true, "records of the audit trail may be missing" },
	{ "requests", true, "changes of the last hour may be repeated" },
	{ "counts", true, "counters may begin anew" },
	{ "notices", true, "notices that were due may be missing" },
	{ "held", true,
	    "why events are held may be missing: they can be released still" },
	{ "ignored", true,
	    "messages that were ignored can be posted again as others" },
	{ "deliveries", true,
	    "deliveries that waited there may be missing: see eyelet-event "
	    "replay" },
	{ "", false, "" },
};

static size_t
kind_of(const char *file)
{
	size_t i = 0;

	while (strncmp(file, kinds[i].prefix, strlen(kinds[i].prefix)) != 0)
		i++;
	return i;
}

bool
store_table_may_go(const char *file, const char **without)
{
	size_t kind = kind_of(file);

	*without = kinds[kind].without;
	return kinds[kind].may_go;
}

int
store_each_incomplete(struct store *st,
    int (*visit)(void *arg, const struct store_incomplete *t, struct err *err),
    void *arg, struct err *err)
{
	struct store_incomplete t;
	long long at_ms;
	int ret = 0;
	FILE *f;

	if (store_note_open(st, STORE_INCOMPLETE, &f, err) < 0)
		return -1;
	while (ret == 0 && f != NULL &&
	       fscanf(f, "%63s %lld", t.table, &at_ms) == 2) {
		t.at_ms = at_ms;
		t.without = kinds[kind_of(t.table)].without;
		ret = visit(arg, &t, err);
	}
	if (f != NULL)
		fclose(f);
	return ret;
}

static int
write_incomplete(void *arg, const struct store_incomplete *t, struct err *err)
{
	(void)err;
	fprintf(arg, "%s %lld\n", t->table, (long long)t->at_ms);
	return 0;
}

static int
find_incomplete(void *arg, const struct store_incomplete *t, struct err *err)
{
	const char **file = arg;

	(void)err;
	if (*file != NULL && strcmp(*file, t->table) == 0)
		*file = NULL;
	return 0;
}

int
store_note_incomplete(struct store *st, const char *file, struct err *err)
{
	const char *missing = file;
	FILE *f;

	if (strncmp(file, EVENTS, sizeof(EVENTS) - 1) == 0)
		return 0;
	if (store_each_incomplete(st, find_incomplete, &missing, err) < 0)
		return -1;
	if (missing == NULL)
		return 0;
	f = store_note_make(st, STORE_INCOMPLETE STORE_NOTE_NEW);
	if (f != NULL &&
	    store_each_incomplete(st, write_incomplete, f, err) < 0) {
		fclose(f);
		return -1;
	}
	if (f != NULL)
		fprintf(f, "%s %lld\n", file, (long long)store_wall_ms());
	return store_note_put(st, f, STORE_INCOMPLETE, err);
}

int
store_forget_incomplete(struct store *st, struct err *err)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/" STORE_INCOMPLETE, st->opt.dir);
	if (unlink(path) < 0)
		return errno == ENOENT
			   ? 0
			   : err_errno(err, errno, "remove %s", path);
	return files_sync_folder(st->opt.dir, err);
}
