/* eyelet.conf: what it accepts, what it refuses and in which words. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/near.h"
#include "lib/base/util.h"
#include "lib/config/conf.h"
#include "lib/store/conf_store.h"

#define MANY_SETTINGS 64

static char folder[] = "/tmp/eyelet-conf.XXXXXX";
static char path[sizeof(folder) + 16];

static void
make_folder(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/t.conf", folder);
}

static void
remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static void
write_bytes(const void *text, size_t len)
{
	FILE *f = fopen(path, "w");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(text, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
}

static int
read_text(const char *text, struct conf *cf, struct err *err)
{
	write_bytes(text, strlen(text));
	return conf_read(path, cf, err);
}

START_TEST(defaults_are_those_of_the_page)
{
	struct err err = ERR_INIT;
	struct conf cf;

	ck_assert_msg(read_text("", &cf, &err) == 0, "%s", err.text);
	ck_assert_str_eq(cf.file, path);
	ck_assert_str_eq(cf.store, EYELET_LOCALSTATEDIR "/lib/eyelet/store");
	ck_assert_str_eq(
	    cf.key_file, EYELET_LOCALSTATEDIR "/lib/eyelet/keys/store.key");
	ck_assert_int_eq(cf.horizon_s, 35 * 86400);
	ck_assert_uint_eq(cf.dedupe_max, UINT64_C(4) << 30);
	ck_assert_int_eq(cf.retain_s, 30 * 86400);
	ck_assert_uint_eq(cf.retain_bytes, UINT64_C(10) << 30);
	ck_assert_int_eq(cf.hold_s, 30 * 86400);
	ck_assert_int_eq(cf.held_max, 10000);
	ck_assert_uint_eq(cf.held_bytes, 256 << 20);
	ck_assert_int_eq(cf.ignored_max, 100000);
	ck_assert_uint_eq(cf.segment_max, 256 << 20);
	ck_assert_int_eq(cf.segment_age_s, 86400);
	ck_assert_uint_eq(cf.floor, 64 << 20);
	ck_assert_uint_eq(cf.ballast, 48 << 20);
	ck_assert_uint_eq(cf.cache, 64 << 20);
	ck_assert_uint_eq(cf.log_keep_max, 512 << 20);
	ck_assert_int_eq(cf.quarantine_count, 100);
	ck_assert_uint_eq(cf.quarantine_bytes, 1 << 20);
	ck_assert_uint_eq(cf.quarantine_total, 64 << 20);
	ck_assert_uint_eq(cf.nschemes, 2);
	ck_assert_str_eq(cf.schemes[0], EYELET_DATADIR "/schemes");
	ck_assert_str_eq(cf.schemes[1], EYELET_SYSCONFDIR "/eyelet/schemes");
	ck_assert_str_eq(cf.mount, "/hooks");
	ck_assert_int_eq(cf.body_max, 1 << 20);
	ck_assert_uint_eq(cf.bodies_max, 256 << 20);
	ck_assert_int_eq(cf.upload_s, 30);
	ck_assert_str_eq(cf.trusted_proxies, "");
	ck_assert_int_eq(cf.address_rate, 0);
	ck_assert_str_eq(cf.deliver_mode, CONF_DELIVER_SERVICE);
	ck_assert_str_eq(cf.deliver_copied, CONF_COPIED_HOLD);
	ck_assert_int_eq(cf.connections, 1024);
	ck_assert_str_eq(cf.deliver_program, EYELET_SBINDIR "/eyelet-deliver");
	ck_assert_int_eq(cf.workers, 0);
	ck_assert_str_eq(cf.program, EYELET_LIBEXECDIR "/eyelet.fcgi");
	ck_assert_str_eq(cf.log, "stderr");
	conf_free(&cf);
	conf_free(&cf); /* an empty one is fine */
}
END_TEST

