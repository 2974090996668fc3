/* quarantine.c: refused requests: listed, shown, explained. */
#include "lib/ops/quarantine.h"

#include <stdlib.h>
#include <string.h>

#include "lib/ops/endpoint_find.h"
#include "lib/ops/explain.h"

/* --- one ------------------------------------------------------------------ */

static int
read_one(const struct op_call *call, uint64_t no, struct op_refused *rf,
    bool *found, struct err *err)
{
	struct store *st = call->ops->store;
	struct store_endpoint ep;
	bool known = false;

	if (quarantine_get(store_quarantine(st), no, &rf->memory, rf->headers,
		&rf->en, found, err) < 0)
		return -1;
	if (*found && store_endpoint_by_id(st, NULL, rf->en.endpoint_id, &ep,
			  NULL, &known, err) < 0)
		return -1;
	if (known)
		memcpy(rf->endpoint, ep.name, sizeof(rf->endpoint));
	else
		rf->endpoint[0] = '\0';
	return 0;
}

int
op_refused_open(
    const struct op_call *call, struct op_refused **out, struct err *err)
{
	struct op_refused *rf = calloc(1, sizeof(*rf));
	bool found = false;
	int64_t no;

	if (rf == NULL)
		return err_set(err, ERR_NOMEM, "no memory for a request");
	if (op_int(call, "no", 0, 1, JSON_INT_MAX, &no, err) < 0 ||
	    read_one(call, (uint64_t)no, rf, &found, err) < 0)
		goto fail;
	if (!found) {
		err_set(err, ERR_NOTFOUND,
		    "there is no refused request %lld (any more): only the "
		    "last ones are kept",
		    (long long)no);
		goto fail;
	}
	*out = rf;
	return 0;
fail:
	op_refused_close(rf);
	return -1;
}

void
op_refused_close(struct op_refused *rf)
{
	if (rf == NULL)
		return;
	buf_wipe(&rf->memory);
	free(rf);
}

/* The members that every row has. */
static void
write_line(struct json_write *w, const struct op_refused *rf)
{
	const struct quarantine_entry *en = &rf->en;

	json_write_uint(w, "no", en->no);
	json_write_str(w, "endpoint", rf->endpoint);
	json_write_time(w, "refused_at", en->request.now_ms);
	json_write_int(w, "status", en->status);
	json_write_bytes(w, "refused_as", en->word);
	json_write_bytes(w, "why", en->why);
	json_write_bytes(w, "from", en->request.peer);
	json_write_int(w, "size", en->request.content_length);
}

/* --- list ----------------------------------------------------------------- */

static int
list(const struct op_call *call, const uint64_t *nos, size_t n, int64_t limit,
    struct err *err)
{
	struct op_refused *rf = calloc(1, sizeof(*rf));
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	bool found;
	size_t i;
	int64_t shown = 0;
	int ret = -1;

	if (rf == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a request");
		goto out;
	}
	for (i = 0; i < n && (limit == 0 || shown < limit); i++) {
		if (read_one(call, nos[i], rf, &found, err) < 0)
			goto out;
		if (!found)
			continue;
		shown++;
		json_write_init(&w, &row, err);
		json_write_object(&w, NULL);
		write_line(&w, rf);
		json_write_close(&w);
		if (op_emit(call, &w, &row, err) < 0)
			goto out;
	}
	ret = 0;
out:
	op_refused_close(rf);
	buf_free(&row);
	return ret;
}

int
op_quarantine_list(const struct op_call *call, struct err *err)
{
	struct quarantine *q = store_quarantine(call->ops->store);
	const char *name = op_text(call, "endpoint");
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep = { .id = 0 };
	uint64_t *nos = NULL;
	int64_t limit;
	size_t n;
	int ret = -1;

	if (op_int(call, "limit", 0, 0, JSON_INT_MAX, &limit, err) == 0 &&
	    (name == NULL ||
		op_find_endpoint(call, NULL, name, &ep, &doc, err) == 0) &&
	    quarantine_list(q, ep.id, &nos, &n, err) == 0)
		ret = list(call, nos, n, limit, err);
	free(nos);
	buf_wipe(&doc);
	return ret;
}

/* --- show, explain -------------------------------------------------------- */

/* What an endpoint's secret stands in is covered up. */
static void
write_covered(struct json_write *w, const struct op_case *c, const char *name,
    struct span value)
{
	struct explain_input ask = { .secrets = c->secrets,
		.nsecrets = c->nsecrets };

	if (explain_finds_secret(&ask, value) < 0)
		json_write_bytes(w, name, value);
	else
		json_write_str(w, name, "(not shown: it holds a secret)");
}

static int
write_request(struct json_write *w, const struct op_case *c,
    const struct op_refused *rf, struct err *err)
{
	const struct request *rq = &rf->en.request;
	struct buf line = BUF_INIT(QUARANTINE_RECORD_MAX);
	size_t i;
	int ret = -1;

	json_write_bytes(w, "method", rq->method);
	json_write_bytes(w, "path", rq->path);
	write_covered(w, c, "query", rq->query);
	json_write_bool(w, "https", rq->https);
	json_write_array(w, "headers");
	for (i = 0; i < rq->nheaders; i++) {
		buf_clear(&line);
		if (buf_put_span(&line, rq->headers[i].name, err) < 0 ||
		    buf_puts(&line, ": ", err) < 0 ||
		    buf_put_span(&line, rq->headers[i].value, err) < 0)
			goto out;
		write_covered(w, c, NULL, buf_span(&line));
	}
	json_write_close(w);
	json_write_bool(w, "whole", rf->en.part == QUARANTINE_WHOLE);
	json_write_bool(w, "cut", rf->en.part == QUARANTINE_CUT);
	if (rf->en.part != QUARANTINE_NO_BODY)
		write_covered(w, c, "body", rq->body);
	ret = 0;
out:
	buf_wipe(&line);
	return ret;
}

static int
one(const struct op_call *call, bool explain, struct err *err)
{
	struct op_case *c = calloc(1, sizeof(*c));
	struct op_refused *rf = NULL;
	struct buf row = BUF_INIT(OPS_ROW_MAX);
	struct json_write w;
	int ret = -1;

	if (c == NULL) {
		err_set(err, ERR_NOMEM, "no memory for a request");
		goto out;
	}
	if (op_refused_open(call, &rf, err) < 0 ||
	    op_case_open(call, rf->en.endpoint_id, rf->en.request.now_ms,
		SPAN_EMPTY, c, err) < 0)
		goto out;
	json_write_init(&w, &row, err);
	json_write_object(&w, NULL);
	write_line(&w, rf);
	if (explain ? op_case_explain(call, c, &rf->en.request,
			  rf->en.part == QUARANTINE_WHOLE, &w, err) < 0
		    : write_request(&w, c, rf, err) < 0)
		goto out;
	json_write_close(&w);
	ret = op_emit(call, &w, &row, err);
out:
	if (c != NULL)
		op_case_close(c);
	free(c);
	op_refused_close(rf);
	buf_wipe(&row);
	return ret;
}

int
op_quarantine_show(const struct op_call *call, struct err *err)
{
	return one(call, false, err);
}

int
op_quarantine_explain(const struct op_call *call, struct err *err)
{
	return one(call, true, err);
}
