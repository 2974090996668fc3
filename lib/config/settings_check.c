/* settings_check.c: what many settings must be to mean something. */
#include "lib/config/settings.h"

#include <string.h>

#include "lib/base/pattern.h"
#include "lib/base/text.h"
#include "lib/http/address.h"

static bool
is_word_letter(char c, const char *more)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || (c != '\0' && strchr(more, c) != NULL);
}

bool
setting_is_word(struct span s, size_t max, const char *more)
{
	const char *p = s.ptr;
	size_t i;

	for (i = 0; i < s.len; i++)
		if (!is_word_letter(p[i], more))
			return false;
	return s.len > 0 && s.len <= max;
}

int
setting_check_line(const char *what, const char *s, size_t max, struct err *err)
{
	const char *p;

	if (s == NULL)
		return 0;
	if (strlen(s) > max)
		return err_set(err, ERR_INPUT, "%s: at most %zu bytes, not %zu",
		    what, max, strlen(s));
	if (!text_is_utf8(span_str(s)))
		return err_set(
		    err, ERR_INPUT, "%s: it must be UTF-8 text", what);
	for (p = s; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return err_set(err, ERR_INPUT,
			    "%s: control bytes and line ends are not allowed",
			    what);
	return 0;
}

int
setting_check_patterns(const char *what, const char *text, struct err *err)
{
	struct pattern_list *list = NULL;

	if (text == NULL)
		return 0;
	if (pattern_parse(span_str(text), &list, err) < 0)
		return err_wrap(err, "%s", what);
	pattern_free(list);
	return 0;
}

int
setting_check_addresses(const char *what, const char *text, struct err *err)
{
	struct address_list *list = NULL;

	if (text == NULL)
		return 0;
	if (address_list_parse(span_str(text), &list, err) < 0)
		return err_wrap(err, "%s", what);
	address_list_free(list);
	if (text[strspn(text, " \t,")] == '\0')
		return err_set(err, ERR_INPUT,
		    "%s: an empty list would allow nobody", what);
	return 0;
}

int
setting_check_range(const char *what, int64_t v, int64_t none, int64_t min,
    int64_t max, struct err *err)
{
	if (v == none || (v >= min && v <= max))
		return 0;
	return err_set(err, ERR_INPUT,
	    "%s: it must be from %lld to %lld, not %lld", what, (long long)min,
	    (long long)max, (long long)v);
}
