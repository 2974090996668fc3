/* endpoint_find.c: finds the endpoint that a call names. */
#include "lib/ops/endpoint_find.h"

#include "lib/base/near.h"

struct nearest {
	struct near near;
	struct span wrong;
};

static int
try_name(void *arg, const struct store_endpoint *ep, struct err *err)
{
	struct nearest *n = arg;

	(void)err;
	if (ep->state != STORE_ENDPOINT_REMOVED)
		near_try_copy(&n->near, n->wrong, ep->name);
	return 0;
}

int
op_find_endpoint(const struct op_call *call, struct store_tx *tx,
    const char *name, struct store_endpoint *ep, struct buf *doc,
    struct err *err)
{
	struct nearest n = { NEAR_INIT, span_str(name) };
	bool found = false;

	if (endpoint_name_ok(span_str(name)) &&
	    store_endpoint_by_name(
		call->ops->store, tx, name, ep, doc, &found, err) < 0)
		return -1;
	if (found)
		return 0;
	if (store_endpoints(call->ops->store, tx, try_name, &n, err) < 0)
		return -1;
	if (n.near.word != NULL)
		return err_set(err, ERR_NOTFOUND,
		    "there is no endpoint \"%s\": did you mean \"%s\"?", name,
		    n.near.word);
	return err_set(err, ERR_NOTFOUND, "there is no endpoint \"%s\"", name);
}

int
op_find_ready(const struct op_call *call, const char *name,
    const struct registry_endpoint **out, struct err *err)
{
	struct buf doc = BUF_INIT(2 * ENDPOINT_DOC_MAX);
	struct store_endpoint ep;
	int ret;

	/* First for its words on a name that there is not. */
	ret = op_find_endpoint(call, NULL, name, &ep, &doc, err);
	buf_wipe(&doc);
	if (ret < 0)
		return -1;
	*out = registry_get(call->ops->registry, span_str(name));
	if (*out == NULL)
		return err_set(
		    err, ERR_NOTFOUND, "endpoint \"%s\" is gone", name);
	return 0;
}
