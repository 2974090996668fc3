/* destination_settings.c: options of add and edit as members of "settings". */
#include "admin/destination_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/secret_file.h"
#include "lib/base/encode.h"
#include "lib/base/text.h"
#include "lib/base/util.h"
#include "lib/model/destination.h"
#include "lib/outbound/url.h"

#define PATH_BYTES_MAX 8192
#define URL_BYTES_MAX (64 * 1024)
#define VALUE_MAX 8192 /* bytes of a header's value */

/* Option to member; an empty value goes back to the default. */
static const struct {
	const char *option, *member;
} texts[] = {
	{ "title", "title" },
	{ "endpoints", "endpoints" },
	{ "events", "events" },
	{ "sign", "sign" },
	{ "retry", "retry" },
	{ "order", "order" },
	{ "allow-net", "allow_net" },
	{ "proxy", "proxy" },
};

/* The same, of files that the deliverer opens. */
static const struct {
	const char *option, *member;
} paths[] = {
	{ "client-cert", "client_cert" },
	{ "client-key", "client_key" },
	{ "ca", "ca" },
};

/* An option that turns a switch on, and one that turns it off again. */
static const struct {
	const char *on, *off, *member;
} switches[] = {
	{ "tests", "no-tests", "tests" },
	{ "allow-http", "require-https", "allow_http" },
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

/* --- where it goes -------------------------------------------------------- */

/* The whole path of a file, from / on: the deliverer is elsewhere. */
static int
put_path(struct call *c, const char *member, const char *path, struct err *err)
{
	struct buf whole = BUF_INIT(2 * PATH_BYTES_MAX);
	char here[PATH_BYTES_MAX] = "";
	int ret = -1;

	if (path[0] != '/' && getcwd(here, sizeof(here)) == NULL) {
		err_errno(err, errno, "%s: the folder it is in", path);
		goto out;
	}
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	if (buf_printf(&whole, err, "%s%s%s", here,
		path[0] == '/' || strcmp(here, "/") == 0 ? "" : "/", path) < 0)
		goto out;
	json_write_bytes(&c->w, member, buf_span(&whole));
	ret = 0;
out:
	buf_free(&whole);
	return ret;
}

static int
put_command(struct call *c, const char *path, struct err *err)
{
	size_t i;

	if (strchr(path, '/') == NULL)
		return err_set(err, ERR_USAGE,
		    "--command takes the program's path, such as "
		    "/usr/local/bin/%s or ./%s: no PATH is searched",
		    path, path);
	json_write_null(&c->w, "url");
	json_write_array(&c->w, "command");
	if (put_path(c, NULL, path, err) < 0)
		return -1;
	for (i = 1; i < c->line->noperands; i++)
		json_write_bytes(&c->w, NULL, span_str(c->line->operands[i]));
	json_write_close(&c->w);
	return 0;
}

/* An international host is asked for in its ASCII form. */
static int
put_url(struct call *c, const char *url, struct err *err)
{
	struct buf ascii = BUF_INIT(URL_BYTES_MAX);
	int ret;

	ret = outbound_url_ascii(span_str(url), &ascii, err);
	if (ret == 0) {
		json_write_bytes(&c->w, "url", buf_span(&ascii));
		json_write_null(&c->w, "command");
	}
	buf_free(&ascii);
	return ret;
}

/* A URL takes the place of a command, and the reverse. */
static int
put_place(struct call *c, struct err *err)
{
	const char *url = command_option(c->line, "url", 0);
	const char *command = command_option(c->line, "command", 0);

	if (url != NULL && command != NULL)
		return err_set(
		    err, ERR_USAGE, "--url and --command exclude each other");
	if (command == NULL && c->line->noperands > 1)
		return err_set(err, ERR_USAGE,
		    "\"%s\" is one word too many: only --command takes "
		    "arguments",
		    c->line->operands[1]);
	if (command != NULL && !reset(c, "command", "command"))
		return put_command(c, command, err);
	if (url != NULL && !reset(c, "url", "url"))
		return put_url(c, url, err);
	return 0;
}

/* --- headers -------------------------------------------------------------- */

static int
misuse_header(const char *given, struct err *err)
{
	size_t name = strcspn(given, ":");

	/* Behind the ":" may stand what was meant to be confidential. */
	return err_set(err, ERR_USAGE,
	    "--header takes 'NAME: @FILE', the value from a file (\"%.*s\")",
	    (int)name, given);
}

/* "NAME: @FILE"; "NAME:" takes the header away. */
static int
put_header(struct call *c, const char *given, struct err *err)
{
	struct buf value = BUF_INIT(VALUE_MAX);
	struct span s = span_str(given), rest;
	size_t len = span_find(s, ':');
	const char *file;
	char *name = NULL;
	int ret = -1;

	if (len == 0 || len == s.len)
		return misuse_header(given, err);
	name = span_dup(span_trim(span_of(given, len)), err);
	if (name == NULL)
		return -1;
	rest = span_trim(span_skip(s, len + 1));
	file = rest.len == 0 ? "" : rest.ptr;
	if (rest.len == 0) {
		json_write_null(&c->w, name);
	} else if (file[0] != '@') {
		misuse_header(given, err);
		goto out;
	} else if (secret_file_read(file + 1, "--header", &value, err) < 0) {
		goto out;
	} else if (!json_write_is_text(buf_span(&value))) {
		err_set(
		    err, ERR_INPUT, "--header %s: it must be UTF-8 text", name);
		goto out;
	} else {
		json_write_bytes(&c->w, name, buf_span(&value));
	}
	ret = 0;
out:
	free(name);
	buf_wipe(&value);
	return ret;
}

/* Has one of the first n headers the name of this one? */
static bool
given_before(struct call *c, size_t n, const char *header)
{
	struct span name = span_of(header, strcspn(header, ":")), other;
	const char *before;
	size_t i;

	for (i = 0; i < n; i++) {
		before = command_option(c->line, "header", i);
		other = span_of(before, strcspn(before, ":"));
		if (span_eq_nocase(span_trim(name), span_trim(other)))
			return true;
	}
	return false;
}

static int
put_headers(struct call *c, struct err *err)
{
	const char *given;
	size_t i;

	if (!command_has(c->line, "header") || reset(c, "header", "headers"))
		return 0;
	json_write_object(&c->w, "headers");
	for (i = 0; (given = command_option(c->line, "header", i)); i++) {
		if (given_before(c, i, given))
			return err_set(err, ERR_USAGE,
			    "--header %.*s is given twice",
			    (int)strcspn(given, ":"), given);
		if (put_header(c, given, err) < 0)
			return -1;
	}
	json_write_close(&c->w);
	return 0;
}

static void
put_forward(struct call *c)
{
	const char *name;
	size_t i;

	if (!command_has(c->line, "forward-header") ||
	    reset(c, "forward-header", "forward"))
		return;
	json_write_array(&c->w, "forward");
	for (i = 0; (name = command_option(c->line, "forward-header", i)); i++)
		json_write_bytes(&c->w, NULL, span_str(name));
	json_write_close(&c->w);
}

/* "basic USER:PASSWORD" or "bearer TOKEN" as the header has it. */
static int
make_auth(struct span given, struct buf *out, struct err *err)
{
	size_t len = span_find(given, ' ');
	struct span word = span_of(given.ptr, len),
		    rest = span_trim(span_skip(given, len));

	if (span_is_nocase(word, "basic") && span_find(rest, ':') < rest.len) {
		if (buf_puts(out, "Basic ", err) < 0)
			return -1;
		return encode_put(ENCODING_BASE64, rest, out, err);
	}
	if (span_is_nocase(word, "bearer") && rest.len > 0) {
		if (buf_puts(out, "Bearer ", err) < 0)
			return -1;
		return buf_put_span(out, rest, err);
	}
	return err_set(err, ERR_INPUT,
	    "--auth-file: the file must hold \"basic USER:PASSWORD\" or "
	    "\"bearer TOKEN\"");
}

static int
put_auth(struct call *c, struct err *err)
{
	const char *path = command_option(c->line, "auth-file", 0);
	struct buf given = BUF_INIT(VALUE_MAX), made = BUF_INIT(2 * VALUE_MAX);
	int ret = -1;

	if (path == NULL || reset(c, "auth-file", "auth"))
		return 0;
	if (secret_file_read(path, "--auth-file", &given, err) < 0 ||
	    make_auth(buf_span(&given), &made, err) < 0)
		goto out;
	if (!json_write_is_text(buf_span(&made))) {
		err_set(err, ERR_INPUT, "--auth-file: it must be UTF-8 text");
		goto out;
	}
	json_write_bytes(&c->w, "auth", buf_span(&made));
	ret = 0;
out:
	buf_wipe(&given);
	buf_wipe(&made);
	return ret;
}

/* --- numbers -------------------------------------------------------------- */

/* "10/s" or "10": attempts a second. */
static int
put_rate(struct call *c, struct err *err)
{
	const char *value = command_option(c->line, "rate", 0);
	struct span s = span_str(value);
	uint64_t n;

	if (value == NULL || reset(c, "rate", "rate"))
		return 0;
	if (s.len > 2 && strcmp(value + s.len - 2, "/s") == 0)
		s.len -= 2;
	if (text_to_u64(s, ENDPOINT_RATE_MAX, &n, err) < 0) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--rate takes N/s, such as 10/s");
	}
	json_write_uint(&c->w, "rate", n);
	return 0;
}

