/* set.c: all schemes of some folders, sorted by name. */
#include "lib/scheme/scheme.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENDING ".json"
#define ENDING_LEN (sizeof(ENDING) - 1)

struct scheme_set {
	atomic_uint holds; /* beside the one of who made it */
	struct scheme **at; /* sorted by name */
	size_t n, room;
};

/* The index of a name, or of where it would stand; *found says which. */
static size_t
place_of(const struct scheme_set *set, const char *name, bool *found)
{
	size_t low = 0, high = set->n, mid;
	int c;

	*found = false;
	while (low < high) {
		mid = low + (high - low) / 2;
		c = strcmp(scheme_name(set->at[mid]), name);
		if (c == 0) {
			*found = true;
			return mid;
		}
		if (c < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Takes sc, in place of the one that has its name. */
static int
add(struct scheme_set *set, struct scheme *sc, struct err *err)
{
	size_t i, room = set->room == 0 ? 32 : set->room * 2;
	struct scheme **grown;
	bool found;

	i = place_of(set, scheme_name(sc), &found);
	if (found) {
		scheme_free(set->at[i]);
		set->at[i] = sc;
		return 0;
	}
	if (set->n == set->room) {
		grown = realloc(set->at, room * sizeof(struct scheme *));
		if (grown == NULL) {
			scheme_free(sc);
			return err_set(err, ERR_NOMEM, "no memory for schemes");
		}
		set->at = grown;
		set->room = room;
	}
	memmove(set->at + i + 1, set->at + i,
	    (set->n - i) * sizeof(struct scheme *));
	set->at[i] = sc;
	set->n++;
	return 0;
}

/* A file that ends in ".json" and is not hidden. */
static int
is_scheme_file(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name);

	return entry->d_name[0] != '.' && len > ENDING_LEN &&
	       strcmp(entry->d_name + len - ENDING_LEN, ENDING) == 0;
}

struct loading {
	struct scheme_set *set;
	const struct scheme_set *old; /* what it knows is not read; or NULL */
	void (*on_error)(void *arg, const struct err *err);
	void *arg;
};

/* Is the file of a scheme that the old set has? */
static bool
is_known(const struct loading *ld, const char *file)
{
	char name[NAME_MAX + 1];

	snprintf(
	    name, sizeof(name), "%.*s", (int)(strlen(file) - ENDING_LEN), file);
	return ld->old != NULL && scheme_set_find(ld->old, name) != NULL;
}

static int
load_file(struct loading *ld, const char *path, struct err *err)
{
	struct err why = ERR_INIT;
	struct scheme *sc;

	if (scheme_load(path, &sc, NULL, &why) == 0)
		return add(ld->set, sc, err);
	if (why.code == ERR_NOMEM)
		return err_set(err, why.code, "%s", why.text);
	if (ld->on_error != NULL)
		ld->on_error(ld->arg, &why);
	return 0;
}

static int
load_folder(struct loading *ld, const char *dir, struct err *err)
{
	struct dirent **entries = NULL;
	char path[4096];
	int i, n, ret = 0;

	n = scandir(dir, &entries, is_scheme_file, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0; /* a folder of the operator's may not be there */
	if (n < 0)
		return err_errno(err, errno, "%s", dir);
	for (i = 0; i < n; i++) {
		if (ret == 0 && snprintf(path, sizeof(path), "%s/%s", dir,
				    entries[i]->d_name) >= (int)sizeof(path))
			ret = err_set(
			    err, ERR_LIMIT, "%s: the path is too long", dir);
		if (ret == 0 && !is_known(ld, entries[i]->d_name))
			ret = load_file(ld, path, err);
		free(entries[i]);
	}
	free(entries);
	return ret;
}

static int
load_folders(
    struct loading *ld, const char *const *dirs, size_t ndirs, struct err *err)
{
	size_t i;

	ld->set = calloc(1, sizeof(*ld->set));
	if (ld->set == NULL)
		return err_set(err, ERR_NOMEM, "no memory for schemes");
	for (i = 0; i < ndirs; i++)
		if (load_folder(ld, dirs[i], err) < 0) {
			scheme_set_free(ld->set);
			return -1;
		}
	return 0;
}

int
scheme_set_load(const char *const *dirs, size_t ndirs,
    void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err)
{
	struct loading ld = { NULL, NULL, on_error, arg };

	if (load_folders(&ld, dirs, ndirs, err) < 0)
		return -1;
	*out = ld.set;
	return 0;
}

int
scheme_set_learn(const struct scheme_set *old, const char *const *dirs,
    size_t ndirs, void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err)
{
	struct loading ld = { NULL, old, on_error, arg };
	size_t i;

	*out = NULL;
	if (load_folders(&ld, dirs, ndirs, err) < 0)
		return -1;
	if (ld.set->n == 0) {
		scheme_set_free(ld.set);
		return 0;
	}
	for (i = 0; i < old->n; i++)
		if (add(ld.set, scheme_hold(old->at[i]), err) < 0) {
			scheme_set_free(ld.set);
			return -1;
		}
	*out = ld.set;
	return 0;
}

struct scheme_set *
scheme_set_hold(const struct scheme_set *set)
{
	struct scheme_set *held = (struct scheme_set *)(uintptr_t)set;

	atomic_fetch_add(&held->holds, 1);
	return held;
}

void
scheme_set_free(struct scheme_set *set)
{
	size_t i;

	if (set == NULL || atomic_fetch_sub(&set->holds, 1) != 0)
		return;
	for (i = 0; i < set->n; i++)
		scheme_free(set->at[i]);
	free(set->at);
	free(set);
}

size_t
scheme_set_count(const struct scheme_set *set)
{
	return set->n;
}

const struct scheme *
scheme_set_at(const struct scheme_set *set, size_t i)
{
	return set->at[i];
}

const struct scheme *
scheme_set_find(const struct scheme_set *set, const char *name)
{
	bool found;
	size_t i = place_of(set, name, &found);

	return found ? set->at[i] : NULL;
}
