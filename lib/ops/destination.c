/* destination.c: destinations as rows. */
#include "lib/ops/destination.h"

#include <stdio.h>

#include "lib/base/util.h"
#include "lib/ops/deliverer.h"
#include "lib/ops/destination_find.h"
#include "lib/ops/secret.h"
#include "lib/store/copy.h"
#include "lib/store/deliverer.h"

#define LOOK_MAX 100000 /* rows that show looks at for what went wrong */

static const struct {
	enum store_destination_state state;
	const char *word;
} states[] = {
	{ STORE_DESTINATION_ENABLED, "enabled" },
	{ STORE_DESTINATION_PAUSED, "paused" },
	{ STORE_DESTINATION_DISABLED, "disabled" },
	{ STORE_DESTINATION_REMOVED, "removed" },
};

/* --- as a row ------------------------------------------------------------- */

static void
write_list(struct json_write *w, const char *name, char *const *list, size_t n)
{
	size_t i;

	if (n == 0) {
		json_write_null(w, name);
		return;
	}
	json_write_array(w, name);
	for (i = 0; i < n; i++)
		json_write_str(w, NULL, list[i]);
	json_write_close(w);
}

/* Their values may be confidential: names alone. */
static void
write_headers(struct json_write *w, const struct destination *settings)
{
	size_t i;

	json_write_array(w, "headers");
	for (i = 0; i < settings->nheaders; i++)
		json_write_str(w, NULL, settings->headers[i].name);
	json_write_close(w);
}

/* Of a login the first word: "Basic", "Bearer". */
static void
write_auth(struct json_write *w, const char *auth)
{
	struct span s = span_str(auth);

	if (auth == NULL)
		json_write_null(w, "auth");
	else
		json_write_bytes(w, "auth", span_of(s.ptr, span_find(s, ' ')));
}

static void
write_order(struct json_write *w, const struct destination *settings)
{
	struct buf text = BUF_INIT(DESTINATION_DOC_MAX);

	switch (settings->order) {
	case DESTINATION_ORDER_NONE:
		json_write_str(w, "order", "none");
		break;
	case DESTINATION_ORDER_STRICT:
		json_write_str(w, "order", "strict");
		break;
	case DESTINATION_ORDER_KEY:
		if (w->failed)
			break;
		if (buf_printf(&text, w->err, "key:%s", settings->key) < 0)
			w->failed = true;
		else
			json_write_bytes(w, "order", buf_span(&text));
		break;
	}
	buf_free(&text);
}

static void
write_state(struct json_write *w, enum store_destination_state state)
{
	size_t i;

	for (i = 0; i < NITEMS(states); i++)
		if (states[i].state == state)
			json_write_str(w, "state", states[i].word);
}

void
op_destination_write(const struct op_call *call, struct json_write *w,
    const struct store_destination *d, const struct destination *settings)
{
	bool signs = destination_signs(settings);
	const struct scheme *scheme =
	    scheme_set_find(call->schemes, settings->sign);

	json_write_str(w, "destination", d->name);
	write_state(w, d->state);
	json_write_bool(
	    w, "deliveries_held", store_holds_deliveries(call->ops->store));
	op_deliverer_write_word(call, w);
	json_write_str(w, "url", settings->url);
	write_list(w, "command", settings->command, settings->ncommand);
	json_write_str(w, "title", settings->title);
	json_write_str(w, "endpoints", settings->endpoints);
	json_write_str(w, "events", settings->events);
	json_write_bool(w, "tests", settings->tests);
	json_write_str(w, "sign", signs ? settings->sign : NULL);
	json_write_str(w, "retry", settings->retry);
	json_write_int(w, "timeout",
	    destination_timeout_s(
		settings, scheme == NULL ? -1 : scheme_timeout_s(scheme)));
	json_write_int(w, "concurrency", settings->concurrency);
	json_write_int(w, "rate", settings->rate);
	write_order(w, settings);
	json_write_int(w, "park_max", settings->park_max);
	if (settings->disable_after_s == 0)
		json_write_null(w, "disable_after");
	else
		json_write_int(w, "disable_after", settings->disable_after_s);
	write_headers(w, settings);
	write_auth(w, settings->auth);
	write_list(w, "forward", settings->forward, settings->nforward);
	json_write_str(w, "client_cert", settings->client_cert);
	json_write_str(w, "client_key", settings->client_key);
	json_write_str(w, "ca", settings->ca);
	json_write_str(w, "allow_net", settings->allow_net);
	json_write_bool(w, "allow_http", settings->allow_http);
	json_write_str(w, "proxy", settings->proxy);
	json_write_uint(w, "generation", d->generation);
	json_write_time(w, "created_at", d->created_ms);
	json_write_time(w, "changed_at", d->changed_ms);
}

