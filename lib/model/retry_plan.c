/* retry_plan.c: the delays between attempts. */
#include "lib/model/retry_plan.h"

#include "lib/base/text.h"
#include "lib/base/util.h"

#define S INT64_C(1000)
#define M (60 * S)
#define H (60 * M)

#define JITTER_PART 10 /* a tenth */

static const struct {
	const char *name;
	struct retry_plan plan;
} plans[] = {
	{ "days3",
	    { 20, { 1 * M, 2 * M, 4 * M, 8 * M, 16 * M, 32 * M, 64 * M, 128 * M,
		      256 * M, 6 * H, 6 * H, 6 * H, 6 * H, 6 * H, 6 * H, 6 * H,
		      6 * H, 6 * H, 6 * H, 6 * H } } },
	{ "nimbus", { 4, { 1 * S, 2 * S, 4 * S, 8 * S } } },
	{ "nolxy", { 3, { 5 * S, 10 * S, 20 * S } } },
	{ "nomos", { 12, { 1 * M, 2 * M, 4 * M, 8 * M, 16 * M, 32 * M, 1 * H,
			     2 * H, 4 * H, 8 * H, 16 * H, 32 * H } } },
	{ "none", { 0, { 0 } } },
	{ "svix",
	    { 7, { 5 * S, 5 * M, 30 * M, 2 * H, 5 * H, 10 * H, 10 * H } } },
};

/* The names, for whoever gave another. */
static struct span
names(char *text, size_t size)
{
	struct buf b = BUF_OVER(text, size);
	struct err ignored = ERR_INIT; /* a cut list is better than none */
	size_t i;

	for (i = 0; i < NITEMS(plans); i++)
		if (buf_printf(&b, &ignored, "%s%s", i == 0 ? "" : ", ",
			plans[i].name) < 0)
			break;
	return buf_span(&b);
}

/* One delay of a list. */
static int
parse_delay(struct span item, int64_t *delay_ms, struct err *err)
{
	struct err why = ERR_INIT;
	char shown_text[160], names_text[128];
	struct buf shown = BUF_OVER(shown_text, sizeof(shown_text));
	struct span known = names(names_text, sizeof(names_text));
	int64_t s;

	if (text_to_duration_s(item, &s, &why) == 0 && s > 0 &&
	    s <= RETRY_DELAY_MAX_MS / S) {
		*delay_ms = s * S;
		return 0;
	}
	if (text_put_value(&shown, item, 32, &why) < 0)
		buf_clear(&shown);
	return err_set(err, ERR_INPUT,
	    "retry plan: %.*s is neither a delay of 1s to 30d, as in "
	    "\"5s,5m,30m,2h\", nor a plan (%.*s)",
	    (int)shown.len, shown_text, (int)known.len,
	    (const char *)known.ptr);
}

int
retry_plan_parse(struct span text, struct retry_plan *out, struct err *err)
{
	struct retry_plan plan = { 0 };
	struct span left = text, item;
	size_t i;

	for (i = 0; i < NITEMS(plans); i++) {
		if (span_is(text, plans[i].name)) {
			*out = plans[i].plan;
			return 0;
		}
	}
	for (;;) {
		item = span_of(left.ptr, span_find(left, ','));
		if (plan.n == RETRY_PLAN_MAX)
			return err_set(err, ERR_INPUT,
			    "retry plan: more than %d delays", RETRY_PLAN_MAX);
		if (parse_delay(span_trim(item), &plan.delay_ms[plan.n], err) <
		    0)
			return -1;
		plan.n++;
		if (item.len == left.len)
			break;
		left = span_skip(left, item.len + 1);
	}
	*out = plan;
	return 0;
}

/* A tenth less to a tenth more. */
static int64_t
jitter(int64_t delay_ms, uint32_t chance)
{
	int64_t part = delay_ms / JITTER_PART;
	int64_t width = 2 * part + 1;

	/* The widest (6 days of ms) is below 2 to the 30. */
	return delay_ms - part + (int64_t)((uint64_t)width * chance >> 32);
}

int64_t
retry_plan_delay_ms(const struct retry_plan *plan, unsigned made,
    int64_t after_ms, uint32_t chance)
{
	int64_t delay;

	if (made == 0 || made > plan->n)
		return -1;
	delay = jitter(plan->delay_ms[made - 1], chance);
	if (after_ms > RETRY_AFTER_MAX_MS)
		after_ms = RETRY_AFTER_MAX_MS;
	return after_ms > delay ? after_ms : delay;
}
