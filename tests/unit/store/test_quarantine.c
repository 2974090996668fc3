/* test_quarantine.c: refused requests are kept within their bounds. */
#include "lib/store/quarantine.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/util.h"

#define T0 1700000000000
#define DAY_MS 86400000

static char folder[64], dir[96];
static struct seal_key *key;
static struct quarantine *q;
static struct quarantine_limits limits;
static struct err err;
static struct scheme *token, *mac;

static void
open_it(void)
{
	ck_assert_msg(
	    quarantine_open(dir, key, &limits, &q, &err) == 0, "%s", err.text);
}

static struct scheme *
scheme(const char *name, const char *text)
{
	struct scheme *sc;

	ck_assert_msg(scheme_parse(name, span_str(text), &sc, NULL, &err) == 0,
	    "%s", err.text);
	return sc;
}

static void
setup(void)
{
	char path[96];

	snprintf(folder, sizeof(folder), "/tmp/eyelet-quarantine-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/quarantine", folder);
	snprintf(path, sizeof(path), "%s/key", folder);
	ck_assert_int_eq(seal_key_create(path, &err), 0);
	ck_assert_int_eq(seal_key_read(path, &key, &err), 0);
	token = scheme("token.json",
	    "{\"title\":\"t\",\"secret_from\":\"operator\","
	    "\"retry_body\":\"same\",\"body\":\"json\",\"alg\":\"equal\","
	    "\"sig\":{\"from\":\"header:X-Token\"}}");
	mac = scheme("mac.json",
	    "{\"title\":\"m\",\"secret_from\":\"operator\","
	    "\"retry_body\":\"same\",\"body\":\"json\","
	    "\"alg\":\"hmac-sha256\",\"content\":\"{body}\","
	    "\"sig\":{\"from\":\"header:X-Token\",\"enc\":\"hex\"}}");
	limits = (struct quarantine_limits){ 3, 100000, 200000, 30 * 86400 };
	open_it();
}

