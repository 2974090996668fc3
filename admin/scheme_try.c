/* scheme_try.c: the verbs verify and sign of eyelet-scheme. */
#include "admin/scheme_try.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/input.h"
#include "admin/scheme_find.h"
#include "admin/secret_file.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/http/url.h"
#include "lib/json/write.h"
#include "lib/model/secret.h"
#include "lib/scheme/sign.h"

#define BODY_MAX (64 * 1024 * 1024)
#define OUTPUT_MAX (64 * 1024)
#define HEADER_NAMES_MAX (64 * 1024) /* bytes of all names together */
#define SECRETS_MAX 16
#define PARAMS_MAX 64

/* What both verbs take from the command line. */
struct trial {
	const struct command_line *line;
	struct scheme *scheme;
	struct scheme_key *keys[SECRETS_MAX];
	size_t nkeys;
	struct verify_param params[PARAMS_MAX];
	char *names[PARAMS_MAX]; /* of the params, owned */
	size_t nparams;
	struct buf header_names;
	struct header headers[REQUEST_HEADERS_MAX];
	size_t nheaders;
	struct buf body;
	int64_t now_ms;
	struct buf out;
};

/* --- reading what was given ---------------------------------------------- */

static int
read_secret(struct trial *t, const char *path, struct err *err)
{
	struct buf secret = BUF_INIT(SECRET_BYTES_MAX);
	int ret = -1;

	if (strcmp(path, "-") == 0) {
		err_set(err, ERR_USAGE,
		    "--secret-file: stdin is the body; give a file");
		goto out;
	}
	if (t->nkeys == SECRETS_MAX) {
		err_set(err, ERR_USAGE, "more than %d secrets", SECRETS_MAX);
		goto out;
	}
	if (secret_file_read(path, "secret", &secret, err) < 0)
		goto out;
	if (scheme_key_make(
		t->scheme, buf_span(&secret), &t->keys[t->nkeys], err) < 0) {
		err_wrap(err, "%s", path);
		goto out;
	}
	t->nkeys++;
	ret = 0;
out:
	buf_wipe(&secret);
	return ret;
}

static int
read_secrets(struct trial *t, struct err *err)
{
	const char *path;
	size_t i;

	for (i = 0; (path = command_option(t->line, "secret-file", i)) != NULL;
	     i++)
		if (read_secret(t, path, err) < 0)
			return -1;
	if (i == 0)
		return err_set(err, ERR_USAGE, "--secret-file is missing");
	return 0;
}

static int
read_params(struct trial *t, struct err *err)
{
	const char *text;
	size_t at;

	while ((text = command_option(t->line, "param", t->nparams)) != NULL) {
		at = span_find(span_str(text), '=');
		if (t->nparams == PARAMS_MAX)
			return err_set(
			    err, ERR_USAGE, "more than %d params", PARAMS_MAX);
		if (at == 0 || text[at] == '\0')
			return err_set(err, ERR_USAGE,
			    "--param: \"%.64s\" must read NAME=VALUE", text);
		t->names[t->nparams] = span_dup(span_of(text, at), err);
		if (t->names[t->nparams] == NULL)
			return -1;
		t->params[t->nparams].name = t->names[t->nparams];
		t->params[t->nparams].value = text + at + 1;
		t->nparams++;
	}
	return 0;
}

/* "Name: value", as a front end would hand it over. */
static int
read_header(struct trial *t, const char *text, struct err *err)
{
	struct span all = span_str(text);
	size_t i, at = span_find(all, ':');
	struct header *h = &t->headers[t->nheaders];
	unsigned char *name;

	if (t->nheaders == REQUEST_HEADERS_MAX)
		return err_set(err, ERR_USAGE, "more than %d headers",
		    REQUEST_HEADERS_MAX);
	if (at == 0 || at == all.len || strcspn(text, " \t") < at)
		return err_set(err, ERR_USAGE,
		    "--header: \"%.64s\" must read 'Name: value'", text);
	if (buf_reserve(&t->header_names, at, &name, err) < 0)
		return -1;
	for (i = 0; i < at; i++)
		name[i] = (unsigned char)(text[i] >= 'A' && text[i] <= 'Z'
					      ? text[i] - 'A' + 'a'
					      : text[i]);
	t->header_names.len += at;
	h->name = span_of(name, at);
	h->value = span_trim(span_skip(all, at + 1));
	t->nheaders++;
	return 0;
}

static int
read_headers(struct trial *t, struct err *err)
{
	unsigned char *at;
	const char *text;
	size_t i;

	/* All the room at once, so that names stay where they are. */
	if (buf_reserve(&t->header_names, HEADER_NAMES_MAX, &at, err) < 0)
		return -1;
	for (i = 0; (text = command_option(t->line, "header", i)) != NULL; i++)
		if (read_header(t, text, err) < 0)
			return -1;
	return 0;
}

static int
read_now(struct trial *t, struct err *err)
{
	const char *text = command_option(t->line, "now", 0);
	uint64_t now_s;

	if (text == NULL) {
		t->now_ms = clock_wall_ms();
		return 0;
	}
	if (text_to_u64(span_str(text), INT64_MAX / 1000, &now_s, err) < 0) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--now: \"%.32s\"", text);
	}
	t->now_ms = (int64_t)now_s * 1000;
	return 0;
}

/* A duration in seconds, or -1 when it was not given. */
static int
read_duration(
    const struct trial *t, const char *option, int64_t *out, struct err *err)
{
	const char *text = command_option(t->line, option, 0);

	*out = -1;
	if (text != NULL && text_to_duration_s(span_str(text), out, err) < 0) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--%s: \"%.32s\"", option, text);
	}
	return 0;
}

