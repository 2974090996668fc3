/* test_conf_live.c: what a reload takes, what waits, and who learns of it. */
#include "lib/config/conf_live.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/util.h"

static char folder[64], path[96];
static struct conf_live *live;

static void
write_file(const char *text)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
}

static void
set_up(void)
{
	struct conf cf;
	struct err err = ERR_INIT;

	strcpy(folder, "/tmp/test_conf_live.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/eyelet.conf", folder);
	write_file("");
	ck_assert_msg(conf_read(path, &cf, &err) == 0, "%s", err.text);
	ck_assert_int_eq(conf_live_new(&cf, &live, &err), 0);
}

static void
tear_down(void)
{
	char command[128];

	conf_live_free(live);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

static int
reload(struct err *err)
{
	struct conf cf;

	if (conf_live_read(live, path, &cf, err) < 0)
		return -1;
	return conf_live_set(live, &cf, err);
}

/* eyelet.conf(5) says the same of each. */
static const struct {
	const char *name, *other;
	enum conf_when when;
} settings[] = {
	{ "store.path", "/srv/other", CONF_RESTART },
	{ "store.key_file", "/srv/key", CONF_RESTART },
	{ "store.horizon", "36d", CONF_RESTART },
	{ "store.dedupe_max", "5g", CONF_RESTART },
	{ "store.cache", "65m", CONF_RESTART },
	{ "store.ballast", "49m", CONF_RESTART },
	{ "deliver.copied", "deliver", CONF_RESTART },
	{ "receive.bodies_max", "257m", CONF_RESTART },
	{ "receive.mount", "/other", CONF_LIVE },
	{ "receive.body_max", "2m", CONF_LIVE },
	{ "receive.upload_timeout", "31s", CONF_LIVE },
	{ "receive.trusted_proxies", "10.0.0.1", CONF_LIVE },
	{ "receive.address_rate", "7", CONF_LIVE },
	{ "schemes.path", "/srv/schemes", CONF_LIVE },
	{ "deliver.mode", "off", CONF_LIVE },
	{ "deliver.connections", "7", CONF_LIVE },
	{ "deliver.missing_after", "7m", CONF_LIVE },
	{ "process.workers", "3", CONF_LIVE },
	{ "process.log", "syslog", CONF_LIVE },
	{ "store.retain", "31d", CONF_LIVE },
	{ "store.retain_bytes", "11g", CONF_LIVE },
	{ "store.hold_max", "31d", CONF_LIVE },
	{ "store.held_max", "7", CONF_LIVE },
	{ "store.held_bytes", "7m", CONF_LIVE },
	{ "store.ignored_max", "7", CONF_LIVE },
	{ "store.segment_max", "7m", CONF_LIVE },
	{ "store.segment_age", "2d", CONF_LIVE },
	{ "store.floor", "65m", CONF_LIVE },
	{ "store.log_keep_max", "7m", CONF_LIVE },
	{ "quarantine.count", "7", CONF_LIVE },
	{ "quarantine.bytes", "7k", CONF_LIVE },
	{ "quarantine.total", "7m", CONF_LIVE },
	{ "deliver.program", "/srv/deliver", CONF_LIVE },
	{ "process.program", "/srv/eyelet.fcgi", CONF_LIVE },
};

struct looked {
	const char *name;
	const char *text, *waits;
	enum conf_when when;
};

static int
look(void *arg, const struct conf_value *v, struct err *err)
{
	struct looked *lk = arg;

	(void)err;
	if (strcmp(v->name, lk->name) == 0) {
		lk->text = v->text;
		lk->waits = v->waits;
		lk->when = v->when;
	}
	return 0;
}

START_TEST(each_setting_is_taken_or_waits)
{
	const char *name = settings[_i].name, *other = settings[_i].other;
	const struct conf *before = conf_live_get(live), *after;
	struct looked was = { .name = name }, is = { .name = name };
	const char *dot = strchr(name, '.');
	struct err err = ERR_INIT;
	char text[256];

	snprintf(text, sizeof(text), "[%.*s]\n%s = %s\n", (int)(dot - name),
	    name, dot + 1, other);
	write_file(text);
	ck_assert_msg(reload(&err) == 0, "%s", err.text);
	after = conf_live_get(live);
	ck_assert_int_eq(conf_visit(before, look, &was, &err), 0);
	ck_assert_int_eq(conf_visit(after, look, &is, &err), 0);
	ck_assert_msg(is.when == settings[_i].when, "%s", name);
	if (is.when == CONF_LIVE) {
		ck_assert_str_eq(is.text, other);
		ck_assert_ptr_null(is.waits);
	} else {
		ck_assert_str_eq(is.text, was.text);
		ck_assert_str_eq(is.waits, other);
	}
	ck_assert(conf_differs(before, after, name) ==
		  (settings[_i].when == CONF_LIVE));
	conf_live_put(before);
	conf_live_put(after);
	/* Taken back in the file, nothing waits any more. */
	write_file("");
	ck_assert_msg(reload(&err) == 0, "%s", err.text);
	after = conf_live_get(live);
	is.waits = other;
	ck_assert_int_eq(conf_visit(after, look, &is, &err), 0);
	ck_assert_ptr_null(is.waits);
	conf_live_put(after);
}
END_TEST

static int
find_row(void *arg, const struct conf_value *v, struct err *err)
{
	size_t i;

	(void)arg;
	(void)err;
	for (i = 0; i < NITEMS(settings); i++)
		if (strcmp(settings[i].name, v->name) == 0)
			return 0;
	ck_abort_msg("no row has %s", v->name);
}

START_TEST(no_setting_is_left_out)
{
	const struct conf *cf = conf_live_get(live);
	struct err err = ERR_INIT;

	ck_assert_int_eq(conf_visit(cf, find_row, NULL, &err), 0);
	conf_live_put(cf);
}
END_TEST

START_TEST(a_request_keeps_the_one_it_began_with)
{
	const struct conf *mine = conf_live_get(live), *after;
	struct err err = ERR_INIT;

	write_file("[receive]\nbody_max = 2m\nmount = /in\n");
	ck_assert_int_eq(reload(&err), 0);
	after = conf_live_get(live);
	ck_assert_int_eq(mine->body_max, 1 << 20);
	ck_assert_str_eq(mine->mount, "/hooks");
	ck_assert_int_eq(after->body_max, 2 << 20);
	ck_assert_str_eq(after->mount, "/in");
	conf_live_put(mine);
	conf_live_put(after);
}
END_TEST

START_TEST(a_file_that_is_wrong_changes_nothing)
{
	const struct conf *cf;
	struct err err = ERR_INIT;
	char place[128];

	write_file("[receive]\nbody_max = 2m\n\nmount = in\n");
	ck_assert_int_eq(reload(&err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	snprintf(place, sizeof(place), "%s:4: ", path);
	ck_assert_msg(
	    strncmp(err.text, place, strlen(place)) == 0, "%s", err.text);
	cf = conf_live_get(live);
	ck_assert_int_eq(cf->body_max, 1 << 20);
	conf_live_put(cf);
}
END_TEST

/* An editor, or "rm" and "cp", takes it away for a moment. */
START_TEST(a_file_that_is_gone_changes_nothing)
{
	static const char *const none[] = { NULL, "" };
	const struct conf *cf;
	struct conf read;
	struct err err = ERR_INIT;
	size_t i;

	if (access(EYELET_SYSCONFDIR "/eyelet/eyelet.conf", F_OK) == 0)
		return; /* eyelet is installed here */
	write_file("[store]\nretain = 3650d\n[deliver]\nmode = off\n");
	ck_assert_int_eq(reload(&err), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(unsetenv(CONF_ENV), 0);
	for (i = 0; i < NITEMS(none); i++) {
		err = (struct err)ERR_INIT;
		ck_assert_int_eq(
		    conf_live_read(live, none[i], &read, &err), -1);
		ck_assert_int_eq(err.code, ERR_NOTFOUND);
		ck_assert_msg(strstr(err.text, path) == err.text &&
				  strstr(err.text, " is gone: ") != NULL,
		    "%s", err.text);
	}
	ck_assert_int_eq(reload(&err), -1);
	ck_assert_int_eq(err.code, ERR_NOTFOUND);
	cf = conf_live_get(live);
	ck_assert_int_eq(cf->retain_s, 3650 * INT64_C(86400));
	ck_assert_str_eq(cf->deliver_mode, CONF_DELIVER_OFF);
	conf_live_put(cf);
	write_file("[store]\nretain = 31d\n");
	ck_assert_msg(reload(&err) == 0, "%s", err.text);
}
END_TEST

/* Defaults alone stay what they are. */
START_TEST(no_file_before_or_after_is_no_fault)
{
	struct conf cf;
	struct conf_live *bare = NULL;
	struct err err = ERR_INIT;

	if (access(EYELET_SYSCONFDIR "/eyelet/eyelet.conf", F_OK) == 0)
		return;
	ck_assert_int_eq(unsetenv(CONF_ENV), 0);
	ck_assert_int_eq(conf_read(NULL, &cf, &err), 0);
	ck_assert_int_eq(conf_live_new(&cf, &bare, &err), 0);
	ck_assert_int_eq(conf_live_read(bare, NULL, &cf, &err), 0);
	conf_free(&cf);
	conf_live_free(bare);
}
END_TEST

START_TEST(the_mark_is_seen_once_by_each)
{
	struct conf_mark mine, other, late;
	struct timespec now;
	struct err err = ERR_INIT;
	int i;

	clock_gettime(CLOCK_REALTIME, &now);
	conf_mark_init(&mine, folder, &now);
	conf_mark_init(&other, folder, &now);
	ck_assert(!conf_mark_look(&other, folder));
	/* In quick succession, too. */
	for (i = 0; i < 100; i++) {
		ck_assert_msg(
		    conf_mark_touch(&mine, folder, &err) == 0, "%s", err.text);
		ck_assert(!conf_mark_look(&mine, folder));
		ck_assert(conf_mark_look(&other, folder));
		ck_assert(!conf_mark_look(&other, folder));
	}
	/* By a process that began before, and may have read the old file. */
	conf_mark_init(&late, folder, &now);
	ck_assert(conf_mark_look(&late, folder));
	ck_assert(!conf_mark_look(&late, folder));
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec++;
	conf_mark_init(&late, folder, &now);
	ck_assert(!conf_mark_look(&late, folder));
	ck_assert_int_lt(conf_mark_touch(&mine, "/nowhere", &err), 0);
}
END_TEST

/* A clock that was set back. */
START_TEST(the_mark_goes_on_from_the_future)
{
	struct conf_mark mine, other;
	struct timespec now = { 1 << 30, 0 };
	struct timespec ahead[2] = { { 1 << 30, 999999999 },
		{ 1 << 30, 999999999 } };
	struct err err = ERR_INIT;
	char mark[96];

	conf_mark_init(&mine, folder, &now);
	ck_assert_int_eq(conf_mark_touch(&mine, folder, &err), 0);
	snprintf(mark, sizeof(mark), "%s/" CONF_LIVE_MARK, folder);
	ahead[0].tv_sec = ahead[1].tv_sec += 3 * (1 << 29);
	ck_assert_int_eq(utimensat(AT_FDCWD, mark, ahead, 0), 0);
	now.tv_sec = UINT32_MAX;
	conf_mark_init(&other, folder, &now);
	ck_assert_int_eq(conf_mark_touch(&mine, folder, &err), 0);
	ck_assert(conf_mark_look(&other, folder));
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf_live");
	TCase *tc = tcase_create("conf_live");
	SRunner *sr = srunner_create(s);
	int failed;

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_loop_test(
	    tc, each_setting_is_taken_or_waits, 0, NITEMS(settings));
	tcase_add_test(tc, no_setting_is_left_out);
	tcase_add_test(tc, a_request_keeps_the_one_it_began_with);
	tcase_add_test(tc, a_file_that_is_wrong_changes_nothing);
	tcase_add_test(tc, a_file_that_is_gone_changes_nothing);
	tcase_add_test(tc, no_file_before_or_after_is_no_fault);
	tcase_add_test(tc, the_mark_is_seen_once_by_each);
	tcase_add_test(tc, the_mark_goes_on_from_the_future);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
