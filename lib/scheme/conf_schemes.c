/* conf_schemes.c: loads the schemes of a configuration's folders. */
#include "lib/scheme/conf_schemes.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/guard.h"

static int
judge_folders(
    const struct conf *cf, const char *dirs[CONF_PATHS_MAX], struct err *err)
{
	size_t i;

	for (i = 0; i < cf->nschemes; i++) {
		dirs[i] = cf->schemes[i];
		if (guard_folder_of(dirs[i], ".json", err) < 0)
			return err_wrap(err, "schemes");
	}
	return 0;
}

/* Keeps the first. */
static void
note_error(void *arg, const struct err *why)
{
	struct err *first = arg;

	if (first->code == ERR_NONE)
		*first = *why;
}

int
conf_schemes_load(const struct conf *cf,
    void (*on_error)(void *arg, const struct err *err), void *arg,
    struct scheme_set **out, struct err *err)
{
	const char *dirs[CONF_PATHS_MAX];
	struct scheme_set *set;
	struct err first = ERR_INIT;

	if (judge_folders(cf, dirs, err) < 0)
		return -1;
	if (on_error != NULL)
		return scheme_set_load(
		    dirs, cf->nschemes, on_error, arg, out, err);
	if (scheme_set_load(dirs, cf->nschemes, note_error, &first, &set, err) <
	    0)
		return -1;
	if (first.code != ERR_NONE) {
		scheme_set_free(set);
		*err = first;
		return -1;
	}
	*out = set;
	return 0;
}

struct named {
	char file[NAME_MAX + 4]; /* "/NAME.json:" */
	struct err why;
};

static void
note_named(void *arg, const struct err *why)
{
	struct named *nm = arg;

	if (strstr(why->text, nm->file) != NULL)
		nm->why = *why;
}

int
conf_schemes_learn(const struct conf *cf, const struct scheme_set *old,
    const char *name, struct scheme_set **out, struct err *err)
{
	const char *dirs[CONF_PATHS_MAX];
	struct named nm = { .why = ERR_INIT };

	*out = NULL;
	snprintf(nm.file, sizeof(nm.file), "/%s.json:", name);
	if (judge_folders(cf, dirs, err) < 0 ||
	    scheme_set_learn(
		old, dirs, cf->nschemes, note_named, &nm, out, err) < 0)
		return -1;
	if (*out != NULL && scheme_set_find(*out, name) != NULL)
		return 0;
	if (nm.why.code == ERR_NONE)
		return 0;
	scheme_set_free(*out);
	*out = NULL;
	*err = nm.why;
	return -1;
}
