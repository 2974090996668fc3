/*
 * no_notices.c: for tests that are linked with --wrap=notice_dead: a delivery
 * that becomes dead makes no notice. The store would append it as an event at a
 * time of its own, and these tests count events.
 */
#include "lib/store/notice.h"

int __wrap_notice_dead(
    struct store_tx *tx, const struct store_delivery *d, struct err *err);

int
__wrap_notice_dead(
    struct store_tx *tx, const struct store_delivery *d, struct err *err)
{
	(void)tx;
	(void)d;
	(void)err;
	return 0;
}
