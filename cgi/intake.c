/* intake.c: records and name-value pairs, checked and put together. */
#include "cgi/intake.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cgi/pair.h"
#include "lib/base/util.h"

#define RECORD_HEAD 8
#define BEGIN_LEN 8
#define SMALL_MAX INTAKE_VALUES_MAX /* content that is gathered first */
#define REPLY_CONTENT_MAX (INTAKE_REPLY_MAX - RECORD_HEAD)
#define FIRST_ROOM 8192 /* bytes of the first memory */

/* FastCGI specification, section 8. */
enum record_type {
	TYPE_BEGIN = 1,
	TYPE_ABORT = 2,
	TYPE_END = 3,
	TYPE_PARAMS = 4,
	TYPE_STDIN = 5,
	TYPE_GET_VALUES = 9,
	TYPE_GET_VALUES_RESULT = 10,
	TYPE_UNKNOWN = 11
};
#define VERSION 1
#define FLAG_KEEP 1
#define CANT_MPX_CONN 1

enum phase {
	PHASE_NONE, /* no request */
	PHASE_PARAMS,
	PHASE_HEAD, /* the parameters are here and were not taken yet */
	PHASE_BODY,
	PHASE_OVER /* nothing of it is read any more */
};

/* Where the content of the current record goes. */
enum use {
	USE_NONE, /* it is passed over */
	USE_PARAMS,
	USE_BODY,
	USE_BEGIN, /* gathered in small, as the next is */
	USE_VALUES
};

struct intake {
	enum phase phase;
	unsigned id, role;
	bool keep;

	/* The record under way. */
	unsigned char head[RECORD_HEAD];
	size_t head_len;
	bool judged; /* its head was: the next two are what is left of it */
	size_t content, padding;
	enum use use;
	enum intake_event then; /* what happens when all of it is here */
	unsigned char small[SMALL_MAX];
	size_t small_len;

	struct buf params, body; /* body.max is this request's own */
	size_t pair_at; /* where the first pair begins that is not whole */
	size_t pairs;
	bool has_nul, too_many;
	size_t head_cost; /* of parameters that were handed over */
	size_t body_max; /* of any request */

	size_t allowed, needs;
	unsigned char reply[INTAKE_REPLY_MAX];
	size_t reply_len;
};