static int
write_counts(const struct op_call *call, struct json_write *w, uint64_t id,
    struct store_delivery_counts *counts, struct err *err)
{
	if (store_delivery_count(call->ops->store, id, counts, err) < 0)
		return -1;
	json_write_object(w, "counts");
	json_write_uint(w, "pending", counts->pending);
	json_write_uint(w, "retrying", counts->retrying);
	json_write_uint(w, "parked", counts->parked);
	json_write_uint(w, "dead", counts->dead);
	json_write_close(w);
	return 0;
}

/* The place in the log, and how many events may be before it. */
static int
write_cursor(const struct op_call *call, struct json_write *w, uint64_t id,
    struct err *err)
{
	uint64_t newest = store_durable_seq(call->ops->store), seq = 0;
	bool found = false;

	if (store_cursor(call->ops->store, id, &seq, &found, err) < 0)
		return -1;
	if (!found) {
		json_write_null(w, "cursor");
		json_write_null(w, "behind");
		return 0;
	}
	json_write_uint(w, "cursor", seq);
	json_write_uint(w, "behind", newest >= seq ? newest - seq + 1 : 0);
	return 0;
}

/* The oldest event that it is still to get. */
static int
write_waiting(const struct op_call *call, struct json_write *w,
    const struct store_destination *d, struct err *err)
{
	struct store_waiting wa;

	if (store_waiting(call->ops->store, d, &wa, err) < 0)
		return -1;
	op_waiting_write(w, &wa);
	return 0;
}

/* --- list ----------------------------------------------------------------- */

struct listing {
	const struct op_call *call;
	bool removed; /* these too */
};

