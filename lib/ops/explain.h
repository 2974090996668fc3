/*
 * explain.h: what is needed to judge one request of an endpoint again: its
 * settings, its scheme, and every secret that may have signed it.
 */
#ifndef EYELET_LIB_OPS_EXPLAIN_H
#define EYELET_LIB_OPS_EXPLAIN_H

#include "lib/explain/explain.h"
#include "lib/ops/call.h"

#define OPS_EXPLAIN_SECRETS 256 /* that are tried, of all endpoints */
#define OPS_EXPLAIN_BODY_MAX                            \
	(2 * 1024 * 1024) /* of a request saved by hand \
			   */

op_run op_endpoint_explain;

struct op_case {
	struct store_endpoint ep; /* without its doc */
	struct endpoint settings;
	const struct scheme *scheme; /* NULL: its file is gone */
	struct verify_param params[ENDPOINT_PAIRS_MAX];
	struct explain_secret secrets[OPS_EXPLAIN_SECRETS];
	struct buf texts[OPS_EXPLAIN_SECRETS];
	char *names[OPS_EXPLAIN_SECRETS]; /* of other endpoints */
	size_t nsecrets;
};

/*
 * Gathers it: the endpoint's secrets first, in their states at at_ms, then the
 * others'. given is one more, tried as if it were live (empty: none).
 * ERR_NOTFOUND when there never was such an endpoint.
 */
int op_case_open(const struct op_call *call, uint64_t endpoint_id,
    int64_t at_ms, struct span given, struct op_case *out, struct err *err);
void op_case_close(struct op_case *c); /* wipes; an empty one is fine */

/*
 * Explains rq and writes the members "scheme", "verdict", "diagnosis",
 * "words", "advice" and "steps".
 */
int op_case_explain(const struct op_call *call, const struct op_case *c,
    const struct request *rq, bool whole, struct json_write *w,
    struct err *err);

#endif
