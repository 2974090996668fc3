/* endpoint_settings.c: options of add and edit as members of "settings". */
#include "admin/endpoint_settings.h"

#include <stdlib.h>
#include <string.h>

#include "admin/secret_file.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/model/endpoint.h"

/* Option to member; an empty value goes back to the default. */
static const struct {
	const char *option, *member;
} texts[] = {
	{ "scheme", "scheme" },
	{ "title", "title" },
	{ "events", "events" },
	{ "public-url", "public_url" },
	{ "allow-from", "allow_from" },
	{ "repeats", "repeats" },
	{ "on-held", "on_held" },
};

/* Is the option given with an empty value? Then its member is null. */
static bool
reset(struct call *c, const char *option, const char *member)
{
	const char *value = command_option(c->line, option, 0);

	if (value == NULL || value[0] != '\0')
		return false;
	json_write_null(&c->w, member);
	return true;
}

static int
put_size(
    struct call *c, const char *option, const char *member, struct err *err)
{
	const char *value = command_option(c->line, option, 0);
	uint64_t n;

	if (value == NULL)
		return 0;
	if (text_to_bytes(span_str(value), &n, err) < 0) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--%s", option);
	}
	if (n > STORE_BODY_MAX)
		return err_set(err, ERR_USAGE, "--%s: at most %d m", option,
		    STORE_BODY_MAX >> 20);
	json_write_uint(&c->w, member, n);
	return 0;
}

/* The name before the "=", as a string; NULL with err when there is none. */
static char *
pair_name(const char *option, const char *pair, struct err *err)
{
	struct span s = span_str(pair);
	size_t len = span_find(s, '=');

	if (len > 0 && len < s.len)
		return span_dup(span_of(pair, len), err);
	err_set(err, ERR_USAGE, "--%s takes NAME=%s", option,
	    strcmp(option, "param") == 0 ? "@FILE" : "VALUE");
	return NULL;
}

static int
put_label(struct call *c, const char *name, const char *value, struct err *err)
{
	(void)err;
	json_write_bytes(&c->w, name, span_str(value));
	return 0;
}

/* A parameter may be confidential: a file, as with secrets. */
static int
put_param(struct call *c, const char *name, const char *value, struct err *err)
{
	struct buf text = BUF_INIT(ENDPOINT_PARAM_MAX);
	int ret = -1;

	if (value[0] != '@') {
		err_set(err, ERR_USAGE,
		    "--param takes its value from a file: %s=@FILE", name);
		goto out;
	}
	if (secret_file_read(value + 1, "--param", &text, err) < 0)
		goto out;
	if (!json_write_is_text(buf_span(&text))) {
		err_set(
		    err, ERR_INPUT, "--param %s: it must be UTF-8 text", name);
		goto out;
	}
	json_write_bytes(&c->w, name, buf_span(&text));
	ret = 0;
out:
	buf_wipe(&text);
	return ret;
}

/* Does one of the first n values of the option have this name? */
static bool
given_before(struct call *c, const char *option, size_t n, const char *name)
{
	const char *pair;
	size_t i, len = strlen(name);

	for (i = 0; i < n; i++) {
		pair = command_option(c->line, option, i);
		if (strncmp(pair, name, len) == 0 && pair[len] == '=')
			return true;
	}
	return false;
}

static int
put_pairs(struct call *c, const char *option, const char *member,
    int (*put)(
	struct call *c, const char *name, const char *value, struct err *err),
    struct err *err)
{
	const char *pair, *value;
	char *name;
	size_t i;
	int ret = 0;

	if (!command_has(c->line, option))
		return 0;
	json_write_object(&c->w, member);
	for (i = 0; ret == 0 && (pair = command_option(c->line, option, i));
	     i++) {
		name = pair_name(option, pair, err);
		if (name == NULL)
			return -1;
		if (given_before(c, option, i, name))
			ret = err_set(err, ERR_USAGE, "--%s %s is given twice",
			    option, name);
		value = pair + strlen(name) + 1;
		if (ret == 0 && value[0] == '\0')
			json_write_null(&c->w, name);
		else if (ret == 0)
			ret = put(c, name, value, err);
		free(name);
	}
	json_write_close(&c->w);
	return ret;
}

int
endpoint_put_settings(struct call *c, struct err *err)
{
	size_t i;

	json_write_object(&c->w, "settings");
	for (i = 0; i < NITEMS(texts); i++)
		if (!reset(c, texts[i].option, texts[i].member))
			call_put_text(c, texts[i].option, texts[i].member);
	if (put_pairs(c, "label", "labels", put_label, err) < 0 ||
	    put_pairs(c, "param", "params", put_param, err) < 0 ||
	    call_put_number(c, "rate", "rate", ENDPOINT_RATE_MAX, err) < 0)
		return -1;
	if (!reset(c, "max-body", "body_max") &&
	    put_size(c, "max-body", "body_max", err) < 0)
		return -1;
	if (!reset(c, "tolerance", "tolerance") &&
	    call_put_duration(
		c, "tolerance", "tolerance", ENDPOINT_TOLERANCE_MAX_S, err) < 0)
		return -1;
	if (!reset(c, "expect-every", "expect_every") &&
	    call_put_duration(c, "expect-every", "expect_every",
		ENDPOINT_EXPECT_MAX_S, err) < 0)
		return -1;
	if (!reset(c, "repeat-within", "repeat_within") &&
	    call_put_duration(c, "repeat-within", "repeat_within",
		ENDPOINT_REPEAT_WITHIN_MAX_S, err) < 0)
		return -1;
	if (command_has(c->line, "require-https")) {
		if (command_has(c->line, "allow-http"))
			return err_set(err, ERR_USAGE,
			    "--allow-http and --require-https exclude each "
			    "other");
		json_write_bool(&c->w, "allow_http", false);
	}
	call_put_flag(c, "allow-http", "allow_http");
	json_write_close(&c->w);
	return 0;
}

int
endpoint_put_expected(struct call *c, struct err *err)
{
	const char *text = command_option(c->line, "expect-secret", 0);
	uint64_t minutes = ENDPOINT_EXPECT_SECRET_S / 60;

	if (text == NULL)
		return 0;
	if (text[0] != '\0' &&
	    text_to_u64(span_str(text), ENDPOINT_EXPECT_SECRET_MAX_S / 60,
		&minutes, err) < 0)
		return err_set(err, ERR_USAGE,
		    "--expect-secret takes minutes, from 0 to %d",
		    ENDPOINT_EXPECT_SECRET_MAX_S / 60);
	json_write_int(&c->w, "expect_secret_s", (int64_t)minutes * 60);
	return 0;
}
