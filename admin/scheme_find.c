/* scheme_find.c: looks schemes up in their folders. */
#include "admin/scheme_find.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/output.h"
#include "lib/base/near.h"

int
scheme_folders_read(const struct command_line *line,
    struct scheme_folders *folders, struct err *err)
{
	const char *dir;
	size_t i;

	memset(folders, 0, sizeof(*folders));
	while ((dir = command_option(line, "schemes", folders->n)) != NULL) {
		if (folders->n == CONF_PATHS_MAX)
			return err_set(err, ERR_USAGE,
			    "more than %d folders of schemes", CONF_PATHS_MAX);
		if (access(dir, F_OK) < 0)
			return errno == ENOENT || errno == ENOTDIR
				   ? err_set(err, ERR_NOTFOUND,
					 "%s: no such folder", dir)
				   : err_errno(err, errno, "%s", dir);
		folders->at[folders->n++] = dir;
	}
	if (folders->n > 0)
		return 0;
	if (conf_read(line->config, &folders->conf, err) < 0)
		return -1;
	folders->has_conf = true;
	for (i = 0; i < folders->conf.nschemes; i++)
		folders->at[folders->n++] = folders->conf.schemes[i];
	return 0;
}

void
scheme_folders_free(struct scheme_folders *folders)
{
	if (folders->has_conf)
		conf_free(&folders->conf);
	folders->has_conf = false;
}

static void
left_out(void *arg, const struct err *err)
{
	const struct command_line *line = arg;

	note(line->program->name, "warning: left out: %s", err->text);
}

int
scheme_find_all(const struct command_line *line,
    const struct scheme_folders *folders, struct scheme_set **out,
    struct err *err)
{
	/* on_error has one argument, which it only reads. */
	struct command_line copy = *line;

	return scheme_set_load(
	    folders->at, folders->n, left_out, &copy, out, err);
}

static int
not_found(
    const struct scheme_folders *folders, const char *name, struct err *err)
{
	struct near near = NEAR_INIT;
	struct scheme_set *set;
	size_t i, n;

	if (scheme_set_load(folders->at, folders->n, NULL, NULL, &set, err) < 0)
		return -1;
	n = scheme_set_count(set);
	for (i = 0; i < n; i++)
		near_try(
		    &near, span_str(name), scheme_name(scheme_set_at(set, i)));
	if (near.word != NULL)
		err_set(err, ERR_NOTFOUND,
		    "there is no scheme \"%.64s\"; was \"%s\" meant?", name,
		    near.word);
	else
		err_set(err, ERR_NOTFOUND,
		    "there is no scheme \"%.64s\" among the %zu in %s%s", name,
		    n, folders->n > 0 ? folders->at[0] : "no folder",
		    folders->n > 1 ? " and other folders" : "");
	scheme_set_free(set);
	return -1;
}

/* The folders from the last on: a later one overrides. */
static int
load(const struct scheme_folders *folders, const char *name,
    struct scheme **out, struct err *err)
{
	char path[4096];
	size_t i;

	/* A name cannot lead out of its folder. */
	if (strchr(name, '/') != NULL)
		return not_found(folders, name, err);
	for (i = folders->n; i-- > 0;) {
		if (snprintf(path, sizeof(path), "%s/%s.json", folders->at[i],
			name) >= (int)sizeof(path))
			return err_set(err, ERR_USAGE, "the path is too long");
		if (access(path, F_OK) == 0 ||
		    (errno != ENOENT && errno != ENOTDIR))
			return scheme_load(path, out, NULL, err);
	}
	return not_found(folders, name, err);
}

int
scheme_find(const struct command_line *line, const char *name,
    struct scheme **out, struct err *err)
{
	struct scheme_folders folders;
	int ret = -1;

	if (scheme_folders_read(line, &folders, err) == 0)
		ret = load(&folders, name, out, err);
	scheme_folders_free(&folders);
	return ret;
}
