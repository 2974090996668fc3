/* found.c: what an inquiry has found, and how it names things. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/text.h"
#include "lib/explain/impl.h"

#define LINE_MAX_BYTES 1024 /* of what is found */
#define SECRET_LEAST 6 /* bytes: shorter ones would be found anywhere */

int
explain_finds_secret(const struct explain_input *ask, struct span s)
{
	struct span text;
	size_t i;

	for (i = 0; i < ask->nsecrets; i++) {
		text = ask->secrets[i].text;
		if (text.len >= SECRET_LEAST && s.len >= text.len &&
		    memmem(s.ptr, s.len, text.ptr, text.len) != NULL)
			return (int)i;
	}
	return -1;
}

void
inquiry_name(const struct explain_secret *s, char name[INQUIRY_NAME_MAX])
{
	if (s->id == 0)
		snprintf(name, INQUIRY_NAME_MAX, "the secret given");
	else if (s->endpoint == NULL)
		snprintf(name, INQUIRY_NAME_MAX, "sec_%llu",
		    (unsigned long long)s->id);
	else
		snprintf(name, INQUIRY_NAME_MAX, "sec_%llu of endpoint %.64s",
		    (unsigned long long)s->id, s->endpoint);
}

int
inquiry_found(struct inquiry *q, enum explain_cause cause, const char *fmt, ...)
{
	char line[LINE_MAX_BYTES];
	struct buf *words = &q->out->words;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	q->out->cause = cause;
	buf_clear(words);
	return text_put_shown(words, span_str(line), q->err) < 0 ? -1 : 1;
}