static void
teardown(void)
{
	char command[128];

	quarantine_close(q, false);
	seal_key_free(key);
	scheme_free(token);
	scheme_free(mac);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* A refused request of an endpoint, n days after T0, with size bytes. */
static bool
put(uint64_t endpoint_id, int64_t n, size_t size, const struct scheme *sc)
{
	static const struct header headers[] = {
		{ { "authorization", 13 }, { "Bearer shh-1", 12 } },
		{ { "cookie", 6 }, { "shh-2", 5 } },
		{ { "proxy-authorization", 19 }, { "shh-3", 5 } },
		{ { "x-token", 7 }, { "shh-4", 5 } },
		{ { "x-other", 7 }, { "kept", 4 } },
	};
	char *body = calloc(1, size + 1);
	struct quarantine_entry en = { .endpoint_id = endpoint_id,
		.status = 401,
		.word = span_str("signature"),
		.why = span_str("no signature matches a secret"),
		.part = QUARANTINE_WHOLE };
	bool kept;

	memset(body, 'x', size);
	en.request.method = span_str("POST");
	en.request.path = span_str("/hooks/shop");
	en.request.query = span_str("a=b");
	en.request.peer = span_str("192.0.2.7");
	en.request.headers = headers;
	en.request.nheaders = NITEMS(headers);
	en.request.body = span_of(body, size);
	en.request.content_length = (int64_t)size;
	en.request.now_ms = T0 + n * DAY_MS;
	kept = quarantine_put(q, &en, sc);
	free(body);
	return kept;
}

static struct header headers[REQUEST_HEADERS_MAX];
static struct quarantine_entry got;
static struct buf memory;

static bool
get(uint64_t no)
{
	bool found;

	ck_assert_int_eq(
	    quarantine_get(q, no, &memory, headers, &got, &found, &err), 0);
	return found;
}

static void
write_it(void)
{
	ck_assert_msg(
	    quarantine_write(q, T0 + DAY_MS, &err) == 0, "%s", err.text);
}

static void
again(void)
{
	quarantine_close(q, true);
	q = NULL;
	open_it();
}

static const char *
kept(uint64_t endpoint_id)
{
	static char text[256];
	uint64_t *nos;
	size_t i, n, len = 0;

	ck_assert_int_eq(quarantine_list(q, endpoint_id, &nos, &n, &err), 0);
	text[0] = '\0';
	for (i = 0; i < n; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, " %llu",
		    (unsigned long long)nos[i]);
	free(nos);
	return text;
}

static size_t
files(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while (d != NULL && (e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	if (d != NULL)
		closedir(d);
	return n;
}

/* Is text in any file of the quarantine? */
static bool
on_disk(const char *text)
{
	char command[256];

	snprintf(command, sizeof(command), "grep -rqaF -- '%s' %s", text, dir);
	return system(command) == 0;
}

START_TEST(what_is_kept_comes_back_whole)
{
	struct span value;
	int round;

	ck_assert(put(7, 0, 500, mac));
	ck_assert_uint_eq(files(), 0); /* nobody waited for the disk */
	for (round = 0; round < 3; round++) { /* waiting, written, reopened */
		ck_assert(get(1));
		ck_assert_uint_eq(got.no, 1);
		ck_assert_uint_eq(got.endpoint_id, 7);
		ck_assert_int_eq(got.status, 401);
		ck_assert(span_is(got.word, "signature"));
		ck_assert(span_is(got.why, "no signature matches a secret"));
		ck_assert_int_eq(got.part, QUARANTINE_WHOLE);
		ck_assert(span_is(got.request.method, "POST"));
		ck_assert(span_is(got.request.path, "/hooks/shop"));
		ck_assert(span_is(got.request.query, "a=b"));
		ck_assert(span_is(got.request.peer, "192.0.2.7"));
		ck_assert_int_eq(got.request.now_ms, T0);
		ck_assert_uint_eq(got.request.body.len, 500);
		ck_assert_uint_eq(got.request.nheaders, 5);
		request_header(&got.request, "x-other", &value);
		ck_assert(span_is(value, "kept"));
		if (round == 0)
			write_it();
		else
			again();
		ck_assert_uint_eq(files(), 1);
	}
	ck_assert(!on_disk("xxxxxxxx"));
	ck_assert(!get(2));
}
END_TEST

static const struct {
	const char *when, *header;
	bool token, hidden;
} credentials[] = {
	{ "authorization", "authorization", false, true },
	{ "cookie", "cookie", false, true },
	{ "proxy-authorization", "proxy-authorization", false, true },
	{ "a signature", "x-token", false, false },
	{ "a token", "x-token", true, true },
	{ "another header", "x-other", true, false },
};

START_TEST(credentials_are_not_kept)
{
	struct span value;

	put(7, 0, 10, credentials[_i].token ? token : mac);
	ck_assert(get(1));
	ck_assert_uint_eq(
	    request_header(&got.request, credentials[_i].header, &value), 1);
	ck_assert_msg(
	    span_is(value, QUARANTINE_HIDDEN) == credentials[_i].hidden, "%s",
	    credentials[_i].when);
}
END_TEST

START_TEST(a_ring_holds_the_last_so_many)
{
	int i;

	for (i = 0; i < 5; i++)
		ck_assert(put(7, i, 10, mac));
	ck_assert(put(8, 5, 10, mac));
	ck_assert_str_eq(kept(7), " 5 4 3");
	ck_assert_str_eq(kept(0), " 6 5 4 3");
	ck_assert(!get(2));
	write_it();
	ck_assert_uint_eq(files(), 4);
	ck_assert(put(7, 6, 10, mac));
	write_it();
	ck_assert_uint_eq(files(), 4);
	again();
	ck_assert_str_eq(kept(0), " 7 6 5 4");
	limits.count = 1;
	again();
	ck_assert_str_eq(kept(0), " 7 6");
	write_it();
	ck_assert_uint_eq(files(), 2);
}
END_TEST

START_TEST(a_ring_holds_so_many_bytes)
{
	struct quarantine_totals totals;

	ck_assert(put(7, 0, 40000, mac));
	ck_assert(put(7, 1, 40000, mac));
	ck_assert_str_eq(kept(7), " 2 1");
	ck_assert(put(7, 2, 40000, mac));
	ck_assert_str_eq(kept(7), " 3 2");
	/* A body larger than the ring is kept by its first bytes. */
	ck_assert(put(7, 3, 100000, mac));
	ck_assert(get(4));
	ck_assert_int_eq(got.part, QUARANTINE_CUT);
	ck_assert_uint_eq(got.request.body.len, QUARANTINE_CUT_MAX);
	ck_assert_int_eq(got.request.content_length, 100000);
	/* All rings together: the oldest of all go. */
	ck_assert(put(8, 4, 80000, mac));
	ck_assert(put(9, 5, 80000, mac));
	quarantine_totals(q, &totals);
	ck_assert_uint_le(totals.bytes, limits.total);
	ck_assert_str_eq(kept(0), " 6 5 4");
	ck_assert_uint_eq(totals.unkept, 0);
}
END_TEST

static const struct {
	const char *when;
	struct quarantine_limits limits;
} off[] = {
	{ "count", { 0, 1000, 1000, 60 } },
	{ "bytes", { 10, 0, 1000, 60 } },
	{ "total", { 10, 1000, 0, 60 } },
};

START_TEST(zero_keeps_nothing)
{
	limits = off[_i].limits;
	again();
	ck_assert_msg(!put(7, 0, 10, mac), "%s", off[_i].when);
	ck_assert_str_eq(kept(0), "");
}
END_TEST

START_TEST(a_flood_is_refused_unkept)
{
	struct quarantine_totals totals;
	uint64_t endpoint;
	int i, n = 0, all = 0;

	limits.count = 1000;
	again();
	for (i = 0; i < 1000; i++)
		n += put(7, 0, 10, mac);
	ck_assert_int_ge(n, 1);
	ck_assert_int_le(n, QUARANTINE_RATE);
	quarantine_totals(q, &totals);
	ck_assert_uint_eq(totals.unkept, 1000 - (uint64_t)n);
	for (endpoint = 8; endpoint < 1000; endpoint++)
		all += put(endpoint, 0, 10, mac);
	ck_assert_int_le(n + all, QUARANTINE_RATE_ALL);
	ck_assert(put(7, 1, 10, mac)); /* a day later */
}
END_TEST

START_TEST(what_waits_in_memory_is_bounded)
{
	int i, n = 0;

	limits = (struct quarantine_limits){ 100000, 1 << 30, 1 << 30, 60 };
	again();
	for (i = 0; i < 200; i++)
		n += put(7, i, 100000, mac);
	ck_assert_int_eq(n, QUARANTINE_WAITING_BYTES / 100000 + 1);
	write_it();
	for (n = 0, i = 0; i < 600; i++)
		n += put(7, 200 + i, 1, mac);
	ck_assert_int_eq(n, QUARANTINE_WAITING_MAX);
}
END_TEST

START_TEST(old_ones_go)
{
	/* By the age at which they were written. */
	ck_assert(put(7, 0, 10, mac));
	ck_assert_int_eq(quarantine_write(q, T0, &err), 0);
	ck_assert(put(7, 20, 10, mac));
	ck_assert_int_eq(quarantine_write(q, T0 + DAY_MS, &err), 0);
	again();
	ck_assert_int_eq(quarantine_write(q, T0 + 30LL * DAY_MS, &err), 0);
	ck_assert_str_eq(kept(0), " 2 1");
	ck_assert_int_eq(quarantine_write(q, T0 + 31LL * DAY_MS, &err), 0);
	ck_assert_str_eq(kept(0), " 2");
	ck_assert_uint_eq(files(), 1);
}
END_TEST

START_TEST(a_damaged_file_counts_as_gone)
{
	char command[256];

	ck_assert(put(7, 0, 10, mac));
	ck_assert(put(7, 1, 10, mac));
	again();
	snprintf(command, sizeof(command),
	    "cd %s && for f in *1-7-*; do truncate -s 40 $f; done && "
	    "cp *2-7-* 0000000000000009-7-1 && : >stray",
	    dir);
	ck_assert_int_eq(system(command), 0);
	again();
	ck_assert(!get(1));
	ck_assert(get(2));
	ck_assert(!get(9)); /* a copy under another name */
	ck_assert_uint_eq(files(), 3);
}
END_TEST

START_TEST(what_cannot_be_written_is_forgotten)
{
	ck_assert(put(7, 0, 10, mac));
	close(open(dir, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)); /* no folder */
	ck_assert_int_eq(quarantine_write(q, T0, &err), -1);
	ck_assert_str_eq(kept(0), "");
	ck_assert(!get(1));
	ck_assert_int_eq(unlink(dir), 0);
	ck_assert(put(7, 1, 10, mac));
	write_it();
	ck_assert_str_eq(kept(0), " 2");
}
END_TEST

int
main(void)
{
	Suite *s = suite_create("quarantine");
	TCase *tc = tcase_create("quarantine");
	SRunner *sr;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_is_kept_comes_back_whole);
	tcase_add_loop_test(
	    tc, credentials_are_not_kept, 0, NITEMS(credentials));
	tcase_add_test(tc, a_ring_holds_the_last_so_many);
	tcase_add_test(tc, a_ring_holds_so_many_bytes);
	tcase_add_loop_test(tc, zero_keeps_nothing, 0, NITEMS(off));
	tcase_add_test(tc, a_flood_is_refused_unkept);
	tcase_add_test(tc, what_waits_in_memory_is_bounded);
	tcase_add_test(tc, old_ones_go);
	tcase_add_test(tc, a_damaged_file_counts_as_gone);
	tcase_add_test(tc, what_cannot_be_written_is_forgotten);
	suite_add_tcase(s, tc);
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed == 0 ? 0 : 1;
}
