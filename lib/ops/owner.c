/* owner.c: finds the endpoint or destination whose secrets a call names. */
#include "lib/ops/owner.h"

#include <string.h>

#include "lib/ops/destination_find.h"
#include "lib/ops/endpoint_find.h"

/*
 * Tells which of the two members there is; the other members of out stay
 * empty. ERR_USAGE when there is none, or both.
 */
static int
owner_named(const struct op_call *call, struct op_owner *out, struct err *err)
{
	const char *endpoint = op_text(call, "endpoint"),
		   *destination = op_text(call, "destination");

	memset(out, 0, sizeof(*out));
	if ((endpoint == NULL) == (destination == NULL))
		return err_set(err, ERR_USAGE,
		    "%s needs \"endpoint\" or \"destination\"%s", call->name,
		    endpoint == NULL ? "" : ", not both");
	out->is_destination = destination != NULL;
	out->thing = out->is_destination ? "destination" : "endpoint";
	return 0;
}

int
op_find_owner(const struct op_call *call, struct store_tx *tx,
    struct op_owner *out, struct buf *doc, struct err *err)
{
	struct store_destination d;
	struct store_endpoint ep;

	if (owner_named(call, out, err) < 0)
		return -1;
	if (out->is_destination) {
		if (op_find_destination(
			call, tx, op_text(call, out->thing), &d, doc, err) < 0)
			return -1;
		out->id = d.id;
		out->generation = d.generation;
		memcpy(out->name, d.name, sizeof(out->name));
		out->doc = d.doc;
	} else {
		if (op_find_endpoint(
			call, tx, op_text(call, out->thing), &ep, doc, err) < 0)
			return -1;
		out->id = ep.id;
		out->generation = ep.generation;
		memcpy(out->name, ep.name, sizeof(out->name));
		out->doc = ep.doc;
	}
	return 0;
}
