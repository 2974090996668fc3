/*
 * notice_fixture.h: eyelet's own events, as the log of the store of
 * store_fixture.h has them. A failure in a verb fails the test.
 */
#ifndef EYELET_TESTS_NOTICE_FIXTURE_H
#define EYELET_TESTS_NOTICE_FIXTURE_H

#include "lib/json/json.h"
#include "lib/store/notice.h"

#define NT_TRIES 1200 /* of 25 ms */
#define NT_HEARD_MAX 2048

extern struct nt_heard {
	size_t n;
	char id[NT_HEARD_MAX][NOTICE_ID_MAX];
	struct json *body[NT_HEARD_MAX];
} nt_heard;

/* Once nothing is due any more: how many there are. */
size_t nt_listen(void);
void nt_forget(void);
unsigned nt_due(void);

/* Of one of them: its type, and members of its data that must be there. */
const char *nt_type(size_t i);
const char *nt_text(size_t i, const char *name);
int64_t nt_number(size_t i, const char *name);

/*
 * As many as may wait, which the keeper leaves where they are until it is
 * told.
 */
void nt_fill(void);
void nt_release(void);

/* The store's clock goes on by so much. */
void nt_pass(int64_t ms);

#endif