START_TEST(every_setting_is_read)
{
	static const char text[] =
	    "; all of them\n"
	    "[store]\n"
	    "path = /a/store ; a comment\n"
	    "key_file=/a/key\r\n"
	    "horizon = 2d\ndedupe_max = 2m\nretain = 3h\n"
	    "retain_bytes = 3m\nhold_max = 2d\nheld_max = 8\n"
	    "held_bytes = 6m\nignored_max = 5\n"
	    "segment_max = 64k\nsegment_age = 5m\n"
	    "floor = 0\nballast = 0\ncache = 2m\nlog_keep_max = 7m\n"
	    "[quarantine]\ncount = 0\nbytes = 8k\ntotal = 9m\n"
	    "[schemes]\n"
	    "path = /a  /b\n"
	    "    /c\n"
	    "[receive]\n"
	    "mount = /\nbody_max = 32m\nbodies_max = 64m\nupload_timeout = 5\n"
	    "trusted_proxies = 10.0.0.0/8,\n"
	    "  # between\n"
	    "  192.0.2.1\n"
	    "\t::1\n"
	    "address_rate = 9\n"
	    "[deliver]\n"
	    "mode = child\ncopied = deliver\nconnections = 7\nprogram = /x/d\n"
	    "[process]\n"
	    "workers = 3\nprogram = /x y\nlog = syslog";
	struct err err = ERR_INIT;
	struct conf cf;

	ck_assert_msg(read_text(text, &cf, &err) == 0, "%s", err.text);
	ck_assert_str_eq(cf.store, "/a/store");
	ck_assert_str_eq(cf.key_file, "/a/key");
	ck_assert_int_eq(cf.horizon_s, 2 * 86400);
	ck_assert_uint_eq(cf.dedupe_max, 2 << 20);
	ck_assert_int_eq(cf.retain_s, 3 * 3600);
	ck_assert_uint_eq(cf.retain_bytes, 3 << 20);
	ck_assert_int_eq(cf.hold_s, 2 * 86400);
	ck_assert_int_eq(cf.held_max, 8);
	ck_assert_uint_eq(cf.held_bytes, 6 << 20);
	ck_assert_int_eq(cf.ignored_max, 5);
	ck_assert_uint_eq(cf.segment_max, 64 << 10);
	ck_assert_int_eq(cf.segment_age_s, 300);
	ck_assert_uint_eq(cf.floor, 0);
	ck_assert_uint_eq(cf.ballast, 0);
	ck_assert_uint_eq(cf.cache, 2 << 20);
	ck_assert_uint_eq(cf.log_keep_max, 7 << 20);
	ck_assert_int_eq(cf.quarantine_count, 0);
	ck_assert_uint_eq(cf.quarantine_bytes, 8 << 10);
	ck_assert_uint_eq(cf.quarantine_total, 9 << 20);
	ck_assert_uint_eq(cf.nschemes, 3);
	ck_assert_str_eq(cf.schemes[0], "/a");
	ck_assert_str_eq(cf.schemes[1], "/b");
	ck_assert_str_eq(cf.schemes[2], "/c");
	ck_assert_str_eq(cf.mount, "/");
	ck_assert_int_eq(cf.body_max, 32 << 20);
	ck_assert_uint_eq(cf.bodies_max, 64 << 20);
	ck_assert_int_eq(cf.upload_s, 5);
	ck_assert_str_eq(cf.trusted_proxies, "10.0.0.0/8, 192.0.2.1 ::1");
	ck_assert_int_eq(cf.address_rate, 9);
	ck_assert_int_eq(cf.workers, 3);
	ck_assert_str_eq(cf.deliver_mode, CONF_DELIVER_CHILD);
	ck_assert_str_eq(cf.deliver_copied, CONF_COPIED_DELIVER);
	ck_assert_int_eq(cf.connections, 7);
	ck_assert_str_eq(cf.deliver_program, "/x/d");
	ck_assert_str_eq(cf.program, "/x y");
	ck_assert_str_eq(cf.log, "syslog");
	conf_free(&cf);
}
END_TEST

