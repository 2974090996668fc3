/* pattern.c: lists of event type patterns. */
#include "lib/base/pattern.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/text.h"

struct pattern {
	const char *rule; /* as written, with its "!" */
	const char *text; /* what a type must be, or begin with */
	size_t len;
	bool excludes, prefix;
};

struct pattern_list {
	char *source; /* the patterns, each ended by a NUL */
	size_t n;
	bool includes; /* is there any pattern that does not exclude? */
	struct pattern patterns[];
};

static bool
is_divider(char c)
{
	return c == ',' || c == ' ' || c == '\t';
}

/* Reads one pattern, NUL-terminated at rule. */
static int
parse_one(const char *rule, struct pattern *p, struct err *err)
{
	const char *star;

	p->rule = rule;
	p->excludes = rule[0] == '!';
	p->text = rule + (p->excludes ? 1 : 0);
	p->len = strlen(p->text);
	star = strchr(p->text, '*');
	p->prefix = star != NULL;
	if (p->len == 0)
		return err_set(err, ERR_INPUT,
		    "event pattern \"%s\": nothing stands behind the \"!\"",
		    rule);
	if (p->text[0] == '!')
		return err_set(err, ERR_INPUT,
		    "event pattern \"%s\": one \"!\" is enough", rule);
	if (star != NULL && star[1] != '\0')
		return err_set(err, ERR_INPUT,
		    "event pattern \"%s\": \"*\" may only be the last letter",
		    rule);
	if (p->prefix)
		p->len--;
	return 0;
}

/* Nothing in a list may drive a terminal: it is shown again and again. */
static int
check_text(struct span text, struct err *err)
{
	const unsigned char *p = text.ptr;
	size_t i;

	if (text.len > PATTERN_LIST_MAX)
		return err_set(err, ERR_INPUT,
		    "event patterns: %zu bytes are more than %d", text.len,
		    PATTERN_LIST_MAX);
	if (!text_is_utf8(text))
		return err_set(
		    err, ERR_INPUT, "event patterns: not valid UTF-8");
	for (i = 0; i < text.len; i++)
		if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return err_set(err, ERR_INPUT,
			    "event patterns: control byte 0x%02x", p[i]);
	return 0;
}

int
pattern_parse(struct span text, struct pattern_list **out, struct err *err)
{
	struct pattern_list *list = NULL, *grown;
	char *source = NULL, *at, *end;
	size_t n = 0;
	int ret = -1;

	if (check_text(text, err) < 0)
		goto out;
	source = span_dup(text, err);
	if (source == NULL)
		goto out;
	for (at = source, end = source + text.len; at < end; at++)
		if (!is_divider(*at) && (at == source || is_divider(at[-1])))
			n++;
	if (n == 0) {
		err_set(err, ERR_INPUT, "event patterns: the list is empty");
		goto out;
	}
	for (at = source; at < end; at++)
		if (is_divider(*at))
			*at = '\0';
	grown = calloc(1, sizeof(*list) + n * sizeof(list->patterns[0]));
	if (grown == NULL) {
		err_set(err, ERR_NOMEM, "no memory for %zu patterns", n);
		goto out;
	}
	list = grown;
	for (at = source; list->n < n; at += strlen(at) + 1) {
		if (*at == '\0')
			continue;
		if (parse_one(at, &list->patterns[list->n], err) < 0)
			goto out;
		if (!list->patterns[list->n++].excludes)
			list->includes = true;
	}
	list->source = source;
	*out = list;
	source = NULL;
	list = NULL;
	ret = 0;
out:
	free(source);
	free(list);
	return ret;
}

void
pattern_free(struct pattern_list *list)
{
	if (list == NULL)
		return;
	free(list->source);
	free(list);
}

static bool
matches(const struct pattern *p, struct span type)
{
	if (p->prefix ? type.len < p->len : type.len != p->len)
		return false;
	return p->len == 0 || memcmp(type.ptr, p->text, p->len) == 0;
}

bool
pattern_selects(
    const struct pattern_list *list, struct span type, const char **rule)
{
	const struct pattern *p, *by = NULL;

	for (p = list->patterns; p < list->patterns + list->n; p++) {
		if (!matches(p, type))
			continue;
		if (by == NULL || (p->excludes && !by->excludes))
			by = p;
	}
	if (rule != NULL)
		*rule = by == NULL ? NULL : by->rule;
	return by == NULL ? !list->includes : !by->excludes;
}

bool
pattern_needs_no_type(const struct pattern_list *list, bool *selects)
{
	const struct pattern *p;
	bool all = false, excludes = false;

	*selects = false;
	for (p = list->patterns; p < list->patterns + list->n; p++) {
		if (p->excludes && p->prefix && p->len == 0)
			return true;
		excludes = excludes || p->excludes;
		all = all || (p->prefix && p->len == 0);
	}
	*selects = all && !excludes;
	return *selects;
}
