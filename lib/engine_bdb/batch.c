/* batch.c: the events of a batch, which get their places in the log. */
#include "lib/engine_bdb/batch.h"

void
store_batch_append(struct store_batch *ba, struct store_item *item)
{
	struct event *ev = &item->event;

	ev->seq = ba->next_seq;
	ev->received_ms = ba->now.wall_ms;
	ev->age_ms = ba->now.age_ms;
	item->seq = ba->next_seq++;
	ba->events[ba->nevents++] = ev;
}
