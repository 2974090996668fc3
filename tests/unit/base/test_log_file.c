/* test_log_file.c: which files are followed, and what is taken for them. */
#include "lib/base/log_file.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/util.h"

#define OTHER_UID 65534

static char dir[64], path[128], moved[128];
static int fd;

static void
set_up(void)
{
	strcpy(dir, "/tmp/test_log_file.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/log", dir);
	snprintf(moved, sizeof(moved), "%s/log.1", dir);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fchmod(fd, 0640), 0);
}

static void
tear_down(void)
{
	char command[128];

	close(fd);
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static struct log_file *
follow(void)
{
	struct log_file *lf = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(log_file_new(fd, &lf, &err), 0);
	ck_assert_ptr_nonnull(lf);
	return lf;
}

static void
say(const char *words)
{
	ck_assert_int_eq(
	    write(fd, words, strlen(words)), (ssize_t)strlen(words));
}

static const char *
read_file(const char *name)
{
	static char text[256];
	FILE *f = fopen(name, "r");
	size_t n;

	if (f == NULL)
		return "(none)";
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = '\0';
	fclose(f);
	return text;
}

static void
make(const char *name, mode_t mode)
{
	int made = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);

	ck_assert_int_ge(made, 0);
	close(made);
}

START_TEST(a_renamed_file_is_made_anew)
{
	struct log_file *lf = follow();
	struct err err = ERR_INIT;
	struct stat st;

	say("one\n");
	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(log_file_look(lf, true, &err), 0);
	say("two\n");
	ck_assert_str_eq(read_file(moved), "one\n");
	ck_assert_str_eq(read_file(path), "two\n");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(st.st_mode & 07777, 0640);
	ck_assert_int_ne(fcntl(fd, F_GETFL) & O_APPEND, 0);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	/* And again, and by removal. */
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(log_file_look(lf, true, &err), 0);
	say("three\n");
	ck_assert_str_eq(read_file(path), "three\n");
	log_file_free(lf);
}
END_TEST

START_TEST(another_file_there_is_taken)
{
	struct log_file *lf = follow();
	struct err err = ERR_INIT;

	ck_assert_int_eq(rename(path, moved), 0);
	make(path, 0600);
	ck_assert_int_eq(log_file_look(lf, true, &err), 0);
	say("two\n");
	ck_assert_str_eq(read_file(path), "two\n");
	log_file_free(lf);
}
END_TEST

START_TEST(a_look_waits_for_its_time)
{
	struct log_file *lf = follow();
	struct err err = ERR_INIT;

	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(log_file_look(lf, false, &err), 0);
	say("one\n");
	ck_assert_str_eq(read_file(moved), "one\n");
	log_file_free(lf);
}
END_TEST

START_TEST(a_cut_file_is_written_from_its_start)
{
	struct log_file *lf = follow();
	struct err err = ERR_INIT;

	say("one\n");
	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(log_file_look(lf, true, &err), 0);
	say("two\n");
	ck_assert_str_eq(read_file(path), "two\n");
	log_file_free(lf);
}
END_TEST

START_TEST(output_moves_along)
{
	struct log_file *lf = follow();
	struct err err = ERR_INIT;
	struct stat here, there;
	int before = dup(STDOUT_FILENO);

	ck_assert_int_ge(dup2(fd, STDOUT_FILENO), 0);
	ck_assert_int_eq(rename(path, moved), 0);
	ck_assert_int_eq(log_file_look(lf, true, &err), 0);
	ck_assert_int_eq(fstat(STDOUT_FILENO, &here), 0);
	ck_assert_int_eq(stat(path, &there), 0);
	ck_assert_int_ge(dup2(before, STDOUT_FILENO), 0);
	close(before);
	ck_assert_uint_eq(here.st_ino, there.st_ino);
	log_file_free(lf);
}
END_TEST

/* --- what is not taken: the old file stays, and it is said once ----------- */

static void
put_link(void)
{
	ck_assert_int_eq(symlink("target", path), 0);
}

static void
put_second_name(void)
{
	char target[128];

	snprintf(target, sizeof(target), "%s/target", dir);
	ck_assert_int_eq(link(target, path), 0);
}

static void
put_folder(void)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
}

static void
put_fifo(void)
{
	ck_assert_int_eq(mkfifo(path, 0600), 0);
}

