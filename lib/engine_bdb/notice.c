/* notice.c: the words of eyelet's own events. */
#include "lib/store/notice.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/engine_bdb/impl.h"

#define DO_MAX 512

int
notice_envelope(struct span type, int64_t at_ms, struct span data,
    struct buf *out, struct err *err)
{
	struct json_write w;

	json_write_init(&w, out, err);
	json_write_object(&w, NULL);
	json_write_bytes(&w, "type", type);
	json_write_time(&w, "timestamp", at_ms);
	json_write_raw(&w, "data", data);
	json_write_close(&w);
	return json_write_done(&w);
}

void
notice_do(struct json_write *w, const char *fmt, ...)
{
	char words[DO_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(words, sizeof(words), fmt, ap);
	va_end(ap);
	json_write_str(w, "do", words);
}

int
notice_disabled(struct store_tx *tx, const struct store_destination *d,
    const char *by, const char *why, struct err *err)
{
	struct buf data = BUF_INIT(NOTICE_DATA_MAX);
	struct json_write w;
	bool put = false;
	int ret = -1;

	json_write_init(&w, &data, err);
	json_write_object(&w, NULL);
	json_write_str(&w, "destination", d->name);
	json_write_str(&w, "by", by);
	json_write_str(&w, "why", why);
	json_write_time(&w, "since", store_tx_now_ms(tx));
	notice_do(&w,
	    "its events wait: see what is wrong there, then "
	    "eyelet-destination resume %s",
	    d->name);
	json_write_close(&w);
	if (json_write_done(&w) == 0 &&
	    notice_put(tx, NOTICE_DISABLED, buf_span(&data), &put, err) == 0)
		ret = 0;
	if (ret == 0 && !put)
		store_say(tx->st,
		    "destination %s was disabled (%s), but too many notices "
		    "wait to say so in the log",
		    d->name, why);
	buf_free(&data);
	return ret;
}