static int
put_numbers(struct call *c, struct err *err)
{
	if (put_rate(c, err) < 0)
		return -1;
	if (!reset(c, "timeout", "timeout") &&
	    call_put_duration(
		c, "timeout", "timeout", DESTINATION_TIMEOUT_MAX_S, err) < 0)
		return -1;
	if (!reset(c, "concurrency", "concurrency") &&
	    call_put_number(c, "concurrency", "concurrency",
		DESTINATION_CONCURRENCY_MAX, err) < 0)
		return -1;
	if (!reset(c, "park-max", "park_max") &&
	    call_put_number(
		c, "park-max", "park_max", DESTINATION_PARK_MAX, err) < 0)
		return -1;
	if (!reset(c, "disable-after", "disable_after") &&
	    call_put_duration(c, "disable-after", "disable_after",
		DESTINATION_DISABLE_MAX_S, err) < 0)
		return -1;
	return 0;
}

/* -------------------------------------------------------------------------- */

static int
put_switches(struct call *c, struct err *err)
{
	size_t i;

	for (i = 0; i < NITEMS(switches); i++) {
		if (command_has(c->line, switches[i].off)) {
			if (command_has(c->line, switches[i].on))
				return err_set(err, ERR_USAGE,
				    "--%s and --%s exclude each other",
				    switches[i].on, switches[i].off);
			json_write_bool(&c->w, switches[i].member, false);
		}
		call_put_flag(c, switches[i].on, switches[i].member);
	}
	return 0;
}

int
destination_put_settings(struct call *c, struct err *err)
{
	const char *path;
	size_t i;

	json_write_object(&c->w, "settings");
	if (put_place(c, err) < 0)
		return -1;
	for (i = 0; i < NITEMS(texts); i++)
		if (!reset(c, texts[i].option, texts[i].member))
			call_put_text(c, texts[i].option, texts[i].member);
	for (i = 0; i < NITEMS(paths); i++) {
		path = command_option(c->line, paths[i].option, 0);
		if (path != NULL &&
		    !reset(c, paths[i].option, paths[i].member) &&
		    put_path(c, paths[i].member, path, err) < 0)
			return -1;
	}
	if (put_headers(c, err) < 0 || put_auth(c, err) < 0 ||
	    put_numbers(c, err) < 0 || put_switches(c, err) < 0)
		return -1;
	put_forward(c);
	json_write_close(&c->w);
	return 0;
}
