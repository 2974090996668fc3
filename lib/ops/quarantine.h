/* quarantine.h: refused requests as rows; one becomes an event. */
#ifndef EYELET_LIB_OPS_QUARANTINE_H
#define EYELET_LIB_OPS_QUARANTINE_H

#include "lib/ops/call.h"
#include "lib/store/quarantine.h"

op_run op_quarantine_list, op_quarantine_show, op_quarantine_explain,
    op_quarantine_admit;

/* A quarantined request, with all that its spans borrow from. */
struct op_refused {
	struct buf memory;
	struct header headers[REQUEST_HEADERS_MAX];
	struct quarantine_entry en;
	char endpoint[ENDPOINT_NAME_MAX + 1]; /* "": there never was one */
};

/* The one that the call names by "no". ERR_NOTFOUND. */
int op_refused_open(
    const struct op_call *call, struct op_refused **out, struct err *err);
void op_refused_close(struct op_refused *rf); /* NULL is fine */

#endif