int
intake_new(size_t body_max, struct intake **out, struct err *err)
{
	struct intake *in = calloc(1, sizeof(*in));

	if (in == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a connection");
	in->params = (struct buf)BUF_INIT(INTAKE_PARAMS_MAX);
	in->body_max = body_max;
	*out = in;
	return 0;
}

void
intake_free(struct intake *in)
{
	if (in == NULL)
		return;
	buf_free(&in->params);
	buf_free(&in->body);
	free(in);
}

static void
give_back(struct buf *b)
{
	buf_clear(b);
	if (b->room > INTAKE_KEPT)
		buf_free(b);
}

/* The request is no more; the record under way is. */
static void
forget_request(struct intake *in)
{
	in->phase = PHASE_NONE;
	in->id = 0;
	give_back(&in->params);
	give_back(&in->body);
	in->pair_at = in->pairs = 0;
	in->has_nul = in->too_many = false;
	in->head_cost = in->body.max = 0;
}

static void
forget_record(struct intake *in)
{
	in->head_len = in->content = in->padding = in->small_len = 0;
	in->judged = false;
	in->use = USE_NONE;
	in->then = INTAKE_MORE;
}

void
intake_reset(struct intake *in)
{
	forget_request(in);
	forget_record(in);
	in->reply_len = 0;
}

void
intake_next(struct intake *in)
{
	forget_request(in);
}

bool
intake_is_idle(const struct intake *in)
{
	return in->phase == PHASE_NONE && in->head_len == 0;
}

void
intake_allow(struct intake *in, size_t bytes)
{
	in->allowed = bytes;
}

/* --- memory -------------------------------------------------------------- */

static size_t
held(const struct intake *in)
{
	return in->params.room + in->body.room + in->head_cost;
}

/* The memory, in bytes, that libfcgi needs to copy the parameters. */
static size_t
params_cost(const struct intake *in)
{
	return in->params.len + in->pairs * INTAKE_PAIR_COST;
}

size_t
intake_needs(const struct intake *in)
{
	size_t now = held(in);

	return in->needs > now ? in->needs : now;
}

/*
 * Room in b for n more, which its limit holds. False when that is more memory
 * than is allowed, or than there is. By realloc, not as buf.h does it: what is
 * large is then moved by the kernel.
 */
static bool
make_room(struct intake *in, struct buf *b, size_t n)
{
	size_t room = b->room > b->max / 2 ? b->max : 2 * b->room;
	void *grown;

	if (n <= b->room - b->len)
		return true;
	if (room < FIRST_ROOM)
		room = FIRST_ROOM < b->max ? FIRST_ROOM : b->max;
	if (room < b->len + n)
		room = b->len + n;
	in->needs = held(in) - b->room + room;
	grown = in->needs > in->allowed ? NULL : realloc(b->ptr, room + 1);
	if (grown == NULL)
		return false;
	b->ptr = grown;
	b->room = room;
	return true;
}

/* --- answers ------------------------------------------------------------- */

static unsigned char *
reply_head(struct intake *in, enum record_type type, unsigned id, size_t len)
{
	unsigned char *p = in->reply;

	assert(len <= REPLY_CONTENT_MAX);
	memset(p, 0, sizeof(in->reply));
	p[0] = VERSION;
	p[1] = (unsigned char)type;
	be16_put(p + 2, id);
	be16_put(p + 4, (unsigned)len);
	in->reply_len = RECORD_HEAD + len;
	in->then = INTAKE_REPLY;
	return p + RECORD_HEAD;
}

static void
reply_busy(struct intake *in, unsigned id)
{
	unsigned char *p = reply_head(in, TYPE_END, id, 8);

	p[4] = CANT_MPX_CONN;
}

static void
reply_unknown(struct intake *in, unsigned char type)
{
	unsigned char *p = reply_head(in, TYPE_UNKNOWN, 0, 8);

	p[0] = type;
}

/* --- name-value pairs ---------------------------------------------------- */

/* Looks at the pairs that became whole. False: one never can. */
static bool
look_at_pairs(struct intake *in)
{
	struct span rest = span_skip(buf_span(&in->params), in->pair_at);
	enum pair_read got = PAIR_CUT;
	struct pair pair;

	while (
	    !in->too_many && rest.len > 0 &&
	    (got = pair_take(&rest, INTAKE_PARAMS_MAX, &pair)) == PAIR_READ) {
		in->pair_at = in->params.len - rest.len;
		in->too_many = ++in->pairs > INTAKE_PAIRS_MAX;
		in->has_nul =
		    in->has_nul || span_find(pair.both, '\0') < pair.both.len;
	}
	return got != PAIR_HUGE;
}

/* The values that libfcgi answers to FCGI_GET_VALUES. */
static const struct {
	const char *name;
	char value;
} own_values[] = {
	{ "FCGI_MAX_CONNS", '1' },
	{ "FCGI_MAX_REQS", '1' },
	{ "FCGI_MPXS_CONNS", '0' },
};

/* Each value once, however often it is asked for. False: these are no pairs. */
static bool
answer_values(struct intake *in)
{
	struct span rest = span_of(in->small, in->small_len);
	bool asked[NITEMS(own_values)] = { false };
	struct buf out;
	struct pair pair;
	struct err err;
	size_t i;

	while (rest.len > 0) {
		if (pair_take(&rest, INTAKE_VALUES_MAX, &pair) != PAIR_READ)
			return false;
		for (i = 0; i < NITEMS(own_values); i++)
			asked[i] =
			    asked[i] || span_is(pair.name, own_values[i].name);
	}
	out = (struct buf)BUF_OVER(
	    reply_head(in, TYPE_GET_VALUES_RESULT, 0, 0), REPLY_CONTENT_MAX);
	for (i = 0; i < NITEMS(own_values); i++)
		if (asked[i] &&
		    buf_printf(&out, &err, "%c%c%s%c",
			(int)strlen(own_values[i].name), 1, own_values[i].name,
			own_values[i].value) < 0)
			abort(); /* INTAKE_REPLY_MAX holds all of them */
	be16_put(in->reply + 4, (unsigned)out.len);
	in->reply_len += out.len;
	return true;
}

/* --- records ------------------------------------------------------------- */

static void
begin_request(struct intake *in)
{
	in->phase = PHASE_PARAMS;
	in->id = be16_get(in->head + 2);
	in->role = be16_get(in->small);
	in->keep = (in->small[2] & FLAG_KEEP) != 0;
}

/* The parameters end. */
static enum intake_event
judge_params(struct intake *in)
{
	if (in->pair_at < in->params.len)
		return INTAKE_BROKEN;
	in->needs = held(in) + params_cost(in);
	if (in->needs > in->allowed)
		return INTAKE_CROWDED;
	in->then = INTAKE_HEAD;
	return INTAKE_MORE;
}

/* The head of a record that is the request's own. */
static enum intake_event
judge_own(struct intake *in, unsigned char type)
{
	if (type == TYPE_ABORT)
		in->then = INTAKE_ABORTED;
	else if (in->phase == PHASE_PARAMS && type == TYPE_PARAMS) {
		in->use = USE_PARAMS;
		if (in->content == 0)
			return judge_params(in);
	} else if (in->phase == PHASE_BODY && type == TYPE_STDIN) {
		in->use = USE_BODY;
		if (in->content == 0)
			in->then = INTAKE_END;
	} else
		return INTAKE_BROKEN;
	return INTAKE_MORE;
}

static enum intake_event
judge_begin(struct intake *in, unsigned id)
{
	if (id == 0 || in->content != BEGIN_LEN)
		return INTAKE_BROKEN;
	if (in->phase == PHASE_NONE)
		in->use = USE_BEGIN;
	else if (id == in->id)
		return INTAKE_BROKEN; /* an answer would end the one in hand */
	else
		reply_busy(in, id);
	return INTAKE_MORE;
}

static enum intake_event
judge_management(struct intake *in, unsigned char type)
{
	if (type != TYPE_GET_VALUES)
		reply_unknown(in, type);
	else if (in->content > INTAKE_VALUES_MAX)
		return INTAKE_BROKEN;
	else if (in->content > 0)
		in->use = USE_VALUES;
	else
		answer_values(in);
	return INTAKE_MORE;
}

/*
 * The head of a record is here. MORE: go on with its content. CROWDED: to be
 * judged again.
 */
static enum intake_event
judge(struct intake *in)
{
	const unsigned char *h = in->head;
	unsigned id = be16_get(h + 2);

	in->content = be16_get(h + 4);
	in->padding = h[6];
	if (h[0] != VERSION)
		return INTAKE_BROKEN;
	if (h[1] == TYPE_BEGIN)
		return judge_begin(in, id);
	if (id == 0)
		return judge_management(in, h[1]);
	if (in->phase == PHASE_NONE || id != in->id)
		return INTAKE_MORE; /* nobody's, or an ended request's */
	return judge_own(in, h[1]);
}

/* All of a record is here. */
static enum intake_event
end_record(struct intake *in)
{
	enum intake_event ev = in->then;

	forget_record(in);
	if (ev == INTAKE_HEAD)
		in->phase = PHASE_HEAD;
	else if (ev == INTAKE_END || ev == INTAKE_ABORTED)
		in->phase = PHASE_OVER;
	return ev;
}

/* --- content ------------------------------------------------------------- */

static void
used(struct intake *in, struct span *bytes, size_t n)
{
	in->content -= n;
	*bytes = span_skip(*bytes, n);
}

static enum intake_event
take_params(struct intake *in, struct span *bytes, size_t n)
{
	struct err ignored;

	if (n > INTAKE_PARAMS_MAX - in->params.len)
		in->too_many = true;
	if (!in->too_many) {
		if (!make_room(in, &in->params, n))
			return INTAKE_CROWDED;
		buf_put(&in->params, bytes->ptr, n, &ignored);
		used(in, bytes, n);
		if (!look_at_pairs(in))
			return INTAKE_BROKEN;
	}
	if (!in->too_many)
		return INTAKE_MORE;
	in->phase = PHASE_HEAD;
	return INTAKE_HEAD;
}

static enum intake_event
take_body(struct intake *in, struct span *bytes, size_t n)
{
	size_t room = in->body.max - in->body.len;
	bool excess = n > room;
	struct err ignored;

	if (excess)
		n = room;
	if (!make_room(in, &in->body, n))
		return INTAKE_CROWDED;
	buf_put(&in->body, bytes->ptr, n, &ignored);
	used(in, bytes, n);
	if (!excess)
		return INTAKE_MORE;
	in->phase = PHASE_OVER;
	return INTAKE_EXCESS;
}

static enum intake_event
take_small(struct intake *in, struct span *bytes, size_t n)
{
	/* judge let nothing pass that would not fit. */
	memcpy(in->small + in->small_len, bytes->ptr, n);
	in->small_len += n;
	used(in, bytes, n);
	if (in->content > 0)
		return INTAKE_MORE;
	if (in->use == USE_BEGIN)
		begin_request(in);
	else if (!answer_values(in))
		return INTAKE_BROKEN;
	return INTAKE_MORE;
}

/* There is content, and bytes->len > 0. */
static enum intake_event
take_content(struct intake *in, struct span *bytes)
{
	size_t n = bytes->len < in->content ? bytes->len : in->content;

	switch (in->use) {
	case USE_NONE:
		used(in, bytes, n);
		break;
	case USE_PARAMS:
		return take_params(in, bytes, n);
	case USE_BODY:
		return take_body(in, bytes, n);
	case USE_BEGIN:
	case USE_VALUES:
		return take_small(in, bytes, n);
	}
	return INTAKE_MORE;
}

static void
take_padding(struct intake *in, struct span *bytes)
{
	size_t n = bytes->len < in->padding ? bytes->len : in->padding;

	in->padding -= n;
	*bytes = span_skip(*bytes, n);
}

static void
take_head(struct intake *in, struct span *bytes)
{
	size_t n = RECORD_HEAD - in->head_len;

	if (n > bytes->len)
		n = bytes->len;
	memcpy(in->head + in->head_len, bytes->ptr, n);
	in->head_len += n;
	*bytes = span_skip(*bytes, n);
}

enum intake_event
intake_take(struct intake *in, struct span *bytes)
{
	enum intake_event ev = INTAKE_MORE;

	assert(in->phase != PHASE_HEAD && in->phase != PHASE_OVER);
	in->needs = 0;
	while (ev == INTAKE_MORE) {
		if (in->judged && in->content == 0 && in->padding == 0)
			ev = end_record(in);
		else if (!in->judged && in->head_len == RECORD_HEAD) {
			ev = judge(in);
			in->judged = ev != INTAKE_CROWDED;
		} else if (bytes->len == 0)
			break;
		else if (!in->judged)
			take_head(in, bytes);
		else if (in->content > 0)
			ev = take_content(in, bytes);
		else
			take_padding(in, bytes);
	}
	if (ev == INTAKE_BROKEN)
		in->phase = PHASE_OVER;
	return ev;
}

/* --- what came ----------------------------------------------------------- */

struct span
intake_reply(const struct intake *in)
{
	return span_of(in->reply, in->reply_len);
}

int
intake_head(const struct intake *in, struct intake_head *head, struct err *err)
{
	*head = (struct intake_head){ in->id, in->role, in->keep, SPAN_EMPTY };
	if (in->too_many)
		return err_set(err, ERR_LIMIT,
		    "more than %d variables or %d bytes of them",
		    INTAKE_PAIRS_MAX, INTAKE_PARAMS_MAX);
	if (in->has_nul)
		return err_set(err, ERR_INPUT,
		    "the web server sent a variable with a NUL byte in it");
	head->params = buf_span(&in->params);
	return 0;
}

void
intake_expect(struct intake *in, size_t bytes)
{
	assert(in->phase == PHASE_HEAD);
	in->head_cost = params_cost(in);
	give_back(&in->params);
	in->phase = PHASE_BODY;
	in->body.max = bytes < in->body_max ? bytes : in->body_max;
}

struct span
intake_body(const struct intake *in)
{
	return buf_span(&in->body);
}