static const struct {
	const char *when, *text;
	int line;
	const char *says;
} refused[] = {
	{ "unknown key, near one", "[store]\nhorison = 3d\n", 2,
	    "did you mean \"horizon\"?" },
	{ "unknown key", "[store]\n\n\ncolour = red\n", 4,
	    "unknown key \"colour\" in [store]" },
	{ "key of another section", "[store]\nbody_max = 1m\n", 2,
	    "it belongs in [receive]" },
	{ "unknown section, near one", "[stor]\npath = /a\n", 2,
	    "did you mean [store]?" },
	{ "unknown section", "[kitchen]\npath = /a\n", 2,
	    "unknown section [kitchen]" },
	{ "no section", "path = /a\n", 1, "before the first section" },
	{ "given twice", "[store]\nfloor = 1m\n[store]\nfloor = 2m\n", 4,
	    "store.floor: given already in line 2" },
	{ "no key = value", "[store]\npath\n", 2, "neither" },
	{ "section without end", "[store\n", 1, "neither" },
	{ "no duration", "[store]\nhorizon = soon\n", 2, "store.horizon" },
	{ "empty duration", "[store]\nhorizon =\n", 2, "store.horizon" },
	{ "duration below the least", "[store]\nretain = 0\n", 2,
	    "from 1s to" },
	{ "duration above the most", "[receive]\nupload_timeout = 2h\n", 2,
	    "to 1h" },
	{ "size below the least", "[store]\ncache = 1k\n", 2,
	    "from 1.0 MiB to" },
	{ "size above the most", "[receive]\nbody_max = 33m\n", 2,
	    "to 32.0 MiB" },
	{ "less for all bodies than two take", "[receive]\nbodies_max = 63m\n",
	    2, "from 64.0 MiB" },
	{ "number above the most", "[process]\nworkers = 257\n", 2,
	    "process.workers" },
	{ "negative number", "[process]\nworkers = -1\n", 2,
	    "process.workers" },
	{ "number below the least", "[deliver]\nconnections = 0\n", 2,
	    "at least 1" },
	{ "no held event", "[store]\nheld_max = 0\n", 2, "at least 1" },
	{ "hardly a held byte", "[store]\nheld_bytes = 1k\n", 2,
	    "from 1.0 MiB" },
	{ "no ignored event", "[store]\nignored_max = 0\n", 2, "at least 1" },
	{ "a deliverer of an unknown kind", "[deliver]\nmode = on\n", 2,
	    "\"child\"" },
	{ "relative path", "[store]\npath = store\n", 2, "absolute" },
	{ "empty path", "[store]\nkey_file =\n", 2, "absolute" },
	{ "relative scheme folder", "[schemes]\npath = /a b\n", 2, "absolute" },
	{ "no scheme folder", "[schemes]\npath =\n", 2, "no folder" },
	{ "too many scheme folders",
	    "[schemes]\npath = /1 /2 /3 /4 /5 /6 /7 /8 /9\n", 2, "at most 8" },
	{ "mount without slash", "[receive]\nmount = hooks\n", 2,
	    "begins with" },
	{ "mount with a final slash", "[receive]\nmount = /hooks/\n", 2,
	    "does not end" },
	{ "proxies that are none", "[receive]\ntrusted_proxies = ::1, lb\n", 2,
	    "\"lb\"" },
	{ "second line of a list", "[receive]\ntrusted_proxies = ::1,\n  lb\n",
	    3, "\"lb\"" },
	{ "a path in two lines", "[store]\npath = /a\n  /b\n", 3,
	    "only a list" },
	{ "log elsewhere", "[process]\nlog = file\n", 2, "\"syslog\"" },
	{ "escape byte", "[store]\npath = /a\033b\n", 2, "UTF-8 text" },
	{ "not UTF-8", "[store]\npath = /a\xff\n", 2, "UTF-8 text" },
};

START_TEST(file_is_refused)
{
	struct err err = ERR_INIT;
	struct conf cf;
	char place[sizeof(path) + 16];

	memset(&cf, 0x55, sizeof(cf));
	ck_assert_msg(read_text(refused[_i].text, &cf, &err) == -1, "%s",
	    refused[_i].when);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	snprintf(place, sizeof(place), "%s:%d: ", path, refused[_i].line);
	ck_assert_msg(strncmp(err.text, place, strlen(place)) == 0, "%s: %s",
	    refused[_i].when, err.text);
	ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "%s: %s",
	    refused[_i].when, err.text);
	ck_assert_uint_eq(cf.nschemes, 0x5555555555555555); /* untouched */
}
END_TEST

