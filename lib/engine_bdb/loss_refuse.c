/*
 * loss_refuse.c: a store that lost the end of its log refuses changes until
 * that is accepted.
 */
#include "lib/engine_bdb/loss.h"

#include <stdio.h>

void
store_loss_words(struct store *st, char *words, size_t size)
{
	const struct store_loss *lo = &st->loss;
	unsigned long long first = lo->last_seq + 1, last = lo->seq;
	char events[128], place[64] = "";

	if (last >= first)
		snprintf(events, sizeof(events),
		    "events %llu to %llu, and changes since the first of "
		    "them, are lost",
		    first, last);
	else
		snprintf(events, sizeof(events), "changes are lost");
	if (lo->broken.file != 0)
		snprintf(place, sizeof(place),
		    "log.%010lu, byte %lu: ", LSN_OF(lo->broken));
	snprintf(words, size,
	    "%s: %s%s; the log was durable up to " LSN " and ends at " LSN
	    "; the log files are kept in %s; nothing is "
	    "accepted until \"eyelet-store accept-loss\"",
	    events, place, lo->what, LSN_OF(lo->durable), LSN_OF(lo->found),
	    lo->kept);
}

int
store_loss_refuse(struct store *st, struct err *err)
{
	char words[400];

	if (!atomic_load(&st->lost))
		return 0;
	store_loss_words(st, words, sizeof(words));
	return err_set(err, ERR_CORRUPT, "%s", words);
}