static int
list_one(void *arg, const struct store_destination *d, struct err *err)
{
	const struct listing *ls = arg;
	const struct op_call *call = ls->call;
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct store_delivery_counts counts;
	struct destination settings;
	struct json_write w;
	int ret = -1;

	if (d->state == STORE_DESTINATION_REMOVED && !ls->removed)
		return 0;
	destination_init(&settings);
	if (destination_decode(d->doc, &settings, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	op_destination_write(call, &w, d, &settings);
	if (write_counts(call, &w, d->id, &counts, err) < 0 ||
	    write_cursor(call, &w, d->id, err) < 0 ||
	    write_waiting(call, &w, d, err) < 0)
		goto out;
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	if (ret < 0)
		err_wrap(err, "destination \"%s\"", d->name);
	destination_free(&settings);
	buf_free(&row);
	return ret;
}

int
op_destination_list(const struct op_call *call, struct err *err)
{
	struct listing ls = { call, op_flag(call, "removed") };

	return store_destinations(call->ops->store, NULL, list_one, &ls, err);
}

/* --- show ----------------------------------------------------------------- */

/* What went wrong with the deliveries of one destination. */
struct trouble {
	bool ordered;
	size_t looked;
	uint64_t blocked_by; /* the oldest that others wait for; 0: none */
	int64_t blocked_ms;
	uint64_t last_seq; /* of the newest failure; 0: none */
	int64_t last_ms;
	int status;
	char words[DELIVERY_WORDS_MAX];
};

static int
look_at(void *arg, const struct store_delivery *d, struct err *err)
{
	struct trouble *t = arg;

	(void)err;
	if (d->attempts > 0 && t->ordered && t->blocked_by == 0 &&
	    (d->state == STORE_DELIVERY_PENDING ||
		d->state == STORE_DELIVERY_RETRYING)) {
		t->blocked_by = d->seq;
		t->blocked_ms = d->since_ms;
	}
	if (d->attempts > 0 && d->last_ms > t->last_ms) {
		t->last_seq = d->seq;
		t->last_ms = d->last_ms;
		t->status = d->status;
		snprintf(t->words, sizeof(t->words), "%.*s", (int)d->words.len,
		    d->words.len == 0 ? "" : (const char *)d->words.ptr);
	}
	return ++t->looked < LOOK_MAX ? 0 : 1;
}

static int
write_trouble(const struct op_call *call, struct json_write *w, uint64_t id,
    const struct destination *settings,
    const struct store_delivery_counts *counts, struct err *err)
{
	struct trouble t = {
		.ordered = settings->order != DESTINATION_ORDER_NONE,
	};

	/* Dead ones that are older than all others hold nobody up. */
	if (store_deliveries(call->ops->store, NULL, id, counts->oldest_seq,
		look_at, &t, err) < 0)
		return -1;
	if (t.blocked_by == 0) {
		json_write_null(w, "blocked_by");
		json_write_null(w, "blocked_since");
	} else {
		json_write_uint(w, "blocked_by", t.blocked_by);
		json_write_time(w, "blocked_since", t.blocked_ms);
	}
	if (t.last_seq == 0) {
		json_write_null(w, "last_failure");
		return 0;
	}
	json_write_object(w, "last_failure");
	json_write_uint(w, "seq", t.last_seq);
	json_write_time(w, "at", t.last_ms);
	json_write_int(w, "status", t.status);
	json_write_bytes(w, "words", span_str(t.words));
	json_write_close(w);
	return 0;
}

static int
write_hold(const struct op_call *call, struct json_write *w, uint64_t id,
    struct err *err)
{
	struct store_hold hold = { .seq = 0 };

	if (store_hold(call->ops->store, id, &hold, err) < 0)
		return -1;
	if (hold.seq == 0) {
		json_write_null(w, "hold");
		return 0;
	}
	json_write_object(w, "hold");
	json_write_uint(w, "seq", hold.seq);
	json_write_time(w, "since", hold.since_ms);
	json_write_uint(w, "bytes", hold.bytes);
	json_write_close(w);
	return 0;
}

struct disabling {
	const struct store_destination *d;
	struct buf why; /* of the last time */
};

static int
take_disabling(void *arg, const struct store_audit *a, struct err *err)
{
	struct disabling *dis = arg;
	struct json *detail = NULL;
	const char *why;
	int ret = 0;

	if (!span_is(a->verb, "destination.disable") ||
	    !span_is(a->target, dis->d->name))
		return 0;
	buf_clear(&dis->why);
	if (a->detail.len == 0)
		return 0;
	if (json_parse(a->detail, &detail, err) < 0)
		return -1;
	why = json_text(json_get(detail, "why"));
	if (why != NULL)
		ret = buf_puts(&dis->why, why, err);
	json_free(detail);
	return ret;
}

/* The audit trail knows why one is disabled. */
static int
write_why(const struct op_call *call, struct json_write *w,
    const struct store_destination *d, struct err *err)
{
	struct disabling dis = { d, BUF_INIT(OPS_ROW_MAX) };
	int ret = 0;

	if (d->state == STORE_DESTINATION_DISABLED)
		ret = store_audits(
		    call->ops->store, d->created_ms, take_disabling, &dis, err);
	if (ret == 0 && dis.why.len > 0)
		json_write_bytes(w, "why", buf_span(&dis.why));
	else if (ret == 0)
		json_write_null(w, "why");
	buf_free(&dis.why);
	return ret;
}

int
op_destination_show(const struct op_call *call, struct err *err)
{
	struct buf row = BUF_INIT(OPS_ROW_MAX),
		   doc = BUF_INIT(2 * DESTINATION_DOC_MAX);
	struct store_delivery_counts counts;
	struct store_destination d;
	struct destination settings;
	struct json_write w;
	int ret = -1;

	destination_init(&settings);
	if (op_find_destination(
		call, NULL, op_text(call, "destination"), &d, &doc, err) < 0 ||
	    destination_decode(d.doc, &settings, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	op_destination_write(call, &w, &d, &settings);
	if (write_why(call, &w, &d, err) < 0 ||
	    write_counts(call, &w, d.id, &counts, err) < 0 ||
	    write_cursor(call, &w, d.id, err) < 0 ||
	    write_waiting(call, &w, &d, err) < 0 ||
	    write_hold(call, &w, d.id, err) < 0 ||
	    write_trouble(call, &w, d.id, &settings, &counts, err) < 0 ||
	    op_secret_write_all(call, &w, d.id, err) < 0)
		goto out;
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	destination_free(&settings);
	buf_free(&row);
	buf_wipe(&doc);
	return ret;
}
