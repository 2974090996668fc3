/* filter.c: reads which events a call is about, and holds some against it.
 */
#include "lib/ops/filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/util.h"
#include "lib/model/selection.h"
#include "lib/ops/endpoint_find.h"

#define NAMES_MAX 100000 /* endpoints there ever were */

/* --- names of endpoints --------------------------------------------------- */

static int
add_name(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct op_filter *f = arg;
	struct op_name *grown, *at;

	if (f->nnames == NAMES_MAX)
		return err_set(
		    err, ERR_LIMIT, "more than %d endpoints", NAMES_MAX);
	grown = realloc(f->names, (f->nnames + 1) * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, ERR_NOMEM, "no memory for endpoints");
	f->names = grown;
	at = &f->names[f->nnames++];
	at->id = ep->id;
	snprintf(at->name, sizeof(at->name), "%s", ep->name);
	if (f->endpoint == NULL)
		at->wanted = !f->foreign || ep->id != STORE_SELF;
	else
		at->wanted = strcmp(ep->name, f->endpoint) == 0;
	return 0;
}

static int
load_names(struct op_filter *f, struct err *err)
{
	struct store_endpoint self = { .id = STORE_SELF,
		.name = STORE_SELF_NAME };

	f->nnames = 0;
	if (add_name(f, &self, err) < 0)
		return -1;
	return store_endpoints(f->call->ops->store, NULL, add_name, f, err);
}