START_TEST(nul_is_refused)
{
	static const char text[] = "[store]\nfloor = 1m\0 2m\n";
	struct err err = ERR_INIT;
	struct conf cf;

	write_bytes(text, sizeof(text) - 1);
	ck_assert_int_eq(conf_read(path, &cf, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
}
END_TEST

/* Whatever inih does with long lines, none is cut in silence. */
START_TEST(long_line_is_refused)
{
	struct err err = ERR_INIT;
	struct conf cf;
	char text[512];
	int n, len, longest = 0;

	for (len = 150; len < 300; len++) {
		n = snprintf(text, sizeof(text), "[process]\nprogram = /");
		memset(text + n, 'a', (size_t)(len - (n - 10)));
		snprintf(text + 10 + len, 8, "\n");
		if (read_text(text, &cf, &err) < 0) {
			ck_assert_int_eq(err.code, ERR_CONFIG);
			continue;
		}
		ck_assert_uint_eq(strlen(cf.program), (size_t)len - 10);
		ck_assert_int_eq(longest == 0 || longest == len - 1, 1);
		longest = len;
		conf_free(&cf);
	}
	ck_assert_int_eq(longest, 197); /* eyelet.conf(5) says so */
}
END_TEST

START_TEST(large_file_is_refused)
{
	struct err err = ERR_INIT;
	struct conf cf;
	char *text = malloc(CONF_FILE_MAX * 2);

	ck_assert_ptr_nonnull(text);
	memset(text, '\n', CONF_FILE_MAX * 2);
	write_bytes(text, CONF_FILE_MAX * 2);
	ck_assert_int_eq(conf_read(path, &cf, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	free(text);
}
END_TEST

START_TEST(file_is_found)
{
	struct err err = ERR_INIT;
	struct conf cf;

	ck_assert_int_eq(conf_read("/nowhere/eyelet.conf", &cf, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOTFOUND);
	ck_assert_int_eq(setenv("EYELET_CONFIG", "/nowhere/e.conf", 1), 0);
	ck_assert_int_eq(conf_read(NULL, &cf, &err), -1);
	ck_assert_int_eq(err.code, ERR_NOTFOUND);
	ck_assert_ptr_nonnull(strstr(err.text, "/nowhere/e.conf"));
	write_bytes("[process]\nlog = syslog\n", 23);
	ck_assert_int_eq(setenv("EYELET_CONFIG", path, 1), 0);
	ck_assert_int_eq(conf_read(NULL, &cf, &err), 0);
	ck_assert_str_eq(cf.log, "syslog");
	conf_free(&cf);
	ck_assert_int_eq(conf_read(folder, &cf, &err), -1);
	ck_assert_int_eq(err.code, ERR_CONFIG);
	ck_assert_int_eq(unsetenv("EYELET_CONFIG"), 0);
}
END_TEST

struct seen {
	size_t n;
	char name[MANY_SETTINGS][64];
	char value[MANY_SETTINGS][256];
	char from[MANY_SETTINGS][64];
};

static int
note(void *arg, const struct conf_value *v, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	ck_assert_uint_lt(seen->n, MANY_SETTINGS);
	snprintf(seen->name[seen->n], sizeof(seen->name[0]), "%s", v->name);
	snprintf(seen->value[seen->n], sizeof(seen->value[0]), "%s", v->text);
	snprintf(seen->from[seen->n], sizeof(seen->from[0]), "%s", v->from);
	seen->n++;
	return 0;
}

START_TEST(origins_are_told)
{
	struct err err = ERR_INIT;
	struct conf cf;
	struct seen seen = { 0 };
	char place[sizeof(path) + 16];
	size_t i, given = 0;

	ck_assert_int_eq(read_text("\n[store]\nretain = 2h\n", &cf, &err), 0);
	ck_assert_int_eq(conf_visit(&cf, note, &seen, &err), 0);
	snprintf(place, sizeof(place), "%s:3", path);
	for (i = 0; i < seen.n; i++) {
		if (strcmp(seen.name[i], "store.retain") == 0) {
			ck_assert_str_eq(seen.value[i], "2h");
			ck_assert_str_eq(seen.from[i], place);
			given++;
		} else {
			ck_assert_str_eq(seen.from[i], "default");
		}
	}
	ck_assert_uint_eq(given, 1);
	conf_free(&cf);
}
END_TEST

/* The store's own defaults are those of the page. */
START_TEST(store_gets_its_options)
{
	struct err err = ERR_INIT;
	struct store_options set, own;
	struct conf cf;

	ck_assert_int_eq(read_text("", &cf, &err), 0);
	conf_store_options(&cf, &set);
	store_options_init(&own);
	ck_assert_ptr_eq(set.dir, cf.store);
	ck_assert_ptr_eq(set.key_file, cf.key_file);
	ck_assert_int_eq(set.horizon_s, own.horizon_s);
	ck_assert_uint_eq(set.dedupe_max, own.dedupe_max);
	ck_assert_int_eq(set.retain_s, own.retain_s);
	ck_assert_uint_eq(set.retain_bytes, own.retain_bytes);
	ck_assert_int_eq(set.hold_s, own.hold_s);
	ck_assert_int_eq(set.deliver_mode, STORE_DELIVER_SERVICE);
	ck_assert_int_eq(set.missing_s, 600);
	ck_assert_uint_eq(set.held_max, own.held_max);
	ck_assert_uint_eq(set.held_bytes, own.held_bytes);
	ck_assert_uint_eq(set.ignored_max, own.ignored_max);
	ck_assert_uint_eq(set.segment_max, own.segment_max);
	ck_assert_int_eq(set.segment_age_s, own.segment_age_s);
	ck_assert_uint_eq(set.floor, own.floor);
	ck_assert_uint_eq(set.ballast, own.ballast);
	ck_assert_uint_eq(set.cache, own.cache);
	ck_assert_uint_eq(set.log_keep_max, own.log_keep_max);
	ck_assert_uint_eq(set.quarantine_count, own.quarantine_count);
	ck_assert_uint_eq(set.quarantine_bytes, own.quarantine_bytes);
	ck_assert_uint_eq(set.quarantine_total, own.quarantine_total);
	conf_free(&cf);
	ck_assert_int_eq(
	    read_text("[store]\nhorizon = 1\ndedupe_max = 2m\nretain = 3\n"
		      "retain_bytes = 4m\nhold_max = 14\nheld_max = 15\n"
		      "held_bytes = 16m\nignored_max = 17\n"
		      "segment_max = 5m\nsegment_age = 6\n"
		      "floor = 7m\nballast = 8m\ncache = 9m\n"
		      "log_keep_max = 10m\n"
		      "[quarantine]\ncount = 11\nbytes = 12m\n"
		      "total = 13m\n",
		&cf, &err),
	    0);
	conf_store_options(&cf, &set);
	ck_assert_int_eq(set.horizon_s, 1);
	ck_assert_uint_eq(set.dedupe_max, 2 << 20);
	ck_assert_int_eq(set.retain_s, 3);
	ck_assert_uint_eq(set.retain_bytes, 4 << 20);
	ck_assert_int_eq(set.hold_s, 14);
	ck_assert_uint_eq(set.held_max, 15);
	ck_assert_uint_eq(set.held_bytes, 16 << 20);
	ck_assert_uint_eq(set.ignored_max, 17);
	ck_assert_uint_eq(set.segment_max, 5 << 20);
	ck_assert_int_eq(set.segment_age_s, 6);
	ck_assert_uint_eq(set.floor, 7 << 20);
	ck_assert_uint_eq(set.ballast, 8 << 20);
	ck_assert_uint_eq(set.cache, 9 << 20);
	ck_assert_uint_eq(set.log_keep_max, 10 << 20);
	ck_assert_uint_eq(set.quarantine_count, 11);
	ck_assert_uint_eq(set.quarantine_bytes, 12 << 20);
	ck_assert_uint_eq(set.quarantine_total, 13 << 20);
	conf_free(&cf);
}
END_TEST

/* "/var/..." in the sample is wherever this build keeps it. */
static void
expect_default(const char *sample, const char *want)
{
	static const struct {
		const char *shipped, *built;
	} roots[] = {
		{ "/var/", EYELET_LOCALSTATEDIR "/" },
		{ "/etc/", EYELET_SYSCONFDIR "/" },
		{ "/usr/share/eyelet/", EYELET_DATADIR "/" },
		{ "/usr/libexec/eyelet/", EYELET_LIBEXECDIR "/" },
		{ "/usr/sbin/", EYELET_SBINDIR "/" },
	};
	char built[512] = "", *at = built;
	size_t i;

	while (*sample != '\0') {
		for (i = 0; i < NITEMS(roots); i++)
			if (strncmp(sample, roots[i].shipped,
				strlen(roots[i].shipped)) == 0)
				break;
		if (i < NITEMS(roots)) {
			at = stpcpy(at, roots[i].built);
			sample += strlen(roots[i].shipped);
		} else {
			*at++ = *sample++;
			*at = '\0';
		}
	}
	ck_assert_str_eq(built, want);
}

/*
 * The sample, with the "#" of its settings taken away, is a configuration
 * that has each setting there is, at its default.
 */
START_TEST(sample_states_the_defaults)
{
	struct err err = ERR_INIT;
	struct conf sample, plain;
	struct seen stated = { 0 }, defaults = { 0 };
	char shipped[1024], line[256];
	const char *top = getenv("top_srcdir");
	FILE *in, *out = fopen(path, "w");
	size_t i;

	snprintf(shipped, sizeof(shipped), "%s/conf/eyelet.conf",
	    top == NULL ? "." : top);
	in = fopen(shipped, "r");
	ck_assert_msg(in != NULL && out != NULL, "%s", shipped);
	while (fgets(line, sizeof(line), in) != NULL)
		fputs(line[0] == '#' && line[1] != ' ' ? line + 1 : line, out);
	fclose(in);
	ck_assert_int_eq(fclose(out), 0);
	ck_assert_msg(conf_read(path, &sample, &err) == 0, "%s", err.text);
	ck_assert_msg(conf_read(shipped, &plain, &err) == 0, "%s", err.text);
	ck_assert_int_eq(conf_visit(&sample, note, &stated, &err), 0);
	ck_assert_int_eq(conf_visit(&plain, note, &defaults, &err), 0);
	ck_assert_uint_eq(stated.n, defaults.n);
	for (i = 0; i < stated.n; i++) {
		ck_assert_str_eq(defaults.from[i], "default");
		ck_assert_msg(strcmp(stated.from[i], "default") != 0,
		    "the sample lacks %s", stated.name[i]);
		expect_default(stated.value[i], defaults.value[i]);
	}
	conf_free(&sample);
	conf_free(&plain);
}
END_TEST

static const struct {
	const char *wrong, *known, *want;
} nears[] = {
	{ "horison", "horizon", "horizon" },
	{ "horizo", "horizon", "horizon" },
	{ "horizonn", "horizon", "horizon" },
	{ "shceme", "scheme", "scheme" },
	{ "schmee", "scheme", "scheme" },
	{ "ad", "add", "add" },
	{ "lsit", "list", "list" },
	{ "x", "add", NULL },
	{ "colour", "horizon", NULL },
	{ "", "add", NULL },
};

START_TEST(near_word_is_found)
{
	struct near near = NEAR_INIT;

	near_try(&near, span_str(nears[_i].wrong), nears[_i].known);
	if (nears[_i].want == NULL)
		ck_assert_msg(near.word == NULL, "%s", nears[_i].wrong);
	else
		ck_assert_msg(near.word != NULL, "%s", nears[_i].wrong);
}
END_TEST

START_TEST(nearest_word_wins)
{
	struct near near = NEAR_INIT;

	near_try(&near, span_str("retain_byte"), "retain");
	near_try(&near, span_str("retain_byte"), "retain_bytes");
	near_try(&near, span_str("retain_byte"), "retain_bites");
	ck_assert_str_eq(near.word, "retain_bytes");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("conf");
	TCase *tc = tcase_create("conf");
	SRunner *sr = srunner_create(s);
	int failed;

	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, defaults_are_those_of_the_page);
	tcase_add_test(tc, every_setting_is_read);
	tcase_add_loop_test(tc, file_is_refused, 0, NITEMS(refused));
	tcase_add_test(tc, nul_is_refused);
	tcase_add_test(tc, long_line_is_refused);
	tcase_add_test(tc, large_file_is_refused);
	tcase_add_test(tc, file_is_found);
	tcase_add_test(tc, origins_are_told);
	tcase_add_test(tc, store_gets_its_options);
	tcase_add_test(tc, sample_states_the_defaults);
	tcase_add_loop_test(tc, near_word_is_found, 0, NITEMS(nears));
	tcase_add_test(tc, nearest_word_wins);
	suite_add_tcase(s, tc);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
