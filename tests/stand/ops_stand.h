/*
 * ops_stand.h: a real store with its ops in a temporary folder, for tests of
 * what administrators ask.
 */
#ifndef EYELET_TESTS_OPS_STAND_H
#define EYELET_TESTS_OPS_STAND_H

#include "lib/ops/ops.h"

#define CANARY "canary" /* in every secret of these tests */

#define STAND_SECRET CANARY "-%c-0123456789-0123456789" /* printf: a letter */

struct answer {
	struct buf all; /* every row, a line each */
	struct span last; /* the last row, in all */
	size_t n;
	struct buf progress; /* the last of these rows */
};

/* A fixture of Check. */
void stand_open(void);
void stand_open_for(int64_t horizon_s); /* that long ids are remembered */
void stand_close(void);

const char *stand_folder(void); /* with store and key in it */
struct store *stand_store(void);
struct registry *stand_registry(void);
const struct scheme_set *stand_schemes(void);

/*
 * Asks. "@A@" in a call is STAND_SECRET of that letter in base64. stand_free
 * afterwards, whatever came.
 */
int stand_ask(const char *call, struct answer *an, struct err *err);
/* As somebody who may not administer; or with the last request id again. */
int stand_ask_as_other(const char *call, struct answer *an, struct err *err);
int stand_ask_again(const char *call, struct answer *an, struct err *err);
void stand_free(struct answer *an);

/* Asks what must work. */
void stand_do(const char *call);

/* Is the value at pointer in row this JSON text (NULL: absent)? */
bool stand_has(struct span row, const char *pointer, const char *want);

#endif
