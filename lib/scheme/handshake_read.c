/* handshake_read.c: compiles the handshake rules of a scheme file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/scheme/field.h"
#include "lib/scheme/handshake.h"

/* What a rule may read: no signature header's items, for it may have none. */
#define VALUES                                             \
	(PIECE_BIT(PIECE_HEADER) | PIECE_BIT(PIECE_JSON) | \
	    PIECE_BIT(PIECE_QUERY) | PIECE_BIT(PIECE_FORM))
#define REPLIES (VALUES | PIECE_MACS)

#define PARAM "param:"

/* "SOURCE = param:NAME" */
static int
read_check(const struct json *value, void *base, struct err *err)
{
	struct handshake_rule *rule = base;
	struct span left, right;
	const char *text;
	char *source;
	size_t at;
	int parsed;

	if (field_text(value, &text, err) < 0)
		return -1;
	at = span_find(span_str(text), '=');
	left = span_trim(span_of(text, at));
	right = span_trim(span_skip(span_str(text), at + 1));
	if (!span_starts(right, PARAM) || right.len == strlen(PARAM))
		return err_set(
		    err, ERR_CONFIG, "must read \"SOURCE = param:NAME\"");
	source = span_dup(left, err);
	if (source == NULL)
		return -1;
	parsed = piece_parse(source, VALUES, &rule->check_from, err);
	free(source);
	if (parsed < 0)
		return -1;
	rule->check_param = span_dup(span_skip(right, strlen(PARAM)), err);
	return rule->check_param == NULL ? -1 : 0;
}

/* A member of a reply: a template, or with literals a number or boolean. */
static int
read_member(const struct json *m, bool literals, struct handshake_member *out,
    struct err *err)
{
	struct buf text = BUF_INIT(64);
	const char *template;
	int ret = -1;

	out->name = span_dup(span_str(json_name(m)), err);
	if (out->name == NULL)
		return -1;
	if (!literals ||
	    (json_kind(m) != JSON_NUMBER && json_kind(m) != JSON_BOOL)) {
		if (field_text(m, &template, err) < 0)
			return -1;
		return template_parse(template, REPLIES, &out->value, err);
	}
	if (json_print(m, &text, err) == 0) {
		out->literal = span_dup(buf_span(&text), err);
		ret = out->literal == NULL ? -1 : 0;
	}
	buf_free(&text);
	return ret;
}

static int
read_members(const struct json *value, bool literals,
    struct handshake_member *out, size_t *n, struct err *err)
{
	const struct json *m;

	if (json_kind(value) != JSON_OBJECT)
		return err_set(err, ERR_CONFIG, "must be an object, not %s",
		    json_kind_word(json_kind(value)));
	for (m = json_first(value); m != NULL; m = json_next(m)) {
		if (*n == SCHEME_LIST_MAX)
			return err_set(err, ERR_CONFIG,
			    "has more than %d members", SCHEME_LIST_MAX);
		if (read_member(m, literals, &out[(*n)++], err) < 0)
			return field_path(err, json_name(m));
	}
	return 0;
}

static int
read_json(const struct json *value, void *base, struct err *err)
{
	struct handshake_rule *rule = base;

	rule->is_json = true;
	return read_members(value, true, rule->json, &rule->njson, err);
}

int
handshake_check_name(const char *name, struct err *err)
{
	static const char *const ours[] = { "content-type", "content-length",
		"status", "cache-control", "set-cookie", "location",
		"transfer-encoding", "connection" };
	struct err ignored = ERR_INIT;
	struct piece p;
	char source[128];
	size_t i;

	for (i = 0; i < NITEMS(ours); i++)
		if (span_is_nocase(span_str(name), ours[i]))
			return err_set(
			    err, ERR_CONFIG, "cannot be set by a rule");
	if (snprintf(source, sizeof(source), "header:%s", name) >=
		(int)sizeof(source) ||
	    piece_parse(source, PIECE_ALL, &p, &ignored) < 0)
		return err_set(err, ERR_CONFIG, "is no header's name");
	if (p.other != NULL)
		err_set(err, ERR_CONFIG, "is no header's name");
	piece_free(&p);
	return strchr(name, ',') == NULL ? 0 : -1;
}

static int
read_headers(const struct json *value, void *base, struct err *err)
{
	struct handshake_rule *rule = base;
	size_t i;

	if (read_members(value, false, rule->headers, &rule->nheaders, err) < 0)
		return -1;
	for (i = 0; i < rule->nheaders; i++)
		if (handshake_check_name(rule->headers[i].name, err) < 0)
			return field_path(err, rule->headers[i].name);
	return 0;
}

/* clang-format off */
static const struct word methods[] = {
	{ "POST", HANDSHAKE_POST },
	{ "GET", HANDSHAKE_GET },
	{ "HEAD", HANDSHAKE_HEAD },
	{ "OPTIONS", HANDSHAKE_OPTIONS },
};

#define AT(member) FIELD_AT(handshake_rule, member)

static const struct field reply_fields[] = {
	{ "status", FIELD_STATUS, AT(status), .least = 200, .most = 299 },
	{ "text", FIELD_TEMPLATE, AT(text), .allowed = REPLIES },
	{ "json", FIELD_CALL, .at = FIELD_NOWHERE, .read = read_json },
	{ "headers", FIELD_CALL, .at = FIELD_NOWHERE, .read = read_headers },
};

