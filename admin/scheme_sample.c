/* scheme_sample.c: "eyelet-scheme lint --sample". */
#include "admin/scheme_sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/input.h"
#include "lib/base/clock.h"
#include "lib/base/text.h"
#include "lib/explain/explain.h"
#include "lib/http/captured.h"

#define PARAMS_MAX 16
#define SCRATCH_MAX 65536

/* The endpoint's constants of the command line: "NAME=VALUE". */
struct constants {
	struct verify_param at[PARAMS_MAX];
	char *names[PARAMS_MAX];
	size_t n;
};

static int
read_constants(
    const struct command_line *line, struct constants *c, struct err *err)
{
	const char *text;
	size_t at;

	while ((text = command_option(line, "param", c->n)) != NULL) {
		at = span_find(span_str(text), '=');
		if (c->n == PARAMS_MAX || at == 0 || text[at] == '\0')
			return err_set(err, ERR_USAGE,
			    "--param: must read NAME=VALUE, at most %d times",
			    PARAMS_MAX);
		c->names[c->n] = span_dup(span_of(text, at), err);
		if (c->names[c->n] == NULL)
			return -1;
		c->at[c->n].name = c->names[c->n];
		c->at[c->n++].value = text + at + 1;
	}
	return 0;
}

/* "id: evt_1", inert; what is absent is said to be. */
static int
print_name(const char *what, bool has, struct span name, struct err *err)
{
	struct buf safe = BUF_INIT(8 * EVENT_ID_MAX);
	int ret = 0;

	if (!has)
		printf("    %s: none\n", what);
	else if ((ret = text_put_shown(&safe, name, err)) == 0)
		printf("    %s: %.*s\n", what, (int)safe.len,
		    (const char *)safe.ptr);
	buf_free(&safe);
	return ret;
}

static int
print_identity(
    const struct scheme *sc, const struct verify_input *in, struct err *err)
{
	struct buf scratch = BUF_INIT(SCRATCH_MAX);
	struct identity who = { .outcome = IDENTIFY_OK };
	int ret = -1;

	if (verify_identify(sc, in, &scratch, &who, err) < 0)
		goto out;
	if (who.outcome != IDENTIFY_OK)
		printf("    no event: %s\n", who.why);
	if (print_name("id", who.has_id, who.id, err) < 0 ||
	    print_name("type", who.has_type, who.type, err) < 0)
		goto out;
	ret = 0;
out:
	buf_free(&scratch);
	return ret;
}

/* The steps of the check, without any secret to hold it against. */
static int
print_steps(
    const struct scheme *sc, const struct verify_input *in, struct err *err)
{
	struct explain_input ask = { .scheme = sc, .in = in, .whole = true };
	struct explain_report report = { .verdict = VERIFY_INVALID };
	struct span rest, line;
	size_t at;
	int ret;

	ret = explain_request(&ask, &report, err);
	rest = buf_span(&report.steps);
	while (ret == 0 && rest.len > 0) {
		at = span_find(rest, '\n');
		line = span_of(rest.ptr, at);
		rest = span_skip(rest, at + 1);
		if (!span_is(line, "there is no live secret"))
			printf("    %.*s\n", (int)line.len,
			    (const char *)line.ptr);
	}
	explain_free(&report);
	return ret;
}

int
scheme_sample(const struct command_line *line, const char *path,
    const struct scheme *sc, struct err *err)
{
	struct buf text = BUF_INIT(CAPTURED_MAX);
	struct captured got = { .nheaders = 0 };
	struct constants constants = { .n = 0 };
	struct request rq = { .now_ms = clock_wall_ms() };
	struct verify_input in = { .request = &rq,
		.url = command_option(line, "url", 0),
		.tolerance_s = -1,
		.horizon_s = -1 };
	int ret = -1;
	size_t i;

	if (read_constants(line, &constants, err) < 0 ||
	    input_read(path, path, &text, err) < 0 ||
	    captured_read(buf_span(&text), &got, err) < 0)
		goto out;
	rq.method = got.method;
	rq.path = got.path;
	rq.query = got.query;
	rq.headers = got.headers;
	rq.nheaders = got.nheaders;
	rq.body = got.body;
	rq.content_length = (int64_t)got.body.len;
	in.params = constants.at;
	in.nparams = constants.n;
	printf("%s: of the request in %s:\n", scheme_name(sc), path);
	if (print_steps(sc, &in, err) < 0 || print_identity(sc, &in, err) < 0)
		goto out;
	ret = 0;
out:
	for (i = 0; i < constants.n; i++)
		free(constants.names[i]);
	captured_free(&got);
	buf_wipe(&text);
	return ret;
}
