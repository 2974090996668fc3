/*
 * dedupe_share.c: the room for remembered events is shared fairly. An endpoint
 * that writes most of what is remembered, beside others, gets partitions of
 * its own, and where room is short these go first: a flood at one endpoint
 * does not shorten how long the events of the others are remembered.
 */
#include "lib/log/dedupe_impl.h"

#include <string.h>

#define HEAVY_SHARE 4 /* 1/4 of the keys of the newest shared partition ... */
#define HEAVY_BYTES 4 /* ... when this has 1/4 of the room of a partition */

struct dedupe_part *
dedupe_newest(struct dedupe *dd, uint64_t endpoint_id)
{
	size_t i;

	for (i = dd->nparts; i-- > 0;)
		if (dd->parts[i].endpoint_id == endpoint_id)
			return &dd->parts[i];
	return NULL;
}

size_t
dedupe_row_parts(const struct dedupe *dd, uint64_t endpoint_id)
{
	size_t i, n = 0;

	for (i = 0; i < dd->nparts; i++)
		n += dd->parts[i].endpoint_id == endpoint_id;
	return n;
}

static uint64_t
row_bytes(const struct dedupe *dd, uint64_t endpoint_id)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < dd->nparts; i++)
		if (dd->parts[i].endpoint_id == endpoint_id)
			n += bdb_table_bytes(dd->parts[i].table);
	return n;
}

/* Is it the first partition of its row? */
static bool
begins_row(const struct dedupe *dd, size_t at)
{
	size_t i;

	for (i = 0; i < at; i++)
		if (dd->parts[i].endpoint_id == dd->parts[at].endpoint_id)
			return false;
	return true;
}

size_t
dedupe_rows(const struct dedupe *dd)
{
	size_t i, n = 0;

	for (i = 0; i < dd->nparts; i++)
		n += begins_row(dd, i);
	return n;
}

/* --- who writes most -------------------------------------------------------
 */

void
dedupe_forget_loads(struct dedupe *dd)
{
	memset(dd->loads, 0, sizeof(dd->loads));
	dd->load_keys = 0;
}

void
dedupe_count_load(struct dedupe *dd, uint64_t endpoint_id)
{
	struct dedupe_load *free_one = NULL;
	size_t i;

	dd->several =
	    dd->several ||
	    (dd->load_keys > 0 && dd->loads[0].endpoint_id != endpoint_id);
	dd->load_keys++;
	for (i = 0; i < DEDUPE_LOADS; i++) {
		if (dd->loads[i].keys == 0) {
			free_one = free_one == NULL ? &dd->loads[i] : free_one;
		} else if (dd->loads[i].endpoint_id == endpoint_id) {
			dd->loads[i].keys++;
			return;
		}
	}
	if (free_one != NULL) {
		free_one->endpoint_id = endpoint_id;
		free_one->keys = 1;
		return;
	}
	for (i = 0; i < DEDUPE_LOADS; i++)
		dd->loads[i].keys--;
}

uint64_t
dedupe_heaviest(struct dedupe *dd)
{
	const struct dedupe_part *shared = dedupe_newest(dd, DEDUPE_SHARED);
	const struct dedupe_load *most = &dd->loads[0];
	size_t i;

	if (!dd->several || shared == NULL ||
	    dedupe_rows(dd) > DEDUPE_OWN_MAX ||
	    bdb_table_bytes(shared->table) <
		dd->max / DEDUPE_PARTS_A_HORIZON / HEAVY_BYTES)
		return DEDUPE_SHARED;
	for (i = 1; i < DEDUPE_LOADS; i++)
		if (dd->loads[i].keys > most->keys)
			most = &dd->loads[i];
	if (most->keys < dd->load_keys / HEAVY_SHARE ||
	    dedupe_newest(dd, most->endpoint_id) != NULL)
		return DEDUPE_SHARED;
	return most->endpoint_id;
}

/* --- who gives way ---------------------------------------------------------
 */

/* Above its share of max the largest endpoint does; else what is shared. */
bool
dedupe_choose_row(struct dedupe *dd, uint64_t *endpoint_id)
{
	uint64_t share = dd->max / (dedupe_rows(dd) + 1), bytes, most = share;
	size_t i;

	*endpoint_id = DEDUPE_SHARED;
	for (i = 0; i < dd->nparts; i++) {
		if (dd->parts[i].endpoint_id == DEDUPE_SHARED ||
		    !begins_row(dd, i) ||
		    dedupe_row_parts(dd, dd->parts[i].endpoint_id) < 2)
			continue;
		bytes = row_bytes(dd, dd->parts[i].endpoint_id);
		if (bytes > most) {
			most = bytes;
			*endpoint_id = dd->parts[i].endpoint_id;
		}
	}
	return dedupe_row_parts(dd, *endpoint_id) > 1;
}
