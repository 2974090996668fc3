/* words.c: short texts for reports and headers. */
#include "lib/deliver/words.h"

#include <stdio.h>

#include "lib/base/text.h"

#define WORDS_CUT (DELIVERY_WORDS_MAX - 40) /* leaves room for the word */

struct span
deliver_words(char out[DELIVERY_WORDS_MAX], const char *word, const char *text)
{
	struct buf b = BUF_OVER(out, DELIVERY_WORDS_MAX);
	struct span s = span_str(text);
	struct err ignored;
	size_t len;

	if (word != NULL && buf_printf(&b, &ignored, "%s: ", word) < 0)
		b.len = 0;
	/* Escaped bytes take more room: then fewer of them are shown. */
	for (len = s.len < WORDS_CUT ? s.len : WORDS_CUT; len > 0; len /= 2)
		if (text_put_shown(&b, span_of(s.ptr, len), &ignored) == 0)
			break;
	out[b.len] = '\0';
	return buf_span(&b);
}

struct span
deliver_event_id(const struct event *ev, char room[32])
{
	const unsigned char *p = ev->id.ptr;
	size_t i;

	/* In the signed content a full stop ends the id (Standard Webhooks). */
	for (i = 0; i < ev->id.len && p[i] > 0x20 && p[i] < 0x7f && p[i] != '.';
	     i++)
		continue;
	if (ev->id.len >= 1 && ev->id.len <= 255 && i == ev->id.len)
		return ev->id;
	snprintf(room, 32, "evt_%llu", (unsigned long long)ev->seq);
	return span_str(room);
}