static const struct field rule_fields[] = {
	{ "method", FIELD_WORD, AT(method), FIELD_WORDS(methods) },
	{ "signed", FIELD_BOOL, AT(is_signed) },
	{ "any_case", FIELD_BOOL, AT(any_case) },
	{ "when", FIELD_CONDITIONS, FIELD_LIST(handshake_rule, when),
	    .allowed = VALUES },
	{ "check", FIELD_CALL, .at = FIELD_NOWHERE, .read = read_check },
	{ "reply", FIELD_OBJECT, .at = FIELD_NOWHERE,
	    FIELD_INNER(reply_fields) },
};
/* clang-format on */

/* --- do the parts of a rule fit together? -------------------------------- */

static bool
has_mac(const struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		if (t->pieces[i].mac != MAC_NONE)
			return true;
	return false;
}

static bool
any_mac(const struct handshake_rule *rule)
{
	bool any = has_mac(&rule->text);
	size_t i;

	for (i = 0; i < rule->njson; i++)
		any |= has_mac(&rule->json[i].value);
	for (i = 0; i < rule->nheaders; i++)
		any |= has_mac(&rule->headers[i].value);
	return any;
}

static int
check_rule(
    const struct handshake_rule *rule, const struct scheme *sc, struct err *err)
{
	if (rule->method != HANDSHAKE_POST && rule->is_signed)
		return err_set(
		    err, ERR_CONFIG, "/signed: only a POST can be; say false");
	if (rule->method == HANDSHAKE_POST && !sc->by_post)
		return err_set(err, ERR_CONFIG,
		    "/method: \"methods\" of the scheme has no POST");
	if (rule->method == HANDSHAKE_POST && rule->nwhen == 0)
		return err_set(err, ERR_CONFIG,
		    "/when: is missing: every event would be answered so");
	if (rule->text.n > 0 && rule->is_json)
		return err_set(
		    err, ERR_CONFIG, "/reply: has \"text\" and \"json\"");
	if (rule->method == HANDSHAKE_HEAD &&
	    (rule->text.n > 0 || rule->is_json))
		return err_set(
		    err, ERR_CONFIG, "/reply: an answer to HEAD has no body");
	if (any_mac(rule) && sc->algorithm->kind != ALGORITHM_HMAC)
		return err_set(err, ERR_CONFIG,
		    "/reply: hmac() needs an algorithm that is a MAC");
	/* Or it would sign what anybody asks for: see is_token. */
	if (any_mac(rule) && !sc->body_is_json)
		return err_set(
		    err, ERR_CONFIG, "/reply: hmac() needs \"body\": \"json\"");
	/* A form with JSON in it may be a token. */
	if (any_mac(rule) && sc->json_in.shown != NULL)
		return err_set(err, ERR_CONFIG,
		    "/reply: hmac() and \"json_in\" exclude "
		    "each other");
	return 0;
}

static void
match_any_case(struct template *t)
{
	size_t i;

	for (i = 0; i < t->n; i++)
		t->pieces[i].any_case = true;
}

/* Of the rule, whatever the order of its fields. */
static void
set_any_case(struct handshake_rule *rule)
{
	size_t i;

	if (!rule->any_case)
		return;
	for (i = 0; i < rule->nwhen; i++)
		rule->when[i].from.any_case = true;
	rule->check_from.any_case = true;
	match_any_case(&rule->text);
	for (i = 0; i < rule->njson; i++)
		match_any_case(&rule->json[i].value);
	for (i = 0; i < rule->nheaders; i++)
		match_any_case(&rule->headers[i].value);
}

int
scheme_handshake_parse(const struct json *value, void *base, struct err *err)
{
	struct scheme *sc = base;
	const struct json *item;
	struct handshake_rule *rule;
	char index[24];

	if (json_kind(value) != JSON_ARRAY || json_count(value) == 0)
		return err_set(err, ERR_CONFIG, "must be a list of rules");
	if (json_count(value) > HANDSHAKE_RULES_MAX)
		return err_set(err, ERR_CONFIG, "has more than %d members",
		    HANDSHAKE_RULES_MAX);
	sc->handshake = calloc(json_count(value), sizeof(*sc->handshake));
	if (sc->handshake == NULL)
		return err_set(err, ERR_NOMEM, "no memory for rules");
	for (item = json_first(value); item != NULL; item = json_next(item)) {
		rule = &sc->handshake[sc->nhandshake++];
		rule->is_signed = true;
		rule->status = 200;
		if (field_read_object(rule, item, rule_fields,
			NITEMS(rule_fields), err) < 0) {
			snprintf(
			    index, sizeof(index), "%zu", sc->nhandshake - 1);
			return field_path(err, index);
		}
		set_any_case(rule);
	}
	return 0;
}

int
handshake_check(const struct scheme *sc, struct err *err)
{
	char index[40];
	size_t i;

	for (i = 0; i < sc->nhandshake; i++)
		if (check_rule(&sc->handshake[i], sc, err) < 0) {
			snprintf(index, sizeof(index), "handshake/%zu", i);
			return field_path(err, index);
		}
	return 0;
}

static void
free_members(struct handshake_member *m, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(m[i].name);
		free(m[i].literal);
		template_free(&m[i].value);
	}
}

void
handshake_rule_free(struct handshake_rule *rule)
{
	size_t i;

	for (i = 0; i < rule->nwhen; i++) {
		piece_free(&rule->when[i].from);
		free(rule->when[i].value);
	}
	piece_free(&rule->check_from);
	free(rule->check_param);
	template_free(&rule->text);
	free_members(rule->json, rule->njson);
	free_members(rule->headers, rule->nheaders);
}
