/*
 * fake_owner.h: a receive and an ops for tests of what stands before them.
 * Linked in place of the real ones; what they do is chosen by a request's
 * path and a call's op, so tests say from outside what happens inside.
 *
 * Paths: /now (answered by receive_begin), /small (body_max 10), /later (in
 * another thread, after 50 ms), /early (done is called before receive_body
 * returns), /never (no answer by itself), else: the body comes back.
 *
 * Ops: echo, whoami, rows (n, size, ms between), sleep (ms; first it makes the
 * folder's file "sleeping"), fail, id (the request id), once (adds a line to
 * the folder's "journal" unless that has the request's id; die or late: kills
 * the process before it answers, or behind its row, the first time), die,
 * row-and-die, who-and-die. A call of the deliverer's is an op as well, and
 * its rows are the answer.
 */
#ifndef EYELET_TESTS_FAKE_OWNER_H
#define EYELET_TESTS_FAKE_OWNER_H

#include <stdatomic.h>

#include "lib/ops/ops.h"
#include "lib/receive/receive.h"

struct receive {
	atomic_int begun, aborted;
	_Atomic(struct receive_call *) never; /* waits for fake_answer_never */
};

/* Answers a request to /never after all, if there is one. */
void fake_answer_never(struct receive *rc);

struct ops {
	const char *dir;
	atomic_int calls; /* that were begun */
	atomic_int rows; /* made by op rows */
};

#endif
