/* destination_find.c: finds the destination that a call names. */
#include "lib/ops/destination_find.h"

#include "lib/base/near.h"
#include "lib/store/deliverer.h"

struct nearest {
	struct near near;
	struct span wrong;
};

static int
try_name(void *arg, const struct store_destination *d, struct err *err)
{
	struct nearest *n = arg;

	(void)err;
	if (d->state != STORE_DESTINATION_REMOVED)
		near_try_copy(&n->near, n->wrong, d->name);
	return 0;
}

int
op_find_destination(const struct op_call *call, struct store_tx *tx,
    const char *name, struct store_destination *d, struct buf *doc,
    struct err *err)
{
	struct nearest n = { NEAR_INIT, span_str(name) };
	bool found = false;

	if (destination_name_ok(span_str(name)) &&
	    store_destination_by_name(
		call->ops->store, tx, name, d, doc, &found, err) < 0)
		return -1;
	if (found)
		return 0;
	if (store_destinations(call->ops->store, tx, try_name, &n, err) < 0)
		return -1;
	if (n.near.word != NULL)
		return err_set(err, ERR_NOTFOUND,
		    "there is no destination \"%s\": did you mean \"%s\"?",
		    name, n.near.word);
	return err_set(
	    err, ERR_NOTFOUND, "there is no destination \"%s\"", name);
}
