/* ops_stand.c: opens, asks, closes. */
#include "tests/stand/ops_stand.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/encode.h"
#include "lib/base/util.h"
#include "lib/crypto/seal.h"
#include "lib/json/scan.h"
#include "lib/store/conf_store.h"

#define ANSWER_MAX (64 * 1024 * 1024)

static char folder[64], dir[96], key_file[96], scheme_dir[512];
static struct conf_live *settings;
static struct scheme_set *schemes;
static struct store *st;
static struct registry *rg;
static struct ops *ops;
static unsigned char request_id[STORE_REQUEST_ID];

void
stand_open_for(int64_t horizon_s)
{
	const char *top = getenv("top_srcdir"), *dirs[] = { scheme_dir };
	struct store_options opt;
	struct err err = ERR_INIT;
	char path[96];
	struct conf conf;
	FILE *file;

	snprintf(scheme_dir, sizeof(scheme_dir), "%s/conf/schemes",
	    top == NULL ? "." : top);
	snprintf(folder, sizeof(folder), "/tmp/eyelet-ops-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(dir, sizeof(dir), "%s/store", folder);
	snprintf(key_file, sizeof(key_file), "%s/key", folder);
	ck_assert_int_eq(seal_key_create(key_file, &err), 0);
	ck_assert_int_eq(store_create(dir, &err), 0);
	snprintf(path, sizeof(path), "%s/eyelet.conf", folder);
	file = fopen(path, "w"); /* all of it at its default */
	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fclose(file), 0);
	ck_assert_msg(conf_read(path, &conf, &err) == 0, "%s", err.text);
	conf_store_options(&conf, &opt);
	opt.dir = dir;
	opt.key_file = key_file;
	opt.cache = 8 << 20;
	opt.deliver_mode = STORE_DELIVER_UNSET; /* nothing is told of it */
	opt.floor = 0;
	opt.ballast = 0;
	if (horizon_s > 0)
		opt.horizon_s = horizon_s;
	ck_assert_msg(store_open(&opt, &st, &err) == 0, "%s", err.text);
	ck_assert_int_eq(
	    scheme_set_load(dirs, 1, NULL, NULL, &schemes, &err), 0);
	ck_assert_int_eq(registry_open(st, schemes, &rg, &err), 0);
	ck_assert_int_eq(conf_live_new(&conf, &settings, &err), 0);
	ck_assert_int_eq(ops_open(settings, st, rg, &ops, &err), 0);
	memset(request_id, 0, sizeof(request_id));
}

void
stand_open(void)
{
	stand_open_for(0);
}

void
stand_close(void)
{
	char command[128];

	ops_close(ops);
	registry_close(rg);
	store_close(st);
	scheme_set_free(schemes);
	conf_live_free(settings);
	snprintf(command, sizeof(command), "rm -rf %s", folder);
	ck_assert_int_eq(system(command), 0);
}

/* --- asking --------------------------------------------------------------- */

static int
take_row(void *arg, struct span json, struct err *err)
{
	struct answer *an = arg;
	size_t at = an->all.len;
	struct err why = ERR_INIT;
	struct span progress;

	ck_assert_msg(json_scan(json, &why) == 0, "%.*s: %s", (int)json.len,
	    (const char *)json.ptr, why.text);
	if (json_find(json, "/progress", &progress) != JSON_ABSENT) {
		buf_clear(&an->progress);
		return buf_put_span(&an->progress, progress, err);
	}
	ck_assert_int_eq(buf_put_span(&an->all, json, err), 0);
	ck_assert_int_eq(buf_putc(&an->all, '\n', err), 0);
	an->last = span_of(an->all.ptr + at, json.len);
	an->n++;
	return 0;
}

static void
expand(const char *call, struct buf *out)
{
	struct err err = ERR_INIT;
	char secret[64];
	bool bad = false;
	size_t i;

	for (i = 0; call[i] != '\0'; i++) {
		if (call[i] != '@' || call[i + 1] == '\0' ||
		    call[i + 2] != '@') {
			/* Check writes a note for each of its asserts. */
			bad |= buf_putc(out, (unsigned char)call[i], &err) < 0;
			continue;
		}
		snprintf(secret, sizeof(secret), STAND_SECRET, call[i + 1]);
		ck_assert_int_eq(
		    encode_put(ENCODING_BASE64, span_str(secret), out, &err),
		    0);
		i += 2;
	}
	ck_assert(!bad);
}

/* The same request id again when repeat is set. */
static int
ask_as(bool may_administer, bool repeat, const char *call, struct answer *an,
    struct err *err)
{
	struct ops_peer peer = {
		.actor = { .uid = 1000, .pid = 42, .program = "test-ops" },
		.may_administer = may_administer
	};
	struct buf text = BUF_INIT(ANSWER_MAX);
	int ret;

	an->all = (struct buf)BUF_INIT(ANSWER_MAX);
	an->progress = (struct buf)BUF_INIT(1024);
	an->last = SPAN_EMPTY;
	an->n = 0;
	if (!repeat)
		be64_put(request_id, be64_get(request_id) + 1);
	expand(call, &text);
	ret = ops_call(
	    ops, &peer, request_id, buf_span(&text), take_row, an, err);
	buf_free(&text);
	return ret;
}

int
stand_ask(const char *call, struct answer *an, struct err *err)
{
	return ask_as(true, false, call, an, err);
}

int
stand_ask_as_other(const char *call, struct answer *an, struct err *err)
{
	return ask_as(false, false, call, an, err);
}

int
stand_ask_again(const char *call, struct answer *an, struct err *err)
{
	return ask_as(true, true, call, an, err);
}

void
stand_free(struct answer *an)
{
	buf_free(&an->all);
	buf_free(&an->progress);
}

void
stand_do(const char *call)
{
	struct err err = ERR_INIT;
	struct answer an;

	ck_assert_msg(
	    stand_ask(call, &an, &err) == 0, "%s: %s", call, err.text);
	stand_free(&an);
}

bool
stand_has(struct span row, const char *pointer, const char *want)
{
	struct span raw;

	if (json_find(row, pointer, &raw) == JSON_ABSENT)
		return want == NULL;
	return want != NULL && span_is(raw, want);
}

const char *
stand_folder(void)
{
	return folder;
}

struct registry *
stand_registry(void)
{
	return rg;
}

const struct scheme_set *
stand_schemes(void)
{
	return schemes;
}

struct store *
stand_store(void)
{
	return st;
}
