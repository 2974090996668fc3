/* core.c: log lines, and what a failed call to the owner means. */
#include "lib/deliver/core.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/base/clock.h"
#include "lib/base/text.h"

#define LINE_MAX_BYTES 2048
#define WHY_MAX 512
#define PAUSE_MS 1000 /* before a call that failed is made again */

static void __attribute__((format(printf, 3, 0)))
say(struct deliver *dv, struct span why, const char *fmt, va_list ap)
{
	char line[LINE_MAX_BYTES];
	struct buf b = BUF_OVER(line, sizeof(line));
	struct err ignored;
	int n = vsnprintf(line, sizeof(line), fmt, ap);

	b.len = n < 0 ? 0 : (size_t)n < b.max ? (size_t)n : b.max;
	if (why.len > 0 && (buf_puts(&b, " why=", &ignored) < 0 ||
			       text_put_value(&b, why, WHY_MAX, &ignored) < 0))
		b.len = n < 0 ? 0 : b.len;
	line[b.len] = '\0';
	dv->opt.log(dv->opt.arg, line);
}

void
deliver_log(struct deliver *dv, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(dv, SPAN_EMPTY, fmt, ap);
	va_end(ap);
}

void
deliver_log_why(struct deliver *dv, struct span why, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(dv, why, fmt, ap);
	va_end(ap);
}

int
deliver_owner_failed(struct deliver *dv, int64_t *again_ms, struct err *err)
{
	if (err->code == ERR_HELD) {
		if (!dv->held && (!dv->opt.once || dv->nsends > 0))
			deliver_log_why(
			    dv, span_str(err->text), "delivery=held");
		/* Not even what is in memory goes out. */
		dv->held = dv->off = true;
		dv->why_held = *err;
		*again_ms = clock_ms() + PAUSE_MS;
		return 0;
	}
	if (err->code == ERR_VERSION || err->code == ERR_DENIED || dv->opt.once)
		return -1;
	*again_ms = clock_ms() + PAUSE_MS;
	if (!dv->away)
		deliver_log_why(dv, span_str(err->text), "store=away");
	dv->away = true;
	return 0;
}

void
deliver_owner_answered(struct deliver *dv)
{
	if (dv->away)
		deliver_log(dv, "store=back");
	dv->away = false;
}