/* All of stdin. */
static int
begin(struct trial *t, const struct command_line *line, struct err *err)
{
	memset(t, 0, sizeof(*t));
	t->line = line;
	t->header_names.max = HEADER_NAMES_MAX;
	t->body.max = BODY_MAX;
	t->out.max = OUTPUT_MAX;
	if (scheme_find(line, line->operands[0], &t->scheme, err) < 0 ||
	    read_secrets(t, err) < 0 || read_params(t, err) < 0 ||
	    read_headers(t, err) < 0 || read_now(t, err) < 0)
		return -1;
	return input_read("-", "body: stdin", &t->body, err);
}

static void
end(struct trial *t)
{
	size_t i;

	for (i = 0; i < t->nkeys; i++)
		scheme_key_free(t->keys[i]);
	for (i = 0; i < t->nparams; i++)
		free(t->names[i]);
	scheme_free(t->scheme);
	buf_free(&t->header_names);
	buf_free(&t->body);
	buf_free(&t->out);
}

static struct span
method_of(const struct command_line *line)
{
	const char *method = command_option(line, "method", 0);

	return span_str(method == NULL ? "POST" : method);
}

/* What the caller left out is wrong use, not a wrong configuration. */
static int
as_usage(struct err *err)
{
	if (err->code == ERR_CONFIG)
		err->code = ERR_USAGE;
	return -1;
}

/* --- verify -------------------------------------------------------------- */

static const char *
outcome_words(enum identify_outcome outcome)
{
	switch (outcome) {
	case IDENTIFY_OK:
		return "";
	case IDENTIFY_NOT_JSON:
	case IDENTIFY_NOT_TAKEN:
		return ", but the body is refused: ";
	case IDENTIFY_REQUIRED:
		return ", but a field is missing: ";
	case IDENTIFY_TOO_LONG:
		return ", but the event is refused: ";
	}
	return "";
}

static int
put_verdict(struct trial *t, const struct verify_result *result,
    const struct identity *id, struct err *err)
{
	bool known =
	    result->verdict == VERIFY_VALID && id->outcome == IDENTIFY_OK;
	struct json_write w;
	char reason[512];

	snprintf(reason, sizeof(reason), "%s%s%s", result->reason,
	    id->type_unreadable ? ", but the event is held: "
				: outcome_words(id->outcome),
	    id->why);
	json_write_init(&w, &t->out, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "verdict", verify_word(result->verdict));
	if (known && id->has_id)
		json_write_bytes(&w, "event_id", id->id);
	else
		json_write_null(&w, "event_id");
	if (known && id->has_type)
		json_write_bytes(&w, "event_type", id->type);
	else
		json_write_null(&w, "event_type");
	if (result->key >= 0)
		json_write_int(&w, "secret", result->key);
	else
		json_write_null(&w, "secret");
	json_write_str(&w, "reason", reason);
	json_write_close(&w);
	return json_write_done(&w) < 0 ? -1 : buf_putc(&t->out, '\n', err);
}

static int
verify(struct trial *t, struct err *err)
{
	struct request request = { .method = method_of(t->line) };
	struct verify_input in = { .request = &request };
	struct buf scratch = BUF_INIT(65536);
	struct identity id = { .outcome = IDENTIFY_OK };
	struct verify_result result;
	int ret = -1;

	in.url = command_option(t->line, "url", 0);
	in.params = t->params;
	in.nparams = t->nparams;
	if (read_duration(t, "tolerance", &in.tolerance_s, err) < 0 ||
	    read_duration(t, "horizon", &in.horizon_s, err) < 0)
		return -1;
	request.query = url_query(span_str(in.url));
	request.headers = t->headers;
	request.nheaders = t->nheaders;
	request.body = buf_span(&t->body);
	request.content_length = (int64_t)t->body.len;
	request.now_ms = t->now_ms;
	if (verify_request(t->scheme, t->keys, t->nkeys, &in, &result, err) <
	    0) {
		as_usage(err);
		goto out;
	}
	if (result.verdict == VERIFY_VALID &&
	    verify_identify(t->scheme, &in, &scratch, &id, err) < 0) {
		as_usage(err);
		goto out;
	}
	if (put_verdict(t, &result, &id, err) < 0)
		goto out;
	ret = result.verdict == VERIFY_VALID ? 0 : 1;
out:
	buf_free(&scratch);
	return ret;
}

int
scheme_try_verify(struct command_line *line, struct err *err)
{
	struct trial t;
	int ret = -1;

	if (begin(&t, line, err) == 0)
		ret = verify(&t, err);
	if (ret >= 0)
		fwrite(t.out.ptr, 1, t.out.len, stdout);
	end(&t);
	return ret;
}

/* --- sign ---------------------------------------------------------------- */

static int
sign(struct trial *t, struct err *err)
{
	struct sign_input in = { .body = buf_span(&t->body) };

	in.id = span_str(command_option(t->line, "id", 0));
	in.type = span_str(command_option(t->line, "type", 0));
	in.method = method_of(t->line);
	in.url = command_option(t->line, "url", 0);
	in.params = t->params;
	in.nparams = t->nparams;
	in.now_ms = t->now_ms;
	if (sign_headers(t->scheme, t->keys, t->nkeys, &in, &t->out, err) < 0)
		return as_usage(err);
	return 0;
}

int
scheme_try_sign(struct command_line *line, struct err *err)
{
	struct trial t;
	int ret = -1;

	if (begin(&t, line, err) == 0)
		ret = sign(&t, err);
	if (ret == 0)
		fwrite(t.out.ptr, 1, t.out.len, stdout);
	end(&t);
	return ret;
}
