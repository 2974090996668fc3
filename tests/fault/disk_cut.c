/*
 * disk_cut.c: cuts the power: takes back what no sync covered, and begins a
 * new log. Only when every process that had disk.so is gone.
 *
 *	disk_cut LOG-FOLDER none|prefix|subset|torn [SEED]
 */
#include "tests/fault/disk.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

static const char *const models[] = {
	[DISK_NONE] = "none",
	[DISK_PREFIX] = "prefix",
	[DISK_SUBSET] = "subset",
	[DISK_TORN] = "torn",
};

static void
begin_new_log(const char *dir)
{
	char path[PATH_MAX];
	const int64_t none = 0;
	struct dirent *entry;
	DIR *grave;
	int fd;

	snprintf(path, sizeof(path), "%s/log", dir);
	if (truncate(path, 0) < 0)
		err(EX_IOERR, "%s", path);
	snprintf(path, sizeof(path), "%s/control", dir);
	if ((fd = open(path, O_WRONLY | O_CLOEXEC)) < 0 ||
	    pwrite(fd, &none, sizeof(none),
		offsetof(struct disk_control, log_end)) != sizeof(none) ||
	    close(fd) < 0)
		err(EX_IOERR, "%s", path);
	snprintf(path, sizeof(path), "%s/grave", dir);
	if ((grave = opendir(path)) == NULL)
		err(EX_IOERR, "%s", path);
	while ((entry = readdir(grave)) != NULL)
		if (entry->d_name[0] != '.' &&
		    unlinkat(dirfd(grave), entry->d_name, 0) < 0)
			err(EX_IOERR, "%s", entry->d_name);
	closedir(grave);
}

int
main(int argc, char **argv)
{
	struct disk_undo undo = { .model = DISK_NONE };
	size_t i, n = sizeof(models) / sizeof(models[0]);

	for (i = 0; i < n && argc >= 3; i++)
		if (strcmp(argv[2], models[i]) == 0)
			break;
	if (argc < 3 || argc > 4 || i == n)
		errx(EX_USAGE, "usage: disk_cut LOG-FOLDER "
			       "none|prefix|subset|torn [SEED]");
	undo.model = (enum disk_model)i;
	undo.seed = argc == 4 ? strtoull(argv[3], NULL, 10) : 1;
	if (!disk_log_undo(argv[1], &undo))
		return EX_DATAERR;
	begin_new_log(argv[1]);
	printf("%llu pieces not synced, %llu of them and %llu names taken "
	       "back\n",
	    (unsigned long long)undo.pending, (unsigned long long)undo.undone,
	    (unsigned long long)undo.names);
	return 0;
}