static void
put_others_file(void)
{
	make(path, 0666);
	ck_assert_int_eq(chown(path, OTHER_UID, OTHER_UID), 0);
}

/* The folder itself, by way of a link: what is there is out of reach. */
static void
put_linked_folder(void)
{
	char real[128];

	snprintf(real, sizeof(real), "%s.real", dir);
	ck_assert_int_eq(rename(dir, real), 0);
	ck_assert_int_eq(symlink(real, dir), 0);
}

static void
take_linked_folder(void)
{
	char real[128];

	snprintf(real, sizeof(real), "%s.real", dir);
	ck_assert_int_eq(unlink(dir), 0);
	ck_assert_int_eq(rename(real, dir), 0);
}

/* Root's lines alone: others may put a file of root's there. */
static void
open_folder(void)
{
	ck_assert_int_eq(chmod(dir, 0777), 0);
}

static void
give_folder(void)
{
	ck_assert_int_eq(chown(dir, OTHER_UID, OTHER_UID), 0);
}

static const struct {
	const char *when;
	void (*put)(void);
	void (*take)(void);
	bool root; /* needs to be root */
} refused[] = {
	{ "a symbolic link", put_link, NULL, false },
	{ "a file with a second name", put_second_name, NULL, false },
	{ "a folder", put_folder, NULL, false },
	{ "a FIFO", put_fifo, NULL, false },
	{ "another user's file", put_others_file, NULL, true },
	{ "a folder on the way is a link", put_linked_folder,
	    take_linked_folder, false },
	{ "root, and a folder for all to write in", open_folder, NULL, true },
	{ "root, and another user's folder", give_folder, NULL, true },
};

START_TEST(what_is_not_ours_is_not_taken)
{
	struct log_file *lf = follow();
	struct err err = ERR_INIT;
	char target[128];

	if (refused[_i].root && geteuid() != 0) {
		log_file_free(lf);
		return;
	}
	snprintf(target, sizeof(target), "%s/target", dir);
	make(target, 0600);
	ck_assert_int_eq(rename(path, moved), 0);
	refused[_i].put();
	ck_assert_msg(
	    log_file_look(lf, true, &err) < 0, "%s", refused[_i].when);
	ck_assert_msg(strstr(err.text, path) != NULL &&
			  strstr(err.text, "copytruncate") != NULL,
	    "%s: %s", refused[_i].when, err.text);
	ck_assert_msg(log_file_look(lf, true, &err) == 0, "%s: said twice",
	    refused[_i].when);
	say("one\n");
	if (refused[_i].take != NULL)
		refused[_i].take();
	ck_assert_str_eq(read_file(moved), "one\n");
	ck_assert_str_eq(read_file(target), "");
	log_file_free(lf);
}
END_TEST

/* --- what is not followed ------------------------------------------------- */

START_TEST(only_a_named_file_for_appending_is_followed)
{
	struct log_file *lf = NULL;
	struct err err = ERR_INIT;
	int other = open(path, O_WRONLY | O_CLOEXEC), ends[2];

	ck_assert_int_eq(log_file_new(other, &lf, &err), 0);
	ck_assert_ptr_null(lf);
	close(other);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(log_file_new(ends[1], &lf, &err), 0);
	ck_assert_ptr_null(lf);
	close(ends[0]);
	close(ends[1]);
	other = open(path, O_RDONLY | O_APPEND | O_CLOEXEC);
	ck_assert_int_eq(log_file_new(other, &lf, &err), 0);
	ck_assert_ptr_null(lf);
	close(other);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(log_file_new(fd, &lf, &err), 0);
	ck_assert_ptr_null(lf);
	ck_assert_int_eq(log_file_look(lf, true, &err), 0);
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("log_file");
	TCase *tc = tcase_create("rotation");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_renamed_file_is_made_anew);
	tcase_add_test(tc, another_file_there_is_taken);
	tcase_add_test(tc, a_look_waits_for_its_time);
	tcase_add_test(tc, a_cut_file_is_written_from_its_start);
	tcase_add_test(tc, output_moves_along);
	tcase_add_loop_test(
	    tc, what_is_not_ours_is_not_taken, 0, NITEMS(refused));
	tcase_add_test(tc, only_a_named_file_for_appending_is_followed);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