static int
compare_ids(const void *a, const void *b)
{
	const struct op_name *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

static const struct op_name *
look_up(const struct op_filter *f, uint64_t id)
{
	struct op_name key = { .id = id };

	return f->nnames == 0 ? NULL
			      : bsearch(&key, f->names, f->nnames,
				    sizeof(*f->names), compare_ids);
}

int
op_filter_name(struct op_filter *f, uint64_t endpoint_id,
    const struct op_name **out, struct err *err)
{
	static const struct op_name unknown = { STORE_ENDPOINT_UNKNOWN, true,
		STORE_ENDPOINT_UNKNOWN_NAME };
	static const struct op_name unwanted = { STORE_ENDPOINT_UNKNOWN, false,
		STORE_ENDPOINT_UNKNOWN_NAME };

	if (endpoint_id == STORE_ENDPOINT_UNKNOWN) {
		*out = f->endpoint == NULL ? &unknown : &unwanted;
		return 0;
	}
	*out = look_up(f, endpoint_id);
	if (*out == NULL) {
		if (load_names(f, err) < 0)
			return -1;
		*out = look_up(f, endpoint_id);
	}
	if (*out == NULL)
		return err_set(err, ERR_CORRUPT,
		    "an event names endpoint %llu, which there never was",
		    (unsigned long long)endpoint_id);
	return 0;
}

/* --- judging -------------------------------------------------------------- */

bool
op_filter_may_want(
    const struct op_filter *f, const struct op_name *name, struct span id)
{
	return name->wanted && (f->id == NULL || span_is(id, f->id));
}

bool
op_filter_wants_types(const struct op_filter *f, const struct event *ev)
{
	switch (selection_of_event(f->types, ev)) {
	case SELECTION_NO:
		break;
	case SELECTION_YES:
		return true;
	case SELECTION_UNKNOWN:
		/* All but some types: it is none of these that is shown. */
		return f->unread ||
		       (ev->type.len == 0 &&
			   pattern_selects(f->types, ev->type, NULL));
	}
	return false;
}

bool
op_filter_wants_event(const struct op_filter *f, const struct op_name *name,
    const struct event *ev)
{
	bool test = (ev->flags & EVENT_TEST) != 0;

	return op_filter_may_want(f, name, ev->id) &&
	       op_filter_wants_types(f, ev) &&
	       (f->secret_id == 0 || ev->secret_id == f->secret_id) &&
	       (f->status != OP_STATUS_ACCEPTED || !test) &&
	       (f->status != OP_STATUS_TEST || test);
}

/* --- reading -------------------------------------------------------------- */

static const struct {
	const char *word;
	enum op_status status;
} statuses[] = {
	{ "accepted", OP_STATUS_ACCEPTED },
	{ "test", OP_STATUS_TEST },
	{ "held", OP_STATUS_HELD },
	{ "dropped", OP_STATUS_DROPPED },
	{ "released", OP_STATUS_RELEASED },
	{ "pending", OP_STATUS_PENDING },
	{ "retrying", OP_STATUS_RETRYING },
	{ "parked", OP_STATUS_PARKED },
	{ "dead", OP_STATUS_DEAD },
	{ "delivered", OP_STATUS_DELIVERED },
};

const char *
op_status_word(enum op_status status)
{
	size_t i;

	for (i = 0; i < NITEMS(statuses); i++)
		if (statuses[i].status == status)
			return statuses[i].word;
	return NULL;
}

/* Is it a status of this kind, or of all events? */
static bool
is_of(enum op_status status, enum op_statuses may)
{
	if (status <= OP_STATUS_TEST)
		return true;
	return status <= OP_STATUS_RELEASED ? may == OP_STATUSES_HELD
					    : may == OP_STATUSES_DELIVERY;
}

static int
read_status(const char *word, enum op_statuses may, enum op_status *out,
    struct err *err)
{
	static const char *const more[] = {
		[OP_STATUSES_EVENT] = "",
		[OP_STATUSES_HELD] =
		    ", or of held events \"held\", \"dropped\" or "
		    "\"released\"",
		[OP_STATUSES_DELIVERY] =
		    ", or of a delivery \"pending\", \"retrying\", "
		    "\"parked\", \"dead\" or \"delivered\"",
	};
	size_t i;

	*out = OP_STATUS_ANY;
	if (word == NULL)
		return 0;
	for (i = 0; i < NITEMS(statuses); i++)
		if (strcmp(statuses[i].word, word) == 0) {
			*out = statuses[i].status;
			if (is_of(*out, may))
				return 0;
			if (is_of(*out, OP_STATUSES_HELD))
				return err_set(err, ERR_USAGE,
				    "what is or was held is not delivered: "
				    "\"eyelet-event list --status %s\" shows "
				    "it, and \"eyelet-event release\" delivers "
				    "it",
				    word);
		}
	return err_set(err, ERR_USAGE,
	    "a status is \"accepted\" or \"test\"%s, not \"%s\"", more[may],
	    word);
}

static int
read_members(struct op_filter *f, enum op_statuses may, struct err *err)
{
	const struct op_call *call = f->call;
	const char *types = op_text(call, "type"),
		   *secret = op_text(call, "secret");

	f->endpoint = op_text(call, "endpoint");
	f->id = op_text(call, "id");
	if (read_status(op_text(call, "status"), may, &f->status, err) < 0)
		return -1;
	if (op_int(call, "since_ms", 0, 0, JSON_INT_MAX, &f->since_ms, err) <
		0 ||
	    op_int(call, "until_ms", JSON_INT_MAX, 0, JSON_INT_MAX,
		&f->until_ms, err) < 0 ||
	    op_int(call, "limit", 0, 0, JSON_INT_MAX, &f->limit, err) < 0)
		return -1;
	if (secret != NULL &&
	    secret_id_parse(span_str(secret), &f->secret_id, err) < 0)
		return -1;
	return types == NULL ? 0
			     : pattern_parse(span_str(types), &f->types, err);
}

int
op_filter_read(const struct op_call *call, enum op_statuses may,
    struct op_filter *f, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	bool known = false;
	size_t i;
	int ret = -1;

	memset(f, 0, sizeof(*f));
	f->call = call;
	if (read_members(f, may, err) < 0 || load_names(f, err) < 0)
		goto out;
	for (i = 0; i < f->nnames; i++)
		known = known || f->names[i].wanted;
	/* For its words on a name that there never was. */
	if (f->endpoint != NULL && !known &&
	    op_find_endpoint(call, NULL, f->endpoint, &ep, &doc, err) < 0)
		goto out;
	ret = 0;
out:
	buf_wipe(&doc);
	return ret;
}

int
op_filter_read_as(const struct op_call *call, const char *endpoint,
    const char *types, struct op_filter *f, struct err *err)
{
	memset(f, 0, sizeof(*f));
	f->call = call;
	f->endpoint = endpoint;
	f->foreign = true;
	f->unread = true;
	f->until_ms = JSON_INT_MAX;
	if (types != NULL && pattern_parse(span_str(types), &f->types, err) < 0)
		return -1;
	return load_names(f, err);
}

void
op_filter_free(struct op_filter *f)
{
	pattern_free(f->types);
	free(f->names);
	f->types = NULL;
	f->names = NULL;
	f->nnames = 0;
}
