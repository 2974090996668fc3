/* env.c: reads a CGI environment. */
#include "cgi/env.h"

#include <string.h>

#include "lib/base/text.h"
#include "lib/base/util.h"

/*
 * What the web server says of a request. A client cannot set these: what it
 * sends arrives as HTTP_*. HTTP_CONTENT_TYPE and HTTP_CONTENT_LENGTH, which
 * nginx adds, only repeat what stands here and are passed over.
 */
enum variable {
	CONTENT_LENGTH,
	CONTENT_TYPE,
	HTTPS,
	PATH_INFO,
	QUERY_STRING,
	REMOTE_ADDR,
	REQUEST_METHOD,
	REQUEST_SCHEME,
	REQUEST_URI,
	SCRIPT_NAME,
	VARIABLES
};

#define ROW(name)                  \
	[name] = {                 \
		#name,             \
		sizeof(#name) - 1, \
	}
static const struct {
	const char *name;
	size_t len;
} variables[VARIABLES] = {
	ROW(CONTENT_LENGTH),
	ROW(CONTENT_TYPE),
	ROW(HTTPS),
	ROW(PATH_INFO),
	ROW(QUERY_STRING),
	ROW(REMOTE_ADDR),
	ROW(REQUEST_METHOD),
	ROW(REQUEST_SCHEME),
	ROW(REQUEST_URI),
	ROW(SCRIPT_NAME),
};
#undef ROW

#define HEADER_PREFIX "HTTP_"
#define HEADER_PREFIX_LEN (sizeof(HEADER_PREFIX) - 1)

static void
name_to_header(char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (name[i] == '_')
			name[i] = '-';
		else if (name[i] >= 'A' && name[i] <= 'Z')
			name[i] = (char)(name[i] - 'A' + 'a');
	}
}

static int
put_header(struct request *rq, struct header *headers, struct span name,
    const char *value, struct err *err)
{
	if (rq->nheaders == REQUEST_HEADERS_MAX)
		return err_set(err, ERR_LIMIT, "more than %d headers",
		    REQUEST_HEADERS_MAX);
	headers[rq->nheaders].name = name;
	headers[rq->nheaders].value = span_trim(span_str(value));
	rq->nheaders++;
	return 0;
}

/* One HTTP_NAME=value; at points behind the prefix. */
static int
take_header(struct request *rq, struct header *headers, char *at, char *equals,
    struct err *err)
{
	struct span name = span_of(at, (size_t)(equals - at));

	name_to_header(at, name.len);
	if (span_is(name, "content-type") || span_is(name, "content-length"))
		return 0;
	return put_header(rq, headers, name, equals + 1, err);
}

static int
take_variable(
    char *values[VARIABLES], const char *name, char *equals, struct err *err)
{
	size_t i, len = (size_t)(equals - name);
	char *value = equals + 1;

	for (i = 0; i < VARIABLES; i++) {
		if (variables[i].len != len ||
		    memcmp(variables[i].name, name, len) != 0)
			continue;
		if (values[i] != NULL && strcmp(values[i], value) != 0)
			return err_set(err, ERR_INPUT,
			    "the web server sent %s twice, with different "
			    "values",
			    variables[i].name);
		values[i] = value;
		break;
	}
	return 0;
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The path of a request URI, decoded in place; a wrong escape stays. */
static struct span
uri_path(char *uri)
{
	size_t from, to = 0, len = strcspn(uri, "?#");
	int high, low;

	for (from = 0; from < len; from++) {
		if (uri[from] == '%' && len - from > 2 &&
		    (high = hex_digit(uri[from + 1])) >= 0 &&
		    (low = hex_digit(uri[from + 2])) >= 0) {
			uri[to++] = (char)(high * 16 + low);
			from += 2;
		} else
			uri[to++] = uri[from];
	}
	return span_of(uri, to);
}

static bool
is_set(const char *value)
{
	return value != NULL && value[0] != '\0';
}

/*
 * -1: absent or empty (nginx sends it empty); -2: no plain number. One that no
 * integer holds is a plain number all the same, and larger than any limit.
 */
static int64_t
declared_length(const char *value)
{
	struct err ignored = ERR_INIT;
	uint64_t n;

	if (!is_set(value))
		return -1;
	if (value[strspn(value, "0123456789")] != '\0')
		return -2;
	if (text_to_u64(span_str(value), INT64_MAX, &n, &ignored) < 0)
		return INT64_MAX;
	return (int64_t)n;
}

static bool
is_https(char *const values[VARIABLES])
{
	struct span https = span_str(values[HTTPS]);

	if (https.len > 0)
		return !span_is_nocase(https, "off") && !span_is(https, "0");
	return span_is_nocase(span_str(values[REQUEST_SCHEME]), "https");
}

int
env_request(
    char **env, struct header *headers, struct request *rq, struct err *err)
{
	struct request made = { .headers = headers };
	char *values[VARIABLES] = { NULL }, *equals, *query;

	for (; *env != NULL; env++) {
		equals = strchr(*env, '=');
		if (equals == NULL)
			continue;
		if (strncmp(*env, HEADER_PREFIX, HEADER_PREFIX_LEN) == 0) {
			if (take_header(&made, headers,
				*env + HEADER_PREFIX_LEN, equals, err) < 0)
				return -1;
		} else if (take_variable(values, *env, equals, err) < 0)
			return -1;
	}
	if (!is_set(values[REQUEST_METHOD]))
		return err_set(err, ERR_INPUT, "no REQUEST_METHOD");
	if (is_set(values[CONTENT_TYPE]) &&
	    put_header(&made, headers, span_str("content-type"),
		values[CONTENT_TYPE], err) < 0)
		return -1;
	made.method = span_str(values[REQUEST_METHOD]);
	made.query = span_str(values[QUERY_STRING]);
	made.peer = span_str(values[REMOTE_ADDR]);
	made.https = is_https(values);
	made.content_length = declared_length(values[CONTENT_LENGTH]);
	if (is_set(values[PATH_INFO]))
		made.path = span_str(values[PATH_INFO]);
	else if (is_set(values[SCRIPT_NAME]))
		made.path = span_str(values[SCRIPT_NAME]);
	else if (is_set(values[REQUEST_URI])) {
		query = strchr(values[REQUEST_URI], '?');
		if (values[QUERY_STRING] == NULL && query != NULL)
			made.query = span_str(query + 1);
		made.path = uri_path(values[REQUEST_URI]);
	}
	*rq = made;
	return 0;
}

void
env_refuse(struct receive_reply *reply, const struct err *err)
{
	/* Only the operator is told which variable it was. */
	receive_refuse(reply,
	    err->code == ERR_LIMIT ? RECEIVE_HEADERS : RECEIVE_NO_REQUEST,
	    err->text);
}
